// DPVS: commands of its ipvsadm and of dpip, and dpvs.conf.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "config/import/importer.h"
#include "config/import/ipvsadm.h"
#include "config/import/shell_words.h"

namespace lb::importer {

// What all files of one director add up to. Devices have their names there.
struct DpvsState {
  struct Address {
    Prefix prefix;
    std::string device;
    Place place;
    bool local = false;  // of FULLNAT (--add-laddr)
    bool deleted = false;
  };
  struct Route {
    Prefix destination;
    lb::Address via;  // 0.0.0.0: on the link
    std::string device;
    Place place;
    bool deleted = false;
  };
  struct Device {
    std::string name;
    std::uint16_t mtu = 0;  // 0: not said
    Place place;
  };

  IpvsadmState ipvsadm;
  bool has_conf = false;  // a dpvs.conf is among the files
  static std::string key_of(const lb::Address& address, const std::string& device) {
    return address.to_string() + ' ' + device;
  }
  std::vector<Address> addresses;
  std::unordered_map<std::string, std::size_t> address_index;  // by key_of()
  std::unordered_map<std::string, std::size_t> flushed;        // by device: those before this index
  std::vector<Route> routes;
  std::unordered_map<std::string, std::size_t> route_index;  // by destination
  std::unordered_map<std::string, std::string> vlans;        // "web" -> "dpdk0.100"
  std::vector<Device> devices;                               // of dpvs.conf
  std::unordered_set<std::string> slaves;                    // of bonding
};

// dpvs_command.cc: one command of DPVS's ipvsadm, without the name of the program.
void read_dpvs_ipvsadm(const std::vector<std::string>& words, const Place& place, DpvsState& state,
                       Context& context);
// dpvs_dpip.cc: likewise of dpip.
void read_dpip(const std::vector<std::string>& words, const Place& place, DpvsState& state,
               Context& context);
// dpvs_conf.cc: whether a file is a dpvs.conf, and what it has.
bool is_dpvs_conf(const File& file);
void read_dpvs_conf(const File& file, DpvsState& state, Context& context);
// dpvs_network.cc: ports, routes, and which port has which VIP. After all files.
void write_dpvs_network(DpvsState& state, Context& context);

}  // namespace lb::importer

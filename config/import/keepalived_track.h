// What an instance of VRRP watches: vrrp_script and vrrp_track_process become [[ha.script]], track_*
// becomes [[ha.instance.track]].
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "config/import/keepalived.h"

namespace lb::importer::keepalived {

class Tracks {
 public:
  // The scripts and processes of a file. Both outlive this.
  Tracks(Context& context, const Global& global) : context_(context), global_(global) {}
  void read_definitions(const Tree& tree);

  // Those of an instance into its table. `group`: the vrrp_sync_group that it is in, null without one.
  void read_instance(Table& instance, const Statement& block, const Statement* group);
  // Those of a group into the tables of all its members: their priorities have to stay equal.
  void read_group(const std::vector<Table*>& members, const Statement& block);

 private:
  struct Program {
    std::string script;  // its name here
    std::int64_t weight = 0;
    bool reverse = false;
  };
  using Programs = std::unordered_map<std::string, Program>;
  struct Track {
    const char* key;     // "script" or "interface"
    std::string target;  // the script here, or the interface there
    std::int64_t weight = 0;
    bool reverse = false;
    Place place;
    std::string keyword;  // "track_script"
  };

  void read_script(const Statement& block);
  void read_process(const Statement& block);
  std::vector<Track> tracks_of(const Statement& block);
  void add_track(std::vector<Track>& tracks, const Statement& from, const std::string& keyword);
  void read_weight(Track& track, const std::vector<std::string>& words, std::size_t from);
  bool find_program(Track& track, const Programs& programs, const std::string& what);
  void write(Table& instance, const Track& track);
  std::string unused_name(const std::string& wanted);

  Context& context_;
  const Global& global_;
  Programs scripts_;
  Programs processes_;
  std::unordered_set<std::string> names_;  // of scripts here
};

}  // namespace lb::importer::keepalived

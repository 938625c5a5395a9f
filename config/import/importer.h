// From the files of another load balancer to a configuration of this one. Pure but for the files that
// files name, which the caller reads (Options::read). Never throws, whatever the files hold, and
// takes time linear in them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/base/enum_names.h"
#include "config/base/result.h"
#include "config/import/context.h"

namespace lb::importer {

// The first line of what is written, behind "# ".
inline constexpr std::string_view kHeader = "Made by lbcli import.";

enum class Format : std::uint8_t {
  kKeepalived,
  kLdirectord,
  kHeartbeat,
  kIpvsadm,
  kDpvs,
  kLoxilb,
  kHaproxy
};
constexpr auto enum_names(Format) {
  return std::to_array<EnumName<Format>>({
      {"keepalived", Format::kKeepalived},
      {"ldirectord", Format::kLdirectord},
      {"heartbeat", Format::kHeartbeat},
      {"ipvsadm", Format::kIpvsadm},
      {"dpvs", Format::kDpvs},
      {"loxilb", Format::kLoxilb},
      {"haproxy", Format::kHaproxy},
  });
}

// One director.
struct Imported {
  std::string name;                     // of the file or node that it was imported from
  std::string text;                     // the configuration, as TOML
  std::vector<Note> notes;              // in the order of the files
  std::vector<std::string> to_fill_in;  // "port.device: the PCI address of eth0 (lspci)"
};

struct Import {
  std::vector<Imported> directors;  // one, or the two of a pair
  std::vector<Note> differences;    // between the two that break a pair
};

// An error: the files are not of this format at all, there are too many, or an option names a port
// that there is not.
Result<Import> import_files(Format format, const std::vector<File>& files, const Options& options);

// What docs/migration has, of a format.
std::string_view migration_page(Format format);  // "keepalived.md"
std::span<const Keyword> keywords_of(Format format);

// ---- One for each format: the directors that the files describe, before they are written.
struct Node {
  std::string name;
  Context context;
};
std::span<const Keyword> keepalived_keywords();
// Each file is one director.
Result<std::vector<Node>> import_keepalived(const std::vector<File>& files, const Options& options);

std::span<const Keyword> ldirectord_keywords();
// All files are one director's.
Result<std::vector<Node>> import_ldirectord(const std::vector<File>& files, const Options& options);
std::span<const Keyword> heartbeat_keywords();
// ha.cf, authkeys and haresources by their names; the others are ldirectord's.
Result<std::vector<Node>> import_heartbeat(const std::vector<File>& files, const Options& options);
std::span<const Keyword> ipvsadm_keywords();
// Each file with services is one director.
Result<std::vector<Node>> import_ipvsadm(const std::vector<File>& files, const Options& options);
std::span<const Keyword> dpvs_keywords();
// Likewise; without services in any of them all are one director's.
Result<std::vector<Node>> import_dpvs(const std::vector<File>& files, const Options& options);
std::span<const Keyword> loxilb_keywords();
// Each file with rules is one director.
Result<std::vector<Node>> import_loxilb(const std::vector<File>& files, const Options& options);
std::span<const Keyword> haproxy_keywords();
// All files are one director's, as those of `haproxy -f A -f B`.
Result<std::vector<Node>> import_haproxy(const std::vector<File>& files, const Options& options);

// compare.cc: what must be the same in both, and is not.
std::vector<Note> compare(const Node& first, const Node& second);

}  // namespace lb::importer

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/import/dpvs.h"

namespace lb::importer {
namespace {

// Options of dpip itself that take a word.
bool takes_word(const std::string& option) {
  return option == "-f" || option == "-i" || option == "-c" || option == "--family" ||
         option == "--interval" || option == "--count";
}

class DpipReader {
 public:
  DpipReader(const std::vector<std::string>& words, const Place& place, DpvsState& state,
             Context& context)
      : words_(words), place_(place), state_(state), context_(context) {}

  void read() {
    while (at_ < words_.size() && words_[at_].starts_with('-')) {
      ipv6_ |= words_[at_] == "-6" || words_[at_] == "--family=inet6" ||
               (takes_word(words_[at_]) && at_ + 1 < words_.size() && words_[at_ + 1] == "inet6");
      at_ += takes_word(words_[at_]) ? 2U : 1U;
    }
    if (at_ >= words_.size()) return error("dpip", "no object");
    const std::string object = words_[at_++];
    block_ = "dpip " + object;
    const Keyword* const known = context_.keyword("dpip", object, place_);
    if (known == nullptr) return;
    state_.ipvsadm.recognized = true;
    // The note of the object says it all.
    if (known->fate != Fate::kSame && known->fate != Fate::kOther) return;
    if (at_ >= words_.size()) return error("dpip " + object, "no command");
    verb_ = words_[at_++];
    if (verb_ == "list") verb_ = "show";
    if (verb_ == "change") verb_ = "set";
    const Keyword* const verb = context_.keyword(block_, verb_, place_);
    if (verb == nullptr || verb->fate == Fate::kNotNeeded) return;
    if (object == "addr") {
      address();
    } else if (object == "route") {
      route();
    } else if (object == "vlan") {
      vlan();
    } else if (object == "link") {
      link();
    }
  }

 private:
  void error(std::string keyword, std::string there, std::string here = "left out") {
    context_.note(Severity::kError, place_, std::move(keyword), std::move(there), std::move(here));
  }

  // "NAME VALUE" of the names with a value, names without one; the word that is left is the subject.
  bool arguments(std::initializer_list<std::string_view> with_value,
                 std::initializer_list<std::string_view> alone) {
    for (; at_ < words_.size(); ++at_) {
      const std::string& word = words_[at_];
      const bool has_value =
          std::find(with_value.begin(), with_value.end(), word) != with_value.end();
      if (has_value) {
        if (at_ + 1 == words_.size()) {
          error(block_ + ' ' + word, "its value is missing");
          return false;
        }
        values_[word] = words_[++at_];
        context_.keyword(block_, word, place_);
      } else if (std::find(alone.begin(), alone.end(), word) != alone.end()) {
        context_.keyword(block_, word, place_);
      } else if (subject_.empty()) {
        subject_ = word;
      } else {
        context_.keyword(block_, word, place_);
      }
    }
    return true;
  }

  std::string value(const std::string& name) const {
    const auto at = values_.find(name);
    return at == values_.end() ? "" : at->second;
  }

  // "dpdk0.kni" is the kernel's side of dpdk0; VLANs by their links.
  std::string device() const {
    std::string name = value("dev");
    if (name.ends_with(".kni")) name.resize(name.size() - 4);
    const auto vlan = state_.vlans.find(name);
    return vlan == state_.vlans.end() ? name : vlan->second;
  }

  std::optional<Prefix> prefix(const std::string& text) {
    if (text == "default" && !ipv6_) return Prefix(Address(), 0);
    const bool has_length = text.find('/') != std::string::npos;
    const auto parsed = Prefix::parse(has_length ? text : text + "/32");
    if (ipv6_ || text.find(':') != std::string::npos) {
      error(fmt::format("{} {}", block_, text), "of IPv6", "left out: there is no IPv6");
      return std::nullopt;
    }
    if (parsed) return *parsed;
    error(fmt::format("{} {}", block_, text), parsed.error().message);
    return std::nullopt;
  }

  void address() {
    if (!arguments({"dev", "scope", "broadcast", "valid_lft", "prefered_lft", "preferred_lft"},
                   {"sapool"})) {
      return;
    }
    if (verb_ == "flush") {
      state_.flushed[device()] = state_.addresses.size();
      return;
    }
    const auto wanted = prefix(subject_);
    if (!wanted) return;
    if (value("dev").empty()) return error(block_ + ' ' + subject_, "names no device (dev)");
    const std::string key = DpvsState::key_of(wanted->address, device());
    const auto known = state_.address_index.find(key);
    if (verb_ == "del") {
      if (known == state_.address_index.end()) {
        return error(block_ + " del " + subject_, "no such address up to here");
      }
      state_.addresses[known->second].deleted = true;
      state_.address_index.erase(known);
      return;
    }
    state_.address_index[key] = state_.addresses.size();
    state_.addresses.push_back({*wanted, device(), place_});
  }

  void route() {
    if (!arguments({"via", "dev", "tos", "mtu", "scope", "src", "metric", "proto"},
                   {"onlink", "local"})) {
      return;
    }
    if (verb_ == "flush") {
      state_.routes.clear();
      state_.route_index.clear();
      return;
    }
    const auto destination = prefix(subject_);
    if (!destination) return;
    const std::string key = destination->masked().to_string();
    const auto known = state_.route_index.find(key);
    if (verb_ == "del") {
      if (known == state_.route_index.end()) {
        return error(block_ + " del " + subject_, "no such route up to here");
      }
      state_.routes[known->second].deleted = true;
      state_.route_index.erase(known);
      return;
    }
    // To programs on the director: its kernel gets their packets anyway.
    if (value("scope") == "kni_host" || value("scope") == "host") return;
    DpvsState::Route out{destination->masked(), {}, device(), place_, false};
    if (!value("via").empty()) {
      const auto via = Address::parse(value("via"));
      if (!via || via->is_ipv6()) {
        return error(block_ + " via " + value("via"), "no IPv4 address");
      }
      out.via = *via;
    } else if (out.device.empty()) {
      return error(block_ + ' ' + subject_, "neither via nor dev");
    }
    if (known != state_.route_index.end()) {
      if (verb_ == "add") return error(block_ + ' ' + subject_, "is there already");
      state_.routes[known->second] = std::move(out);
      return;
    }
    state_.route_index.emplace(key, state_.routes.size());
    state_.routes.push_back(std::move(out));
  }

  void vlan() {
    if (!arguments({"link", "proto", "id"}, {})) return;
    if (verb_ != "add") return;
    const auto id = ipvs_number(value("id"), 4094, "dpip vlan id", place_, context_);
    if (value("link").empty() || !id || *id == 0) {
      return error("dpip vlan add", "a link and an id from 1 to 4094 belong to it");
    }
    if (value("proto") == "802.1ad" || value("proto") == "QinQ") {
      error("dpip vlan proto " + value("proto"), "a VLAN in a VLAN", "as 802.1q");
    }
    const std::string name = fmt::format("{}.{}", value("link"), *id);
    if (!subject_.empty()) state_.vlans[subject_] = name;
    context_.port(name, place_);
  }

  void link() {
    // The device, then "ITEM VALUE".
    for (at_ += 1; at_ < words_.size(); at_ += 2) context_.keyword(block_, words_[at_], place_);
  }

  const std::vector<std::string>& words_;
  const Place& place_;
  DpvsState& state_;
  Context& context_;
  std::size_t at_ = 0;
  bool ipv6_ = false;
  std::string block_;
  std::string verb_;
  std::string subject_;
  std::unordered_map<std::string, std::string> values_;
};

}  // namespace

void read_dpip(const std::vector<std::string>& words, const Place& place, DpvsState& state,
               Context& context) {
  DpipReader(words, place, state, context).read();
}

}  // namespace lb::importer

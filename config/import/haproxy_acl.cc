#include "config/import/haproxy_acl.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace lb::importer::haproxy {
namespace {

bool is_or(const std::string& word) {
  return word == "or" || word == "||" || word == "OR";
}

// "10.0.0.0/255.0.0.0" has its length behind the address, too.
std::optional<Prefix> prefix_of(const std::string& text) {
  const std::size_t slash = text.find('/');
  const auto address = Address::parse(text.substr(0, slash));
  if (!address || !address->is_ipv4()) return std::nullopt;
  Prefix prefix{*address, 32};
  if (slash != std::string::npos) {
    const std::string length = text.substr(slash + 1);
    auto bits = number(length);
    if (const auto mask = Ipv4Address::parse(length)) {
      bits = std::countl_one(mask->host());
      if (*bits < 32 && mask->host() << *bits != 0) return std::nullopt;
    }
    if (!bits || *bits < 0 || *bits > 32) return std::nullopt;
    prefix.length = static_cast<std::uint8_t>(*bits);
  }
  prefix.address = prefix.address.masked(prefix.length);
  return prefix;
}

// Of "sc0_conn_rate", "sc_conn_rate(0)", "src_conn_rate", "src_conn_rate(table)".
bool is_rate(const std::string& sample) {
  const std::string name = sample.substr(0, sample.find('('));
  return name == "src_conn_rate" || name == "sc_conn_rate" || name == "sc0_conn_rate" ||
         name == "sc1_conn_rate" || name == "sc2_conn_rate";
}

}  // namespace

Acls::Acls(Context& context, const Proxy& proxy, std::size_t& room)
    : context_(context), room_(room) {
  for (const Line* const line : proxy.all("acl")) named_[line->word(1)].push_back(line);
}

void Acls::add_value(const Line& line, const std::string& value, Clients& to) const {
  if (const auto prefix = prefix_of(value)) {
    to.prefixes.push_back(*prefix);
    return;
  }
  const bool is_ipv6 = value.find(':') != std::string::npos;
  context_.note(
      is_ipv6 ? Severity::kWarning : Severity::kError, line.place, "src", value,
      is_ipv6 ? "IPv6 is not forwarded yet; left out" : "no address and no network; left out");
}

// "src [-f FILE] [-n] [-m ip] [--] VALUE..."; false: it is about something else.
bool Acls::add(const Line& line, const Words& criterion, Clients& to) const {
  if (criterion.empty() || criterion[0] != "src") return false;
  bool has_flags = true;
  for (std::size_t i = 1; i < criterion.size(); ++i) {
    const std::string& word = criterion[i];
    if (has_flags && word.starts_with('-')) {
      has_flags = word != "--";
      if (word == "-f" && i + 1 < criterion.size()) to.files.push_back(criterion[i + 1]);
      if (word == "-f" || word == "-m" || word == "-u") ++i;
    } else {
      has_flags = false;
      if (room_ == 0) return false;
      --room_;
      add_value(line, word, to);
    }
  }
  return true;
}

bool Acls::add_named(const Line& line, const std::string& name, Clients& to) const {
  if (name == "TRUE") {
    to.all = true;
    return true;
  }
  const auto at = named_.find(name);
  if (at == named_.end()) {
    context_.note(Severity::kError, line.place, "acl", name, "there is no such acl");
    return false;
  }
  return std::all_of(at->second.begin(), at->second.end(), [&](const Line* const acl) {
    return add(*acl, {acl->words.begin() + 2, acl->words.end()}, to);
  });
}

std::optional<Clients> Acls::clients(const Line& line, std::size_t begin) const {
  Clients found;
  if (begin >= line.words.size()) {
    found.all = true;
    return found;
  }
  bool wants_or = false;
  std::size_t terms = 0;
  for (std::size_t i = begin + 1; i < line.words.size(); ++i) {
    std::string word = line.words[i];
    if (is_or(word)) {
      wants_or = false;
      continue;
    }
    // Two conditions in a row: both must hold.
    if (std::exchange(wants_or, true)) return std::nullopt;
    ++terms;
    bool negated = false;
    while (word.starts_with('!')) {
      negated = !negated;
      word = word.size() > 1 ? word.substr(1) : line.word(++i);
    }
    if (negated && (found.negated || terms > 1)) return std::nullopt;
    if (found.negated && !negated) return std::nullopt;
    found.negated = negated;
    if (word != "{") {
      if (!add_named(line, word, found)) return std::nullopt;
      continue;
    }
    Words criterion;
    for (++i; i < line.words.size() && line.words[i] != "}"; ++i)
      criterion.push_back(line.words[i]);
    if (!add(line, criterion, found)) return std::nullopt;
  }
  if (terms == 0) return std::nullopt;
  if (line.words[begin] == "unless") found.negated = !found.negated;
  if (found.all && found.negated) return std::nullopt;
  return found;
}

std::optional<Rate> Acls::rate(const Line& line, std::size_t begin) const {
  if (line.word(begin) != "if") return std::nullopt;
  Words words(line.words.begin() + static_cast<std::ptrdiff_t>(begin) + 1, line.words.end());
  if (words.size() == 1) {
    const auto at = named_.find(words[0]);
    if (at == named_.end() || at->second.size() != 1) return std::nullopt;
    const Line& acl = *at->second.front();
    words = {
        acl.words.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(2, acl.words.size())),
        acl.words.end()};
  } else if (words.size() == 5 && words.front() == "{" && words.back() == "}") {
    words = {words.begin() + 1, words.end() - 1};
  }
  if (words.size() != 3 || !is_rate(words[0])) return std::nullopt;
  const auto most = number(words[2]);
  if (!most || *most < 0) return std::nullopt;
  if (words[1] == "gt") return Rate{*most};
  if (words[1] == "ge" && *most > 0) return Rate{*most - 1};
  return std::nullopt;
}

}  // namespace lb::importer::haproxy

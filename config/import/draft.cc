#include "config/import/draft.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/base/printable.h"
#include "config/duration.h"
#include "config/placeholder.h"
#include "config/printer.h"

namespace lb::importer {
namespace {

// The order of the tables in a file.
constexpr auto kOrder = std::to_array<std::string_view>(
    {"director", "dataplane", "port", "route", "service", "ha", "health", "alert"});

std::size_t rank(const Table& table) {
  const auto at = std::find(kOrder.begin(), kOrder.end(), table.path());
  return static_cast<std::size_t>(at - kOrder.begin());
}

// As a string of TOML, which is UTF-8; '?' for bytes of the origin that are none.
std::string string_of(std::string_view text) {
  std::string good;
  while (!text.empty()) {
    const Character first = first_character(text);
    if (first.is_valid) {
      good += text.substr(0, first.bytes);
    } else {
      good += '?';
    }
    text.remove_prefix(first.bytes);
  }
  return config::quoted(good);
}

std::string list_of(const std::vector<std::string>& values) {
  std::string list = "[";
  for (const std::string& value : values) {
    if (list.size() > 1) list += ", ";
    list += string_of(value);
  }
  return list + ']';
}

class Writer {
 public:
  explicit Writer(std::vector<Place>& places) : places_(places) { places_.assign(1, Place{}); }

  void line(std::string_view text, const Place& place) {
    out_.append(text);
    out_ += '\n';
    places_.push_back(place);
  }

  void write(const Table& table) {
    const bool empty = table.keys().empty() && table.comments().empty();
    const bool needed = table.in_list() || !empty;
    if (!table.path().empty() && needed) {
      if (!out_.empty()) line("", {});
      for (const std::string& comment : table.comments()) comment_line(comment, table.place());
      if (!table.place().file.empty())
        comment_line("from " + table.place().to_string(), table.place());
      line(table.in_list() ? "[[" + table.path() + "]]" : '[' + table.path() + ']', table.place());
    }
    for (const Table::Key& key : table.keys()) {
      std::string text = fmt::format("{} = {}", key.name, key.value);
      if (!key.comment.empty()) text += "  # " + printable(key.comment);
      line(text, key.place.file.empty() ? table.place() : key.place);
    }
    std::vector<const Table*> children;
    for (const Table& child : table.tables()) children.push_back(&child);
    if (table.path().empty()) {
      std::stable_sort(children.begin(), children.end(),
                       [](const Table* a, const Table* b) { return rank(*a) < rank(*b); });
    } else {
      // What is of the whole first.
      std::stable_partition(children.begin(), children.end(),
                            [](const Table* each) { return !each->in_list(); });
    }
    for (const Table* child : children) write(*child);
  }

  void comment_line(std::string_view text, const Place& place) {
    line(text.empty() ? "#" : "# " + printable(text), place);
  }

  std::string take() { return std::move(out_); }

 private:
  // A comment is one line, whatever the origin's file holds.
  static std::string printable(std::string_view text) {
    std::string line(text);
    std::replace_if(
        line.begin(), line.end(),
        [](char c) {
          const auto byte = static_cast<unsigned char>(c);
          return byte < 0x20 || byte >= 0x7f;
        },
        '?');
    return line;
  }

  std::vector<Place>& places_;
  std::string out_;
};

}  // namespace

Table& Table::raw(std::string_view key, std::string value, Place place) {
  const auto at =
      std::find_if(keys_.begin(), keys_.end(), [&](const Key& each) { return each.name == key; });
  if (at == keys_.end()) {
    keys_.push_back({std::string(key), std::move(value), std::move(place), {}});
  } else {
    at->value = std::move(value);
    at->place = std::move(place);
  }
  return *this;
}

Table& Table::text(std::string_view key, std::string_view value, Place place) {
  return raw(key, string_of(value), std::move(place));
}

Table& Table::number(std::string_view key, std::int64_t value, Place place) {
  return raw(key, std::to_string(value), std::move(place));
}

Table& Table::boolean(std::string_view key, bool value, Place place) {
  return raw(key, value ? "true" : "false", std::move(place));
}

Table& Table::duration(std::string_view key, config::Milliseconds value, Place place) {
  return text(key, config::to_text(value), std::move(place));
}

Table& Table::texts(std::string_view key, const std::vector<std::string>& values, Place place) {
  raw(key, list_of(values), std::move(place));
  for (Key& each : keys_) {
    if (each.name == key) each.items = values;
  }
  return *this;
}

Table& Table::fill_in(std::string_view key, std::string_view what, Place place) {
  return text(key, config::placeholder(what), std::move(place));
}

Table& Table::fill_in_list(std::string_view key, std::string_view what, Place place) {
  return texts(key, {config::placeholder(what)}, std::move(place));
}

void Table::remove(std::string_view key) {
  std::erase_if(keys_, [&](const Key& each) { return each.name == key; });
}

Table& Table::comment(std::string line) {
  comments_.push_back(std::move(line));
  return *this;
}

Table& Table::comment_on(std::string_view key, std::string text) {
  for (Key& each : keys_) {
    if (each.name == key) each.comment = std::move(text);
  }
  return *this;
}

std::string Table::child_path(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + '.' + std::string(name);
}

Table& Table::table(std::string_view name, Place place) {
  const std::string path = child_path(name);
  for (Table& each : tables_) {
    if (each.path_ == path && !each.in_list_) return each;
  }
  return tables_.emplace_back(path, false, std::move(place));
}

Table& Table::add(std::string_view name, Place place) {
  return tables_.emplace_back(child_path(name), true, std::move(place));
}

Table& Table::copy_keys(const Table& like, std::initializer_list<std::string_view> without) {
  for (const Key& key : like.keys_) {
    if (std::find(without.begin(), without.end(), key.name) == without.end() &&
        value(key.name).empty())
      keys_.push_back(key);
  }
  return *this;
}

Table& Table::put_table(std::string_view name, const Table& like) {
  Table& made = table(name, like.place_);
  made.comments_ = like.comments_;
  made.keys_ = like.keys_;
  return made;
}

std::string_view Table::value(std::string_view key) const {
  for (const Key& each : keys_) {
    if (each.name == key) return each.value;
  }
  return {};
}

std::string Table::text_of(std::string_view key) const {
  const std::string_view written = value(key);
  if (written.size() < 2 || written.front() != '"') return {};
  std::string text;
  for (std::size_t i = 1; i + 1 < written.size(); ++i) {
    if (written[i] == '\\' && (written[i + 1] == '"' || written[i + 1] == '\\')) ++i;
    text += written[i];
  }
  return text;
}

std::vector<std::string> Table::texts_of(std::string_view key) const {
  for (const Key& each : keys_) {
    if (each.name == key) return each.items;
  }
  return {};
}

Place Table::place_of(std::string_view key) const {
  for (const Key& each : keys_) {
    if (each.name == key && !each.place.file.empty()) return each.place;
  }
  return place_;
}

std::string Draft::write(std::string_view header, std::vector<Place>& places) const {
  Writer writer(places);
  for (std::size_t begin = 0; begin < header.size();) {
    const std::size_t end = std::min(header.find('\n', begin), header.size());
    writer.comment_line(header.substr(begin, end - begin), {});
    begin = end + 1;
  }
  writer.write(root_);
  return writer.take();
}

}  // namespace lb::importer

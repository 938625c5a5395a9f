#include "config/printer.h"

#include <fmt/format.h>

#include "config/duration.h"
#include "config/pattern.h"

namespace lb::config {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{:04X}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

Printer::Printer(std::vector<PrintedTable>& tables, const Printer& around, std::string_view key,
                 bool in_list)
    : tables_(tables), table_(tables.size()), path_(around.path_) {
  if (!path_.empty()) path_ += '.';
  path_ += key;
  tables_.push_back({path_, in_list, {}});
}

void Printer::print(const Key& key, const std::function<std::string()>& value) {
  if (std::exchange(skip_next_, false) || !key.is_printed()) return;
  tables_[table_].keys.push_back({std::string(key.name), value(), key.is_secret});
}

void Printer::on_text(const Key& key, std::string& value) {
  print(key, [&] { return quoted(value); });
}

void Printer::on_boolean(const Key& key, bool& value) {
  print(key, [&] { return value ? "true" : "false"; });
}

void Printer::on_number(const Key& key, std::int64_t& value, std::int64_t, std::int64_t) {
  print(key, [&] { return std::to_string(value); });
}

void Printer::on_duration(const Key& key, Milliseconds& value, Milliseconds, Milliseconds) {
  print(key, [&] { return quoted(to_text(value)); });
}

void Printer::on_choice(const Key& key, std::size_t& index,
                        std::span<const std::string_view> names) {
  print(key, [&] { return quoted(names[index]); });
}

void Printer::on_statuses(const Key& key, StatusSet& value) {
  print(key, [&] {
    const bool single = value.size() == 1 && value[0].first == value[0].second;
    return single ? std::to_string(value[0].first) : quoted(print_statuses(value));
  });
}

void Printer::on_form(const Key& key, const Wording&, const FormAccess& access) {
  print(key, [&] { return quoted(access.print()); });
}

void Printer::on_list(const Key& key, const Wording&, const ListAccess& access) {
  print(key, [&] {
    std::string list = "[";
    const std::size_t size = access.size();
    for (std::size_t i = 0; i < size; ++i) {
      if (i > 0) list += ", ";
      list += quoted(access.print(i));
    }
    return list + ']';
  });
}

void Printer::on_table(const Key& key, const TableKeys& keys) {
  if (!key.is_printed()) return;
  Printer table(tables_, *this, key.name, false);
  keys(table);
}

void Printer::on_tables(std::string_view key, std::size_t count, const TablesKeys& keys) {
  for (std::size_t i = 0; i < count; ++i) {
    Printer table(tables_, *this, key, true);
    keys(table, i);
  }
}

}  // namespace lb::config

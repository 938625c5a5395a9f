// The canonical form of a configuration, table by table: what print() writes and diff() compares.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/visitor.h"

namespace lb::config {

struct PrintedKey {
  std::string name;
  std::string value;  // as TOML
  bool is_secret = false;
};

struct PrintedTable {
  std::string path;  // "service.real_server"
  bool in_list = false;
  std::vector<PrintedKey> keys;
};

// As a TOML basic string.
std::string quoted(std::string_view text);

std::vector<PrintedTable> print_tables(Config config);

// Appends what it visits; the tables in a table after it. Changes nothing.
class Printer : public Visitor {
 public:
  // Of the file as a whole.
  explicit Printer(std::vector<PrintedTable>& tables) : tables_(tables) {}

  Visitor& printed_if(bool condition) override {
    skip_next_ = !condition;
    return *this;
  }

 private:
  Printer(std::vector<PrintedTable>& tables, const Printer& around, std::string_view key,
          bool in_list);

  void on_text(const Key& key, std::string& value) override;
  void on_boolean(const Key& key, bool& value) override;
  void on_number(const Key& key, std::int64_t& value, std::int64_t min, std::int64_t max) override;
  void on_duration(const Key& key, Milliseconds& value, Milliseconds min,
                   Milliseconds max) override;
  void on_choice(const Key& key, std::size_t& index,
                 std::span<const std::string_view> names) override;
  void on_statuses(const Key& key, StatusSet& value) override;
  void on_form(const Key& key, const Wording& wording, const FormAccess& access) override;
  void on_list(const Key& key, const Wording& wording, const ListAccess& access) override;
  void without_meaning(std::string_view, const Why&, const Keys&) override {}
  void on_table(const Key& key, const TableKeys& keys) override;
  void on_tables(std::string_view key, std::size_t count, const TablesKeys& keys) override;

  void print(const Key& key, const std::function<std::string()>& value);

  std::vector<PrintedTable>& tables_;
  std::size_t table_ = 0;  // in tables_, but of the file as a whole
  std::string path_;
  bool skip_next_ = false;
};

}  // namespace lb::config

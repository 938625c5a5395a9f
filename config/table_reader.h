// Reads one table of the tree, key by key, and reports every mistake in it: a key that is missing,
// unknown or not of its type, a value out of its range.
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/toml_tree.h"
#include "config/visitor.h"

namespace lb::config {

// What reading a file has found out, shared by all its tables.
struct ReadReport {
  std::vector<Mistake> mistakes;
  // Paths of what had mistakes, "service[3].check": what is checked across tables leaves them out.
  std::set<std::string> spoiled;
};

// Leaves a value as it is when its key is absent or wrong.
class TableReader : public Visitor {
 public:
  // `path` is the place of the table: "" for the file, "dataplane", "service[3].check".
  TableReader(ReadReport& report, const Node& node, std::string path);

  bool reading() const override { return true; }
  bool given(std::string_view key) const override { return node_.find(key) != nullptr; }
  bool spoiled(std::string_view key) const override;
  void refuse(std::string_view key, const std::string& message) override;
  Visitor& printed_if(bool) override { return *this; }

  // Reports keys that are missing, unknown or without meaning. Call last.
  void finish();

 private:
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
  void without_meaning(std::string_view by, const Why& why, const Keys& keys) override;
  void on_table(const Key& key, const TableKeys& keys) override;
  void on_tables(std::string_view key, std::size_t count, const TablesKeys& keys) override;
  Location where() const override { return node_.where; }

  // The key's value; null when it is absent or of another kind, which is reported. `example` says
  // how to write one.
  const Node* find(const Key& key, Node::Kind kind, std::string_view example);
  const Node* table(const Key& key);
  std::span<const Node> tables(std::string_view key);
  std::string path_of(std::string_view key) const;
  bool is_known(std::string_view key) const;
  void know(std::string_view key);
  void mistake(Location where, std::string message);
  // In the key's value.
  void mistake(std::string_view key, Location where, std::string message);

  ReadReport& report_;
  const Node& node_;
  std::string path_;
  std::vector<std::string_view> known_;
  struct Missing {
    std::string_view key;
    std::string message;
  };
  std::vector<Missing> missing_;
  std::vector<std::string_view> spoiled_;  // keys with mistakes
  struct Condition {
    std::string_view by;
    const Why& why;
  };
  const Condition* without_meaning_ = nullptr;  // the keys that come now
  struct Meaningless {
    std::string_view by;
    Location where;
    std::string message;
  };
  std::vector<Meaningless> meaningless_;
};

}  // namespace lb::config

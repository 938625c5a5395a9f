#include "config/key_lister.h"

#include <fmt/format.h>

#include "config/describe.h"
#include "config/duration.h"
#include "config/pattern.h"

namespace lb::config {
namespace {

class KeyLister : public Visitor {
 public:
  explicit KeyLister(std::vector<ListedTable>& tables) : tables_(tables) {}
  KeyLister(std::vector<ListedTable>& tables, std::string path, bool in_list)
      : tables_(tables), table_(tables.size()), path_(std::move(path)) {
    tables_.push_back({path_, in_list, {}});
  }

  Visitor& printed_if(bool) override { return *this; }

 private:
  void add(const Key& key, std::string values, std::string default_value) {
    tables_[table_].keys.push_back({std::string(key.name), std::move(values),
                                    key.presence == Presence::kRequired, key.is_secret,
                                    std::move(default_value)});
  }

  void on_text(const Key& key, std::string& value) override { add(key, "text", quoted(value)); }
  void on_boolean(const Key& key, bool& value) override {
    add(key, "`true` or `false`", value ? "true" : "false");
  }
  void on_number(const Key& key, std::int64_t& value, std::int64_t min, std::int64_t max) override {
    add(key, fmt::format("{} to {}", min, max), std::to_string(value));
  }
  void on_duration(const Key& key, Milliseconds& value, Milliseconds min,
                   Milliseconds max) override {
    add(key, fmt::format("`\"{}\"` to `\"{}\"`", to_text(min), to_text(max)),
        quoted(to_text(value)));
  }
  void on_choice(const Key& key, std::size_t& index,
                 std::span<const std::string_view> names) override {
    std::string values;
    for (const std::string_view name : names) {
      values += fmt::format("{}`\"{}\"`", values.empty() ? "" : ", ", name);
    }
    add(key, values, quoted(names[index]));
  }
  void on_statuses(const Key& key, StatusSet& value) override {
    add(key, fmt::format("{} to {}, or a text with several", kLowestStatus, kHighestStatus),
        print_statuses(value));
  }
  void on_form(const Key& key, const Wording& wording, const FormAccess& access) override {
    add(key, std::string(wording.kind),
        key.presence == Presence::kDefaulted ? quoted(access.print()) : "\"\"");
  }
  void on_list(const Key& key, const Wording& wording, const ListAccess&) override {
    add(key, fmt::format("list of {}", wording.kind), "[]");
  }
  void without_meaning(std::string_view, const Why&, const Keys& keys) override { keys(); }

  void on_table(const Key& key, const TableKeys& keys) override { visit(key.name, false, keys); }
  void on_tables(std::string_view key, std::size_t, const TablesKeys& keys) override {
    visit(key, true, [&](Visitor& table) { keys(table, 0); });
  }

  void visit(std::string_view key, bool in_list, const TableKeys& keys) {
    const std::string path = path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
    KeyLister table(tables_, path, in_list);
    keys(table);
  }

  static std::string quoted(std::string_view text) { return fmt::format("\"{}\"", text); }

  std::vector<ListedTable>& tables_;
  std::size_t table_ = 0;
  std::string path_;
};

}  // namespace

std::vector<ListedTable> list_keys() {
  std::vector<ListedTable> tables;
  Config config;
  KeyLister lister(tables);
  describe(lister, config);
  return tables;
}

}  // namespace lb::config

#include "controlplane/view/reference.h"

#include <fmt/format.h>

#include <set>
#include <string_view>
#include <type_traits>
#include <utility>

#include "controlplane/view/alerts_fields.h"
#include "controlplane/view/checks_fields.h"
#include "controlplane/view/conn_table_fields.h"
#include "controlplane/view/conns_fields.h"
#include "controlplane/view/field.h"
#include "controlplane/view/ha_fields.h"
#include "controlplane/view/rates_fields.h"
#include "controlplane/view/services_fields.h"
#include "controlplane/view/sync_fields.h"
#include "controlplane/view/workers_fields.h"

namespace lb::view {
namespace {

constexpr std::string_view kHead =
    R"(# Fields: every key of `lbcli show ... --json`

What scripts read. Keys are never renamed and keep their type; new ones may come. `[]` is each element of a list. A `counter`
only goes up while the daemon that keeps it runs; every other number may go down. `column` is the heading under which the output
without `--json` shows the field, as it is or in a form for people.

This page is made of the code (controlplane/view/*_fields.h): change that, not this page.
)";

template <typename T>
struct Element {
  using Type = T;
  static constexpr bool kIsList = false;
};
template <typename T>
struct Element<std::vector<T>> {
  using Type = T;
  static constexpr bool kIsList = true;
};
template <typename T>
struct Element<std::optional<T>> : Element<T> {};

template <typename T>
std::string_view type_name() {
  if constexpr (RowType<T>) return "object";
  if constexpr (std::is_same_v<T, bool>) return "boolean";
  return std::is_arithmetic_v<T> ? "number" : "text";
}

class Generator {
 public:
  template <RowType Answer>
  void section(std::string_view command, Answers in = kInAll, bool list = false) {
    command_ = command;
    reference_.page += fmt::format(
        "\n## `lbcli {} --json`\n\n| key | type | unit | column | meaning "
        "|\n|---|---|---|---|---|\n",
        command);
    keys_of<Answer>({.prefix = list ? "[]." : "", .in = in});
  }
  Reference result() && { return std::move(reference_); }

 private:
  struct Place {
    std::string prefix;
    Answers in = kInAll;
    bool left_out = false;  // of an inlined row that may be none
    bool columns = true;
  };

  template <RowType Row>
  void keys_of(const Place& place) {
    for_each_field<Row>([&](const auto& entry) {
      using Entry = std::remove_cvref_t<decltype(entry)>;
      if constexpr (kIsInlined<Entry>) {
        if ((entry.in & place.in) == 0) return;
        // Trees have the columns of traffic; `show rs` is a table, and has its own.
        keys_of<typename Element<typename Entry::Member>::Type>(
            {.prefix = place.prefix,
             .in = place.in,
             .left_out = kIsOptional<typename Entry::Member>,
             .columns = place.in != kInRs});
      } else if constexpr (!kIsColumn<Entry>) {
        if (entry.about.in & place.in) key(place, entry);
      }
    });
  }

  template <typename Row, typename T>
  void key(const Place& place, const Field<Row, T>& field) {
    using Type = typename Element<T>::Type;
    const About<Row>& about = field.about;
    const std::string path = fmt::format("{}{}", place.prefix, field.name);
    std::string type = Element<T>::kIsList ? fmt::format("list of {}s", type_name<Type>())
                       : about.counter     ? "counter"
                                           : std::string(type_name<Type>());
    const bool left_out = about.without == Without::kLeftOut;
    if (kIsOptional<T> && !left_out) type += " or `null`";
    if (left_out || place.left_out) type += ", may be left out";
    reference_.page += fmt::format("| `{}` | {} | {} | {} | {} |\n", path, type, about.unit,
                                   place.columns ? about.heading : "", field.help);
    check(path, field.name, about.unit, field.help);
    if constexpr (RowType<Type>) {
      keys_of<Type>({.prefix = path + (Element<T>::kIsList ? "[]." : "."), .in = place.in});
    }
  }

  void check(const std::string& path, std::string_view name, std::string_view unit,
             std::string_view help) {
    const auto expect = [&](bool good, std::string_view what) {
      if (!good) reference_.mistakes.push_back(fmt::format("{}: {}: {}", command_, path, what));
    };
    expect(keys_.insert(fmt::format("{} {}", command_, path)).second, "the key is there twice");
    expect(help.ends_with('.'), "the meaning is no sentence");
    expect((unit == "ms") == name.ends_with("_ms"), "name and unit differ in ms");
    expect((unit == "bytes") == (name.find("bytes") != std::string_view::npos),
           "name and unit differ in bytes");
    expect(unit == "percent" || !name.ends_with("_percent"), "name and unit differ in percent");
    expect(unit.ends_with("/s") || !name.ends_with("_per_s"), "name and unit differ in /s");
  }

  Reference reference_;
  std::string command_;
  std::set<std::string> keys_;
};

}  // namespace

Reference make_reference() {
  Generator generator;
  generator.section<Services>("show service", kInService);
  generator.section<ConnRow>("show conn", kInAll, true);
  generator.section<PersistenceRow>("show persistence", kInAll, true);
  generator.section<RealServers>("show rs", kInRs);
  generator.section<Checks>("show check");
  generator.section<Ports>("show port");
  generator.section<Workers>("show lcore");
  generator.section<WorkerRates>("show lcore --rate");
  generator.section<Statistics>("show stats", kInStats);
  generator.section<Rates>("show stats --rate");
  generator.section<Drops>("show drops");
  generator.section<Punts>("show punt");
  generator.section<ConnTableUse>("show table");
  generator.section<Ha>("show ha");
  generator.section<Sync>("show sync");
  generator.section<Alerts>("show alert");
  Reference reference = std::move(generator).result();
  reference.page.insert(0, kHead);
  return reference;
}

}  // namespace lb::view

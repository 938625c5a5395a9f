#include "controlplane/view/as_json.h"

#include <type_traits>

#include "config/base/printable.h"
#include "controlplane/view/alerts_fields.h"
#include "controlplane/view/checks_fields.h"
#include "controlplane/view/conn_table_fields.h"
#include "controlplane/view/conns_fields.h"
#include "controlplane/view/field.h"
#include "controlplane/view/ha_fields.h"
#include "controlplane/view/json_value.h"
#include "controlplane/view/rates_fields.h"
#include "controlplane/view/services_fields.h"
#include "controlplane/view/sync_fields.h"
#include "controlplane/view/workers_fields.h"

namespace lb::view {
namespace {

template <RowType Row>
Json object_of(const Row& row, Answers in);

template <typename T>
Json value_of(const T& value, Answers in) {
  if constexpr (kIsOptional<T>) {
    return value ? value_of(*value, in) : Json(nullptr);
  } else if constexpr (RowType<T>) {
    return object_of(value, in);
  } else if constexpr (requires {
                         typename T::value_type;
                         requires RowType<typename T::value_type>;
                       }) {
    Json list = Json::array();
    for (const auto& row : value) list.push_back(object_of(row, in));
    return list;
  } else {
    return value;
  }
}

template <RowType Row>
void put_fields(const Row& row, Answers in, Json& out) {
  for_each_field<Row>([&](const auto& entry) {
    using Entry = std::remove_cvref_t<decltype(entry)>;
    if constexpr (kIsInlined<Entry>) {
      if ((entry.in & in) == 0) return;
      if constexpr (kIsOptional<typename Entry::Member>) {
        if (row.*entry.member) put_fields(*(row.*entry.member), in, out);
      } else {
        put_fields(row.*entry.member, in, out);
      }
    } else if constexpr (!kIsColumn<Entry>) {
      if ((entry.about.in & in) == 0) return;
      if constexpr (kIsOptional<typename Entry::Member>) {
        if (entry.about.without == Without::kLeftOut && !(row.*entry.member)) return;
      }
      out[std::string(entry.name)] = value_of(row.*entry.member, in);
    }
  });
}

template <RowType Row>
Json object_of(const Row& row, Answers in) {
  Json out = Json::object();
  put_fields(row, in, out);
  return out;
}

}  // namespace

std::string print(const Json& json) {
  return printable_json(json.dump(2, ' ', false, Json::error_handler_t::replace)) + '\n';
}

std::string print_line(const Json& json) {
  return printable_json(json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string as_json(const Alerts& answer) {
  return print(object_of(answer, kInAll));
}
std::string as_json(const Checks& answer) {
  return print(object_of(answer, kInAll));
}
std::string as_json(const ConnTableUse& answer) {
  return print(object_of(answer, kInAll));
}
std::string as_json(const Drops& answer) {
  return print(object_of(answer, kInAll));
}
std::string as_json(const Ha& answer) {
  return print(object_of(answer, kInAll));
}
std::string as_json(const Ports& answer) {
  return print(object_of(answer, kInAll));
}
std::string as_json(const Punts& answer) {
  return print(object_of(answer, kInAll));
}
std::string as_json(const RealServers& answer) {
  return print(object_of(answer, kInRs));
}
std::string as_json(const Services& answer) {
  return print(object_of(answer, kInService));
}
std::string as_json(const Statistics& answer) {
  return print(object_of(answer, kInStats));
}
std::string as_json(const Sync& answer) {
  return print(object_of(answer, kInAll));
}
std::string as_json(const Workers& answer) {
  return print(object_of(answer, kInAll));
}

std::string as_json(const Rates& sample) {
  return print_line(object_of(sample, kInAll)) + '\n';
}
std::string as_json(const WorkerRates& sample) {
  return print_line(object_of(sample, kInAll)) + '\n';
}

void append_json(const ConnRow& row, std::string& out) {
  out += print_line(object_of(row, kInAll));
}
void append_json(const PersistenceRow& row, std::string& out) {
  out += print_line(object_of(row, kInAll));
}

}  // namespace lb::view

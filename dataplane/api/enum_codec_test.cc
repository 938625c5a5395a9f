#include "dataplane/api/enum_codec.h"

#include <gtest/gtest.h>

#include <cctype>
#include <string>

namespace lb {
namespace {

// "wrr" is WRR in messages.
std::string upper(std::string_view name) {
  std::string out;
  for (const char c : name) {
    out += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return out;
}

// Both tables name the same values: whoever adds one to either side has to add it to the other.
template <NamedEnum E, typename Descriptor>
void expect_same_values(const Descriptor& messages, const std::string& what) {
  using ApiEnum = decltype(to_api(E{}));
  for (const auto& [name, value] : kEnumNames<E>) {
    const ApiEnum there = to_api(value);
    const auto* const entry = messages.FindValueByNumber(there);
    ASSERT_NE(entry, nullptr) << what << ' ' << name;
    EXPECT_EQ(entry->name(), upper(name)) << what;
    EXPECT_EQ(from_api(there).value(), value) << what;
    EXPECT_EQ(name_in(there), name) << what;
  }
  for (int i = 0; i < messages.value_count(); ++i) {
    const auto& entry = *messages.value(i);
    const bool unspecified = entry.name() == upper(what) + "_UNSPECIFIED";
    const auto known = from_api(static_cast<ApiEnum>(entry.number()));
    EXPECT_EQ(known.has_value(), !unspecified) << what << ' ' << entry.name();
  }
  const auto none = static_cast<ApiEnum>(99);
  ASSERT_FALSE(from_api(none));
  EXPECT_EQ(from_api(none).error().message, "unknown " + what + " 99");
  EXPECT_EQ(name_in(none), "?");
}

TEST(EnumCodec, EveryValueHasTheSameNameAndNumberOnBothSides) {
  expect_same_values<Protocol>(*api::Protocol_descriptor(), "protocol");
  expect_same_values<Mode>(*api::Mode_descriptor(), "mode");
  expect_same_values<Scheduler>(*api::Scheduler_descriptor(), "scheduler");
  expect_same_values<OnServerDown>(*api::OnServerDown_descriptor(), "on_server_down");
  expect_same_values<AntiSpoof>(*api::AntiSpoof_descriptor(), "anti_spoof");
}

}  // namespace
}  // namespace lb

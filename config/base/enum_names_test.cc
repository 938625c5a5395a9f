#include "config/base/enum_names.h"

#include <gtest/gtest.h>

#include <set>

#include "config/base/service_enums.h"

namespace lb {
namespace {

template <NamedEnum E>
void expect_one_name_each() {
  std::set<std::string_view> names;
  std::set<E> values;
  for (const auto& [name, value] : kEnumNames<E>) {
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_TRUE(values.insert(value).second) << name;
    EXPECT_EQ(name_of(value), name);
    EXPECT_EQ(from_name<E>(name), value);
  }
}

TEST(EnumNames, EveryValueHasOneName) {
  expect_one_name_each<Protocol>();
  expect_one_name_each<Mode>();
  expect_one_name_each<Scheduler>();
  expect_one_name_each<OnServerDown>();
}

TEST(EnumNames, HasNoNameForAnInvalidValue) {
  EXPECT_EQ(name_of(static_cast<Mode>(99)), "");
  EXPECT_EQ(from_name<Mode>("tun"), std::nullopt);
  EXPECT_EQ(from_name<Mode>(""), std::nullopt);
  EXPECT_EQ(from_name<Mode>("NAT"), std::nullopt);
}

}  // namespace
}  // namespace lb

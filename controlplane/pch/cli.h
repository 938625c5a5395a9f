// What most of lbcli includes, compiled once.
#include <fmt/format.h>
#include <google/protobuf/message.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

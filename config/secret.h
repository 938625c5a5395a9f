// What of a configuration is shown to nobody: the values of keys that a description calls secret()
// (visitor.h), and passwords in URLs. Pure.
//
// The canonical form (load.h) has the values: it is compared and sent to the HA peer, never shown.
#pragma once

#include <string>
#include <string_view>

namespace lb::config {

// In place of a value.
inline constexpr std::string_view kSecretShown = "(secret)";

// Whether a key of this name, or one that this is a misspelling of, is secret in any table.
bool may_be_secret(std::string_view key);

// "https://user:***@host/" for "https://user:password@host/", wherever it stands in `text`.
std::string without_passwords(std::string text);

}  // namespace lb::config

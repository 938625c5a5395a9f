// What checks ask, of each kind. The tables are empty before.
#pragma once

#include <string>

#include "config/import/haproxy.h"

namespace lb::importer::haproxy {

// "option httpchk" with "http-check".
void http_check(Context& context, const Proxy& backend, const Line& option, Table& check);
// "option tcp-check" with "tcp-check".
void tcp_check(Context& context, const Proxy& backend, const Line& option, Table& check);
void ssl_hello_check(Table& check);

// "tcp-check connect" or "http-check connect", of the kind of check that the backend has; null: none.
const Line* check_connect(const Proxy& backend);
// The word behind another one: "443" of "port 443". Empty: none.
std::string value_behind(const Line& line, std::string_view name);

// A regular expression for just this text.
std::string literal_pattern(std::string_view text);
// Bytes as `send` writes them.
std::string escaped(std::string_view bytes);

}  // namespace lb::importer::haproxy

// How values of several tables are written in the file.
#pragma once

#include <string>

#include "config/visitor.h"

namespace lb::config {

extern const Form<Address> kAddressForm;
extern const Form<Endpoint> kEndpointForm;
extern const Form<Endpoint> kPortOptionalForm;  // also an address alone
extern const Form<MacAddress> kMacForm;
extern const Form<std::string> kAnyTextForm;       // unlike Visitor::text() it may be empty
extern const Form<std::string> kAbsolutePathForm;  // or empty
extern const Form<std::string> kBytesForm;         // text with escapes
extern const Form<std::string> kPatternForm;       // a regular expression

extern const ListForm<Prefix> kPrefixesForm;  // addresses with the length of their subnet
extern const ListForm<Address> kAddressesForm;

}  // namespace lb::config

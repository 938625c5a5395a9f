// Every table of the configuration file, key by key: name, kind, default (the value that the member
// has), limits. The order is that of print().
//
// A new key is a line in one of the describe*.cc, beside its member in model.h; what must hold
// across keys is validate.h's.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "config/visitor.h"

namespace lb::config {

// The whole file. `file` is the visitor of what is outside of all tables.
void describe(Visitor& file, Config& config);

// describe_service.cc. `common` is what services without time-outs of their own have.
void describe_services(Visitor& file, std::vector<Service>& services, const ConnTimeouts& common);

// describe_check.cc
void describe(Visitor& table, Check& check);
void describe(Visitor& table, AgentCheck& agent);

// describe_ha.cc
void describe(Visitor& table, Ha& ha);

// describe_alert.cc
void describe(Visitor& table, Alert& alert);

// describe.cc. All keys, or those of a service of `protocol`.
void describe(Visitor& table, ConnTimeouts& timeouts, std::optional<Protocol> protocol);

}  // namespace lb::config

#include "dataplane/control/persistence.h"

#include <algorithm>
#include <array>

#include "config/base/nearest.h"
#include "dataplane/api/address_codec.h"
#include "dataplane/control/conns.h"

namespace lb {

namespace {

Result<std::uint32_t> scope_of_service(const std::string& name, const Snapshot& snapshot) {
  for (const ServiceEntry& service : snapshot.services) {
    if (!service.configured || service.name != name) continue;
    if (service.persistence.scope != 0) return service.persistence.scope;
    return wrong_request("service " + name + " has no persistence");
  }
  return tl::make_unexpected(unknown_service(name, snapshot));
}

Result<std::uint32_t> scope_of_group(const std::string& name, const Snapshot& snapshot) {
  std::vector<std::string_view> known;
  for (const ServiceEntry& service : snapshot.services) {
    if (service.persistence.scope == 0 || service.persistence.group.empty()) continue;
    if (service.persistence.group == name) return service.persistence.scope;
    known.push_back(service.persistence.group);
  }
  return wrong_request(
      unknown_name("group", name, known, "group is a key of services with persistence"));
}

// The service by which the client came last, if it is still what it was then.
const ServiceEntry* service_of(const PersistRow& row, const Snapshot& snapshot) {
  if (row.service >= snapshot.services.size()) return nullptr;
  const ServiceEntry& service = snapshot.services[row.service];
  return service.persistence.scope == row.key.scope ? &service : nullptr;
}

bool overlap(const Ipv4Prefix& a, const Ipv4Prefix& b) {
  return a.length < b.length ? a.contains(b.address) : b.contains(a.address);
}

void fill(const PersistRow& row, const ServiceEntry& service, std::uint32_t now_tick,
          api::PersistenceEntry& out) {
  out.set_client(to_bytes({row.key.client}));
  out.set_client_prefix(service.persistence.prefix);
  out.set_service(service.name);
  out.set_group(service.persistence.group);
  out.set_real_server(to_bytes({row.server.address}));
  out.set_real_server_port(row.server.port.host());
  const auto left = static_cast<std::int32_t>(row.expires - now_tick);
  out.set_expires_ms(static_cast<std::uint64_t>(std::max(left, 0)) * kTickMs);
  out.set_from_peer(row.imported);
}

}  // namespace

Result<PersistenceCursor> PersistenceCursor::make(const api::PersistenceRequest& request,
                                                  PersistTable& table, const Snapshot& snapshot) {
  PersistenceCursor cursor(table);
  cursor.flush_ = request.flush();
  if (!request.service().empty()) {
    const auto scope = scope_of_service(request.service(), snapshot);
    if (!scope) return tl::make_unexpected(scope.error());
    cursor.scope_ = *scope;
  }
  if (!request.group().empty()) {
    const auto scope = scope_of_group(request.group(), snapshot);
    if (!scope) return tl::make_unexpected(scope.error());
    if (cursor.scope_ != 0 && cursor.scope_ != *scope) {
      return wrong_request("service " + request.service() + " is not of group " + request.group());
    }
    cursor.scope_ = *scope;
  }
  if (!request.client().empty()) {
    const auto address = to_ipv4_address(request.client());
    if (!address) return wrong_request("client: " + address.error().message);
    if (request.client_prefix() > 32) return wrong_request("client: a prefix has at most 32 bits");
    const auto length = static_cast<std::uint8_t>(request.client_prefix());
    cursor.by_client_ = true;
    cursor.client_ = {*address, length == 0 ? std::uint8_t{32} : length};
  }
  return cursor;
}

bool PersistenceCursor::matches(const PersistRow& row, const Snapshot& snapshot) const {
  if (scope_ != 0 && row.key.scope != scope_) return false;
  const ServiceEntry* const service = service_of(row, snapshot);
  if (service == nullptr) return false;
  return !by_client_ ||
         overlap(client_, {Ipv4Address{row.key.client}, service->persistence.prefix});
}

api::Response PersistenceCursor::next(const Snapshot& snapshot, std::uint32_t now_tick) {
  api::Response response;
  auto& part = *response.mutable_persistence();
  if (!table_->ready()) return response;
  std::uint64_t flushed = 0;
  int slices = 0;
  do {
    if (flush_) {
      cursor_ = table_->flush(cursor_, now_tick, flushed,
                              [&](const PersistRow& row) { return matches(row, snapshot); });
    } else {
      std::array<PersistRow, PersistTable::kSlice> rows;
      const std::size_t count = table_->read(cursor_, now_tick, rows);
      for (std::size_t i = 0; i < count; ++i) {
        if (!matches(rows[i], snapshot)) continue;
        fill(rows[i], *service_of(rows[i], snapshot), now_tick, *part.add_entries());
      }
    }
  } while (cursor_ != 0 && ++slices < kSlices && part.entries_size() < kRows);
  part.set_flushed(flushed);
  response.set_more(cursor_ != 0);
  return response;
}

}  // namespace lb

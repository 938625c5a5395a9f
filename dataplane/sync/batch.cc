#include "dataplane/sync/batch.h"

#include <algorithm>
#include <cstring>

#include "dataplane/packet/flow.h"

namespace lb {
namespace {

constexpr std::uint8_t kModes = 2;  // of service/snapshot.h: NAT and DR

template <typename T>
char* put(char* at, const T& value) {
  std::memcpy(at, &value, sizeof(value));
  return at + sizeof(value);
}
template <typename T>
const char* get(const char* at, T& value) {
  std::memcpy(&value, at, sizeof(value));
  return at + sizeof(value);
}

char* put_key(char* at, const SyncEntry& entry) {
  at = put(at, entry.proto);
  at = put(at, entry.tuple.src.raw);
  at = put(at, entry.tuple.dst.raw);
  at = put(at, entry.tuple.sport.raw);
  at = put(at, entry.tuple.dport.raw);
  return put(at, entry.sync_id);
}
const char* get_key(const char* at, SyncEntry& entry) {
  at = get(at, entry.proto);
  at = get(at, entry.tuple.src.raw);
  at = get(at, entry.tuple.dst.raw);
  at = get(at, entry.tuple.sport.raw);
  at = get(at, entry.tuple.dport.raw);
  return get(at, entry.sync_id);
}

std::size_t bytes_of(SyncKind kind) {
  switch (kind) {
    case SyncKind::kConn:
      return kSyncConnBytes;
    case SyncKind::kEnd:
    case SyncKind::kWalked:
      return kSyncEndBytes;
    case SyncKind::kWalkBegin:
    case SyncKind::kWalkEnd:
      return 1;
    case SyncKind::kPersist:
      return kSyncPersistBytes;
    case SyncKind::kPersistEnd:
      return kSyncPersistEndBytes;
    case SyncKind::kProxiedConn:
      return kSyncProxiedConnBytes;
    case SyncKind::kSynSecret:
      return kSyncSecretBytes;
  }
  return 0;
}

bool has_length(SyncKind kind) {
  return static_cast<std::uint8_t>(kind) >= kFirstWithLength;
}

bool state_fits(std::uint8_t proto, ConnState state) {
  if (proto == kProtoUdp) return state == ConnState::kUdp;
  return proto == kProtoTcp && state >= ConnState::kSynSent && state < ConnState::kUdp;
}

char* put_conn(char* at, const SyncEntry& entry) {
  at = put(at, static_cast<std::uint8_t>(entry.mode << 4 | static_cast<std::uint8_t>(entry.state)));
  at = put(at, entry.rs_address.raw);
  at = put(at, entry.rs_port.raw);
  // 24 bits: the longest timeout is a week, 6 million ticks.
  const std::uint32_t age = std::min(entry.age_ticks, 0xffffffU);
  std::memcpy(at, &age, 3);
  at += 3;
  return put(at, entry.client_hop.word);
}
// Null: it is none.
const char* get_conn(const char* at, SyncEntry& entry) {
  std::uint8_t mode_state = 0;
  at = get(at, mode_state);
  entry.mode = mode_state >> 4;
  entry.state = static_cast<ConnState>(mode_state & 0x0f);
  if (entry.mode >= kModes || !state_fits(entry.proto, entry.state)) return nullptr;
  at = get(at, entry.rs_address.raw);
  at = get(at, entry.rs_port.raw);
  std::memcpy(&entry.age_ticks, at, 3);
  at += 3;
  return get(at, entry.client_hop.word);
}

// Of a connection whose server has answered: until then a client's next segment makes it anew.
bool is_proxied_conn(const SyncEntry& entry) {
  return entry.proto == kProtoTcp && entry.mode == 0 && !is_half_open(entry.state);
}

char* put_translation(char* at, const TcpTranslation& translation) {
  at = put(at, translation.seq);
  at = put(at, translation.timestamp);
  return put(at, translation.form.word());
}
// False: it is none.
bool get_translation(const char* at, TcpTranslation& translation) {
  std::uint16_t form = 0;
  at = get(at, translation.seq);
  at = get(at, translation.timestamp);
  get(at, form);
  translation.form = TcpTranslationForm::of_word(form);
  return translation.form.word() == form;
}

}  // namespace

void append(std::string& batch, const SyncEntry& entry) {
  char bytes[kSyncProxiedConnBytes];
  char* at = put(bytes, entry.kind);
  if (has_length(entry.kind)) at = put(at, static_cast<std::uint8_t>(bytes_of(entry.kind) - 2));
  if (entry.kind == SyncKind::kSynSecret) {
    at = put(put(put(at, entry.secret), entry.key.word[0]), entry.key.word[1]);
    batch.append(bytes, static_cast<std::size_t>(at - bytes));
    return;
  }
  at = put_key(at, entry);
  if (entry.kind == SyncKind::kPersist) {
    at = put(at, entry.rs_address.raw);
    at = put(at, entry.rs_port.raw);
    at = put(at, entry.left_ticks);
  }
  if (entry.kind == SyncKind::kConn || entry.is_proxied()) at = put_conn(at, entry);
  if (entry.is_proxied()) at = put_translation(at, entry.translation);
  batch.append(bytes, static_cast<std::size_t>(at - bytes));
}

std::optional<std::vector<SyncEntry>> decode_batch(std::string_view batch) {
  std::vector<SyncEntry> entries;
  entries.reserve(batch.size() / kSyncConnBytes + 1);
  while (!batch.empty()) {
    SyncEntry entry;
    entry.kind = static_cast<SyncKind>(batch.front());
    const std::size_t bytes = bytes_of(entry.kind);
    const char* at = batch.data() + 1;
    if (has_length(entry.kind)) {
      if (batch.size() < 2) return std::nullopt;
      const std::size_t length = 2 + static_cast<std::size_t>(static_cast<std::uint8_t>(*at++));
      if (bytes != 0 && length != bytes) return std::nullopt;
      if (batch.size() < length) return std::nullopt;
      if (bytes == 0) {
        batch.remove_prefix(length);
        continue;
      }
    }
    if (bytes == 0 || batch.size() < bytes) return std::nullopt;
    if (entry.kind == SyncKind::kSynSecret) {
      get(get(get(at, entry.secret), entry.key.word[0]), entry.key.word[1]);
      if (entry.secret > 1) return std::nullopt;
    } else if (bytes > 1) {
      at = get_key(at, entry);
      if (entry.proto != kProtoTcp && entry.proto != kProtoUdp) return std::nullopt;
    }
    if (entry.kind == SyncKind::kConn || entry.is_proxied()) {
      at = get_conn(at, entry);
      if (at == nullptr) return std::nullopt;
    }
    if (entry.is_proxied() &&
        (!is_proxied_conn(entry) || !get_translation(at, entry.translation))) {
      return std::nullopt;
    }
    if (entry.kind == SyncKind::kPersist) {
      at = get(at, entry.rs_address.raw);
      at = get(at, entry.rs_port.raw);
      get(at, entry.left_ticks);
    }
    entries.push_back(entry);
    batch.remove_prefix(bytes);
  }
  return entries;
}

}  // namespace lb

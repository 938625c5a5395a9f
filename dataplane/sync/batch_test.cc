#include "dataplane/sync/batch.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "config/base/testing/randomised.h"
#include "dataplane/conn/testing/test_table.h"

namespace lb {
namespace {

using test::flow;

SyncEntry conn() {
  SyncEntry entry;
  entry.proto = kProtoTcp;
  entry.tuple = flow(0xc6336407, 40'000, 0xc000020a, 80);
  entry.sync_id = 0x1234;
  entry.mode = 1;
  entry.state = ConnState::kEstablished;
  entry.rs_address = Be32::from_host(0x0a00000b);
  entry.rs_port = Be16::from_host(8'080);
  entry.age_ticks = 0x010203;
  const std::uint8_t mac[] = {2, 0, 0, 0, 1, 5};
  entry.client_hop = ClientHop::make(mac, 100, 1);
  return entry;
}
SyncEntry keyed(SyncKind kind) {
  SyncEntry entry;
  entry.kind = kind;
  entry.proto = kProtoUdp;
  entry.tuple = flow(0xc6336407, 40'000, 0xc000020a, 53);
  entry.sync_id = 0xfedc;
  return entry;
}
SyncEntry bond() {
  SyncEntry entry;
  entry.kind = SyncKind::kPersist;
  entry.proto = kProtoTcp;
  entry.tuple = flow(0xc6336400, 0, 0xc000020a, 80);
  entry.rs_address = Be32::from_host(0x0a00000b);
  entry.rs_port = Be16::from_host(8'080);
  entry.left_ticks = 0x01020304;
  return entry;
}
SyncEntry proxied() {
  SyncEntry entry = conn();
  entry.kind = SyncKind::kProxiedConn;
  entry.mode = 0;
  entry.translation = {0x01020304, 0x05060708, {9, 8, 0, true}};
  return entry;
}
SyncEntry secret() {
  SyncEntry entry;
  entry.kind = SyncKind::kSynSecret;
  entry.secret = 1;
  entry.key = {{0x0102030405060708, 0x1112131415161718}};
  return entry;
}
SyncEntry mark(SyncKind kind) {
  SyncEntry entry;
  entry.kind = kind;
  return entry;
}

bool is_mark(SyncKind kind) {
  return kind == SyncKind::kWalkBegin || kind == SyncKind::kWalkEnd;
}

std::string encode(const std::vector<SyncEntry>& entries) {
  std::string batch;
  for (const SyncEntry& entry : entries) {
    is_mark(entry.kind) ? append_mark(batch, entry.kind) : append(batch, entry);
  }
  return batch;
}
std::string encode(const SyncEntry& entry) {
  return encode(std::vector{entry});
}

std::vector<SyncEntry> one_of_each() {
  return {mark(SyncKind::kWalkBegin),
          conn(),
          keyed(SyncKind::kEnd),
          keyed(SyncKind::kWalked),
          mark(SyncKind::kWalkEnd),
          bond(),
          keyed(SyncKind::kPersistEnd),
          proxied(),
          secret()};
}

// The format is the sync protocol's: it changes with the protocol's version only.
TEST(Batch, AConnectionByteForByte) {
  const std::string expected(
      "\x01\x06\xc6\x33\x64\x07\xc0\x00\x02\x0a\x9c\x40\x00\x50\x34\x12"
      "\x13\x0a\x00\x00\x0b\x1f\x90\x03\x02\x01\x02\x00\x00\x00\x01\x05\x64\x10",
      kSyncConnBytes);
  EXPECT_EQ(encode(conn()), expected);
}

TEST(Batch, AnEndByteForByte) {
  const std::string expected("\x02\x11\xc6\x33\x64\x07\xc0\x00\x02\x0a\x9c\x40\x00\x35\xdc\xfe",
                             kSyncEndBytes);
  EXPECT_EQ(encode(keyed(SyncKind::kEnd)), expected);
}

TEST(Batch, ABoundClientByteForByte) {
  const std::string expected(
      "\x10\x19\x06\xc6\x33\x64\x00\xc0\x00\x02\x0a\x00\x00\x00\x50\x00\x00"
      "\x0a\x00\x00\x0b\x1f\x90\x04\x03\x02\x01",
      kSyncPersistBytes);
  EXPECT_EQ(encode(bond()), expected);
  EXPECT_EQ(encode(keyed(SyncKind::kPersistEnd)).size(), kSyncPersistEndBytes);
}

// Another one has to know it to have it, so a release without SYN proxy leaves it out.
TEST(Batch, AProxiedConnectionByteForByte) {
  const std::string expected(
      "\x12\x2b\x06\xc6\x33\x64\x07\xc0\x00\x02\x0a\x9c\x40\x00\x50\x34\x12"
      "\x03\x0a\x00\x00\x0b\x1f\x90\x03\x02\x01\x02\x00\x00\x00\x01\x05\x64\x10"
      "\x04\x03\x02\x01\x08\x07\x06\x05\x89\x10",
      kSyncProxiedConnBytes);
  EXPECT_EQ(encode(proxied()), expected);
}

TEST(Batch, ASecretByteForByte) {
  const std::string expected(
      "\x13\x11\x01\x08\x07\x06\x05\x04\x03\x02\x01\x18\x17\x16\x15\x14\x13\x12\x11",
      kSyncSecretBytes);
  EXPECT_EQ(encode(secret()), expected);
}

TEST(Batch, RefusesProxiedConnectionsThatCannotBe) {
  const auto is_good = [](const std::function<void(SyncEntry&)>& change) {
    SyncEntry entry = proxied();
    change(entry);
    return decode_batch(encode(entry)).has_value();
  };
  EXPECT_TRUE(is_good([](SyncEntry&) {}));
  EXPECT_FALSE(is_good([](SyncEntry& entry) { entry.state = ConnState::kSynSent; }));
  EXPECT_FALSE(is_good([](SyncEntry& entry) { entry.state = ConnState::kSynReceived; }));
  EXPECT_FALSE(is_good([](SyncEntry& entry) { entry.mode = 1; }));
  EXPECT_FALSE(is_good([](SyncEntry& entry) {
    entry.proto = kProtoUdp;
    entry.state = ConnState::kUdp;
  }));
  std::string form = encode(proxied());
  form.back() = static_cast<char>(form.back() | 0x20);
  EXPECT_FALSE(decode_batch(form));
  SyncEntry third = secret();
  third.secret = 2;
  EXPECT_FALSE(decode_batch(encode(third)));
}

// What a later release may say.
TEST(Batch, SkipsUnknownKindsWithALength) {
  const std::string later("\xc8\x03\x01\x02\x03", 5);
  EXPECT_EQ(decode_batch(encode(bond()) + later + encode(conn())), (std::vector{bond(), conn()}));
  EXPECT_FALSE(decode_batch(later.substr(0, 4)));
  EXPECT_FALSE(decode_batch(later.substr(0, 1)));
  std::string longer = encode(bond());
  ++longer[1];
  EXPECT_FALSE(decode_batch(longer + '\0')) << "a known kind has its length";
}

TEST(Batch, MarksAreOneByte) {
  EXPECT_EQ(encode(mark(SyncKind::kWalkBegin)), "\x03");
  EXPECT_EQ(encode(mark(SyncKind::kWalkEnd)), "\x05");
}

TEST(Batch, EveryKindComesBack) {
  const auto decoded = decode_batch(encode(one_of_each()));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, one_of_each());
}

TEST(Batch, NothingIsAnEmptyBatch) {
  const auto decoded = decode_batch("");
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(decoded->empty());
}

TEST(Batch, AnAgeBeyond24BitsIsTheLongest) {
  SyncEntry entry = conn();
  for (const std::uint32_t age : {0U, 1U, 0xfffffeU, 0xffffffU, 0x1000000U, 0xffffffffU}) {
    entry.age_ticks = age;
    EXPECT_EQ(decode_batch(encode(entry)).value()[0].age_ticks, std::min(age, 0xffffffU));
  }
}

TEST(Batch, TornAnywhereIsNone) {
  const std::string whole = encode({conn(), keyed(SyncKind::kEnd), keyed(SyncKind::kWalked)});
  for (std::size_t size = 1; size < whole.size(); ++size) {
    const bool between = size == kSyncConnBytes || size == kSyncConnBytes + kSyncEndBytes;
    EXPECT_EQ(decode_batch(std::string_view(whole).substr(0, size)).has_value(), between) << size;
  }
}

TEST(Batch, TypesThatDoNotExist) {
  for (unsigned type = 0; type < 256; ++type) {
    std::string batch = encode(conn());
    batch[0] = static_cast<char>(type);
    // The other types are shorter: what follows them then begins a new entry, of a type that does
    // not exist.
    EXPECT_EQ(decode_batch(batch).has_value(), type == 1) << type;
  }
}

TEST(Batch, ProtocolsThatDoNotExist) {
  for (const SyncKind kind : {SyncKind::kConn, SyncKind::kEnd, SyncKind::kWalked}) {
    for (unsigned proto = 0; proto < 256; ++proto) {
      SyncEntry entry = kind == SyncKind::kConn ? conn() : keyed(kind);
      entry.proto = static_cast<std::uint8_t>(proto);
      if (proto == kProtoUdp) entry.state = ConnState::kUdp;
      EXPECT_EQ(decode_batch(encode(entry)).has_value(), proto == kProtoTcp || proto == kProtoUdp)
          << proto;
    }
  }
}

// 4 bits each.
TEST(Batch, RefusesUnknownModesAndStates) {
  for (const std::uint8_t proto : {kProtoTcp, kProtoUdp}) {
    for (unsigned both = 0; both < 256; ++both) {
      SyncEntry entry = conn();
      entry.proto = proto;
      entry.mode = static_cast<std::uint8_t>(both >> 4);
      entry.state = static_cast<ConnState>(both & 15);
      const bool told = proto == kProtoUdp ? entry.state == ConnState::kUdp
                                           : entry.state >= ConnState::kSynSent &&
                                                 entry.state <= ConnState::kClosed;
      EXPECT_EQ(decode_batch(encode(entry)).has_value(), entry.mode < 2 && told) << both;
    }
  }
}

TEST(Batch, OneBadEntryIsABadBatch) {
  std::vector<SyncEntry> entries(100, conn());
  for (const std::size_t bad : {0UL, 50UL, 99UL}) {
    entries[bad].state = ConnState::kUdp;
    EXPECT_FALSE(decode_batch(encode(entries)));
    entries[bad].state = ConnState::kTimeWait;
  }
  EXPECT_TRUE(decode_batch(encode(entries)));
}

class RandomBatch {
 public:
  explicit RandomBatch(std::uint32_t seed) : random_(seed) {}

  SyncEntry entry() {
    constexpr SyncKind kKinds[] = {
        SyncKind::kConn,       SyncKind::kEnd,         SyncKind::kWalkBegin,
        SyncKind::kWalked,     SyncKind::kWalkEnd,     SyncKind::kPersist,
        SyncKind::kPersistEnd, SyncKind::kProxiedConn, SyncKind::kSynSecret};
    const SyncKind kind = kKinds[random_() % std::size(kKinds)];
    if (is_mark(kind)) return mark(kind);
    if (kind == SyncKind::kSynSecret) {
      SyncEntry entry = secret();
      entry.secret = random_() % 2;
      entry.key = {{word(), word()}};
      return entry;
    }
    SyncEntry entry = keyed(kind);
    entry.proto = random_() % 2 != 0 ? kProtoTcp : kProtoUdp;
    entry.tuple = {Be32{word()}, Be32{word()}, Be16{half()}, Be16{half()}};
    entry.sync_id = half();
    if (kind == SyncKind::kPersist) {
      entry.rs_address = Be32{word()};
      entry.rs_port = Be16{half()};
      entry.left_ticks = word();
    }
    if (kind != SyncKind::kConn && kind != SyncKind::kProxiedConn) return entry;
    entry.mode = random_() % 2;
    if (entry.is_proxied()) {
      entry.proto = kProtoTcp;
      entry.mode = 0;
      entry.translation = {word(), word(), TcpTranslationForm::of_word(half() & 0x1fff)};
    }
    entry.state =
        entry.proto == kProtoUdp ? ConnState::kUdp : static_cast<ConnState>(3 + random_() % 6);
    entry.rs_address = Be32{word()};
    entry.rs_port = Be16{half()};
    entry.age_ticks = word() & 0xffffff;
    entry.client_hop = {std::uint64_t{word()} << 32 | word()};
    return entry;
  }
  std::mt19937& random() { return random_; }

 private:
  std::uint32_t word() { return static_cast<std::uint32_t>(random_()); }
  std::uint16_t half() { return static_cast<std::uint16_t>(random_()); }
  std::mt19937 random_;
};

TEST(Batch, RandomOnesComeBackAndDamagedOnesAreSafe) {
  const std::uint32_t seed = test::seed();
  SCOPED_TRACE("LB_SEED=" + std::to_string(seed));
  RandomBatch random(seed);
  for (unsigned round = 0; round < test::rounds(20'000); ++round) {
    std::vector<SyncEntry> entries(random.random()() % 20);
    for (SyncEntry& entry : entries) entry = random.entry();
    std::string batch = encode(entries);
    ASSERT_EQ(decode_batch(batch), entries);
    if (batch.empty()) continue;
    batch[random.random()() % batch.size()] = static_cast<char>(random.random()());
    batch.resize(batch.size() - random.random()() % 3 % batch.size());
    // Whatever is accepted means the same when it is encoded again.
    const auto damaged = decode_batch(batch);
    if (damaged) {
      ASSERT_EQ(decode_batch(encode(*damaged)), *damaged);
    }
  }
}

}  // namespace
}  // namespace lb

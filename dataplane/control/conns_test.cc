#include "dataplane/control/conns.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "dataplane/control/test_messages.h"

namespace lb {
namespace {

class NoReaders final : public GracePeriod {
 public:
  std::uint64_t start() override { return 0; }
  bool passed(std::uint64_t) const override { return true; }
};

class ConnsTest : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kConnections = 20'000;
  static constexpr std::uint32_t kNow = 100;

  ConnsTest() : memory_(ConnTable::memory_bytes(kOptions) + kCacheLine) {
    auto start = reinterpret_cast<std::uintptr_t>(memory_.data());
    start = (start + kCacheLine - 1) / kCacheLine * kCacheLine;
    table_ = std::make_unique<ConnTable>(
        kOptions, std::span(reinterpret_cast<std::byte*>(start), ConnTable::memory_bytes(kOptions)),
        grace_);
    snapshot_.services.resize(2);
    snapshot_.services[0].name = "web";
    snapshot_.services[1].name = "dns";
    snapshot_.services[0].configured = snapshot_.services[1].configured = true;
    snapshot_.real_servers.resize(2);
    for (std::uint32_t i = 0; i < 2; ++i) {
      snapshot_.real_servers[i].service = i;
      snapshot_.real_servers[i].address = Be32::from_host(0x0a00000bU + i);
    }
    snapshot_.timeout_ticks.fill(50);
  }

  // Connection n: client 198.51.100.0/24 and up, servers 10.0.0.11 and .12 in turn.
  void add(std::uint32_t n, ConnState state) {
    const Be32 client = Be32::from_host(0xc6336400U + n / 50'000);
    const Be16 port = Be16::from_host(static_cast<std::uint16_t>(1024 + n % 50'000));
    const Be32 server = Be32::from_host(0x0a00000bU + n % 2);
    NewConn conn;
    conn.tuple[0] = {client, Be32::from_host(0xc000020aU), port, Be16::from_host(80)};
    conn.tuple[1] = {server, client, Be16::from_host(8080), port};
    conn.service = n % 2;
    conn.rs = n % 2;
    conn.proto = state == ConnState::kUdp ? kProtoUdp : kProtoTcp;
    conn.mode = static_cast<std::uint8_t>(Mode::kNat);
    const std::uint64_t hash = table_->hash(conn.tuple[0], conn.proto);
    ASSERT_TRUE(table_->create(0, conn, hash, state, kNow, kNow + 50).is_new);
  }

  std::vector<api::Conn> all(const api::ConnsRequest& request, unsigned* parts = nullptr) {
    std::vector<api::Conn> rows;
    auto cursor = ConnsCursor::make(request, *table_, snapshot_);
    EXPECT_TRUE(cursor);
    for (;;) {
      const api::Response response = cursor->next(snapshot_, kNow + 10);
      EXPECT_LE(response.conns().conns_size(), ConnsCursor::kRows);
      rows.insert(rows.end(), response.conns().conns().begin(), response.conns().conns().end());
      if (parts != nullptr) ++*parts;
      if (!response.more()) return rows;
    }
  }

  std::string error(const api::ConnsRequest& request) {
    const auto cursor = ConnsCursor::make(request, *table_, snapshot_);
    return cursor ? std::string() : cursor.error().message;
  }

  static constexpr ConnTable::Options kOptions{kConnections, 1, {1, 2, 3, 4}};
  NoReaders grace_;
  std::vector<std::byte> memory_;
  std::unique_ptr<ConnTable> table_;
  Snapshot snapshot_;
};

TEST_F(ConnsTest, EmptyTableHasNoRows) {
  EXPECT_TRUE(all({}).empty());
}

TEST_F(ConnsTest, RowSaysEverything) {
  add(0, ConnState::kEstablished);
  const auto rows = all({});
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].protocol(), api::TCP);
  EXPECT_EQ(rows[0].client(), test::bytes("198.51.100.0"));
  EXPECT_EQ(rows[0].client_port(), 1024U);
  EXPECT_EQ(rows[0].vip(), test::bytes("192.0.2.10"));
  EXPECT_EQ(rows[0].vip_port(), 80U);
  EXPECT_EQ(rows[0].real_server(), test::bytes("10.0.0.11"));
  EXPECT_EQ(rows[0].real_server_port(), 8080U);
  EXPECT_EQ(rows[0].state(), to_string(ConnState::kEstablished));
  EXPECT_EQ(rows[0].service(), "web");
  EXPECT_EQ(rows[0].mode(), api::NAT);
  EXPECT_EQ(rows[0].expires_ms(), 40U * kTickMs);
}

TEST_F(ConnsTest, ManyComeInPartsAndEachOnce) {
  for (std::uint32_t n = 0; n < 5'000; ++n) add(n, ConnState::kEstablished);
  unsigned parts = 0;
  const auto rows = all({}, &parts);
  EXPECT_GE(parts, 10U);
  std::set<std::uint32_t> ports;
  for (const auto& row : rows) ports.insert(row.client_port());
  EXPECT_EQ(rows.size(), 5'000U);
  EXPECT_EQ(ports.size(), 5'000U);
}

TEST_F(ConnsTest, Filters) {
  for (std::uint32_t n = 0; n < 10; ++n) {
    add(n, n < 3 ? ConnState::kSynSent : ConnState::kEstablished);
  }
  api::ConnsRequest request;
  request.set_service("dns");
  EXPECT_EQ(all(request).size(), 5U);
  request.set_state(std::string(to_string(ConnState::kSynSent)));
  EXPECT_EQ(all(request).size(), 1U);

  request.Clear();
  request.set_real_server(test::bytes("10.0.0.11"));
  EXPECT_EQ(all(request).size(), 5U);
  request.set_real_server_port(8080);
  EXPECT_EQ(all(request).size(), 5U);
  request.set_real_server_port(81);
  EXPECT_TRUE(all(request).empty());

  request.Clear();
  request.set_client(test::bytes("198.51.100.0"));
  EXPECT_EQ(all(request).size(), 10U);
  request.set_client(test::bytes("198.51.100.77"));
  EXPECT_TRUE(all(request).empty());
  request.set_client_prefix(24);
  EXPECT_EQ(all(request).size(), 10U);

  request.Clear();
  request.set_limit(4);
  EXPECT_EQ(all(request).size(), 4U);
}

TEST_F(ConnsTest, UnknownFilterValuesAreNamed) {
  api::ConnsRequest request;
  request.set_service("nosuch");
  EXPECT_EQ(error(request), "unknown service nosuch; see lbcli show service");
  request.Clear();
  request.set_state("BUSY");
  EXPECT_NE(error(request).find("unknown state BUSY; use one of "), std::string::npos);
  EXPECT_NE(error(request).find(std::string(to_string(ConnState::kEstablished))),
            std::string::npos);
  request.Clear();
  request.set_real_server(test::bytes("10.0.0.13"));
  EXPECT_EQ(error(request), "no service has a real server 10.0.0.13; see lbcli show rs");
  request.set_real_server(test::bytes("10.0.0.12"));
  EXPECT_EQ(error(request), "");
  request.set_service("web");
  request.set_real_server_port(80);
  EXPECT_EQ(error(request), "service web has no real server 10.0.0.12:80; see lbcli show rs");
  request.Clear();
  request.set_client("123");
  EXPECT_NE(error(request).find("client: an address has 4 or 16 bytes"), std::string::npos);
  request.Clear();
  request.set_client(to_bytes(Address::parse("2001:db8::1").value()));
  EXPECT_NE(error(request).find("the packet path forwards IPv4 only, not 2001:db8::1"),
            std::string::npos);
  request.Clear();
  request.set_client(test::bytes("1.2.3.4"));
  request.set_client_prefix(33);
  EXPECT_NE(error(request).find("at most 32"), std::string::npos);
}

}  // namespace
}  // namespace lb

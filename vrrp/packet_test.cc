#include "vrrp/packet.h"

#include <gtest/gtest.h>

#include <set>

#include "vrrp/testing/rig.h"

namespace lb::vrrp {
namespace {

using std::chrono::milliseconds;
using test::ip;
using Bytes = std::vector<std::uint8_t>;

Bytes from_hex(std::string_view text) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    if (text[i] == ' ') ++i;
    bytes.push_back(static_cast<std::uint8_t>(digit(text[i]) << 4 | digit(text[i + 1])));
  }
  return bytes;
}

// Packets of others, IPv4 header first, and what they say.
struct Known {
  const char* name;
  const char* packet;
  Advert advert;
};

const std::vector<Known>& known() {
  static const std::vector<Known> packets = {
      {"keepalived 2.2.7, version 3, 100 ms",
       "45c0002400010000ff701894c0000202e0000012 31339602000a1214 c000020ac000020b",
       {3, 51, 150, milliseconds(100), "", {ip("192.0.2.10"), ip("192.0.2.11")}}},
      {"keepalived 2.2.7, version 3, resigns",
       "45c00024004d0000ff701848c0000202e0000012 31330002000aa814 c000020ac000020b",
       {3, 51, 0, milliseconds(100), "", {ip("192.0.2.10"), ip("192.0.2.11")}}},
      {"keepalived 2.2.7, version 2 with a password",
       "45c0002800010000ff701890c0000202e0000012 2134640101017b70 c000020c 7365637265740000",
       {2, 52, 100, milliseconds(1000), "secret", {ip("192.0.2.12")}}},
      {"keepalived 2.2.7, version 2",
       "45c0002800010000ff701890c0000202e0000012 213564010001b8ba c000020d 0000000000000000",
       {2, 53, 100, milliseconds(1000), "", {ip("192.0.2.13")}}},
      {"scapy, version 3, unicast, longest interval",
       "45c0002000020000ff7036a6c0000202c0000203 310700010fff3075 0a000001",
       {3, 7, 0, milliseconds(40950), "", {ip("10.0.0.1")}}},
      {"scapy, version 2 with a password",
       "45c0002c00040000ff701889c0000202e0000012 2133fe0201031f64 c000020ac000020b "
       "7365637265740000",
       {2, 51, 254, milliseconds(3000), "secret", {ip("192.0.2.10"), ip("192.0.2.11")}}},
  };
  return packets;
}

// Of the first known packet, for tests that spoil it.
struct Sample {
  Advert advert = known()[0].advert;
  Bytes payload = encode(advert, ip("192.0.2.2"), kMulticastGroup);

  explicit Sample(std::uint8_t version = 3) {
    if (version == 3) return;
    advert = known()[2].advert;
    payload = encode(advert, ip("192.0.2.2"), kMulticastGroup);
  }
  Datagram datagram() const { return {ip("192.0.2.2"), kMulticastGroup, kTtl, payload}; }
  // RFC 1071 over the payload alone, which is RFC 9568's form and version 2's.
  void fix_checksum() {
    payload[6] = payload[7] = 0;
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < payload.size(); ++i) {
      sum += i % 2 == 0 ? std::uint32_t{payload[i]} << 8 : payload[i];
    }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    payload[6] = static_cast<std::uint8_t>(~sum >> 8);
    payload[7] = static_cast<std::uint8_t>(~sum);
  }
};

// "" when it is taken.
std::string refusal(const Datagram& datagram) {
  Advert advert;
  Reject reject{};
  return decode(datagram, advert, reject) ? "" : std::string(name_of(reject));
}

TEST(VrrpPacket, DecodesKnownPackets) {
  for (const Known& each : known()) {
    SCOPED_TRACE(each.name);
    const Bytes packet = from_hex(each.packet);
    Datagram datagram;
    ASSERT_TRUE(split_datagram(packet, datagram));
    EXPECT_EQ(datagram.source, ip("192.0.2.2"));
    EXPECT_EQ(datagram.ttl, 255);
    EXPECT_EQ(vrid_of(datagram.payload), each.advert.vrid);
    Advert advert;
    Reject reject{};
    ASSERT_TRUE(decode(datagram, advert, reject)) << name_of(reject);
    EXPECT_EQ(advert, each.advert);
  }
}

TEST(VrrpPacket, EncodesKnownPackets) {
  for (const Known& each : known()) {
    SCOPED_TRACE(each.name);
    const Bytes packet = from_hex(each.packet);
    Datagram datagram;
    ASSERT_TRUE(split_datagram(packet, datagram));
    EXPECT_EQ(encode(each.advert, datagram.source, datagram.destination),
              Bytes(datagram.payload.begin(), datagram.payload.end()));
  }
}

TEST(VrrpPacket, BothFormsOfTheChecksumWithVersion3) {
  Sample sample;
  EXPECT_EQ(refusal(sample.datagram()), "");
  sample.fix_checksum();
  EXPECT_EQ(sample.payload[6], 0xb4);  // counted by hand
  EXPECT_EQ(sample.payload[7], 0xa9);
  EXPECT_EQ(refusal(sample.datagram()), "");
}

TEST(VrrpPacket, OneFormOfTheChecksumWithVersion2) {
  Sample sample(2);
  EXPECT_EQ(refusal(sample.datagram()), "");
  Datagram elsewhere = sample.datagram();
  elsewhere.source = ip("192.0.2.99");  // not covered
  EXPECT_EQ(refusal(elsewhere), "");
  // With the pseudo-header: 0xc0000202 + 0xe0000012 + 112 + 20, subtracted.
  const std::uint32_t sum =
      (0x7b70 + 0xffffU * 4 - (0xc000 + 0x0202 + 0xe000 + 0x0012 + 112 + 20)) % 0xffff;
  sample.payload[6] = static_cast<std::uint8_t>(sum >> 8);
  sample.payload[7] = static_cast<std::uint8_t>(sum);
  EXPECT_EQ(refusal(sample.datagram()), "bad_checksum");
}

TEST(VrrpPacket, EveryByteIsCovered) {
  for (const std::uint8_t version : {std::uint8_t{2}, std::uint8_t{3}}) {
    const Sample good(version);
    for (std::size_t i = 0; i < good.payload.size(); ++i) {
      Sample bad = good;
      bad.payload[i] ^= 0x40;
      EXPECT_NE(refusal(bad.datagram()), "") << "version " << int{version} << ", byte " << i;
    }
  }
  Datagram elsewhere = Sample().datagram();
  const Bytes payload = Sample().payload;
  elsewhere.payload = payload;
  elsewhere.destination = ip("192.0.2.3");
  EXPECT_EQ(refusal(elsewhere), "bad_checksum");
}

TEST(VrrpPacket, TtlMustBe255) {
  const Sample sample;
  for (const int ttl : {0, 1, 64, 254}) {
    Datagram datagram = sample.datagram();
    datagram.ttl = static_cast<std::uint8_t>(ttl);
    EXPECT_EQ(refusal(datagram), "bad_ttl") << ttl;
  }
}

TEST(VrrpPacket, LengthMustBeThatOfTheAddresses) {
  for (const std::uint8_t version : {std::uint8_t{2}, std::uint8_t{3}}) {
    const Sample sample(version);
    for (std::size_t bytes = 0; bytes < sample.payload.size(); ++bytes) {
      Datagram datagram = sample.datagram();
      datagram.payload = datagram.payload.first(bytes);
      EXPECT_EQ(refusal(datagram), "bad_length") << int{version} << ", " << bytes;
    }
    Sample longer = sample;
    longer.payload.push_back(0);
    EXPECT_EQ(refusal(longer.datagram()), "bad_length");
    Sample more = sample;
    ++more.payload[3];
    EXPECT_EQ(refusal(more.datagram()), "bad_length");
  }
}

TEST(VrrpPacket, VersionAndType) {
  for (const int first : {0x01, 0x11, 0x41, 0xf1}) {
    Sample sample;
    sample.payload[0] = static_cast<std::uint8_t>(first);
    sample.fix_checksum();
    EXPECT_EQ(refusal(sample.datagram()), "bad_version") << first;
  }
  for (const int first : {0x30, 0x32, 0x3f}) {
    Sample sample;
    sample.payload[0] = static_cast<std::uint8_t>(first);
    sample.fix_checksum();
    EXPECT_EQ(refusal(sample.datagram()), "bad_type") << first;
  }
}

TEST(VrrpPacket, AuthenticationOfVersion2) {
  Sample header(2);
  header.payload[4] = 2;  // the IP authentication header of RFC 2338
  header.fix_checksum();
  EXPECT_EQ(refusal(header.datagram()), "bad_auth");

  Sample none(2);
  none.payload[4] = 0;  // what lies in the field is not a password then
  none.fix_checksum();
  Advert advert;
  Reject reject{};
  ASSERT_TRUE(decode(none.datagram(), advert, reject));
  EXPECT_EQ(advert.auth_pass, "");
}

TEST(VrrpPacket, APasswordOfAllEightBytes) {
  Advert advert{2, 1, 100, milliseconds(1000), "12345678", {ip("192.0.2.1")}};
  const Bytes payload = encode(advert, ip("192.0.2.2"), kMulticastGroup);
  Advert got;
  Reject reject{};
  ASSERT_TRUE(decode({ip("192.0.2.2"), kMulticastGroup, kTtl, payload}, got, reject));
  EXPECT_EQ(got, advert);
}

TEST(VrrpPacket, NoIntervalIsNone) {
  Sample v3;
  v3.payload[4] = 0xf0;  // reserved bits, which are not looked at
  v3.payload[5] = 0;
  v3.fix_checksum();
  EXPECT_EQ(refusal(v3.datagram()), "bad_interval");
  Sample v2(2);
  v2.payload[5] = 0;
  v2.fix_checksum();
  EXPECT_EQ(refusal(v2.datagram()), "bad_interval");
}

TEST(VrrpPacket, ReservedBitsOfVersion3AreIgnored) {
  Sample sample;
  sample.payload[4] |= 0xf0;
  sample.fix_checksum();
  Advert advert;
  Reject reject{};
  ASSERT_TRUE(decode(sample.datagram(), advert, reject));
  EXPECT_EQ(advert.interval, milliseconds(100));
}

TEST(VrrpPacket, Version3NamesAnAddress) {
  Sample sample;
  sample.payload.resize(8);
  sample.payload[3] = 0;
  sample.fix_checksum();
  EXPECT_EQ(refusal(sample.datagram()), "bad_address_list");
}

TEST(VrrpPacket, RoundTrips) {
  for (const std::uint8_t version : {std::uint8_t{2}, std::uint8_t{3}}) {
    for (const std::size_t addresses : {1U, 2U, 20U, 255U}) {
      for (const int interval : {1, 99, 255, 256, 4095}) {
        if (version == 2 && interval > 255) continue;
        Advert advert{version, 255, 200, milliseconds(interval * (version == 2 ? 1000 : 10)),
                      "",      {}};
        for (std::size_t i = 0; i < addresses; ++i) {
          advert.addresses.push_back(
              Ipv4Address::from_host(0xfffefdfc - static_cast<std::uint32_t>(i)));
        }
        const Bytes payload = encode(advert, ip("255.255.255.254"), ip("203.0.113.255"));
        Advert got;
        Reject reject{};
        ASSERT_TRUE(
            decode({ip("255.255.255.254"), ip("203.0.113.255"), kTtl, payload}, got, reject))
            << name_of(reject);
        EXPECT_EQ(got, advert);
      }
    }
  }
}

TEST(VrrpPacket, HeaderOfIpv4) {
  const Bytes good = from_hex(known()[0].packet);
  Datagram datagram;
  ASSERT_TRUE(split_datagram(good, datagram));
  EXPECT_EQ(datagram.destination, kMulticastGroup);
  EXPECT_EQ(datagram.payload.size(), 16U);

  Bytes padded = good;  // to the least length of an Ethernet frame
  padded.resize(46);
  ASSERT_TRUE(split_datagram(padded, datagram));
  EXPECT_EQ(datagram.payload.size(), 16U);

  Bytes options = good;
  options[0] = 0x46;
  options[3] = 40;
  options.insert(options.begin() + 20, {1, 1, 1, 1});
  ASSERT_TRUE(split_datagram(options, datagram));
  EXPECT_EQ(refusal(datagram), "");
}

TEST(VrrpPacket, MalformedHeaderOfIpv4) {
  const Bytes good = from_hex(known()[0].packet);
  const auto bad = [&good](std::size_t at, std::uint8_t value) {
    Bytes packet = good;
    packet[at] = value;
    Datagram datagram;
    return !split_datagram(packet, datagram);
  };
  EXPECT_TRUE(bad(0, 0x65));  // version 6
  EXPECT_TRUE(bad(0, 0x44));  // header of 16 bytes
  EXPECT_TRUE(bad(0, 0x4f));  // header beyond the packet
  EXPECT_TRUE(bad(3, 37));    // longer than what is there
  EXPECT_TRUE(bad(3, 19));    // shorter than its header
  Datagram datagram;
  for (std::size_t bytes = 0; bytes < 20; ++bytes) {
    EXPECT_FALSE(split_datagram(std::span(good).first(bytes), datagram)) << bytes;
  }
}

TEST(VrrpPacket, FindsNoVridInAShortPacket) {
  const Bytes payload = {0x31, 51};
  EXPECT_EQ(vrid_of(payload), 51);
  EXPECT_EQ(vrid_of(std::span(payload).first(1)), 0);
  EXPECT_EQ(vrid_of({}), 0);
}

TEST(VrrpPacket, RefusalsHaveNames) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kRejects; ++i) {
    const auto reject = static_cast<Reject>(i);
    EXPECT_FALSE(text_of(reject).empty()) << name_of(reject);
    names.insert(name_of(reject));
  }
  EXPECT_EQ(names.size(), kRejects);
  EXPECT_EQ(name_of(Reject::bad_ttl), "bad_ttl");
  EXPECT_EQ(name_of(Reject::owner_conflict), "owner_conflict");
}

}  // namespace
}  // namespace lb::vrrp

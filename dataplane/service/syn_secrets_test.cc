#include "dataplane/service/syn_secrets.h"

#include <gtest/gtest.h>

namespace lb {
namespace {

const SynCookieOf kConnection{{Be32{1}, Be32{2}, Be16{3}, Be16{4}}, 5};
const SynOffer kOffer{1'460, 7, true};

class Fresh {
 public:
  explicit Fresh(std::uint64_t first) : next_(first) {}
  SipKey operator()() { return {{next_++, 99}}; }
  SynSecrets::Random four() { return {(*this)(), (*this)(), (*this)(), (*this)()}; }

 private:
  std::uint64_t next_;
};

// A data plane's main thread, for so many seconds.
void run(SynSecrets& secrets, std::uint32_t& now, unsigned seconds, Fresh& fresh) {
  for (std::uint32_t end = now + seconds * 10; now != end; ++now) secrets.step(now, fresh);
}

void share(const SynSecrets& from, SynSecrets& to) {
  for (unsigned i = 0; i < SynSecrets::kSecrets; ++i) to.set_peers(i, from.own(i));
}

TEST(SynSecrets, CookiesLiveForAMinuteOrTwo) {
  // Made right after a change, and right before one.
  for (const unsigned age : {1U, 59U}) {
    Fresh fresh(1);
    std::uint32_t now = 7;
    SynSecrets secrets(fresh.four(), now);
    run(secrets, now, age, fresh);
    const std::uint32_t cookie = secrets.cookie(kConnection, kOffer);
    run(secrets, now, 50, fresh);
    EXPECT_EQ(secrets.read(cookie, kConnection), kOffer) << age;
    run(secrets, now, 61, fresh);
    EXPECT_EQ(secrets.read(cookie, kConnection), std::nullopt) << age;
  }
}

TEST(SynSecrets, AreReplacedForEver) {
  Fresh fresh(1);
  std::uint32_t now = 0xffff'ff00;  // the clock wraps
  SynSecrets secrets(fresh.four(), now);
  for (int minute = 0; minute < 10; ++minute) {
    const std::uint64_t version = secrets.version();
    const std::uint32_t cookie = secrets.cookie(kConnection, kOffer);
    EXPECT_EQ(secrets.read(cookie, kConnection), kOffer);
    run(secrets, now, 60, fresh);
    EXPECT_EQ(secrets.version(), version + 1);
  }
}

TEST(SynSecrets, CookiesOfThePeerAreAccepted) {
  Fresh ours(1), theirs(1'000);
  std::uint32_t now = 0, peers_now = 0;
  SynSecrets first(ours.four(), now), second(theirs.four(), now);
  const std::uint32_t cookie = first.cookie(kConnection, kOffer);
  EXPECT_FALSE(second.read(cookie, kConnection)) << "they have not met";
  share(first, second);
  EXPECT_EQ(second.read(cookie, kConnection), kOffer);
  EXPECT_FALSE(first.read(second.cookie(kConnection, kOffer), kConnection));
  // Sent when it is made, used later: never unknown to the peer, which is some seconds behind.
  for (int second_of_time = 0; second_of_time < 300; ++second_of_time) {
    const std::uint64_t version = first.version();
    run(first, now, 1, ours);
    run(second, peers_now, 1, theirs);
    EXPECT_TRUE(second.read(first.cookie(kConnection, kOffer), kConnection)) << second_of_time;
    if (first.version() != version) share(first, second);
  }
}

}  // namespace
}  // namespace lb

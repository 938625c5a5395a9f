#include "controlplane/sync/check_opinions.h"

#include <gtest/gtest.h>

#include "controlplane/sync/sync.pb.h"
#include "dataplane/api/frame.h"

namespace lb::controlplane::sync {
namespace {

CheckKey key(const std::string& server) {
  return {"tcp 192.0.2.10:80", Endpoint::parse(server).value()};
}

TEST(CheckOpinions, EncodeAndDecodeAQuestion) {
  const CheckKeys keys = {key("10.0.0.11:80"), key("10.0.0.12:65535"), key("[2001:db8::11]:80")};
  lb::sync::CheckQuestion question;
  write(keys, question);
  EXPECT_EQ(read(question), keys);
}

TEST(CheckOpinions, AnswerEveryKey) {
  const CheckOpinions opinions = {CheckOpinion::kDown, CheckOpinion::kUnknown, CheckOpinion::kUp};
  lb::sync::CheckAnswer answer;
  write(opinions, answer);
  EXPECT_EQ(read(answer, 3), opinions);
  EXPECT_FALSE(read(answer, 2));
  EXPECT_FALSE(read(answer, 4));
}

TEST(CheckOpinions, TreatLaterValuesAsUnknown) {
  lb::sync::CheckAnswer answer;
  answer.add_states(static_cast<lb::sync::CheckAnswer::State>(7));
  EXPECT_EQ(read(answer, 1), CheckOpinions{CheckOpinion::kUnknown});
}

TEST(CheckOpinions, RefuseAQuestionOutOfBounds) {
  lb::sync::CheckQuestion question;
  write(CheckKeys(kMaxCheckKeys, key("10.0.0.11:80")), question);
  EXPECT_TRUE(read(question));
  write({key("10.0.0.11:80")}, question);
  EXPECT_FALSE(read(question));
  const auto refused = [](auto spoil) {
    lb::sync::CheckQuestion one;
    write({key("10.0.0.11:80")}, one);
    spoil(*one.mutable_keys(0));
    return !read(one);
  };
  EXPECT_TRUE(refused([](auto& each) { each.set_address("123"); }));
  EXPECT_TRUE(refused([](auto& each) { each.set_address(std::string(15, 'x')); }));
  EXPECT_TRUE(refused([](auto& each) { each.set_port(65'536); }));
  EXPECT_TRUE(refused([](auto& each) { each.set_service(std::string(65, 'x')); }));
}

TEST(CheckOpinions, FitTheLongestQuestionIntoAFrame) {
  lb::sync::Message message;
  write(CheckKeys(kMaxCheckKeys,
                  {"udp 255.255.255.255:65535-65535", Endpoint::parse("1.2.3.4:65535").value()}),
        *message.mutable_check_question());
  const auto frame = api::to_frame(message);
  ASSERT_TRUE(frame);
  EXPECT_LT(frame->size(), 64u * 1024);
}

}  // namespace
}  // namespace lb::controlplane::sync

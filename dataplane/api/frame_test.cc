#include "dataplane/api/frame.h"

#include <gtest/gtest.h>

#include "dataplane/api/dataplane.pb.h"
#include "dataplane/api/protobuf_log.h"

namespace lb::api {
namespace {

TEST(Frame, PrefixIsBigEndian) {
  EXPECT_EQ(encode_prefix(0x01020304), (FramePrefix{1, 2, 3, 4}));
  EXPECT_EQ(decode_prefix({0xff, 0, 0, 0x10}), 0xff000010U);
}

TEST(Frame, MessageSurvives) {
  Request request;
  request.set_id(7);
  request.mutable_hello()->set_program("lbcli");
  const auto frame = to_frame(request);
  ASSERT_TRUE(frame);
  ASSERT_GT(frame->size(), kFramePrefixBytes);
  FramePrefix prefix{};
  std::copy_n(frame->begin(), prefix.size(), prefix.begin());
  EXPECT_EQ(decode_prefix(prefix), frame->size() - kFramePrefixBytes);

  Request read;
  ASSERT_TRUE(from_bytes(std::string_view(*frame).substr(kFramePrefixBytes), read));
  EXPECT_EQ(read.SerializeAsString(), request.SerializeAsString());
}

TEST(Frame, EmptyMessageIsAFrame) {
  const auto frame = to_frame(Request());
  ASSERT_TRUE(frame);
  EXPECT_EQ(*frame, std::string(kFramePrefixBytes, '\0'));
}

// A line would be written at once, whether stderr is read or not.
TEST(Frame, MalformedMessagesWriteNothing) {
  const std::string not_utf8("\x12\x04\x12\x02\xff\xfe", 6);
  Request read;
  silence_protobuf();
  testing::internal::CaptureStderr();
  EXPECT_FALSE(from_bytes(not_utf8, read));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Frame, TooLargeIsRefused) {
  Request request;
  request.mutable_hello()->set_program(std::string(kMaxMessageBytes, 'x'));
  EXPECT_FALSE(to_frame(request));
}

}  // namespace
}  // namespace lb::api

#include "controlplane/web/http_session.h"

#include <fmt/format.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/none.hpp>
#include <ctime>
#include <utility>

namespace lb::controlplane::web {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::uint32_t kMaxHeaderBytes = 8'192;
// What a client still sends after the reply is read for so long: a reset might take the reply from it (RFC 9112 9.6).
constexpr std::chrono::seconds kLinger{1};
constexpr unsigned kRetryAfterSeconds = 10;

// RFC 9110 5.6.7.
std::string date_now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc)};
}

std::string head_of(std::string_view status, std::string_view fields, std::size_t length) {
  return fmt::format(
      "HTTP/1.1 {}\r\nDate: {}\r\n{}Content-Length: {}\r\nCache-Control: no-store\r\n"
      "Connection: close\r\n\r\n",
      status, date_now(), fields, length);
}

// Whether the client has sent something that is no request, rather than nothing more.
bool is_malformed(const beast::error_code& error) {
  const beast::error_code any = http::error::bad_method;
  return error.category() == any.category() && error != http::error::end_of_stream &&
         error != http::error::partial_message;
}

}  // namespace

Session::Session(asio::ip::tcp::socket socket, LearntFile page, const Limits& limits,
                 Sessions& sessions)
    : stream_(std::move(socket)),
      page_(std::move(page)),
      limits_(limits),
      sessions_(sessions),
      place_(sessions.insert(sessions.end(), this)),
      buffer_(2 * kMaxHeaderBytes) {
  parser_.header_limit(kMaxHeaderBytes);
  parser_.body_limit(boost::none);  // a body is not read
}

void Session::leave() {
  if (place_ == sessions_.end()) return;
  sessions_.erase(place_);
  place_ = sessions_.end();
}

void Session::close() {
  leave();
  stream_.close();
}

void Session::start() {
  stream_.expires_after(limits_.request);
  http::async_read_header(stream_, buffer_, parser_,
                          [self = shared_from_this()](beast::error_code error, std::size_t) {
                            self->on_request(error);
                          });
}

void Session::on_request(beast::error_code error) {
  if (is_malformed(error)) {
    head_ = head_of("400 Bad Request", "", 0);
    return reply(false);
  }
  if (error) return close();
  const std::size_t length = page_->has_value() ? (*page_)->size() : 0;
  head_ = head_of("503 Service Unavailable",
                  fmt::format("Content-Type: text/html; charset=utf-8\r\nRetry-After: {}\r\n",
                              kRetryAfterSeconds),
                  length);
  reply(length != 0 && parser_.get().method() != http::verb::head);
}

void Session::reply(bool with_body) {
  std::array<asio::const_buffer, 2> parts = {asio::buffer(head_), asio::const_buffer()};
  if (with_body) parts[1] = asio::buffer(**page_);
  stream_.expires_after(limits_.reply);
  asio::async_write(
      stream_, parts, [self = shared_from_this()](beast::error_code error, std::size_t) {
        if (error) return self->close();
        self->stream_.expires_after(kLinger);
        beast::error_code ignored;
        self->stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
        self->end_gracefully();
      });
}

void Session::end_gracefully() {
  stream_.async_read_some(asio::buffer(unread_),
                          [self = shared_from_this()](beast::error_code error, std::size_t) {
                            if (error) return self->close();
                            self->end_gracefully();
                          });
}

}  // namespace lb::controlplane::web

// The one translation unit that includes Beast: it takes long to compile.
#include <openssl/evp.h>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include "controlplane/health/patterns.h"
#include "controlplane/health/stream_probe.h"

namespace lb::health {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr std::uint32_t kMaxHeaderBytes = 16 * 1024;
// Enough to see that the server sends a page; a longer one is truncated, which is an error only if
// the whole body is compared.
constexpr std::size_t kMaxBodyBytes = 64 * 1024;

http::request<http::empty_body> make_http_request(const Request& request) {
  http::request<http::empty_body> message;
  message.version(11);
  message.method_string(request.method);
  message.target(request.path);
  message.set(http::field::host, request.host);
  message.set(http::field::user_agent, "ballast");
  for (const std::string& header : request.headers) {
    const std::size_t colon = header.find(':');
    const std::size_t value = std::min(header.find_first_not_of(' ', colon + 1), header.size());
    message.set(header.substr(0, colon), header.substr(value));
  }
  message.set(http::field::connection, "close");
  return message;
}

bool contains(const config::StatusSet& set, unsigned status) {
  return std::any_of(set.begin(), set.end(), [status](const auto& range) {
    return range.first <= status && status <= range.second;
  });
}

// The SHA-256 of what was added, in hexadecimal digits.
class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new()) { EVP_DigestInit_ex(context_, EVP_sha256(), nullptr); }
  ~Digest() { EVP_MD_CTX_free(context_); }
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;

  void add(const char* bytes, std::size_t count) { EVP_DigestUpdate(context_, bytes, count); }

  std::string text() {
    constexpr const char* kDigits = "0123456789abcdef";
    std::array<unsigned char, EVP_MAX_MD_SIZE> value{};
    unsigned length = 0;
    EVP_DigestFinal_ex(context_, value.data(), &length);
    std::string out;
    for (unsigned i = 0; i < length; ++i) out += {kDigits[value[i] >> 4], kDigits[value[i] & 15]};
    return out;
  }

 private:
  EVP_MD_CTX* context_;
};

Outcome exchange_failure(boost::system::error_code ec, bool header_done) {
  if (ec == http::error::end_of_stream) return bad("L7RSP", "connection closed before a response");
  if (ec == http::error::partial_message || ec == asio::ssl::error::stream_truncated) {
    return bad("L7RSP", header_done ? "connection closed before the end of the body"
                                    : "connection closed before the end of the header");
  }
  if (ec == http::error::header_limit || ec == http::error::buffer_overflow) {
    return bad("L7RSP", "response header over " + std::to_string(kMaxHeaderBytes) + " bytes");
  }
  if (ec == asio::error::connection_reset || ec == asio::error::broken_pipe) {
    return bad("L7RSP", "connection reset");
  }
  if (ec.category() == asio::error::get_ssl_category()) return bad("L6RSP", ec.message());
  return bad("L7RSP", "invalid HTTP response");
}

template <typename Stream>
class HttpProbe final : public StreamProbe<Stream> {
  using Base = StreamProbe<Stream>;
  using typename Base::error_code;

 public:
  template <typename... Tls>
  HttpProbe(asio::io_context& io, const Request& request, Done done, Pattern expect_body,
            Tls... tls)
      : Base(io, request, std::move(done), tls...),
        expect_status_(request.expect_status),
        match_body_(!request.expect_body.empty()),
        expect_body_(std::move(expect_body)),
        expect_sha256_(request.expect_body_sha256),
        request_(make_http_request(request)) {
    parser_.header_limit(kMaxHeaderBytes);
    parser_.body_limit(boost::none);
    parser_.skip(request_.method() == http::verb::head);
  }

 private:
  void talk() override {
    http::async_write(this->stream(), request_,
                      [this, self = this->shared_from_this()](error_code ec, std::size_t) {
                        if (this->closed()) return;
                        // A server may answer and close without having read the request.
                        (void)ec;
                        read_header();
                      });
  }

  void read_header() {
    http::async_read_header(this->stream(), buffer_, parser_,
                            [this, self = this->shared_from_this()](error_code ec, std::size_t) {
                              if (this->closed()) return;
                              if (ec) return this->end(exchange_failure(ec, false));
                              read_body();
                            });
  }

  // Reads to the end, and keeps what the body is compared with.
  void read_body() {
    if (parser_.is_done()) return complete();
    if (body_bytes_ >= kMaxBodyBytes) return this->end(verdict(false));
    auto& body = parser_.get().body();
    body.data = chunk_.data();
    body.size = chunk_.size();
    http::async_read(this->stream(), buffer_, parser_,
                     [this, self = this->shared_from_this()](error_code ec, std::size_t) {
                       if (!this->closed()) on_body(ec);
                     });
  }

  void on_body(error_code ec) {
    const std::size_t count = chunk_.size() - parser_.get().body().size;
    body_bytes_ += count;
    if (match_body_) body_.append(chunk_.data(), count);
    if (!expect_sha256_.empty()) digest_.add(chunk_.data(), count);
    if (ec == http::error::need_buffer) ec = {};
    if constexpr (Base::kTls) {
      // The body ends with the connection, and some servers skip close_notify.
      if (ec == asio::ssl::error::stream_truncated && parser_.need_eof()) return complete();
    }
    if (ec) return this->end(exchange_failure(ec, true));
    read_body();
  }

  void complete() { this->succeed(verdict(true), parser_.need_eof()); }

  Outcome verdict(bool whole) {
    const unsigned status = parser_.get().result_int();
    const bool good_status = contains(expect_status_, status);
    if (good_status && !expect_body_.matches(body_)) {
      return bad("L7RSP", "the body does not match expect_body");
    }
    if (good_status && !expect_sha256_.empty()) {
      if (!whole) {
        return bad("L7RSP", "the body is over " + std::to_string(kMaxBodyBytes) +
                                " bytes, too long for expect_body_sha256");
      }
      const std::string digest = digest_.text();
      if (digest != expect_sha256_) return bad("L7RSP", "the body's SHA-256 is " + digest);
    }
    return http_status(status, good_status, this->took());
  }

  config::StatusSet expect_status_;
  bool match_body_;
  Pattern expect_body_;
  std::string expect_sha256_;
  Digest digest_;
  http::request<http::empty_body> request_;
  http::response_parser<http::buffer_body> parser_;
  boost::beast::flat_buffer buffer_{kMaxHeaderBytes + 1024};
  std::array<char, 4096> chunk_;
  std::size_t body_bytes_ = 0;
  std::string body_;
};

class HttpProber final : public Prober {
 public:
  explicit HttpProber(asio::io_context& io) : io_(io) {}

  std::shared_ptr<Probe> start(const Request& request, Done done) override {
    return start_stream_probe<HttpProbe<PlainStream>, HttpProbe<TlsStream>>(
        io_, request, std::move(done), contexts_, patterns_.get(request.expect_body));
  }

 private:
  asio::io_context& io_;
  Patterns patterns_;
  TlsContexts contexts_;
};

}  // namespace

std::unique_ptr<Prober> make_http_prober(asio::io_context& io) {
  return std::make_unique<HttpProber>(io);
}

}  // namespace lb::health

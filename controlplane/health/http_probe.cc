#include <openssl/evp.h>
#include <strings.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include "controlplane/health/http_answer.h"
#include "controlplane/health/patterns.h"
#include "controlplane/health/stream_probe.h"

namespace lb::health {
namespace {

namespace asio = boost::asio;

// Enough to see that the server sends a page; a longer one is truncated, which is an error only if
// the whole body is compared.
constexpr std::size_t kMaxBodyBytes = 64 * 1024;
// A body of so many bytes in chunks of one byte has less.
constexpr std::size_t kMaxOverhead = 8 * kMaxBodyBytes;

using Headers = std::vector<std::pair<std::string, std::string>>;

void set_header(Headers& headers, const std::string& name, const std::string& value) {
  std::erase_if(headers, [&name](const auto& known) {
    return strcasecmp(known.first.c_str(), name.c_str()) == 0;
  });
  headers.emplace_back(name, value);
}

std::string http_request_text(const Request& request) {
  Headers headers{{"Host", request.host}, {"User-Agent", "ballast"}};
  for (const std::string& header : request.headers) {
    const std::size_t colon = header.find(':');
    const std::size_t value = std::min(header.find_first_not_of(' ', colon + 1), header.size());
    set_header(headers, header.substr(0, colon), header.substr(value));
  }
  set_header(headers, "Connection", "close");
  std::string text = request.method + " " + request.path + " HTTP/1.1\r\n";
  for (const auto& [name, value] : headers) text += name + ": " + value + "\r\n";
  return text + "\r\n";
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

template <typename Stream>
class HttpProbe final : public StreamProbe<Stream> {
  using Base = StreamProbe<Stream>;
  using typename Base::error_code;
  using State = HttpAnswer::State;

 public:
  template <typename... Tls>
  HttpProbe(asio::io_context& io, const Request& request, Done done, Pattern expect_body,
            Tls... tls)
      : Base(io, request, std::move(done), tls...),
        expect_status_(request.expect_status),
        match_body_(!request.expect_body.empty()),
        expect_body_(std::move(expect_body)),
        names_end_(names_end(request.expect_body)),
        expect_sha256_(request.expect_body_sha256),
        strict_(request.strict_http),
        request_(http_request_text(request)),
        answer_(request.method == "HEAD", strict_) {}

 private:
  void talk() override {
    asio::async_write(this->stream(), asio::buffer(request_),
                      [this, self = this->shared_from_this()](error_code ec, std::size_t) {
                        if (this->closed()) return;
                        // A server may answer and close without having read the request.
                        (void)ec;
                        read();
                      });
  }

  void read() {
    this->stream().async_read_some(asio::buffer(chunk_), [this, self = this->shared_from_this()](
                                                             error_code ec, std::size_t count) {
      if (this->closed()) return;
      received_ |= count > 0;
      std::string content;
      const State state = answer_.add({chunk_.data(), count}, content);
      keep(content);
      go_on(state, ec);
    });
  }

  // What the body is compared with.
  void keep(const std::string& content) {
    body_bytes_ += content.size();
    if (match_body_) body_ += content;
    if (!expect_sha256_.empty()) digest_.add(content.data(), content.size());
  }

  void go_on(State state, error_code ec) {
    if (state == State::kInvalid) return this->end(bad("L7RSP", "invalid HTTP response"));
    if (state == State::kTooLong) {
      return this->end(
          bad("L7RSP", "response header over " + std::to_string(kMaxHttpHeaderBytes) + " bytes"));
    }
    if (state == State::kWhole) return this->succeed(verdict(true), false);
    if (body_bytes_ >= kMaxBodyBytes || answer_.overhead() >= kMaxOverhead) {
      return this->end(verdict(false));
    }
    ec ? on_ended(ec) : read();
  }

  void on_ended(error_code ec) {
    const bool closed = ec == asio::error::eof || ec == asio::ssl::error::stream_truncated;
    if (!closed && !Base::is_reset(ec)) return this->end(failure(ec));
    // Some servers skip TLS's close_notify.
    const bool in_order = ec == asio::error::eof || (closed && !strict_);
    const bool whole = answer_.ends_with_connection() && in_order;
    if (whole || decided()) return this->succeed(verdict(true), true);
    if (!closed) return this->end(bad("L7RSP", "connection reset"));
    const bool in_body = answer_.state() == State::kBody;
    this->end(bad("L7RSP", !received_ ? "connection closed before a response"
                           : in_body  ? "connection closed before the end of the body"
                                      : "connection closed before the end of the header"));
  }

  // A pattern with a mark for the end of the body may match a part of it and not the whole.
  static bool names_end(std::string_view pattern) {
    return pattern.find('$') != pattern.npos || pattern.find("\\z") != pattern.npos;
  }

  // Whether the part of the body that is missing cannot change the verdict.
  bool decided() {
    if (strict_ || answer_.state() != State::kBody) return false;
    return !contains(expect_status_, answer_.status()) ||
           (expect_body_.matches(body_) && !names_end_ && expect_sha256_.empty());
  }

  static Outcome failure(error_code ec) {
    if (ec.category() == asio::error::get_ssl_category()) return bad("L6RSP", ec.message());
    return socket_failure("L7RSP", ec.value());
  }

  Outcome verdict(bool whole) {
    const unsigned status = answer_.status();
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
  const bool names_end_;
  std::string expect_sha256_;
  bool strict_;
  Digest digest_;
  std::string request_;
  HttpAnswer answer_;
  bool received_ = false;  // anything
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

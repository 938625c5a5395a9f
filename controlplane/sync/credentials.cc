#include "controlplane/sync/credentials.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <string>
#include <string_view>

#include "config/base/read_file.h"
#include "controlplane/os/secret_file.h"

namespace lb::controlplane::sync {
namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::string_view kIdentity = "ballast-sync";
// A handshake with an unknown peer takes bounded time: no long chains, no slow curves.
constexpr long kMaxChainBytes = 32 << 10;
constexpr int kMaxChainDepth = 4;
constexpr std::size_t kMaxPemBytes = std::size_t{1} << 20;
constexpr const char* kGroups = "X25519:P-256";
constexpr std::array<unsigned char, 2> kAes128GcmSha256 = {0x13, 0x01};

std::string last_error() {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  return text.data();
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

struct Credentials::Key {
  std::array<unsigned char, kKeyBytes> bytes{};

  ~Key() { OPENSSL_cleanse(bytes.data(), bytes.size()); }

  // Index of our data in contexts. Not their application data, which Boost.Asio uses itself.
  static int slot() {
    static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
  }
  static Key& of(SSL* connection) {
    return *static_cast<Key*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), slot()));
  }
  SSL_SESSION* session(SSL* connection) const {
    SSL_SESSION* const made = SSL_SESSION_new();
    if (made == nullptr) return nullptr;
    const SSL_CIPHER* const cipher = SSL_CIPHER_find(connection, kAes128GcmSha256.data());
    if (cipher != nullptr && SSL_SESSION_set1_master_key(made, bytes.data(), bytes.size()) == 1 &&
        SSL_SESSION_set_cipher(made, cipher) == 1 &&
        SSL_SESSION_set_protocol_version(made, TLS1_3_VERSION) == 1) {
      return made;
    }
    SSL_SESSION_free(made);
    return nullptr;
  }

  static int offer(SSL* connection, const EVP_MD* digest, const unsigned char** identity,
                   std::size_t* length, SSL_SESSION** session) {
    *session = nullptr;
    // Called again for another hash after a retry: our key is for SHA-256 only.
    if (digest != nullptr && EVP_MD_get_type(digest) != NID_sha256) return 1;
    *session = of(connection).session(connection);
    *identity = reinterpret_cast<const unsigned char*>(kIdentity.data());
    *length = kIdentity.size();
    return *session != nullptr ? 1 : 0;
  }
  static int find(SSL* connection, const unsigned char* identity, std::size_t length,
                  SSL_SESSION** session) {
    *session = nullptr;
    const std::string_view name(reinterpret_cast<const char*>(identity), length);
    if (name == kIdentity) *session = of(connection).session(connection);
    return 1;
  }
};

Credentials::Credentials()
    : client_(boost::asio::ssl::context::tls_client),
      server_(boost::asio::ssl::context::tls_server) {
  for (auto* context : {&client_, &server_}) {
    SSL_CTX* const native = context->native_handle();
    SSL_CTX_set_min_proto_version(native, TLS1_3_VERSION);
    SSL_CTX_set_max_proto_version(native, TLS1_3_VERSION);
    // No resumption: every session proves the secret again.
    SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(native, 0);
    SSL_CTX_set_max_cert_list(native, kMaxChainBytes);
    SSL_CTX_set_verify_depth(native, kMaxChainDepth);
    SSL_CTX_set1_groups_list(native, kGroups);
    SSL_CTX_set_verify(native, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  // A server that requests certificates must set a session id context, with a key too.
  SSL_CTX_set_session_id_context(server_.native_handle(),
                                 reinterpret_cast<const unsigned char*>(kIdentity.data()),
                                 kIdentity.size());
}

Credentials::~Credentials() = default;

Result<std::unique_ptr<Credentials>> Credentials::load(const config::HaSync& config) {
  std::unique_ptr<Credentials> made(new Credentials);
  auto done =
      config.key_file.empty() ? made->use_certificates(config) : made->use_key(config.key_file);
  if (!done) return tl::make_unexpected(done.error());
  return made;
}

Result<void> Credentials::use_key(const std::string& file) {
  auto text = read_secret(file);
  if (!text) return tl::make_unexpected(text.error());
  while (!text->empty() && std::strchr(" \t\r\n", text->back()) != nullptr) text->pop_back();
  key_ = std::make_unique<Key>();
  bool good = text->size() == 2 * kKeyBytes;
  for (std::size_t i = 0; good && i < kKeyBytes; ++i) {
    const int high = digit((*text)[2 * i]);
    const int low = digit((*text)[2 * i + 1]);
    good = high >= 0 && low >= 0;
    key_->bytes[i] = static_cast<unsigned char>(high * 16 + low);
  }
  OPENSSL_cleanse(text->data(), text->size());
  if (!good) {
    return fail(file + ": is not 64 hexadecimal digits; make one with `openssl rand -hex 32`");
  }
  for (auto* context : {&client_, &server_}) {
    SSL_CTX_set_ex_data(context->native_handle(), Key::slot(), key_.get());
    SSL_CTX_set_ciphersuites(context->native_handle(), "TLS_AES_128_GCM_SHA256");
  }
  SSL_CTX_set_psk_use_session_callback(client_.native_handle(), &Key::offer);
  SSL_CTX_set_psk_find_session_callback(server_.native_handle(), &Key::find);
  return {};
}

Result<void> Credentials::use_certificates(const config::HaSync& config) {
  if (auto secret = read_secret(config.private_key_file); !secret) {
    return tl::make_unexpected(secret.error());
  }
  for (const std::string* file : {&config.certificate_file, &config.ca_file}) {
    if (auto good = check_regular_file(*file, kMaxPemBytes); !good) {
      return fail(*file + ' ' + good.error().message);
    }
  }
  for (auto* context : {&client_, &server_}) {
    SSL_CTX* const native = context->native_handle();
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(native, config.certificate_file.c_str()) != 1) {
      return fail(config.certificate_file + ": no certificate: " + last_error());
    }
    if (SSL_CTX_use_PrivateKey_file(native, config.private_key_file.c_str(), SSL_FILETYPE_PEM) !=
        1) {
      return fail(config.private_key_file + ": not the key of " + config.certificate_file + ": " +
                  last_error());
    }
    if (SSL_CTX_load_verify_locations(native, config.ca_file.c_str(), nullptr) != 1) {
      return fail(config.ca_file + ": no CA certificate: " + last_error());
    }
  }
  return {};
}

bool Credentials::proved(ssl_st* connection) const {
  if (key_ != nullptr) return SSL_session_reused(connection) == 1;
  X509* const certificate = SSL_get0_peer_certificate(connection);
  return certificate != nullptr && SSL_get_verify_result(connection) == X509_V_OK;
}

}  // namespace lb::controlplane::sync

#include "controlplane/health/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "config/base/net.h"
#include "config/base/read_file.h"
#include "controlplane/health/outcome.h"

namespace lb::health {
namespace {

// Some times the system's own store; the event loop reads it.
constexpr std::size_t kMaxCaBytes = std::size_t{1} << 20;

// What a server can make us compute is limited, since the event loop does it. Key exchange is by
// elliptic curves, or TLS 1.2's by RSA: Diffie-Hellman in a finite field takes seconds in groups of the
// server's choice. Chains are longer by far than any real one. OpenSSL itself limits RSA keys to
// 16,384 bits.
constexpr const char* kCiphers = "DEFAULT:!kDHE";
constexpr const char* kGroups = "X25519:P-256:X448:P-384:P-521";
constexpr const char* kFipsGroups = "P-256:P-384:P-521";
constexpr long kMaxChainBytes = 64 << 10;
constexpr int kMaxChainDepth = 8;

}  // namespace

void FreeTlsContext::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

Result<TlsContext> make_client_context(bool verify, const std::string& ca_file) {
  TlsContext context(SSL_CTX_new(TLS_client_method()));
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(context.get(), kCiphers) != 1 ||
      (SSL_CTX_set1_groups_list(context.get(), kGroups) != 1 &&
       SSL_CTX_set1_groups_list(context.get(), kFipsGroups) != 1)) {
    ERR_clear_error();
    return fail("OpenSSL cannot make a client context");
  }
  SSL_CTX_set_max_cert_list(context.get(), kMaxChainBytes);
  SSL_CTX_set_verify_depth(context.get(), kMaxChainDepth);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
  // Every check is a full handshake: a resumed one would not verify the certificate.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context.get(), verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (!verify) return context;

  if (ca_file.empty()) {
    if (SSL_CTX_set_default_verify_paths(context.get()) == 1) return context;
    ERR_clear_error();
    return fail("the system's certificate store cannot be read");
  }
  if (auto good = check_regular_file(ca_file, kMaxCaBytes); !good) {
    return fail("CA file " + ca_file + ' ' + good.error().message);
  }
  if (SSL_CTX_load_verify_file(context.get(), ca_file.c_str()) == 1) return context;
  ERR_clear_error();
  return fail("CA file " + ca_file + ": no certificate in PEM form in it");
}

Result<ssl_ctx_st*> TlsContexts::get(bool verify, const std::string& ca_file) {
  TlsContext& context = made_[{verify, ca_file}];
  if (!context) {
    auto made = make_client_context(verify, ca_file);
    if (!made) return tl::make_unexpected(made.error());
    context = std::move(*made);
  }
  return context.get();
}

bool expect_server_name(ssl_st* tls, const std::string& name) {
  ERR_clear_error();
  if (Address::parse(name)) {
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), name.c_str()) == 1;
  }
  // SSL_set_tlsext_host_name() is a macro with a C cast.
  const bool sni = SSL_ctrl(tls, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                            const_cast<char*>(name.c_str())) == 1;
  SSL_set_hostflags(tls, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(tls, name.c_str()) == 1 && sni;
}

std::string verify_failure(ssl_st* tls, const std::string& expected_name) {
  const long result = SSL_get_verify_result(tls);
  if (SSL_get_verify_mode(tls) == SSL_VERIFY_NONE || result == X509_V_OK) return {};
  std::string text =
      std::string("certificate verify failed: ") + X509_verify_cert_error_string(result);
  if (result == X509_V_ERR_HOSTNAME_MISMATCH || result == X509_V_ERR_IP_ADDRESS_MISMATCH) {
    text += ", it is not for " + expected_name;
  }
  return text;
}

}  // namespace lb::health

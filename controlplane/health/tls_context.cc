#include "controlplane/health/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "config/base/address.h"
#include "controlplane/health/outcome.h"
#include "controlplane/os/learnt_files.h"

namespace lb::health {
namespace {

// What a server can make us compute is limited, since the event loop does it. Key exchange is by
// elliptic curves, or TLS 1.2's by RSA: Diffie-Hellman in a finite field takes seconds in groups of the
// server's choice. Chains are longer by far than any real one. OpenSSL itself limits RSA keys to
// 16,384 bits.
constexpr const char* kCiphers = "DEFAULT:!kDHE";
constexpr const char* kGroups = "X25519:P-256:X448:P-384:P-521";
constexpr const char* kFipsGroups = "P-256:P-384:P-521";
constexpr long kMaxChainBytes = 64 << 10;
constexpr int kMaxChainDepth = 8;

struct FreeParts {
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(X509* p) const { X509_free(p); }
};

// Certificates in PEM form. False: there is none, or one is malformed.
bool trust(ssl_ctx_st* context, const std::string& pem) {
  const std::unique_ptr<BIO, FreeParts> in(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  bool good = false;
  ERR_clear_error();
  for (;;) {
    const std::unique_ptr<X509, FreeParts> each(
        PEM_read_bio_X509_AUX(in.get(), nullptr, nullptr, nullptr));
    if (!each) break;
    good = X509_STORE_add_cert(store, each.get()) == 1;
    if (!good) break;
  }
  // Not "no start line": that is the end.
  good = good && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  return good;
}

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
  const controlplane::LearntFile file = controlplane::find_file(ca_file);
  if (!*file) return fail("CA file " + ca_file + ' ' + file->error().message);
  if (trust(context.get(), **file)) return context;
  return fail("CA file " + ca_file + ": no certificate in PEM form in it");
}

Result<ssl_ctx_st*> TlsContexts::get(bool verify, const std::string& ca_file) {
  Made& made = made_[{verify, ca_file}];
  const bool has_file = verify && !ca_file.empty();
  const auto from = has_file ? controlplane::find_file(ca_file) : controlplane::LearntFile();
  const bool is_same = made.from == from || (made.from && *from && **made.from == **from);
  if (!made.context || !is_same) {
    auto context = make_client_context(verify, ca_file);
    if (!context) return tl::make_unexpected(context.error());
    made = {std::move(*context), from};
  }
  return made.context.get();
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

// What a server may make the client compute.
#include "controlplane/health/tls_context.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace lb::health {
namespace {

struct FreeTls {
  void operator()(X509* p) const { X509_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(SSL* p) const { SSL_free(p); }
};

// A server with an RSA key, and a handshake with it in memory.
class TlsContextTest : public testing::Test {
 protected:
  TlsContextTest() : server_(SSL_CTX_new(TLS_server_method())), key_(EVP_RSA_gen(2048)) {
    certificate_.reset(X509_new());
    X509_gmtime_adj(X509_getm_notBefore(certificate_.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate_.get()), 3'600);
    X509_set_pubkey(certificate_.get(), key_.get());
    X509_sign(certificate_.get(), key_.get(), EVP_sha256());
    SSL_CTX_use_certificate(server_.get(), certificate_.get());
    SSL_CTX_use_PrivateKey(server_.get(), key_.get());
    SSL_CTX_set_max_proto_version(server_.get(), TLS1_2_VERSION);
  }

  // The client's error; empty: none.
  std::string handshake() {
    const TlsContext context = make_client_context(false, "").value();
    const std::unique_ptr<SSL, FreeTls> client(SSL_new(context.get()));
    const std::unique_ptr<SSL, FreeTls> server(SSL_new(server_.get()));
    BIO* near = nullptr;
    BIO* far = nullptr;
    EXPECT_EQ(BIO_new_bio_pair(&near, 1 << 20, &far, 1 << 20), 1);
    SSL_set_bio(client.get(), near, near);
    SSL_set_bio(server.get(), far, far);
    for (int turn = 0; turn < 10; ++turn) {
      ERR_clear_error();
      const int result = SSL_connect(client.get());
      if (result == 1) return "";
      if (SSL_get_error(client.get(), result) != SSL_ERROR_WANT_READ) {
        return ERR_reason_error_string(ERR_get_error());
      }
      ERR_clear_error();
      SSL_accept(server.get());
    }
    return "no end";
  }

  TlsContext server_;
  std::unique_ptr<EVP_PKEY, FreeTls> key_;
  std::unique_ptr<X509, FreeTls> certificate_;
};

TEST_F(TlsContextTest, AcceptsCurvesAndRsa) {
  EXPECT_EQ(handshake(), "");
  SSL_CTX_set_cipher_list(server_.get(), "kRSA");
  EXPECT_EQ(handshake(), "");
  SSL_CTX_set_max_proto_version(server_.get(), 0);
  EXPECT_EQ(handshake(), "");
}

TEST_F(TlsContextTest, OffersNoDiffieHellmanInAFiniteField) {
  SSL_CTX_set_dh_auto(server_.get(), 1);
  SSL_CTX_set_cipher_list(server_.get(), "kDHE");
  EXPECT_NE(handshake().find("handshake failure"), std::string::npos);
  SSL_CTX_set_max_proto_version(server_.get(), 0);
  SSL_CTX_set_min_proto_version(server_.get(), TLS1_3_VERSION);
  SSL_CTX_set1_groups_list(server_.get(), "ffdhe8192");
  EXPECT_NE(handshake().find("handshake failure"), std::string::npos);
}

TEST_F(TlsContextTest, RefusesALongChain) {
  const auto bytes = i2d_X509(certificate_.get(), nullptr);
  for (int sent = 0; sent < 100'000; sent += bytes) {
    X509_up_ref(certificate_.get());
    SSL_CTX_add_extra_chain_cert(server_.get(), certificate_.get());
  }
  EXPECT_EQ(handshake(), "excessive message size");
}

}  // namespace
}  // namespace lb::health

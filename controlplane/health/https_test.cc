// https probes against a TLS server with certificates made here.
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>

#include "controlplane/health/test_support.h"

namespace lb::health {
namespace {

struct Free {
  void operator()(X509* p) const { X509_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
  void operator()(SSL* p) const { SSL_free(p); }
  void operator()(X509_EXTENSION* p) const { X509_EXTENSION_free(p); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

struct Identity {
  Owned<X509> certificate;
  Owned<EVP_PKEY> key;
};

void add_extension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Owned<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  ASSERT_TRUE(extension);
  X509_add_ext(certificate, extension.get(), -1);
}

// `names` as in openssl.cnf: "DNS:www.example.com,IP:192.0.2.10"; empty makes a CA. Without an
// issuer it signs itself. It is valid until `seconds_left` from now.
Identity make_identity(const std::string& names, const Identity* issuer,
                       long seconds_left = 86'400) {
  static long serial = 0;
  Identity made{Owned<X509>(X509_new()), Owned<EVP_PKEY>(EVP_EC_gen("P-256"))};
  X509* const certificate = made.certificate.get();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -86'400);
  X509_gmtime_adj(X509_getm_notAfter(certificate), seconds_left);
  X509_set_pubkey(certificate, made.key.get());
  const std::string common_name = "test " + std::to_string(serial);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(certificate,
                       X509_get_subject_name(issuer ? issuer->certificate.get() : certificate));
  if (names.empty()) {
    add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
  } else {
    add_extension(certificate, NID_subject_alt_name, names);
  }
  X509_sign(certificate, issuer ? issuer->key.get() : made.key.get(), EVP_sha256());
  return made;
}

// A file with the certificate, for the time of a test.
class PemFile {
 public:
  PemFile() {
    const int fd = mkstemp(path_);
    EXPECT_GE(fd, 0);
    close(fd);
  }
  explicit PemFile(const Identity& identity) : PemFile() { write(identity); }
  ~PemFile() { unlink(path_); }
  PemFile(const PemFile&) = delete;
  PemFile& operator=(const PemFile&) = delete;

  void write(const Identity& identity) {
    std::FILE* const file = std::fopen(path_, "w");
    EXPECT_EQ(PEM_write_X509(file, identity.certificate.get()), 1);
    std::fclose(file);
  }
  const char* path() const { return path_; }

 private:
  char path_[32] = "/tmp/health_test_XXXXXX";
};

// Does the handshake, then serves like a TestServer's Serve.
class TlsServer {
 public:
  explicit TlsServer(const Identity& identity,
                     const std::string& response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
      : context_(SSL_CTX_new(TLS_server_method())),
        response_(response),
        server_([this](int fd) { serve(fd); }) {
    SSL_CTX_use_certificate(context_.get(), identity.certificate.get());
    SSL_CTX_use_PrivateKey(context_.get(), identity.key.get());
  }

  const Endpoint& endpoint() const { return server_.endpoint(); }
  void skip_close_notify() { skip_close_notify_ = true; }
  const std::string& server_name() const { return server_name_; }  // SNI of the last client

 private:
  void serve(int fd) {
    const Owned<SSL> tls(SSL_new(context_.get()));
    SSL_set_fd(tls.get(), fd);
    if (SSL_accept(tls.get()) != 1) return;
    const char* const name = SSL_get_servername(tls.get(), TLSEXT_NAMETYPE_host_name);
    server_name_ = name ? name : "";
    std::string asked;
    char byte = 0;
    while (!asked.ends_with("\r\n\r\n") && SSL_read(tls.get(), &byte, 1) == 1) asked += byte;
    SSL_write(tls.get(), response_.data(), static_cast<int>(response_.size()));
    if (!skip_close_notify_) SSL_shutdown(tls.get());
    shutdown(fd, SHUT_WR);
    wait_for_peer_to_close(fd);
  }

  Owned<SSL_CTX> context_;
  std::string response_;
  std::string server_name_;
  bool skip_close_notify_ = false;
  TestServer server_;  // last: its thread uses the others
};

Request https_to(const Endpoint& endpoint, const std::string& ca_file = {},
                 const std::string& name = "www.example.com") {
  config::Check check;
  check.type = config::CheckType::kHttps;
  check.timeout = kAmple;
  check.host = name;
  check.tls_ca_file = ca_file;
  return make_request("web", Endpoint::parse("192.0.2.10:443").value(), endpoint, check);
}

class HttpsProbe : public testing::Test {
 protected:
  Identity ca_ = make_identity("", nullptr);
  Identity server_ = make_identity("DNS:www.example.com,IP:192.0.2.10", &ca_);
  PemFile ca_file_{ca_};
};

TEST_F(HttpsProbe, PassesForACertificateOfTheCa) {
  const TlsServer server(server_);
  const Outcome outcome = run_probe(https_to(server.endpoint(), ca_file_.path()));
  EXPECT_EQ(outcome.verdict, Verdict::kGood);
  EXPECT_EQ(without_time(outcome), "L7OK/200 in");
  EXPECT_EQ(server.server_name(), "www.example.com");
}

TEST_F(HttpsProbe, RequiresTheVipInTheCertificateWithoutAHost) {
  const TlsServer server(server_);
  Request request = https_to(server.endpoint(), ca_file_.path(), "");
  EXPECT_EQ(request.tls_server_name, "192.0.2.10");
  EXPECT_EQ(without_time(run_probe(request)), "L7OK/200 in");
  EXPECT_EQ(server.server_name(), "") << "an address is no SNI";

  request.tls_server_name = "192.0.2.11";
  EXPECT_EQ(run_probe(request).text,
            "L6RSP certificate verify failed: IP address mismatch, it is not for 192.0.2.11");
}

TEST_F(HttpsProbe, SendsNoSniForAnIpv6Address) {
  const TlsServer server(make_identity("IP:2001:db8::10", &ca_));
  Request request = https_to(server.endpoint(), ca_file_.path(), "[2001:db8::10]:443");
  EXPECT_EQ(request.tls_server_name, "2001:db8::10");
  EXPECT_EQ(without_time(run_probe(request)), "L7OK/200 in");
  EXPECT_EQ(server.server_name(), "") << "an address is no SNI";
}

TEST_F(HttpsProbe, FailsForAnUnknownCa) {
  const TlsServer server(server_);
  const PemFile other_ca(make_identity("", nullptr));
  const Outcome outcome = run_probe(https_to(server.endpoint(), other_ca.path()));
  EXPECT_EQ(outcome.verdict, Verdict::kBad);
  EXPECT_EQ(outcome.text,
            "L6RSP certificate verify failed: unable to get local issuer certificate");
}

TEST_F(HttpsProbe, UsesTheSystemsStoreWithoutACaFile) {
  const TlsServer server(server_);
  EXPECT_EQ(run_probe(https_to(server.endpoint())).text,
            "L6RSP certificate verify failed: unable to get local issuer certificate");
}

TEST_F(HttpsProbe, FailsForASelfSignedCertificateUnlessItIsTheCaFile) {
  const Identity self_signed = make_identity("DNS:www.example.com", nullptr);
  const TlsServer server(self_signed);
  EXPECT_EQ(run_probe(https_to(server.endpoint(), ca_file_.path())).text,
            "L6RSP certificate verify failed: self-signed certificate");
  const PemFile pinned(self_signed);
  EXPECT_EQ(without_time(run_probe(https_to(server.endpoint(), pinned.path()))), "L7OK/200 in");
}

TEST_F(HttpsProbe, FailsForAnotherName) {
  const TlsServer server(server_);
  const Outcome outcome =
      run_probe(https_to(server.endpoint(), ca_file_.path(), "other.example.com"));
  EXPECT_EQ(outcome.verdict, Verdict::kBad);
  EXPECT_EQ(outcome.text,
            "L6RSP certificate verify failed: hostname mismatch, it is not for other.example.com");
}

TEST_F(HttpsProbe, FailsForAnExpiredCertificate) {
  const TlsServer server(make_identity("DNS:www.example.com", &ca_, -3600));
  EXPECT_EQ(run_probe(https_to(server.endpoint(), ca_file_.path())).text,
            "L6RSP certificate verify failed: certificate has expired");
}

TEST_F(HttpsProbe, AcceptsAnyCertificateWithoutVerification) {
  const TlsServer server(make_identity("DNS:other.example.com", nullptr, -3600));
  Request request = https_to(server.endpoint());
  request.tls_verify = false;
  EXPECT_EQ(without_time(run_probe(request)), "L7OK/200 in");
  EXPECT_EQ(server.server_name(), "www.example.com");
}

TEST_F(HttpsProbe, EvaluatesTheStatus) {
  const TlsServer server(server_, "HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(without_time(run_probe(https_to(server.endpoint(), ca_file_.path()))), "L7STS/503 in");
}

TEST_F(HttpsProbe, AcceptsABodyThatEndsWithoutCloseNotify) {
  TlsServer server(server_, "HTTP/1.1 200 OK\r\n\r\nuntil the connection closes");
  Request request = https_to(server.endpoint(), ca_file_.path());
  request.strict_http = true;
  EXPECT_EQ(without_time(run_probe(request)), "L7OK/200 in");
  server.skip_close_notify();
  EXPECT_EQ(run_probe(request).text, "L7RSP connection closed before the end of the body");
  request.strict_http = false;
  EXPECT_EQ(without_time(run_probe(request)), "L7OK/200 in");
}

TEST_F(HttpsProbe, FailsOnATruncatedBodyIfStrict) {
  TlsServer server(server_, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
  server.skip_close_notify();
  Request request = https_to(server.endpoint(), ca_file_.path());
  EXPECT_EQ(without_time(run_probe(request)), "L7OK/200 in");
  request.strict_http = true;
  EXPECT_EQ(run_probe(request).text, "L7RSP connection closed before the end of the body");
}

TEST_F(HttpsProbe, ReportsAMissingCaFile) {
  const TlsServer server(server_);
  const Outcome outcome = run_probe(https_to(server.endpoint(), "/nonexistent/ca.pem"));
  EXPECT_EQ(outcome.verdict, Verdict::kBad);
  EXPECT_EQ(outcome.text,
            "L6RSP CA file /nonexistent/ca.pem cannot be opened: No such file or directory");
}

TEST_F(HttpsProbe, ReportsACaFileWithoutACertificate) {
  const TlsServer server(server_);
  const PemFile empty;
  EXPECT_EQ(run_probe(https_to(server.endpoint(), empty.path())).text,
            std::string("L6RSP CA file ") + empty.path() + ": no certificate in PEM form in it");
}

TEST_F(HttpsProbe, FailsForAServerWithoutTls) {
  TestServer server([](int fd) {
    send_text(fd, "HTTP/1.1 400 Bad Request\r\n\r\n");
    wait_for_peer_to_close(fd);
  });
  EXPECT_EQ(run_probe(https_to(server.endpoint(), ca_file_.path())).text.rfind("L6RSP ", 0), 0u);
}

TEST_F(HttpsProbe, FailsOnACloseDuringTheHandshake) {
  TestServer server([](int fd) {
    shutdown(fd, SHUT_WR);
    wait_for_peer_to_close(fd);
  });
  EXPECT_EQ(run_probe(https_to(server.endpoint(), ca_file_.path())).text,
            "L6RSP connection closed during the handshake");
}

TEST_F(HttpsProbe, TimesOutInAnUnansweredHandshake) {
  TestServer server(wait_for_peer_to_close);
  Request request = https_to(server.endpoint(), ca_file_.path());
  request.timeout = kBrief;
  EXPECT_EQ(run_probe(request).text, "L6TOUT after 50ms");
}

}  // namespace
}  // namespace lb::health

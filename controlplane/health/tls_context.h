// TLS as https checks use it, in terms of OpenSSL alone.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "config/base/result.h"
#include "controlplane/os/learnt_files.h"

// As in <openssl/types.h>.
struct ssl_ctx_st;
struct ssl_st;

namespace lb::health {

struct FreeTlsContext {
  void operator()(ssl_ctx_st* context) const;
};
using TlsContext = std::unique_ptr<ssl_ctx_st, FreeTlsContext>;

// A client context for TLS 1.2 and later, with which no server can make a step of a handshake take
// longer than some milliseconds. `verify`: the server's chain must lead to a certificate
// in `ca_file` (PEM), or in the system's store when that is empty. The error reads "CA file /x: no
// such file".
Result<TlsContext> make_client_context(bool verify, const std::string& ca_file);

// Contexts that were made once for each content of a CA file, or again after that failed. A connection
// keeps its context alive by itself.
class TlsContexts {
 public:
  Result<ssl_ctx_st*> get(bool verify, const std::string& ca_file);

 private:
  struct Made {
    TlsContext context;
    controlplane::LearntFile from;  // null: no file
  };
  std::map<std::pair<bool, std::string>, Made> made_;
};

// Before the handshake: the name that goes into SNI (unless it is an address: RFC 6066 section 3)
// and, where the context verifies, that the certificate must bear. False: OpenSSL refused it.
bool expect_server_name(ssl_st* tls, const std::string& name);

// After a failed handshake: "certificate verify failed: <reason>"; empty when the certificate was
// not the reason.
std::string verify_failure(ssl_st* tls, const std::string& expected_name);

}  // namespace lb::health

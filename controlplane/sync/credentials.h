// How the two ends of the sync link authenticate each other: a pre-shared key (RFC 8446
// section 4.2.11, always with a fresh Diffie-Hellman exchange), or certificates of both sides.
// TLS 1.3 only.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "config/base/result.h"
#include "config/model.h"

namespace lb::controlplane::sync {

class Credentials {
 public:
  // Reads the files. Fails when one is missing or malformed, or (except certificates) readable by
  // others than its owner.
  static Result<std::unique_ptr<Credentials>> load(const config::HaSync& config);
  ~Credentials();

  boost::asio::ssl::context& client() { return client_; }
  boost::asio::ssl::context& server() { return server_; }
  // After a handshake: whether the peer has proved that it has the key, or has a valid certificate.
  // A handshake that succeeded without either must not count.
  bool proved(ssl_st* connection) const;

 private:
  Credentials();
  Result<void> use_key(const std::string& file);
  Result<void> use_certificates(const config::HaSync& config);

  struct Key;
  std::unique_ptr<Key> key_;  // null: certificates
  boost::asio::ssl::context client_;
  boost::asio::ssl::context server_;
};

}  // namespace lb::controlplane::sync

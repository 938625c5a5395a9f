// The probe types behind make_socket_prober(), one .cc each.
#pragma once

#include <memory>

#include "controlplane/health/probe.h"

namespace lb::health {

// Whether the kernel holds `events` (as for poll(2)) for a socket that the event loop has not
// fetched yet. Asked when a deadline passes: on a starved director the answer may be there, unread,
// and then it is not the server that was late.
bool has_unread_news(int socket, short events);

std::shared_ptr<Probe> start_tcp_probe(boost::asio::io_context& io, const Request& request,
                                       Done done);

// Runs http and https probes. Keeps TLS contexts: the trusted certificates are read once per CA
// file, and again only after reading failed.
std::unique_ptr<Prober> make_http_prober(boost::asio::io_context& io);

// Runs ping probes over one socket, which it opens for the first of them: an ICMP datagram socket
// where net.ipv4.ping_group_range permits it, else a raw one.
std::unique_ptr<Prober> make_ping_prober(boost::asio::io_context& io);

}  // namespace lb::health

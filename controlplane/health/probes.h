// The probe types behind make_socket_prober(), one .cc each.
#pragma once

#include <boost/system/error_code.hpp>
#include <memory>

#include "config/base/socket_address.h"
#include "controlplane/health/probe.h"

namespace lb::health {

// Whether the kernel has `events` (as for poll(2)) for a socket that the event loop has not read
// yet. Called when a deadline passes: on an overloaded director the answer may have arrived in
// time, unread.
bool has_unread_events(int socket, short events);

// Binds connections to this source address; the kernel chooses the port on connect.
void bind_source(int socket, const Address& source, boost::system::error_code& error);

// A probe that cannot start.
std::shared_ptr<Probe> start_failed_probe(boost::asio::io_context& io, Outcome outcome, Done done);

std::shared_ptr<Probe> start_tcp_probe(boost::asio::io_context& io, const Request& request,
                                       Done done);

// Runs http and https probes.
std::unique_ptr<Prober> make_http_prober(boost::asio::io_context& io);

// Runs ping probes over one socket, which it opens for the first of them: an ICMP datagram socket
// where net.ipv4.ping_group_range permits it, else a raw one.
std::unique_ptr<Prober> make_ping_prober(boost::asio::io_context& io);

// Runs the checks that are a dialogue over TCP or TLS (dialogue.h).
std::unique_ptr<Prober> make_dialogue_prober(boost::asio::io_context& io);

// Runs udp and dns probes.
std::unique_ptr<Prober> make_udp_prober(boost::asio::io_context& io);

std::shared_ptr<Probe> start_script_probe(boost::asio::io_context& io, const Request& request,
                                          Done done);

}  // namespace lb::health

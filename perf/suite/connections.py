"""New connections and the ends of old ones."""

import statistics
import time

from suite.director import Director
from suite.rows import row
from suite.source import TCP, UDP, Fresh, Phase, Replies

ALL = 256  # of 256 packets
SHORT_MS = 1_000


def new_connections(suite, scenario, mode, fresh):
    """Nothing but new connections, each with as few packets as it takes; expiry runs along, since every state's
    time-out is a second and the figures are taken after several."""
    # Room for what comes within two lifetimes: in DR mode the most comes.
    room = 14_000_000 if mode == "dr" else 10_000_000
    director = Director(suite.build, suite.folder, mode, max_connections=room,
                        server_replies=fresh is not Fresh.DATAGRAM,
                        timeouts_ms={name: SHORT_MS for name in ("udp", "tcp_syn_sent", "tcp_syn_received",
                                                                 "tcp_established", "tcp_fin_wait", "tcp_close_wait",
                                                                 "tcp_last_ack", "tcp_time_wait", "tcp_closed")})
    rates, ns, shares = [], [], []
    try:
        # Slowly at first: with nothing to expire yet, the table would fill in two seconds.
        director.source.configure(phase=Phase.RUN, fresh_share=ALL, fresh=fresh, rate=1_500_000)
        time.sleep(2)
        director.source.configure(rate=0)
        time.sleep(2)
        for _ in range(suite.rounds):
            before = director.stats()
            window = director.window(2)  # ends come in waves of a second
            after = director.stats()
            rates.append(window.per_cpu_second("lives" if fresh is Fresh.LIFE else "fresh") / 1e6)
            ns.append(window.ns_per_packet)
            shares.append((after.connections_expired - before.connections_expired)
                          / (after.connections_created - before.connections_created))
        director.check_conservation()
    finally:
        director.close()
    if not 0.8 < statistics.median(shares) < 1.25:
        raise RuntimeError(f"{scenario}: expiry did not keep up or ran ahead: {shares}")
    return [row(scenario, "connections per second of worker CPU", "M/s", rates),
            row(scenario, "worker CPU per packet", "ns", ns),
            row(scenario, "ended per new connection meanwhile", "ratio", shares)]


def syn_flood(suite):
    """Half of the packets are SYNs without end, half are data of established connections; the table is full."""
    scenario, established = "SYN flood, full table", 500_000
    director = Director(suite.build, suite.folder, "nat", max_connections=1_000_000)
    try:
        director.source.open_flows(established, proto=TCP)
        director.source.configure(phase=Phase.RUN, fresh_share=ALL // 2, fresh=Fresh.FLOOD)
        time.sleep(1)
        windows = [director.window(suite.seconds) for _ in range(suite.rounds)]
        director.check_conservation(allowed_drops=("table_full",))
        stats = director.stats()
        active = sum(rs.active_connections for service in stats.services for rs in service.real_servers)
        if active != established or stats.connections_shed == 0:
            raise RuntimeError(f"{established} were established, {active} are; {stats.connections_shed} were shed")
    finally:
        director.close()
    return [row(scenario, "worker CPU per packet", "ns", [w.ns_per_packet for w in windows], established),
            row(scenario, "SYNs per second of worker CPU", "M/s",
                [w.per_cpu_second("fresh") / 1e6 for w in windows], established)]


def churn(suite):
    """A tenth of the packets open a connection that ends a second later, beside the live flows' traffic."""
    flows = 1_048_576 if suite.quick else 10_000_000
    scenario = "churn: a tenth of the packets are new connections"
    director = Director(suite.build, suite.folder, "nat", max_connections=flows + 4_000_000,
                        timeouts_ms={"udp": SHORT_MS})
    try:
        director.source.open_flows(flows, proto=TCP)
        director.source.configure(phase=Phase.RUN, fresh_share=ALL // 10, fresh=Fresh.DATAGRAM,
                             replies=Replies.SAME_WORKER)
        time.sleep(3)
        windows = [director.window(2 * suite.seconds) for _ in range(suite.rounds)]
        director.check_conservation()
    finally:
        director.close()
    return [row(scenario, "worker CPU per packet", "ns", [w.ns_per_packet for w in windows], flows),
            row(scenario, "connections per second of worker CPU", "M/s",
                [w.per_cpu_second("fresh") / 1e6 for w in windows], flows)]


def mass_expiry(suite):
    """A million connections end at the same moment while others go on."""
    scenario, dying, living, slice_s = "mass expiry of 1M", 1_000_000, 1_024, 0.1
    director = Director(suite.build, suite.folder, "nat", max_connections=1_500_000, timeouts_ms={"udp": 2_000})
    try:
        director.source.open_flows(dying + living, proto=UDP)
        director.source.configure(phase=Phase.RUN, active=living, replies=Replies.SAME_WORKER)
        slices = []
        for _ in range(60):
            slices.append((director.window(slice_s).ns_per_packet, director.connections()))
            if len(slices) > 10 and slices[-10][1] == living:
                break
        else:
            raise RuntimeError(f"{slices[-1][1] - living} connections have not ended after {60 * slice_s} s")
        director.check_conservation()
    finally:
        director.close()
    calm = [ns for ns, connections in slices if connections == living]
    during = [ns for (ns, now), (_, was) in zip(slices[1:], slices) if now < was]
    return [row(scenario, "worker CPU per packet, before and after", "ns", calm, living),
            row(scenario, "worker CPU per packet, in the 100 ms slices meanwhile", "ns", during, living)]


def run(suite):
    found = []
    for scenario, mode, fresh in (("new UDP connections, DR", "dr", Fresh.DATAGRAM),
                                  ("new UDP connections, NAT", "nat", Fresh.DATAGRAM),
                                  ("new TCP connections, NAT, SYN and SYN-ACK", "nat", Fresh.HANDSHAKE),
                                  ("whole TCP connections, NAT, 8 packets", "nat", Fresh.LIFE)):
        found += suite.report(new_connections(suite, scenario, mode, fresh))
    for part in (syn_flood, churn, mass_expiry):
        found += suite.report(part(suite))
    return found

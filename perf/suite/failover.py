"""How long a client is without an answer: a master killed with -9, its return, a planned switchover; keepalived from
Debian killed at the same advert interval beside it. The client asks every 2 ms."""

import contextlib
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(_HERE, "..", "..", "scripts"), os.path.join(_HERE, "..", "..", "tests", "netns")]

import keepalived  # noqa: E402
from ballast_lab import director, pair  # noqa: E402
from ballast_lab.agent import Agent, module_argv  # noqa: E402
from ballast_lab.lab import Lab  # noqa: E402
from ballast_lab.processes import wait_until  # noqa: E402
from ballast_lab.topology import NAT_VIP  # noqa: E402
from suite.rows import row  # noqa: E402

PORT = 7001
CONNECTIONS = 1_000
ADVERT_INTERVAL = "100ms"
ROUNDS, QUICK_ROUNDS = 10, 3


def start_echo(lab, hosts):
    for name in hosts:
        lab.spawn(f"{name}-echo", name, module_argv("echo", "--tcp", PORT - 1, "--udp", PORT))
        lab.wait_listening(f"{name}-echo", name, PORT - 1)


@contextlib.contextmanager
def laboratory(name, **options):
    lab = Lab(f"{name}{os.getpid()}", ha=True, **options)
    try:
        yield lab
    finally:
        lab.down()


def ballast(suite):
    killed, returned, switched = [], [], []
    servers = [(1, 1), (2, 1)]
    services = [director.service("echo", f"{NAT_VIP}:{PORT - 1}", "nat", servers, scheduler="rr",
                                 check=director.check("tcp")),
                director.service("probe", f"{NAT_VIP}:{PORT}", "nat", servers, protocol="udp", scheduler="rr",
                                 check=director.check("ping"))]
    with laboratory("outage", clients=2, server_count=2) as lab:
        lab.up(pair.configs(lab.dir, services, ADVERT_INTERVAL),
               prepare=lambda each: start_echo(each, each.network.servers))
        first = lab.directors["lb1"]

        def wait_master(name):
            wait_until(lambda: lab.wait_one_master() == name, 60, f"{name} to be master")

        wait_master("lb1")
        with Agent(lab, "c1", "gap", f"{NAT_VIP}:{PORT}") as prober, \
                Agent(lab, "c2", "survivors", f"{NAT_VIP}:{PORT - 1}") as holder:
            holder.ask("open", count=CONNECTIONS)
            wait_until(lambda: lab.directors["lb2"].connection_count() >= CONNECTIONS, 30, "the standby to know them")

            def outage(during):
                prober.ask("report")
                during()
                if (report := holder.ask("exchange"))["survived"] != CONNECTIONS:
                    raise RuntimeError(f"connections were lost: {report}")
                return prober.ask("report")["gap_ms"]

            def kill():
                first.kill()
                wait_master("lb2")

            def come_back():
                first.start()
                wait_master("lb1")
                first.wait_servers_up()

            def switch(source, to):
                lab.lbcli("ha", "switchover", director=source)
                wait_master(to)

            for _ in range(QUICK_ROUNDS if suite.quick else ROUNDS):
                killed.append(outage(kill))
                returned.append(outage(come_back))
                wait_until(lambda: first.show("sync")["peer_complete"], 30, "the standby to have everything")
                switched.append(outage(lambda: switch("lb1", "lb2")))
                switched.append(outage(lambda: switch("lb2", "lb1")))
    return {"master killed with -9": killed, "the old master's return": returned, "planned switchover": switched}


def keepalived_killed(suite):
    """The echo servers are on the directors themselves: what is measured is the address."""
    outages = []
    with laboratory("outageka", clients=1, server_count=1) as lab:
        lab.up()
        start_echo(lab, ("lb1", "lb2"))
        peers = {}
        for host, priority in (("lb1", 150), ("lb2", 100)):
            keepalived.take_ports(lab, host)
            lab.host(host).ip("route", "replace", "default", "via", "192.0.2.1")
            peers[host] = keepalived.Keepalived(lab, host, [keepalived.Instance(
                "VI", "wan0", 51, priority, [f"{NAT_VIP}/24"], advert_int=0.1)])
            peers[host].start()
        peers["lb1"].wait_state("VI", "MASTER")
        with Agent(lab, "c1", "gap", f"{NAT_VIP}:{PORT}") as prober:
            for _ in range(QUICK_ROUNDS if suite.quick else ROUNDS):
                wait_until(lambda: prober.ask("report")["answered"] > 0, 30, "the address to answer")
                prober.ask("report")
                peers["lb1"].kill()
                peers["lb2"].wait_state("VI", "MASTER")
                wait_until(lambda: peers["lb2"].holds("VI"), 10, "the address to be at lb2")
                reports = []
                wait_until(lambda: reports.append(prober.ask("report")) or reports[-1]["answered"] > 0, 30, "an answer")
                outages.append(max(report["gap_ms"] for report in reports))
                lab.host("lb1").ip("route", "replace", "default", "via", "192.0.2.1")
                peers["lb1"].start()
                peers["lb1"].wait_state("VI", "MASTER")
                peers["lb2"].wait_state("VI", "BACKUP")
    return outages


def run(suite):
    outages = ballast(suite)
    killed = keepalived_killed(suite)
    baseline = "keepalived's"
    ratios = [ours / theirs for ours, theirs in zip(outages["master killed with -9"], killed)]
    found = [row("failover", "keepalived killed with -9: longest time without an answer", "ms", killed)]
    for what, values in outages.items():
        paired = {"baseline": baseline, "ratios": ratios} if what == "master killed with -9" else {}
        found.append(row("failover", f"{what}: longest time without an answer", "ms", values, **paired))
    suite.report(found)

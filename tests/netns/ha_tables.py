"""The connection tables of two directors, compared; and what fills them."""

import time

import harness
from ballast_lab import pair
from ballast_lab.agent import Agent
from ballast_lab.topology import DR_VIP, NAT_VIP

VIPS = {"nat": NAT_VIP, "dr": DR_VIP}
NOT_SYNCHRONIZED = ("SYN_SENT", "SYN_RECV", "UDP_UNANSWERED")
HANDSHAKE = {"HANDSHAKE": "SYN_RECV"}  # as the peer has it
FLOWS_NETWORK = "198.18.0.0/15"  # of flows.py's clients
AT_THE_END_MS = 3000  # rows that live no longer may be gone on one side already
TOLERANCE_MS = 3000
REFRESH_MS = 60_000  # how often active connections are refreshed


def send_flows(lab, client, target, **options):
    """flows.py on a client, to its end."""
    words = [word for key, value in options.items() for word in (f"--{key}", str(value))]
    lab.host(client).run(harness.PYTHON, "-B", f"{harness.HERE}/flows.py", "--target", target, *words)


def start_answering(lab, port):
    """Each real server answers the datagrams of send_udp_flows(); the answers end at the router."""
    lab.host("router").ip("route", "replace", "blackhole", FLOWS_NETWORK)
    for name in lab.network.servers:
        harness.start_peer(lab, name, "udp-echo", port)


def send_udp_flows(lab, client, vip, port, **options):
    """Flows that count as confirmed: in DR mode, where no answer comes by, after the second datagram."""
    send_flows(lab, client, f"{vip}:{port}", datagrams=1 if vip == NAT_VIP else 2, **options)


class SyncTest(harness.HaTest):
    CLIENTS = 2
    SERVERS = 2
    TIMEOUTS = {}  # [dataplane.timeouts]

    @classmethod
    def configure(cls, lab):
        configs = super().configure(lab)
        for tables in configs.values():
            # As long as the peer keeps it.
            tables["dataplane"]["timeouts"] = {"tcp_handshake": "30s"} | cls.TIMEOUTS
        return configs

    def setUp(self):
        super().setUp()
        self.master, self.standby = (self.lab.directors[name] for name in pair.DIRECTORS)
        self.wait_role("lb1", "MASTER")

    def wait_servers_up(self):
        for name in pair.DIRECTORS:
            self.lab.directors[name].wait_servers_up()

    def holder(self, client, vip, port):
        """survivors.py until the test ends."""
        agent = Agent(self.lab, client, "survivors", f"{vip}:{port}")
        self.addCleanup(agent.close)
        return agent

    # ---- the tables

    def settled(self):
        """Whether everything that has happened is acknowledged."""
        sync = self.master.show("sync")
        return (sync["connected"] and sync["peer_complete"] and sync["pending_entries"] == 0
                and sync["lag_bytes"] == 0 and sync["watermark"] == sync["last_batch"])

    @staticmethod
    def rows(each, *filters):
        """{key: row} of a director's connections."""
        return {tuple(row[key] for key in ("protocol", "client_address", "client_port",
                                           "vip_address", "vip_port")):
                row | {"state": HANDSHAKE.get(row["state"], row["state"])}
                for row in each.connections(*filters)}

    def differences(self, behind_ms=0):
        """[(key, what, what)] between the two tables, but for what is at its end and what is not
        told. The standby's lifetimes may be `behind_ms` behind, and are read later."""
        begun = time.monotonic()
        ours, theirs = self.rows(self.master), self.rows(self.standby)
        behind_ms += 1000 * (time.monotonic() - begun)
        found = []
        for key in ours.keys() | theirs.keys():
            one, other = ours.get(key), theirs.get(key)
            if any(row is not None and row["expires_ms"] < AT_THE_END_MS for row in (one, other)):
                continue
            if one is not None and one["state"] in NOT_SYNCHRONIZED and other is None:
                continue
            if one is None or other is None:
                found.append((key, "is on one side only", one or other))
            elif not -TOLERANCE_MS <= one["expires_ms"] - other["expires_ms"] \
                    <= TOLERANCE_MS + behind_ms:
                found.append((key, one["expires_ms"], other["expires_ms"]))
            elif one | {"expires_ms": 0} != other | {"expires_ms": 0}:
                found.append((key, one, other))
        self.compared = len(ours)
        return found

    def assert_tables_equal(self, behind_ms=0):
        """At once when everything is acknowledged; again only because the two dumps are not made at
        the same moment. `behind_ms`: where connections are used again, see REFRESH_MS."""
        self.wait(self.settled, "the peer to have acknowledged everything")
        try:
            self.wait(lambda: not self.differences(behind_ms), "equal tables", timeout=20)
        except TimeoutError:
            found = self.differences(behind_ms)
            self.fail(f"{len(found)} of {self.compared} connections differ, as {found[:5]}")
        print(f"# {self.compared} connections compared", flush=True)

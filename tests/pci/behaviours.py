"""What a director has to do on every NIC. Each method tries one behaviour of nics.BEHAVIOURS."""

import json
import os
import signal

import harness
from ballast_lab import director
from ballast_lab.errors import LabError
from ballast_lab.topology import DIRECTOR_WAN, DR_VIP, NAT_VIP, WAN_NET
from keepalived import Instance, Keepalived
from nics import NICS

VLAN, VLAN_SERVICE = 20, "web-vlan"
VLAN_VIP = f"{WAN_NET}.30"
VLAN_NET, VLAN_SERVER = "10.20.0", "10.20.0.11"
PEER, PEER_ADDRESS = "peer", f"{WAN_NET}.3"
ROUTER_ID, VIRTUAL_MAC = 51, "00:00:5e:00:01:33"
VRRP = "VI_WAN"
WORKERS = 2
JUMBO = 9000
PATIENCE = 90  # seconds for what an idle machine does in a few

HERE = os.path.dirname(os.path.abspath(__file__))


def prepare_vlan(lab):
    """Server s1 gets a second link, to the VLAN of the director's lan port."""
    switch, server = lab.host("switch"), lab.host("s1")
    lab.spawn("vlan-link", "switch", [
        harness.PYTHON, "-B", f"{HERE}/vlan_link.py", "--id", str(VLAN),
        "--tagged", switch.name, "vlan", "--plain", server.name, "eth1"])
    harness.wait_until(lambda: "eth1" in server.ip("-o", "link", "show"), 10, "the VLAN's link")
    switch.ip("link", "set", "vlan", "mtu", str(JUMBO), "master", "lan", "up")
    server.ip("address", "add", f"{VLAN_SERVER}/24", "dev", "eth1")
    server.ip("link", "set", "eth1", "up")
    server.ip("route", "add", "default", "via", f"{VLAN_NET}.1", "table", str(VLAN))
    server.ip("rule", "add", "from", VLAN_SERVER, "lookup", str(VLAN))


def prepare_peer(lab):
    """The other VRRP router."""
    lab.network.attach(PEER, "wan0", "wan", f"{PEER_ADDRESS}/24")


class Behaviours:
    """Mixed into a LabTest around a GuestLab."""

    running = None  # (nic, configuration's name, workers) of the director that runs

    @classmethod
    def services(cls):
        # A guest answers late, and every check is work for it.
        check = {"type": "http", "interval": "2s", "timeout": "10s", "rise": 1, "fall": 5,
                 "path": "/health", "expect_status": 200}
        both = [(1, 1), (2, 1)]
        behind_vlan = [{"address": f"{VLAN_SERVER}:80", "weight": 1}]
        return [director.service("web", f"{NAT_VIP}:80", "nat", both, check=check),
                director.service("web-dr", f"{DR_VIP}:80", "dr", both, check=check),
                director.service(VLAN_SERVICE, f"{VLAN_VIP}:80", "nat", [], check=check,
                                 real_server=behind_vlan)]

    def attempt(self, nic, behaviour):
        getattr(self, f"try_{behaviour}")(nic)

    # ---- the director

    def need(self, nic, name="plain", workers=WORKERS):
        """A director with this configuration on these NICs, with all real servers up."""
        wanted = (nic, name, workers)
        if Behaviours.running == wanted and self.lab.directors["lb1"].running():
            return
        Behaviours.running = None
        tables = self.lab.config(self.services(), workers)
        getattr(self, f"_configure_{name}")(tables)
        self.lab.use(nic, tables)
        self.lab.wait_servers_up(PATIENCE)
        Behaviours.running = wanted

    @staticmethod
    def _configure_plain(tables):
        tables["port"][1]["vlan"] = [{"name": f"lan.{VLAN}", "id": VLAN,
                                      "addresses": [f"{VLAN_NET}.1/24"]}]

    @staticmethod
    def _without_vlan(tables):
        tables["service"] = [table for table in tables["service"] if table["name"] != VLAN_SERVICE]

    def _configure_jumbo(self, tables):
        self._without_vlan(tables)
        for port in tables["port"]:
            port["mtu"] = JUMBO

    def _configure_vrrp(self, tables):
        self._without_vlan(tables)
        tables["ha"] = {"instance": [{
            "name": VRRP, "port": "wan", "virtual_router_id": ROUTER_ID, "priority": 100,
            "advert_interval": "1s", "virtual_mac": True,
            "addresses": [f"{NAT_VIP}/24", f"{DR_VIP}/24"]}]}

    # ---- traffic

    def load(self, vip, requests=60, path="/1k", parallel=4, per_connection=3):
        """Requests from c1, every byte compared; none may fail."""
        output = self.host("c1").run(*harness.http_load(
            f"{vip}:80", path=path, requests=requests, parallel=parallel,
            per_connection=per_connection, expect_file=f"{self.lab.payload_dir}{path}"), timeout=PATIENCE)
        self.assertEqual(json.loads(output), {"good": requests, "errors": {}, "bodies": {}})

    def ping(self, address, *options):
        self.host("c1").run("ping", "-c", "2", "-i", "0.2", "-W", "10", *options, address)

    def answers(self, vip):
        """Whether a request is answered within some seconds: what a condition can wait for."""
        return harness.exit_status(self.host("c1").argv(
            "curl", "-sf", "--max-time", "5", "-o", "/dev/null", f"http://{vip}/")) == 0

    def lcore_packets(self):
        return [row["packets"] for row in self.lab.show("lcore")["lcores"]]

    # ---- behaviours

    def try_nat(self, nic):
        self.need(nic)
        self.load(NAT_VIP)
        self.load(NAT_VIP, requests=4, path="/100k")
        self.ping(DIRECTOR_WAN)

    def try_dr(self, nic):
        self.need(nic)
        self.load(DR_VIP)
        self.load(DR_VIP, requests=4, path="/100k")
        traffic = self.lab.service("web-dr")
        self.assertEqual(traffic["packets_out"], 0)
        self.assertGreater(traffic["packets_in"], 0)

    def try_vlan(self, nic):
        self.need(nic)
        self.wait_server(VLAN_SERVICE, f"{VLAN_SERVER}:80", up=True)
        self.load(VLAN_VIP)

    def try_link(self, nic):
        self.need(nic)
        self.addCleanup(self.lab.set_link, "wan", True)
        self.lab.set_link("wan", False)
        self.wait(lambda: not self.lab.port("wan")["link_up"], "the port to have no link", PATIENCE)
        self.lab.set_link("wan", True)
        self.wait(lambda: self.lab.port("wan")["link_up"], "the port to have its link", PATIENCE)
        self.wait(lambda: self.answers(NAT_VIP), "traffic", PATIENCE)
        self.load(NAT_VIP)

    def try_kill(self, nic):
        self.need(nic)
        dataplane = self.lab.processes["lb-dataplane"]
        dataplane.signal(signal.SIGKILL)
        dataplane.wait(PATIENCE)
        self.lab.start_dataplane()
        self.lab.wait_servers_up(PATIENCE)
        self.wait(lambda: self.answers(NAT_VIP), "traffic", PATIENCE)
        self.load(NAT_VIP)
        self.load(DR_VIP)
        self.assertTrue(self.lab.processes["lb-controlplane"].running())

    def _try_workers(self, nic, workers):
        """Every worker that has a queue of one of the two ports gets its share."""
        self.need(nic, workers=workers)
        queues = min(workers, NICS[nic].queues)
        for port in ("wan", "lan"):
            self.assertEqual(self.lab.port(port)["rx_queues"], queues)
        before = self.lcore_packets()
        self.load(NAT_VIP, requests=64, per_connection=1)
        received = [after - old for old, after in zip(before, self.lcore_packets())]
        self.assertEqual(len(received), workers)
        busy = sum(packets > 10 for packets in received)
        self.assertEqual(busy, min(workers, 2 * queues), f"packets of each worker: {received}")

    def try_workers_1(self, nic):
        self._try_workers(nic, 1)

    def try_workers_2(self, nic):
        self._try_workers(nic, 2)

    def try_workers_3(self, nic):
        self._try_workers(nic, 3)

    def try_vrrp(self, nic):
        """Multicast adverts and packets to the virtual MAC address arrive."""
        self.need(nic, "vrrp")
        self._wait_role("MASTER")
        self.wait(lambda: self.answers(NAT_VIP), "traffic as master", PATIENCE)
        neighbours = self.host("router").ip("neighbour", "show", NAT_VIP)
        self.assertIn(VIRTUAL_MAC, neighbours)
        peer = Keepalived(self.lab, PEER, [Instance(VRRP, "wan0", ROUTER_ID, 200,
                                                    [f"{NAT_VIP}/24", f"{DR_VIP}/24"])])
        peer.start()
        self.addCleanup(lambda: peer.process.kill())
        self._wait_role("BACKUP")
        peer.wait_state(VRRP, "MASTER", PATIENCE)
        peer.stop()
        self._wait_role("MASTER")
        self.wait(lambda: self.answers(NAT_VIP), "traffic as master again", PATIENCE)
        self.load(NAT_VIP)

    def _wait_role(self, state):
        def reached():
            try:
                return self.lab.directors["lb1"].roles()[VRRP] == state
            except LabError:
                return False  # lbcli found a control plane that is not yet there
        self.wait(reached, f"{VRRP} to be {state}", PATIENCE)

    def try_jumbo(self, nic):
        """Packets of 9000 bytes through NAT, DR and to the director itself."""
        self.need(nic, "jumbo")
        hosts = [self.host("c1"), self.host("s1"), self.host("s2")]
        for host in hosts:
            self.addCleanup(host.set_mtu, "eth0", 1500)
            host.set_mtu("eth0", JUMBO)
        for vip in (NAT_VIP, DR_VIP):
            self.load(vip, requests=4, path="/100k")
        self.host("router").run("ping", "-c", "2", "-W", "10", "-M", "do", "-s", str(JUMBO - 28), DIRECTOR_WAN)

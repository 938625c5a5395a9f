#!/usr/bin/python3
"""A master whose control plane has much to do stays master: a configuration of 10,000 real servers is reloaded, many
HTTPS checks shake hands, readers stall, the whole table is walked to the peer, and somebody hostile speaks to the sync
link. In none of it a director changes its state."""

import contextlib
import copy
import subprocess

import harness
import stalled
from ballast_lab import director, pair
from ballast_lab.servers import TLS_NAME
from ballast_lab.topology import NAT_VIP, own_addresses, server_address
from ha_cuts import ADVERTS_IN_PEACE, sent_adverts
from ha_sync_keys import SYNC_PORT, Authority
from ha_tables import send_udp_flows, start_answering

NETWORK = "10.1.0.0/16"  # all at s1
SERVICES, SERVERS = 500, 20
CHECKS = 200
UDP_PORT = 7010
FLOWS = 50_000


def many(count, servers, check):
    tables = []
    for number in range(count):
        table = director.service(f"s{number}", f"{NAT_VIP}:{1000 + number}", "nat", [], check=check)
        table["real_server"] = [{"address": f"10.1.{each // 250}.{each % 250 + 1}:443", "weight": 1}
                                for each in range(number * servers, (number + 1) * servers)]
        tables.append(table)
    return tables


class Busy(harness.HaTest):
    CLIENTS = 1
    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        cls.tables = pair.configs(lab.dir, cls.services(), cls.ADVERT_INTERVAL)
        for tables in cls.tables.values():
            tables["route"].append({"destination": NETWORK, "via": server_address(1)})
        return cls.tables

    @classmethod
    def prepare(cls, lab):
        lab.host("s1").ip("route", "add", "local", NETWORK, "dev", "lo")

    def setUp(self):
        super().setUp()
        self.master, self.standby = (self.lab.directors[name] for name in pair.DIRECTORS)
        self.wait_role("lb1", "MASTER", timeout=60)
        self.wait(lambda: self.sync()["connected"] and self.sync()["peer_complete"], "the peer to have everything")
        self.before = {name: self.transitions(name) for name in pair.DIRECTORS}

    def sync(self):
        return self.master.show("sync")

    def transitions(self, name):
        return self.lab.directors[name].show("ha")["events"]

    def assert_no_transition(self, *names, of="lb1"):
        """Nor does one come that has begun: the master has sent many more adverts."""
        begun = sent_adverts(self.lab, of)
        self.wait(lambda: sent_adverts(self.lab, of) > begun + ADVERTS_IN_PEACE, "adverts")
        for name in names or pair.DIRECTORS:
            self.assertEqual(self.transitions(name), self.before[name], name)


class ManyServers(Busy):
    @classmethod
    def services(cls):
        # The checks are another test's.
        return many(SERVICES, SERVERS, {"type": "tcp", "interval": "60s", "timeout": "30s"})

    @staticmethod
    def ready(rs):
        return True

    def test_reloads(self):
        tables = copy.deepcopy(self.tables["lb1"])
        for weight in (2, 3, 4):
            for service in tables["service"][weight::25]:
                service["real_server"][0]["weight"] = weight
            self.master.write_config(tables)
            self.assertIn("20 changes", self.master.lbcli("reload").stdout)
        self.assert_no_transition()

    def test_who_reads_the_state_and_stalls(self):
        with contextlib.ExitStack() as stack:
            for _ in range(8):
                stack.enter_context(stalled.status_reader(self.master))
            self.assertEqual(len(self.master.show("check")["checks"]), SERVICES * SERVERS)
            self.assert_no_transition()


class Work(Busy):
    @classmethod
    def services(cls):
        check = director.check("https") | {"interval": "500ms", "timeout": "5s", "tls_server_name": TLS_NAME,
                                           "tls_ca_file": f"/run/ballast-lab-{cls.lab_name}/tls/cert.pem"}
        return [*many(10, CHECKS // 10, check),
                director.service("udp", f"{NAT_VIP}:{UDP_PORT}", "nat", [(1, 1)], protocol="udp", scheduler="rr",
                                 check=director.check("ping"))]

    @classmethod
    def configure(cls, lab):
        """With certificates on the sync link: those of unknown hosts have to be verified."""
        cls.lab_name = lab.name
        configs = super().configure(lab)
        for name, tables in configs.items():
            sync = tables["ha"]["sync"]
            del sync["key_file"]
            sync.update(Authority.files(lab.dir, "ours", name))
        return configs

    @classmethod
    def prepare(cls, lab):
        super().prepare(lab)
        ours = Authority(lab.dir, "ours")
        for name in pair.DIRECTORS:
            ours.sign(name)
        start_answering(lab, UDP_PORT)

    def fill_table(self):
        def filled():
            # Again, until they are there: a busy machine loses some.
            send_udp_flows(self.lab, "c1", NAT_VIP, UDP_PORT, flows=FLOWS)
            return self.master.connection_count() >= FLOWS * 0.9

        self.wait(filled, "the connections", timeout=60)

    def test_https_checks(self):
        """They all are up, as each has been asked more than once; and go on."""
        self.assertTrue(all(rs["up"] for rs in self.master.real_servers()))
        self.assert_no_transition()

    def test_who_reads_the_connections_and_stalls(self):
        self.fill_table()
        with contextlib.ExitStack() as stack:
            for arguments in (("show", "conn"), ("show", "conn", "--json")):
                reader = stack.enter_context(
                    subprocess.Popen(self.master.lbcli_argv(*arguments), stdout=subprocess.PIPE))
                stack.callback(reader.kill)
                self.assertTrue(reader.stdout.read(1))
            self.assert_no_transition()

    def test_the_table_is_walked_to_the_peer(self):
        self.fill_table()
        self.kill_director("lb2")
        self.start_director("lb2")
        self.wait(lambda: self.sync()["connected"] and self.sync()["peer_complete"], "the walk", timeout=60)
        self.assert_no_transition("lb1")

    def test_a_hostile_peer(self):
        """The one that listens on the sync link is master, and is spoken to from the other one's address."""
        chain = f"{self.lab.dir}/large.pem"
        self.make_large_chain(chain)
        self.lab.lbcli("ha", "switchover", director="lb1")
        self.wait_role("lb2", "MASTER")
        self.addCleanup(self.switch_back)
        self.wait(lambda: self.standby.show("sync")["peer_complete"], "the peer to have everything")
        self.before = {name: self.transitions(name) for name in pair.DIRECTORS}
        refused = self.refusals()
        hostile = self.lab.spawn("hostile", "lb1", [
            harness.PYTHON, "-B", f"{harness.HERE}/hostile_tls.py", "--target",
            f"{own_addresses('lb2')['sync']}:{SYNC_PORT}", "--source", own_addresses("lb1")["sync"], "--certificate",
            chain])
        self.addCleanup(hostile.kill)
        self.wait(lambda: self.refusals() > refused + 20, "refusals", timeout=30)
        self.assertTrue(hostile.running())
        self.assert_no_transition(of="lb2")
        self.assertTrue(self.standby.show("sync")["connected"])

    def refusals(self):
        """By lb2: of TLS that proves nothing."""
        return sum(row["count"] for row in self.standby.show("sync")["refusals"]
                   if row["name"] in ("not_proved", "silent"))

    def switch_back(self):
        self.wait(lambda: self.standby.show("sync")["peer_complete"], "the peer to have everything")
        self.lab.lbcli("ha", "switchover", director="lb2")
        self.wait_role("lb1", "MASTER")

    @staticmethod
    def make_large_chain(path):
        """A key and a certificate of 4096 bits, and the same certificate as its chain, again and again."""
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:4096", "-nodes", "-days", "2", "-subj", "/CN=large",
                        "-keyout", path, "-out", f"{path}.crt"], check=True, capture_output=True)
        with open(f"{path}.crt", encoding="ascii") as certificate, open(path, "a", encoding="ascii") as out:
            out.write(certificate.read() * 60)


harness.main(__name__)

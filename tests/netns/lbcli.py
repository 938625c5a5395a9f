#!/usr/bin/python3
"""lbcli against a running director: every view as text and JSON, filters, daemons that are down."""

import json
import os
import signal
import socket
import struct
import subprocess
import tempfile

import harness
from ballast_lab import director
from ballast_lab.topology import NAT_VIP, client_address

TRAFFIC = {"connections", "packets_in", "packets_out", "bytes_in", "bytes_out", "syn_unanswered",
           "syn_refused"}
# View -> (key of its list, keys of a row): what scripts out there rely on.
VIEWS = {
    "service": ("services", {"name", "protocol", "address", "port", "mode", "scheduler",
                             "real_servers"}),
    "rs": ("real_servers", {"service", "protocol", "address", "port", "mode", "weight", "state",
                            "up", "removed", "next_hop_resolved", "active_connections",
                            "inactive_connections", "health"} | TRAFFIC),
    "port": ("ports", {"name", "device", "driver", "mac", "link_up", "mtu_bytes", "rx_packets",
                       "tx_packets", "kernel_rx_packets", "kernel_tx_packets"}),
    "lcore": ("lcores", {"worker", "cpu", "packets", "forwarded_packets", "punted_packets",
                         "dropped_packets", "busy_percent"}),
    "stats": ("services", {"name", "address", "port", "real_servers"} | TRAFFIC),
    "drops": ("drops", {"reason", "packets", "description"}),
    "punt": ("punts", {"port", "class", "passed_packets", "dropped_packets", "description"}),
}
CONN_KEYS = {"protocol", "client_address", "client_port", "vip_address", "vip_port",
             "real_server_address", "real_server_port", "state", "expires_ms", "service", "mode"}


class Lbcli(harness.LabTest):
    CLIENTS = 2

    def test_views_as_json(self):
        self.fetch("c1", f"http://{NAT_VIP}/")
        for view, (rows, keys) in VIEWS.items():
            with self.subTest(view=view):
                answer = self.lab.show(view)
                self.assertTrue(answer[rows])
                for row in answer[rows]:
                    self.assertEqual(keys - set(row), set(), "keys that are missing")

    def test_views_as_text(self):
        words = {"service": f"TCP  {NAT_VIP}:80 wrr web", "rs": "L7OK/200", "port": "net_af_packet",
                 "lcore": "Worker", "stats": "InPkts", "drops": "ttl_expired", "punt": "VRRP adverts",
                 "conn": "expire"}
        for view, word in words.items():
            with self.subTest(view=view):
                done = self.lab.lbcli("show", view)
                self.assertIn(word.lower(), done.stdout.lower())
                self.assertEqual(done.stderr, "")

    def test_walk_10_show_conn_with_filters(self):
        clients = []
        for name in ("c1", "c2"):
            with self.host(name).inside():
                clients.append(socket.create_connection((NAT_VIP, 80), timeout=20))
            self.addCleanup(clients[-1].close)
        mine = {(client_address(number), client.getsockname()[1])
                for number, client in enumerate(clients, 1)}

        def rows(*filters):
            found = self.lab.connections(*filters)
            for row in found:
                self.assertEqual(set(row), CONN_KEYS)
            return {(row["client_address"], row["client_port"]) for row in found}

        established = rows("--state", "ESTABLISHED")
        self.assertEqual(established & mine, mine)
        self.assertEqual({address for address, _ in rows("--client", client_address(1))},
                         {client_address(1)})
        self.assertEqual(rows("--client", "198.51.100.0/24", "--state", "established") & mine, mine)
        self.assertEqual(rows("--client", "203.0.113.0/24"), set())
        self.assertEqual(rows("--service", "web-dr") & mine, set())
        by_server = [rows("--rs", f"10.0.0.1{number}:80", "--service", "web") & mine
                     for number in (1, 2)]
        self.assertEqual(by_server[0] | by_server[1], mine)
        self.assertEqual(by_server[0] & by_server[1], set())
        self.assertEqual(len(rows("--limit", "1")), 1)

    def test_rates(self):
        load = harness.BackgroundLoad(self.lab, "c1", f"{NAT_VIP}:80", parallel=2)
        done = self.lab.lbcli("show", "stats", "--rate", "--interval", "500ms", "--count", "2",
                              "--json")
        load.stop()
        decoder, text, samples = json.JSONDecoder(), done.stdout.strip(), []
        while text:
            sample, end = decoder.raw_decode(text)
            samples.append(sample)
            text = text[end:].strip()
        self.assertEqual(len(samples), 2)
        web = next(row for row in samples[1]["services"] if row["name"] == "web")
        for key in ("connections_per_s", "packets_in_per_s", "bits_out_per_s"):
            self.assertGreater(web[key], 0)

    def test_version(self):
        output = self.lab.lbcli("version").stdout
        for program in ("lbcli", "lb-dataplane", "lb-controlplane"):
            self.assertIn(program, output)

    def test_nothing_runs(self):
        with tempfile.TemporaryDirectory() as directory:
            for view in [*VIEWS, "conn"]:
                with self.subTest(view=view):
                    done = subprocess.run(
                        [f"{self.lab.build}/lbcli", "--run-dir", directory, "show", view],
                        capture_output=True, text=True, check=False, timeout=20)
                    self.assertEqual((done.returncode, done.stdout), (3, ""))
                    self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_one_status_and_text_for_each_mistake(self):
        """Whichever command and daemon finds it: docs/reference/commands.md."""
        filters = [("show", "conn"), ("flush", "conn")]
        mistakes = {
            "lbcli: unknown service wbe; did you mean web?\n":
                [(*each, "--service", "wbe") for each in (*filters, ("show", "persistence"),
                                                          ("flush", "persistence"))]
                + [("set", "rs", "wbe", "10.0.0.11", "maint"),
                   ("set", "service", "wbe", "scheduler", "rr")],
            "lbcli: service web has no real server 10.0.0.99; see lbcli show rs\n":
                [(*each, "--service", "web", "--rs", "10.0.0.99") for each in filters]
                + [("set", "rs", "web", "10.0.0.99", "maint")],
            "lbcli: no service has a real server 10.0.0.99:80; see lbcli show rs\n":
                [(*each, "--rs", "10.0.0.99:80") for each in filters],
            "10.0.0.300":
                [(*each, "--rs", "10.0.0.300") for each in filters]
                + [("set", "rs", "web", "10.0.0.300", "maint")],
        }
        for text, commands in mistakes.items():
            for arguments in commands:
                with self.subTest(arguments=arguments):
                    done = self.lab.lbcli(*arguments, check=False)
                    self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
                    self.assertIn(text, done.stderr)
                    self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for arguments in (("show", "ha"), ("ha", "freeze"), ("confirm",), ("alert", "test")):
            with self.subTest(arguments=arguments):
                self.assertEqual(self.lab.lbcli(*arguments, check=False).returncode, 1)

    def test_check_on_this_machine(self):
        """What the daemons would not find: by line, and not with --no-host."""
        with open(self.lab.config_path, encoding="utf-8") as file:
            text = file.read()
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/lb.toml"
            with open(path, "w", encoding="utf-8") as out:
                out.write(text + f'[alert]\nscript = ["{folder}/alert.sh"]\nscript_user = "root"\n')
            argv = [self.lab.program("lbcli"), "check", path]
            with self.host("lb1").inside():
                done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20)
            line = len(text.splitlines()) + 2
            self.assertEqual(done.returncode, 2)
            self.assertEqual(done.stderr, f"{path}:{line}:10: script: {folder}/alert.sh cannot be "
                             "opened: No such file or directory; make it, or name another program\n")
            done = subprocess.run([*argv, "--no-host"], capture_output=True, text=True, check=False,
                                  timeout=20)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_wrong_arguments(self):
        for arguments in (["show", "servics"], ["shwo"], [], ["show", "conn", "--client", "x"]):
            with self.subTest(arguments=arguments):
                done = self.lab.lbcli(*arguments, check=False)
                self.assertEqual(done.returncode, 2)
                self.assertTrue(done.stderr)

    def test_control_plane_down(self):
        """Real servers are shown all the same, their health is unknown."""
        control = self.lab.processes["lb-controlplane"]
        control.signal(signal.SIGKILL)
        control.wait(10)
        try:
            self.assertEqual({row["health"] is None for row in self.lab.real_servers()}, {True})
        finally:
            self.lab.start_controlplane()
            self.wait(self.lab.controlplane_answers, "the control plane to answer")


class ManyConnections(harness.LabTest):
    """A million connections are shown without being held, while requests go on."""

    SERVERS = 1
    SINK_PORT = 7000
    WANTED = 1_000_000
    ADDRESSES, PORTS = 20, 50_000
    MOST_MEMORY_KB = 100_000

    @classmethod
    def configure(cls, lab):
        config = director.config(f"{lab.dir}/run", [
            director.service("web", f"{NAT_VIP}:80", "nat", [(1, 1)], table_share=1),
            director.service("sink", f"{NAT_VIP}:{cls.SINK_PORT}", "nat", [(1, 1)], protocol="udp",
                             check=director.check("ping"))], memory_mb=1024)
        config["dataplane"] |= {"max_connections": cls.WANTED + 100_000, "timeouts": {"udp_unanswered": "5m"}}
        return config

    @classmethod
    def prepare(cls, lab):
        """A socket that takes everything and reads nothing, so that the server answers nothing."""
        with lab.host("s1").inside():
            cls.sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        cls.sink.bind(("0.0.0.0", cls.SINK_PORT))
        cls.addClassCleanup(cls.sink.close)

    def open_connections(self):
        """One datagram from each of many addresses and ports, until the director has them all."""
        with self.host("c1").inside():
            raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        target = socket.inet_aton(NAT_VIP)
        with raw:
            for number in range(self.ADDRESSES):
                source = socket.inet_aton(f"198.51.100.{100 + number}")
                header = struct.pack("!BBHHHBBH", 0x45, 0, 28, 0, 0, 64, 17, 0) + source + target
                for port in range(10_000, 10_000 + self.PORTS):
                    udp = struct.pack("!HHHH", port, self.SINK_PORT, 8, 0)
                    raw.sendto(header + udp, (NAT_VIP, 0))

    def test_a_million(self):
        for _ in range(10):  # what a full ring lost, on a busy machine, comes with the next turn
            self.open_connections()
            if self.lab.show("stats")["connections"] >= self.WANTED:
                break
        self.assertGreaterEqual(self.lab.show("stats")["connections"], self.WANTED)
        load = harness.BackgroundLoad(self.lab, "c1", f"{NAT_VIP}:80", parallel=4, per_connection=10)
        command = [f"{self.lab.build}/lbcli", "--config", self.lab.config_path, "show", "conn",
                   "--service", "sink", "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            rows = sum(line.count(b'"client_port"') for line in process.stdout)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0)
        self.assertGreaterEqual(rows, self.WANTED)
        self.assertLess(usage.ru_maxrss, self.MOST_MEMORY_KB)
        report = load.stop()
        self.assertEqual(report["errors"], {})
        self.assertGreater(report["good"], 100)


harness.main(__name__)

#!/usr/bin/python3
"""Who may open connections to a service, how many a second, and how long they last without a
packet: lists, files, limits, time-outs."""

import json
import subprocess

import harness
from ballast_lab import director
from ballast_lab.topology import NAT_VIP, client_address, server_address

SERVICES = {  # name: port
    "open": 80,
    "denying": 81,
    "allowing": 82,
    "limited": 83,
    "per-client": 84,
}
PER_SECOND = 20
DNS_SERVICES = {  # name: (port, what [service.timeouts] says)
    "dns-short": (5301, {"timeouts": {"udp": "1s"}}),
    "dns-long": (5302, {}),
}


class ServiceLimits(harness.LabTest):
    CLIENTS = 2

    @classmethod
    def configure(cls, lab):
        services = {}
        for name, port in SERVICES.items():
            servers = [{"address": f"{server_address(number)}:80"} for number in (1, 2)]
            services[name] = director.service(name, f"{NAT_VIP}:{port}", "nat", [],
                                              real_server=servers, check=director.check("tcp"))
        cls.deny_file = f"{lab.dir}/deny.txt"
        services["denying"]["deny_file"] = cls.deny_file
        services["allowing"] |= {"allow": [f"{client_address(2)}/32"]}
        services["limited"]["limits"] = {"new_per_second": PER_SECOND, "burst": "1s"}
        services["per-client"]["limits"] = {"new_per_second_per_client": PER_SECOND, "burst": "1s"}
        for name, (port, timeouts) in DNS_SERVICES.items():
            servers = [{"address": f"{server_address(1)}:53"}]
            services[name] = director.service(name, f"{NAT_VIP}:{port}", "nat", [], protocol="udp",
                                              real_server=servers, check=director.check("ping"),
                                              **timeouts)
        return director.config(f"{lab.dir}/run", list(services.values()))

    @classmethod
    def prepare(cls, lab):
        cls.write_list(10_000, client_address(2))

    @classmethod
    def write_list(cls, count, last):
        """A file of so many prefixes that nobody has, and one that somebody has."""
        with open(cls.deny_file, "w", encoding="utf-8") as out:
            out.write("# kept out\n")
            for number in range(count):
                out.write(f"{20 + number // 65536}.{number // 256 % 256}.{number % 256}.0/24\n")
            out.write(f"{last}  # a client\n")

    def get(self, client, name):
        """Whether a client's connection to a service is taken, also when its SYN is sent again."""
        argv = self.host(client).argv("curl", "--silent", "--connect-timeout", "2.5", "--output",
                                      "/dev/null", f"http://{NAT_VIP}:{SERVICES[name]}/")
        return subprocess.run(argv, check=False, timeout=30).returncode == 0

    def refused(self, name):
        return next(row["refused"] for row in self.lab.show("service")["services"]
                    if row["name"] == name)

    def syns(self, client, name, count):
        """So many connections are asked for at once; how many of them are taken, and the most that
        the limit lets through in the time that it took."""
        program = f"""
import json, select, socket, time
begin = time.monotonic()
wanted, taken = {{}}, 0
poll = select.poll()
for _ in range({count}):
    each = socket.socket()
    each.setblocking(False)
    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 1)
    each.connect_ex(({NAT_VIP!r}, {SERVICES[name]}))
    wanted[each.fileno()] = each
    poll.register(each, select.POLLOUT)
while wanted:
    for fd, _ in poll.poll():
        poll.unregister(fd)
        taken += wanted.pop(fd).getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
print(json.dumps([taken, time.monotonic() - begin]))
"""
        taken, seconds = json.loads(self.host(client).run(harness.PYTHON, "-c", program))
        return taken, PER_SECOND * (1 + seconds + 0.2)

    def test_a_client_in_the_deny_file_is_kept_out(self):
        self.allow_drops("denied")
        self.assertTrue(self.get("c1", "denying"))
        before = self.refused("denying")["denied"]
        self.assertFalse(self.get("c2", "denying"))
        self.assertGreater(self.refused("denying")["denied"], before)
        self.assertGreater(self.lab.drops()["denied"], 0)
        self.assertIn("     refused: denied ", self.lab.lbcli("show", "service").stdout)

    def test_only_clients_in_the_allow_list_come_in(self):
        self.allow_drops("denied")
        self.assertTrue(self.get("c2", "allowing"))
        self.assertFalse(self.get("c1", "allowing"))

    def test_a_service_without_lists_accepts_everyone(self):
        self.assertTrue(self.get("c1", "open"))
        self.assertTrue(self.get("c2", "open"))
        self.assertIsNone(self.refused("open"))

    def test_a_services_limit(self):
        self.allow_drops("service_rate_limited")
        before = self.refused("limited")["service_rate_limited"]
        taken, most = self.syns("c1", "limited", 20 * PER_SECOND)
        self.assertGreaterEqual(taken, PER_SECOND)
        self.assertLessEqual(taken, most)
        self.assertGreater(self.refused("limited")["service_rate_limited"], before)

    def test_a_clients_limit_leaves_others_alone(self):
        self.allow_drops("client_rate_limited")
        taken, most = self.syns("c1", "per-client", 20 * PER_SECOND)
        self.assertLessEqual(taken, most)
        self.assertEqual(self.syns("c2", "per-client", PER_SECOND // 2)[0], PER_SECOND // 2)
        self.assertGreater(self.refused("per-client")["client_rate_limited"], 0)

    def test_a_services_own_time_out(self):
        for port, _ in DNS_SERVICES.values():
            self.host("c1").run("dig", f"@{NAT_VIP}", "-p", str(port), "server.lab", "TXT")
        left = self.lab.connections("--service", "dns-short")
        self.assertTrue(all(row["expires_ms"] <= 1000 for row in left), left)
        self.wait(lambda: not self.lab.connections("--service", "dns-short"), "the short one to end")
        (long,) = self.lab.connections("--service", "dns-long")
        self.assertGreater(long["expires_ms"], 60_000)

    def test_a_mistake_in_the_file_is_reported_with_its_line(self):
        self.write_list(3, "198.51.100.1/24")
        try:
            done = subprocess.run([self.lab.program("lbcli"), "check", self.lab.config_path],
                                  capture_output=True, check=False, timeout=30)
        finally:
            self.write_list(10_000, client_address(2))
        self.assertNotEqual(done.returncode, 0)
        text = (done.stdout + done.stderr).decode()
        self.assertIn(f'{self.deny_file}:5: "198.51.100.1/24" is an address in a network', text)


harness.main(__name__)

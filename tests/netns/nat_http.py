#!/usr/bin/python3
"""HTTP through a NAT service: distribution by weight, 200,000 requests with every byte compared."""

import collections
import json
import re
import subprocess

import harness
from ballast_lab import director
from ballast_lab.topology import NAT_VIP, client_address


class NatHttp(harness.LabTest):
    CLIENTS = 4
    SERVERS = 3

    @classmethod
    def configure(cls, lab):
        return director.config(f"{lab.dir}/run", [
            director.service("web", f"{NAT_VIP}:80", "nat", [(1, 3), (2, 2), (3, 1)])])

    def test_distributes_by_weight(self):
        counts = collections.Counter(self.fetch("c1", f"http://{NAT_VIP}/").decode().strip()
                                     for _ in range(60))
        self.assertEqual(sum(counts.values()), 60)
        # One worker hands out turns 3:2:1; more workers each do, from a turn of their own.
        for name, expected in (("s1", 30), ("s2", 20), ("s3", 10)):
            self.assertAlmostEqual(counts[name], expected, delta=2, msg=str(counts))

    def test_counts_connections_per_server(self):
        before = {rs["endpoint"]: rs["connections"] for rs in self.lab.real_servers()}
        for _ in range(12):
            self.fetch("c1", f"http://{NAT_VIP}/")
        after = {rs["endpoint"]: rs["connections"] for rs in self.lab.real_servers()}
        self.assertEqual(sum(after.values()) - sum(before.values()), 12)

    def test_real_server_sees_the_clients_address(self):
        self.fetch("c2", f"http://{NAT_VIP}/?who=c2")
        logs = [f"{self.lab.dir}/{name}/access.log" for name in self.lab.network.servers]

        def logged():
            return [line for path in logs for line in open(path, encoding="utf-8")
                    if "who=c2" in line]

        line = self.wait(logged, "the request in a server's log")[0]
        self.assertEqual(line.split()[0], client_address(2))

    def test_200000_requests_at_64_parallel_connections(self):
        """Half over connections of 50 requests, half over short ones; no address runs out of ports."""
        loads = []
        for number, client in enumerate(self.lab.network.clients):
            per_connection = 50 if number % 2 == 0 else 5
            loads.append(subprocess.Popen(
                self.host(client).argv(*harness.http_load(
                    f"{NAT_VIP}:80", path="/1k", requests=50_000, parallel=16,
                    per_connection=per_connection, expect_file=f"{self.lab.payload_dir}/1k")),
                stdout=subprocess.PIPE))
        results = [json.loads(load.communicate(timeout=240)[0]) for load in loads]
        self.assertEqual([result["errors"] for result in results], [{}] * 4)
        self.assertEqual(sum(result["good"] for result in results), 200_000)

    def test_apache_bench_sees_no_failed_request(self):
        output = self.host("c3").run("ab", "-q", "-n", "10000", "-c", "64", f"http://{NAT_VIP}/1k",
                                     timeout=120)
        self.assertRegex(output, r"Complete requests:\s+10000\b")
        self.assertRegex(output, r"Failed requests:\s+0\b")
        self.assertNotIn("Non-2xx", output)
        self.assertEqual(re.findall(r"HTML transferred:\s+(\d+)", output), ["10000000"])

    def test_large_objects_in_parallel(self):
        expect = f"{self.lab.payload_dir}/1m"
        output = self.host("c4").run(*harness.http_load(
            f"{NAT_VIP}:80", path="/1m", requests=300, parallel=8, per_connection=3,
            expect_file=expect), timeout=120)
        self.assertEqual(json.loads(output), {"good": 300, "errors": {}, "bodies": {}})


harness.main(__name__)

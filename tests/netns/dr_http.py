#!/usr/bin/python3
"""HTTP through a DR service: distribution, answers that bypass the director, NAT and DR at once."""

import collections
import json

import harness
from ballast_lab import director
from ballast_lab.topology import DR_VIP, client_address


class DrHttp(harness.LabTest):
    SERVERS = 3

    @classmethod
    def configure(cls, lab):
        return director.config(f"{lab.dir}/run", [
            director.service("web-dr", f"{DR_VIP}:80", "dr", [(1, 2), (2, 1), (3, 1)])])

    def test_distributes_by_weight(self):
        counts = collections.Counter(self.fetch("c1", f"http://{DR_VIP}/").decode().strip()
                                     for _ in range(40))
        self.assertEqual(sum(counts.values()), 40)
        for name, expected in (("s1", 20), ("s2", 10), ("s3", 10)):
            self.assertAlmostEqual(counts[name], expected, delta=2, msg=str(counts))

    def test_answers_do_not_pass_the_director(self):
        body = self.fetch("c1", f"http://{DR_VIP}/1m")
        with open(f"{self.lab.payload_dir}/1m", "rb") as expected:
            self.assertEqual(body, expected.read())
        traffic = self.lab.service("web-dr")
        self.assertEqual(traffic["packets_out"], 0)
        self.assertGreater(traffic["packets_in"], 0)

    def test_real_server_is_asked_for_the_vip(self):
        self.fetch("c1", f"http://{DR_VIP}/?who=dr")
        logs = [f"{self.lab.dir}/{name}/access.log" for name in self.lab.network.servers]

        def logged():
            return [line for path in logs for line in open(path, encoding="utf-8")
                    if "who=dr" in line]

        line = self.wait(logged, "the request in a server's log")[0]
        self.assertEqual(line.split()[:2], [client_address(1), DR_VIP])

    def test_20000_requests_with_every_byte_compared(self):
        output = self.host("c1").run(*harness.http_load(
            f"{DR_VIP}:80", path="/1k", requests=20_000, parallel=32, per_connection=10,
            expect_file=f"{self.lab.payload_dir}/1k"), timeout=120)
        self.assertEqual(json.loads(output), {"good": 20_000, "errors": {}, "bodies": {}})


harness.main(__name__)

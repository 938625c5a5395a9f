#!/usr/bin/python3
"""The four kinds of health check against real programs, TLS verified and not."""

import harness
from ballast_lab import director
from ballast_lab.servers import TLS_NAME
from ballast_lab.topology import NAT_VIP, server_address

SERVER = server_address(1)


def check(kind, **more):
    return {"type": kind, "interval": "300ms", "timeout": "1s", "rise": 1, "fall": 1} | more


class CheckTypes(harness.LabTest):
    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        ca = lab.tls_ca_file
        checks = {
            "none": {"type": "none"},
            "tcp": check("tcp"),
            "ping": check("ping"),
            "http": check("http", path="/health", expect_status=200),
            "http-head": check("http", path="/health", method="HEAD"),
            "other-port": check("tcp", port=53),
            "https": check("https", port=443, path="/health", tls_ca_file=ca,
                           tls_server_name=TLS_NAME),
            "https-unverified": check("https", port=443, path="/health", tls_verify=False),
            "bad-status": check("http", path="/nowhere"),
            "bad-port": check("tcp", port=1),
            "bad-name": check("https", port=443, path="/health", tls_ca_file=ca,
                              tls_server_name="other.lab"),
            "bad-authority": check("https", port=443, path="/health", tls_server_name=TLS_NAME),
        }
        own = director.service("own-check", f"{NAT_VIP}:7999", "nat", [], check=checks["bad-port"],
                               real_server=[{"address": f"{SERVER}:80", "weight": 1,
                                             "check": check("http", path="/health")}])
        return director.config(f"{lab.dir}/run", [own] + [
            director.service(name, f"{NAT_VIP}:{8000 + number}", "nat", [], check=each,
                             real_server=[{"address": f"{SERVER}:80", "weight": 1}])
            for number, (name, each) in enumerate(checks.items())])

    @staticmethod
    def ready(rs):
        return rs["up"] or rs["service"].startswith("bad-")

    def test_good_ones_are_up(self):
        for rs in self.lab.real_servers():
            if not rs["service"].startswith("bad-"):
                with self.subTest(service=rs["service"]):
                    self.wait_server(rs["service"], f"{SERVER}:80", up=True)

    def test_bad_ones_are_down(self):
        for rs in self.lab.real_servers():
            if rs["service"].startswith("bad-"):
                with self.subTest(service=rs["service"]):
                    self.wait_server(rs["service"], f"{SERVER}:80", up=False)

    def test_reasons(self):
        """Each failure is reported in the terms of its type."""
        for service, word in (("bad-status", "404"), ("bad-port", "refused"),
                              ("bad-name", "name"), ("bad-authority", "certificate")):
            with self.subTest(service=service):
                health = self.real_server(service, f"{SERVER}:80")["health"]
                self.assertFalse(health["up"])
                self.assertIn(word, health["last_result"])

    def test_http_service_works_with_each_kind(self):
        for rs in self.lab.real_servers():
            if rs["up"]:
                with self.subTest(service=rs["service"]):
                    port = self.lab.service(rs["service"])["port"]
                    self.assertEqual(self.fetch("c1", f"http://{NAT_VIP}:{port}/"), b"s1\n")

    def test_ping_and_tcp_differ(self):
        """The program dies, the host lives."""
        self.lab.processes["s1-nginx"].kill()
        self.wait_server("tcp", f"{SERVER}:80", up=False)
        self.wait_server("https", f"{SERVER}:80", up=False)
        for service in ("ping", "none", "other-port"):
            self.assertTrue(self.real_server(service, f"{SERVER}:80")["up"], service)


harness.main(__name__)

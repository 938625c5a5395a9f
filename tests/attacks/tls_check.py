#!/usr/bin/python3
"""A real server whose TLS makes whoever connects compute for long: Diffie-Hellman in a group of 8,192 bits. Its check
fails at once, and those of other servers are not late."""

import subprocess

import attack
import harness
from ballast_lab import director
from ballast_lab.servers import TLS_NAME
from ballast_lab.topology import NAT_VIP, server_address

HOSTILE_PORT = 4433
HOSTILE, HONEST = "hostile", "honest"


class TlsCheck(attack.OnTime, harness.LabTest):
    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        honest = director.check("https") | {"tls_server_name": TLS_NAME, "tls_ca_file": lab.tls_ca_file}
        hostile = director.check("https") | {"port": HOSTILE_PORT, "tls_verify": False, "interval": "200ms"}
        return attack.add_virtual_router(director.config(f"{lab.dir}/run", [
            director.service(HONEST, f"{NAT_VIP}:443", "nat", [(1, 1)], check=honest),
            director.service(HOSTILE, f"{NAT_VIP}:444", "nat", [(1, 1)], check=hostile)]))

    @staticmethod
    def ready(rs):
        return rs["up"] or rs["service"] == HOSTILE

    @classmethod
    def prepare(cls, lab):
        group, key = f"{lab.dir}/dh.pem", f"{lab.dir}/hostile.pem"
        for argv in (["genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe8192", "-out", group],
                     ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=hostile",
                      "-keyout", key, "-out", f"{key}.crt"]):
            subprocess.run(["openssl", *argv], check=True, capture_output=True)
        lab.spawn("s1-hostile", "s1", ["openssl", "s_server", "-accept", str(HOSTILE_PORT), "-tls1_2", "-cipher", "DHE",
                                       "-dhparam", group, "-cert", f"{key}.crt", "-key", key, "-www", "-quiet"])
        lab.wait_listening("s1-hostile", "s1", HOSTILE_PORT)

    def health(self, service):
        address = f"{server_address(1)}:{443 if service == HONEST else 444}"
        return self.real_server(service, address)["health"]

    def test_it_is_down_and_the_other_one_up(self):
        self.wait(lambda: self.health(HOSTILE)["last_result"], "a result")
        self.assertRegex(self.health(HOSTILE)["last_result"], "L6RSP handshake failed: .*handshake failure")
        self.assertIn("L7OK", self.health(HONEST)["last_result"])
        self.await_adverts(10)  # and some more checks


harness.main(__name__)

#!/usr/bin/python3
"""A download of 1 GB through NAT and through DR, and an upload: checksums compared."""

import hashlib
import socket

import harness
from ballast_lab import director, servers
from ballast_lab.topology import DR_VIP, NAT_VIP

SIZE_BYTES = 1_000_000_000
UPLOAD_BYTES = 200_000_000
UPLOAD_PORT = 9000


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Bulk(harness.LabTest):
    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        services = director.default_services("both", cls.SERVERS)
        services.append(director.service("upload", f"{NAT_VIP}:{UPLOAD_PORT}", "nat", [(1, 1)],
                                         check=director.check("tcp")))
        return director.config(f"{lab.dir}/run", services)

    @classmethod
    def prepare(cls, lab):
        cls.expected = sha256(servers.make_big_payload(lab.payload_dir, "big", SIZE_BYTES))
        harness.start_peer(lab, "s1", "tcp-hash", UPLOAD_PORT)

    def download(self, vip):
        script = f"curl --silent --show-error --fail --max-time 200 http://{vip}/big | sha256sum"
        return self.host("c1").run("bash", "-o", "pipefail", "-c", script, timeout=240).split()[0]

    def test_download_through_nat(self):
        self.assertEqual(self.download(NAT_VIP), self.expected)
        self.assertGreaterEqual(self.lab.service("web")["bytes_out"], SIZE_BYTES)

    def test_download_through_dr(self):
        self.assertEqual(self.download(DR_VIP), self.expected)

    def test_upload_through_nat(self):
        source = servers.make_big_payload(self.lab.dir, "upload", UPLOAD_BYTES)
        with self.host("c1").inside():
            client = socket.create_connection((NAT_VIP, UPLOAD_PORT), timeout=60)
        with client, open(source, "rb") as file:
            client.sendfile(file)
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(client.recv(100).decode(), sha256(source))


harness.main(__name__)

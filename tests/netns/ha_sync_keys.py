#!/usr/bin/python3
"""Who is accepted by the sync link: the two keys or certificates that belong together, and no other.
Whoever is refused, the VIPs stay where they are and are served."""

import os
import socket
import subprocess

import harness
from ballast_lab import director, pair
from ballast_lab.topology import NAT_VIP, own_addresses
from ha_cuts import ADVERTS_IN_PEACE, sent_adverts

SYNC_PORT = 7000


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Authority:
    """A certificate authority and the certificates that it signs, as files of a folder."""

    def __init__(self, folder, name):
        self._folder, self._name = folder, name
        self._base = os.path.join(folder, name)
        self.certificate = f"{self._base}.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{self._base}.key",
                "-out", self.certificate)

    def sign(self, name):
        """[ha.sync] for a director with a certificate of this authority."""
        base = f"{self._base}-{name}"
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-subj", f"/CN={name}", "-keyout", f"{base}.key", "-out", f"{base}.csr")
        openssl("x509", "-req", "-in", f"{base}.csr", "-CA", self.certificate, "-CAkey",
                f"{self._base}.key", "-CAcreateserial", "-days", "2", "-out", f"{base}.pem")
        os.chmod(f"{base}.key", 0o600)
        return self.files(self._folder, self._name, name)

    @staticmethod
    def files(folder, authority, name):
        """What sign() returns, whether it has been called or not."""
        base = os.path.join(folder, authority)
        return {"certificate_file": f"{base}-{name}.pem", "private_key_file": f"{base}-{name}.key",
                "ca_file": f"{base}.pem"}


class Keys(harness.HaTest):
    SERVERS = 1

    @classmethod
    def services(cls):
        return director.default_services("nat", cls.SERVERS)

    def setUp(self):
        super().setUp()
        self.wait_role("lb1", "MASTER")
        self.wait_session()
        self.events = len(self.show("lb1", "ha")["events"])
        self.changed = set()

    def tearDown(self):
        for name in sorted(self.changed):
            self.restart(name, self.key(pair.key_file(self.lab.dir)))
        super().tearDown()

    @staticmethod
    def key(path):
        return {"key_file": path}

    def show(self, name, what):
        return self.lab.directors[name].show(what)

    def wait_session(self):
        for name in pair.DIRECTORS:
            self.wait(lambda name=name: self.show(name, "sync")["connected"], f"the link of {name}")

    def refused(self, name, refusal):
        return {row["name"]: row["count"] for row in self.show(name, "sync")["refusals"]}[refusal]

    def write(self, name, credentials, **options):
        self.changed.add(name)
        each = self.lab.directors[name]
        tables = pair.configs(self.lab.dir, self.services(), self.ADVERT_INTERVAL)[name]
        del tables["ha"]["sync"]["key_file"]
        tables["ha"]["sync"].update(credentials, **options)
        each.write_config(tables)
        return each

    def restart(self, name, credentials, **options):
        """The control plane alone, killed as by a crash: the master's addresses stay on it."""
        each = self.write(name, credentials, **options)
        each.process("lb-controlplane").kill()
        each.start_daemon("lb-controlplane")
        each.wait_for(each.controlplane_answers, 15, "the control plane's socket")

    def assert_in_peace(self):
        """lb1 is master of what it was, lb2 hears it, and the VIP answers."""
        begun = sent_adverts(self.lab, "lb1")
        self.wait(lambda: sent_adverts(self.lab, "lb1") > begun + ADVERTS_IN_PEACE, "adverts")
        self.assertEqual((self.role("lb1"), self.role("lb2")), ("MASTER", "BACKUP"))
        self.assertEqual(len(self.show("lb1", "ha")["events"]), self.events)
        self.assertEqual(self.fetch("c1", f"http://{NAT_VIP}/").strip(), b"s1")

    def assert_refused(self, refusal, by=pair.DIRECTORS):
        self.wait(lambda: any(self.refused(name, refusal) > 1 for name in by), refusal)
        for name in pair.DIRECTORS:
            self.assertFalse(self.show(name, "sync")["connected"])
        self.assert_in_peace()

    def test_another_key(self):
        """Refused, counted, logged once; the right key is taken at the next attempt."""
        other = os.path.join(self.lab.dir, "other.key")
        with open(os.open(other, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as out:
            out.write("ab" * 32)
        self.restart("lb2", self.key(other))
        self.assert_refused("not_proved")
        self.assertIn("not_proved", self.lab.lbcli("show", "sync", director="lb1").stdout)
        logged = self.lab.directors["lb2"].log_text("lb-controlplane").count("TLS handshake failed")
        self.assertLessEqual(logged, 1)
        self.restart("lb2", self.key(pair.key_file(self.lab.dir)))
        self.wait_session()
        self.assert_in_peace()

    def test_another_pair(self):
        """The right key, but another sync_id."""
        self.restart("lb2", self.key(pair.key_file(self.lab.dir)), sync_id=2)
        self.assert_refused("other_sync_id")

    def test_an_unknown_peer_on_the_link(self):
        """Connections from elsewhere and bytes that are no TLS are counted; the session goes on."""
        sessions = self.show("lb2", "sync")["sessions"]  # who listens, as lb1 dials
        for _ in range(5):
            with self.host("lb1").inside():
                stranger = socket.create_connection((own_addresses("lb2")["sync"], SYNC_PORT), 10)
            with stranger:
                stranger.sendall(b"nonsense")
        self.wait(lambda: self.refused("lb2", "not_proved") >= 5, "five refusals")
        now = self.show("lb2", "sync")
        self.assertEqual((now["connected"], now["sessions"]), (True, sessions))
        self.assert_in_peace()

    def test_certificates(self):
        """Of one authority: the two find each other. Of another one: refused by the other side."""
        ours, others = (Authority(self.lab.dir, name) for name in ("ours", "others"))
        self.restart("lb2", ours.sign("lb2"))
        self.assert_refused("not_proved")  # lb1 has the key still
        self.restart("lb1", ours.sign("lb1"))
        self.wait_session()
        self.wait_role("lb1", "MASTER", timeout=30)
        self.events = len(self.show("lb1", "ha")["events"])
        self.assert_in_peace()
        stranger = others.sign("lb2") | {"ca_file": ours.certificate}
        self.restart("lb2", stranger)
        self.assert_refused("not_proved")
        trusting = ours.sign("lb2-again") | {"ca_file": others.certificate}
        self.restart("lb2", trusting)
        self.assert_refused("not_proved")

    def test_a_key_that_others_can_read(self):
        """The control plane does not start, and says what to do."""
        loose = os.path.join(self.lab.dir, "loose.key")
        with open(os.open(loose, os.O_WRONLY | os.O_CREAT, 0o644), "w", encoding="ascii") as out:
            out.write("ab" * 32)
        os.chmod(loose, 0o644)
        each = self.write("lb2", self.key(loose))
        each.process("lb-controlplane").kill()
        process = each.start_daemon("lb-controlplane")
        self.assertNotEqual(process.wait(10), 0)
        self.wait_logged(f"{loose}: accessible to others than its owner; run chmod 600", name="lb2")
        self.assertEqual(self.role("lb1"), "MASTER")


harness.main(__name__)

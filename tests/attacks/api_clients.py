#!/usr/bin/python3
"""Local users against the API of both daemons: silent clients, endless requests, giant ones, answers that nobody
reads. Others are served at once, root above all, and health checks go on."""

import contextlib
import grp
import os
import subprocess

import attack
import harness
from ballast_lab import director

ADMIN_GROUP, READ_GROUP = "operator", "staff"
HOSTILE, MODEST = 60_123, 60_124  # users
PLACES, PLACES_OF_A_USER = 64, 16
REQUESTS_PER_S, BURST = 50, 50
SECONDS = 3
DAEMONS = ("controlplane", "dataplane")


class ApiClients(attack.OnTime, harness.LabTest):
    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        tables = director.config(f"{lab.dir}/run", director.default_services("both", cls.SERVERS))
        tables["director"] |= {"admin_group": ADMIN_GROUP, "read_group": READ_GROUP}
        return attack.add_virtual_router(tables)

    def socket(self, name):
        return f"{self.lab.run_dir()}/{name}.sock"

    @staticmethod
    def as_user(uid, group):
        return {"user": uid, "group": uid, "extra_groups": [grp.getgrnam(group).gr_gid], "cwd": "/"}

    @contextlib.contextmanager
    def hostile(self, kind, name, *numbers, group=READ_GROUP):
        """api_client.py, as a user who may not get to where it is."""
        with open(f"{attack.HERE}/api_client.py", encoding="utf-8") as source:
            argv = [harness.PYTHON, "-c", source.read(), kind, self.socket(name), *map(str, numbers)]
        client = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                  **self.as_user(HOSTILE, group))
        try:
            yield client
        finally:
            client.kill()
            client.communicate(timeout=20)

    def assert_serves(self, group=READ_GROUP):
        """Another member of the group, and root."""
        program = os.open(self.lab.program("lbcli"), os.O_RDONLY)
        self.addCleanup(os.close, program)
        for user in (self.as_user(MODEST, group), {}):
            for view in ("service", "check"):
                done = subprocess.run(["lbcli", "--run-dir", self.lab.run_dir(), "show", view], capture_output=True,
                                      text=True, executable=f"/proc/self/fd/{program}", pass_fds=[program],
                                      check=False, timeout=20, **user)
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_silent_clients(self):
        """On either socket: a user has some places, and root always one."""
        for daemon in DAEMONS:
            for name, group in ((f"{daemon}-read", READ_GROUP), (daemon, ADMIN_GROUP)):
                count, refused = PLACES + 6, PLACES + 6 - PLACES_OF_A_USER
                with self.subTest(socket=name), self.hostile("silent", name, count, refused, group=group) as client:
                    self.assertEqual(int(client.stdout.readline()), refused)
                    self.assert_serves(group)
                    self.wait_logged(f"serves {PLACES_OF_A_USER} clients of user {HOSTILE} already",
                                     f"lb-{daemon}")

    def test_endless_requests(self):
        """They are answered, later: fewer than the daemon could."""
        with self.hostile("pipeline", "controlplane-read", SECONDS) as client:
            self.assert_serves()
            answers = int(client.stdout.readline())
        self.assertGreater(answers, 0)
        # The client's clock begins a bit earlier, and a second more is in its burst.
        self.assertLess(answers, REQUESTS_PER_S * (SECONDS + 2) + BURST)
        self.assertTrue(all(rs["up"] for rs in self.lab.real_servers()))

    def test_giant_requests(self):
        for daemon in DAEMONS:
            for size in (5000, 16 << 20, (1 << 32) - 1):
                with self.subTest(daemon=daemon, size=size):
                    with self.hostile("frame", f"{daemon}-read", size) as client:
                        out, _ = client.communicate(timeout=20)
                    self.assertIn("is larger than the limit of 4096 for readers", out)
        self.assert_serves()


harness.main(__name__)

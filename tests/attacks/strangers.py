#!/usr/bin/python3
"""Users of the director's machine who are not its administrators, and text that they and others make the
director print."""

import os
import re
import socket
import subprocess

import attack
from ballast_lab import director

harness = attack.harness
STRANGER = 60_123
# What moves a terminal's cursor, starts a line or turns the order of letters around.
EVIL = "\x1b]0;owned\x07\x1b[2J\r\u009b2J\u202egnp.exe\u202c\u2066x\u2069\u2028audit: by=root\u2029\x7f"
HIDDEN = [*map(chr, range(0x20)), *map(chr, range(0x7f, 0xa0)), *map(chr, range(0x2028, 0x202f)),
          *map(chr, range(0x2066, 0x206a))]


class Strangers(attack.OnTime, harness.LabTest):
    """Without admin_group and read_group: root alone, as is promised."""

    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        tables = director.config(f"{lab.dir}/run", director.default_services("nat", cls.SERVERS))
        tables["director"]["audit_file"] = f"{lab.dir}/audit.log"
        return attack.add_virtual_router(tables)

    def run_as(self, uid, gid, groups, *arguments):
        program = os.open(self.lab.program("lbcli"), os.O_RDONLY)
        try:
            return subprocess.run(
                ["lbcli", "--run-dir", self.lab.run_dir(), *arguments], capture_output=True, text=True,
                executable=f"/proc/self/fd/{program}", pass_fds=[program], user=uid, group=gid,
                extra_groups=groups, cwd="/", timeout=60, check=False)
        finally:
            os.close(program)

    def connect_as(self, uid, gid, groups, path):
        """The errno of a connection to a socket, made by another user."""
        code = ("import socket, sys; s = socket.socket(socket.AF_UNIX); "
                "print(s.connect_ex(sys.argv[1]))")
        done = subprocess.run([harness.PYTHON, "-c", code, path], capture_output=True, text=True, user=uid,
                              group=gid, extra_groups=groups, cwd="/", timeout=60, check=True)
        return int(done.stdout)

    def test_group_0_is_nobody(self):
        generation = self.lab.generation()
        for gid, groups in ((0, []), (0, [0]), (STRANGER, [0])):
            for words in ("show service", "show check", "flush conn --all", "reload",
                          "set rs web 10.0.0.11:80 maint", "rollback"):
                with self.subTest(gid=gid, groups=groups, command=words):
                    done = self.run_as(STRANGER, gid, groups, *words.split())
                    self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
                    self.assertIn("permission denied", done.stderr)
        self.assertEqual(self.lab.generation(), generation)

    def test_the_sockets_refuse_group_0_whoever_opens_their_folder(self):
        run_dir = self.lab.run_dir()
        before = os.stat(run_dir).st_mode & 0o7777
        os.chmod(run_dir, 0o755)
        self.addCleanup(os.chmod, run_dir, before)
        for name in ("dataplane.sock", "controlplane.sock"):
            self.assertEqual(os.stat(f"{run_dir}/{name}").st_mode & 0o7777, 0o600)
            for gid, groups in ((0, [0]), (STRANGER, [0]), (STRANGER, [])):
                with self.subTest(socket=name, gid=gid, groups=groups):
                    self.assertEqual(self.connect_as(STRANGER, gid, groups, f"{run_dir}/{name}"), 13)
            self.assertEqual(self.connect_as(0, 0, [0], f"{run_dir}/{name}"), 0)

    def evil_config(self):
        """A file whose names and values would do something to a terminal."""
        path = f"{self.lab.dir}/{EVIL.replace('/', '')}.toml"
        tables = director.config(f"{self.lab.dir}/run", director.default_services("nat", 1))
        tables["service"][0]["scheduler"] = EVIL
        text = director.to_toml(tables)
        for character in HIDDEN:
            if character != "\n" and (ord(character) < 0x20 or character == "\x7f"):
                text = text.replace(character, f"\\u{ord(character):04x}")
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def audit(self):
        """What is in the audit log, once it is complete: the flush is the last."""
        with open(f"{self.lab.dir}/audit.log", encoding="utf-8", errors="surrogateescape", newline="") as file:
            text = file.read()
        return text if re.search("flush conn.*202e.*\n$", text) else None

    def assert_printable(self, text, what):
        for character in HIDDEN:
            if character not in "\n\t":
                self.assertNotIn(character, text, f"{what}: {ascii(text[-2000:])}")

    def test_no_output_moves_the_cursor(self):
        path = self.evil_config()
        for command in ("check", "diff", "commit"):
            for form in ([], ["--json"]):
                with self.subTest(command=command, form=form):
                    done = self.lab.lbcli(command, path, *form, check=False)
                    self.assertEqual(done.returncode, 2)
                    self.assertIn("202e", done.stdout + done.stderr)
                    self.assert_printable(done.stdout + done.stderr, command)
        done = self.lab.lbcli("set", "rs", EVIL, EVIL, "maint", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assert_printable(done.stdout + done.stderr, "set")
        done = self.lab.lbcli("flush", "conn", "--service", EVIL, check=False)
        self.assert_printable(done.stdout + done.stderr, "flush")
        # They were the caller's own words; now those of others.
        for daemon in ("lb-dataplane", "lb-controlplane"):
            self.assert_printable(self.wait_logged("202e", daemon), daemon)
        audit = self.wait(self.audit, "the refused flush in the audit log")
        self.assert_printable(audit, "audit")
        self.assertTrue(all(" audit: by=lbcli uid=0 " in line for line in audit.splitlines()), audit)

    def test_a_server_cannot_write_to_a_terminal(self):
        """What a real server answers is in `show check`, in the log and in alerts."""
        evil = f"HTTP/1.1 500 {EVIL}\r\n\r\n".encode() + b"\xff\x9b2J"
        self.assertIsInstance(evil, bytes)
        server = subprocess.Popen(
            self.host("s1").argv(harness.PYTHON, "-c", SERVER, evil.hex()), stdout=subprocess.PIPE)
        self.addCleanup(server.kill)
        self.assertEqual(server.stdout.readline(), b"ready\n")
        tables = director.config(f"{self.lab.dir}/run", director.default_services("nat", 1))
        tables["director"]["audit_file"] = f"{self.lab.dir}/audit.log"
        tables["service"][0]["check"] = director.check() | {"port": 8099}
        self.lab.write_config(attack.add_virtual_router(tables))
        self.lab.lbcli("reload")
        self.wait_server("web", "10.0.0.11:80", up=False)
        for view in ("check", "rs", "service"):
            for form in ([], ["--json"]):
                self.assert_printable(self.lab.lbcli("show", view, *form).stdout, view)
        self.assert_printable(self.lab.log_text("lb-controlplane"), "log")


SERVER = """
import socket, sys
answer = bytes.fromhex(sys.argv[1])
server = socket.create_server(("", 8099))
print("ready", flush=True)
while True:
    client, _ = server.accept()
    client.recv(4096)
    client.sendall(answer)
    client.close()
"""


harness.main(__name__)

#!/usr/bin/python3
"""Secrets of the configuration: a marker in every key that is one, and none of them in anything that a
running director prints, writes or logs."""

import copy
import glob
import grp
import os
import re
import subprocess

import attack
from ballast_lab import director
from ballast_lab.topology import NAT_VIP, WAN_NET, server_address

harness = attack.harness
REFERENCE = os.path.join(attack.HERE, "..", "..", "docs", "reference", "configuration.md")
READ_GROUP = "staff"
READER = 1  # "daemon"
VIEWS = ["service", "conn", "persistence", "rs", "check", "port", "lcore", "stats", "drops", "punt", "ha",
         "sync", "alert", "changes"]
MARKER = "m4rk"  # each is this, a number and a letter: "m4rk3a"


def secret_keys():
    """{(table, key)} that the reference, which is generated from the model, calls secret. The keys of a real
    server's check are those of a service's."""
    keys, table = set(), ""
    with open(REFERENCE, encoding="utf-8") as page:
        for line in page:
            if heading := re.match(r"## `\[+([\w.]+)\]+`", line):
                table = heading[1]
            elif row := re.match(r"\| `(\w+)` \| [^|]*, secret \|", line):
                keys.add((table, row[1]))
    return keys


class Redaction(harness.LabTest):
    SERVERS = 1

    @classmethod
    def tables_with(cls, lab, letter):
        """The configuration with the markers of a letter, and where they are."""
        planted = {}

        def marker(table, key):
            planted[table, key] = f"{MARKER}{len(planted)}{letter}"
            return planted[table, key]

        def request(table):
            return f"HEAD / HTTP/1.0\\r\\nX-Token: {marker(table, 'send')}\\r\\n\\r\\n"

        timing = {"interval": "500ms", "timeout": "2s"}
        talk = {"type": "send_expect", "expect": "HTTP"} | timing
        web = director.service("web", f"{NAT_VIP}:80", "nat", [(1, 1)])
        web["check"]["headers"] = [f"Authorization: Basic {marker('service.check', 'headers')}"]
        web["agent"] = {"port": 9, "send": marker("service.agent", "send")} | timing
        more = director.service("more", f"{NAT_VIP}:8080", "nat", [(1, 1)])
        more["check"] = talk | {"send": request("service.check"), "port": 80}
        more["real_server"] = [{"address": f"{server_address(1)}:80", "check": talk | {
            "send": request("service.real_server.check")}}]
        own = director.check() | {"headers": [f"X: {marker('service.real_server.check', 'headers')}"]}
        web["real_server"][0]["check"] = own
        tables = director.config(f"{lab.dir}/run", [web, more])
        tables["director"] |= {"read_group": READ_GROUP, "state_dir": f"{lab.dir}/state",
                               "audit_file": f"{lab.dir}/audit.log"}
        tables["ha"] = {"instance": [{
            "name": "V2", "port": "wan", "virtual_router_id": 62, "version": 2, "advert_interval": "1s",
            "addresses": [f"{WAN_NET}.62/24", f"{NAT_VIP}/24"], "auth_pass": marker("ha.instance", "auth_pass")}]}
        tables["alert"] = {"script": ["/bin/sh", "-c", f'(env; echo "$@") >> {lab.dir}/alerts', "alert"],
                           "script_user": "root"}
        return tables, planted

    @classmethod
    def configure(cls, lab):
        cls.tables, cls.planted = cls.tables_with(lab, "a")
        return cls.tables

    def setUp(self):
        super().setUp()
        self.said = {}

    def note(self, what, text):
        self.said[what] = text
        return text

    def run_cli(self, *arguments):
        done = self.lab.lbcli(*arguments, check=False)
        return self.note(f"lbcli {' '.join(arguments)}", done.stdout + done.stderr)

    def as_reader(self, *arguments):
        program = os.open(self.lab.program("lbcli"), os.O_RDONLY)
        try:
            done = subprocess.run(
                ["lbcli", "--run-dir", self.lab.run_dir(), *arguments], capture_output=True, text=True,
                executable=f"/proc/self/fd/{program}", pass_fds=[program], user=READER, group=READER,
                extra_groups=[grp.getgrnam(READ_GROUP).gr_gid], cwd="/", timeout=60, check=False)
        finally:
            os.close(program)
        return self.note(f"reader: {' '.join(arguments)}", done.stdout + done.stderr)

    def other_file(self, text):
        path = f"{self.lab.dir}/other.toml"
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def assert_no_marker(self):
        """In what was noted, in logs and in what was written, but the configurations themselves."""
        for path in [*glob.glob(f"{self.lab.dir}/*"), *glob.glob(f"{self.lab.dir}/state/**", recursive=True)]:
            if os.path.isfile(path) and not path.endswith(".toml"):
                with open(path, encoding="utf-8", errors="replace") as file:
                    self.note(path, file.read())
        for daemon in ("lb-dataplane", "lb-controlplane"):
            self.note(daemon, self.lab.log_text(daemon))
        for what, text in self.said.items():
            for line in text.splitlines():
                self.assertNotIn(MARKER, line, what)

    def test_every_secret_key_has_a_marker(self):
        inherited = {("service.real_server.check", key) for table, key in secret_keys()
                     if table == "service.check"}
        self.assertEqual(set(self.planted), secret_keys() | inherited)

    def test_no_view_shows_one(self):
        self.wait(lambda: "MASTER" in self.run_cli("show", "ha"), "mastership")
        for view in VIEWS:
            for form in ([], ["--json"]):
                self.run_cli("show", view, *form)
                self.as_reader("show", view, *form)
        self.assert_no_marker()

    def test_no_change_shows_one(self):
        other, _ = self.tables_with(self.lab, "b")
        other["ha"] = self.tables["ha"]
        for form in ([], ["--json"]):
            path = self.other_file(director.to_toml(other))
            self.assertIn("another (secret)", self.run_cli("diff", path, *form))
            self.run_cli("check", path, *form)
            self.assertIn("another (secret)", self.run_cli("commit", path, "--confirm", "1m", *form))
            self.run_cli("show", "changes", *form)
            self.run_cli("rollback", *form)
            self.lab.write_config(other)
            self.assertIn("another (secret)", self.run_cli("show", "changes", *form))
            self.assertIn("another (secret)", self.as_reader("show", "changes", *form))
            self.assertIn("another (secret)", self.run_cli("reload", *form))
            self.run_cli("rollback", *form)
            restart = copy.deepcopy(self.tables)
            restart["ha"]["instance"][0]["auth_pass"] = f"{MARKER}9b"
            self.lab.write_config(restart)
            self.assertIn("auth_pass (secret) -> another (secret)", self.run_cli("reload", *form))
            self.lab.write_config(self.tables)
            self.run_cli("reload", *form)
        self.assert_no_marker()

    def test_no_mistake_shows_one(self):
        text = director.to_toml(self.tables)
        for (table, key), marker in self.planted.items():
            line = next(line for line in text.splitlines() if marker in line)
            for wrong in (line.replace('"', ""), line.replace("=", ":"), line.replace("=", ""),
                          line + f" {marker}", line.replace(key, key[:-1], 1),
                          line.replace(key, key[:-1], 1).replace('"', ""), line.replace(marker, marker + "\\q"),
                          f"{key} = 7", f'{key} = [["{marker}"]]', f"{key} = {marker}"):
                with self.subTest(table=table, line=wrong):
                    path = self.other_file(text.replace(line, wrong, 1))
                    said = self.run_cli("check", path) + self.run_cli("check", path, "--json")
                    said += self.run_cli("diff", path) + self.run_cli("commit", path)
                    self.assertNotEqual(said, "")
                    self.assertNotIn(MARKER, said)
        self.assert_no_marker()


harness.main(__name__)

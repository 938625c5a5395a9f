#!/usr/bin/python3
"""The panic guard: when all checks fail at once, the director suspects itself, and its peer is
asked."""

import os

import harness
from ballast_lab import director
from ballast_lab.topology import NAT_VIP, own_addresses, server_address

SERVERS = 4
CHECK = director.check() | {"interval": "300ms", "timeout": "1s"}
GUARD = {"panic_threshold": 50, "panic_window": "10s"}
SCRIPT = """#!/bin/sh
printf '%s %s %s\\n' "$BALLAST_EVENT" "$BALLAST_SERVER" "$BALLAST_STATE" >> {folder}/reported
"""


def web():
    """What fails for a moment costs no connection."""
    return director.service("web", f"{NAT_VIP}:80", "nat",
                            [(number, 1) for number in range(1, SERVERS + 1)], check=CHECK,
                            on_server_down="keep")


class Held:
    """What both kinds of a lab share; `self.lab` is the lab."""

    ENDPOINTS = [f"{server_address(number)}:80" for number in range(1, SERVERS + 1)]

    def names(self):
        return [f"s{number}" for number in range(1, SERVERS + 1)]

    def rows(self, name="lb1"):
        return {row["endpoint"]: row for row in self.lab.directors[name].real_servers()
                if row["service"] == "web"}

    def wait_rows(self, what, condition, name="lb1", timeout=30):
        self.wait(lambda: all(condition(row) for row in self.rows(name).values()),
                  f"all servers of {name} to be {what}", timeout)

    def wait_held(self, name="lb1"):
        self.wait_rows("held", lambda row: row["up"] and row["health"]["held"], name)

    def wait_down(self, name="lb1"):
        self.wait_rows("down", lambda row: not row["up"] and not row["health"]["held"], name)

    def wait_good(self, name="lb1"):
        self.wait_rows("good", lambda row: row["up"] and row["health"]["up"], name)

    def panic(self, name="lb1"):
        return self.lab.directors[name].show("check")["panic"]

    def log(self, name="lb1"):
        return self.lab.directors[name].log_text("lb-controlplane")

    def assert_served_by(self, *names):
        """By all of them, and by no other."""
        seen = set()
        for count in range(200):
            if count >= 16 and seen >= set(names):
                break
            seen.add(self.fetch("c1", f"http://{NAT_VIP}/").decode().strip())
        self.assertEqual(seen, set(names))


class Panic(Held, harness.LabTest):
    SERVERS = SERVERS

    @classmethod
    def configure(cls, lab):
        return director.config(f"{lab.dir}/run", [web()]) | {
            "health": GUARD, "alert": {"script": [f"{lab.dir}/script"], "script_user": "root"}}

    @classmethod
    def prepare(cls, lab):
        with open(f"{lab.dir}/script", "w", encoding="utf-8") as out:
            out.write(SCRIPT.format(folder=lab.dir))
        os.chmod(f"{lab.dir}/script", 0o755)

    def setUp(self):
        super().setUp()
        self.allow_drops("real_server_down")
        self.wait_good()

    def reported(self):
        try:
            with open(f"{self.lab.dir}/reported", encoding="utf-8") as file:
                return [line.split() for line in file]
        except FileNotFoundError:
            return []

    def flag(self, name):
        return f"{self.lab.dir}/{name}/maintenance"

    def fail_checks(self, *names):
        """The page that the checks ask for says no; the others are served."""
        for name in names:
            open(self.flag(name), "w", encoding="utf-8").close()

    def restore_checks(self):
        for name in self.names():
            if os.path.exists(self.flag(name)):
                os.remove(self.flag(name))
        self.wait_good()

    def cli(self, *arguments):
        return self.lab.directors["lb1"].lbcli(*arguments).stdout

    def test_all_fail_at_once(self):
        load = harness.BackgroundLoad(self.lab, "c1", f"{NAT_VIP}:80", parallel=2)
        before = len(self.reported())
        self.fail_checks(*self.names())
        self.wait_held()
        self.assert_served_by(*self.names())
        row = self.rows()[self.ENDPOINTS[0]]["health"]
        self.assertFalse(row["up"])
        self.assertIn("held: check failed, 4 of 4 checks fail at once", row["held"])
        self.assertIn("held: check failed, 4 of 4 checks fail at once (L7STS/503",
                      self.cli("show", "rs"))
        shown = self.cli("show", "check")
        self.assertIn("4 of 4 checks fail (threshold 50%)", shown)
        self.assertRegex(shown, r"http +held")
        self.assertEqual(self.panic()["peer"], None)
        self.wait_logged("panic guard: 3 of 4 checks failed")
        self.wait(lambda: ["panic", "begun"] in self.reported()[before:], "the alert")
        self.restore_checks()
        self.wait(lambda: ["panic", "over"] in self.reported()[before:], "the end to be reported")
        self.assertFalse(self.panic()["holds"])
        report = load.stop()
        self.assertEqual(report["errors"], {})
        self.assertGreater(report["good"], 100)
        # Those that had gone before it was clear came back; nothing else was reported.
        servers = [event for event in self.reported()[before:] if event[0] == "server"]
        for endpoint in self.ENDPOINTS:
            states = [state for _, server, state in servers if server == endpoint]
            self.assertIn(states, ([], ["down", "up"]))

    def test_one_fails(self):
        self.fail_checks("s2")
        self.wait_server("web", self.ENDPOINTS[1], up=False)
        self.assertFalse(self.panic()["holds"])
        self.assert_served_by("s1", "s3", "s4")
        self.restore_checks()

    def test_operator_believes_the_checks(self):
        self.allow_drops("no_real_server")
        self.fail_checks(*self.names())
        self.wait_held()
        self.assertIn("4 failing checks", self.cli("set", "health", "believe"))
        self.wait_down()
        self.assertFalse(self.panic()["holds"])
        self.restore_checks()

    def test_switched_off_by_reload(self):
        self.allow_drops("no_real_server")
        self.fail_checks(*self.names())
        self.wait_held()
        one = self.lab.directors["lb1"]
        tables = self.configure(self.lab)
        self.addCleanup(one.write_config, tables)
        one.write_config(tables | {"health": {"panic_threshold": 0}})
        self.assertIn("health: panic_threshold 50 -> ", self.cli("reload"))
        self.wait_down()
        self.assertEqual(self.panic(), None)
        self.restore_checks()
        one.write_config(tables)
        self.cli("reload")
        self.assertFalse(self.panic()["holds"])


class PanicOfAPair(Held, harness.HaTest):
    SERVERS = SERVERS

    @classmethod
    def services(cls):
        return [web()]

    @classmethod
    def configure(cls, lab):
        return {name: tables | {"health": GUARD}
                for name, tables in super().configure(lab).items()}

    def setUp(self):
        super().setUp()
        self.allow_drops("real_server_down", "next_hop_unresolved", "no_real_server")
        for name in ("lb1", "lb2"):
            self.wait_good(name)

    def block_checks(self, director_name):
        """The servers do not answer this director's checks; what clients ask for goes on."""
        rule = ["to", own_addresses(director_name)["lan"], "ipproto", "tcp", "sport", "80",
                "blackhole"]
        for name in self.names():
            self.host(name).ip("rule", "add", *rule)
        return lambda: [self.host(name).ip("rule", "del", *rule) for name in self.names()]

    def test_only_the_master_fails(self):
        load = harness.BackgroundLoad(self.lab, "c1", f"{NAT_VIP}:80", parallel=2)
        restore = self.block_checks("lb1")
        self.wait_held()
        self.wait(lambda: self.panic()["peer"] == "4 up, 0 down, 0 not known", "the peer's word")
        self.assert_served_by(*self.names())
        self.assertFalse(self.panic("lb2")["holds"])
        self.assertEqual(self.role("lb1"), "MASTER")
        restore()
        self.wait_good()
        self.assertEqual(load.stop()["errors"], {})
        self.assertNotIn("no longer held", self.log())

    def test_servers_are_dead(self):
        for name in self.names():
            self.lab.processes[f"{name}-nginx"].kill()
        for name in ("lb1", "lb2"):
            self.wait_down(name)
            self.assertRegex(self.log(name), r"the peer's checks fail too for \d of the held real serv")
        for name in self.names():
            self.lab.start_server(name)
        for name in ("lb1", "lb2"):
            self.wait_good(name)
        self.assert_served_by(*self.names())

    def test_no_peer_to_ask(self):
        self.kill_director("lb2")
        restore = self.block_checks("lb1")
        self.wait_held()
        self.assertEqual(self.panic()["peer"], None)
        self.assert_served_by(*self.names())
        restore()
        self.wait_good()
        self.start_director("lb2")


harness.main(__name__)

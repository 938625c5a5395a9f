#!/usr/bin/python3
"""The notify program: every transition in both directions, in order and none lost, however quickly
they come and whatever becomes of the program."""

import json
import os

import harness
from ballast_lab import director
from ballast_lab.topology import NAT_VIP, WAN_NET

FIRST, SECOND = "VI_1", "VI_2"
FIRST_PRIORITY, SECOND_PRIORITY = 110, 120
RESIGNATIONS = 6
GAVE_UP = 3  # exit status

# Writes its arguments and environment as a line of JSON, slowly. What it does then is in `mode`: "fail", or
# "hang" together with a child.
PROGRAM = """#!/bin/sh
cd {folder} || exit 9
sleep 0.1
/usr/bin/python3 -c '
import json, os, pwd, sys
environment = {{key: value for key, value in os.environ.items()
        if key.startswith("BALLAST_") and key != "BALLAST_BUILD"}}
user = pwd.getpwuid(os.geteuid()).pw_name
print(json.dumps({{"arguments": sys.argv[1:], "environment": environment, "user": user}}))' "$@" >> reported
case "$(cat mode)" in
  fail) exit 3 ;;
  hang) sleep 1000 & echo $$ $! > hanging.new; mv hanging.new hanging; wait ;;
esac
"""


class HaNotify(harness.LabTest):
    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        cls.folder = f"{lab.dir}/notify"
        tables = director.config(f"{lab.dir}/run", [
            director.service("web", f"{NAT_VIP}:80", "nat", [(1, 1)])])
        common = {"port": "wan", "advert_interval": "50ms"}
        return tables | {"ha": {
            "notify": [f"{cls.folder}/run", "own", "words"],
            "notify_user": "nobody",
            "instance": [
                common | {"name": FIRST, "virtual_router_id": 61, "priority": FIRST_PRIORITY,
                          "addresses": [f"{NAT_VIP}/24"]},
                common | {"name": SECOND, "virtual_router_id": 62, "priority": SECOND_PRIORITY,
                          "addresses": [f"{WAN_NET}.30/24"]}]}}

    @classmethod
    def prepare(cls, lab):
        os.mkdir(cls.folder)
        os.chmod(cls.folder, 0o777)
        with open(f"{cls.folder}/run", "w", encoding="utf-8") as out:
            out.write(PROGRAM.format(folder=cls.folder))
        os.chmod(f"{cls.folder}/run", 0o755)
        cls.set_mode("")

    @classmethod
    def set_mode(cls, mode):
        with open(f"{cls.folder}/mode", "w", encoding="utf-8") as out:
            out.write(mode)

    def setUp(self):
        super().setUp()
        self.wait_masters()

    def wait_masters(self):
        self.wait(lambda: set(self.lab.roles().values()) == {"MASTER"}, "both to be MASTER")

    def reported(self):
        with open(f"{self.folder}/reported", encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]

    def events(self):
        return self.lab.show("ha")["events"]

    def expected(self, event):
        """Arguments and environment for a row of `show ha`."""
        priority = str(FIRST_PRIORITY if event["instance"] == FIRST else SECOND_PRIORITY)
        return {"arguments": ["own", "words", "INSTANCE", event["instance"], event["to"], priority],
                "environment": {"BALLAST_DIRECTOR": "lb1", "BALLAST_INSTANCE": event["instance"],
                                "BALLAST_FROM": event["from"], "BALLAST_STATE": event["to"],
                                "BALLAST_PRIORITY": priority, "BALLAST_REASON": event["reason"]},
                "user": "nobody"}

    def wait_reported(self):
        """Until the program has run for every transition since the start; returns them."""
        self.wait(lambda: len(self.reported()) >= len(self.events()), "the program to run for all")
        events = self.events()
        self.assertEqual(self.reported(), [self.expected(event) for event in events])
        return events

    def resign_often(self):
        """Each resignation is a transition there and, some adverts later, one back."""
        for _ in range(RESIGNATIONS):
            self.lab.lbcli("ha", "resign")
            self.wait_masters()

    def test_every_transition_in_order(self):
        before = len(self.wait_reported())
        self.assertEqual(self.events()[0]["from"], "INIT")
        self.resign_often()
        events = self.wait_reported()[before:]
        for name in (FIRST, SECOND):
            self.assertEqual([row["to"] for row in events if row["instance"] == name],
                             ["BACKUP", "MASTER"] * RESIGNATIONS)
        self.lab.network.set_cable("lb1", "wan", plugged=False)
        self.addCleanup(self.lab.network.set_cable, "lb1", "wan", True)
        self.wait(lambda: set(self.lab.roles().values()) == {"FAULT"}, "both to be in FAULT")
        self.lab.network.set_cable("lb1", "wan", plugged=True)
        self.wait_masters()
        self.assertIn("interface wan has no link", {row["reason"] for row in self.wait_reported()})

    def test_one_that_fails_is_logged_and_the_next_one_sent(self):
        before = len(self.wait_reported())
        self.set_mode("fail")
        self.addCleanup(self.set_mode, "")
        self.lab.lbcli("ha", "resign")
        self.wait_masters()
        self.assertEqual(len(self.wait_reported()), before + 4)
        self.wait_logged(f"notify program for {FIRST} BACKUP: exit status 3")

    def log(self):
        return self.lab.directors["lb1"].log_text("lb-controlplane")

    def test_one_that_hangs_holds_up_neither_failover_nor_the_end(self):
        before = len(self.wait_reported())
        self.set_mode("hang")
        self.lab.lbcli("ha", "resign")
        self.wait(lambda: os.path.exists(f"{self.folder}/hanging"), "the program to hang")
        self.wait_masters()
        self.resign_often()
        self.assertEqual(len(self.reported()), before + 1)
        controlplane = self.lab.processes["lb-controlplane"]
        controlplane.stop(timeout=30)
        self.assertEqual(controlplane.exit_status(), GAVE_UP)
        self.assertIn("stopping: gave up the notify program", self.log())
        with open(f"{self.folder}/hanging", encoding="utf-8") as file:
            pids = file.read().split()
        self.wait(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids),
                  "the program and its child to be gone")
        # The one that it hung at, and those behind it.
        resigned = 1 + RESIGNATIONS
        self.assertEqual(self.log().count("it was still running when lb-controlplane stopped"),
                         2 * (2 * resigned) + 2)

        self.set_mode("")
        os.remove(f"{self.folder}/reported")
        self.lab.start_controlplane()
        self.lab.directors["lb1"].wait_for(self.lab.controlplane_answers, 15, "its socket")
        self.wait_masters()
        self.wait_reported()

    def test_the_end_is_reported_too(self):
        before = len(self.wait_reported())
        controlplane = self.lab.processes["lb-controlplane"]
        controlplane.stop()
        self.assertEqual(controlplane.exit_status(), 0)
        rows = self.reported()[before:]
        self.assertEqual(
            [(row["arguments"][3:5], row["environment"]["BALLAST_REASON"]) for row in rows],
            [([name, "BACKUP"], "this director stops") for name in (FIRST, SECOND)])
        os.remove(f"{self.folder}/reported")
        self.lab.start_controlplane()
        self.lab.directors["lb1"].wait_for(self.lab.controlplane_answers, 15, "its socket")
        self.wait_masters()


harness.main(__name__)

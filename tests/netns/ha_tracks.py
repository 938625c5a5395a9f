#!/usr/bin/python3
"""What an instance's priority and its place depend on: links, services, scripts. One director,
alone on its network, whose instances differ in what they track."""

import fcntl
import itertools
import os

import harness
from ballast_lab import director
from ballast_lab.topology import NAT_VIP, WAN_NET
from capture import VrrpCapture

RISE, FALL = 2, 3
TERMS_ID = 61

# Each run takes the first line of `results` and leaves the others: "good", "bad", or "hang", which
# waits with a child until both are killed. Without a line left it is good.
SCRIPT = """#!/bin/sh
cd {folder} || exit 9
id -un > user
exec 9< lock
flock 9
result=$(head -n 1 results)
sed -i 1d results
echo "$result" >> taken
exec 9<&-
case "$result" in
  bad) exit 1 ;;
  hang) sleep 1000 & echo $$ $! > hanging.new; mv hanging.new hanging; wait ;;
esac
"""


class Script:
    """A program whose results a test decides."""

    def __init__(self, lab, name):
        self.name = name
        self._folder = f"{lab.dir}/{name}"
        self.program = f"{self._folder}/run"

    def install(self):
        os.mkdir(self._folder)
        os.chmod(self._folder, 0o777)  # it may run as any user
        with open(self.program, "w", encoding="utf-8") as out:
            out.write(SCRIPT.format(folder=self._folder))
        os.chmod(self.program, 0o755)
        self._write("lock", "")
        self.will_be()

    def _write(self, name, text):
        partial = f"{self._folder}/{name}.partial"
        with open(partial, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(partial, 0o666)
        os.replace(partial, f"{self._folder}/{name}")

    def read(self, name):
        try:
            with open(f"{self._folder}/{name}", encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def will_be(self, *results):
        """From the next run on."""
        with open(f"{self._folder}/lock", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # not while a run takes one of the list before
            self._write("taken", "")
            self._write("results", "".join(f"{result}\n" for result in results))

    def taken(self):
        """How many results of the last will_be() were had."""
        return len([line for line in self.read("taken").splitlines() if line])


class HaTracks(harness.LabTest):
    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        cls.scripts = {name: Script(lab, name) for name in ("weighs", "decides", "slow")}
        tables = director.config(f"{lab.dir}/run", [
            director.service("web", f"{NAT_VIP}:80", "nat", [(1, 1)], on_server_down="keep")])
        tracks = {
            "TERMS": [{"interface": "lan", "weight": -30}, {"service": "web", "weight": 20},
                      {"script": "weighs", "weight": -10}],
            "LEAST": [{"interface": "lan", "weight": -200}],
            "MOST": [{"interface": "lan", "weight": 200}],
            "ON_LINK": [{"interface": "lan"}],
            "ON_SERVICE": [{"service": "web", "weight": 0}],
            "ON_SCRIPT": [{"script": "decides"}],
            "ON_SLOW": [{"script": "slow"}],
            "ON_NOBODY": [{"script": "stranger", "weight": -1}, {"script": "absent", "weight": -2}],
        }
        instances = [
            {"name": name, "port": "wan", "virtual_router_id": TERMS_ID + number, "priority": 100,
             "advert_interval": "100ms", "track": of_instance,
             "addresses": [f"{NAT_VIP if number == 0 else f'{WAN_NET}.{30 + number}'}/24"]}
            for number, (name, of_instance) in enumerate(tracks.items())]
        common = {"interval": "100ms", "timeout": "20s"}
        scripts = [
            common | {"name": "weighs", "command": [cls.scripts["weighs"].program], "rise": RISE,
                      "fall": FALL, "user": "nobody"},
            common | {"name": "decides", "command": [cls.scripts["decides"].program], "user": "root"},
            common | {"name": "slow", "command": [cls.scripts["slow"].program], "timeout": "1s",
                      "user": "root"},
            common | {"name": "stranger", "command": ["true"], "user": "ballast-no-such-user"},
            common | {"name": "absent", "command": [f"{lab.dir}/no-such-program"], "user": "root"},
        ]
        return tables | {"ha": {"instance": instances, "script": scripts}}

    @classmethod
    def prepare(cls, lab):
        for script in cls.scripts.values():
            script.install()

    def setUp(self):
        super().setUp()
        self.wait_roles({"MASTER"})

    def wait_roles(self, roles):
        self.wait(lambda: set(self.lab.roles().values()) == roles, f"roles {roles}", 30)

    def instance(self, name):
        return next(row for row in self.lab.show("ha")["instances"] if row["name"] == name)

    def terms(self, name):
        return {row["what"]: (row["failing"], row["adds"]) for row in self.instance(name)["terms"]}

    def transitions(self, name):
        return [(row["to"], row["reason"]) for row in self.lab.show("ha")["events"]
                if row["instance"] == name]

    def wait_role(self, name, state):
        self.wait(lambda: self.lab.roles()[name] == state, f"{name} to be {state}", 30)

    def pull(self, network):
        self.addCleanup(self.plug, network)
        self.lab.network.set_cable("lb1", network, plugged=False)

    def plug(self, network):
        self.lab.network.set_cable("lb1", network, plugged=True)

    def assert_vip(self, name, there):
        """The instance's address is on the port, or not."""
        addresses = self.host("lb1").ip("-o", "address", "show", "dev", "wan")
        self.assertEqual(f" {self.instance(name)['addresses'][0]} " in addresses, there, addresses)

    def test_terms_of_the_priority(self):
        self.assertEqual(self.terms("TERMS"),
                         {"interface lan": (False, 0), "service web": (False, 20),
                          "script weighs": (False, 0)})
        self.assertEqual({row["name"]: row["priority"] for row in self.lab.show("ha")["instances"]},
                         {"TERMS": 120, "LEAST": 100, "MOST": 254, "ON_LINK": 100,
                          "ON_SERVICE": 100, "ON_SCRIPT": 100, "ON_SLOW": 100, "ON_NOBODY": 97})
        self.assertIn("100 + 20 (service web) = 120", self.lab.lbcli("show", "ha").stdout)

    def wait_priority(self, priority):
        self.wait(lambda: self.instance("TERMS")["priority"] == priority, f"priority {priority}")

    def test_priorities_follow_link_and_service_and_are_advertised(self):
        with VrrpCapture(self.lab, "lb1", "wan") as capture:
            self.pull("lan")
            self.wait_priority(90)
            # The server is out of sight, which is no failure of its own.
            self.assertEqual(self.terms("TERMS"),
                             {"interface lan": (True, -30), "service web": (False, 20),
                              "script weighs": (False, 0)})
            self.assertEqual(
                (self.instance("LEAST")["priority"], self.instance("MOST")["priority"]), (1, 100))
            self.assertIn("100 - 30 (interface lan) + 20 (service web) = 90",
                          self.lab.lbcli("show", "ha").stdout)
            self.assertEqual(self.lab.roles()["TERMS"], "MASTER")  # nobody else is there
            self.plug("lan")
            self.wait_priority(120)
            self.lab.processes["s1-nginx"].kill()
            self.wait_priority(100)
            self.assertEqual(self.terms("TERMS")["service web"], (True, 0))
            self.lab.start_server("s1")
            self.wait_priority(120)

            def advertised():
                of_instance = [each for each in capture.adverts() if each.router_id == TERMS_ID]
                return [priority for priority, _ in
                        itertools.groupby(each.priority for each in of_instance)]

            # At once with each change, so none is too short for one.
            self.wait(lambda: advertised()[-4:] == [90, 120, 100, 120], "adverts of each priority")
            self.assertIn(advertised(), ([90, 120, 100, 120], [120, 90, 120, 100, 120]))

    def test_a_link_that_is_a_condition(self):
        with VrrpCapture(self.lab, "lb1", "wan") as capture:
            self.pull("lan")
            self.wait_role("ON_LINK", "FAULT")
            self.assertEqual(self.instance("ON_LINK")["fault"], "interface lan fails")
            self.assert_vip("ON_LINK", False)
            self.assert_vip("TERMS", True)
            vrid = self.instance("ON_LINK")["virtual_router_id"]
            self.wait(lambda: any(each.router_id == vrid and each.priority == 0
                                  for each in capture.adverts()), "its resignation")
        self.plug("lan")
        self.wait_role("ON_LINK", "MASTER")
        self.assert_vip("ON_LINK", True)
        self.assertEqual(self.transitions("ON_LINK")[-3:],
                         [("FAULT", "interface lan fails"), ("BACKUP", "all tracks OK"),
                          ("MASTER", "no advert from a master")])

    def test_a_service_that_is_a_condition(self):
        self.lab.processes["s1-nginx"].kill()
        self.wait_role("ON_SERVICE", "FAULT")
        self.assertEqual(self.instance("ON_SERVICE")["fault"], "service web fails")
        self.assert_vip("ON_SERVICE", False)
        self.assertEqual((self.instance("TERMS")["priority"], self.lab.roles()["ON_LINK"]),
                         (100, "MASTER"))
        self.lab.start_server("s1")
        self.wait_role("ON_SERVICE", "MASTER")
        self.assert_vip("ON_SERVICE", True)

    def test_without_its_own_port_nothing_is_master(self):
        self.pull("wan")
        self.wait_roles({"FAULT"})
        self.assertEqual(self.instance("TERMS")["fault"], "interface wan has no link")
        for name in self.lab.roles():
            self.assert_vip(name, False)
        self.plug("wan")
        self.wait_roles({"MASTER"})

    def test_a_script_that_is_a_condition(self):
        script = self.scripts["decides"]
        script.will_be(*["bad"] * 1000)
        self.wait_role("ON_SCRIPT", "FAULT")
        self.assertEqual(self.instance("ON_SCRIPT")["fault"], "script decides fails")
        self.assert_vip("ON_SCRIPT", False)
        script.will_be()
        self.wait_role("ON_SCRIPT", "MASTER")
        self.assert_vip("ON_SCRIPT", True)

    def failing(self):
        return self.terms("TERMS")["script weighs"][0]

    def test_a_script_counts_its_results_in_a_row(self):
        script = self.scripts["weighs"]
        before = ["bad"] * (FALL - 1) + ["good"] + ["bad"] * (FALL - 1) + ["good"]
        script.will_be(*before, *["bad"] * 1000)
        self.wait(self.failing, "the script to fail")
        self.assertGreaterEqual(script.taken(), len(before) + FALL)
        self.assertEqual(self.instance("TERMS")["priority"], 110)
        before = ["good"] * (RISE - 1) + ["bad"] + ["good"] * (RISE - 1) + ["bad"]
        script.will_be(*before, *["good"] * 1000)
        self.wait(lambda: not self.failing(), "the script to succeed")
        self.assertGreaterEqual(script.taken(), len(before) + RISE)
        self.assertEqual(self.instance("TERMS")["priority"], 120)

    def test_a_script_runs_as_its_user(self):
        # Each run writes it anew, so that it is empty for a moment.
        for name, user in (("weighs", "nobody"), ("decides", "root")):
            self.wait(lambda: self.scripts[name].read("user").strip() == user, f"{name} as {user}")

    def test_a_script_that_takes_too_long_is_killed_with_its_children(self):
        script = self.scripts["slow"]
        script.will_be("hang", *["bad"] * 1000)
        pids = self.wait(lambda: script.read("hanging").split(), "the script to hang")
        self.wait_role("ON_SLOW", "FAULT")
        self.wait(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids),
                  "the script and its child to be gone")
        script.will_be()
        self.wait_role("ON_SLOW", "MASTER")
        self.wait_logged("script slow: fails: killed after 1000 ms")

    def test_scripts_that_cannot_run_fail(self):
        self.assertEqual(self.terms("ON_NOBODY"), {"script stranger": (True, -1),
                                                   "script absent": (True, -2)})
        self.wait_logged("script stranger: fails: there is no user ballast-no-such-user")
        self.wait_logged("script absent: fails: exit status 127")


harness.main(__name__)

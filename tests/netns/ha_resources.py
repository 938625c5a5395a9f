#!/usr/bin/python3
"""Programs that run where the addresses are: HAProxy, started by a script, and a unit of systemd, which a
program of that name plays here. Never on both directors, whatever becomes of the one that runs them."""

import os
import signal
import subprocess
import time

import harness
from ballast_lab import director, pair
from ballast_lab.processes import wait_until
from ballast_lab.topology import NAT_VIP

PORT = 8080
PROXY, HELPER = "proxy", "helper"
RUNNING = {PROXY: "running", HELPER: "running"}
STOPPED = {PROXY: "stopped", HELPER: "stopped"}

PROXY_CFG = f"""
defaults
  mode http
  timeout client 5s
  timeout connect 5s
  timeout server 5s
frontend local
  bind :{PORT}
  http-request return status 200 content-type text/plain lf-string "%[env(BALLAST_DIRECTOR)]"
"""

# The arguments are NAME VERB. It notes "started" before there is a program and "stopped" when there is none.
SCRIPT = """#!/bin/sh
cd {folder} || exit 9
director=$BALLAST_DIRECTOR
pid=$director-$1.pid
note() {{ echo "$director $1 $2" >> journal; }}
# A zombie is dead, whenever somebody reaps it.
alive() {{ test -s $pid && grep -q '^State:.[^ZX]' /proc/$(cat $pid)/status 2>/dev/null || return 1; }}
case $2 in
  start)
    test ! -e refuse-$director-$1 || exit 1
    alive && exit 0
    note $1 started
    case $1 in
      proxy) haproxy -D -f proxy.cfg -p $pid ;;
      *) setsid sh -c 'echo $$ > '$pid'; exec sleep 100000' & until test -s $pid; do sleep 0.01; done ;;
    esac ;;
  stop)
    test ! -e hang-$director-$1 || sleep 1000
    while alive; do kill -9 $(cat $pid); sleep 0.01; done
    rm -f $pid
    note $1 stopped ;;
  status)
    alive ;;
esac
"""
SYSTEMCTL = """#!/bin/sh
test "$2" = helper.service || exit 5
case $1 in
  is-active) exec {folder}/script helper status ;;
  *) exec {folder}/script helper $1 ;;
esac
"""


class HaResources(harness.HaTest):
    SERVERS = 1

    @classmethod
    def services(cls):
        return [director.service("web", f"{NAT_VIP}:80", "nat", [(1, 1)])]

    @classmethod
    def configure(cls, lab):
        cls.folder = f"{lab.dir}/resources"
        configs = super().configure(lab)
        common = {"user": "root", "monitor_interval": "100ms", "stop_timeout": "1s"}
        script = f"{cls.folder}/script"
        for tables in configs.values():
            tables["ha"]["resource"] = [
                common | {"name": PROXY, "instance": pair.WAN_INSTANCE, "restart_limit": 1,
                          "start": [script, PROXY, "start"], "stop": [script, PROXY, "stop"],
                          "monitor": [script, PROXY, "status"]},
                common | {"name": HELPER, "instance": pair.LAN_INSTANCE, "unit": "helper.service",
                          "restart_limit": 0, "on_failure": "keep"}]
        return configs

    @classmethod
    def prepare(cls, lab):
        os.makedirs(f"{cls.folder}/bin")
        for path, text in (("script", SCRIPT), ("bin/systemctl", SYSTEMCTL), ("proxy.cfg", PROXY_CFG)):
            with open(f"{cls.folder}/{path}", "w", encoding="utf-8") as out:
                out.write(text.format(folder=cls.folder) if path != "proxy.cfg" else text)
            os.chmod(f"{cls.folder}/{path}", 0o755)
        open(f"{cls.folder}/journal", "w", encoding="utf-8").close()
        # Each process of a host has mounts of its own.
        for each in lab.directors.values():
            each.wrapper = ["sh", "-c", f'mount --bind {cls.folder}/bin /usr/local/sbin && exec "$@"', "sh"]

    @classmethod
    def tearDownClass(cls):
        cls.lab.stop_processes()
        for name in pair.DIRECTORS:
            for program in RUNNING:
                cls.kill_program(name, program)
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        self.allow_drops("next_hop_unresolved", "no_real_server", "punt_failed", "tx_failed")
        self.wait_as_before()

    def tearDown(self):
        self.assert_never_both()
        super().tearDown()

    # ---- the programs

    @classmethod
    def pid(cls, name, program):
        try:
            with open(f"{cls.folder}/{name}-{program}.pid", encoding="utf-8") as file:
                return int(file.read() or 0)
        except FileNotFoundError:
            return 0

    @classmethod
    def is_running(cls, name, program):
        try:
            with open(f"/proc/{cls.pid(name, program)}/stat", encoding="utf-8") as stat:
                return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
        except FileNotFoundError:
            return False

    @classmethod
    def kill_program(cls, name, program):
        if cls.is_running(name, program):
            os.kill(cls.pid(name, program), signal.SIGKILL)
            wait_until(lambda: not cls.is_running(name, program), 10, f"{program} to be dead")

    def journal(self):
        """[(director, program, "started" or "stopped")]."""
        with open(f"{self.folder}/journal", encoding="utf-8") as file:
            return [tuple(line.split()) for line in file]

    def note(self, name, program, what):
        with open(f"{self.folder}/journal", "a", encoding="utf-8") as out:
            out.write(f"{name} {program} {what}\n")

    def assert_never_both(self):
        running = {program: set() for program in RUNNING}
        for name, program, what in self.journal():
            (running[program].add if what == "started" else running[program].discard)(name)
            self.assertLessEqual(len(running[program]), 1, self.journal())

    def flag(self, what, name, program):
        """Makes a start be refused or a stop hang, until the returned function is called."""
        path = f"{self.folder}/{what}-{name}-{program}"
        open(path, "w", encoding="utf-8").close()
        remove = lambda: os.path.exists(path) and os.remove(path)  # noqa: E731
        self.addCleanup(remove)
        return remove

    # ---- what is awaited

    def rows(self, name):
        return {row["name"]: row for row in self.lab.directors[name].show("ha")["resources"]}

    def states(self, name):
        return {program: row["state"] for program, row in self.rows(name).items()}

    def wait_states(self, name, states, timeout=20):
        each = self.lab.directors[name]
        each.wait_for(lambda: each.controlplane_answers() and self.states(name) == states, timeout,
                      f"{states} on {name}")

    def wait_as_before(self):
        if self.role("lb2") == "MASTER" and self.role("lb1") == "BACKUP":  # after a switchover lb1 waits
            self.wait_complete("lb2")
            self.lab.directors["lb2"].lbcli("ha", "switchover", check=False)
        self.wait_role("lb1", "MASTER", timeout=30)
        self.wait_role("lb2", "BACKUP")
        self.wait_states("lb1", RUNNING)
        self.wait_states("lb2", STOPPED)
        for name in pair.DIRECTORS:
            self.wait_complete(name)

    def wait_complete(self, name):
        """Else it refuses a switchover."""
        self.wait(lambda: self.lab.directors[name].show("sync")["peer_complete"],
                  f"{name}'s peer to be complete")

    def answer(self):
        """Which director's proxy answers at the VIP; empty: none."""
        done = subprocess.run(self.lab.host("c1").argv(
            "curl", "-s", "--max-time", "1", f"http://{NAT_VIP}:{PORT}/"),
            capture_output=True, text=True, check=False)
        return done.stdout

    def wait_answer(self, name):
        self.wait(lambda: self.answer() == name, f"{name}'s proxy to answer")

    def restart_controlplane(self, name):
        each = self.lab.directors[name]
        each.start_daemon("lb-controlplane")
        each.wait_for(each.controlplane_answers, 15, "its socket")

    # ---- the tests

    def test_run_on_the_master_in_order(self):
        self.wait_answer("lb1")
        # lb2 may have been master before lb1 was there.
        self.assertEqual([line for line in self.journal() if line[0] == "lb1" and line[2] == "started"],
                         [("lb1", PROXY, "started"), ("lb1", HELPER, "started")])
        self.wait(lambda: self.rows("lb1")[PROXY]["last_step"] == "monitor", "its first monitor")
        text = self.lab.directors["lb1"].lbcli("show", "ha").stdout
        self.assertRegex(text, rf"{PROXY} +{pair.WAN_INSTANCE} +running +0 +\S+ \S+ monitor: OK")

    def test_switchover_stops_here_before_it_starts_there(self):
        for giver, taker in (("lb1", "lb2"), ("lb2", "lb1")):
            before = len(self.journal())
            self.lab.directors[giver].lbcli("ha", "switchover")
            self.wait_states(taker, RUNNING)
            self.wait_answer(taker)
            self.assertEqual(self.journal()[before:], [
                (giver, HELPER, "stopped"), (giver, PROXY, "stopped"),
                (taker, PROXY, "started"), (taker, HELPER, "started")])
            self.wait_complete(taker)

    def test_restarted_then_moved(self):
        before = self.rows("lb1")[PROXY]["restarts"]
        self.kill_program("lb1", PROXY)
        self.wait(lambda: self.rows("lb1")[PROXY]["restarts"] == before + 1, "a restart")
        self.wait_states("lb1", RUNNING)
        self.wait_logged(f"resource {PROXY}: restarted: monitor: exit status 1")
        self.assertTrue(self.is_running("lb1", PROXY))
        self.kill_program("lb1", PROXY)
        self.wait_role("lb1", "FAULT")
        self.wait_role("lb2", "MASTER")
        self.wait_states("lb2", RUNNING)
        self.wait_answer("lb2")
        self.assertEqual(self.states("lb1"), {PROXY: "failed", HELPER: "stopped"})
        group = self.lab.directors["lb1"].show("ha")
        self.assertIn(f"resource {PROXY} failed", [row["fault"] for row in group["instances"]])
        self.assertIn("restart_limit = 1 is reached", self.rows("lb1")[PROXY]["failure"])
        self.lab.directors["lb1"].lbcli("ha", "retry")
        self.wait_as_before()
        self.wait_logged(f"resource {PROXY}: recovered")
        self.wait_answer("lb1")

    def test_kept(self):
        self.kill_program("lb1", HELPER)
        self.wait_states("lb1", {PROXY: "running", HELPER: "failed"})
        self.wait_logged(f"resource {HELPER}: failed: monitor: exit status 1")
        self.assertEqual(self.role("lb1"), "MASTER")
        self.wait_answer("lb1")
        self.lab.directors["lb1"].lbcli("ha", "retry")
        self.wait_states("lb1", RUNNING)

    def test_a_start_that_fails_moves(self):
        allow = self.flag("refuse", "lb1", PROXY)
        self.lab.directors["lb1"].lbcli("ha", "switchover")
        self.wait_states("lb2", RUNNING)
        self.wait_complete("lb2")
        self.lab.directors["lb2"].lbcli("ha", "switchover")
        self.wait_role("lb1", "FAULT")
        self.wait_role("lb2", "MASTER")
        self.wait_states("lb2", RUNNING)
        self.assertEqual(self.rows("lb1")[PROXY]["failure"], "start: exit status 1")
        allow()
        self.lab.directors["lb1"].lbcli("ha", "retry")
        self.wait_as_before()

    def test_a_stop_that_hangs_holds_up_the_peer(self):
        release = self.flag("hang", "lb1", HELPER)
        self.lab.directors["lb1"].lbcli("ha", "switchover")
        self.wait_states("lb1", {PROXY: "stopped", HELPER: "stop failed"})
        self.wait_role("lb2", "MASTER")
        self.wait_states("lb2", {PROXY: "waiting for the peer", HELPER: "stopped"})
        self.wait_logged(f"resource {HELPER}: stop failed: stop: killed after 1000 ms")
        self.assertTrue(self.is_running("lb1", HELPER))
        release()
        self.lab.directors["lb1"].lbcli("ha", "retry")
        self.wait_states("lb2", RUNNING)
        self.wait_logged(f"resource {HELPER}: stopped")

    def test_the_end_of_the_control_plane_stops_them(self):
        before = len(self.journal())
        process = self.lab.directors["lb1"].process("lb-controlplane")
        process.signal(signal.SIGTERM)
        process.wait(10)
        self.assertEqual(process.exit_status(), 0)
        self.assertFalse(self.is_running("lb1", PROXY) or self.is_running("lb1", HELPER))
        # It has said so: the peer does not wait for the lease, which is 7 s.
        self.wait_states("lb2", RUNNING, timeout=5)
        self.assertEqual(self.journal()[before:before + 3], [
            ("lb1", HELPER, "stopped"), ("lb1", PROXY, "stopped"), ("lb2", PROXY, "started")])
        self.restart_controlplane("lb1")
        self.wait_as_before()

    def test_the_end_is_held_up_by_a_stop_that_hangs(self):
        """For its time, which the other limits of the end do not shorten; and no longer."""
        release = self.flag("hang", "lb1", PROXY)
        process = self.lab.directors["lb1"].process("lb-controlplane")
        process.signal(signal.SIGTERM)
        process.wait(10)
        self.assertEqual(process.exit_status(), 0)
        self.wait_logged(f"resource {PROXY}: stop failed: stop: killed after 1000 ms")
        release()
        self.restart_controlplane("lb1")  # which stops it
        self.wait_as_before()

    def test_killed_control_plane(self):
        """The programs outlive it. The one that is started next adopts them, or stops them because the
        peer is master, which starts its own only then."""
        process = self.lab.directors["lb1"].process("lb-controlplane")
        process.signal_group_kill()
        process.wait(10)
        self.assertTrue(self.is_running("lb1", PROXY) and self.is_running("lb1", HELPER))
        self.restart_controlplane("lb1")
        self.wait_as_before()
        self.wait_answer("lb1")

    def test_killed_director(self):
        """As when the machine loses its power: the peer starts them after the lease."""
        begun = time.monotonic()
        self.kill_director("lb1")
        for program in RUNNING:
            self.kill_program("lb1", program)
            self.note("lb1", program, "stopped")
        self.wait_role("lb2", "MASTER")
        self.wait_states("lb2", RUNNING)
        self.assertGreater(time.monotonic() - begun, 7)
        self.start_director("lb1")
        self.wait_as_before()


harness.main(__name__)

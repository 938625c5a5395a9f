#!/usr/bin/python3
"""The configuration changes while the director runs: reload, commit, confirm, rollback, by hand, by
signal and by itself. Requests go on all the time."""

import copy
import os
import random
import signal
import time

import harness
from ballast_lab import director
from ballast_lab.topology import DR_VIP, NAT_VIP, WAN_NET, server_address

NEW_VIP = f"{WAN_NET}.77"
RANDOM_RELOADS = 100


def find(services, name):
    return next(each for each in services if each["name"] == name)


class Reload(harness.LabTest):
    CLIENTS = 2

    @classmethod
    def configure(cls, lab):
        cls.tables = director.config(f"{lab.dir}/run",
                                     director.default_services("both", cls.SERVERS))
        return cls.tables

    def setUp(self):
        super().setUp()
        self.new = copy.deepcopy(self.tables)
        self.web = find(self.new["service"], "web")
        self.addCleanup(self.back)

    def back(self):
        """The configuration of the beginning, whatever the test has left."""
        self.lab.lbcli("rollback", check=False)
        self.lab.write_config(self.tables)
        self.reload()
        self.wait_up()

    def servers(self):
        """Those that are configured: one that was removed is shown while it has connections."""
        return [rs for rs in self.lab.real_servers() if not rs["removed"]]

    def wait_up(self):
        self.wait(lambda: all(self.ready(rs) for rs in self.servers()), "every server to be up")

    def run_cli(self, *arguments):
        return self.lab.lbcli(*arguments, check=False)

    def cli(self, *arguments):
        done = self.run_cli(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def reload(self, tables=None):
        if tables is not None:
            self.lab.write_config(tables)
        return self.cli("reload")

    def other_file(self, tables):
        """Another configuration file beside the director's."""
        own = self.lab.config_path
        kept = open(own, encoding="utf-8").read()
        self.lab.write_config(tables)
        other = os.path.join(os.path.dirname(own), "next.toml")
        os.replace(own, other)
        with open(own, "w", encoding="utf-8") as out:
            out.write(kept)
        return other

    def weights(self, service="web"):
        return {rs["endpoint"].rsplit(":")[0]: rs["weight"] for rs in self.servers()
                if rs["service"] == service}

    def addresses(self, interface):
        return self.host("lb1").ip("addr", "show", "dev", interface)

    def load(self):
        before = self.opened()
        loads = [harness.BackgroundLoad(self.lab, client, f"{vip}:80", parallel=4, per_connection=5)
                 for client, vip in (("c1", NAT_VIP), ("c2", DR_VIP))]
        self.wait_requests(before)
        return loads

    def opened(self, service="web"):
        return find(self.lab.show("stats")["services"], service)["connections"]

    def wait_requests(self, before, service="web"):
        """Until there has been some traffic."""
        self.wait(lambda: self.opened(service) > before + 50, "requests")

    def assert_no_failure(self, loads, service="web"):
        self.wait_requests(self.opened(service), service)
        for load in loads:
            report = load.stop()
            self.assertEqual(report["errors"], {})
            self.assertGreater(report["good"], 100)

    def test_reload_under_load(self):
        loads = self.load()
        before = {rs["endpoint"]: rs for rs in self.servers() if rs["service"] == "web"}
        self.web["real_server"][1]["weight"] = 7
        self.web["on_server_down"] = "keep"
        self.new["service"].append(director.service("new", f"{NEW_VIP}:80", "nat", [(1, 1)]))
        started = time.monotonic()
        out = self.reload(self.new)
        print(f"# applied in {time.monotonic() - started:.3f} s")
        second = f"{server_address(2)}:80"
        self.assertEqual(sorted(out.splitlines()), sorted([
            "service new added", "service web: on_server_down reset -> keep",
            f"service web: real server {second}: weight 1 -> 7", "3 changes applied"]))
        self.assertEqual(self.weights()[server_address(2)], 7)
        self.wait_up()
        self.wait(lambda: NEW_VIP in self.addresses("wan"), "the new VIP")
        self.assertEqual(self.fetch("c1", f"http://{NEW_VIP}/"), b"s1\n")
        for endpoint, rs in before.items():
            now = self.real_server("web", endpoint)
            self.assertGreater(now["health"]["since_ms"], rs["health"]["since_ms"],
                               "its health began anew")
        del self.new["service"][-1]
        self.assertIn("service new removed", self.reload(self.new))
        self.wait(lambda: NEW_VIP not in self.addresses("wan"), "the VIP to go")
        self.assert_no_failure(loads)

    def lines(self, name):
        """Of a file that the director's programs write."""
        path = f"{self.lab.dir}/{name}"
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()

    def test_renamed_service_keeps_what_is_known_of_it(self):
        """A drained server, a lost quorum, health and alerts belong to the service, not to its
        name: nothing fails, nothing is reported again."""
        second = f"{server_address(2)}:80"
        program = ["/bin/sh", "-c",
                   f'echo "$BALLAST_SERVICE $BALLAST_QUORUM" >> {self.lab.dir}/quorum']
        self.web |= {"quorum": 3, "quorum_up": program, "quorum_down": program, "quorum_user": "root"}
        self.new["alert"] = {
            "script": ["/bin/sh", "-c", f'echo "$*" >> {self.lab.dir}/reported', "sh"],
            "script_user": "root"}
        self.reload(self.new)
        self.cli("set", "rs", "web", second, "drain", "--save")
        self.addCleanup(lambda: self.run_cli("set", "rs", "web", second, "ready", "--save"))
        self.addCleanup(lambda: self.reload(self.tables))
        self.wait(lambda: self.lines("quorum") == ["web down"], "the quorum's program")
        before = self.real_server("web", second)
        loads = self.load()
        drained = self.real_server("web", second)["connections"]
        self.web["name"] = "shop"
        self.web["real_server"][1]["weight"] = 7
        self.assertIn("service web: name web -> shop", self.reload(self.new))
        self.assertIn(f"service shop: real server {second}: drain, by lbcli set --save",
                      self.lab.show("changes")["changes"])
        now = self.real_server("shop", second)
        self.assertGreater(now["health"]["since_ms"], before["health"]["since_ms"])
        self.assert_no_failure(loads, "shop")
        self.assertEqual(self.real_server("shop", second)["connections"], drained,
                         "it is drained")
        # The next event shows that nothing was reported in between.
        self.cli("set", "rs", "shop", f"{server_address(1)}:80", "weight", "20")
        self.wait(lambda: len(self.lines("quorum")) > 1, "the quorum's program again")
        self.assertEqual(self.lines("quorum"), ["web down", "shop up"])
        self.wait(lambda: "quorum shop  reached" in self.lines("reported"), "the alert")
        self.assertEqual(self.lines("reported"), ["quorum web  lost", "quorum shop  reached"])

    def test_real_server_is_taken_out_and_comes_back(self):
        """A server that is drained first is not missed."""
        loads = self.load()
        for service in self.new["service"]:
            service["on_server_down"] = "keep"
        self.reload(self.new)
        for service in self.new["service"]:
            del service["real_server"][1]
        self.reload(self.new)
        self.assertEqual(set(self.weights()), {server_address(1)})
        self.reload(self.tables)
        self.wait_up()
        self.assert_no_failure(loads)

    def test_mistakes_change_nothing(self):
        generation = self.lab.generation()
        path = self.lab.config_path
        with open(path, "a", encoding="utf-8") as file:
            file.write("colour = 1\n")
        done = self.run_cli("reload")
        self.assertEqual(done.returncode, 2)
        self.assertTrue(done.stderr.startswith(path), done.stderr)
        self.assertIn("colour", done.stderr)
        self.new["dataplane"]["max_connections"] = 1000
        self.web["scheduler"] = "rr"
        self.lab.write_config(self.new)
        done = self.run_cli("reload")
        self.assertEqual(done.returncode, 1)
        self.assertIn("max_connections 200000 -> 1000: needs a restart of lb-dataplane and "
                      "lb-controlplane", done.stderr)
        self.assertEqual(self.lab.generation(), generation)

    def test_lbcli_needs_no_good_file(self):
        """Only the run_dir is taken from it."""
        with open(self.lab.config_path, "r+", encoding="utf-8") as file:
            text = file.read()
            file.seek(0)
            file.write("[[service]\n" + text)
        self.assertIn(f"{NAT_VIP}:80", self.cli("show", "service"))
        self.assertEqual(self.run_cli("reload").returncode, 2)

    def test_signal_and_auto_reload(self):
        self.web["real_server"][0]["weight"] = 11
        self.new["director"]["auto_reload"] = True
        self.lab.write_config(self.new)
        self.lab.processes["lb-controlplane"].signal(signal.SIGHUP)
        self.wait(lambda: self.weights()[server_address(1)] == 11, "the weight by SIGHUP")
        self.web["real_server"][0]["weight"] = 12
        self.lab.write_config(self.new)
        self.wait(lambda: self.weights()[server_address(1)] == 12, "the weight by itself")
        with open(self.lab.config_path, "a", encoding="utf-8") as file:
            file.write("colour = 1\n")
        self.wait_logged("colour")
        self.lab.write_config(self.new)
        self.assertEqual(self.weights()[server_address(1)], 12)

    def state(self, endpoint, service="web"):
        return self.real_server(service, endpoint)["state"]

    def test_names_what_it_ends_of_operators_changes(self):
        """By lbcli and by SIGHUP; a commit that is rolled back brings them back."""
        first = f"{server_address(1)}:80"
        line = f"service web: real server {first}: maint -> ready, end of lbcli set"
        self.cli("set", "rs", "web", first, "maint")
        self.assertEqual(self.cli("diff", self.lab.config_path), f"{line}\n")
        self.assertEqual(self.cli("reload").splitlines(), [line, "1 change applied"])
        self.assertEqual(self.cli("reload"), "0 changes applied\n")
        self.assertEqual(self.state(first), "up")
        self.wait_logged(f'command="reload" outcome="{line}"')

        self.cli("set", "rs", "web", first, "maint")
        self.lab.processes["lb-controlplane"].signal(signal.SIGHUP)
        self.wait_logged(f"SIGHUP: {line}")

        self.cli("set", "rs", "web", first, "maint")
        self.web["scheduler"] = "rr"
        self.assertIn(line, self.cli("commit", self.other_file(self.new), "--confirm", "1h"))
        self.assertEqual(self.state(first), "up")
        self.assertEqual(self.cli("rollback").splitlines(),
                         ["service web: scheduler rr -> wrr",
                          f"service web: real server {first}: maint again, by lbcli set",
                          "2 changes applied"])
        self.assertEqual(self.state(first), "maint")
        self.cli("set", "rs", "web", first, "ready")

        self.cli("set", "rs", "web", first, "weight", "9", "--save")
        self.assertEqual(self.cli("reload"), "0 changes applied\n")
        self.assertEqual(self.weights()[server_address(1)], 9)
        self.cli("set", "rs", "web", first, "weight", "2")

    def test_commit(self):
        self.web["real_server"][0]["weight"] = 5
        other = self.other_file(self.new)
        change = f"service web: real server {server_address(1)}:80: weight 2 -> 5\n"
        self.assertEqual(self.cli("diff", other), change)
        self.assertEqual(self.weights()[server_address(1)], 2)
        out = self.cli("commit", other, "--confirm", "2s")
        self.assertIn(change, out)
        self.assertIn("is rolled back in 2 seconds unless confirmed", out)
        self.assertEqual(self.weights()[server_address(1)], 5)
        self.assertIn("weight 2 -> 5", self.cli("show", "changes"))
        self.assertEqual(self.run_cli("reload").returncode, 1)
        self.wait(lambda: self.weights()[server_address(1)] == 2, "the commit to be rolled back")
        self.cli("commit", other, "--confirm", "1h")
        self.assertIn("is the configuration now", self.cli("confirm"))
        self.assertIn("the running configuration is that of", self.cli("show", "changes"))
        with open(other, "rb") as committed, open(self.lab.config_path, "rb") as own:
            self.assertEqual(own.read(), committed.read())
        self.cli("rollback")
        self.assertEqual(self.weights()[server_address(1)], 2)
        self.cli("commit", other)
        self.assertEqual(self.weights()[server_address(1)], 5)
        self.assertIn("the running configuration is that of", self.cli("show", "changes"))

    def test_restart_while_a_commit_waits(self):
        self.web["real_server"][0]["weight"] = 5
        self.cli("commit", self.other_file(self.new), "--confirm", "1h")
        self.assertEqual(self.weights()[server_address(1)], 5)
        control = self.lab.processes["lb-controlplane"]
        control.signal(signal.SIGKILL)
        control.wait(10)
        self.lab.start_controlplane()
        self.wait(lambda: self.weights()[server_address(1)] == 2, "the commit to be rolled back")
        self.wait(self.lab.controlplane_answers, "the control plane to answer")

    def random_tables(self, random_source):
        """What of the load's services may change without a failed request (the first server stays: the
        second one may not have been checked yet when it is alone); others as they come."""
        tables = copy.deepcopy(self.tables)
        for service in tables["service"]:
            service["on_server_down"] = "keep"
            service["scheduler"] = random_source.choice(["rr", "wrr", "lc", "wlc"])
            service["check"]["interval"] = random_source.choice(["500ms", "1s"])
            for server in service["real_server"]:
                server["weight"] = random_source.randint(1, 9)
            if random_source.random() < 0.3:
                del service["real_server"][1]
        for number in range(random_source.randrange(8)):
            tables["service"].append(director.service(
                f"more-{number}", f"{WAN_NET}.{60 + number}:80", "nat",
                [(1, 1), (2, 3)][:random_source.randint(1, 2)],
                check=director.check(random_source.choice(["tcp", "http", "ping"]))))
        random_source.shuffle(tables["service"])
        return tables

    def test_random_reloads_under_load(self):
        """No request fails, and the counters of a service that stays never go back."""
        seed = random.randrange(10 ** 6)
        print(f"# seed {seed}")
        random_source = random.Random(seed)
        keep = copy.deepcopy(self.tables)
        for service in keep["service"]:
            service["on_server_down"] = "keep"
        self.reload(keep)
        loads = self.load()
        opened = 0
        slowest = 0.0
        for _ in range(RANDOM_RELOADS):
            self.lab.write_config(self.random_tables(random_source))
            started = time.monotonic()
            self.cli("reload")
            slowest = max(slowest, time.monotonic() - started)
            now = self.opened()
            self.assertGreaterEqual(now, opened)
            opened = now
        print(f"# slowest of {RANDOM_RELOADS} reloads: {slowest:.3f} s")
        self.assert_no_failure(loads)


harness.main(__name__)

#!/usr/bin/python3
"""Both daemons as a user of their own with the capabilities of their units and no other: everything works, and
what a program of an operator gets of them is nothing."""

import copy
import os
import re
import shutil
import stat
import subprocess

import attack
from ballast_lab import director
from ballast_lab.daemons import DAEMONS
from ballast_lab.topology import DR_VIP, NAT_VIP, WAN_NET

harness = attack.harness
UNITS = os.path.join(attack.HERE, "..", "..", "scripts", "systemd")
USER = 60_200  # has no name, nor any rights
SCRIPT_USER = "nobody"
HA_VIP = f"{WAN_NET}.62"

# What the program finds out about itself.
PROBE = """#!/bin/sh
{{ id -un; id -G; grep -E '^(CapEff|CapPrm|CapAmb|CapInh)' /proc/self/status; env; pwd; umask; ls /proc/self/fd; }} \\
  > {path}.new && mv {path}.new {path}
"""


def capabilities(daemon):
    """Those of the daemon's unit, as setpriv writes them."""
    with open(f"{UNITS}/{daemon}.service.in", encoding="utf-8") as unit:
        sets = dict(re.findall(r"^(CapabilityBoundingSet|AmbientCapabilities)=(.*)$", unit.read(), re.MULTILINE))
    assert sets["CapabilityBoundingSet"] == sets["AmbientCapabilities"], sets
    return [f"+{name.removeprefix('CAP_').lower()}" for name in sets["AmbientCapabilities"].split()]


class Unprivileged(harness.LabTest):
    SERVERS = 2
    DRIVER = "af_packet"
    MORE = []  # capabilities

    @classmethod
    def configure(cls, lab):
        services = director.default_services("both", cls.SERVERS)
        # A check by ping (raw socket) and one by a program are among them.
        services.append(director.service(
            "script", f"{NAT_VIP}:8081", "nat", [(1, 1)],
            check={"type": "script", "command": [f"{lab.dir}/probe/run"], "user": SCRIPT_USER,
                   "interval": "500ms", "timeout": "5s"}))
        cls.tables = director.config(f"{lab.dir}/own/run", services, driver=cls.DRIVER)
        cls.tables["director"] |= {"state_dir": f"{lab.dir}/own/state",
                                   "audit_file": f"{lab.dir}/own/audit.log"}
        cls.tables["ha"] = {"instance": [{"name": "VI", "port": "wan", "virtual_router_id": 62,
                                          "advert_interval": "100ms",
                                          "addresses": [f"{vip}/24" for vip in (HA_VIP, NAT_VIP, DR_VIP)]}]}
        return cls.tables

    @classmethod
    def prepare(cls, lab):
        """As the units do: folders of the user, binaries that it may run."""
        os.chmod(lab.dir, 0o755)
        for name, mode in (("own", 0o700), ("bin", 0o755), ("probe", 0o777)):
            os.mkdir(f"{lab.dir}/{name}")
            os.chmod(f"{lab.dir}/{name}", mode)
        os.chown(f"{lab.dir}/own", USER, USER)
        with open(f"{lab.dir}/probe/run", "w", encoding="utf-8") as out:
            out.write(PROBE.format(path=f"{lab.dir}/probe/result"))
        os.chmod(f"{lab.dir}/probe/run", 0o755)
        os.chmod(lab.config_path, 0o644)
        for daemon in DAEMONS:
            shutil.copy(lab.program(daemon), f"{lab.dir}/bin/{daemon}")
        the_director = lab.directors["lb1"]
        spawn = the_director.lab.spawn

        def start_daemon(daemon):
            allowed = ",".join(capabilities(daemon) + cls.MORE)
            argv = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs",
                    f"--bounding-set=-all,{allowed}", f"--inh-caps=-all,{allowed}",
                    f"--ambient-caps=-all,{allowed}", f"{lab.dir}/bin/{daemon}", "--config",
                    the_director.config_path]
            return spawn(the_director.process_name(daemon), "lb1", argv)

        the_director.start_daemon = start_daemon

    def check_traffic(self):
        for vip in (NAT_VIP, DR_VIP):
            self.assertIn(self.fetch("c1", f"http://{vip}/"), (b"s1\n", b"s2\n"))
        self.wait(lambda: self.lab.roles() == {"VI": "MASTER"}, "mastership")


class Privileges(Unprivileged):
    def status_of(self, daemon):
        with open(f"/proc/{self.lab.processes[daemon].pid}/status", encoding="utf-8") as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)

    def test_neither_is_root(self):
        for daemon in DAEMONS:
            with self.subTest(daemon=daemon):
                status = self.status_of(daemon)
                self.assertEqual(status["Uid"].split(), [str(USER)] * 4)
                self.assertEqual(status["Gid"].split(), [str(USER)] * 4)
                self.assertEqual(bin(int(status["CapBnd"], 16)).count("1"), len(capabilities(daemon)))
                self.assertEqual(status["NoNewPrivs"], "1")

    def test_traffic_checks_and_addresses(self):
        self.check_traffic()
        self.assertIn(HA_VIP, self.host("lb1").ip("addr", "show", "dev", "wan"))
        for service, result in (("web", "L7OK/200"), ("dns", "L3OK"), ("script", "L7OK/0")):
            with self.subTest(service=service):
                rows = [rs for rs in self.lab.real_servers() if rs["service"] == service]
                self.assertTrue(all(rs["up"] for rs in rows), rows)
        self.wait_logged("real-time priority 10")
        for daemon in DAEMONS:
            self.assertNotRegex(self.lab.log_text(daemon), "not permitted|[Pp]ermission denied|cannot")

    def test_a_link_that_is_lost(self):
        """The data plane tells the kernel, and the control plane sees it there."""
        wan = self.host("lb1")
        self.allow_drops("next_hop_unresolved", "link_down")
        wan.ip("link", "set", "wan0", "down")
        self.wait(lambda: "NO-CARRIER" in wan.ip("link", "show", "dev", "wan"), "no carrier")
        wan.ip("link", "set", "wan0", "up")
        self.wait(lambda: "NO-CARRIER" not in wan.ip("link", "show", "dev", "wan"), "the carrier")
        self.wait(lambda: self.lab.roles() == {"VI": "MASTER"}, "mastership")
        self.wait(lambda: all(rs["up"] for rs in self.lab.real_servers()), "every server to be up")

    def test_a_program_of_an_operator_gets_nothing(self):
        path = f"{self.lab.dir}/probe/result"
        self.wait(lambda: os.path.exists(path), "the program to run")
        with open(path, encoding="utf-8") as file:
            result = file.read()
        self.assertTrue(result.startswith(f"{SCRIPT_USER}\n"), result)
        for each in ("CapEff", "CapPrm", "CapAmb", "CapInh"):
            self.assertRegex(result, rf"{each}:\s0+\n")
        names = {line.split("=")[0] for line in result.splitlines() if re.match(r"[A-Z_]+=", line)}
        self.assertEqual(names - {"PWD", "_", "OLDPWD", "SHLVL"}, {"PATH", "BALLAST_SERVICE", "BALLAST_VIP",
                                                       "BALLAST_VIP_PORT", "BALLAST_RS", "BALLAST_RS_PORT"})
        self.assertIn("\n/\n0077\n", result)
        self.assertEqual(set(result.split("0077\n")[1].split()) - {"3", "10", "11"}, {"0", "1", "2"})

    def test_sockets_are_for_root_and_the_user(self):
        for name in ("dataplane", "controlplane"):
            status = os.stat(f"{self.lab.dir}/own/run/{name}.sock")
            self.assertEqual((stat.S_IMODE(status.st_mode), status.st_uid), (0o600, USER))

    def test_commit_says_beforehand_that_it_cannot(self):
        """The folder of the configuration is root's here."""
        other = copy.deepcopy(self.tables)
        other["service"][0]["scheduler"] = "rr"
        path = f"{self.lab.dir}/other.toml"
        with open(path, "w", encoding="utf-8") as out:
            out.write(director.to_toml(other))
        generation = self.lab.generation()
        for options in ([], ["--confirm", "1m"]):
            done = self.lab.lbcli("commit", path, *options, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("nothing was changed: ", done.stderr)
            self.assertIn("may not write to its folder", done.stderr)
        self.assertEqual(self.lab.generation(), generation)

    def test_commit_keeps_the_owner_of_the_file(self):
        folder = os.path.dirname(self.lab.config_path)
        before = os.stat(folder)
        os.chown(folder, USER, USER)
        self.addCleanup(os.chown, folder, before.st_uid, before.st_gid)
        other = copy.deepcopy(self.tables)
        other["service"][0]["scheduler"] = "rr"
        path = f"{self.lab.dir}/other.toml"
        with open(path, "w", encoding="utf-8") as out:
            out.write(director.to_toml(other))
        self.lab.lbcli("commit", path)
        status = os.stat(self.lab.config_path)
        self.assertEqual((status.st_uid, stat.S_IMODE(status.st_mode)), (0, 0o644))
        self.lab.lbcli("rollback")


class AfXdp(Unprivileged):
    """With what docs/security.md adds for such ports."""

    DRIVER = "af_xdp"
    MORE = ["+sys_admin"]

    def test_traffic(self):
        self.check_traffic()


harness.main(__name__)

#!/usr/bin/python3
"""Who may do what with lbcli, by the groups of the two sockets, and the audit log of it."""

import copy
import grp
import os
import re
import signal
import stat
import subprocess

import harness
from ballast_lab import director

# Groups and a user that every Debian has.
ADMIN_GROUP, READ_GROUP = "operator", "staff"
READER = 1  # "daemon"
ADMIN = 60_123  # has no name
STRANGER = 60_124

VIEWS = ["service", "conn", "persistence", "rs", "check", "port", "lcore", "stats", "drops", "ha",
         "sync", "alert", "changes"]


class Access(harness.LabTest):
    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        cls.tables = director.config(f"{lab.dir}/run",
                                     director.default_services("both", cls.SERVERS))
        cls.audit_file = f"{lab.dir}/audit.log"
        cls.tables["director"] |= {"admin_group": ADMIN_GROUP, "read_group": READ_GROUP,
                                   "audit_file": cls.audit_file, "state_dir": f"{lab.dir}/state"}
        return cls.tables

    def run_as(self, uid, groups, *arguments):
        """lbcli as another user, who may not get to where the build is: root opens it."""
        program = os.open(self.lab.program("lbcli"), os.O_RDONLY)
        try:
            return subprocess.run(
                ["lbcli", "--run-dir", self.lab.run_dir(), *arguments], capture_output=True,
                text=True, executable=f"/proc/self/fd/{program}", pass_fds=[program], user=uid,
                group=uid, extra_groups=[grp.getgrnam(name).gr_gid for name in groups], cwd="/",
                timeout=60, check=False)
        finally:
            os.close(program)

    def as_reader(self, *arguments):
        return self.run_as(READER, [READ_GROUP], *arguments)

    def as_admin(self, *arguments):
        return self.run_as(ADMIN, [ADMIN_GROUP], *arguments)

    def audit(self, path=None):
        with open(path or self.audit_file, encoding="utf-8") as file:
            return file.read().splitlines()

    def audit_of(self, *arguments, run):
        """Runs lbcli, which is to be told in one line; the end of that line from `audit:` on."""
        before = len(self.audit())
        done = run(*arguments)
        lines = self.wait(lambda: self.audit()[before:], "the audit line")
        self.assertEqual(len(lines), 1, (lines, done))
        self.assertRegex(lines[0], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z "
                                   r"lb-(data|control)plane: audit: ")
        return done, lines[0][lines[0].index("audit: "):]

    def audit_line(self, pattern):
        """Waits for a line."""
        return self.wait(lambda: any(re.search(pattern, line) for line in self.audit()),
                         f"the audit line {pattern}")

    def config_for_all(self, tables):
        """A configuration that every user can read."""
        path = f"{self.lab.dir}/other.toml"
        with open(path, "w", encoding="utf-8") as file:
            file.write(director.to_toml(tables))
        os.chmod(path, 0o644)
        return path

    def back(self):
        self.lab.write_config(self.tables)
        self.lab.lbcli("reload")

    def test_rights_of_sockets_and_folder(self):
        for name, group in (("dataplane", ADMIN_GROUP), ("controlplane", ADMIN_GROUP),
                            ("dataplane-read", READ_GROUP), ("controlplane-read", READ_GROUP)):
            with self.subTest(socket=name):
                status = os.stat(f"{self.lab.run_dir()}/{name}.sock")
                self.assertEqual(stat.S_IMODE(status.st_mode), 0o660)
                self.assertEqual(status.st_gid, grp.getgrnam(group).gr_gid)
        self.assertEqual(os.stat(self.lab.run_dir()).st_mode & 0o027, 0)
        self.assertEqual(os.stat(self.audit_file).st_mode & 0o777, 0o640)

    def test_reader_sees_every_view(self):
        for view in VIEWS:
            with self.subTest(view=view):
                ours = self.lab.lbcli("show", view, check=False)
                theirs = self.as_reader("show", view)
                self.assertEqual((theirs.returncode, theirs.stderr), (ours.returncode, ours.stderr))
                self.assertEqual(theirs.stdout.split()[:1], ours.stdout.split()[:1])
        self.assertNotIn("permission", self.as_reader("version").stdout)

    def test_reader_changes_nothing(self):
        generation = self.lab.generation()
        tables = copy.deepcopy(self.tables)
        tables["service"][0]["scheduler"] = "rr"
        other = self.config_for_all(tables)
        for words in ("reload", f"commit {other}", f"commit {other} --confirm 1m", "confirm",
                      "rollback", "set rs web 10.0.0.11:80 maint", "ha freeze", "alert test",
                      "flush conn --all", "flush persistence"):
            with self.subTest(command=words):
                done, line = self.audit_of(*words.split(), run=self.as_reader)
                refusal = (f"permission denied: {words} is for root and the members of group "
                           f"{ADMIN_GROUP}")
                self.assertEqual((done.returncode, done.stdout, done.stderr),
                                 (1, "", f"lbcli: {refusal}\n"))
                self.assertRegex(line, rf'^audit: by=lbcli uid={READER} user=daemon pid=\d+ '
                                       rf'command="{re.escape(words)}" '
                                       rf'outcome="{re.escape(refusal)}"$')
        # What it names is read with the daemon's rights.
        self.assertIn("permission denied: diff", self.as_reader("diff", other).stderr)
        self.assertEqual(self.lab.generation(), generation)

    def test_unknown_peers_see_nothing(self):
        for arguments in (["show", "service"], ["show", "check"], ["reload"]):
            with self.subTest(arguments=arguments):
                done = self.run_as(STRANGER, [], *arguments)
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertTrue(done.stderr.startswith("lbcli: permission denied: "), done.stderr)

    def test_admin_changes_and_it_is_reported(self):
        by = rf"audit: by=lbcli uid={ADMIN} pid=\d+ "
        done, line = self.audit_of("flush", "conn", "--service", "web", run=self.as_admin)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(line, f'^{by}command="flush conn --service web" outcome="ok"$')
        self.wait_logged(line, "lb-dataplane")
        done, line = self.audit_of("flush", "conn", "--service", "none", run=self.as_admin)
        self.assertRegex(line, f"^{by}command=.* outcome=\"unknown service none; see lbcli show service\"$")
        tables = copy.deepcopy(self.tables)
        tables["service"][0]["scheduler"] = "rr"
        self.addCleanup(self.back)
        done, line = self.audit_of("commit", self.config_for_all(tables), run=self.as_admin)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(line, f'^{by}command="commit .*other.toml" outcome="ok, 1 change"$')
        self.wait_logged(line)
        done, line = self.audit_of("ha", "freeze", run=self.as_admin)
        self.assertRegex(line, f'^{by}command="ha freeze" outcome=".*ha.instance.*"$')
        before = len(self.audit())
        self.as_admin("show", "service")
        self.as_admin("show", "changes")
        self.assertEqual(len(self.audit()), before)

    def test_signal_file_and_timer_are_reported(self):
        self.addCleanup(self.back)
        tables = copy.deepcopy(self.tables)
        tables["director"]["auto_reload"] = True
        self.lab.write_config(tables)
        self.lab.processes["lb-controlplane"].signal(signal.SIGHUP)
        self.audit_line('by=SIGHUP command="reload" outcome="ok, 1 change"$')
        tables["service"][0]["scheduler"] = "lc"
        self.lab.write_config(tables)
        self.audit_line('by=auto_reload command="reload of .*" outcome="ok, 1 change"$')
        tables["service"][0]["scheduler"] = "rr"
        self.lab.lbcli("commit", self.config_for_all(tables), "--confirm", "1s")
        self.audit_line('by=lbcli uid=0 user=root pid=.* command="commit .* --confirm 1s" '
                        'outcome="ok, 1 change"$')
        self.audit_line('by=timer command="rollback of .*" '
                        'outcome="ok, it was not confirmed in time"$')

    def test_the_file_is_rotated(self):
        self.audit_of("flush", "conn", "--all", run=self.as_admin)
        moved = f"{self.audit_file}.1"
        os.rename(self.audit_file, moved)
        self.as_admin("flush", "conn", "--service", "web")
        self.wait(lambda: os.path.exists(self.audit_file) and self.audit(), "another file")
        self.as_admin("reload")
        self.wait(lambda: len(self.audit()) == 2, "its second line")
        self.assertIn("--all", self.audit(moved)[-1])
        self.assertEqual([re.search('command="(.*?)"', line)[1] for line in self.audit()],
                         ["flush conn --service web", "reload"])
        self.assertEqual(os.stat(self.audit_file).st_mode & 0o777, 0o640)


harness.main(__name__)

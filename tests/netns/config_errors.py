#!/usr/bin/python3
"""Mistakes in the configuration stop every program with status 2 and say where they are."""

import copy
import os
import subprocess
import tempfile
import unittest

import harness
from ballast_lab import director


def edited(change):
    """The lab's configuration after `change(tables)`, as text."""
    tables = copy.deepcopy(director.config("/run/nowhere", director.default_services("both", 2)))
    change(tables)
    return director.to_toml(tables)


def set_in(*path_and_value):
    def change(tables):
        *path, last, value = path_and_value
        for key in path:
            tables = tables[key]
        tables[last] = value
    return change


# What is wrong -> (the file, a word that the message must hold, the text of the line it points to)
MISTAKES = {
    "unknown key": (edited(set_in("service", 0, "shceduler", "rr")), "scheduler", "shceduler"),
    "wrong type": (edited(set_in("dataplane", "memory_mb", "much")), "memory_mb", "memory_mb"),
    "port without device": (edited(lambda t: t["port"][0].pop("device")), "device", "[[port]]"),
    "two ports of one name": (edited(set_in("port", 1, "name", "wan")), "wan", 'name = "wan"'),
    "no such lcore": (edited(set_in("dataplane", "lcores", "4000")), "4000", "lcores"),
    "bad address": (edited(set_in("service", 0, "address", "192.0.2.300:80")), "192.0.2.300",
                    "192.0.2.300"),
    "vip in no subnet": (edited(set_in("service", 0, "address", "203.0.113.1:80")), "203.0.113.1",
                         "203.0.113.1"),
    "weight out of range": (edited(set_in("service", 0, "real_server", 0, "weight", 70_000)),
                            "weight", "70000"),
    "real server is its vip": (edited(set_in("service", 0, "real_server", 0, "address",
                                             "192.0.2.10:80")), "192.0.2.10", "192.0.2.10:80"),
    "two services in one place": (edited(set_in("service", 2, "address", "192.0.2.10:80")),
                                  "192.0.2.10:80", "192.0.2.10:80"),
    "no such group": (edited(set_in("director", "admin_group", "no-such-group")),
                      "groupadd --system no-such-group", "no-such-group"),
    "no TOML": ("[director\nname = 1\n", "", "[director"),
}


class ConfigErrors(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = os.path.join(directory.name, "bad.toml")

    def commands(self, *options):
        build = director.build_dir()
        yield [f"{build}/lbcli", "check", *options, self.path]
        yield [f"{build}/lb-dataplane", "--config", self.path]
        yield [f"{build}/lb-controlplane", "--config", self.path]

    def run_all(self):
        for argv in self.commands():
            yield argv, subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)

    def test_mistakes(self):
        for what, (text, word, line_text) in MISTAKES.items():
            with open(self.path, "w", encoding="utf-8") as out:
                out.write(text)
            for argv, done in self.run_all():
                with self.subTest(what=what, program=os.path.basename(argv[0])):
                    self.assertEqual(done.returncode, 2, done.stderr)
                    self.assertRegex(done.stderr, rf"{self.path}:\d+:\d+: ")
                    self.assertIn(word, done.stderr)
                    pointed = [int(line.split(f"{self.path}:", 1)[1].split(":")[0])
                               for line in done.stderr.splitlines() if word in line]
                    self.assertTrue(any(line_text in text.split("\n")[number - 1]
                                        for number in pointed), done.stderr)

    def test_missing_file(self):
        for argv, done in self.run_all():
            with self.subTest(program=os.path.basename(argv[0])):
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(self.path, done.stderr)

    def hostile_files(self):
        """{path: what must be said of it}: none of them ends, or none in reasonable time."""
        folder = os.path.dirname(self.path)
        fifo, sparse, line = f"{folder}/fifo", f"{folder}/sparse", f"{folder}/line"
        os.mkfifo(fifo)
        with open(sparse, "wb") as out:
            out.truncate(1 << 30)
        with open(line, "w", encoding="utf-8") as out:
            out.write("1" * 20_000_000)
        return {fifo: "is a FIFO and not a regular file", folder: "is a folder and not",
                "/dev/zero": "is a device and not a regular file", sparse: "is larger than",
                line: ""}

    def test_what_is_no_configuration(self):
        for self.path, message in self.hostile_files().items():
            for argv, done in self.run_all():
                with self.subTest(path=self.path, program=os.path.basename(argv[0])):
                    self.assertEqual(done.returncode, 2, done.stderr)
                    self.assertIn(f"{self.path}: ", done.stderr)
                    self.assertIn(message or "is larger than 16 MiB", done.stderr)
                    self.assertLess(len(done.stderr), 1000)

    def test_what_is_no_list(self):
        for listed, message in self.hostile_files().items():
            with open(self.path, "w", encoding="utf-8") as out:
                out.write(edited(set_in("service", 0, "deny_file", listed)))
            for argv, done in self.run_all():
                with self.subTest(list=listed, program=os.path.basename(argv[0])):
                    self.assertEqual(done.returncode, 2, done.stderr)
                    self.assertRegex(done.stderr, rf"{self.path}:\d+:\d+: deny_file: {listed}")
                    self.assertIn(message or "20000000 bytes on a line", done.stderr)
                    self.assertLess(len(done.stderr), 1000)

    def test_standard_input(self):
        good = edited(lambda tables: None).encode()
        lbcli = f"{director.build_dir()}/lbcli"
        for argv in ([lbcli, "check", "--no-host", "/dev/stdin"], [lbcli, "check", "--no-host", "-"],
                     ["bash", "-c", f'text=$(cat); "{lbcli}" check --no-host <(echo "$text")']):
            for text, status in ((good, 0), (b"[director\n", 2)):
                done = subprocess.run(argv, input=text, capture_output=True, timeout=30, check=False)
                self.assertEqual(done.returncode, status, done.stderr)

    def test_good_file(self):
        with open(self.path, "w", encoding="utf-8") as out:
            out.write(edited(lambda tables: None))
        argv = next(self.commands("--no-host"))
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)


harness.main(__name__)

#!/usr/bin/python3
"""Whoever reads the log stops reading, or ends: both daemons go on, count the lost lines, and stop when asked to."""

import os
import termios
import time

import harness
from ballast_lab.daemons import DAEMONS
from ballast_lab.topology import NAT_VIP

LIMIT_S = 5

# Not as the terminal of a session, whose end would hang it up.
ONTO_TERMINAL = """
import os, sys
os.dup2(os.open(sys.argv[1], os.O_WRONLY | os.O_NOCTTY), 2)
os.execv(sys.argv[2], sys.argv[2:])
"""


class LogTest(harness.LabTest):
    SERVERS = 1

    def setUp(self):
        super().setUp()
        self.allow_drops("next_hop_unresolved", "no_real_server")

    def make_lines(self):
        """Of both daemons, by a link that goes and comes and a server that follows."""
        for plugged in (False, True):
            self.lab.network.set_cable("lb1", "lan", plugged)
            self.wait(lambda plugged=plugged: self.carrier("lan") == plugged, "the link")
        self.lab.lbcli("alert", "test", check=False)

    def carrier(self, name):
        """Of the kernel interface: the data plane has noticed."""
        return self.host("lb1").run("cat", f"/sys/class/net/{name}/carrier").strip() == "1"

    def assert_works(self):
        self.lab.wait_servers_up()
        self.assertEqual(self.fetch("c1", f"http://{NAT_VIP}/", timeout=20), b"s1\n")
        for daemon in DAEMONS:
            self.assertTrue(self.lab.processes[daemon].running(), daemon)

    def stop(self):
        """In time."""
        for daemon in reversed(DAEMONS):
            process = self.lab.processes[daemon]
            begun = time.monotonic()
            process.stop(timeout=30)
            self.assertEqual(process.exit_status(), 0, daemon)
            self.assertLess(time.monotonic() - begun, LIMIT_S, daemon)


class UnluckyLogs(LogTest):
    @classmethod
    def prepare(cls, lab):
        """stderr of both daemons is a FIFO; what is read of it is in `text`."""
        cls.fifo = f"{lab.dir}/stderr"
        os.mkfifo(cls.fifo)
        cls.reader = cls.open_reader()
        cls.text = ""
        lab.directors["lb1"].wrapper = ["/bin/sh", "-c", f'exec "$@" 2>{cls.fifo}', "sh"]

    @classmethod
    def open_reader(cls):
        return os.open(cls.fifo, os.O_RDONLY | os.O_NONBLOCK)

    @classmethod
    def close_reader(cls):
        if cls.reader is not None:
            os.close(cls.reader)
            cls.reader = None

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.close_reader()

    def read(self):
        """Everything so far."""
        try:
            while part := os.read(self.reader, 1 << 16):
                type(self).text += part.decode(errors="replace")
        except BlockingIOError:
            pass
        return self.text

    def fill(self):
        writer = os.open(self.fifo, os.O_WRONLY | os.O_NONBLOCK)
        try:
            while True:
                os.write(writer, b"x" * 4096)
        except BlockingIOError:
            os.close(writer)

    def restart(self):
        self.stop()
        self.read()
        self.lab.start_director()

    def test_a_reader_that_ends(self):
        self.make_lines()
        self.wait(lambda: "link is down" in self.read(), "lines of the data plane")
        self.close_reader()
        for _ in range(3):
            self.make_lines()
        self.assert_works()
        type(self).reader = self.open_reader()

        def told():
            self.lab.lbcli("reload", check=False)
            return "log lines were dropped" in self.read()

        self.wait(told, "the number of lost lines")
        self.restart()

    def test_a_reader_that_does_not_read(self):
        self.fill()
        self.make_lines()
        self.assert_works()
        self.restart()


class UnluckyTerminal(LogTest):
    """stderr of both daemons is a terminal."""

    @classmethod
    def prepare(cls, lab):
        cls.ends = os.openpty()
        lab.directors["lb1"].wrapper = [harness.PYTHON, "-c", ONTO_TERMINAL,
                                        os.ttyname(cls.ends[1])]

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        for end in cls.ends:
            os.close(end)

    def drain(self):
        os.set_blocking(self.ends[0], False)
        try:
            while os.read(self.ends[0], 1 << 16):
                pass
        except BlockingIOError:
            pass

    def fill(self, most=1 << 20):
        """How many bytes were written: until there is no room, or `most`."""
        writer = os.open(os.ttyname(self.ends[1]), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
        count = 0
        try:
            while count < most:
                count += os.write(writer, b"x")
        except BlockingIOError:
            pass
        finally:
            os.close(writer)
        return count

    def test_output_that_is_stopped(self):
        """By Ctrl-S."""
        termios.tcflow(self.ends[1], termios.TCOOFF)
        self.make_lines()
        self.assert_works()
        self.stop()
        termios.tcflow(self.ends[1], termios.TCOON)
        self.drain()
        self.lab.start_director()

    def test_output_that_nobody_reads(self):
        """There is room for half a line."""
        self.drain()
        room = self.fill()
        self.drain()
        self.fill(room - 40)
        self.make_lines()
        self.assert_works()
        self.stop()
        self.drain()
        self.lab.start_director()


harness.main(__name__)

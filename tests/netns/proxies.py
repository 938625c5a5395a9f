"""HAProxy and Apache from Debian on hosts of the lab, with an operator's files (reference/), and the
client that talks to them."""

import csv
import io
import itertools
import json
import os
import re
import socket
import subprocess

import harness

REFERENCE = f"{harness.HERE}/reference"
# What an operator's file names on its machine is in the host's folder of the lab, so that several
# labs run side by side.
_ROOTS = ("/run/", "/var/log/", "/etc/apache2/", "/etc/keepalived/")
_jars = itertools.count()
_JSON = "/request"  # the lab's real servers answer with what they saw


class Files:
    """A host's part of the machine's file system."""

    def __init__(self, lab, host):
        self.root = f"{lab.dir}/{host}/root"

    def make(self):
        """The folders that packages bring."""
        for folder in (*_ROOTS, "/run/haproxy", "/run/apache2", "/var/log/apache2",
                       "/etc/apache2/sites-enabled"):
            os.makedirs(self.root + folder, exist_ok=True)
        os.chmod(f"{self.root}/var/log", 0o777)  # notify programs write there, as nobody

    def install(self, name, path):
        """Puts reference/NAME at `path`; returns where that is."""
        with open(f"{REFERENCE}/{name}", encoding="utf-8") as file:
            text = file.read()
        text = re.sub("|".join(_ROOTS), lambda root: self.root + root[0], text)
        os.makedirs(os.path.dirname(self.root + path), exist_ok=True)
        with open(self.root + path, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(self.root + path, os.stat(f"{REFERENCE}/{name}").st_mode)
        return self.root + path

    def read(self, path):
        try:
            with open(self.root + path, encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""


class Proxy:
    """A proxy on a host. Its processes have a name of their own on this machine, because killall sees
    those of all labs: `command` says it as a file of an operator says haproxy or apache2."""

    PROGRAM = None

    def __init__(self, lab, host, files, reference):
        self.name = f"{host}-{self.PROGRAM}"
        self.command = f"{self.PROGRAM[:2]}{os.getpid()}{host}"
        self._lab = lab
        self._host = host
        self._files = files
        self._reference = reference  # its file in reference/

    def start(self, port):
        """Ready to accept connections on `port` when this returns."""
        program = f"{self._files.root}/{self.command}"
        if not os.path.exists(program):
            os.symlink(f"/usr/sbin/{self.PROGRAM}", program)
        self._lab.spawn(self.name, self._host, [program, *self.install()])
        self._lab.wait_listening(self.name, self._host, port)

    def install(self):
        """Its files, in place; returns the arguments of its command line."""
        raise NotImplementedError

    def stop(self):
        self._lab.processes[self.name].stop()

    def kill(self):
        """kill -9 of all its processes at once."""
        self._lab.processes[self.name].kill()


class Haproxy(Proxy):
    PROGRAM = "haproxy"

    def install(self):
        config = self._files.install(self._reference, "/etc/haproxy/haproxy.cfg")
        # As its unit starts it, but for the notice to systemd.
        return ["-W", "-db", "-f", config, "-p", f"{self._files.root}/run/haproxy.pid"]

    def states(self, backend):
        """{server: "UP" or "DOWN"}, by its socket."""
        with socket.socket(socket.AF_UNIX) as admin:
            admin.settimeout(10)
            admin.connect(f"{self._files.root}/run/haproxy/admin.sock")
            admin.sendall(b"show stat\n")
            with admin.makefile() as answer:
                rows = statistics(answer.read())
        return {row["svname"]: row["status"] for row in rows if row["pxname"] == backend}


def statistics(text):
    """Rows of HAProxy's CSV."""
    return csv.DictReader(io.StringIO(text.removeprefix("# ")))


class Apache(Proxy):
    PROGRAM = "apache2"

    def install(self):
        self._files.install("apache2.conf", "/etc/apache2/apache2.conf")
        self._files.install(self._reference, "/etc/apache2/sites-enabled/site.conf")
        return ["-f", f"{self._files.root}/etc/apache2/apache2.conf", "-DFOREGROUND"]


class Browser:
    """A client with cookies, as a person has them. Each request is a connection of its own."""

    def __init__(self, test, client, base):
        self._argv = test.host(client).argv("curl", "--silent", "--show-error", "--max-time", "10")
        self._jar = f"{test.lab.dir}/cookies-{next(_jars)}"
        self._base = base

    def get(self, path=_JSON, *options):
        """(status, body)"""
        done = subprocess.run([*self._argv, "--cookie", self._jar, "--cookie-jar", self._jar,
                               "--write-out", "\n%{http_code}", *options, self._base + path],
                              capture_output=True, text=True, timeout=20, check=False)
        body, _, status = done.stdout.rpartition("\n")
        return int(status), body or done.stderr

    def ask(self, *options):
        """What the real server saw; a failed request is a failed test."""
        status, body = self.get(_JSON, *options)
        if status != 200:
            raise AssertionError(f"{self._base}: status {status}: {body}")
        return json.loads(body)

    def server(self):
        return self.ask()["server"]

    def servers(self, count=8):
        """Those that answer `count` requests."""
        return {self.server() for _ in range(count)}

    def cookies(self):
        """{name: value}"""
        try:
            with open(self._jar, encoding="utf-8") as file:
                rows = [line.rstrip("\n").split("\t") for line in file if line.count("\t") == 6]
        except FileNotFoundError:
            return {}
        return {row[5]: row[6] for row in rows}

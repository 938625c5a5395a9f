"""Network namespaces and the commands that run in them."""

import contextlib
import ctypes
import os
import subprocess
import threading

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class CommandFailed(Exception):
    """A command of the lab's set-up failed; the message holds its output."""


def run(*argv, timeout=60):
    """Runs a command, returns its standard output, raises CommandFailed with what it said."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode != 0:
        raise CommandFailed(f"{' '.join(argv)}: exit {done.returncode}: "
                            f"{(done.stderr or done.stdout).strip()}")
    return done.stdout


def _setns(fd):
    if _libc.setns(fd, _CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"setns: {os.strerror(error)}")


class Namespace:
    """One host of the lab. The object is a handle: making it does not make the namespace."""

    def __init__(self, name):
        self.name = name

    def create(self):
        run("ip", "netns", "add", self.name)
        # No IPv6 chatter, no reverse path filter: hosts answer by ways that differ from those
        # by which they are asked.
        self.sysctl("net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1",
                    "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0")
        self.ip("link", "set", "lo", "up")

    def delete(self):
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)

    def argv(self, *command):
        """The command line that runs `command` inside. `ip netns exec` becomes the command itself,
        so the process id is the command's."""
        return ["ip", "netns", "exec", self.name, *command]

    def run(self, *command, timeout=60):
        return run(*self.argv(*command), timeout=timeout)

    def ip(self, *arguments):
        return run("ip", "-n", self.name, *arguments)

    def sysctl(self, *settings):
        self.run("sysctl", "-q", "-w", *settings)

    def set_mtu(self, interface, mtu):
        self.ip("link", "set", interface, "mtu", str(mtu))

    def mac(self, interface):
        return self.run("cat", f"/sys/class/net/{interface}/address").strip()

    @contextlib.contextmanager
    def inside(self):
        """The calling thread works in the namespace; sockets opened in it stay there."""
        before = os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        try:
            _setns(there)
            yield self
        finally:
            _setns(before)
            os.close(there)
            os.close(before)


def existing(prefix):
    """Names of the namespaces that begin with `prefix`."""
    names = (line.split()[0] for line in run("ip", "netns", "list").splitlines() if line.strip())
    return sorted(name for name in names if name.startswith(prefix))

"""A director of the lab while it runs: its two daemons and lbcli."""

import json
import os
import socket
import subprocess
import tomllib

from ballast_lab import director
from ballast_lab.errors import LabError
from ballast_lab.processes import wait_until
from ballast_lab.views import Views

DAEMONS = ("lb-dataplane", "lb-controlplane")
_LOG_TAIL = 4000


class Director(Views):
    """`prefix` distinguishes its processes from another director's: "lb2-" makes "lb2-lb-dataplane"."""

    def __init__(self, lab, host, config_path, prefix=""):
        self.lab = lab
        self.name = host
        self.config_path = config_path
        self._prefix = prefix
        self.wrapper = []  # a command that becomes the daemon: ["env", "NAME=VALUE"]

    # ---- configuration

    def write_config(self, tables):
        folder = os.path.dirname(self.config_path)
        os.makedirs(folder, exist_ok=True)
        # Each director's own, below the folder that goes with the lab.
        own = {"state_dir": f"{folder}/state"}
        tables = {**tables, "director": {**own, **tables.get("director", {})}}
        with open(self.config_path, "w", encoding="utf-8") as out:
            out.write(director.to_toml(tables))

    def _config(self):
        with open(self.config_path, "rb") as file:
            return tomllib.load(file)

    def run_dir(self):
        return self._config().get("director", {}).get("run_dir", "/run/ballast")

    # ---- life

    def process_name(self, daemon):
        return self._prefix + daemon

    def process(self, daemon):
        """The daemon's process, or None when it was never started."""
        return self.lab.processes.get(self.process_name(daemon))

    def log_text(self, daemon):
        return self.lab.log_text(self.process_name(daemon))

    def logs(self):
        """The end of what both daemons wrote."""
        return "\n".join(f"--- {self.process_name(daemon)}\n{self.log_text(daemon)[-_LOG_TAIL:]}"
                         for daemon in DAEMONS)

    def start_daemon(self, daemon):
        return self.lab.spawn(self.process_name(daemon), self.name,
                              [*self.wrapper, self.lab.program(daemon), "--config",
                               self.config_path])

    def start(self):
        for daemon in DAEMONS:
            self.start_daemon(daemon)

    def stop(self):
        """In the order in which an operator would: the control plane gives the addresses away."""
        for daemon in reversed(DAEMONS):
            if self.process(daemon) is not None:
                self.process(daemon).stop()

    def kill(self):
        """kill -9 of both at once, as when the machine loses its power."""
        processes = [self.process(daemon) for daemon in DAEMONS if self.process(daemon)]
        for process in processes:
            process.signal_group_kill()
        for process in processes:
            process.wait(10)

    def running(self):
        return all(self.process(daemon) is not None and self.process(daemon).running()
                   for daemon in DAEMONS)

    def assert_running(self):
        for daemon in DAEMONS:
            if not self.process(daemon).running():
                raise LabError(f"{self.process_name(daemon)} ended:\n"
                               f"{self.log_text(daemon)[-_LOG_TAIL:]}")

    def wait_servers_up(self, timeout=30):
        """Until the data plane holds every real server as the lab's `ready` wants it: up, with a
        known next hop. A director without services is ready when it answers."""
        awaited = bool(self._config().get("service"))

        def ready():
            try:
                states = self.real_servers()
            except LabError:
                return False
            return (states or not awaited) and all(self.lab.ready(rs) for rs in states)

        self.wait_for(ready, timeout, "every real server to be up")

    def wait_for(self, condition, timeout, what):
        """wait_until while the daemons run; when one ends or time is up, an error with their logs."""
        def checked():
            self.assert_running()
            return condition()

        try:
            return wait_until(checked, timeout, f"{what} on {self.name}", every=0.1)
        except TimeoutError as error:
            raise LabError(f"{error}\n{self.logs()}") from None

    # ---- questions

    def controlplane_answers(self):
        """Whether the control plane accepts a connection on its socket."""
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(f"{self.run_dir()}/controlplane.sock") == 0

    def lbcli_argv(self, *arguments):
        return [self.lab.program("lbcli"), "--config", self.config_path, *arguments]

    def lbcli(self, *arguments, check=True):
        """Runs lbcli; returns the completed process. Unless disabled, an error is a LabError."""
        done = subprocess.run(self.lbcli_argv(*arguments), capture_output=True, text=True,
                              timeout=60, check=False)
        if check and done.returncode != 0:
            raise LabError(f"lbcli {' '.join(arguments)}: exit {done.returncode}: {done.stderr.strip()}")
        return done

    def show(self, *arguments):
        """`lbcli show ... --json`, parsed."""
        return json.loads(self.lbcli("show", *arguments, "--json").stdout)

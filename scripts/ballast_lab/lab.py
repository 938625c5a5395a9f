"""A lab as a whole: brought up, used, taken down, also by different runs of different programs."""

import json
import os
import re
import shutil
import tomllib

from ballast_lab import director, pair, servers
from ballast_lab.daemons import Director
from ballast_lab.errors import LabError
from ballast_lab.netns import existing
from ballast_lab.processes import Process, wait_until
from ballast_lab.topology import Network
from ballast_lab.views import Views

_ROOT = "/run"
_NAME = re.compile(r"[a-z0-9]{1,24}")


class Lab(Views):
    """`up` makes it, `down` removes it; Lab.open() finds one that is up. What it shows and does of
    a director is lb1's, unless it is asked for another one: `directors` has them by name."""

    def __init__(self, name, clients=2, server_count=3, ha=False):
        if not _NAME.fullmatch(name):
            raise LabError(f"lab name '{name}': up to 24 lower-case letters and digits")
        self.name = name
        self.dir = os.path.join(_ROOT, f"ballast-lab-{name}")
        self.network = Network(f"ballast-{name}-", clients, server_count, ha)
        self.directors = {}
        for host in self.network.directors:
            folder, prefix = (f"{self.dir}/{host}", f"{host}-") if ha else (self.dir, "")
            self.directors[host] = Director(self, host, f"{folder}/ballast.toml", prefix)
        self.configured = list(self.directors)  # those that the lab starts
        self.processes = {}
        # A sorry server is up only while it is in use.
        self.ready = lambda rs: (rs["up"] or rs["state"] == "not in use") and rs["next_hop_resolved"]
        self.one_master = True  # a pair's: of all instances
        self.build = director.build_dir()

    # ---- life

    @classmethod
    def open(cls, name):
        path = os.path.join(_ROOT, f"ballast-lab-{name}", "state.json")
        try:
            with open(path, encoding="utf-8") as state_file:
                state = json.load(state_file)
        except FileNotFoundError:
            raise LabError(f"no lab '{name}' is up; `scripts/lab up --name {name}` makes one") from None
        lab = cls(name, state["clients"], state["servers"], state["ha"])
        lab.configured = list(state["configs"])
        for host, config_path in state["configs"].items():
            lab.directors[host].config_path = config_path
        lab.build = state["build"]
        lab.processes = {r["name"]: Process.from_record(r) for r in state["processes"]}
        return lab

    def up(self, configs=None, config_paths=None, prepare=None):
        """Network, real servers and the directors for which there is a configuration: {director: it},
        as tables (without the director's name they are lb1's) or as paths of an operator's files.
        Waits until every real server that is checked is up and a pair has one master.
        `prepare(lab)` is called before the directors start. Leaves nothing after a failure."""
        try:
            os.mkdir(self.dir, mode=0o755)
        except FileExistsError:
            raise LabError(f"lab '{self.name}' is up already; `scripts/lab down --name {self.name}` "
                           "removes it") from None
        try:
            configs = self._take_configs(configs, config_paths)
            if self.network.ha:
                pair.make_key(self.dir)
            self._save()
            self.network.create(sorted({vip for tables in configs.values()
                                        for vip in director.dr_vips(tables)}))
            servers.make_payloads(self.payload_dir)
            servers.make_certificate(f"{self.dir}/tls")
            for name in self.network.servers:
                self.start_server(name)
            if prepare is not None:
                prepare(self)
            self.start_directors()
        except BaseException:
            self.down()
            raise

    def _take_configs(self, configs, config_paths):
        """{director: tables} of what up() was given; from now on the lab knows what it starts."""
        if config_paths is not None:
            configs = {}
            for name, path in config_paths.items():
                self.directors[name].config_path = os.path.abspath(path)
                with open(path, "rb") as file:
                    configs[name] = tomllib.load(file)
        else:
            if configs and not set(configs) <= set(self.directors):
                configs = {"lb1": configs}
            configs = configs or {}
            for name, tables in configs.items():
                self.directors[name].write_config(tables)
        self.configured = list(configs)
        return configs

    def stop_processes(self):
        for process in reversed(list(self.processes.values())):
            process.stop(timeout=5)

    def down(self):
        self.stop_processes()
        self.network.delete()
        shutil.rmtree(self.dir, ignore_errors=True)

    def leftovers(self):
        """What is still there of this lab on the machine; empty after `down`."""
        left = existing(self.network.prefix)
        left += [p.name for p in self.processes.values() if p.running()]
        return left + ([self.dir] if os.path.exists(self.dir) else [])

    # ---- parts

    @property
    def payload_dir(self):
        return f"{self.dir}/payload"

    @property
    def tls_ca_file(self):
        return f"{self.dir}/tls/cert.pem"

    def host(self, name):
        try:
            return self.network.hosts[name]
        except KeyError:
            raise LabError(f"no host '{name}'; there are {' '.join(self.network.hosts)}") from None

    def log_path(self, process_name):
        return f"{self.dir}/{process_name}.log"

    def log_text(self, process_name):
        try:
            with open(self.log_path(process_name), encoding="utf-8", errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""

    def environment(self):
        path = f"{self.build}:{os.environ.get('PATH', '/usr/bin')}"
        if "/usr/sbin" not in path:
            path += ":/usr/sbin:/sbin"
        return os.environ | {"PATH": path}

    def spawn(self, process_name, host, argv):
        """Starts a recorded process on a host; its output goes to a log in the lab's directory."""
        process = Process.start(process_name, self.host(host).argv(*argv),
                                self.log_path(process_name), self.environment())
        self.processes[process_name] = process
        self._save()
        return process

    def start_server(self, name):
        """nginx and dnsmasq of one real server, ready to answer; what runs already goes on."""
        number = self.network.servers.index(name) + 1
        programs = {"nginx": (80, servers.nginx_argv(name, self.dir)),
                    "dnsmasq": (53, servers.dnsmasq_argv(name, number, self.dir))}
        for program, (_, argv) in programs.items():
            running = self.processes.get(f"{name}-{program}")
            if running is None or not running.running():
                self.spawn(f"{name}-{program}", name, argv)
        for program, (port, _) in programs.items():
            self.wait_listening(f"{name}-{program}", name, port)

    def wait_listening(self, process_name, host, port):
        """Until the process listens on a TCP port; at once an error when it ended."""
        process = self.processes[process_name]

        def listening():
            if not process.running():
                raise LabError(f"{process_name} ended:\n{self.log_text(process_name)}")
            return self.host(host).run("ss", "-Hltn", f"sport = :{port}").strip()

        wait_until(listening, 10, f"{process_name} to listen on port {port}")

    def program(self, name):
        path = os.path.join(self.build, name)
        if not os.access(path, os.X_OK):
            raise LabError(f"{path} is not there; scripts/build makes it")
        return path

    # ---- directors

    def start_directors(self):
        """All that have a configuration; waits until they are ready."""
        running = [self.directors[name] for name in self.configured]
        for each in running:
            each.start()
        for each in running:
            each.wait_servers_up()
        if len(running) > 1:
            (self.wait_one_master if self.one_master else self.wait_masters)()

    def masters(self):
        """{instance: directors that are its master}, of the directors that run."""
        masters = {}
        for name in self.configured:
            if self.directors[name].running():
                for instance, state in self.directors[name].roles().items():
                    masters.setdefault(instance, [])
                    masters[instance] += [name] if state == "MASTER" else []
        return masters

    def wait_one_master(self, timeout=15):
        """Until every instance has one master, and it is the same director; returns its name."""
        def one():
            try:
                masters = list(self.masters().values())
            except LabError:
                return None  # lbcli found a daemon that is not yet there
            same = masters and all(each == masters[0] for each in masters)
            return masters[0][0] if same and len(masters[0]) == 1 else None

        return wait_until(one, timeout, "one director to be master of all instances")

    def wait_masters(self, timeout=15):
        """Until every instance has one master; returns them: {instance: name}."""
        def every():
            try:
                masters = self.masters()
            except LabError:
                return None
            good = masters and all(len(each) == 1 for each in masters.values())
            return {instance: each[0] for instance, each in masters.items()} if good else None

        return wait_until(every, timeout, "every instance to have one master")

    @property
    def config_path(self):
        return self.directors["lb1"].config_path

    def run_dir(self):
        return self.directors["lb1"].run_dir()

    def write_config(self, tables):
        self.directors["lb1"].write_config(tables)

    def start_dataplane(self):
        return self.directors["lb1"].start_daemon("lb-dataplane")

    def start_controlplane(self):
        return self.directors["lb1"].start_daemon("lb-controlplane")

    def start_director(self):
        self.directors["lb1"].start()
        self.wait_servers_up()

    def wait_servers_up(self, timeout=30):
        self.directors["lb1"].wait_servers_up(timeout)

    def controlplane_answers(self):
        return self.directors["lb1"].controlplane_answers()

    def lbcli(self, *arguments, check=True, director="lb1"):
        return self.directors[director].lbcli(*arguments, check=check)

    def show(self, *arguments):
        return self.directors["lb1"].show(*arguments)

    def _save(self):
        state = {"clients": len(self.network.clients), "servers": len(self.network.servers),
                 "ha": self.network.ha, "build": self.build,
                 "configs": {name: self.directors[name].config_path for name in self.configured},
                 "processes": [p.record() for p in self.processes.values()]}
        partial = f"{self.dir}/state.json.new"
        with open(partial, "w", encoding="utf-8") as out:
            json.dump(state, out)
        os.replace(partial, f"{self.dir}/state.json")

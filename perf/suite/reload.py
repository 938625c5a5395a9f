"""How long a reload takes with 500 services of 20 real servers each, while HTTP goes through one of them: from the
start of `lbcli reload` to its end, when the data plane forwards by the new configuration. No request may fail."""

import copy
import itertools
import json
import os
import random
import subprocess
import sys
import time

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(_HERE, "..", "..", "scripts")]

from ballast_lab import director  # noqa: E402
from ballast_lab.lab import Lab  # noqa: E402
from ballast_lab.topology import NAT_VIP, server_address  # noqa: E402
from suite.rows import row  # noqa: E402

SERVICES = 500
SERVERS = 20  # of each
NETWORK = "10.1.0.0/16"  # at s1
FIRST_PORT = 1000
CONNECTIONS = 32
CHANGED = 25  # services, by each reload
ROUNDS, QUICK_ROUNDS = 20, 3


def many_services():
    check = director.check("tcp") | {"interval": "30s", "timeout": "5s"}
    tables = []
    for number in range(SERVICES):
        service = director.service(f"s{number}", f"{NAT_VIP}:{FIRST_PORT + number}", "nat", [], check=check)
        first = number * SERVERS
        service["real_server"] = [{"address": f"10.1.{target // 250}.{target % 250 + 1}:80", "weight": 1}
                                  for target in range(first, first + SERVERS)]
        tables.append(service)
    return tables


def change(tables, rng, ports):
    """Another weight, one server less or a service that is new, in some services; "web" stays."""
    for service in rng.sample(tables["service"][1:], CHANGED):
        kind = rng.randrange(3)
        if kind == 0:
            rng.choice(service["real_server"])["weight"] = rng.randrange(1, 100)
        elif kind == 1 and len(service["real_server"]) > 1:
            service["real_server"].pop(rng.randrange(len(service["real_server"])))
        else:
            service["name"] += "n"
            service["address"] = f"{NAT_VIP}:{next(ports)}"


def start_load(lab, seconds):
    argv = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "--timeout", "5s", "-s", os.path.join(_HERE, "load.lua"),
            f"http://{NAT_VIP}/1k", "--", f"{lab.payload_dir}/1k"]
    return subprocess.Popen(lab.host("c1").argv(*argv), stdout=subprocess.PIPE, text=True)


def finish_load(process, seconds):
    report = json.loads(process.communicate(timeout=seconds + 30)[0].strip().rsplit("\n", 1)[-1])
    failures = {kind: count for kind, count in report["failures"].items() if count}
    if failures or report["requests"] == 0:
        raise RuntimeError(f"of {report['requests']} requests failed: {failures}")
    return report["requests"] / report["microseconds"] * 1e6


def run(suite):
    rng = random.Random(1)
    ports = itertools.count(FIRST_PORT + SERVICES)
    lab = Lab(f"reload{os.getpid()}", clients=1, server_count=2)
    try:
        services = director.default_services("nat", 2)[:1] + many_services()
        tables = director.config(f"{lab.dir}/run", services)
        tables.setdefault("route", []).append({"destination": NETWORK, "via": server_address(1)})
        lab.up(tables, prepare=lambda each: each.host("s1").ip("route", "add", "local", NETWORK, "dev", "lo"))
        times, rates = [], []
        seconds = 4
        for _ in range(QUICK_ROUNDS if suite.quick else ROUNDS):
            change(tables, rng, ports)
            lab.write_config(copy.deepcopy(tables))
            load = start_load(lab, seconds)
            time.sleep(seconds / 3)
            begun = time.monotonic()
            lab.lbcli("reload")
            times.append(1e3 * (time.monotonic() - begun))
            rates.append(finish_load(load, seconds))
    finally:
        lab.down()
    what = f"{SERVICES} services of {SERVERS} real servers"
    suite.report([row("reload", f"{what}: {CHANGED} changed, applied", "ms", times),
                row("reload", "HTTP requests meanwhile, none failed", "/s", rates)])

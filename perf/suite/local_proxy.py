"""HAProxy on the director, as docs/local-services.md sets it up: behind an address of Ballast's port, and behind
the same address of a plain veth. And one TCP connection to a program on the director, and one from it, as fast as
they go.

  python3 perf/suite/local_proxy.py [--quick] [--ports af_packet|af_xdp]
"""

import contextlib
import os
import random
import subprocess
import sys

if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from suite import end_to_end, ways  # noqa: E402
from suite.end_to_end import Load  # noqa: E402
from suite.rows import row  # noqa: E402

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "netns"))

import proxies  # noqa: E402
from ballast_lab import director  # noqa: E402
from ballast_lab.processes import wait_until  # noqa: E402
from ballast_lab.topology import NAT_VIP  # noqa: E402

_REFERENCE = "keepalived-haproxy"
_BIG = "4m"
_BIG_BYTES = 4_000_000
LOADS = {
    "requests": Load("1k", 16),
    "new connections": Load("1k", 16, close=True),
    "1 MB objects": Load("1m", 2),
    "4 MB objects, a connection per client": Load(_BIG, 1),
}
BULK = {"bulk to the director": "upload", "bulk from the director": "download"}
_BULK_PORT = 5201
_BULK_PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bulk_peer.py")
VETH = ways.Way("plain veth", [NAT_VIP])
BALLAST = ways.Way("Ballast's port", [NAT_VIP])


def run(suite):
    return suite.report(measure(suite.quick))


def measure(quick, driver=end_to_end.DRIVER):
    end_to_end.check_programs()
    rounds, seconds = (2, 2) if quick else (5, 3)
    places = {VETH: ways.kernel, BALLAST: _ballast(driver)}
    samples = {name: {way: [] for way in places} for name in (*LOADS, *BULK)}
    lab = ways.EndToEndLab(f"perflp{os.getpid()}", ways.CLIENTS, ways.SERVERS)
    lab.up(prepare=_prepare)
    try:
        for _ in range(rounds):
            for way, place in places.items():
                with place(lab), _haproxy(lab):
                    for name, load in LOADS.items():
                        sample = end_to_end.sample(lab, way, name, load, seconds)
                        carried = sample.requests_per_s if load.payload == "1k" else sample.gbit_per_s
                        samples[name][way].append(carried)
                with place(lab), _bulk_server(lab):
                    for name, direction in BULK.items():
                        samples[name][way].append(_bulk(lab, direction, seconds))
    finally:
        lab.down()
    return _rows(samples)


def _prepare(lab):
    lab.prepare()
    with open(f"{lab.payload_dir}/{_BIG}", "wb") as out:
        out.write(random.Random(_BIG).randbytes(_BIG_BYTES))


def _ballast(driver):
    @contextlib.contextmanager
    def place(lab):
        tables = director.config(f"{lab.dir}/run", [], driver)
        del tables["service"]
        tables["port"][0]["addresses"].append(f"{NAT_VIP}/24")
        lab.write_config(tables)
        try:
            lab.start_director()
            yield
        finally:
            lab.directors["lb1"].stop()

    return place


@contextlib.contextmanager
def _haproxy(lab):
    files = proxies.Files(lab, "lb1")
    files.make()
    haproxy = proxies.Haproxy(lab, "lb1", files, f"{_REFERENCE}/haproxy.cfg")
    lab.host("lb1").sysctl("net.ipv4.ip_nonlocal_bind=1")
    haproxy.start(80)
    try:
        wait_until(lambda: set(haproxy.states("webfarm").values()) == {"UP"}, 30, "HAProxy to have servers")
        yield
    finally:
        haproxy.stop()


@contextlib.contextmanager
def _bulk_server(lab):
    argv = lab.host("lb1").argv(sys.executable, _BULK_PEER, "serve", NAT_VIP, str(_BULK_PORT))
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as server:
        try:
            server.stdout.readline()
            yield
        finally:
            server.kill()


def _bulk(lab, direction, seconds):
    output = lab.host(lab.network.clients[0]).run(
        sys.executable, _BULK_PEER, direction, NAT_VIP, str(_BULK_PORT), str(seconds), timeout=seconds + 60)
    return float(output)


def _rows(samples):
    found = []
    for name, by_way in samples.items():
        unit = "1/s" if name in LOADS and LOADS[name].payload == "1k" else "Gbit/s"
        for way, own in by_way.items():
            ratios = [mine / base for mine, base in zip(own, by_way[VETH], strict=True)]
            compared = {} if way is VETH else {"baseline": VETH.name, "ratios": ratios}
            found.append(row(f"local proxy, {way.name}", name, unit, own, **compared))
    return found


if __name__ == "__main__":
    end_to_end.main(measure, __doc__)

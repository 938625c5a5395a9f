"""HAProxy on the director, as docs/local-services.md sets it up: behind an address of Ballast's port, and behind
the same address of a plain veth.

  python3 perf/suite/local_proxy.py [--quick] [--ports af_packet|af_xdp]
"""

import contextlib
import os
import random
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
VETH = ways.Way("plain veth", [NAT_VIP])
BALLAST = ways.Way("Ballast's port", [NAT_VIP])


def run(suite):
    return suite.report(measure(suite.quick))


def measure(quick, driver=end_to_end.DRIVER):
    end_to_end.check_programs()
    rounds, seconds = (2, 2) if quick else (5, 3)
    places = {VETH: ways.kernel, BALLAST: _ballast(driver)}
    samples = {name: {way: [] for way in places} for name in LOADS}
    lab = ways.EndToEndLab(f"perflp{os.getpid()}", ways.CLIENTS, ways.SERVERS)
    lab.up(prepare=_prepare)
    try:
        for _ in range(rounds):
            for way, place in places.items():
                with place(lab), _haproxy(lab):
                    for name, load in LOADS.items():
                        samples[name][way].append(end_to_end.sample(lab, way, name, load, seconds))
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


def _rows(samples):
    found = []
    for name, by_way in samples.items():
        bytes_count = LOADS[name].payload != "1k"
        values = {way: [each.gbit_per_s if bytes_count else each.requests_per_s for each in taken]
                  for way, taken in by_way.items()}
        unit = "Gbit/s" if bytes_count else "1/s"
        for way, own in values.items():
            ratios = [mine / base for mine, base in zip(own, values[VETH], strict=True)]
            compared = {} if way is VETH else {"baseline": VETH.name, "ratios": ratios}
            found.append(row(f"local proxy, {way.name}", name, unit, own, **compared))
    return found


if __name__ == "__main__":
    end_to_end.main(measure, __doc__)

"""The director's configuration as the lab writes it, and where its programs are."""

import os

from ballast_lab.topology import (DIRECTOR_LAN, DIRECTOR_WAN, DR_VIP, NAT_VIP, WAN_NET,
                                  server_address)

MODES = {"nat": ["nat"], "dr": ["dr"], "both": ["nat", "dr"]}
MEMORY_MB = 512
_SOURCE_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def build_dir():
    """Where the binaries are: the environment's BALLAST_BUILD, else the release build."""
    return os.environ.get("BALLAST_BUILD") or os.path.join(_SOURCE_ROOT, "build")


def hugepages_usable(megabytes):
    """Free 2 MB pages for that much, and a place where DPDK can map them."""
    facts = {}
    with open("/proc/meminfo", encoding="utf-8") as meminfo:
        for line in meminfo:
            key, value = line.split(":")
            facts[key] = int(value.split()[0])
    with open("/proc/mounts", encoding="utf-8") as mounts:
        mounted = any(line.split()[2] == "hugetlbfs" for line in mounts)
    free_kb = facts.get("HugePages_Free", 0) * facts.get("Hugepagesize", 0)
    return mounted and free_kb >= megabytes * 1024


def cpus():
    """(main lcore, workers) for this machine: of its own if there are two CPUs, shared otherwise."""
    available = sorted(os.sched_getaffinity(0))
    return available[0], str(available[1] if len(available) > 1 else available[0])


def check(kind="http"):
    """A quick check whose timeout a busy machine keeps: director, servers and load share its CPUs."""
    common = {"type": kind, "interval": "500ms", "timeout": "2s", "rise": 2, "fall": 2}
    return common | ({"path": "/health", "expect_status": 200} if kind == "http" else {})


def service(name, address, mode, servers, **overrides):
    """A service's table; `servers` are (number, weight) pairs; the real servers' port is the
    service's own."""
    port = address.rsplit(":", 1)[1]
    table = {"name": name, "address": address, "protocol": "tcp", "mode": mode, "scheduler": "wrr",
             "check": check(),
             "real_server": [{"address": f"{server_address(number)}:{port}", "weight": weight}
                             for number, weight in servers]}
    return table | overrides


def default_services(mode, servers):
    """HTTP and DNS in each mode; the first server has twice the others' weight."""
    weighted = [(number, 2 if number == 1 else 1) for number in range(1, servers + 1)]
    equal = [(number, 1) for number in range(1, servers + 1)]
    services = []
    for each in MODES[mode]:
        vip, suffix = (NAT_VIP, "") if each == "nat" else (DR_VIP, "-dr")
        services.append(service(f"web{suffix}", f"{vip}:80", each, weighted))
        services.append(service(f"dns{suffix}", f"{vip}:53", each, equal, protocol="udp",
                                scheduler="rr", check=check("ping")))
    return services


def config(run_dir, services, driver="af_packet", memory_mb=MEMORY_MB):
    main_lcore, workers = cpus()
    devices = {
        "af_packet": "net_af_packet{number},iface={interface},framecnt=4096",
        "af_xdp": "net_af_xdp{number},iface={interface}",
    }
    ports = []
    for number, (name, address) in enumerate((("wan", DIRECTOR_WAN), ("lan", DIRECTOR_LAN))):
        device = devices[driver].format(number=number, interface=f"{name}0")
        ports.append({"name": name, "device": device, "addresses": [f"{address}/24"]})
    return {
        "director": {"name": "lb1", "run_dir": run_dir},
        "dataplane": {
            "main_lcore": main_lcore,
            "lcores": workers,
            "memory": "hugepages" if hugepages_usable(memory_mb) else "no-huge",
            "memory_mb": memory_mb,
            "max_connections": 200_000,
            "idle": "adaptive",
        },
        "port": ports,
        "route": [{"destination": "default", "via": f"{WAN_NET}.1"}],
        "service": services,
    }


def dr_vips(tables):
    """The addresses that real servers must hold on their loopback, given a parsed configuration."""
    return sorted({address.rsplit(":", 1)[0] for table in tables.get("service", [])
                   if table.get("mode") == "dr"
                   for address in table.get("addresses") or [table["address"]]})


def to_toml(tables):
    """TOML text of nested dicts, lists and scalars."""
    lines = []
    _emit(tables, "", lines)
    return "\n".join(lines).lstrip("\n") + "\n"


def _emit(table, path, lines):
    nested = []
    for key, value in table.items():
        if isinstance(value, dict) or (isinstance(value, list) and value
                                       and isinstance(value[0], dict)):
            nested.append((f"{path}.{key}" if path else key, value))
        else:
            lines.append(f"{key} = {_scalar(value)}")
    for name, value in nested:
        for each in value if isinstance(value, list) else [value]:
            lines.extend(["", f"[[{name}]]" if isinstance(value, list) else f"[{name}]"])
            _emit(each, name, lines)


def _scalar(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(_scalar(each) for each in value) + "]"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'

"""The configurations of two directors that are a pair: same services, addresses that move."""

import os
import secrets

from ballast_lab import director
from ballast_lab.topology import GATEWAY, own_addresses

DIRECTORS = ("lb1", "lb2")
WAN_INSTANCE, LAN_INSTANCE = "VI_WAN", "VI_LAN"
SYNC_GROUP = "G1"
PRIORITIES = {"lb1": 150, "lb2": 100}
VIRTUAL_ROUTER_IDS = {WAN_INSTANCE: 51, LAN_INSTANCE: 52}
_SYNC_PORT = 7000


def key_file(lab_dir):
    return os.path.join(lab_dir, "sync.key")


def make_key(lab_dir):
    """The sync link's pre-shared key, readable by its owner alone; one file for both directors."""
    descriptor = os.open(key_file(lab_dir), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(secrets.token_hex(32) + "\n")


def peer_of(name):
    return DIRECTORS[1 - DIRECTORS.index(name)]


def configs(lab_dir, services, advert_interval="100ms", **options):
    """{director: tables}: VI_WAN has every service's VIP, VI_LAN the real servers' gateway. The
    `options` are those of director.config()."""
    # Both take their memory at once.
    memory_mb = options.get("memory_mb", director.MEMORY_MB)
    memory = "hugepages" if director.hugepages_usable(2 * memory_mb) else "no-huge"
    return {name: _config(name, lab_dir, services, advert_interval, memory, options)
            for name in DIRECTORS}


def _config(name, lab_dir, services, advert_interval, memory, options):
    tables = director.config(f"{lab_dir}/{name}/run", services, **options)
    own = own_addresses(name)
    tables["director"]["name"] = name
    tables["dataplane"]["memory"] = memory
    for port in tables["port"]:
        port["addresses"] = [f"{own[port['name']]}/24"]
    vips = sorted({address.rsplit(":", 1)[0] for service in services
                   for address in service.get("addresses") or [service["address"]]})
    tables["ha"] = {
        "instance": [instance(name, WAN_INSTANCE, "wan", [f"{vip}/24" for vip in vips],
                              advert_interval),
                     instance(name, LAN_INSTANCE, "lan", [f"{GATEWAY}/24"], advert_interval)],
        "sync": {"listen": f"{own['sync']}:{_SYNC_PORT}",
                 "peer": f"{own_addresses(peer_of(name))['sync']}:{_SYNC_PORT}",
                 "key_file": key_file(lab_dir)},
    }
    return tables


def instance(director_name, name, port, addresses, advert_interval):
    return {"name": name, "port": port, "virtual_router_id": VIRTUAL_ROUTER_IDS[name],
            "priority": PRIORITIES[director_name], "advert_interval": advert_interval,
            "addresses": addresses, "sync_group": SYNC_GROUP}

"""The lab's network.

    clients c1.. -- 198.51.100.0/24 -- router -- 192.0.2.0/24 (wan) -- lb1 -- 10.0.0.0/24 (lan) -- s1..
                                          |________________________________________|
                                              10.0.0.254: the way of DR answers

One namespace, `switch`, holds a bridge per network. A director's two links (wan0, lan0) have no
address: they are its DPDK ports.

With two directors, lb2 has links like lb1's, and both are on a network of their own for what they
tell each other (sync0, 10.255.0.1 and .2). Their own addresses are .2 and .3 on wan and lan; 10.0.0.1,
the real servers' gateway, moves between them as the VIPs do.
"""

from ballast_lab.netns import Namespace

CLIENT_NET = "198.51.100"
WAN_NET = "192.0.2"
LAN_NET = "10.0.0"
SYNC_NET = "10.255.0"
ROUTER_LAN = f"{LAN_NET}.254"
GATEWAY = f"{LAN_NET}.1"
FIRST_HOST = 11
FIRST_ADDED, MAX_ADDED = 101, 16  # further addresses of the clients, and how many each may have

# Of a single director.
DIRECTOR_WAN = f"{WAN_NET}.2"
DIRECTOR_LAN = GATEWAY

NAT_VIP = f"{WAN_NET}.10"
DR_VIP = f"{WAN_NET}.20"

_DR_TABLE = "100"


def client_address(number):
    return f"{CLIENT_NET}.{FIRST_HOST + number - 1}"


def server_address(number):
    return f"{LAN_NET}.{FIRST_HOST + number - 1}"


def own_addresses(director):
    """{network: address} of one director of a pair, "lb1" or "lb2"."""
    number = int(director[2:])
    return {"wan": f"{WAN_NET}.{number + 1}", "lan": f"{LAN_NET}.{number + 1}",
            "sync": f"{SYNC_NET}.{number}"}


def client_names(count):
    return [f"c{i}" for i in range(1, count + 1)]


def server_names(count):
    return [f"s{i}" for i in range(1, count + 1)]


class Network:
    """Builds and removes the namespaces. `prefix` makes their names unique on the machine."""

    def __init__(self, prefix, clients, servers, ha=False):
        self.prefix = prefix
        self.ha = ha
        self.directors = ["lb1", "lb2"] if ha else ["lb1"]
        self.clients = client_names(clients)
        self.servers = server_names(servers)
        self.hosts = {name: Namespace(prefix + name)
                      for name in ["switch", "router", *self.directors, *self.clients, *self.servers]}

    def create(self, dr_vips):
        for host in self.hosts.values():
            host.create()
        self._create_switch()
        self._create_router()
        for number, name in enumerate(self.clients, 1):
            self.attach(name, "eth0", "clients", f"{client_address(number)}/24")
            self.hosts[name].ip("route", "add", "default", "via", f"{CLIENT_NET}.1")
        for number, name in enumerate(self.servers, 1):
            self._create_server(number, name, dr_vips)
        self._create_director_ports()

    def delete(self):
        for host in self.hosts.values():
            host.delete()

    def _create_switch(self):
        switch = self.hosts["switch"]
        for bridge in ["clients", "wan", "lan"] + (["sync"] if self.ha else []):
            switch.ip("link", "add", bridge, "type", "bridge", "stp_state", "0",
                      "forward_delay", "0", "mcast_snooping", "0")
            switch.ip("link", "set", bridge, "up")

    def _create_router(self):
        router = self.hosts["router"]
        router.sysctl("net.ipv4.ip_forward=1", "net.ipv4.conf.all.send_redirects=0",
                      "net.ipv4.conf.default.send_redirects=0",
                      # A test provokes more ICMP errors than a router answers by default.
                      "net.ipv4.icmp_ratelimit=0", "net.ipv4.icmp_msgs_per_sec=1000000")
        self.attach("router", "clients", "clients", f"{CLIENT_NET}.1/24")
        self.attach("router", "wan", "wan", f"{WAN_NET}.1/24")
        self.attach("router", "lan", "lan", f"{ROUTER_LAN}/24")

    def _create_server(self, number, name, dr_vips):
        server = self.hosts[name]
        # A real server in DR mode holds the VIP without telling anybody.
        server.sysctl("net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.arp_announce=2",
                      "net.ipv4.conf.all.accept_redirects=0")
        self.attach(name, "eth0", "lan", f"{server_address(number)}/24")
        server.ip("route", "add", "default", "via", GATEWAY)
        server.ip("route", "add", "default", "via", ROUTER_LAN, "table", _DR_TABLE)
        for vip in dr_vips:
            server.ip("address", "add", f"{vip}/32", "dev", "lo")
            server.ip("rule", "add", "from", vip, "lookup", _DR_TABLE)

    def _create_director_ports(self):
        for name in self.directors:
            for port in ("wan", "lan"):
                self.attach(name, f"{port}0", port)
            if self.ha:
                self.attach(name, "sync0", "sync", f"{own_addresses(name)['sync']}/24")

    def set_cable(self, name, network, plugged):
        """Pulls or plugs in a host's cable at the switch; the host sees its link go down or up."""
        self.hosts["switch"].ip("link", "set", self.cable(name, network),
                                "up" if plugged else "down")

    @staticmethod
    def cable(name, network):
        """The switch's end of a host's link: what tcpdump shows of both directions."""
        return f"{name}-{network}"

    def add_client_addresses(self, name, count):
        """Gives a client further addresses, so that it can have more connections than one address
        has ports; returns them."""
        number = self.clients.index(name)
        first = FIRST_ADDED + number * MAX_ADDED
        added = [f"{CLIENT_NET}.{first + i}" for i in range(count)]
        for address in added:
            self.hosts[name].ip("address", "add", f"{address}/24", "dev", "eth0")
        return added

    def attach(self, name, interface, bridge, address=None):
        """Links a host to a bridge. Checksums and segmentation are done in software, because DPDK
        ports on a veth hand packets on as they are."""
        host = self.hosts[name]
        switch = self.hosts["switch"]
        port = self.cable(name, bridge)
        host.ip("link", "add", interface, "type", "veth", "peer", "name", port, "netns", switch.name)
        switch.ip("link", "set", port, "master", bridge, "up")
        host.run("ethtool", "-K", interface, "tx", "off", "gro", "off")
        if address is not None:
            host.ip("address", "add", address, "dev", interface)
        host.ip("link", "set", interface, "up")

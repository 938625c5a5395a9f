"""What the tests share in which things happen to a pair: live connections, cuts in the networks,
and what the two directors made of it."""

import itertools
import subprocess

import ha_traffic
import harness
from ballast_lab import pair
from ballast_lab.topology import DR_VIP, GATEWAY, NAT_VIP

NETWORKS = ("wan", "lan")
# Far more than a standby waits for before it takes the master for silent.
ADVERTS_IN_PEACE = 15


class Cuts:
    """Made on the lab's switch; heal() repairs all of them."""

    def __init__(self, lab):
        self._network = lab.network
        self._switch = lab.host("switch")
        self._filtered = []
        self._moved = []

    def lose_adverts(self, *networks):
        """The directors do not receive each other there; all other hosts do."""
        for network in networks:
            cables = ", ".join(f'"{self._network.cable(name, network)}"' for name in pair.DIRECTORS)
            rules = (f"table bridge split_{network} {{ chain forward {{ type filter hook forward "
                     f"priority 0; iifname {{ {cables} }} ip protocol 112 drop; }}; }}")
            subprocess.run(self._switch.argv("nft", "-f", "-"), input=rules, text=True, check=True)
            self._filtered.append(network)

    def split(self, network, hosts):
        """Puts these hosts of a network on a switch of their own."""
        island = f"{network}-b"
        self._switch.ip("link", "add", island, "type", "bridge", "stp_state", "0",
                        "forward_delay", "0", "mcast_snooping", "0")
        self._switch.ip("link", "set", island, "up")
        self._moved.append((network, hosts))
        for host in hosts:
            self._switch.ip("link", "set", self._network.cable(host, network), "master", island)

    def heal(self):
        for network in self._filtered:
            self._switch.run("nft", "delete", "table", "bridge", f"split_{network}")
        self._filtered.clear()
        for network, hosts in self._moved:
            for host in hosts:
                cable = self._network.cable(host, network)
                self._switch.ip("link", "set", cable, "master", network)
            self._switch.ip("link", "delete", f"{network}-b")
        self._moved.clear()


class Transitions:
    """What the directors' instances did since its making; of a process that was started since then,
    all that it did."""

    def __init__(self, lab):
        self._lab = lab
        self._before = {name: self._events(name) for name in pair.DIRECTORS}

    def _events(self, name):
        return self._lab.directors[name].show("ha")["events"]

    def of(self, name, instance=pair.WAN_INSTANCE):
        """[(from, to, reason)], oldest first."""
        return [(event["from"], event["to"], event["reason"]) for event in self._events(name)
                if event["instance"] == instance and event not in self._before[name]]


def group(lab, name, index=0):
    """A director's row of `show ha`."""
    return lab.directors[name].show("ha")["groups"][index]


def sent_adverts(lab, name):
    return lab.directors[name].show("ha")["instances"][0]["sent_adverts"]


def reigns(adverts):
    """Whose adverts they are in turn: [(source, how many)]. Resignations are no adverts of a
    master, nor is the last one of a master that leaves because of a better one."""
    turns = []
    of_masters = (advert.source for advert in adverts if advert.priority != 0)
    for source, run in itertools.groupby(of_masters):
        count = len(list(run))
        if len(turns) > 1 and turns[-2][0] == source and turns[-1][1] == 1:
            turns.pop()
            count += turns.pop()[1]
        turns.append((source, count))
    return turns


def words_after(adverts, winner, loser, since):
    """How many adverts the loser sent after it could receive the winner."""
    received = next((advert.time for advert in adverts
                  if advert.source == winner and advert.time > since), None)
    if received is None:
        return None
    return sum(advert.source == loser and advert.priority != 0 and advert.time > received
               for advert in adverts)


class PairTest(harness.HaTest):
    """Connections in both modes that say something all the time, through lb1 when a test begins."""

    CLIENTS = 2
    SERVERS = 2
    CONNECTIONS = 100  # in each mode
    LIVE_S = 1  # in which each of them says something

    @classmethod
    def services(cls):
        return ha_traffic.services(2)

    @classmethod
    def prepare(cls, lab):
        ha_traffic.start_servers(lab)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.traffic = ha_traffic.Traffic(cls.lab)
        try:
            cls.traffic.open_all(cls.CONNECTIONS)
        except BaseException:
            cls.tearDownClass()
            raise
        cls.traffic.live(cls.LIVE_S)

    @classmethod
    def tearDownClass(cls):
        cls.traffic.close()
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        # Some packets are under way to a director that is gone, or not master any more, or not yet.
        self.allow_drops("next_hop_unresolved", "no_real_server", "other_station", "punt_failed",
                         "taking_over", "tx_failed")
        self.wait_role("lb1", "MASTER")
        self.wait_role("lb2", "BACKUP")
        self.wait_synced()
        self.transitions = Transitions(self.lab)

    # ---- what is awaited

    def wait_synced(self):
        for name in pair.DIRECTORS:
            each = self.lab.directors[name]
            each.wait_for(lambda each=each: each.show("sync")["complete"], 15, "a complete table")

    def wait_as_before(self):
        """lb1 master again, and nobody else."""
        self.wait_role("lb1", "MASTER", timeout=30)
        self.wait_role("lb2", "BACKUP")
        for name in pair.DIRECTORS:
            self.lab.directors[name].wait_servers_up()
        for address in (NAT_VIP, DR_VIP, GATEWAY):
            self.wait(lambda address=address: self.owners(address) == ["lb1"],
                      f"{address} to be on lb1 alone")

    def owners(self, address):
        return [name for name in pair.DIRECTORS
                if f"inet {address}/" in self.host(name).ip("-o", "address", "show")]

    def wait_adverts(self, name):
        """Until a master has sent so many adverts that who does not hear them has given it up."""
        begun = sent_adverts(self.lab, name)
        self.wait(lambda: sent_adverts(self.lab, name) > begun + ADVERTS_IN_PEACE,
                  f"adverts of {name}")

    # ---- what must hold

    def assert_transitions(self, **expected):
        """Of each director since the test began: lb1=[...]; none if it is not named."""
        for name in pair.DIRECTORS:
            self.assertEqual(self.transitions.of(name), expected.get(name, []), name)

    def assert_serves(self):
        """Every connection goes on, byte for byte, and new ones work."""
        for mode, report in self.traffic.exchange().items():
            self.assertEqual((report["survived"], report["lost"]), (self.CONNECTIONS, {}), mode)
        self.assert_new_work()

    def assert_new_work(self):
        for vip in (NAT_VIP, DR_VIP):
            self.assertIn(self.fetch("c1", f"http://{vip}/").strip(), (b"s1", b"s2"))

    def assert_reigns(self, adverts, *possible):
        """Who was master in turn, one of the lists. Nobody goes on beside another one."""
        self.assertIn([source for source, _ in reigns(adverts)], possible)

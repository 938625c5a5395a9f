"""Cuts in the networks of a pair, and what the two directors made of them."""

import itertools
import subprocess

from harness import pair

NETWORKS = ("wan", "lan")
# Far more than a standby waits for before it takes the master for silent.
ADVERTS_IN_PEACE = 15


class Cuts:
    """Made on the lab's switch; heal() mends all of them."""

    def __init__(self, lab):
        self._network = lab.network
        self._switch = lab.host("switch")
        self._filtered = []
        self._moved = []

    def lose_adverts(self, *networks):
        """The directors do not hear each other there; everybody else does."""
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
                self._switch.ip("link", "set", self._network.cable(host, network), "master", network)
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
    """Whose adverts they are in turn: [(source, how many)]. Resignations are no adverts of a master."""
    return [(source, len(list(run))) for source, run in itertools.groupby(
        advert.source for advert in adverts if advert.priority != 0)]


def words_after(adverts, winner, loser, since):
    """How many adverts the loser sent after it could hear the winner."""
    heard = next((advert.time for advert in adverts
                  if advert.source == winner and advert.time > since), None)
    if heard is None:
        return None
    return sum(advert.source == loser and advert.priority != 0 and advert.time > heard
               for advert in adverts)

#!/usr/bin/python3
"""A pair of keepalived and HAProxy changes over to Ballast, one director after the other, as
docs/local-services.md says: real keepalived with the files of the origin, sessions all the while."""

import copy
import os

import harness
import keepalived
import local_proxy
from ballast_lab import pair
from ballast_lab.topology import NAT_VIP, WAN_NET, client_address, own_addresses
from local_proxy import INSTANCE, NOTIFY, ORIGINS


class Origin(keepalived.Keepalived):
    """keepalived with a file of reference/."""

    def __init__(self, test, host):
        instance = keepalived.Instance(INSTANCE, "wan0", 51, 0, [f"{NAT_VIP}/24"])
        super().__init__(test.lab, host, [instance])
        self._test = test

    def write_config(self):
        files = self._test.files[self._host]
        files.install(f"{self._test.SETUP}/notify.sh", NOTIFY)
        path = files.install(f"{self._test.SETUP}/{ORIGINS[self._host]}",
                             "/etc/keepalived/keepalived.conf")
        with open(path, encoding="utf-8") as file:
            text = file.read().replace("killall -0 haproxy",
                                       f"killall -0 {self._test.proxies[self._host].command}")
        os.makedirs(self._dir, exist_ok=True)
        with open(f"{self._dir}/keepalived.conf", "w", encoding="utf-8") as out:
            out.write(text)


class LocalMigration(local_proxy.HaproxyPair):
    @classmethod
    def configure(cls, lab):
        cls.tables = super().configure(lab)
        return None  # keepalived comes first

    @classmethod
    def adapted(cls, lab, name, tables):
        """As imported: the other director is still keepalived. And without `preempt_delay`, on which nothing here
        depends but the time."""
        return cls.of_lab(name, tables)

    @classmethod
    def prepare(cls, lab):
        for name in pair.DIRECTORS:
            keepalived.take_ports(lab, name)
            lab.host(name).ip("route", "add", "default", "via", f"{WAN_NET}.1")
        super().prepare(lab)

    def start_ballast(self, name):
        """In the place of keepalived, as imported."""
        for network in ("wan", "lan"):
            self.host(name).ip("address", "flush", "dev", f"{network}0")
        self.lab.directors[name].write_config(self.tables[name])
        self.start_director(name)
        self.lab.configured.append(name)  # its drops count
        self.wait(lambda: self.proxy_ready(name), f"the proxy of {name} to have servers")

    def restart_controlplane(self, name):
        """With the configuration of the document."""
        director = self.lab.directors[name]
        tables = copy.deepcopy(self.tables[name])
        self.leave_keepalived(tables)
        director.write_config(tables)
        director.process("lb-controlplane").stop()
        director.start_daemon("lb-controlplane")
        director.wait_for(director.controlplane_answers, 15, "its socket")

    def wait_owners(self, *names):
        self.wait(lambda: self.owners() == list(names), f"the VIP to be on {names} alone", 30)

    def test_from_keepalived_to_ballast(self):
        origins = {name: Origin(self, name) for name in pair.DIRECTORS}
        for origin in origins.values():
            origin.start()
        self.wait_proxies_ready()
        self.wait_owners("lb1")
        sessions = self.sessions()
        answer = sessions["s1"].ask()
        self.assertEqual((answer["forwarded_for"], answer["sender"]),
                         (client_address(1), own_addresses("lb1")["lan"]))

        self.proxies["lb1"].kill()
        self.wait_owners("lb2")
        self.assert_sessions_stay(sessions)
        self.proxies["lb1"].start(80)
        self.wait_owners("lb1")
        for name, state in (("lb1", "MASTER"), ("lb2", "BACKUP")):
            self.wait(lambda name=name, state=state: self.notified(name)[-1:] == [f"{INSTANCE} {state}"],
                      f"keepalived of {name} to notify")

        origins["lb2"].stop()
        self.start_ballast("lb2")
        self.wait_role("lb2", "BACKUP", INSTANCE)
        self.assert_sessions_stay(sessions)

        origins["lb1"].stop()
        self.wait_owners("lb2")
        self.assert_sessions_stay(sessions)
        self.start_ballast("lb1")
        self.wait_owner("lb1")
        self.assert_sessions_stay(sessions)

        for name in ("lb2", "lb1"):
            self.restart_controlplane(name)
        self.wait_owner("lb1")
        self.wait_role("lb2", "BACKUP", INSTANCE)
        self.assert_sessions_stay(sessions)
        for name, state in (("lb1", "MASTER"), ("lb2", "BACKUP")):
            (row,) = self.lab.directors[name].show("ha")["instances"]
            self.assertEqual(row["version"], 3)
            self.wait(lambda name=name, state=state: self.notified(name)[-1:] == [f"{INSTANCE} {state}"],
                      f"Ballast of {name} to notify")


harness.main(__name__)

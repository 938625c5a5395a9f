"""What holds for every pair whose VIP belongs to a proxy on the director: no service of Ballast has it. The
configuration is made of keepalived's own two files in reference/SETUP, with what docs/local-services.md says to write
by hand. Its ballast.toml, which that page shows, is compared with the result."""

import contextlib
import copy
import http.client
import json
import tomllib

import harness
import imported
import proxies
from ballast_lab import pair
from ballast_lab.topology import NAT_VIP, client_address, own_addresses

INSTANCE = "VI_1"
NOTIFY = "/etc/keepalived/notify.sh"  # where the files of keepalived have it
NOTIFIED = "/var/log/ha-notify.log"  # what it writes
ORIGINS = {"lb1": "master.conf", "lb2": "backup.conf"}


class Pair(imported.ImportedPair):
    CLIENTS = 2
    SERVERS = 2
    FORMAT = "keepalived"
    INTERFACES = {"wan": "wan0", "lan": "lan0"}
    SETUP = None  # a folder of reference/
    COOKIE = None  # its name

    @classmethod
    def make_proxy(cls, lab, host, files):
        raise NotImplementedError

    @classmethod
    def configure(cls, lab):
        cls.FILES = {name: [f"{cls.SETUP}/{file}"] for name, file in ORIGINS.items()}
        cls.files = {name: proxies.Files(lab, name) for name in pair.DIRECTORS}
        cls.proxies = {name: cls.make_proxy(lab, name, cls.files[name]) for name in pair.DIRECTORS}
        return super().configure(lab)

    @classmethod
    def adapted(cls, lab, name, tables):
        cls.add_by_hand(tables)
        cls.leave_keepalived(tables)
        return cls.of_lab(name, tables)

    @classmethod
    def add_by_hand(cls, tables):
        """What keepalived.conf cannot say of a director with this proxy."""

    @staticmethod
    def leave_keepalived(tables):
        """Once both directors are Ballast."""
        instance, = tables["ha"]["instance"]
        del instance["version"], instance["auth_pass"]
        instance["advert_interval"] = "100ms"

    @classmethod
    def of_lab(cls, name, tables):
        """Paths and processes are those of this host in this lab."""
        ha = tables["ha"]
        ha["notify"] = [word.replace(NOTIFY, cls.files[name].root + NOTIFY) for word in ha["notify"]]
        ha["script"][0]["command"][-1] = cls.proxies[name].command
        ha["script"][0]["timeout"] = "20s"  # which a busy machine keeps
        return tables

    @classmethod
    def prepare(cls, lab):
        super().prepare(lab)
        for name, proxy in cls.proxies.items():
            # The proxy of the standby has an address that is elsewhere.
            lab.host(name).sysctl("net.ipv4.ip_nonlocal_bind=1")
            cls.files[name].make()
            cls.files[name].install(f"{cls.SETUP}/notify.sh", NOTIFY)
            proxy.start(80)

    def proxy_ready(self, name):
        """Whether it takes all web servers for up: one that checks them takes them for down while its
        director has no ports."""
        raise NotImplementedError

    def owners(self):
        return [name for name in pair.DIRECTORS
                if f" {NAT_VIP}/" in self.host(name).ip("-o", "address", "show")]

    def wait_owner(self, name):
        self.wait_role(name, "MASTER", INSTANCE)
        self.wait(lambda: self.owners() == [name], f"the VIP to be on {name} alone")

    def browser(self, client="c1"):
        return proxies.Browser(self, client, f"http://{NAT_VIP}")

    def sessions(self):
        """{web server: browser}: one whose cookie names it."""
        sessions = {}
        for _ in range(10):
            browser = self.browser()
            sessions.setdefault(browser.server(), browser)
        self.assertEqual(set(sessions), {"s1", "s2"})
        return sessions

    def assert_sessions_stay(self, sessions):
        for server, browser in sessions.items():
            self.assertEqual(browser.servers(4), {server})

    @contextlib.contextmanager
    def kept_connection(self):
        """An HTTP client that has asked once and keeps its connection."""
        with self.host("c1").inside():
            client = http.client.HTTPConnection(NAT_VIP, timeout=10)
            client.connect()
        with contextlib.closing(client):
            client.request("GET", "/")
            self.assertIn(client.getresponse().read().strip(), (b"s1", b"s2"))
            yield client

    def assert_reset(self, client):
        """The connection is not there any more: the client knows it at once, and can ask again."""
        with self.assertRaises((ConnectionError, http.client.RemoteDisconnected)):
            client.request("GET", "/")
            client.getresponse()

    def notified(self, name):
        return self.files[name].read(NOTIFIED).split("\n")[:-1]

    def wait_proxies_ready(self):
        for name in pair.DIRECTORS:
            self.wait(lambda name=name: self.proxy_ready(name), f"the proxy of {name} to have servers")


class HaproxyPair(Pair):
    SETUP = "keepalived-haproxy"
    COOKIE = "SERVERID"

    @classmethod
    def make_proxy(cls, lab, host, files):
        return proxies.Haproxy(lab, host, files, f"{cls.SETUP}/haproxy.cfg")

    @classmethod
    def add_by_hand(cls, tables):
        # After a start HAProxy has to find its web servers first.
        tables["ha"]["instance"][0]["preempt_delay"] = "3s"

    def proxy_ready(self, name):
        states = self.proxies[name].states("webfarm")
        return (states["s1"], states["s2"]) == ("UP", "UP")


class LocalProxyTest(Pair):
    def setUp(self):
        super().setUp()
        self.wait_role("lb1", "MASTER", INSTANCE)
        self.wait(lambda: self.owners() == ["lb1"], "the VIP to be on lb1 alone")
        self.wait_proxies_ready()

    def test_the_real_servers_see_the_client_in_x_forwarded_for(self):
        seen = {}
        for number in (1, 2):
            for _ in range(4):
                answer = self.browser(f"c{number}").ask()
                self.assertEqual(answer["forwarded_for"], client_address(number))
                self.assertEqual(answer["sender"], own_addresses("lb1")["lan"])
                seen.setdefault(number, set()).add(answer["server"])
        self.assertEqual(seen, {1: {"s1", "s2"}, 2: {"s1", "s2"}})

    def test_every_byte_arrives(self):
        for path, requests in (("1k", 2_000), ("1m", 40)):
            output = self.host("c1").run(*harness.http_load(
                f"{NAT_VIP}:80", path=f"/{path}", requests=requests, parallel=8, per_connection=10,
                expect_file=f"{self.lab.payload_dir}/{path}"))
            self.assertEqual(json.loads(output), {"good": requests, "errors": {}, "bodies": {}})

    def test_a_cookie_keeps_a_client_at_its_server(self):
        sessions = self.sessions()
        self.assert_sessions_stay(sessions)
        for browser in sessions.values():
            self.assertEqual(list(browser.cookies()), [self.COOKIE])

    def test_a_web_server_that_stops_is_left_out_until_it_is_back(self):
        sessions = self.sessions()
        self.lab.processes["s1-nginx"].kill()
        self.addCleanup(self.lab.start_server, "s1")
        self.wait_web_server("s1", False)
        self.assertEqual(sessions["s1"].servers(4), {"s2"})
        self.assertEqual({self.browser().server() for _ in range(6)}, {"s2"})
        self.lab.start_server("s1")
        self.wait_web_server("s1", True)
        self.assertEqual({self.browser().server() for _ in range(6)}, {"s1", "s2"})
        self.assert_sessions_stay({"s2": sessions["s2"]})

    def wait_web_server(self, server, up):
        """Until the proxy has found out."""
        raise NotImplementedError

    def test_a_proxy_that_dies_moves_the_vip_and_its_return_brings_it_back(self):
        sessions = self.sessions()
        before = {name: len(self.notified(name)) for name in pair.DIRECTORS}
        with self.kept_connection() as client:
            self.proxies["lb1"].kill()
            self.wait_owner("lb2")
            self.assert_reset(client)
        self.assert_sessions_stay(sessions)
        self.assertEqual(self.browser("c2").ask()["sender"], own_addresses("lb2")["lan"])

        self.proxies["lb1"].start(80)
        self.wait_owner("lb1")
        self.assert_sessions_stay(sessions)
        self.wait(lambda: self.notified("lb2")[before["lb2"]:][-2:] == [f"{INSTANCE} MASTER",
                                                                      f"{INSTANCE} BACKUP"],
                  "the notify program of lb2 to have run")
        self.wait(lambda: self.notified("lb1")[before["lb1"]:][-1:] == [f"{INSTANCE} MASTER"],
                  "the notify program of lb1 to have run")
        for name in pair.DIRECTORS:
            self.wait_mail(name, INSTANCE, "MASTER")

    def test_a_director_that_dies_and_returns(self):
        sessions = self.sessions()
        with self.kept_connection() as client:
            self.kill_director("lb1")
            self.wait_owner("lb2")
            self.assert_reset(client)
        self.assert_sessions_stay(sessions)
        self.start_director("lb1")
        self.wait_owner("lb1")
        self.wait(lambda: self.proxy_ready("lb1"), "the proxy of lb1 to have servers")
        self.assert_sessions_stay(sessions)

    def test_the_document_shows_what_the_import_makes(self):
        path = f"{proxies.REFERENCE}/{self.SETUP}/ballast.toml"
        self.assertIn("ok", self.lab.lbcli("check", "--no-host", path).stdout)
        with open(path, "rb") as file:
            written = tomllib.load(file)
        for name in pair.DIRECTORS:
            files = [f"{imported.REFERENCE}/{file}" for file in self.FILES[name]]
            tables, _ = imported.imported(self.lab, self.FORMAT, files, name, self.INTERFACES)
            self.add_by_hand(tables)
            self.leave_keepalived(tables)
            del tables["dataplane"]["memory"]  # which goes with the devices of the lab
            tables["route"] = written["route"]
            with self.subTest(director=name):
                self.assertEqual(tables, self.of_director(name, tables, copy.deepcopy(written)))

    @staticmethod
    def of_director(name, tables, written):
        """As the document's file says of lb2, but for what no keepalived.conf knows."""
        del written["ha"]["sync"]
        for port, there in zip(written["port"], tables["port"], strict=True):
            port["device"] = there["device"]
        if name == "lb2":
            written["director"]["name"] = name
            written["ha"]["instance"][0]["priority"] = 100
            for port in written["port"]:
                port["addresses"] = [f"{own_addresses(name)[port['name']]}/24"]
            mail = written["alert"]["mail"]
            mail["from"] = mail["from"].replace("lb1", "lb2")
        return written

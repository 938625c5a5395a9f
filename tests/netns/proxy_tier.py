#!/usr/bin/python3
"""HAProxy and Apache as real servers, in NAT and in DR: cookies keep a client at its web server,
whichever proxy the director chooses, and the web server gets the client's address."""

import contextlib

import harness
import proxies
from ballast_lab import director
from ballast_lab.topology import DR_VIP, NAT_VIP, client_address, server_address

PROXIES = (1, 2)
WEB_SERVERS = {"s3", "s4"}
# name: VIP and port, mode, the proxies' port, what the director asks them
SERVICES = {
    "haproxy-nat": (f"{NAT_VIP}:80", "nat", 8080, "/alive"),
    "haproxy-dr": (f"{DR_VIP}:80", "dr", 80, "/alive"),
    "apache-nat": (f"{NAT_VIP}:81", "nat", 8081, "/health"),
    "apache-dr": (f"{DR_VIP}:81", "dr", 81, "/health"),
}


class ProxyTier(harness.LabTest):
    SERVERS = 4

    @classmethod
    def configure(cls, lab, **options):
        services = [director.service(
            name, address, mode, [], scheduler="rr", check=director.check() | {"path": path},
            real_server=[{"address": f"{server_address(number)}:{port}"} for number in PROXIES],
            **options) for name, (address, mode, port, path) in SERVICES.items()]
        return director.config(f"{lab.dir}/run", services)

    @classmethod
    def prepare(cls, lab):
        cls.haproxy, cls.apache = {}, {}
        for number in PROXIES:
            name = f"s{number}"
            lab.processes[f"{name}-nginx"].stop()  # which has port 80
            files = proxies.Files(lab, name)
            files.make()
            cls.haproxy[name] = proxies.Haproxy(lab, name, files, "proxy-tier/haproxy.cfg")
            cls.apache[name] = proxies.Apache(lab, name, files, "proxy-tier/balancer.conf")
            cls.haproxy[name].start(80)
            cls.apache[name].start(81)

    def browser(self, service):
        return proxies.Browser(self, "c1", f"http://{SERVICES[service][0]}")

    def visit(self, browser, count=8):
        """(web servers, proxies) that `count` requests reached."""
        answers = [browser.ask() for _ in range(count)]
        self.assertEqual({answer["forwarded_for"] for answer in answers}, {client_address(1)})
        addresses = {server_address(number): f"s{number}" for number in PROXIES}
        return ({answer["server"] for answer in answers},
                {addresses[answer["sender"]] for answer in answers})

    def sessions(self, service):
        """{web server: browser}, of every web server."""
        sessions = {}
        for _ in range(10):
            browser = self.browser(service)
            sessions.setdefault(browser.server(), browser)
        self.assertEqual(set(sessions), WEB_SERVERS)
        return sessions

    def set_persistence(self, **options):
        self.lab.write_config(self.configure(self.lab, **options))
        self.lab.lbcli("reload")

    def persistent(self):
        self.set_persistence(persistence="5m")
        self.addCleanup(self.set_persistence)

    @contextlib.contextmanager
    def dead_proxies(self, name):
        """Both of a real server, until the block ends."""
        for proxy in (self.haproxy[name], self.apache[name]):
            proxy.kill()
        try:
            self.wait_proxies(name, False)
            yield
        finally:
            self.haproxy[name].start(80)
            self.apache[name].start(81)
            self.wait_proxies(name, True)

    def wait_proxies(self, name, up):
        for service, (_, _, port, _) in SERVICES.items():
            self.wait_server(service, f"{server_address(int(name[1:]))}:{port}", up)

    # ---- tests

    def test_cookies_keep_a_client_at_its_web_server_whichever_proxy_it_comes_by(self):
        for service in SERVICES:
            with self.subTest(service=service):
                for server, browser in self.sessions(service).items():
                    self.assertEqual(self.visit(browser), ({server}, {"s1", "s2"}))

    def test_persistence_keeps_it_at_its_proxy_as_well(self):
        self.persistent()
        for service in SERVICES:
            with self.subTest(service=service):
                chosen = set()
                for server, browser in self.sessions(service).items():
                    servers, through = self.visit(browser)
                    self.assertEqual(servers, {server})
                    chosen |= through
                self.assertEqual(len(chosen), 1, chosen)

    def test_sessions_outlive_the_proxy_that_began_them(self):
        sessions = {service: self.sessions(service) for service in SERVICES}
        with self.dead_proxies("s1"):
            self.assert_all_by("s2", sessions)

    def test_sessions_outlive_the_proxy_that_they_were_bound_to(self):
        self.persistent()
        sessions = {service: self.sessions(service) for service in SERVICES}
        for dead, other in (("s1", "s2"), ("s2", "s1")):
            with self.subTest(dead=dead), self.dead_proxies(dead):
                self.assert_all_by(other, sessions)

    def assert_all_by(self, proxy, sessions):
        for service, of_service in sessions.items():
            for server, browser in of_service.items():
                self.assertEqual(self.visit(browser, 4), ({server}, {proxy}), service)

    def test_a_proxy_without_web_servers_is_taken_out(self):
        """What the director asks a proxy depends on what is behind it."""
        for name in sorted(WEB_SERVERS):
            self.lab.processes[f"{name}-nginx"].kill()
            self.addCleanup(self.lab.start_server, name)
        for proxy in ("s1", "s2"):
            self.wait_proxies(proxy, False)
        for name in sorted(WEB_SERVERS):
            self.lab.start_server(name)
        for proxy in ("s1", "s2"):
            self.wait_proxies(proxy, True)
        for service in SERVICES:
            self.sessions(service)


harness.main(__name__)

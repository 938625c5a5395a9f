#!/usr/bin/python3
"""A pair of directors with HAProxy behind the VIP: cookies, X-Forwarded-For, checks and the page of
statistics, and `killall -0` that moves the VIP."""

import subprocess

import harness
import local_proxy
import proxies
from ballast_lab.topology import NAT_VIP

STATISTICS = f"http://{NAT_VIP}:8404/haproxy?stats"


class LocalHaproxy(local_proxy.HaproxyPair, local_proxy.LocalProxyTest):
    def wait_web_server(self, server, up):
        self.wait(lambda: self.proxies["lb1"].states("webfarm")[server] == ("UP" if up else "DOWN"),
                  f"HAProxy to have {server} {'up' if up else 'down'}")

    def test_the_cookie_is_for_the_client_alone(self):
        browser = self.browser()
        self.assertEqual(browser.server(), browser.cookies()["SERVERID"])
        self.assertEqual(browser.ask("--cookie", f"own=1; SERVERID={browser.server()}")["cookie"],
                         "own=1")

    def test_the_statistics_need_the_password(self):
        for credentials, status in ((), "401"), (("--user", "admin:wrong"), "401"), \
                (("--user", "admin:secret"), "200"):
            with self.subTest(credentials=credentials):
                done = subprocess.run(self.host("c1").argv(
                    "curl", "--silent", "--max-time", "10", "--output", "/dev/null", "--write-out",
                    "%{http_code}", *credentials, STATISTICS), capture_output=True, text=True,
                    timeout=20, check=False)
                self.assertEqual(done.stdout, status)
        before = self.sessions_of()
        server = self.browser().server()
        self.assertEqual(self.sessions_of()[server], before[server] + 1)

    def sessions_of(self):
        """{web server: sessions that it had}, from the page."""
        page = self.fetch("c1", f"{STATISTICS};csv", "--user", "admin:secret").decode()
        return {row["svname"]: int(row["stot"]) for row in proxies.statistics(page)
                if row["pxname"] == "webfarm" and row["svname"] in self.lab.network.servers}


harness.main(__name__)

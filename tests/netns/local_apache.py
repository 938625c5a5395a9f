#!/usr/bin/python3
"""A pair of directors with Apache behind the VIP: mod_proxy_balancer with a route in a cookie, the
balancer manager, and `killall -0` that moves the VIP."""

import re

import harness
import local_proxy
import proxies

ROUTES = {"s1": "1", "s2": "2"}


class LocalApache(local_proxy.LocalProxyTest):
    SETUP = "keepalived-apache"
    COOKIE = "ROUTEID"

    @classmethod
    def make_proxy(cls, lab, host, files):
        return proxies.Apache(lab, host, files, f"{cls.SETUP}/balancer.conf")

    def proxy_ready(self, name):
        """It does not check: a request finds out."""
        return True

    def workers(self):
        """{route: status}, of the balancer manager: "Init Ok" or "Init Err"."""
        status, page = self.browser().get("/balancer-manager")
        self.assertEqual(status, 200, page)
        rows = [re.findall(r"<td>(.*?)</td>", row) for row in page.split("<tr>") if "w=http" in row]
        return {row[1]: row[5].strip() for row in rows}

    def wait_web_server(self, server, up):
        """Apache finds out by a request, and tries a failed one again after `retry`."""
        def found_out():
            self.browser().ask()
            return self.workers()[ROUTES[server]] == ("Init Ok" if up else "Init Err")

        self.wait(found_out, f"Apache to have {server} {'up' if up else 'down'}")

    def test_the_cookie_names_the_route(self):
        for server, browser in self.sessions().items():
            self.assertEqual(browser.cookies()["ROUTEID"], f".{ROUTES[server]}")

    def test_the_balancer_manager_is_for_one_address(self):
        self.assertEqual(self.workers(), {"1": "Init Ok", "2": "Init Ok"})
        self.assertEqual(self.browser("c2").get("/balancer-manager")[0], 403)


harness.main(__name__)

#!/usr/bin/python3
"""The page that a director serves itself while all real servers of a service fail, in NAT and DR."""

import os
import socket

import harness
from ballast_lab import director
from ballast_lab.topology import DR_VIP, NAT_VIP

PAGE = "<p>We are sorry.</p>\n"
SLOW_CLIENTS = 30


class SorryPage(harness.LabTest):
    SERVERS = 1

    @staticmethod
    def ready(rs):
        return rs["next_hop_resolved"] and (rs["up"] or rs["state"] == "not in use")

    @classmethod
    def configure(cls, lab):
        cls.path = f"{lab.dir}/sorry.html"
        page = {"sorry_page": cls.path}
        return director.config(f"{lab.dir}/run", [
            director.service("web", f"{NAT_VIP}:80", "nat", [(1, 1)], **page),
            director.service("web-dr", f"{DR_VIP}:80", "dr", [(1, 1)], **page)])

    @classmethod
    def prepare(cls, lab):
        cls.write(PAGE)

    @classmethod
    def write(cls, text):
        with open(cls.path, "w", encoding="utf-8") as file:
            file.write(text)

    def setUp(self):
        super().setUp()
        self.allow_drops("real_server_down")
        path = f"{self.lab.dir}/s1/maintenance"
        with open(path, "w", encoding="utf-8"):
            pass
        self.addCleanup(self.wait_in_use, False)
        self.addCleanup(os.remove, path)
        self.wait_in_use(True)

    def wait_in_use(self, used):
        self.wait(lambda: {each["quorum"]["sorry_server_in_use"]
                           for each in self.lab.show("service")["services"]} == {used},
                  f"the sorry pages to be {'used' if used else 'left'}")

    def curl(self, vip, *options):
        """The head's lines and the body."""
        text = self.host("c1").run("curl", "--silent", "--show-error", "--include", "--max-time", "10", *options,
                                   f"http://{vip}/some/where")
        head, _, body = text.replace("\r\n", "\n").partition("\n\n")
        return head.split("\n"), body

    def test_answers_every_request(self):
        for vip in (NAT_VIP, DR_VIP):
            with self.subTest(vip=vip):
                head, body = self.curl(vip)
                self.assertEqual(head[0], "HTTP/1.1 503 Service Unavailable")
                for line in ("Content-Type: text/html; charset=utf-8", "Retry-After: 10",
                             "Cache-Control: no-store", "Connection: close",
                             f"Content-Length: {len(PAGE)}"):
                    self.assertIn(line, head)
                self.assertEqual(body.strip(), PAGE.strip())
                head, body = self.curl(vip, "--head")
                self.assertIn(f"Content-Length: {len(PAGE)}", head)
                self.assertEqual(body, "")
        self.assertIn("sorry page in use", self.wait_logged("sorry page in use"))

    def test_slow_clients_keep_nobody_out(self):
        for _ in range(SLOW_CLIENTS):
            with self.host("c1").inside():
                slow = socket.create_connection((NAT_VIP, 80), timeout=10)
            self.addCleanup(slow.close)
            slow.sendall(b"GET / HT")
        self.assertEqual(self.curl(NAT_VIP)[1].strip(), PAGE.strip())

    def test_a_reload_takes_a_changed_file(self):
        self.addCleanup(self.lab.lbcli, "reload")
        self.addCleanup(self.write, PAGE)
        self.write("changed")
        self.assertEqual(self.curl(NAT_VIP)[1].strip(), PAGE.strip(), "not before")
        self.lab.lbcli("reload")
        self.wait(lambda: self.curl(NAT_VIP)[1].strip() == "changed", "the new page")

    def test_a_file_that_is_missing_is_a_mistake(self):
        self.addCleanup(self.lab.lbcli, "reload")
        self.addCleanup(self.write, PAGE)
        os.remove(self.path)
        done = self.lab.lbcli("check", self.lab.config_path, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("sorry_page: ", done.stderr)
        self.lab.lbcli("reload")
        self.wait_logged(f"service web: sorry_page: {self.path}")
        self.assertEqual(self.curl(NAT_VIP)[1].strip(), PAGE.strip(), "as before")


harness.main(__name__)

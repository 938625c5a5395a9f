#!/usr/bin/python3
"""Healthy servers are not judged by form: what clients accept of HTTP is accepted, unless strict_http
is set, and an agent is understood in every way that HAProxy's manual allows."""

import os

import harness
import http_forms
from ballast_lab import director
from ballast_lab.topology import NAT_VIP, server_address
from http_forms import FIRST_PORT, FORMS

SERVER = server_address(1)
AGENT_PORT = 7777
AGENT_RS = f"{SERVER}:80"
WEIGHT, LIMIT, RESUME = 10, 1000, 900


def is_good(result):
    return result.startswith("L7OK")


class HttpForms(harness.LabTest):
    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        services = []
        for number, form in enumerate(FORMS):
            for strict in (False, True):
                check = {"type": "http", "interval": "500ms", "timeout": "5s", "rise": 1, "fall": 1}
                services.append(director.service(
                    cls.name(form, strict), f"{NAT_VIP}:{8000 + 2 * number + strict}", "nat", [],
                    check=check | {"strict_http": strict} | form.options,
                    real_server=[{"address": f"{SERVER}:{FIRST_PORT + number}"}]))
        return director.config(f"{lab.dir}/run", services)

    @staticmethod
    def name(form, strict):
        return form.name + ("-strict" if strict else "")

    @staticmethod
    def endpoint(form):
        return f"{SERVER}:{FIRST_PORT + FORMS.index(form)}"

    @staticmethod
    def ready(rs):
        form = FORMS[rs["port"] - FIRST_PORT]
        expected = form.strict if rs["service"].endswith("-strict") else form.default
        return rs["up"] == is_good(expected)

    @classmethod
    def prepare(cls, lab):
        lab.spawn("s1-forms", "s1", [harness.PYTHON, "-B", http_forms.__file__,
                                     f"{lab.dir}/tls/cert.pem", f"{lab.dir}/tls/key.pem"])
        lab.wait_listening("s1-forms", "s1", FIRST_PORT + len(FORMS) - 1)

    def results(self):
        """{service: last result of its check}."""
        return {target["service"]: check["last_result"] for check in self.lab.show("check")["checks"]
                for target in check["targets"]}

    def test_each_form(self):
        self.wait(lambda: all(self.results().values()), "a result of every check")
        for strict in (False, True):
            for form in FORMS:
                name, expected = self.name(form, strict), form.strict if strict else form.default
                with self.subTest(service=name):
                    self.wait_server(name, self.endpoint(form), up=is_good(expected))
                    self.wait(lambda: self.results()[name].startswith(expected),
                              f"{expected} of {name}")

    def test_no_good_one_ever_failed(self):
        log = self.lab.log_text("lb-controlplane")
        for form in FORMS:
            for strict in (False, True):
                if is_good(form.strict if strict else form.default):
                    self.assertNotIn(f"{self.name(form, strict)}: real server "
                                     f"{self.endpoint(form)} down", log)


class AgentWords(harness.LabTest):
    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        return director.config(f"{lab.dir}/run", [director.service(
            "web", f"{NAT_VIP}:80", "nat", [], check={"type": "none"},
            agent={"port": AGENT_PORT, "interval": "100ms", "timeout": "2s"},
            real_server=[{"address": AGENT_RS, "weight": WEIGHT, "max_connections": LIMIT,
                          "resume_connections": RESUME}])])

    @classmethod
    def prepare(cls, lab):
        cls.path = f"{lab.dir}/agent"
        cls.write(b"up\n")
        lab.spawn("s1-agent", "s1", [harness.PYTHON, "-B", f"{harness.HERE}/peer.py", "tcp-file",
                                     str(AGENT_PORT), "--name", cls.path])
        lab.wait_listening("s1-agent", "s1", AGENT_PORT)

    @classmethod
    def write(cls, answer):
        with open(f"{cls.path}.new", "wb") as out:
            out.write(answer)
        os.replace(f"{cls.path}.new", cls.path)

    def result(self):
        return next(check["last_result"] for check in self.lab.show("check")["checks"]
                    if check["check"] == "agent")

    def state(self):
        """(up, weight, max_connections, resume_connections) in the data plane."""
        rs = self.real_server("web", AGENT_RS)
        return (rs["up"], rs["weight"], rs["max_connections"], rs["resume_connections"])

    def wait_state(self, answer, up=True, weight=WEIGHT, limit=LIMIT, resume=RESUME):
        self.write(answer)
        expected = (up, weight, limit, resume)
        self.wait(lambda: self.state() == expected, f"{expected} after {answer[:40]}")

    def wait_result(self, answer, result):
        self.write(answer)
        self.wait(lambda: self.result().startswith(result), result)

    def test_words(self):
        for answer, expected in (
                (b"150%\n", {"weight": 15}),
                (b"FAIL\n", {"up": False, "weight": 15}),
                (b"Up, 100%\r\n", {}),
                (b"down disk full\n", {"up": False}),
                (b"up", {}),
                (b"stopped # at night\n", {"up": False}),
                (b"nobody knows\tUP  \n", {}),
                (b"DRAIN maxconn:30\n", {"weight": 0, "limit": 30, "resume": 22}),
                (b"maint\n", {"up": False, "limit": 30, "resume": 22}),
                (b"Ready\0", {"limit": 30, "resume": 22}),
                (b"maxconn:0\n", {}),
                (b"up down\n", {"up": False}),
                (b"down up\ndown\n", {}),
                (b"0%\n", {"weight": 0}),
                (b"99999999999999999999%\n", {"weight": 65535}),
                (b"20% 100%\n", {})):
            with self.subTest(answer=answer):
                self.wait_state(answer, **expected)

    def test_what_says_nothing_changes_nothing_and_is_logged_once(self):
        self.wait_state(b"ready up 50%\n", weight=5)
        for answer, result in ((b"fine\n", "L7RSP unexpected answer: fine"),
                               (b"up\n", "L7OK/up"),
                               (b"fine\r\n", "L7RSP unexpected answer: fine"),
                               (b"", "L7RSP connection closed before an answer"),
                               (b"\nup\n", "L7RSP unexpected answer: "),
                               (b"x" * 20_000, "L7RSP no answer as expected within 16384 bytes")):
            with self.subTest(answer=answer[:40]):
                self.wait_result(answer, result)
                self.assertEqual(self.state(), (True, 5, LIMIT, RESUME))
        log = self.wait_logged(f"agent {SERVER}:{AGENT_PORT}: L7RSP unexpected answer: fine")
        self.assertEqual(log.count("unexpected answer"), 1)
        self.wait_state(b"100%\n")


harness.main(__name__)

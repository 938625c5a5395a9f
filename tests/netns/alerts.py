#!/usr/bin/python3
"""Alerts: every transition by mail and by script, both ways and in order, whatever becomes of the
mail server and of the control plane."""

import json
import os
import re
import signal

import harness
from ballast_lab import director
from ballast_lab.netns import run
from ballast_lab.topology import NAT_VIP, server_address

PORT = 2525
SYSTEM_CA = "/etc/ssl/certs/ca-certificates.crt"
LOGIN = "ballast:s3cret word"
RECIPIENTS = ["ops@example.com", "night@example.com"]
CHECK = director.check() | {"interval": "200ms", "rise": 1, "fall": 2}
# Slowly: events wait for each other.
SCRIPT = """#!/bin/sh
set -u
sleep 0.05
printf '%s|%s|%s|%s|%s|%s\\n' "$*" "$BALLAST_EVENT" "$BALLAST_SERVICE" "$BALLAST_SERVER" \\
  "$BALLAST_STATE" "$BALLAST_TEXT: $BALLAST_REASON" >> {folder}/reported
"""


class Alerts(harness.LabTest):
    SERVERS = 2

    @classmethod
    def configure(cls, lab):
        cls.folder = f"{lab.dir}/alerts"
        return cls.tables(lab, "starttls")

    @classmethod
    def tables(cls, lab, tls, **mail):
        tables = director.config(f"{lab.dir}/run", [
            director.service("web", f"{NAT_VIP}:80", "nat", [(1, 1), (2, 1)], check=CHECK)])
        ca = {} if tls == "none" else {"tls_ca_file": f"{cls.folder}/cert.pem"}
        return tables | {"alert": {
            "script": [f"{cls.folder}/script", "two words"],
            "script_user": "root",
            "mail": {"server": f"127.0.0.1:{PORT}", "tls": tls, "from": "lb1@example.com",
                     "to": RECIPIENTS, "group_delay": "200ms", "retry_interval": "1s",
                     "timeout": "10s", "user": LOGIN.split(":")[0],
                     "password_file": f"{cls.folder}/password"} | ca | mail}}

    @classmethod
    def prepare(cls, lab):
        os.mkdir(cls.folder)
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "7", "-subj", "/CN=mail.lab", "-addext",
            "subjectAltName=IP:127.0.0.1", "-keyout", f"{cls.folder}/key.pem", "-out",
            f"{cls.folder}/cert.pem")
        cls.set_password(LOGIN.split(":")[1])
        cls.write("script", SCRIPT.format(folder=cls.folder), 0o755)
        for name in ("mails", "reported"):
            cls.write(name, "")
        cls.start_mail(lab, "starttls")

    @classmethod
    def write(cls, name, content, mode=0o644):
        with open(f"{cls.folder}/{name}", "w", encoding="utf-8") as out:
            out.write(content)
        os.chmod(f"{cls.folder}/{name}", mode)

    @classmethod
    def set_password(cls, password):
        cls.write("password", password + "\n", 0o600)

    # ---- the mail server

    @classmethod
    def start_mail(cls, lab, tls):
        lab.spawn("mail", "lb1", [harness.PYTHON, "-B", f"{harness.HERE}/smtp_server.py",
                                  "--port", str(PORT), "--store", f"{cls.folder}/mails",
                                  "--mode", f"{cls.folder}/mode", "--tls", tls,
                                  "--certificate", f"{cls.folder}/cert.pem",
                                  "--key", f"{cls.folder}/key.pem"]
                  + ([] if tls == "none" else ["--login", LOGIN]))
        lab.wait_listening("mail", "lb1", PORT)

    def stop_mail(self):
        self.lab.processes["mail"].kill()

    def refuse(self, *lines):
        """From now on, until it is called again."""
        self.write("mode.new", "".join(f"{line}\n" for line in lines))
        os.replace(f"{self.folder}/mode.new", f"{self.folder}/mode")

    # ---- what came

    def lines(self, name):
        with open(f"{self.folder}/{name}", encoding="utf-8") as file:
            return [line for line in file if line.endswith("\n")]

    def mails(self, recipient=RECIPIENTS[0]):
        return [mail for mail in map(json.loads, self.lines("mails")) if recipient in mail["to"]]

    def mailed(self, recipient=RECIPIENTS[0]):
        """The events' texts, without time and severity, in the order in which they came."""
        return [re.sub(r"^\S+  (good|notice|bad|critical) +", "", line)
                for mail in self.mails(recipient) for line in mail["body"].splitlines()[2:]]

    def reported(self):
        """Rows of the script; the last cell is the mail's text."""
        return [line.rstrip("\n").removesuffix(": ").split("|", 5)
                for line in self.lines("reported")]

    def heads(self, texts):
        """What happened, without the reasons."""
        return [text.split(": L", 1)[0] for text in texts]

    def status(self):
        return self.lab.show("alert")

    def last_error(self):
        return self.status()["mail"]["last_error"]

    def wait_reported(self, count):
        """Until script and mail to everybody have reported so many events since the lab's start."""
        self.wait(lambda: len(self.reported()) >= count
                  and all(len(self.mailed(to)) >= count for to in RECIPIENTS),
                  f"{count} events to be reported", 40)
        for to in RECIPIENTS:
            self.assertEqual(self.mailed(to), [row[5] for row in self.reported()])

    def setUp(self):
        super().setUp()
        self.refuse()
        self.allow_drops("real_server_down", "next_hop_unresolved")
        self.lab.wait_servers_up()
        self.wait(lambda: self.idle(), "earlier events to be reported")
        self.before = len(self.reported())
        self.before_mailed = len(self.mailed())

    def idle(self):
        status = self.status()
        return status["mail"]["queue"] + status["mail"]["events"] + status["script"]["queue"] == 0

    # ---- what happens

    def stop_web(self, number):
        self.addCleanup(self.lab.start_server, f"s{number}")
        self.lab.processes[f"s{number}-nginx"].stop()
        self.wait_server("web", f"{server_address(number)}:80", up=False)

    def start_web(self, number):
        self.lab.start_server(f"s{number}")
        self.wait_server("web", f"{server_address(number)}:80", up=True)

    def restart(self, tables=None):
        if tables:
            self.lab.write_config(tables)
        self.lab.start_controlplane()
        self.lab.directors["lb1"].wait_for(self.lab.controlplane_answers, 15, "its socket")
        self.lab.wait_servers_up()

    def test_the_start_is_reported(self):
        self.wait_reported(4)
        heads = self.heads(self.mailed())
        self.assertEqual(heads[0], "data plane connected")
        self.assertEqual(sorted(heads[1:]), ["service web up: 1 of 2 real servers up",
                                             f"web: real server {server_address(1)}:80 up",
                                             f"web: real server {server_address(2)}:80 up"])

    def test_both_ways_and_in_order(self):
        one, two = (f"web: real server {server_address(n)}:80" for n in (1, 2))
        self.stop_web(1)
        self.stop_web(2)
        self.start_web(2)
        self.start_web(1)
        self.wait_reported(self.before + 6)
        expected = [f"{one} down", f"{two} down", "service web down: 0 of 2 real servers up",
                    f"{two} up", "service web up: 1 of 2 real servers up", f"{one} up"]
        self.assertEqual(self.heads(self.mailed()[self.before_mailed:]), expected)
        rows = self.reported()[self.before:]
        endpoint = f"{server_address(1)}:80"
        self.assertEqual(rows[0][:5], [f"two words server web {endpoint} down", "server", "web",
                                       endpoint, "down"])
        self.assertEqual(rows[2][:5], ["two words service web  down", "service", "web", "", "down"])
        self.assertRegex(rows[0][5], r"down: L\d\w+")

    def test_headers_and_encryption(self):
        mail = self.mails()[-1]
        headers = mail["headers"]
        self.assertEqual((mail["from"], mail["to"]), ("lb1@example.com", RECIPIENTS))
        self.assertTrue(mail["tls"] and mail["authenticated"])
        self.assertEqual(headers["From"], "lb1@example.com")
        self.assertEqual(headers["To"], ", ".join(RECIPIENTS))
        self.assertRegex(headers["Date"], r"^\w{3}, \d\d \w{3} 20\d\d \d\d:\d\d:\d\d \+0000$")
        self.assertTrue(headers["Subject"].startswith("[lb1] "))
        identities = [each["headers"]["Message-ID"] for each in self.mails()]
        self.assertEqual(len(identities), len(set(identities)))

    def test_events_that_come_together_are_one_mail(self):
        before = len(self.mails())
        self.lab.processes["lb-dataplane"].stop()
        self.wait(lambda: len(self.mails()) > before, "a mail")
        self.assertEqual(self.mails()[-1]["headers"]["Subject"], "[lb1] data plane lost")
        self.lab.start_dataplane()
        self.lab.wait_servers_up()
        self.wait_reported(self.before + 2)
        self.assertEqual(self.mailed()[-1], "data plane connected")

    def test_the_mail_server_is_away_and_the_control_plane_killed(self):
        self.stop_mail()
        self.stop_web(1)
        self.wait(lambda: self.status()["mail"]["queue"] == 1
                  and self.status()["mail"]["last_error"], "a mail to wait")
        self.start_web(1)
        self.wait(lambda: self.status()["mail"]["queue"] == 2, "another mail to wait")
        shown = self.lab.lbcli("show", "alert").stdout
        self.assertIn("waiting: 2 mails, 0 events", shown)
        self.assertIn("last error: ", shown)
        self.lab.processes["lb-controlplane"].kill()
        self.restart()
        self.assertEqual(self.status()["mail"]["queue"], 2)
        self.stop_web(2)
        self.start_web(2)
        self.start_mail(self.lab, "starttls")
        self.wait_reported(self.before + 5)
        one, two = (f"web: real server {server_address(n)}:80" for n in (1, 2))
        self.assertEqual(self.heads(self.mailed()[self.before_mailed:]),
                         [f"{one} down", f"{one} up", "data plane connected", f"{two} down",
                          f"{two} up"])
        self.assertEqual(self.status()["mail"]["queue"], 0)

    def test_a_mail_server_that_hangs_holds_up_nothing(self):
        self.lab.processes["mail"].signal(signal.SIGSTOP)
        self.lab.lbcli("alert", "test")
        self.wait(lambda: self.status()["mail"]["queue"] == 1, "a mail to wait")
        self.stop_web(1)
        self.start_web(1)
        self.lab.processes["lb-controlplane"].stop(timeout=10)
        self.assertEqual(self.lab.processes["lb-controlplane"].exit_status(), 0)
        self.restart()
        self.lab.processes["mail"].signal(signal.SIGCONT)
        # The test, down and up, connected.
        self.wait_reported(self.before + 4)

    def test_what_is_refused_for_good_holds_up_nothing(self):
        self.refuse("DATA 554 5.6.0 not this one")
        self.stop_web(1)
        self.wait(lambda: self.status()["mail"]["refused"] == 1, "a mail to be refused")
        self.assertEqual(self.status()["mail"]["last_error"], "554 5.6.0 not this one")
        folder = f"{self.lab.dir}/state/alerts/failed"
        self.assertEqual(len(os.listdir(folder)), 1)
        self.refuse()
        self.start_web(1)
        self.wait(lambda: self.mailed()[self.before_mailed:], "the next mail")
        self.assertEqual(self.heads(self.mailed()[self.before_mailed:]),
                         [f"web: real server {server_address(1)}:80 up"])

    def test_one_recipient_is_refused(self):
        """For now, and for good: the other one's mail does not wait."""
        self.refuse(f"{RECIPIENTS[1]} 450 4.2.0 come back later")
        night = len(self.mailed(RECIPIENTS[1]))
        self.stop_web(1)
        self.wait(lambda: len(self.mailed()) == self.before_mailed + 1, "his mail to the first")
        self.start_web(1)
        self.wait(lambda: len(self.mailed()) == self.before_mailed + 2, "the next one as well")
        self.assertEqual(len(self.mailed(RECIPIENTS[1])), night)
        self.refuse()
        self.wait(lambda: len(self.mailed(RECIPIENTS[1])) == night + 2, "both to the second")
        self.assertEqual(self.mailed()[-2:], self.mailed(RECIPIENTS[1])[-2:])
        self.refuse(f"{RECIPIENTS[1]} 550 5.1.1 nobody here")
        self.lab.lbcli("alert", "test")
        self.wait(lambda: len(self.mailed()) == self.before_mailed + 3, "a mail to the first one")
        self.wait(self.idle, "nothing to wait")
        self.assertEqual(len(self.mailed(RECIPIENTS[1])), night + 2)
        self.wait_logged(f"refuses {RECIPIENTS[1]} permanently")

    def test_a_wrong_password_is_reported_and_nothing_is_lost(self):
        self.set_password("wrong")
        self.lab.lbcli("alert", "test")
        self.wait(lambda: "535" in self.last_error(), "the login to be refused")
        os.chmod(f"{self.folder}/password", 0o644)
        self.wait(lambda: "chmod 600" in self.last_error(), "the file's rights to be refused")
        self.set_password(LOGIN.split(":")[1])
        self.wait(lambda: len(self.mailed()) == self.before_mailed + 1, "the mail")
        self.assertEqual(self.mailed()[-1], "test asked for: lbcli alert test")
        self.assertNotIn("s3cret", self.lab.log_text("lb-controlplane"))

    def test_other_paths_to_the_server(self):
        """TLS from the start; a server without STARTTLS; a certificate that nobody knows; neither
        encryption nor login, which a server without AUTH is not offered."""
        for server, tls, options, error in (
                ("tls", "tls", {}, None),
                ("none", "starttls", {}, "STARTTLS"),
                ("tls", "tls", {"tls_ca_file": SYSTEM_CA}, "certificate"),
                ("none", "none", {}, None),
        ):
            with self.subTest(server=server, tls=tls, options=options):
                before = len(self.mailed())
                self.stop_mail()
                self.start_mail(self.lab, server)
                self.lab.processes["lb-controlplane"].stop()
                self.restart(self.tables(self.lab, tls, **options))
                self.lab.lbcli("alert", "test")
                if error:
                    self.wait(lambda: error in self.last_error(), f"an error about {error}")
                    self.assertEqual(len(self.mailed()), before)
                else:
                    self.wait(lambda: len(self.mailed()) > before and self.idle(), "the mail")
                    self.assertEqual(self.mails()[-1]["tls"], tls == "tls")

    def test_the_end_leaves_nothing_unsaid(self):
        """What is still in the queue is sent when the server takes it, before the process ends."""
        tables = self.tables(self.lab, "none", group_delay="1h", retry_interval="1h")
        for key in ("user", "password_file"):
            tables["alert"]["mail"].pop(key)
        self.stop_mail()
        self.start_mail(self.lab, "none")
        self.lab.processes["lb-controlplane"].stop()
        self.restart(tables)
        self.lab.lbcli("alert", "test")
        self.wait(self.idle, "the queue to be empty")
        before = len(self.mailed())
        self.stop_web(1)
        self.assertEqual(len(self.mailed()), before)
        self.lab.processes["lb-controlplane"].stop()
        self.assertEqual(self.heads(self.mailed()[before:]),
                         [f"web: real server {server_address(1)}:80 down"])
        self.lab.start_server("s1")
        self.restart()


harness.main(__name__)

#!/usr/bin/python3
"""Each type of check against the program that it is made for: up while it runs and down with a
reason when it has ended. The weights that scripts and agents give reach the data plane."""

import os
import subprocess

import harness
from ballast_lab import director
from ballast_lab.servers import TLS_NAME
from ballast_lab.topology import NAT_VIP, server_address

SERVER = server_address(1)
RS = f"{SERVER}:80"
REDIS_PASSWORD = "correct horse"
AGENT_PORT = 7777
PGSQL = "/usr/lib/postgresql/15/bin"


def check(kind, **more):
    return {"type": kind, "interval": "300ms", "timeout": "2s", "rise": 1, "fall": 1} | more


def write(path, text, mode=0o644):
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    os.chmod(path, mode)
    return path


def tls(lab):
    return {"tls_ca_file": lab.tls_ca_file, "tls_server_name": TLS_NAME}


def prepare_as_nobody(*argv):
    done = subprocess.run(argv, capture_output=True, check=False, timeout=120, user="nobody",
                          group="nogroup", extra_groups=[], cwd="/")
    if done.returncode != 0:
        raise AssertionError(f"{argv}: {done.stdout.decode()} {done.stderr.decode()}")


class CheckServers(harness.LabTest):
    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        script = f"{lab.dir}/check.sh"
        cls.password_file = f"{lab.dir}/redis.password"
        # Service -> (its check, the program behind it).
        cls.checks = {
            "smtp": (check("smtp", port=25), "smtpd"),
            "ftp": (check("ftp", port=21), "vsftpd"),
            "imap": (check("imap", port=143), "dovecot"),
            "imaps": (check("imaps", port=993, **tls(lab)), "dovecot"),
            "pop3": (check("pop3", port=110), "dovecot"),
            "pop3s": (check("pop3s", port=995, **tls(lab)), "dovecot"),
            "redis": (check("redis", port=6379, password_file=cls.password_file), "redis"),
            "ldap": (check("ldap", port=389), "slapd"),
            "mysql": (check("mysql", port=3306), "mariadb"),
            "mysql-login": (check("mysql", port=3306, username="probe"), "mariadb"),
            "pgsql": (check("pgsql", port=5432), "postgres"),
            "pgsql-login": (check("pgsql", port=5432, username="postgres"), "postgres"),
            "dns": (check("dns", port=53, query="own.lab", expect_address=SERVER), "dnsmasq"),
            "http": (check("http", expect_status="200-299,304", expect_body="^s1\\n$", path="/",
                           headers=["X-Probe: ballast"]), "nginx"),
            "send-expect": (check("send_expect", port=6379, send="PING\\r\\n",
                                  expect="^-NOAUTH"), "redis"),
            "send-expect-tls": (check("send_expect", port=993, expect="^\\* OK", tls=True,
                                      **tls(lab)), "dovecot"),
            # A query for the address of own.lab, and its answer without an error.
            "udp": (check("udp", port=53, expect="^\\x12\\x34\\x85\\x80",
                          send="\\x12\\x34\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00"
                               "\\x03own\\x03lab\\x00\\x00\\x01\\x00\\x01"), "dnsmasq"),
            "script": (check("script", command=[script], dynamic_weight=True, user="nobody"), None),
            "agent": (check("tcp", port=22), None),
        }
        services = []
        for number, (name, (each, _)) in enumerate(cls.checks.items()):
            service = director.service(name, f"{NAT_VIP}:{8000 + number}", "nat", [], check=each,
                                       real_server=[{"address": RS, "weight": 10}])
            if name == "agent":
                service["check"] = {"type": "none"}
                service["agent"] = {"port": AGENT_PORT, "interval": "300ms", "timeout": "2s"}
            services.append(service)
        # The server's own address is asked for a service of another one's port.
        services.append(director.service(
            "elsewhere", f"{NAT_VIP}:8999", "nat", [],
            check=check("smtp", address=SERVER, port=25, connect_timeout="1s", retry=1,
                        retry_delay="50ms"),
            real_server=[{"address": "10.0.0.99:1", "weight": 1}]))
        return director.config(f"{lab.dir}/run", services)

    @staticmethod
    def ready(rs):
        return rs["up"]

    @classmethod
    def prepare(cls, lab):
        os.chmod(lab.dir, 0o755)  # for programs that do not run as root
        # Each check of a UDP port that is closed gets its ICMP error, not the first six of a busy time alone.
        lab.host("s1").sysctl("net.ipv4.icmp_ratelimit=0")
        cls.weight_file = write(f"{lab.dir}/weight", "0")
        write(f"{lab.dir}/check.sh", "#!/bin/sh\n"
              "test \"$BALLAST_RS\" = " + SERVER + " || exit 1\n"
              f"exit $(cat {lab.dir}/weight)\n", 0o755)
        write(cls.password_file, REDIS_PASSWORD + "\n", 0o600)
        programs = {
            "smtpd": (25, cls.smtpd(lab)),
            "vsftpd": (21, cls.vsftpd(lab)),
            "dovecot": (143, cls.dovecot(lab)),
            "redis": (6379, ["redis-server", "--port", "6379", "--bind", SERVER, "--save", "",
                             "--protected-mode", "no", "--requirepass", REDIS_PASSWORD]),
            "slapd": (389, cls.slapd(lab)),
            "mariadb": (3306, cls.mariadb(lab)),
            "postgres": (5432, cls.postgres(lab)),
        }
        cls.argv = {name: argv for name, (_, argv) in programs.items()}
        for name, (_, argv) in programs.items():
            lab.spawn(f"s1-{name}", "s1", argv)
        for name, (port, _) in programs.items():
            lab.wait_listening(f"s1-{name}", "s1", port)
        cls.agent_file = write(f"{lab.dir}/agent", "100%\n")
        lab.spawn("s1-agent", "s1", [harness.PYTHON, "-B", f"{harness.HERE}/peer.py", "tcp-file",
                                     str(AGENT_PORT), "--name", cls.agent_file])
        lab.wait_listening("s1-agent", "s1", AGENT_PORT)

    @staticmethod
    def directory(lab, name, user="root"):
        path = f"{lab.dir}/{name}"
        os.makedirs(path)
        if user != "root":
            subprocess.run(["chown", user, path], check=True)
        return path

    @classmethod
    def smtpd(cls, lab):
        conf = write(f"{lab.dir}/smtpd.conf", f"""\
listen on {SERVER} port 25 hostname mail.lab
action "local" mbox
match for local action "local"
""")
        # It asks for the client's name before it greets: of the dnsmasq beside it, which knows none.
        resolver = write(f"{lab.dir}/resolv.conf", f"nameserver {SERVER}\n")
        return ["unshare", "--mount", "sh", "-c",
                f"mount --bind {resolver} /etc/resolv.conf && exec smtpd -d -f {conf}"]

    @classmethod
    def vsftpd(cls, lab):
        conf = write(f"{lab.dir}/vsftpd.conf", "listen=YES\nbackground=NO\nseccomp_sandbox=NO\n"
                     "anonymous_enable=NO\nlocal_enable=YES\n"
                     f"secure_chroot_dir={cls.directory(lab, 'empty')}\n")
        return ["vsftpd", conf]

    @classmethod
    def dovecot(cls, lab):
        base = cls.directory(lab, "dovecot")
        conf = write(f"{lab.dir}/dovecot.conf", f"""\
base_dir = {base}
log_path = {lab.dir}/dovecot.log
protocols = imap pop3
ssl = yes
ssl_cert = <{lab.dir}/tls/cert.pem
ssl_key = <{lab.dir}/tls/key.pem
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/tmp
}}
""")
        return ["dovecot", "-F", "-c", conf]

    @classmethod
    def slapd(cls, lab):
        data = cls.directory(lab, "slapd")
        conf = write(f"{lab.dir}/slapd.conf", f"""\
include /etc/ldap/schema/core.schema
pidfile {data}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "dc=lab"
directory {data}
""")
        return ["slapd", "-d", "0", "-f", conf, "-h", f"ldap://{SERVER}:389/"]

    @classmethod
    def mariadb(cls, lab):
        data = cls.directory(lab, "mariadb", "nobody")
        # Without the tables that grant, any user may log in: nobody is made one for the test.
        return ["mariadbd", "--no-defaults", f"--datadir={data}", "--user=nobody",
                f"--socket={data}/socket", "--bind-address=0.0.0.0", "--port=3306",
                "--skip-grant-tables", "--skip-name-resolve", f"--pid-file={data}/pid",
                "--innodb-buffer-pool-size=16M"]

    @classmethod
    def postgres(cls, lab):
        data = cls.directory(lab, "pgsql", "nobody")
        prepare_as_nobody(f"{PGSQL}/initdb", "-D", f"{data}/db", "-U", "postgres", "-A",
                   "scram-sha-256", "--pwfile", cls.password_copy(data), "--no-sync")
        with open(f"{data}/db/pg_hba.conf", "a", encoding="utf-8") as out:
            out.write("host all all 0.0.0.0/0 scram-sha-256\n")
        return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups",
                f"{PGSQL}/postgres", "-D", f"{data}/db", "-k", data, "-h", SERVER, "-c",
                "fsync=off"]

    @classmethod
    def password_copy(cls, directory):
        path = write(f"{directory}/password", REDIS_PASSWORD + "\n")
        return path

    def result(self, service):
        return self.real_server(service, RS)["health"]["last_result"]

    def weight(self, service):
        return self.real_server(service, RS)["weight"]

    def test_each_is_up_with_its_own_text(self):
        for service, word in (("smtp", "L7OK/250"), ("ftp", "L7OK/220"), ("imaps", "L7OK"),
                              ("mysql-login", "MariaDB"), ("pgsql", "L7OK"),
                              ("dns", "L7OK/NOERROR"), ("http", "L7OK/200"),
                              ("script", "L7OK/0"), ("udp", "L7OK")):
            with self.subTest(service=service):
                self.assertIn(word, self.result(service))

    def test_scripts_and_agents_give_weights(self):
        write(self.weight_file, "7")
        self.wait(lambda: self.weight("script") == 5, "the script's weight")
        write(self.weight_file, "0")
        self.wait(lambda: self.weight("script") == 10, "the weight of the configuration")
        write(self.agent_file, "50%\n")
        self.wait(lambda: self.weight("agent") == 5, "the agent's share")
        write(self.agent_file, "maint\n")
        self.wait_server("agent", RS, up=False)
        write(self.agent_file, "ready 100%\n")
        self.wait_server("agent", RS, up=True)
        self.assertEqual(self.weight("agent"), 10)

    def test_a_wrong_password_is_seen(self):
        """By a reload, which reads the file."""
        write(self.password_file, "wrong\n", 0o600)
        self.lab.lbcli("reload")
        self.wait_server("redis", RS, up=False)
        self.assertIn("WRONGPASS", self.result("redis"))
        write(self.password_file, REDIS_PASSWORD + "\n", 0o600)
        self.lab.lbcli("reload")
        self.wait_server("redis", RS, up=True)

    def test_each_is_down_when_its_program_has_ended(self):
        for program in {program for _, program in self.checks.values() if program}:
            self.lab.processes[f"s1-{program}"].stop(timeout=20)
        for service, (_, program) in self.checks.items():
            if program:
                with self.subTest(service=service):
                    self.wait_server(service, RS, up=False)
                    self.assertRegex(self.result(service), "refused|unreachable|closed|reset")
        self.assertTrue(self.real_server("agent", RS)["up"])
        self.assertFalse(self.real_server("elsewhere", "10.0.0.99:1")["up"])


harness.main(__name__)

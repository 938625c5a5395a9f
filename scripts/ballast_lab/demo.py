"""What scripts/demo shows. Each step says what is expected and checks it."""

import collections
import os
import subprocess
import sys
import time

from ballast_lab import director
from ballast_lab.lab import Lab
from ballast_lab.processes import wait_until
from ballast_lab.stage import Stage, perform
from ballast_lab.topology import DR_VIP, NAT_VIP, server_address

REQUESTS = 200
SERVERS = 3


class Demo(Stage):
    def requests(self, client, vip, count=REQUESTS):
        """curl: (answers by real server, failed requests), a new connection for each request."""
        argv = self.lab.host(client).argv(
            "curl", "--silent", "--max-time", "30", "--header", "Connection: close",
            "--write-out", "%{stderr}%{http_code}\n", f"http://{vip}/?[1-{count}]")
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        good = done.stderr.split().count("200")
        return collections.Counter(done.stdout.split()), count - good

    def show_distribution(self, mode, vip):
        self.say(f"{mode}: {REQUESTS} requests by curl to http://{vip}/, weights 2, 1, 1")
        counts, failed = self.requests("c1", vip)
        for name in self.lab.network.servers:
            print(f"  {name}  {counts[name]:4}  {'#' * (counts[name] * 40 // REQUESTS)}")
        self.expect(failed == 0, f"no request failed (failed: {failed})")
        expected = {"s1": REQUESTS // 2, "s2": REQUESTS // 4, "s3": REQUESTS // 4}
        self.expect(all(abs(counts[name] - wanted) <= 2 for name, wanted in expected.items()),
                    "the real servers were asked in proportion to their weights")

    def show_connections(self):
        """A slow download holds a connection open in each mode."""
        self.say("Two slow downloads, as the director sees them")
        downloads = [subprocess.Popen(self.lab.host("c2").argv(
            "curl", "--silent", "--limit-rate", "200k", "--output", "/dev/null",
            f"http://{vip}/1m")) for vip in (NAT_VIP, DR_VIP)]
        try:
            wait_until(lambda: len(self.lab.connections("--state", "ESTABLISHED")) >= 2, 10,
                       "two established connections")
            self.lbcli("show", "conn", "--state", "ESTABLISHED")
        finally:
            for download in downloads:
                status = download.wait(timeout=30)
                self.expect(status == 0, "the download is complete")

    def up(self, name):
        address = f"{server_address(int(name[1:]))}:80"
        return [rs["up"] for rs in self.lab.real_servers()
                if rs["endpoint"] == address and rs["service"].startswith("web")]

    def show_death(self):
        self.say("nginx on s2 is killed; its health check (every 500 ms, 2 failures) takes it out")
        died = time.monotonic()
        self.lab.processes["s2-nginx"].kill()
        wait_until(lambda: not any(self.up("s2")), 10, "s2 to be taken out")
        print(f"  s2 is out after {time.monotonic() - died:.1f} s")
        self.lbcli("show", "service")
        for mode, vip in (("NAT", NAT_VIP), ("DR", DR_VIP)):
            counts, failed = self.requests("c1", vip)
            self.expect(failed == 0 and counts["s2"] == 0 and sum(counts.values()) == REQUESTS,
                        f"{mode}: {REQUESTS} requests since then, {failed} failed, "
                        f"{counts['s2']} went to s2")

        self.say("nginx on s2 starts again")
        self.lab.start_server("s2")
        wait_until(lambda: all(self.up("s2")), 10, "s2 to be taken in")
        counts, failed = self.requests("c1", NAT_VIP)
        self.expect(failed == 0 and counts["s2"] > 0,
                    f"s2 serves again: {counts['s2']} of {REQUESTS} requests")

    def show_udp(self):
        self.say(f"UDP: DNS queries by dig to {NAT_VIP}, in turn over the real servers")
        answers = [self.lab.host("c1").run("dig", f"@{NAT_VIP}", "server.lab", "TXT", "+short",
                                           "+tries=1").strip().strip('"') for _ in range(6)]
        print(f"  {' '.join(answers)}")
        self.expect(set(answers) == {"s1", "s2", "s3"}, "every real server answered")

    def run(self):
        services = director.default_services("both", SERVERS)
        config = director.config(f"{self.lab.dir}/run", services)
        self.say(f"A lab: 2 clients, a router, the director, {SERVERS} real servers "
                 f"(memory: {config['dataplane']['memory']})")
        self.lab.up(config)
        self.lbcli("show", "service")
        self.show_distribution("NAT", NAT_VIP)
        self.show_distribution("DR", DR_VIP)
        self.show_udp()
        self.show_connections()
        self.show_death()
        self.say("Packets dropped, by reason")
        self.lbcli("show", "drops")


if __name__ == "__main__":
    sys.exit(perform(lambda: Demo(Lab(f"demo{os.getpid()}", clients=2, server_count=SERVERS))))

"""Real servers: nginx and dnsmasq, each with a directory of its own in the lab's."""

import os
import random

from ballast_lab.netns import run
from ballast_lab.topology import server_address

TLS_NAME = "web.lab"  # in the servers' certificate
PAYLOADS = {"1k": 1_000, "100k": 100_000, "1m": 1_000_000}

_NGINX_CONF = """\
daemon off;
user root;
worker_processes 1;
worker_rlimit_nofile 65536;
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
events {{ worker_connections 16384; }}
http {{
  log_format lab '$remote_addr $server_addr $status $request_uri';
  access_log {dir}/access.log lab buffer=64k flush=1s;
  client_body_temp_path {dir}/tmp_body;
  proxy_temp_path {dir}/tmp_proxy;
  fastcgi_temp_path {dir}/tmp_fastcgi;
  uwsgi_temp_path {dir}/tmp_uwsgi;
  scgi_temp_path {dir}/tmp_scgi;
  default_type application/octet-stream;
  sendfile on;
  tcp_nodelay on;
  keepalive_requests 1000000;
  client_max_body_size 0;
  ssl_certificate {tls}/cert.pem;
  ssl_certificate_key {tls}/key.pem;
  server {{
    listen 80 backlog=4096;
    listen 443 ssl backlog=4096;
    root {payload};
    location = / {{ return 200 "{name}\\n"; }}
    location = /request {{
      default_type application/json;
      return 200 '{{"server": "{name}", "sender": "$remote_addr", "forwarded_for": "$http_x_forwarded_for", "cookie": "$http_cookie"}}\\n';
    }}
    location = /health {{
      if (-f {dir}/maintenance) {{ return 503; }}
      return 200 "ok\\n";
    }}
  }}
}}
"""


def make_payloads(directory):
    """Files with pseudo-random bytes that are the same in every lab."""
    os.makedirs(directory, exist_ok=True)
    for name, size in PAYLOADS.items():
        with open(os.path.join(directory, name), "wb") as out:
            out.write(payload(name))
            assert out.tell() == size


def payload(name):
    return random.Random(name).randbytes(PAYLOADS[name])


def make_big_payload(directory, name, size_bytes):
    """A large file that is cheap to make and to store: a random block in every 64 kB, holes between.
    Swapped, lost or repeated stretches change its checksum."""
    path = os.path.join(directory, name)
    block = random.Random(name).randbytes(4096)
    with open(path, "wb") as out:
        out.truncate(size_bytes)
        for offset in range(0, size_bytes - len(block) - 8, 65_536):
            out.seek(offset)
            out.write(offset.to_bytes(8, "big") + block)
    return path


def make_certificate(directory):
    """A self-signed certificate for TLS_NAME, which checks can take as their authority."""
    os.makedirs(directory, exist_ok=True)
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-days", "7", "-subj", f"/CN={TLS_NAME}", "-addext",
        f"subjectAltName=DNS:{TLS_NAME}", "-keyout", f"{directory}/key.pem", "-out",
        f"{directory}/cert.pem")


def nginx_argv(name, lab_dir):
    directory = os.path.join(lab_dir, name)
    os.makedirs(directory, exist_ok=True)
    conf = os.path.join(directory, "nginx.conf")
    with open(conf, "w", encoding="utf-8") as out:
        out.write(_NGINX_CONF.format(dir=directory, name=name, payload=f"{lab_dir}/payload",
                                     tls=f"{lab_dir}/tls"))
    return ["nginx", "-p", directory, "-c", conf, "-e", f"{directory}/error.log"]


def dnsmasq_argv(name, number, lab_dir):
    """A DNS server that returns its own name (TXT server.lab), a host's address and a large answer
    (TXT large.lab, several fragments)."""
    directory = os.path.join(lab_dir, name)
    os.makedirs(directory, exist_ok=True)
    large = [f"--txt-record=large.lab,{i:02d}{'x' * 240}" for i in range(16)]
    return ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
            "--user=root", f"--pid-file={directory}/dnsmasq.pid", "--edns-packet-max=8192",
            f"--txt-record=server.lab,{name}", f"--host-record=own.lab,{server_address(number)}",
            *large]

"""A pair of directors made from another load balancer's own files, as an operator would: `lbcli import`, then what
the files could not say."""

import json
import os
import subprocess
import tomllib

import harness
from ballast_lab import pair
from ballast_lab.topology import own_addresses

REFERENCE = f"{harness.HERE}/reference"
INTERFACES = {"wan": "eth0", "lan": "eth1"}  # of most files
MAIL_PORT = 25


def lbcli_import(lab, form, files, *options, check=True):
    """The completed process of `lbcli import ... --json`."""
    done = subprocess.run([lab.program("lbcli"), "import", form, *files, "--json", *options],
                          capture_output=True, text=True, timeout=60, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"lbcli import {form} {files}: {done.stderr}")
    return done


def known_options(name, interfaces):
    """What an operator knows of a director: its ports, and their addresses."""
    options = ["--ports", ",".join(f"{port}={interface}" for port, interface in interfaces.items())]
    for number, port in enumerate(interfaces):
        options += ["--device", f"{port}=net_af_packet{number},iface={port}0,framecnt=4096"]
    return options + own_options("--address", name, interfaces)


def own_options(option, name, interfaces):
    own = own_addresses(name)
    return [word for port in interfaces for word in (option, f"{port}={own[port]}/24")]


def imported(lab, form, files, name, interfaces=None):
    """One director of an import of a pair or of one director: its tables, and the notes."""
    interfaces = interfaces or INTERFACES
    options = known_options(name, interfaces)
    report = json.loads(lbcli_import(lab, form, files, *options).stdout)
    index = min(pair.DIRECTORS.index(name), len(report["directors"]) - 1)
    if index == 1:
        options += own_options("--peer-address", name, interfaces)
        report = json.loads(lbcli_import(lab, form, files, *options).stdout)
    result = report["directors"][index]
    return tomllib.loads(result["configuration"]), result["notes"]


def filled_in(lab, name, tables):
    """What no file of the origin says: CPUs and memory, where the lab is, the sync link."""
    basis = pair.configs(lab.dir, [])[name]
    tables["director"] = basis["director"]
    tables["dataplane"] = basis["dataplane"] | {
        key: value for key, value in tables["dataplane"].items() if key == "timeouts"}
    tables.setdefault("route", basis["route"])
    tables.setdefault("ha", {})["sync"] = basis["ha"]["sync"]
    return tables


def start_mail(lab, name):
    """A mail server on a director, as the files name it: 127.0.0.1:25. What it takes is in mails()."""
    folder = f"{lab.dir}/mail-{name}"
    os.mkdir(folder)
    with open(f"{folder}/mails", "w", encoding="utf-8"):
        pass
    lab.spawn(f"mail-{name}", name, [harness.PYTHON, "-B", f"{harness.HERE}/smtp_server.py", "--port",
                                     str(MAIL_PORT), "--store", f"{folder}/mails", "--mode", f"{folder}/mode"])
    lab.wait_listening(f"mail-{name}", name, MAIL_PORT)


def mails(lab, name):
    """The bodies that came, oldest first."""
    with open(f"{lab.dir}/mail-{name}/mails", encoding="utf-8") as file:
        return [json.loads(line)["body"] for line in file if line.endswith("\n")]


class ImportedPair(harness.HaTest):
    """FORMAT and FILES ({director: files}) say what is imported. The lab's servers are the origin's."""

    FORMAT = None
    FILES = None
    INTERFACES = INTERFACES

    @classmethod
    def configure(cls, lab):
        cls.notes = {}
        configs = {}
        for name in pair.DIRECTORS:
            files = [f"{REFERENCE}/{file}" for file in cls.FILES[name]]
            tables, cls.notes[name] = imported(lab, cls.FORMAT, files, name, cls.INTERFACES)
            configs[name] = cls.adapted(lab, name, filled_in(lab, name, tables))
        return configs

    @staticmethod
    def ready(rs):
        return (rs["up"] or rs["state"] == "not in use") and rs["next_hop_resolved"]

    @classmethod
    def adapted(cls, lab, name, tables):
        """What else this operator writes by hand."""
        return tables

    @classmethod
    def prepare(cls, lab):
        for name in pair.DIRECTORS:
            start_mail(lab, name)

    def notes_about(self, word, name="lb1"):
        return [note for note in self.notes[name] if word in note["keyword"]]

    def wait_mail(self, name, *words):
        self.wait(lambda: any(all(word in body for word in words) for body in mails(self.lab, name)),
                  f"a mail of {name} with {words}", timeout=30)

    def addresses(self, name):
        return self.host(name).ip("-4", "addr", "show")



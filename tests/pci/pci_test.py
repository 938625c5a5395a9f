"""What the tests in guests share: a guest per class, the table of nics.py as test cases."""

import os
import sys
import time
import unittest

sys.dont_write_bytecode = True
_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(_HERE, "..", "netns"))

import harness  # noqa: E402
import guest  # noqa: E402
import nics  # noqa: E402
from ballast_lab import director  # noqa: E402
from ballast_lab.errors import LabError  # noqa: E402
from ballast_lab.netns import CommandFailed  # noqa: E402
from behaviours import Behaviours, PEER, VLAN_SERVICE, prepare_peer, prepare_vlan  # noqa: E402
from guest_lab import GuestLab  # noqa: E402

AGENT = os.path.join(director.build_dir(), "tests", "pci", "guest-agent")
MISSING = guest.missing()  # why no guest can run here, or None

main = harness.main


def _ready(rs):
    """A port that is deaf to its VLAN must not keep the other behaviours from being tried."""
    return rs["service"] == VLAN_SERVICE or (rs["up"] and rs["next_hop_resolved"])


class PciTest(Behaviours, harness.LabTest):
    """A class of tests in one guest, with the pairs of NICs that KINDS names. Each behaviour of each
    kind is a test; one that is known to fail must fail."""

    KINDS = ()

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        for nic in cls.KINDS:
            for behaviour in nics.BEHAVIOURS:
                setattr(cls, f"test_{nic}_{behaviour}", cls._case(nic, behaviour))

    @staticmethod
    def _case(nic, behaviour):
        def case(self):
            began = time.monotonic()
            self.addCleanup(lambda: print(f"# {nic} {behaviour}: {time.monotonic() - began:.0f} s", flush=True))
            reason = nics.FAILS.get((nic, behaviour))
            if reason is None:
                self.attempt(nic, behaviour)
                return
            try:
                self.attempt(nic, behaviour)
            except (AssertionError, LabError, CommandFailed, TimeoutError) as error:
                print(f"# as expected, {reason}: {str(error).splitlines()[0]}", flush=True)
                return
            self.fail(f"{behaviour} works on {nic}, which nics.py says fails: {reason}")
        return case

    @classmethod
    def setUpClass(cls):
        if MISSING:
            raise unittest.SkipTest(MISSING)
        lab = GuestLab(f"t{os.getpid()}{cls.__name__.lower()}"[:24], AGENT, cls.KINDS)
        lab.ready = _ready
        lab.network.add_host(PEER)
        cls.lab = lab
        lab.up(lab.config(cls.services()), prepare=cls.prepare)

    @classmethod
    def prepare(cls, lab):
        prepare_vlan(lab)
        prepare_peer(lab)

    # What was dropped is asked for where it is of interest: each question to a guest takes a second.
    def setUp(self):
        self.allowed_drops = set()

    def tearDown(self):
        pass

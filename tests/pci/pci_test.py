"""What the tests in guests share."""

import os
import sys

sys.dont_write_bytecode = True
_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(_HERE, "..", "netns"))

import harness  # noqa: E402
import guest  # noqa: E402
from ballast_lab import director  # noqa: E402

AGENT = os.path.join(director.build_dir(), "tests", "pci", "guest-agent")
MISSING = guest.missing()  # why no guest can run here, or None

main = harness.main

"""A disk that hangs: a file system whose server never answers, as one process sees it."""

import subprocess

import harness

# Mounted on a folder until stdin ends: whoever opens a file there hangs.
_MOUNT = """
import ctypes, os, sys
server = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={server},rootmode=40000,user_id=0,group_id=0"
libc = ctypes.CDLL(None, use_errno=True)
if libc.mount(b"hung", sys.argv[1].encode(), b"fuse", 0, options.encode()) != 0:
    sys.exit(os.strerror(ctypes.get_errno()))
print("mounted", flush=True)
sys.stdin.read()
"""


def hang_disk(test, folder, process):
    """As this process sees the folder, until the end of the test: then whatever waits for it fails."""
    disk = subprocess.Popen(["nsenter", f"--mount=/proc/{process.pid}/ns/mnt", harness.PYTHON, "-c", _MOUNT, folder],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    test.addCleanup(disk.communicate, timeout=20)
    test.assertEqual(disk.stdout.readline(), b"mounted\n")

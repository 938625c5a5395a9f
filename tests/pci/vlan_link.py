#!/usr/bin/python3
"""A host's link to a VLAN of a bridge, where the kernel has no VLAN interfaces: two TAPs, one in the
switch's namespace, where frames have the tag, one in the host's, where they have not.

  vlan_link.py --id 20 --tagged NAMESPACE INTERFACE --plain NAMESPACE INTERFACE

Makes the interfaces; they are gone when it ends.
"""

import argparse
import fcntl
import os
import select
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts"))

from ballast_lab.netns import Namespace  # noqa: E402

_TUNSETIFF, _IFF_TAP, _IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
_ADDRESSES = 12  # bytes, before the tag
_TPID = 0x8100
_MAX_FRAME = 65_536


def open_tap(namespace, interface):
    with Namespace(namespace).inside():
        tap = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH", interface.encode(), _IFF_TAP | _IFF_NO_PI))
    return tap


def untagged(frame, vlan):
    """Without its tag; None when it has not this one."""
    if len(frame) < _ADDRESSES + 6:
        return None
    tpid, tci = struct.unpack_from("!HH", frame, _ADDRESSES)
    if tpid != _TPID or tci & 0xFFF != vlan:
        return None
    return frame[:_ADDRESSES] + frame[_ADDRESSES + 4:]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--id", type=int, required=True)
    parser.add_argument("--tagged", nargs=2, required=True)
    parser.add_argument("--plain", nargs=2, required=True)
    arguments = parser.parse_args()
    tagged, plain = open_tap(*arguments.tagged), open_tap(*arguments.plain)
    tag = struct.pack("!HH", _TPID, arguments.id)
    while True:
        for tap in select.select([tagged, plain], [], [])[0]:
            frame = os.read(tap, _MAX_FRAME)
            if tap == plain:
                frame, other = frame[:_ADDRESSES] + tag + frame[_ADDRESSES:], tagged
            else:
                frame, other = untagged(frame, arguments.id), plain
            if frame is None:
                continue
            try:
                os.write(other, frame)
            except OSError:
                pass  # the other interface is down


if __name__ == "__main__":
    main()

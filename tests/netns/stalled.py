"""A client of the control plane that asks for its whole state, again and again, and reads no answer."""

import contextlib
import socket
import struct

_REQUESTS = 200


def _field(number, payload):
    return bytes([number << 3 | 2, len(payload)]) + payload


def _frame(message):
    return struct.pack("!I", len(message)) + message


# Of controlplane/api/controlplane.proto: Hello { protocol (kProtocolVersion), program }, and StatusRequest { with_checks }.
_HELLO = b"\x08\x01" + _field(2, b"\x08\x04" + _field(2, b"stalled"))
_STATUS = b"\x08\x02" + _field(3, b"\x08\x01")


@contextlib.contextmanager
def status_reader(each):
    """Of this director; until the end of the block."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"{each.run_dir()}/controlplane.sock")
        client.sendall(_frame(_HELLO))
        if b"speaks protocol" in client.recv(4096):
            raise AssertionError("a Hello of another protocol")
        client.sendall(_frame(_STATUS) * _REQUESTS)
        yield

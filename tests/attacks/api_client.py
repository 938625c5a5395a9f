#!/usr/bin/python3
"""A hostile client of a daemon's local API. Prints what came of it.

  api_client.py silent SOCKET COUNT EXPECTED  opens connections, says nothing: how many were refused, when no more are;
                                              holds the others until stdin ends
  api_client.py pipeline SOCKET SECONDS       requests the whole state without a pause: how many answers came
  api_client.py frame SOCKET BYTES            a request of so many bytes: the answer
"""

import contextlib
import select
import socket
import struct
import sys
import time

PATIENCE_S, QUIET_S = 10, 0.5  # without a refusal: before as many as expected, and after that


def field(number, payload):
    return bytes([number << 3 | 2, len(payload)]) + payload


def frame(message):
    return struct.pack("!I", len(message)) + message


# Of controlplane/api/controlplane.proto: Hello { protocol (kProtocolVersion), program }, and StatusRequest { with_checks }.
HELLO = frame(b"\x08\x01" + field(2, b"\x08\x04" + field(2, b"hostile")))
STATUS = frame(b"\x08\x02" + field(3, b"\x08\x01"))


def connect(path):
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    return client


def silent(path, count, expected):
    waiting = {connect(path) for _ in range(count)}
    refused = 0
    while ready := select.select(list(waiting), [], [], PATIENCE_S if refused < expected else QUIET_S)[0]:
        for each in ready:
            waiting.remove(each)
            each.close()
            refused += 1
    print(refused, flush=True)
    sys.stdin.read()


def pipeline(path, seconds):
    """The answers' lengths tell where the next one begins."""
    client = connect(path)
    client.setblocking(False)
    until = time.monotonic() + seconds
    to_send, received, answers = HELLO, bytearray(), 0
    while (left := until - time.monotonic()) > 0:
        readable, writable, _ = select.select([client], [client], [], left)
        if writable:
            to_send = to_send or STATUS * 100
            to_send = to_send[client.send(to_send):]
        if readable:
            received += client.recv(1 << 20)
            while len(received) >= 4 and len(received) >= 4 + (size := struct.unpack("!I", received[:4])[0]):
                del received[:4 + size]
                answers += 1
        if not readable:
            time.sleep(0.001)
    print(answers)


def send_frame(path, size):
    client = connect(path)
    client.sendall(HELLO + struct.pack("!I", size))
    answer = b""
    # The answer may be there before all is sent, and is followed by a reset then.
    with contextlib.suppress(BrokenPipeError):
        client.sendall(bytes(min(size, 1 << 16)))
    with contextlib.suppress(ConnectionResetError):
        while part := client.recv(1 << 16):
            answer += part
    print(answer.decode(errors="replace"))


if __name__ == "__main__":
    {"silent": silent, "pipeline": pipeline, "frame": send_frame}[sys.argv[1]](sys.argv[2], *map(int, sys.argv[3:]))

"""One end of a TCP connection that carries as much as it can.

  bulk_peer.py serve ADDRESS PORT                 until it is killed; prints a line when it listens
  bulk_peer.py upload|download ADDRESS PORT SECONDS    prints Gbit/s
"""

import socket
import sys
import time

_BUFFER_BYTES = 262_144


def _serve(address):
    buffer = bytearray(_BUFFER_BYTES)
    with socket.create_server(address) as server:
        print("listening", flush=True)
        while True:
            connection = server.accept()[0]
            with connection:
                try:
                    # A greeting, as most protocols have: until then its packets are limited as a stranger's
                    # (docs/kernel-traffic.md).
                    connection.sendall(b"!")
                    if connection.recv(1) == b"u":
                        while connection.recv_into(buffer):
                            pass
                    else:
                        while True:
                            connection.sendall(buffer)
                except OSError:
                    pass  # the client has had enough


def _carry(direction, address, seconds):
    buffer = bytearray(_BUFFER_BYTES)
    with socket.create_connection(address, timeout=30) as connection:
        connection.recv(1)
        connection.sendall(direction[:1].encode())
        carried, began = 0, time.monotonic()
        while time.monotonic() < began + seconds:
            if direction == "upload":
                connection.sendall(buffer)
                carried += len(buffer)
            else:
                carried += connection.recv_into(buffer)
        return carried * 8 / 1e9 / (time.monotonic() - began)


def main():
    mode, address = sys.argv[1], (sys.argv[2], int(sys.argv[3]))
    if mode == "serve":
        _serve(address)
    print(_carry(mode, address, float(sys.argv[4])))


if __name__ == "__main__":
    main()

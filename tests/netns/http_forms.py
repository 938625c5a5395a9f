#!/usr/bin/python3
"""HTTP servers that answer in one form each, on ports from FIRST_PORT on. Runs on a host of the lab.

  http_forms.py CERTIFICATE KEY
"""

import collections
import fcntl
import socket
import ssl
import struct
import sys
import threading
import time

FIRST_PORT = 7001
_SIOCOUTQ = 0x5411  # Linux's, which the socket module lacks

# `end`: "close"; "reset", when all has arrived; "stay", until the client closes; "tls", closed without
# close_notify. `default` and `strict`: what the result of a check contains; `options` of the check.
Form = collections.namedtuple("Form", "name answer end default strict options", defaults=({},))

_OK = b"HTTP/1.1 200 OK\r\n"
_WHOLE = b"Content-Length: 2\r\n\r\nok"
_LONGER = b"Content-Length: 9\r\n\r\n"
_CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
_INTERIM = b"".join(b"HTTP/1.1 %d Wait\r\nLink: x\r\n\r\n" % status for status in (100, 102, 103, 103))
_GOOD = "L7OK/200"
_INVALID = "L7RSP invalid HTTP response"
_RESET = "L7RSP connection reset"
_IN_BODY = "L7RSP connection closed before the end of the body"
_IN_HEADER = "L7RSP connection closed before the end of the header"
_EXPECT = {"expect_body": "ok"}
_EXPECT_END = {"expect_body": "ok$"}

FORMS = [
    Form("no-reason", b"HTTP/1.1 200\r\n" + _WHOLE, "close", _GOOD, _INVALID),
    Form("blank-reason", b"HTTP/1.1 200 \r\n" + _WHOLE, "close", _GOOD, _GOOD),
    Form("bare-lf", b"HTTP/1.0 200 OK\nContent-Length: 2\n\nok", "close", _GOOD, _INVALID),
    Form("empty-lines", b"\r\n\r\n" + _OK + _WHOLE, "close", _GOOD, _INVALID),
    Form("interim", _INTERIM + _OK + _WHOLE, "close", _GOOD, _GOOD),
    Form("interim-503", _INTERIM + b"HTTP/1.1 503 Down\r\n" + _WHOLE, "close", "L7STS/503",
         "L7STS/503"),
    Form("no-length", b"HTTP/1.0 200 OK\r\n\r\nok", "close", _GOOD, _GOOD),
    Form("no-length-reset", _OK + b"\r\nok", "reset", _GOOD, _RESET),
    Form("whole-reset", _OK + _WHOLE, "reset", _GOOD, _GOOD),
    Form("header-reset", _OK + _LONGER, "reset", _GOOD, _RESET),
    Form("body-closed", _OK + _LONGER + b"ok", "close", _GOOD, _IN_BODY),
    Form("no-last-chunk", _OK + _CHUNKED + b"2\r\nok\r\n", "close", _GOOD, _IN_BODY),
    Form("503-closed", b"HTTP/1.1 503 Down\r\n" + _LONGER, "close", "L7STS/503", _IN_BODY),
    Form("text-found", _OK + _LONGER + b"is ok", "reset", _GOOD, _RESET, _EXPECT),
    Form("text-found-no-end", _OK + _LONGER + b"is ok", "reset", _RESET, _RESET, _EXPECT_END),
    Form("text-not-found", _OK + _LONGER + b"is no", "reset", _RESET, _RESET, _EXPECT),
    Form("header-closed", _OK + b"Serv", "close", _IN_HEADER, _IN_HEADER),
    Form("interim-closed", _INTERIM, "close", _IN_HEADER, _IN_HEADER),
    Form("long-header", _OK + b"X: y\r\n" * 5000, "close", "L7RSP response header over",
         "L7RSP response header over"),
    Form("body-hangs", _OK + _LONGER + b"ok", "stay", "L7TOUT", "L7TOUT", {"timeout": "500ms"}),
    Form("no-http", b"SSH-2.0-OpenSSH_9.2", "stay", _INVALID, _INVALID),
    Form("tls-no-notify", _OK + b"\r\nok", "tls", _GOOD, _IN_BODY,
         {"type": "https", "tls_verify": False}),
]


def read_request(connection):
    request = b""
    while not request.endswith(b"\r\n\r\n") and (data := connection.recv(4096)):
        request += data


def end(connection, how):
    if how == "reset":
        while struct.unpack("i", fcntl.ioctl(connection, _SIOCOUTQ, bytes(4)))[0]:
            time.sleep(0.001)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return
    if how == "close":
        connection.shutdown(socket.SHUT_WR)
    if how != "tls":
        while connection.recv(4096):
            pass


def serve(form, listener, context):
    while True:
        connection, _ = listener.accept()
        with connection:
            try:
                if form.end == "tls":
                    connection = context.wrap_socket(connection, server_side=True)
                read_request(connection)
                connection.sendall(form.answer)
                end(connection, form.end)
            except OSError:
                pass  # the check ended the connection
        connection.close()


def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    threads = []
    # The last port is open when all are.
    for port, form in enumerate(FORMS, FIRST_PORT):
        listener = socket.create_server(("", port), backlog=64)
        threads.append(threading.Thread(target=serve, args=(form, listener, context)))
    for thread in threads:
        thread.start()


if __name__ == "__main__":
    main()

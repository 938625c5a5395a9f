#!/usr/bin/python3
"""A mail server (aiosmtpd) that keeps what it takes as lines of JSON, and refuses what it is told.

  --mode FILE  read at every command: lines "RECIPIENT STATUS TEXT"; "*" is every recipient,
               "DATA" the mail
"""

import argparse
import asyncio
import email
import email.policy
import json
import os
import ssl

from aiosmtpd.smtp import SMTP, AuthResult


class Keeper:
    def __init__(self, arguments):
        self.arguments = arguments

    def refusal(self, *names):
        try:
            with open(self.arguments.mode, encoding="utf-8") as file:
                for line in file:
                    name, answer = line.strip().split(" ", 1)
                    if name in names:
                        return answer
        except FileNotFoundError:
            pass
        return None

    async def handle_RCPT(self, server, session, envelope, address, options):
        refused = self.refusal(address, "*")
        if refused is None:
            envelope.rcpt_tos.append(address)
        return refused or "250 OK"

    async def handle_DATA(self, server, session, envelope):
        refused = self.refusal("DATA")
        if refused:
            return refused
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        kept = {"from": envelope.mail_from, "to": envelope.rcpt_tos,
                "headers": {key: str(value) for key, value in message.items()},
                "body": message.get_content(),
                "tls": session.ssl is not None or self.arguments.tls == "tls",
                "authenticated": bool(session.authenticated)}
        with open(self.arguments.store, "a", encoding="utf-8") as out:
            out.write(json.dumps(kept) + "\n")
            out.flush()
            os.fsync(out.fileno())
        return "250 taken"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--store", required=True)
    parser.add_argument("--mode", required=True)
    parser.add_argument("--tls", choices=("none", "starttls", "tls"), default="none")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--login", help="USER:PASSWORD that everybody must give")
    arguments = parser.parse_args()

    context = None
    if arguments.tls != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.certificate, arguments.key)
    keeper = Keeper(arguments)

    def authenticator(server, session, envelope, mechanism, data):
        good = f"{data.login.decode()}:{data.password.decode()}" == arguments.login
        return AuthResult(success=good, handled=good)

    # Without a login there is none to offer.
    clear_login = arguments.login is not None and arguments.tls == "tls"
    starttls = arguments.tls == "starttls"

    def factory():
        return SMTP(keeper, hostname="mail.lab", tls_context=context if starttls else None,
                    require_starttls=starttls, auth_required=arguments.login is not None,
                    auth_require_tls=not clear_login, authenticator=authenticator)

    async def serve():
        server = await asyncio.get_running_loop().create_server(
            factory, "127.0.0.1", arguments.port, ssl=context if arguments.tls == "tls" else None)
        await server.serve_forever()

    asyncio.run(serve())


if __name__ == "__main__":
    main()

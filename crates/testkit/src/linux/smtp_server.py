"""A real SMTP server for tests: keeps what it takes, and misbehaves as its rules say.

Arguments: a folder and a port. The folder holds `options.json`, and gets `mails.jsonl` (what was taken,
with its bytes), `seen.jsonl` (each command that mattered) and reads `rules.jsonl` at each step: rules
that say at which step ("mail", "rcpt", "data") for whom ("to", or nobody in particular), how often
("times") it answers what ("do": an answer, "close", or "slow").
"""

import asyncio
import base64
import json
import ssl
import sys
from email import message_from_bytes, policy
from pathlib import Path

from aiosmtpd.smtp import AuthResult, LoginPassword, SMTP

FOLDER, PORT = Path(sys.argv[1]), int(sys.argv[2])
OPTIONS = json.loads((FOLDER / "options.json").read_text())
USED = {}


def note(file, **what):
    with (FOLDER / file).open("a") as out:
        out.write(json.dumps(what) + "\n")


def rule(at, to=None):
    """What to do at this step; None to do it right."""
    path = FOLDER / "rules.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    for number, line in enumerate(lines):
        it = json.loads(line)
        if it["at"] == at and it["to"] in (None, to) and USED.get(number, 0) < it["times"]:
            USED[number] = USED.get(number, 0) + 1
            return it["do"]
    return None


class Server(SMTP):
    async def misbehave(self, what):
        """True where the client was answered already."""
        if what is None:
            return False
        if what == "close":
            self.transport.close()
        elif what == "slow":
            await asyncio.sleep(3600)
        else:
            await self.push(what)
        return True

    async def smtp_MAIL(self, arg):
        note("seen.jsonl", step="mail", tls=self.is_protected())
        if not await self.misbehave(rule("mail")):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg):
        to = arg.split("<")[1].split(">")[0]
        note("seen.jsonl", step="rcpt", to=to)
        if not await self.misbehave(rule("rcpt", to)):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg):
        what = rule("data", self.envelope.rcpt_tos[0])
        if what == "close":
            # In the middle: after the first line of the mail.
            await self.push("354 go on")
            await self._reader.readline()
            note("seen.jsonl", step="closed")
        if not await self.misbehave(what):
            await super().smtp_DATA(arg)

    async def smtp_AUTH(self, arg):
        note("seen.jsonl", step="auth", tls=self.is_protected())
        await super().smtp_AUTH(arg)

    def is_protected(self):
        return self.transport.get_extra_info("ssl_object") is not None


class Handler:
    async def handle_DATA(self, server, session, envelope):
        mail = message_from_bytes(envelope.original_content, policy=policy.default)
        parts = {part.get_content_type(): part.get_content().replace("\r\n", "\n") for part in mail.walk() if not part.is_multipart()}
        note(
            "mails.jsonl",
            sender=envelope.mail_from,
            to=envelope.rcpt_tos,
            raw=base64.b64encode(envelope.original_content).decode(),
            headers=[[name, str(value)] for name, value in mail.items()],
            text=parts.get("text/plain", ""),
            html=parts.get("text/html", ""),
            parts=[part.get_content_type() for part in mail.walk()],
            tls=server.is_protected(),
        )
        return "250 2.0.0 kept"


def authenticate(server, session, envelope, mechanism, data):
    wanted = [part.encode() for part in OPTIONS["login"]]
    fits = isinstance(data, LoginPassword) and [data.login, data.password] == wanted
    return AuthResult(success=fits, handled=False)


async def serve():
    tls = None
    if OPTIONS["security"] != "clear":
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(FOLDER / "certificate.pem", FOLDER / "key.pem")
    starts = OPTIONS["security"] == "starttls"

    def made():
        return Server(
            Handler(),
            hostname="mail.test",
            tls_context=tls if starts else None,
            require_starttls=starts,
            authenticator=authenticate if OPTIONS["login"] else None,
            auth_required=bool(OPTIONS["login"]),
            auth_require_tls=starts,
            auth_exclude_mechanism=[] if OPTIONS["login"] else ["PLAIN", "LOGIN"],
        )

    server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", PORT, ssl=None if starts else tls)
    async with server:
        await server.serve_forever()


asyncio.run(serve())

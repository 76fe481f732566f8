"""Somebody else's program that is told of events: a real HTTP server on loopback whose answers are scripted."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from debrief.addresses import Address
from storage import webhooks
from storage.accounts import Account
from storage.engine import Database
from storage.webhook_outbox import Rules, claim_due, end_attempt
from storage.webhooks import Webhook
from tasks.webhook_posting import Poster

LOOPBACK = ("127.0.0.0/8",)
QUICK = Rules(lease_s=60, attempts=3, first_wait_s=0.01, disable_after=timedelta(days=5))
CERTIFICATE = Path(__file__).with_name("hooks_example.pem")
"""Of hooks.example, signed by itself; its key protects nothing."""
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Plain HTTP on loopback: nobody need read those of the world first, which takes 0.1 s."""
Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True)
class Arrived:
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        return json.loads(self.body)

    def is_signed_with(self, secret: str) -> bool:
        """As Standard Webhooks tells a receiver to look."""
        signed = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        key = base64.b64decode(secret.removeprefix("whsec_"))
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        is_fresh = abs(time.time() - int(self.headers["webhook-timestamp"])) < 300
        return is_fresh and f"v1,{expected}" in self.headers["webhook-signature"].split(" ")


@dataclass
class Receiver:
    """`answers` are used up in turn; then, and without any, it says 204."""

    url: str = ""
    arrived: list[Arrived] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    def take(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["content-length"]))
        self.arrived.append(Arrived({name.lower(): value for name, value in request.headers.items()}, body))
        (self.answers.pop(0) if self.answers else say(204))(request)


class Names:
    """A resolver with one name, and how often it was asked."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = [ip_address(address) for address in addresses]
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[Address]:
        self.asked.append(host)
        return self.addresses


def say(status: int, **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()

    return answer


def stall(receiver: Receiver) -> Answer:
    """Take the request and say nothing until the test is over."""
    return lambda _: void(receiver.over.wait())


def talk_without_end(receiver: Receiver) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        say(200)(request)
        while not receiver.over.is_set():
            request.wfile.write(b"x" * 65536)

    return answer


def hang_up(request: BaseHTTPRequestHandler) -> None:
    request.connection.close()


def void(_: object) -> None: ...


@contextmanager
def receiving(*, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name is http.server's
            self.close_connection = True
            receiver.take(self)

        def log_message(self, format: str, *args: object) -> None: ...

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """The sender hung up on what would not end: meant."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="receiver", daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def make_hook(db: Database, admin: Account, url: str, *events: str) -> tuple[Webhook, str]:
    return webhooks.make_webhook(db, admin, url, events or ("feedback.approved",), LOOPBACK)


def deliver_once(db: Database, rules: Rules = QUICK, *, poster: Poster | None = None) -> int:
    """What a worker does at one look: take what is due, send it, write down what came of it; gives how many."""
    poster = poster or Poster(LOOPBACK, 20, trust=NO_CERTIFICATES)

    async def deliver() -> int:
        claims = claim_due(db, rules)
        for claimed, ended in zip(claims, await asyncio.gather(*map(poster.post, claims)), strict=True):
            end_attempt(db, claimed, ended, rules)
        return len(claims)

    return asyncio.run(deliver())


def deliver_all(db: Database, rules: Rules = QUICK, *, poster: Poster | None = None) -> None:
    """Look again until nothing waits."""
    deadline = time.monotonic() + 60
    while any(hook.waiting for hook in webhooks.list_webhooks(db)):
        deliver_once(db, rules, poster=poster)
        assert time.monotonic() < deadline, "something still waits"

"""What protects the process and its people from requests: sizes, rates, foreign sites, Gradio's open doors.

All of it is pure ASGI and applies to our own routes and to every mounted Gradio app alike. Nothing here knows what a
conversation is; who owns what is asked in `storage`.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from debrief.errors import DebriefError, InputRejected, NotAllowed, NotFound, TooBusy
from debrief.settings import Settings
from webapp.refusals import header, refuse

log = logging.getLogger(__name__)

CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
NESTING_LIMIT = 40
"""Of brackets in a JSON body. Gradio's events use about ten; Python's own parsers give up near a thousand."""
DRAIN_BYTES = 64 * 1024 * 1024
DRAIN_S = 10.0
"""How much and how long an oversized body is read and thrown away, so that its sender can read our answer."""
REQUESTS_PER_MINUTE = 600
"""Requests that change something, per address: room for an office behind one address, not for a flood."""

PRIVATE_NETWORKS = "127.0.0.0/8, ::1, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7"
"""Where a Space's own proxy sits; nothing else reaches the container."""

GRADIO_DOORS: dict[str, str] = {
    "queue/join": "how a page starts an event",
    "queue/data": "how a page hears of its event",
    "run": "how a page starts an event that skips the queue; by name, `webapp.gradio_events` knows which",
    "call": "the plain endpoint of a public event, for gradio_client and curl; no other answers",
    "info": "gradio_client reads the list of endpoints",
    "theme.css": "the theme",
    "app_id": "a page asks after a lost connection whether the server is a new one",
}
"""Gradio's routes below `/gradio_api/` that stay open, with the reason. Every other is answered with 404: `cancel`,
`reset`, `heartbeat` and `stream` act on a session hash that its sender chose, without asking whose it is; `upload`,
`file=`, `proxy=`, `stream`, `process_recording` move files that no page of ours has; `component_server` runs methods
of components; `runs`, `run-history`, `deep_link` keep what people typed; `monitoring`, `profiling`, `vibe-*`, `dev`
and `token` are for developers; `call/v2` is `call` with named values."""

FORWARDED = frozenset(
    {b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-for", b"x-forwarded-port", b"x-gradio-server"}
)
PATH_MAX_BYTES = 1024
PATH_PART_MAX_BYTES = 200
"""Longer names cannot be a file's: Gradio's file routes ask the system for them and answer its refusal with 500."""

_GRADIO_PATH = re.compile(r"(?:^|/)gradio_api(?:/|$)(.*)", re.DOTALL)
_CLOSED_PAGES = re.compile(r"(?:^|/)(?:monitoring(?:/.*)?|svelte/.*|proxy=.*|file=.*|file/.*)/?$", re.DOTALL)
"""Gradio's own pages outside `/gradio_api/` that we do not use."""


class LastGuard:
    """Answers what nobody else caught: logs it with an id and shows the id."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_started = False

        async def watched_send(message: Any) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except Exception:
            incident = secrets.token_hex(4)
            log.exception("request_failed incident=%s path=%r", incident, scope["path"], extra={"incident": incident})
            if has_started:
                raise
            await refuse(scope, send, DebriefError("unexpected", id=incident))


class TrustedProxies:
    """Believes X-Forwarded-Proto, -For and -Host when they come from an address that the operator named.

    Nobody behind this layer sees these headers: Gradio believes them from everybody and writes the host that they
    name into its page, from where a cache between us would hand it to others.
    """

    def __init__(self, app: Any, *, trusted: str) -> None:
        self._app = app
        self._networks = [ip_network(part.strip(), strict=False) for part in trusted.split(",") if part.strip()]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            if self._is_trusted(_peer(scope)):
                self._rewrite(scope)
            scope["headers"] = [(name, value) for name, value in scope["headers"] if name not in FORWARDED]
        await self._app(scope, receive, send)

    def _rewrite(self, scope: Any) -> None:
        scheme = header(scope, b"x-forwarded-proto")
        if scheme in ("http", "https"):
            scope["scheme"] = scheme
        chain = [part.strip() for part in (header(scope, b"x-forwarded-for") or "").split(",") if part.strip()]
        outside = next((address for address in reversed(chain) if not self._is_trusted(address)), None)
        if outside is not None:
            scope["client"] = (outside, 0)
        host = header(scope, b"x-forwarded-host")
        if host:
            rest = [(name, value) for name, value in scope["headers"] if name != b"host"]
            scope["headers"] = [*rest, (b"host", host.encode("latin-1"))]

    def _is_trusted(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._networks)


class SecurityHeaders:
    """Puts the protective headers on every response that has none of its own by that name."""

    def __init__(self, app: Any, *, on_space: bool) -> None:
        self._app = app
        self._headers = security_headers(on_space=on_space)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                extra = [(name, value) for name, value in self._headers if name not in given]
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def content_security_policy(*, on_space: bool) -> str:
    """What a page may load and who may frame it.

    Gradio 6.31 needs inline scripts (its configuration), inline styles, and `eval`: without it the page stays at
    "Loading...". Nothing may come from or go to another site, so an image's address in a model's text fetches nothing.
    """
    framers = "'self' https://huggingface.co https://*.huggingface.co https://*.hf.space" if on_space else "'self'"
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "media-src 'self' data: blob:",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            f"frame-ancestors {framers}",
        )
    )


def security_headers(*, on_space: bool) -> list[tuple[bytes, bytes]]:
    headers = [
        (b"content-security-policy", content_security_policy(on_space=on_space).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"same-origin"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
    ]
    if not on_space:
        headers.append((b"x-frame-options", b"SAMEORIGIN"))
    return headers


class OwnOriginOnly:
    """Refuses a changing request that another site's page sent. Programs send no Origin and pass."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["method"] in CHANGING and not _is_own_origin(scope):
            await refuse(scope, send, NotAllowed("wrong_origin"))
            return
        await self._app(scope, receive, send)


def _is_own_origin(scope: Any) -> bool:
    origin = header(scope, b"origin")
    if origin is None:
        return header(scope, b"sec-fetch-site") != "cross-site"
    host = header(scope, b"host") or ""
    try:
        theirs, ours = urlsplit(origin), urlsplit(f"//{host}")
        default = {"http": 80, "https": 443}.get(theirs.scheme)
        if default is None or not theirs.hostname:
            return False
        return (theirs.hostname, theirs.port or default) == (ours.hostname, ours.port or default)
    except ValueError:
        return False


class GradioDoors:
    """Closes the routes of mounted Gradio apps that the pages do not need (`GRADIO_DOORS`)."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] == "http" and not is_open_door(scope["path"]):
            await refuse(scope, send, NotFound("no_such_door"))
            return
        await self._app(scope, receive, send)


def is_open_door(path: str) -> bool:
    """Whether a path may reach the Gradio apps or our own routes."""
    if len(path.encode("utf-8", "surrogatepass")) > PATH_MAX_BYTES or any(
        len(part.encode("utf-8", "surrogatepass")) > PATH_PART_MAX_BYTES for part in path.split("/")
    ):
        return False
    found = _GRADIO_PATH.search(path)
    if found is None:
        return not _CLOSED_PAGES.search(path)
    rest = found.group(1).strip("/")
    first = rest.partition("/")[0]
    if first == "queue":
        return rest in GRADIO_DOORS
    if first in ("run", "call"):
        return "/" in rest and not rest.startswith("call/v2/")
    return rest in GRADIO_DOORS


class BodyLimit:
    """Reads a body before anybody parses it: counts its bytes, chunked or not, and the depth of its JSON.

    What passes is small, so it is handed on in one piece.
    """

    def __init__(self, app: Any, *, limit_bytes: int) -> None:
        self._app = app
        self._limit = limit_bytes

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not _may_have_body(scope):
            await self._app(scope, receive, send)
            return
        body = await self._read(receive)
        if body is None:
            too_large = InputRejected("body_too_large", limit=self._limit // 1024)
            await refuse(scope, send, too_large, 413, [(b"connection", b"close")])
            return
        if nesting(body) > NESTING_LIMIT:
            await refuse(scope, send, InputRejected("too_deep"))
            return
        is_given = False

        async def receive_again() -> Any:
            nonlocal is_given
            if is_given:
                return await receive()
            is_given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, receive_again, send)

    async def _read(self, receive: Any) -> bytes | None:
        """The whole body, or None when it is too large (the rest is then thrown away, within limits)."""
        chunks: list[bytes] = []
        size = 0
        deadline: float | None = None
        while True:
            message = await _receive_until(receive, deadline)
            if message is None or message["type"] == "http.disconnect":
                return None if size > self._limit else b"".join(chunks)
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size <= self._limit:
                chunks.append(chunk)
            elif deadline is None:
                chunks.clear()
                deadline = time.monotonic() + DRAIN_S
            if not message.get("more_body", False) or size > DRAIN_BYTES:
                return None if size > self._limit else b"".join(chunks)


async def _receive_until(receive: Callable[[], Any], deadline: float | None) -> Any:
    if deadline is None:
        return await receive()
    try:
        async with asyncio.timeout(max(0, deadline - time.monotonic())):
            return await receive()
    except TimeoutError:
        return None


def _may_have_body(scope: Any) -> bool:
    if scope["method"] in CHANGING:
        return True
    return header(scope, b"content-length") not in (None, "0") or header(scope, b"transfer-encoding") is not None


_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def nesting(body: bytes) -> int:
    """How deep the brackets of a JSON text go; brackets within strings do not count."""
    deepest = depth = 0
    for byte in _STRINGS.sub(b"", body).translate(None, _NOT_BRACKETS):
        depth += 1 if byte in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


class TokenBuckets:
    """So many a minute per key, with a burst of the same size. Forgets the keys that were quiet longest."""

    def __init__(self, per_minute: int, *, keys: int = 20_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._keys = keys
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, key: str) -> float:
        """Take one: 0 when there was one, else the seconds until there is."""
        now = self._clock()
        tokens, at = self._buckets.pop(key, (float(self._per_minute), now))
        tokens = min(float(self._per_minute), tokens + (now - at) * self._per_minute / 60)
        wait = 0.0 if tokens >= 1 else (1 - tokens) * 60 / self._per_minute
        self._buckets[key] = (tokens if wait else tokens - 1, now)
        if len(self._buckets) > self._keys:
            self._buckets.popitem(last=False)
        return wait


class RateLimits:
    """The limits in force. `off` in the settings lets everything pass, for tests and benchmarks."""

    def __init__(self, settings: Settings) -> None:
        self._is_on = settings.rate_limit == "on"
        self._messages_per_minute = settings.messages_per_minute
        self._messages = TokenBuckets(settings.messages_per_minute)
        self._requests = TokenBuckets(REQUESTS_PER_MINUTE)

    def check_message(self, visitor_id: str) -> None:
        """Count a message of this visitor.

        Raises:
            TooBusy: more than the limit; says how long to wait.
        """
        wait = self._messages.wait_s(visitor_id) if self._is_on else 0.0
        if wait:
            limit = self._messages_per_minute
            raise TooBusy("too_many_messages", retry_after_s=wait, limit=limit, wait_s=math.ceil(wait))

    def check_request(self, address: str) -> None:
        """Count a changing request from this address.

        Raises:
            TooBusy: more than the limit.
        """
        wait = self._requests.wait_s(address) if self._is_on else 0.0
        if wait:
            raise TooBusy("too_many_requests", retry_after_s=wait, wait_s=math.ceil(wait))


class AddressLimit:
    """Holds back an address that sends changing requests faster than people do."""

    def __init__(self, app: Any, *, limits: RateLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["method"] in CHANGING:
            try:
                self._limits.check_request(client_address(scope))
            except TooBusy as error:
                await refuse(scope, send, error)
                return
        await self._app(scope, receive, send)


def client_address(scope: Any) -> str:
    """The address that a request came from, as far as we believe it; IPv6 by its /64, which one person holds."""
    address = _peer(scope)
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6 and parsed.ipv4_mapped is None and not parsed.is_loopback:
        return str(ip_network((parsed, 64), strict=False).network_address)
    return address


def _peer(scope: Any) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""

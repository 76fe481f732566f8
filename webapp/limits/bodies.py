"""How large, how deep and how slow a request's body may be."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import Any

from debrief.errors import InputRejected
from webapp.limits import CHANGING
from webapp.refusals import header, refuse

NESTING_LIMIT = 40
"""Of brackets in a JSON body. Gradio's events use about ten; Python's own parsers give up near a thousand."""
DRAIN_BYTES = 64 * 1024 * 1024
DRAIN_S = 10.0
"""How much and how long an oversized body is read and thrown away, so that its sender can read our answer."""


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

"""How large, how deep and how slow a request's body may be."""

from __future__ import annotations

import asyncio
import json
import math
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from debrief.errors import InputRejected
from webapp.limits import CHANGING
from webapp.refusals import header, refuse

NESTING_LIMIT = 40
"""Of brackets in a JSON body. Gradio's events use about ten; Python's own parsers give up near a thousand."""
SAFE_INTEGER = 2**53 - 1
"""The largest that JavaScript can say exactly; SQLite takes no more than 2**63 - 1."""
NUMBER_MAX_DIGITS = 20
LARGE_BYTES = 256 * 1024
"""Above this a body is looked through in a thread: the others' streams go on meanwhile."""
DRAIN_BYTES = 64 * 1024 * 1024
DRAIN_S = 10.0
"""How much and how long an oversized body is read and thrown away, so that its sender can read our answer."""


def replay(body: bytes, receive: Any) -> Any:
    """A receiver that gives this body once, then what the server's own says: that the browser has gone."""
    is_given = False

    async def receive_again() -> Any:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


class BodyLimit:
    """Reads a body before anybody parses it: how long it takes to come, its bytes, chunked or not, and its JSON.

    What passes is small, so it is handed on in one piece.
    """

    def __init__(
        self, app: Any, *, limit_bytes: int, timeout_s: float, larger: Mapping[str, int] | None = None
    ) -> None:
        """`larger`: the limits of single paths that take more."""
        self._app = app
        self._limit = limit_bytes
        self._larger = larger or {}
        self._timeout_s = timeout_s

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not _may_have_body(scope):
            await self._app(scope, receive, send)
            return
        try:
            if (header(scope, b"content-encoding") or "identity").strip().lower() != "identity":
                raise _Refused(415, InputRejected("encoded_body"))
            limit = self._larger.get(scope["path"], self._limit)
            body = await self._read(receive, limit)
            if len(body) > LARGE_BYTES:
                await asyncio.to_thread(check_json, scope, body)
            else:
                check_json(scope, body)
        except _Refused as refused:
            await refuse(scope, send, refused.error, refused.status, [(b"connection", b"close")])
            return
        except InputRejected as error:
            await refuse(scope, send, error)
            return
        except _SenderLeft:
            return
        await self._app(scope, replay(body, receive), send)

    async def _read(self, receive: Any, limit: int) -> bytes:
        """The whole body.

        Raises:
            _Refused: too large (the rest is then thrown away, within limits) or too slow.
            _SenderLeft: before all of it had come; half a request is none.
        """
        chunks: list[bytes] = []
        size = 0
        deadline = time.monotonic() + self._timeout_s
        too_large = _Refused(413, InputRejected("body_too_large", limit=limit // 1024))
        while True:
            message = await _receive_until(receive, deadline)
            if message is None:
                raise too_large if size > limit else _Refused(408, InputRejected("body_too_slow"))
            if message["type"] == "http.disconnect":
                raise _SenderLeft
            chunk: bytes = message.get("body", b"")
            if size <= limit < size + len(chunk):
                chunks.clear()
                deadline = time.monotonic() + DRAIN_S
            size += len(chunk)
            if size <= limit:
                chunks.append(chunk)
            if not message.get("more_body", False) or size > DRAIN_BYTES:
                if size > limit:
                    raise too_large
                return b"".join(chunks)


class _Refused(Exception):
    """With this status, and the connection is closed: the rest of the body may still be on its way."""

    def __init__(self, status: int, error: InputRejected) -> None:
        super().__init__()
        self.status = status
        self.error = error


class _SenderLeft(Exception):
    pass


async def _receive_until(receive: Callable[[], Any], deadline: float) -> Any:
    try:
        async with asyncio.timeout(max(0, deadline - time.monotonic())):
            return await receive()
    except TimeoutError:
        return None


def _may_have_body(scope: Any) -> bool:
    if scope["method"] in CHANGING:
        return True
    return header(scope, b"content-length") not in (None, "0") or header(scope, b"transfer-encoding") is not None


def check_json(scope: Any, body: bytes) -> None:
    """Refuse JSON that would be read in more than one way, or by some readers not at all.

    Raises:
        InputRejected: nested too deeply, a key twice, NaN or Infinity, a number that no reader keeps exactly.
    """
    if nesting(body) > NESTING_LIMIT:
        raise InputRejected("too_deep")
    if not body or "json" not in (header(scope, b"content-type") or "").lower():
        return
    try:
        json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_once,
            parse_constant=_no_constant,
            parse_int=_safe,
            parse_float=_finite,
        )
    except UnicodeDecodeError as error:
        raise InputRejected(reason="the body is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise InputRejected(reason=f"the body is not JSON ({error.msg}, at character {error.pos})") from error


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise InputRejected(reason="a key stands twice in one JSON object")
    return found


def _no_constant(name: str) -> object:
    raise InputRejected(reason=f"{name} is not a number of JSON")


def _safe(digits: str) -> int:
    if len(digits) > NUMBER_MAX_DIGITS or abs(int(digits)) > SAFE_INTEGER:
        raise InputRejected(reason="a number is too large")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise InputRejected(reason="a number is too large")
    return number


_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def nesting(body: bytes) -> int:
    """How deep the brackets of a JSON text go; brackets within strings do not count."""
    deepest = depth = 0
    for byte in _STRINGS.sub(b"", body).translate(None, _NOT_BRACKETS):
        depth += 1 if byte in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest

"""How a failure is said over HTTP: `{code, message}` in the reader's language, with Retry-After where waiting helps."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import orjson

from debrief.errors import DebriefError, FieldRejected
from debrief.texts import pick_language

Scope = dict[str, Any]
Header = tuple[bytes, bytes]


def header(scope: Any, name: bytes) -> str | None:
    """A request header's first value, or None."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)


def reader_language(scope: Any) -> str:
    """The language of the person who will read the response."""
    return pick_language(header(scope, b"accept-language"))


def error_body(scope: Any, error: DebriefError) -> dict[str, str]:
    """What the response to this request says. Its code is noted for `refusal_code`."""
    scope.setdefault("state", {})["refusal_code"] = error.reason
    said = {"code": error.reason, "message": error.sentence(reader_language(scope))}
    return said | {"where": error.where} if isinstance(error, FieldRejected) else said


def refusal_code(scope: Any) -> str | None:
    """The code of the error that a request was answered with, if it was."""
    return scope.get("state", {}).get("refusal_code")


def error_headers(error: DebriefError) -> list[Header]:
    if error.retry_after_s is None:
        return []
    return [(b"retry-after", str(max(1, math.ceil(error.retry_after_s))).encode())]


async def refuse(
    scope: Any, send: Any, error: DebriefError, status: int | None = None, extra_headers: Iterable[Header] = ()
) -> None:
    """Answer a request with an error from within a middleware."""
    body = orjson.dumps(error_body(scope, error))
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *error_headers(error),
        *extra_headers,
    ]
    await send({"type": "http.response.start", "status": status or error.http_status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

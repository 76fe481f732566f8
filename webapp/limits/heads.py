"""How large the head of a request may be: its address and its headers."""

from __future__ import annotations

from typing import Any

from debrief.errors import InputRejected
from webapp.refusals import refuse

ADDRESS_MAX_BYTES = 8192
"""Of path and query. No page of ours has more than a few hundred."""
HEADERS_MAX = 100
HEADERS_MAX_BYTES = 32_768
"""Names and values, cookies among them; browsers keep 4 kB a cookie, and other programs on the same name add theirs."""


class HeadLimit:
    """Answers 414 and 431 to what is larger; what is larger still never gets here (`webapp.connections`)."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            if len(scope["raw_path"]) + len(scope["query_string"]) > ADDRESS_MAX_BYTES:
                await refuse(scope, send, InputRejected("address_too_long"), 414, [(b"connection", b"close")])
                return
            headers: list[tuple[bytes, bytes]] = scope["headers"]
            if len(headers) > HEADERS_MAX or sum(len(n) + len(v) for n, v in headers) > HEADERS_MAX_BYTES:
                await refuse(scope, send, InputRejected("headers_too_large"), 431, [(b"connection", b"close")])
                return
        await self._app(scope, receive, send)

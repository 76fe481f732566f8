"""By which names requests may address us.

A site can make its own name point at this machine once a browser has its page ("DNS rebinding"): to the browser we are
then that site, and its page may read and do whatever its visitor may here. The name in `Host` gives it away.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Any

from debrief.errors import InputRejected
from webapp.refusals import header, refuse

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?")
_FOR_PROBES = "/healthz"
"""Asked by address by whatever watches the process; tells nothing of anybody."""


class OwnHostsOnly:
    """Answers 421 to a request for another name than ours. Needs the Host of `TrustedProxies`.

    Args:
        app: what it protects.
        allowed: comma-separated names, `*.example.org` for all below one, `*` for all; empty: as `host` says.
        host: the address that the server listens on. On a loopback one only this machine's own names are ours.
        on_space: True where a proxy that we cannot name is in front: without `allowed` every name is ours.
    """

    def __init__(self, app: Any, *, allowed: str, host: str, on_space: bool) -> None:
        self._app = app
        self._names = [name.strip().lower() for name in allowed.split(",") if name.strip()]
        self._takes_all = "*" in self._names or (not self._names and (on_space or not _is_loopback(host)))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] != _FOR_PROBES:
            if sum(name == b"host" for name, _ in scope["headers"]) > 1:
                await refuse(scope, send, InputRejected(reason="the Host header came twice"), 400)
                return
            name = read_host(header(scope, b"host"))
            if not self._takes_all and not self._is_ours(name):
                await refuse(scope, send, InputRejected("wrong_host", name=(name or "?")[:80]), 421)
                return
        await self._app(scope, receive, send)

    def _is_ours(self, name: str | None) -> bool:
        if name is None:
            return False
        if not self._names:
            return _is_loopback(name)
        return any(
            name == ours or (ours.startswith("*.") and name.endswith(ours[1:]) and name != ours[1:])
            for ours in self._names
        )


def read_host(value: str | None) -> str | None:
    """The name in a Host header, without port, brackets and closing dot; None when there is none to be read."""
    found = _HOST.fullmatch(value or "")
    return found[1].lower().strip("[]").removesuffix(".") if found else None


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False

"""Whose word counts about where a request came from, and the address that is counted by."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

from webapp.refusals import header

PRIVATE_NETWORKS = "127.0.0.0/8, ::1, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7"
"""Where a Space's own proxy sits; nothing else reaches the container."""
FORWARDED = frozenset(
    {b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-for", b"x-forwarded-port", b"x-gradio-server"}
)


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

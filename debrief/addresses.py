"""Where a webhook may go: not to this machine, not into its own networks, not to a cloud's metadata.

An admin types the address, and whoever holds that admin's session could make the server ask whatever it can reach.
So only public addresses are met, encrypted, unless the operator names networks (`DEBRIEF_WEBHOOK_NETWORKS`). The name
is looked at when it is typed, its addresses with each attempt (`tasks/webhook_posting.py`), because names move.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from debrief.conversation import storable
from debrief.errors import InputRejected

Address = IPv4Address | IPv6Address
Networks = tuple[str, ...]

URL_MAX_CHARS = 500
_NAT64 = IPv6Network("64:ff9b::/96")


def read_networks(setting: str) -> Networks:
    """The networks of a comma-separated list. Raises ValueError: one of them is none."""
    return tuple(str(ip_network(part.strip(), strict=False)) for part in setting.split(",") if part.strip())


def may_reach(address: Address, networks: Networks) -> bool:
    """Whether a webhook may go to this address."""
    return is_public(address) or is_named(address, networks)


def is_named(address: Address, networks: Networks) -> bool:
    """Whether the operator's setting has it, as itself or as the IPv4 address that it wraps."""
    forms = {address, _unwrapped(address)}
    return any(form in ip_network(network) for form in forms for network in networks)


def is_public(address: Address) -> bool:
    """True only for what the whole world may reach; an IPv4 address in IPv6 clothes is what it wraps."""
    inner = _unwrapped(address)
    return inner.is_global and not inner.is_multicast and not inner.is_reserved


def checked_url(url: str, networks: Networks) -> str:
    """An endpoint's address as it is stored.

    Raises:
        InputRejected: no address, too long, not encrypted, with a password in it, or one that is not to be reached.
    """
    url = storable(url.strip())
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InputRejected("hook_url", limit=URL_MAX_CHARS) from None
    if not host or parts.scheme not in ("http", "https") or len(url) > URL_MAX_CHARS or not _is_plain(url):
        raise InputRejected("hook_url", limit=URL_MAX_CHARS)
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise InputRejected("hook_url_parts")
    if parts.scheme == "http" and not networks:
        raise InputRejected("hook_url_http")
    literal = read_address(host)
    if host.rstrip(".").lower() == "localhost":
        literal = ip_address("127.0.0.1")
    if literal is not None and not may_reach(literal, networks):
        raise InputRejected("hook_url_private")
    if literal is not None and parts.scheme == "http" and not is_named(literal, networks):
        raise InputRejected("hook_url_http")
    return url


def read_address(host: str) -> Address | None:
    """The address that a host is written as; None for a name."""
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _is_plain(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url and "\\" not in url


def _unwrapped(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None) or address

"""Debrief as an app on a phone or a desktop: its manifest, its icons, and what the pages' heads say of them."""

from __future__ import annotations

from typing import Any

ICON = '<link rel="icon" type="image/svg+xml" href="{assets}/icon.svg">'
APPLE_ICON = '<link rel="apple-touch-icon" href="{assets}/icon-apple.png">'
COLOURS = {"light": "#f7f8fb", "dark": "#0d1018"}
"""The page's own background (webapp/theme.py): the frame that the system draws around it looks the same."""


def head_lines(assets: str) -> str:
    """Icons and colours for the head of a page; `assets` is the address of their folder, seen from the page."""
    colours = "".join(
        f'<meta name="theme-color" content="{colour}" media="(prefers-color-scheme: {scheme})">'
        for scheme, colour in COLOURS.items()
    )
    return (ICON + APPLE_ICON).format(assets=assets) + colours


def manifest(assets: str, description: str) -> dict[str, Any]:
    """The web app manifest. Its addresses are relative to its own, so that it also holds below a path."""
    return {
        "id": "./",
        "name": "Debrief",
        "short_name": "Debrief",
        "description": description,
        "start_url": "./",
        "scope": "./",
        "display": "standalone",
        "background_color": COLOURS["light"],
        "theme_color": COLOURS["light"],
        "icons": [
            _icon(assets, "icon.svg", "any", "image/svg+xml"),
            _icon(assets, "icon-192.png", "192x192"),
            _icon(assets, "icon-512.png", "512x512"),
            _icon(assets, "icon-maskable.png", "512x512", purpose="maskable"),
        ],
    }


def _icon(assets: str, name: str, sizes: str, kind: str = "image/png", *, purpose: str = "any") -> dict[str, str]:
    return {"src": f"{assets}/{name}", "sizes": sizes, "type": kind, "purpose": purpose}

"""The headers that tell a browser what a page of ours may do."""

from __future__ import annotations

from typing import Any


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

"""What notices that a text was more than words: a listener for every foreign name, and ears on a browser's context."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request

from tests.security.inert.corpus import CANARY_DOMAIN

SAYS_REFUSED = ("Content Security Policy", "Content-Security-Policy")


class Listener:
    """Takes every connection on a port of loopback, notes its first bytes, and answers nothing."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._listen, name="canary", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.settimeout(1)
                self.heard.append(connection.recv(2000))

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(60)


@contextmanager
def listener() -> Iterator[Listener]:
    listening = Listener()
    try:
        yield listening
    finally:
        listening.close()


def every_name_leads_to(port: int) -> str:
    """The browser's argument by which the corpus's names lead to the listener, https as well, and others nowhere."""
    return f"--host-resolver-rules=MAP *.{CANARY_DOMAIN} 127.0.0.1:{port}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


@dataclass
class Ears:
    """What happened in a context: each list must stay empty."""

    home: str
    """The address whose requests are the product's own, such as "http://127.0.0.1:7860"."""
    scripts: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    navigations: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    downloads: list[str] = field(default_factory=list)
    popups: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """What the content security policy stopped."""
    errors: list[str] = field(default_factory=list)

    def hear(self, context: BrowserContext) -> None:
        context.expose_binding("ran", lambda source, *what: self.scripts.append(f"{what} at {source['page'].url}"))
        context.on("request", self._request)
        context.on("page", self._page)
        context.on("console", self._console)
        context.on("weberror", lambda problem: self.errors.append(str(problem.error)[:300]))

    def happened(self) -> dict[str, list[str]]:
        """What is not silent, by name."""
        return {name: found for name, found in vars(self).items() if isinstance(found, list) and found}

    def _page(self, page: Page) -> None:
        page.on("dialog", self._dialog)
        page.on("download", lambda download: self.downloads.append(download.url))
        page.on("popup", lambda popup: self.popups.append(popup.url))
        page.on("framenavigated", self._navigated)

    def _dialog(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _navigated(self, frame: Any) -> None:
        if frame.parent_frame is not None or not self._is_ours(frame.url):
            self.navigations.append(frame.url[:200])

    def _request(self, request: Request) -> None:
        if not self._is_ours(request.url) and urlsplit(request.url).scheme not in ("data", "blob"):
            self.requests.append(f"{request.method} {request.url[:200]}")

    def _is_ours(self, url: str) -> bool:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc}" == self.home or url in ("about:blank", "")

    def _console(self, message: ConsoleMessage) -> None:
        if any(words in message.text for words in SAYS_REFUSED):
            self.refused.append(message.text[:300])
        elif message.type == "error":
            self.errors.append(message.text[:300])

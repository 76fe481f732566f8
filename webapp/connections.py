"""What a connection may do to the process below the level of requests: stay silent, never end, never read.

uvicorn 0.54 closes a kept connection that stays silent, and nothing else: it waits for ever for a request's head, keeps
a head of any size, and holds what a reader does not take for as long as he stays. The layers of `webapp.limits` see a
request only when its head is whole, so this is done in the protocol.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import socket
from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

log = logging.getLogger(__name__)

FILES_BESIDE_CONNECTIONS = 256
"""Open files that the process needs for itself: databases, logs, the model's connections."""
WANTED_FILES = 16_384
SENDING_BYTES = 131_072
"""Of the system's buffer for a connection; at a tenth of a second to the reader more than a megabyte a second."""


@dataclass(frozen=True)
class Patience:
    """Limits of a connection; seconds and bytes."""

    head_s: float = 10.0
    """From the connection, or from the first byte of a further request, until the head is whole."""
    head_bytes: int = 65_536
    reader_s: float = 60.0
    """How long a reader may leave what was written for him."""
    idle_s: int = 15
    """How long a kept connection may be silent between two requests."""


def connections_for(files: int) -> int:
    """How many connections a limit of open files leaves room for."""
    return max(64, files - FILES_BESIDE_CONNECTIONS)


def open_files() -> int:
    """How many files this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return WANTED_FILES if soft == resource.RLIM_INFINITY else soft


def raise_open_files() -> None:
    """Let this process open as many files as it may want and the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = WANTED_FILES if hard == resource.RLIM_INFINITY else min(WANTED_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def keep_little_for_readers(listener: int) -> None:
    """Let the system keep little of what readers have not taken, on all connections that this listener accepts.

    By itself Linux keeps megabytes for each: a thousand readers that take nothing would cost gigabytes that no figure
    of the process shows, and one that takes a little would seem to take nothing for a long time.
    """
    with socket.socket(fileno=os.dup(listener)) as same:
        same.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENDING_BYTES)


def guarded_protocol(patience: Patience, most: int, most_of_address: int) -> type[HttpToolsProtocol]:
    """A protocol with these limits for `uvicorn.Config(http=...)`; a class for each server.

    Args:
        patience: of one connection.
        most: connections at once; the next is closed without a word, because there may be no file left to say it on.
        most_of_address: the same of one address, which may be a proxy's.
    """

    class Guarded(GuardedProtocol):
        _patience = patience
        _most = most
        _most_of_address = most_of_address
        _by_address: ClassVar[Counter[str]] = Counter()

    return Guarded


class GuardedProtocol(HttpToolsProtocol):
    """Ends connections that only hold things up."""

    _patience: Patience
    _most: int
    _most_of_address: int
    _by_address: ClassVar[Counter[str]]
    _head_timer: asyncio.TimerHandle | None = None
    _reader_timer: asyncio.TimerHandle | None = None
    _head_size = 0
    _is_in_head = True
    _address = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""
        self._by_address[self._address] += 1
        if len(self.connections) > self._most or self._by_address[self._address] > self._most_of_address:
            log.warning("too many connections", extra={"connections": len(self.connections)})
            transport.abort()
            return
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._by_address[self._address] -= 1
        if not self._by_address[self._address]:
            del self._by_address[self._address]
        self._stop("_head_timer")
        self._stop("_reader_timer")
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_in_head or self._is_answered():
            self._expect_head()
            self._head_size += len(data)
        super().data_received(data)
        if self._is_in_head and self._head_size > self._patience.head_bytes:
            self.transport.abort()

    def on_message_begin(self) -> None:
        self._is_in_head = True
        self._head_size = 0
        self._expect_head()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_in_head:  # else a trailer: uvicorn would put it among the headers
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._stop("_head_timer")
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._stop("_head_timer")  # of the rest of a body whose request was answered before
        super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_reader(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        self._stop("_reader_timer")
        super().resume_writing()

    def _watch_reader(self, left: int) -> None:
        """Look again later: a reader who took none of what is left has gone without a word, or holds us up."""
        self._stop("_reader_timer")
        self._reader_timer = self.loop.call_later(self._patience.reader_s, self._check_reader, left)

    def _check_reader(self, left: int) -> None:
        now = self.transport.get_write_buffer_size()
        if now >= left:
            self.transport.abort()
        else:
            self._watch_reader(now)

    def _is_answered(self) -> bool:
        cycle = cast("Any", self.cycle)
        return cycle is not None and cycle.response_complete

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self._patience.head_s, self.transport.abort)

    def _stop(self, name: str) -> None:
        timer: asyncio.TimerHandle | None = getattr(self, name)
        if timer is not None:
            timer.cancel()
            setattr(self, name, None)

"""A real web server on loopback, browsers that are httpx clients with a cookie jar, and readers of live streams."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import httpx

from debrief.settings import Settings
from storage.migrate import migrate
from webapp.connections import Patience
from webapp.pace import Pace
from webapp.server import WebServer, build_app, web_server

QUICK = Pace(
    flush_s=0.05,
    dead_after_s=4.0,
    janitor_s=0.1,
    unsaved_told_s=0.5,
    finish_again_s=0.1,
    poll_s=0.05,
    frame_s=0.01,
    call_frame_s=0.02,
    comment_s=0.3,
    model_watch_s=0.05,
    model_starting_frame_s=0.1,
    model_start_wait_s=15,
)
"""The web process's own pace, some ten times quicker."""

PLAIN: dict[str, Any] = {"verify": False, "trust_env": False}
"""Plain HTTP on loopback: a client need not read the certificates of the world first, which takes 0.1 s."""


def until(condition: Callable[[], Any], *, within_s: float = 60, what: str = "") -> Any:
    """Wait until the condition gives something true, and give that."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {within_s} s: {what or condition}"
        time.sleep(0.005)
    return found


class Web:
    """A web server of ours in a thread. `rung` holds the job ids that it rang for."""

    def __init__(
        self, settings: Settings, pace: Pace = QUICK, *, with_pages: bool = False, patience: Patience | None = None
    ) -> None:
        self.rung: list[str] = []
        self.settings = settings.model_copy(update={"port": 0})
        self.app = build_app(self.settings, ring=self.rung.append, pace=pace, with_pages=with_pages)
        self.parts = self.app.state.parts
        self.server: WebServer = web_server(self.app, self.settings, patience)
        self.server.main_loop = partial(_until_told, self.server)
        self._thread = threading.Thread(target=self.server.run, name="web", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        until(lambda: self.server.started or not self._thread.is_alive(), what="the server to start")
        assert self.server.started
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> float:
        """End it as SIGTERM does; the seconds that it took."""
        began = time.monotonic()
        self.server.should_exit = True
        self._thread.join(120)
        assert not self._thread.is_alive()
        return time.monotonic() - began

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"

    @contextmanager
    def browser(self, **options: Any) -> Iterator[Browser]:
        with Browser(self.url, **options) as browser:
            yield browser


@contextmanager
def running_web(
    settings: Settings, pace: Pace = QUICK, *, with_pages: bool = False, patience: Patience | None = None
) -> Iterator[Web]:
    prepare_database(settings)
    with Web(settings, pace, with_pages=with_pages, patience=patience) as web:
        yield web


def prepare_database(settings: Settings) -> None:
    """Migrate it. A SQLite file that is not there yet is a copy of one that was migrated once: a tenth of the time."""
    file = settings.data_dir / "debrief.sqlite3"
    if settings.database_url or file.exists():
        migrate(settings.database, backup_dir=None)
        return
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_migrated_file())
    file.chmod(0o600)


@cache
def _migrated_file() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "blank.sqlite3"
        migrate(f"sqlite:///{file}", backup_dir=None)
        return file.read_bytes()


async def _until_told(server: WebServer) -> None:
    """As uvicorn waits for its end, but looks a hundred times a second: its tenths are most of a short test's end."""
    ticks = 0
    while not await server.on_tick(ticks):
        ticks += 1
        await asyncio.sleep(0.01)


class Browser(httpx.Client):
    """One person: a cookie jar and a language."""

    def __init__(self, url: str, *, language: str = "en", **options: Any) -> None:
        headers = {"accept-language": language, **options.pop("headers", {})}
        super().__init__(base_url=url, headers=headers, timeout=60, **PLAIN, **options)

    def begin(self, scenario: str = "job_interview", **more: Any) -> str:
        """Begin a talk; its id."""
        response = self.post("/api/v1/conversations", json={"scenario": scenario, **more})
        assert response.status_code == 201, response.text
        return response.json()["id"]

    def say(self, conversation_id: str, text: str = "I led a team of three.", **more: Any) -> dict[str, str]:
        """Say something; the ids of message and answer."""
        response = self.post(f"/api/v1/conversations/{conversation_id}/messages", json={"text": text, **more})
        assert response.status_code == 202, response.text
        return response.json()

    def read(self, conversation_id: str) -> dict[str, Any]:
        response = self.get(f"/api/v1/conversations/{conversation_id}")
        assert response.status_code == 200, response.text
        return response.json()

    def answer(self, answer_id: str) -> dict[str, Any]:
        response = self.get(f"/api/v1/messages/{answer_id}")
        assert response.status_code == 200, response.text
        return response.json()

    def ended(self, answer_id: str, *, within_s: float = 60) -> dict[str, Any]:
        """The answer once it is no longer being written."""
        return until(
            lambda: (found := self.answer(answer_id))["state"] != "running" and found,
            within_s=within_s,
            what="the answer to end",
        )

    def live(self, conversation_id: str | None = None, last_event_id: str | None = None) -> Live:
        return Live(self, conversation_id, last_event_id)


def lines_of(response: httpx.Response) -> Iterator[str]:
    """Lines that end with a line feed alone: httpx would also split at U+0085 and U+2028, which people's words hold."""
    rest = b""
    for chunk in response.iter_bytes():
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.decode() for line in lines)


class Live:
    """A live stream, read in a thread. `frames` holds (event, id, data) in order; `comments` counts comment lines.

    `arrived` says of each frame when it came, on the monotonic clock.
    """

    def __init__(self, browser: Browser, conversation_id: str | None, last_event_id: str | None) -> None:
        self.frames: list[tuple[str, str | None, dict[str, Any]]] = []
        self.arrived: list[float] = []
        self.comments = 0
        self.bytes = 0
        self.is_over = False
        self.headers: httpx.Headers | None = None
        self.status = 0
        self._closing = threading.Event()
        self._socket: socket.socket | None = None
        self._client = httpx.Client(
            base_url=browser.base_url, headers=browser.headers, cookies=browser.cookies, timeout=60, **PLAIN
        )
        self._query = {"conversation_id": conversation_id} if conversation_id else {}
        self._headers = {"last-event-id": last_event_id} if last_event_id else {}
        self._thread = threading.Thread(target=self._read, name="live reader", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        until(lambda: self.status or self.is_over, what="the stream's headers")
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        with suppress(OSError):
            self._socket and self._socket.shutdown(socket.SHUT_RDWR)  # as a closed tab; wakes the reader
        self._thread.join(120)
        self._client.close()

    def _read(self) -> None:
        try:
            with self._client.stream("GET", "/api/v1/live", params=self._query, headers=self._headers) as response:
                self.headers = response.headers
                self._socket = response.extensions["network_stream"].get_extra_info("socket")
                self.status = response.status_code
                self._take(response)
        except (httpx.HTTPError, httpx.StreamError, OSError, RuntimeError):
            pass
        finally:
            self.is_over = True

    def _take(self, response: httpx.Response) -> None:
        event: dict[str, str] = {}
        for line in lines_of(response):
            self.bytes += len(line.encode()) + 1
            if self._closing.is_set():
                return
            if line.startswith(":"):
                self.comments += 1
            elif line:
                name, _, value = line.partition(": ")
                event[name] = value
            elif "data" in event:
                self.arrived.append(time.monotonic())
                self.frames.append((event["event"], event.get("id"), json.loads(event["data"])))
                event = {}

    def of(self, event: str) -> list[dict[str, Any]]:
        return [data for name, _, data in list(self.frames) if name == event]

    def wait_for(self, event: str, *, within_s: float = 60, **values: Any) -> dict[str, Any]:
        """The first frame of this kind with these values."""
        return until(
            lambda: next((d for d in self.of(event) if all(d.get(k) == v for k, v in values.items())), None),
            within_s=within_s,
            what=f"{event} {values}; seen {self.frames[-5:]}",
        )

    def text(self, answer_id: str) -> str:
        """The answer as a page would have put it together."""
        buffer = ""
        for data in self.of("answer"):
            if data["id"] == answer_id:
                assert data["seq"] <= len(buffer), "a gap"
                buffer = buffer[: data["seq"]] + data["text"]
        return buffer

    def last_id(self) -> str | None:
        return next((id for _, id, _ in reversed(self.frames) if id), None)

"""Clients that are slow on purpose: bodies that trickle, heads that never end, streams that nobody reads."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress

import httpx
import pytest

from debrief.settings import Settings
from tests.scripted_model import Script, ScriptedModel
from tests.security.test_bodies import raw
from tests.web_scene import Browser, Web, running_web, until
from webapp.connections import Patience

IMPATIENT = Patience(head_s=1.0, reader_s=1.0, idle_s=1)
"""The product's own patience, some ten times quicker."""


@pytest.fixture
def wordy(web_settings: Settings, scripted_model: ScriptedModel) -> Settings:
    """A model that may say very much at once."""
    scripted_model.context_tokens = 1_000_000
    return web_settings.model_copy(update={"reply_max_tokens": 400_000})


@pytest.fixture
def quick_web(wordy: Settings) -> Iterator[Web]:
    with running_web(wordy.model_copy(update={"body_timeout_s": 1.0}), patience=IMPATIENT) as web:
        yield web


@pytest.fixture
def olga(quick_web: Web) -> Iterator[Browser]:
    with quick_web.browser() as browser:
        yield browser


def connect(url: str, *, receives: int | None = None) -> socket.socket:
    """A connection to the server; `receives` makes the system keep at most about so many unread bytes."""
    host, _, port = url.removeprefix("http://").partition(":")
    line = socket.socket()
    if receives is not None:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
    line.settimeout(60)
    line.connect((host, int(port)))
    return line


def seconds_until_closed(line: socket.socket, drip: bytes = b"", *, within_s: float = 60) -> float:
    """Send a byte of `drip` now and then until the server ends the connection."""
    began = time.monotonic()
    line.settimeout(0.05)
    for n in range(int(within_s / 0.05)):
        with suppress(TimeoutError):
            try:
                if drip:
                    line.send(drip[n % len(drip) :][:1])
                if line.recv(65_536) == b"":
                    return time.monotonic() - began
            except ConnectionError:
                return time.monotonic() - began
    raise AssertionError(f"still open after {within_s} s")


BEGUN = b"POST /api/v1/conversations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"


@pytest.mark.parametrize(
    ("length", "drip"), [(b"content-length: 100000", b"{"), (b"transfer-encoding: chunked", b"1\r\n{\r\n")]
)
@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_body_that_trickles_in_is_given_up_with_a_sentence(quick_web: Web, length: bytes, drip: bytes, language: str):
    """The time counts for the whole body: a byte now and then does not buy more."""

    def trickle(line: socket.socket) -> None:
        line.settimeout(0.05)
        for n in range(1000):
            line.send(drip[n % len(drip) :][:1])
            with suppress(TimeoutError):
                if line.recv(1, socket.MSG_PEEK):
                    break
        line.settimeout(10)

    began = time.monotonic()
    answered = raw(
        quick_web.url, BEGUN + b"accept-language: %s\r\n%s\r\n\r\n" % (language.encode(), length), then=trickle
    )
    assert answered.startswith(b"HTTP/1.1 408"), answered
    body = json.loads(answered.partition(b"\r\n\r\n")[2])
    assert body["code"] == "body_too_slow"
    assert ("try again" if language == "en" else "다시 시도해 주세요") in body["message"]
    assert b"connection: close" in answered.lower()
    assert time.monotonic() - began < 30


def test_a_slow_body_that_comes_in_time_is_taken(quick_web: Web):
    body = b'{"scenario": "job_interview"}'

    def trickle(line: socket.socket) -> None:
        for byte in body:
            line.send(bytes([byte]))
            time.sleep(0.01)

    assert raw(quick_web.url, BEGUN + b"content-length: %d\r\n\r\n" % len(body), then=trickle).startswith(
        b"HTTP/1.1 201"
    )


@pytest.mark.parametrize(
    ("sent", "drip"),
    [
        (b"", b""),
        (b"GET /healthz HTTP/1.1\r\nx-slow: ", b"a"),
        (b"GET /", b"a"),
        (b"", b"\r\n"),
        (b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n", b"\r\n"),
        (b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\nGET /healthz HTTP/1.1\r\nx-slow: ", b"a"),
        (b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n", b""),
        (b"POST /gradio_api/cancel HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9999999\r\n\r\n", b"x"),
    ],
    ids=[
        "nothing at all", "a header by letters", "an address by letters", "empty lines", "empty lines after a request",
        "a second request's header by letters", "nothing after a request", "a body of a request that was refused",
    ],
)  # fmt: skip
def test_who_holds_a_connection_without_asking_anything_loses_it(quick_web: Web, sent: bytes, drip: bytes):
    """uvicorn alone waits for ever for all but the last but one of these (seen)."""
    with closing(connect(quick_web.url)) as line:
        line.sendall(sent)
        assert seconds_until_closed(line, drip) < 30


def test_an_ordinary_connection_is_kept_and_used_again(quick_web: Web):
    with closing(connect(quick_web.url)) as line:
        for _ in range(4):
            line.sendall(b"GET /api/v1/me HTTP/1.1\r\nhost: localhost\r\n\r\n")
            assert line.recv(65_536).startswith(b"HTTP/1.1 200")
            time.sleep(0.4)  # in all longer than any one patience


def test_a_live_stream_outlives_every_patience(quick_web: Web, olga: Browser):
    olga.begin()
    with olga.live() as live:
        until(lambda: live.comments > 6 or live.is_over, within_s=60)
        assert not live.is_over


LONG = ["x" * 20_000] * 100
"""An answer of 2 MB: more than the system keeps for a reader that takes nothing, so that the process feels it."""


def ask_for_stream(line: socket.socket, browser: Browser) -> None:
    cookie = f"debrief_visitor={browser.cookies['debrief_visitor']}"
    line.sendall(f"GET /api/v1/live HTTP/1.1\r\nhost: localhost\r\ncookie: {cookie}\r\n\r\n".encode())


def test_a_reader_that_never_reads_is_let_go_and_holds_up_nobody(
    quick_web: Web, olga: Browser, scripted_model: ScriptedModel
):
    """Olga has a second tab that is stuck: the other one gets all of a very long answer."""
    talk = olga.begin()
    scripted_model.enqueue(Script(pieces=LONG))
    with closing(connect(quick_web.url, receives=2048)) as stuck, olga.live() as live:
        ask_for_stream(stuck, olga)
        until(lambda: quick_web.parts.hub.stream_count == 2, within_s=60)
        answer = olga.say(talk)["answer_id"]
        assert live.wait_for("done", id=answer, within_s=60)["length"] == 2_000_000
        assert live.text(answer) == "".join(LONG)
        until(lambda: quick_web.parts.hub.stream_count == 1, within_s=60, what="the stuck one's slot to be free")


def test_a_slow_reader_is_not_taken_for_one_that_has_gone(quick_web: Web, olga: Browser, scripted_model: ScriptedModel):
    """As long as he takes something he gets all of it, however long it takes."""
    talk = olga.begin()
    scripted_model.enqueue(Script(pieces=LONG))
    answer = olga.ended(olga.say(talk)["answer_id"], within_s=60)["id"]
    took = 0
    with closing(connect(quick_web.url, receives=65_536)) as slow:
        cookie = f"debrief_visitor={olga.cookies['debrief_visitor']}"
        asked = f"GET /api/v1/messages/{answer} HTTP/1.1\r\nhost: localhost\r\ncookie: {cookie}\r\n"
        slow.sendall(f"{asked}connection: close\r\n\r\n".encode())
        began = time.monotonic()
        while piece := slow.recv(16_384):
            took += len(piece)
            if time.monotonic() - began < 3:  # three times the patience with one that takes nothing
                time.sleep(0.05)
    assert took > 2_000_000


def test_stuck_readers_cost_little_memory_while_a_long_answer_is_written(
    wordy: Settings, scripted_model: ScriptedModel
):
    """With the product's own patience: they are stuck all the time, and the answer is a hundred times a usual one."""
    with running_web(wordy) as web, web.browser() as olga, ExitStack() as stuck:
        talk = olga.begin()
        for n in range(12):
            ask_for_stream(stuck.enter_context(closing(connect(web.url, receives=2048))), olga)
            until(lambda n=n: web.parts.hub.stream_count == n + 1, within_s=60)
        scripted_model.enqueue(Script(pieces=LONG))
        assert olga.ended(olga.say(talk)["answer_id"], within_s=60)["state"] == "complete"

        def kept() -> list[int]:
            connections = list(web.server.server_state.connections)
            return sorted(connection.transport.get_write_buffer_size() for connection in connections)[-12:]

        until(lambda: kept()[0] > 0, within_s=60, what="all of them to be stuck")
        held = kept()
        assert web.parts.hub.stream_count == 12
    print(
        f"12 stuck readers of an answer of 2 MB: the process keeps {held[0] // 1024} to {held[-1] // 1024} kB for each"
    )
    assert held[-1] < 200_000


def test_five_hundred_idle_connections_keep_nobody_out(quick_web: Web, olga: Browser):
    talk = olga.begin()
    with ExitStack() as idle:
        lines = [idle.enter_context(closing(connect(quick_web.url))) for _ in range(500)]
        asked: list[float] = []
        for _ in range(10):
            began = time.monotonic()
            assert olga.get("/healthz").status_code == 200
            asked.append(time.monotonic() - began)
        olga.ended(olga.say(talk)["answer_id"], within_s=60)
        print(f"/healthz beside 500 idle connections: {max(asked) * 1000:.0f} ms at the most")
        for line in lines:
            line.settimeout(60)
            with suppress(ConnectionError):
                assert line.recv(1) == b"", "closed, because it asked for nothing"


def test_connections_beyond_the_limit_are_closed_and_room_is_made_again(
    web_settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """No file may be left to say why on. Who is connected keeps his connection."""
    monkeypatch.setattr("webapp.server.connections_for", lambda _files: 20)
    with running_web(web_settings) as web, web.browser() as olga:
        talk = olga.begin()
        with ExitStack() as idle:
            lines = [idle.enter_context(closing(connect(web.url))) for _ in range(40)]
            closed = 0
            for line in lines[19:]:
                with suppress(ConnectionError):
                    assert line.recv(1) == b""
                closed += 1
            assert closed == 21
            assert olga.get("/healthz").status_code == 200, "on the connection that she has"
            olga.ended(olga.say(talk)["answer_id"])
        until(lambda: len(web.server.server_state.connections) < 20, within_s=60)
        with web.browser() as sam:
            assert sam.get("/healthz").status_code == 200


PROXIED = {"rate_limit": "on", "trusted_proxies": "127.0.0.1", "allowed_hosts": "*", "streams_at_once": 9}


def test_requests_at_once_are_limited_together_and_by_address(web_settings: Settings, monkeypatch: pytest.MonkeyPatch):
    """Olga's address has a fourth of the twelve, so that three more addresses must join in to fill them."""
    monkeypatch.setattr("webapp.limits.crowd.BESIDE_STREAMS", 3)
    with running_web(web_settings.model_copy(update=PROXIED)) as web, ExitStack() as open_streams:

        def ask(address: str, path: str = "/api/v1/me", **more: str) -> httpx.Response:
            with web.browser(headers={"x-forwarded-for": address, **more}) as browser:
                return browser.get(path)

        def stream_from(address: str) -> None:
            browser = open_streams.enter_context(web.browser(headers={"x-forwarded-for": address}))
            response = open_streams.enter_context(browser.stream("GET", "/api/v1/live"))
            assert response.status_code == 200

        for _ in range(3):
            stream_from("203.0.113.1")
        refused, korean = ask("203.0.113.1"), ask("203.0.113.1", **{"accept-language": "ko"})
        assert (refused.status_code, refused.json()["code"]) == (429, "crowded_address")
        assert "주소" in korean.json()["message"]
        assert ask("203.0.113.2").status_code == 200, "another address"
        for address in ("203.0.113.2", "203.0.113.3"):
            for _ in range(3):
                stream_from(address)
        full = ask("203.0.113.4", "/api/v1/live")
        assert (full.status_code, full.json()["code"]) == (429, "streams_full")
        assert ask("203.0.113.4").status_code == 200, "streams leave room for other requests"
        assert ask("203.0.113.1", "/healthz").status_code == 200, "for whoever watches the process"
    assert web.parts.hub.stream_count == 0


def test_a_server_that_is_full_says_so(web_settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("webapp.limits.crowd.BESIDE_STREAMS", 0)
    full = web_settings.model_copy(update={"streams_at_once": 2})
    with running_web(full) as web, ExitStack() as open_streams, web.browser() as sam:
        for _ in range(2):
            browser = open_streams.enter_context(web.browser())
            open_streams.enter_context(browser.stream("GET", "/api/v1/live"))
        refused = sam.get("/api/v1/me")
        assert (refused.status_code, refused.json()["code"]) == (503, "crowded")
        assert refused.headers["retry-after"] == "10"
        assert sam.get("/healthz").status_code == 200
        open_streams.close()
        until(lambda: sam.get("/api/v1/me").status_code == 200, within_s=60)

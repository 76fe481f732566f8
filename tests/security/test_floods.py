"""One who wants all of it: new visitors, sessions, messages and streams without end, while others just talk."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from statistics import median
from typing import Any

import orjson
import pytest

from debrief.settings import Settings
from storage.migrate import migrate
from tests.review_scene import make_account
from tests.scripted_model import ScriptedModel
from tests.security.conftest import sign_in
from tests.security.doors import events, pages
from tests.security.test_bodies import memory_mb
from tests.security.test_slow_clients import connect
from tests.web_process import web_process
from tests.web_scene import Browser, Web, running_web, until
from webapp.connections import raise_open_files
from webapp.gradio_events import SESSIONS, SESSIONS_OF_ASKER, SessionOwners
from webapp.limits.rates import SESSIONS_PER_MINUTE
from webapp.pace import Pace

NEW: dict[str, Any] = {"scenario": "job_interview"}
BROUGHT: dict[str, Any] = {**NEW, "messages": [{"role": "user", "text": "I led a team of three."}]}


def from_address(n: int) -> dict[str, str]:
    """As a proxy says it: an address of its own for each person."""
    return {"x-forwarded-for": f"203.0.{n // 250}.{n % 250 + 1}"}


@pytest.fixture
def limited(web_settings: Settings) -> Settings:
    """As in production, behind a proxy on this machine."""
    more = {"rate_limit": "on", "trusted_proxies": "127.0.0.1", "allowed_hosts": "*"}
    return web_settings.model_copy(update=more)


# --- new visitors


def test_who_throws_the_cookie_away_for_each_talk_is_told_to_wait(limited: Settings):
    with running_web(limited.model_copy(update={"new_visitors_per_hour": 3})) as web, ExitStack() as people:

        def newcomer(n: int = 1, **headers: str) -> Browser:
            return people.enter_context(web.browser(headers=from_address(n) | headers))

        olga = newcomer()
        talk = olga.begin()
        assert newcomer().post("/api/v1/import/conversations", json=BROUGHT).status_code == 201
        assert newcomer().post("/api/v1/conversations", json=NEW).status_code == 201
        for path, body in (("/api/v1/conversations", NEW), ("/api/v1/import/conversations", BROUGHT)):
            refused = newcomer().post(path, json=body)
            assert (refused.status_code, refused.json()["code"]) == (429, "too_many_newcomers"), path
            assert "Too many new visitors came from your address" in refused.json()["message"]
            assert 1100 < int(refused.headers["retry-after"]) <= 1200, "three an hour"
            assert "20 minutes" in refused.json()["message"]
            assert "set-cookie" not in refused.headers
        korean = newcomer(**{"accept-language": "ko"}).post("/api/v1/conversations", json=NEW)
        assert "새로 온 이용자" in korean.json()["message"]

        cookie = f"debrief_visitor={web.parts.signer.sign('v_fresh')}"
        with_cookie = newcomer(cookie=cookie).post("/api/v1/conversations", json=NEW)
        assert with_cookie.status_code == 429, "a page gives cookies to everybody: one that never talked is new"
        assert olga.begin() != talk, "who has talked here goes on"
        olga.ended(olga.say(talk)["answer_id"])
        assert newcomer(2).post("/api/v1/conversations", json=NEW).status_code == 201, "another address"


def test_with_the_limits_off_everybody_is_let_in(web: Web):
    assert web.settings.rate_limit == "off"
    for _ in range(web.settings.new_visitors_per_hour + 10):
        with web.browser() as newcomer:
            newcomer.begin()


# --- sessions of Gradio's pages


@pytest.fixture(scope="module")
def limited_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with ScriptedModel() as model:
        settings = Settings(
            _env_file=None,
            data_dir=tmp_path_factory.mktemp("desk"),
            model_url=model.url,
            trusted_proxies="127.0.0.1",
            allowed_hosts="*",
        )
        with running_web(settings, with_pages=True) as web:
            make_account(web.parts.db, "rita")
            make_account(web.parts.db, "ada", "admin")
            yield web


async def call(app: Any, path: str, body: bytes, address: str, cookie: str) -> int:
    """The status of a POST that is handed to the application without a network between."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "client": (address, 1),
        "server": ("127.0.0.1", 80), "state": {},
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json"), (b"cookie", cookie.encode())],
    }  # fmt: skip
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])
    answers: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(messages, {"type": "http.disconnect"})

    async def send(message: dict[str, Any]) -> None:
        answers.append(message)

    await app(scope, receive, send)
    return answers[0]["status"]


def sessions_of(web: Web) -> int:
    """Sessions and streams that Gradio keeps, of all pages."""
    return sum(
        len(page.state_holder.session_data) + len(page.get_blocks()._queue.pending_messages_per_session)
        for _, page in pages(web.app)
    )


@pytest.mark.parametrize("addresses", [1, 2000], ids=["one address", "2,000 addresses"])
def test_ten_thousand_session_hashes_of_visitors_begin_no_session(limited_desk: Web, addresses: int):
    """No page that is open to visitors has an event that needs one."""
    cookie = f"debrief_visitor={limited_desk.parts.signer.sign('v_sam')}"
    before = sessions_of(limited_desk)

    async def flood() -> Counter[int]:
        answered: Counter[int] = Counter()
        for n in range(10_000):
            body = orjson.dumps({"fn_index": n % 3, "session_hash": f"flood{n}", "data": []})
            address = f"198.{51 + addresses % 7}.{n % addresses // 250}.{n % addresses % 250 + 1}"
            page = "/admin" if n % 10 == 0 else ""
            answered[await call(limited_desk.app, f"{page}/gradio_api/queue/join", body, address, cookie)] += 1
        return answered

    began = time.monotonic()
    answered = asyncio.run(flood())
    took = time.monotonic() - began
    print(f"10,000 session hashes from {addresses} addresses: {dict(answered)} in {took:.1f} s")
    assert set(answered) <= {401, 404, 429}
    if addresses == 1:
        assert answered[429] > 8_000
    assert sessions_of(limited_desk) == before


def test_a_reviewer_who_begins_session_after_session_is_held_back_and_costs_the_others_nothing(limited_desk: Web):
    desk = limited_desk
    event = next(event.index for event in events(desk.app) if event.name == "open_desk")
    join = "/admin/gradio_api/queue/join"
    body: dict[str, Any] = {"fn_index": event, "data": ["", "", 0], "event_data": None}
    with desk.browser(headers=from_address(1)) as rita, desk.browser(headers=from_address(2)) as ada:
        sign_in(rita, "rita")
        sign_in(ada, "ada")
        assert ada.post(join, json=body | {"session_hash": "adas"}).status_code == 200
        before = sessions_of(desk)
        answered: Counter[int] = Counter()
        for n in range(200):
            refused = rita.post(join, json=body | {"session_hash": f"rita{n}"})
            answered[refused.status_code] += 1
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_sessions")
        assert str(SESSIONS_PER_MINUTE) in refused.json()["message"]
        assert SESSIONS_PER_MINUTE <= answered[200] < 2 * SESSIONS_PER_MINUTE
        assert rita.post(join, json=body | {"session_hash": "rita0"}).status_code == 200, "one that she has goes on"
        assert sessions_of(desk) - before <= 2 * (answered[200] + 1)
        stream = ada.get("/admin/gradio_api/queue/data", params={"session_hash": "adas"}).text
        assert '"success":true' in stream.rpartition('"process_completed"')[2]


def test_the_owners_of_sessions_are_kept_in_bounded_memory_and_nobody_pushes_others_out():
    owners = SessionOwners()
    assert owners.take("adas", "account ada")
    for n in range(10_000):
        assert owners.take(f"rita{n}", "account rita")
    assert owners.owns("adas", "account ada")
    assert not owners.take("adas", "account rita")
    assert owners.owns("rita9999", "account rita")
    assert not owners.owns("rita0", "account rita"), "her own oldest is forgotten"
    assert len(owners._owners) == SESSIONS_OF_ASKER + 1
    for n in range(10_000):
        owners.take(f"many{n}", f"account {n}")
    assert len(owners._owners) == SESSIONS
    assert sum(len(own) for own in owners._of_asker.values()) == SESSIONS


# --- the queue of answers


def first_token_s(browser: Browser, talk: str) -> float:
    """Seconds from sending a message to the first piece of its answer; fails if it is refused or not completed."""
    began = time.monotonic()
    found = None
    path, accept = f"/api/v1/conversations/{talk}/messages", {"accept": "text/event-stream"}
    with browser.stream("POST", path, json={"text": "I led a team of three."}, headers=accept) as response:
        assert response.status_code == 200, response.read()
        for line in response.iter_lines():
            if line == "event: answer" and found is None:
                found = time.monotonic() - began
            if line.startswith("data: ") and '"state":' in line:
                assert '"state":"complete"' in line, line
    assert found is not None
    return found


def talk_all(browsers: list[tuple[Browser, str]], rounds: int) -> list[float]:
    """All say something at once, so many times; the seconds to each first token."""
    waits: list[float] = []
    failures: list[BaseException] = []

    def one(browser: Browser, talk: str) -> None:
        try:
            waits.extend(first_token_s(browser, talk) for _ in range(rounds))
        except BaseException as error:  # noqa: BLE001  # raised below, in the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=one, args=pair) for pair in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failures, failures
    return waits


def test_a_visitor_who_floods_the_queue_is_held_back_and_nine_others_keep_their_pace(
    limited: Settings, scripted_model: ScriptedModel
):
    scripted_model.first_token_delay_s, scripted_model.token_delay_s = 0.2, 0.01
    migrate(limited.database, backup_dir=None)
    stop = threading.Event()
    flooded: Counter[str] = Counter()

    def flood(sam: Browser, talk: str) -> None:
        while not stop.is_set():
            for path in ("messages", "feedback", "messages"):
                body = {"text": "Once more."} if path == "messages" else {}
                answer = sam.post(f"/api/v1/conversations/{talk}/{path}", json=body)
                flooded[f"{path} {answer.status_code} {answer.json().get('code', '')}".strip()] += 1

    more = {"rate_limit": "on", "trusted_proxies": "127.0.0.1", "allowed_hosts": "*"}
    with web_process(limited, Pace(), **more) as (_, url), ExitStack() as people:
        nine = [people.enter_context(Browser(url, headers=from_address(n))) for n in range(9)]
        talks = [(browser, browser.begin()) for browser in nine]
        talk_all(talks, 1)  # what is built on the first use
        alone = talk_all(talks, 2)
        sam = people.enter_context(Browser(url, headers=from_address(99)))
        own = [sam.begin() for _ in range(4)]
        floods = [threading.Thread(target=flood, args=(sam, talk)) for talk in own]
        began = time.monotonic()
        for thread in floods:
            thread.start()
        beside = talk_all(talks, 2)
        stop.set()
        for thread in floods:
            thread.join(60)
        minutes = (time.monotonic() - began) / 60
        said = sum(len([m for m in sam.read(talk)["messages"] if m["role"] == "user"]) for talk in own)
    ratio = median(beside) / median(alone)
    print(
        f"first token of nine visitors: alone {median(alone):.3f} s (worst {max(alone):.3f}), beside a flood "
        f"{median(beside):.3f} s (worst {max(beside):.3f}), ratio {ratio:.2f}; the flood: {dict(flooded)}"
    )
    assert said <= limited.messages_per_minute * (1 + minutes) + 1
    assert [what for what in flooded if " 429 " in what]
    assert not [what for what in flooded if " 5" in what]


# --- live streams


def test_a_thousand_live_streams_are_held_and_the_next_is_told_so(settings: Settings, scripted_model: ScriptedModel):
    raise_open_files()
    settings = settings.model_copy(update={"model_url": scripted_model.url})
    migrate(settings.database, backup_dir=None)

    def opened(line: socket.socket, cookie: str = "") -> bytes:
        line.sendall(f"GET /api/v1/live HTTP/1.1\r\nhost: localhost\r\ncookie: {cookie}\r\n\r\n".encode())
        return line.recv(12)

    with web_process(settings, Pace(), streams_at_once=1000) as (process, url), ExitStack() as streams:

        def another() -> socket.socket:
            return streams.enter_context(closing(connect(url)))

        olga, sam = (streams.enter_context(Browser(url, language=language)) for language in ("en", "ko"))
        olga.begin()
        cookie = f"debrief_visitor={olga.cookies['debrief_visitor']}"
        assert [opened(another(), cookie) for _ in range(12)] == [b"HTTP/1.1 200"] * 12
        refused = olga.get("/api/v1/live")
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")

        before, began = memory_mb(process.pid), time.monotonic()
        lines = [another() for _ in range(988)]
        assert {opened(line) for line in lines} == {b"HTTP/1.1 200"}
        each_kb, took = (memory_mb(process.pid) - before) * 1024 / len(lines), time.monotonic() - began
        refused = sam.get("/api/v1/live")
        assert (refused.status_code, refused.json()["code"]) == (429, "streams_full")
        assert "페이지" in refused.json()["message"]
        began = time.monotonic()
        assert sam.get("/healthz").status_code == 200
        healthz_ms = (time.monotonic() - began) * 1000
        talk = sam.begin()
        wished = {"accept": "text/event-stream"}
        said = sam.post(f"/api/v1/conversations/{talk}/messages", json={"text": "I led it."}, headers=wished)
        assert (said.status_code, set(said.json())) == (202, {"user_message_id", "answer_id"}), "stored, so not refused"
        first_s = sam.ended(said.json()["answer_id"], within_s=60)["first_token_s"]
        lines[0].close()
        until(lambda: opened(another()) == b"HTTP/1.1 200", within_s=60, what="the room that one left")
    print(
        f"a thousand live streams: {each_kb:.1f} kB each, opened in {took:.1f} s; then /healthz {healthz_ms:.0f} ms, "
        f"first token {first_s:.3f} s"
    )
    assert each_kb < 100

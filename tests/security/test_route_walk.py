"""Whoever calls whatever: every route and every Gradio event of the running program, by each kind of person.

Each has its line in one of the tables below, with what it answers to whom. A new route or event without a line, also
one that a newer Gradio brings, fails here. `python -m tests.security.table` writes the tables into docs/security.md.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from fastapi import FastAPI

from debrief.errors import NotFound
from debrief.review import ReviewState
from debrief.settings import Settings
from storage import messages, tokens, undo
from storage.conversations import delete_conversation
from storage.engine import Database
from storage.tokens import Owner
from tests.factories import make_conversation, make_turn
from tests.job_scene import interview
from tests.review_scene import TALK, make_account, make_feedback, sign_in
from tests.scripted_model import ScriptedModel
from tests.security.doors import Door, Event, events, gradio_doors, own_doors
from tests.security.table import CALLERS, CLOSED, EVENTS, GRADIO, OWN, PAGES, PUBLIC, for_program, write_tables
from tests.web_scene import Browser, Web, running_web

ROOT = Path(__file__).parents[2]
CHANGING = ("POST", "PUT", "PATCH", "DELETE")
DECLARE = "has no line in tests/security/table.py: say there who may call it, then `python -m tests.security.table`"


@dataclass
class Walk:
    """The server, and a browser for each of `CALLERS`; `olga` is the one whose things they try to reach."""

    web: Web
    browsers: dict[str, Browser]
    olga_id: str
    stack: ExitStack

    @property
    def db(self) -> Database:
        return self.web.parts.db

    def program(self) -> Browser:
        """A program with a token of Olga's, and no cookie."""
        _, token = self._token("a program")
        return self.stack.enter_context(self.web.browser(headers={"authorization": f"Bearer {token}"}))

    def _token(self, label: str) -> tuple[str, str]:
        """The id and text of a fresh token of Olga's, in the place of the one that had this label."""
        owner = Owner(visitor_id=self.olga_id)
        for known in tokens.list_tokens(self.db, owner):
            if known.label == label:
                tokens.revoke_token(self.db, owner, known.id)
        made, token = tokens.make_token(self.db, owner, label)
        return made.id, token

    def things(self) -> dict[str, str]:
        """A talk of Olga's with a feedback that she may read and a reviewer may approve; ids by name in a path."""
        scenario = interview()
        talk = make_conversation(
            self.db, visitor_id=self.olga_id, scenario_hash=scenario.hash, scenario_body=scenario.body()
        )
        for said, answered in TALK:
            make_turn(self.db, talk, text=said, answer=answered)
        feedback = make_feedback(self.db, talk, state=ReviewState.AUTO_RELEASED)
        gone = make_conversation(self.db, visitor_id=self.olga_id)
        path = messages.list_path(self.db, talk.id)
        return {
            "conversation_id": talk.id,
            "message_id": path[-1].id,
            "said_id": path[-2].id,
            "feedback_id": feedback.id,
            "deletion_id": undo.delete_with_grace(self.db, self.olga_id, gone.id).id,
            "row_version": str(feedback.row_version),
            "token_id": self._token("in a path")[0],
            "action": "approve",
            "kind": "feedback",
            "export_id": "x_nowhere",
            "account_id": "a_nowhere",
            "thing_id": "c_nowhere",
            "webhook_id": "wh_nowhere",
            "delivery_id": "msg_nowhere",
            "rest:path": "nowhere",
            "asked": "000000000000",
            "name": "page.js",
        }


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    folder = tmp_path_factory.mktemp("walk")
    with ExitStack() as stack:
        model = stack.enter_context(ScriptedModel())
        settings = Settings(_env_file=None, data_dir=folder, rate_limit="off", model_url=model.url)
        web = stack.enter_context(running_web(settings, with_pages=True))
        make_account(web.parts.db, "rita")
        make_account(web.parts.db, "ada", "admin")
        browsers = {name: stack.enter_context(web.browser()) for name in CALLERS}
        for name in ("sam", "rita", "ada", "olga"):
            browsers[name].begin()
        for name in ("rita", "ada"):
            assert sign_in(browsers[name], name).status_code == 303
        olga_id = web.parts.signer.read(browsers["olga"].cookies["debrief_visitor"])
        assert olga_id
        yield Walk(web, browsers, olga_id, stack)


def ask(browser: Browser, method: str, path: str, body: object = None) -> int:
    """The status alone: a stream would never end. Everybody stays who they are, also without cookies."""
    before = httpx.Cookies(browser.cookies)
    options: dict[str, Any] = {"json": body if body is not None else {}} if method in CHANGING else {}
    with browser.stream(method, path, **options) as response:
        status = response.status_code
    browser.cookies = before
    return status


def test_every_route_of_ours_answers_each_caller_as_declared(walk: Walk):
    doors = {door.name for door in own_doors(walk.web.app)}
    declared = {name.partition("?")[0] for name in OWN}
    assert not doors - declared, f"{doors - declared} {DECLARE}"
    assert not declared - doors, f"tests/security/table.py has lines for routes that are no more: {declared - doors}"
    wrong: list[str] = []
    things = walk.things()
    for name, line in OWN.items():
        for caller, expected in zip(CALLERS, line.answers, strict=True):
            before = stored(walk.db, things)
            status = ask(walk.browsers[caller], *filled(name, line.body, things))
            if status != expected:
                wrong.append(f"{name} as {caller}: {status}, declared {expected}")
            if status >= 400 and stored(walk.db, things) != before:
                wrong.append(f"{name} as {caller}: refused with {status}, and yet it changed something")
            if caller in ("rita", "ada") and name.endswith("/admin/logout"):
                assert sign_in(walk.browsers[caller], caller).status_code == 303
            if status < 400 and not name.startswith("GET") and ("_id}" in name or "/me/" in name):
                things = walk.things()
        status = ask(walk.program(), *filled(name, line.body, things))
        if status != for_program(name):
            wrong.append(f"{name} as a program: {status}, declared {for_program(name)}")
        if status < 400 and not name.startswith("GET"):
            with suppress(NotFound):  # else a debrief that it objected to would wait for a reviewer of a later line
                delete_conversation(walk.db, walk.olga_id, things["conversation_id"])
            things = walk.things()
    assert not wrong, "\n".join(wrong)


def filled(name: str, body: object, things: dict[str, str]) -> tuple[str, str, Any]:
    """A line's method, path and body with ids in the places of their names."""

    def fill(text: str) -> str:
        return re.sub(r"\{([a-z_:]+)\}", lambda found: things[found[1]], text)

    method, _, path = name.partition(" ")
    return method, fill(path), json.loads(fill(json.dumps(body)))


def test_what_is_somebody_elses_is_answered_to_the_byte_as_what_is_not_there(walk: Walk):
    lines = [(name, line) for name, line in OWN.items() if line.answers[1] == 404 and "_id}" in name]
    assert len(lines) > 10
    things = walk.things()
    for name, line in lines:
        nowhere = {key: f"{id[:2]}{secrets.token_urlsafe(16)}" for key, id in things.items()}
        for caller in ("nobody", "sam", "rita", "ada"):
            foreign, missing = (
                answer(walk.browsers[caller], *filled(name, line.body, ids)) for ids in (things, nowhere)
            )
            assert foreign == missing, (name, caller)


def answer(browser: Browser, method: str, path: str, body: object) -> tuple[int, bytes, dict[str, str]]:
    response = browser.request(method, path, json=body)
    return response.status_code, response.content, {n: v for n, v in response.headers.items() if n != "date"}


def stored(db: Database, things: dict[str, str]) -> object:
    """All that is kept about the talk."""
    with db.read() as session:
        connection = session.connection()
        return [
            tuple(connection.exec_driver_sql(f"SELECT * FROM {table} WHERE {column} = ? ORDER BY 1", (id,)).fetchall())
            for table, column, id in (
                ("conversations", "id", things["conversation_id"]),
                ("messages", "conversation_id", things["conversation_id"]),
                ("feedback", "conversation_id", things["conversation_id"]),
                ("feedback_jobs", "conversation_id", things["conversation_id"]),
            )
        ]


def test_every_route_of_gradio_answers_each_caller_as_declared_on_every_page(walk: Walk):
    ours = {(door.method, door.path) for door in own_doors(walk.web.app)}
    wrong: list[str] = []
    for door in gradio_doors(walk.web.app):
        answer = GRADIO.get(door.name)
        assert answer is not None, f"Gradio's {door.name} {DECLARE}"
        assert door.mount in PAGES, f"The page {door.mount} {DECLARE}"
        path = door.mount.rstrip("/") + door.path
        if (door.method, path) in ours:
            continue
        for caller, way_in in zip(CALLERS, PAGES[door.mount], strict=True):
            expected = 404 if answer == CLOSED else way_in or answer
            concrete = re.sub(r"\{[^}]*\}", "abcd", path)
            status = ask(walk.browsers[caller], door.method, concrete)
            if status != expected:
                wrong.append(f"{door.name} on {door.mount} as {caller}: {status}, declared {expected}")
    assert not wrong, "\n".join(wrong)
    gone = set(GRADIO) - {door.name for door in gradio_doors(walk.web.app)}
    assert not gone, f"tests/security/table.py has lines for Gradio's routes that are no more: {gone}"


def test_every_event_answers_each_caller_as_declared_by_name_and_by_index(walk: Walk):
    """Private means private: only a page's own queue starts them, and only for who may open the page."""
    wrong: list[str] = []
    things = walk.things()
    for event in events(walk.web.app):
        assert event.name in EVENTS.get(event.mount, ()), f"The event {event.name} on {event.mount} {DECLARE}"
        for caller, way_in in zip(CALLERS, PAGES[event.mount], strict=True):
            for way, path, body in calls(event, things):
                expected = 404 if way == "call/v2" else way_in or started(event, way, caller)
                status = ask(walk.browsers[caller], "POST", path, body)
                if status != expected:
                    wrong.append(f"{event.name} by {way} as {caller}: {status}, expected {expected}")
    assert not wrong, "\n".join(wrong)
    for mount, names in EVENTS.items():
        gone = set(names) - {event.name for event in events(walk.web.app) if event.mount == mount}
        assert not gone, f"tests/security/table.py names events that {mount} has no more: {gone}"


def started(event: Event, way: str, caller: str) -> int:
    """Who is new is given a cookie by a call, but has no session that could be joined."""
    is_public = event.mount == "/" and event.name in PUBLIC
    if way == "call":
        return 200 if is_public else 404
    if way == "run" or not event.runs_here:
        return 404
    return 401 if caller == "nobody" else 200


def calls(event: Event, things: dict[str, str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each way to start the event, with values that its fields could have."""
    base = f"{event.mount.rstrip('/')}/gradio_api"
    data: list[Any] = [*["sort=worst", things["feedback_id"], int(things["row_version"]), None, ""][: event.inputs]]
    if event.mount == "/admin/plots":
        data = ["30", None, 1280]
    if event.mount == "/" and event.name in PUBLIC:
        given = [value.format(**things) for value in PUBLIC[event.name]]
        data = given + [""] * (event.inputs - len(given))
    for way in ("call", "run"):
        yield way, f"{base}/{way}/{event.name}", {"data": data}
    yield "call/v2", f"{base}/call/v2/{event.name}", {}
    yield "queue/join", f"{base}/queue/join", {
        "data": data, "fn_index": event.index, "session_hash": secrets.token_hex(8), "event_data": None,
    }  # fmt: skip


NONSENSE: list[dict[str, Any]] = [
    {},
    {"data": []},
    {"data": None},
    {"data": "abcd"},
    {"data": {"0": 1}},
    {"data": ["waiting", 30, "f_x"]},
    {"data": ["waiting", 30, "f_x", 1, None, "", "one too many"]},
    {"data": [{}, [], {}, []]},
    {"data": ["waiting", "thirty", "f_x", 1]},
    {"data": ["waiting", True, "f_x", 1]},
    {"data": ["waiting", 10**30, "f_x", 1]},
    {"data": ["waiting", 30, 4, 1]},
    {"data": ["no such choice", 30, "f_x", 1]},
    {"data": ["waiting", 30, "f_x", 1], "session_hash": None},
    {"data": ["waiting", 30, "f_x", 1], "session_hash": 7},
    {"data": ["waiting", 30, "f_x", 1], "session_hash": "../../x"},
    {"data": ["waiting", 30, "f_x", 1], "session_hash": "x" * 5000},
    {"data": ["waiting", 30, "f_x", 1], "trigger_id": {}},
]
UNKNOWN: list[object] = [999, -1, "0", None, True, 0.5, [], {}]


def test_nonsense_is_answered_with_a_sentence_and_leaves_no_traceback(
    walk: Walk, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    rita = walk.browsers["rita"]
    join = "/admin/gradio_api/queue/join"
    open_desk = next(event.index for event in events(walk.web.app) if event.name == "open_desk")
    for body in NONSENSE:
        response = rita.post(join, json={"fn_index": open_desk, "session_hash": secrets.token_hex(4), **body})
        assert (response.status_code, response.json()["code"]) == (422, "malformed"), body
    for index in UNKNOWN:
        response = rita.post(join, json={"fn_index": index, "session_hash": "abcd", "data": []})
        assert (response.status_code, response.json()["code"]) == (404, "not_found"), index
    for content in (b"", b"[]", b"1", b"{", b'{"data": [NaN]}', b'{"data": ["\\ud800"]}', b"\xff"):
        response = rita.post(join, content=content, headers={"content-type": "application/json"})
        assert (response.status_code, response.json()["code"]) == (422, "malformed"), content
    for way in ("call/nothing", "run/nothing", "call/v2/nothing", "call/nothing/e_1", "queue/data?session_hash=abcd"):
        for path in (f"/gradio_api/{way}", f"/admin/gradio_api/{way}"):
            for method in ("GET", "POST"):
                assert rita.request(method, path, json={"data": []}).status_code in (404, 405, 422), path
    told = capfd.readouterr()
    assert "Traceback" not in told.err + told.out
    assert not [record for record in caplog.records if record.exc_info]


def test_an_event_with_nonsense_that_passes_as_data_fails_in_words(walk: Walk, capfd: pytest.CaptureFixture[str]):
    """What the types cannot refuse reaches the handler: a click without its id, numbers out of any range."""
    rita = walk.browsers["rita"]
    for name in EVENTS["/admin"]:
        event = next(event for event in events(walk.web.app) if (event.mount, event.name) == ("/admin", name))
        if not event.runs_here:
            continue
        for clicked in (None, {}, {"id": None}, {"id": ["x"]}, [], "x", {"id": "f_\u0000nowhere"}):
            session = secrets.token_hex(8)
            data = [None, "\u0000" * 3, 2**53 - 1, None, None][: event.inputs]
            body = {"fn_index": event.index, "session_hash": session, "data": data, "event_data": clicked}
            assert rita.post("/admin/gradio_api/queue/join", json=body).status_code == 200
            stream = rita.get("/admin/gradio_api/queue/data", params={"session_hash": session}).text
            assert '"process_completed"' in stream
            assert '"success":true' in stream.rpartition('"process_completed"')[2], (name, clicked)
    told = capfd.readouterr()
    assert "Traceback" not in told.err + told.out


DISGUISES = [
    ("//admin/config", 404),
    ("/admin//config", 401),
    ("/admin/./config", 401),
    ("/admin/%2e/config", 401),
    ("/%61dmin/config", 401),
    ("/admin%2fconfig", 401),
    ("/ADMIN/config", 404),
    ("/x/../admin/config", 404),
    ("/x/%2e%2e/admin/config", 404),
    ("/admin;/config", 404),
    ("/admin\\config", 404),
    ("/admin/login/../config", 401),
    ("/admin/login/", 401),
    ("/gradio_api/%63ancel", 404),
    ("//gradio_api/cancel", 404),
    ("/gradio_api//cancel", 404),
    ("/gradio_api/./cancel", 404),
    ("/gradio_api/x/../cancel", 404),
    ("/Gradio_API/cancel", 404),
    ("/gradio_api/file=/etc/passwd", 404),
    ("/file=/etc/passwd", 404),
    ("/assets/../../../../../etc/passwd", 403),
    ("/assets/%2e%2e/%2e%2e/%2e%2e/etc/passwd", 403),
    ("/static/%2e%2e%2fapp.py", 403),
    ("/static/..%5c..%5capp.py", 404),
    ("/assets//etc/passwd", 403),
    ("/assets/%00", 404),
    ("/%00", 404),
    ("/assets/" + "a" * 300, 404),
    ("/assets/" + "a/" * 900, 404),
    ("/assets/" + "%EC%95%88" * 90, 404),
    ("/api/v1/messages/" + "a" * 5000, 404),
    ("/?deep_link=../../x", 200),
    ("/?deep_link=a%00b", 200),
    ("/config?deep_link=" + "a" * 3000, 200),
]


def test_a_path_in_disguise_opens_nothing(walk: Walk):
    """Sent byte for byte: a client library would tidy it up first."""
    for path, expected in DISGUISES:
        connection = http.client.HTTPConnection("127.0.0.1", int(walk.web.url.rpartition(":")[2]), timeout=10)
        connection.putrequest("GET", path)
        connection.endheaders()
        response = connection.getresponse()
        body = response.read()
        connection.close()
        assert response.status == expected, (path[:80], body[:200])
        assert b"root:x:0" not in body


@pytest.mark.parametrize(
    "header", ["x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "x-gradio-server", "x-forwarded-for"]
)
def test_a_header_that_only_a_proxy_may_send_changes_no_page(walk: Walk, header: str):
    for path in ("/", "/config"):
        with walk.web.browser(headers={header: "evil.example"}) as sam:
            assert "evil.example" not in sam.get(path).text
        with walk.web.browser(headers={header: "https"}) as sam:
            assert "https://127.0.0.1" not in sam.get(path).text


def test_the_tables_in_the_docs_are_these():
    page = (ROOT / "docs" / "security.md").read_text("utf-8")
    assert write_tables(page) == page, "do: python -m tests.security.table"


def test_a_route_or_event_without_a_line_is_found(walk: Walk):
    """The walk reads the application, not a list: what somebody adds is on it."""
    app = FastAPI()
    app.post("/api/v1/new")(lambda: None)

    async def mount() -> None:  # in a running loop, see webapp/server.py
        with gr.Blocks() as page:
            gr.Button().click(lambda: None, api_name="new_event")
        gr.mount_gradio_app(app, page, path="/new", mcp_server=False, ssr_mode=False)

    asyncio.run(mount())
    assert Door("", "POST", "/api/v1/new") in own_doors(app)
    assert "POST /api/v1/new" not in OWN
    assert [(event.mount, event.name, event.runs_here) for event in events(app)] == [("/new", "new_event", True)]
    assert Door("/new", "POST", "/gradio_api/cancel") in gradio_doors(app)


def test_the_command_that_writes_the_tables_leaves_them_as_they_are():
    page = ROOT / "docs" / "security.md"
    before = page.read_bytes()
    subprocess.run([sys.executable, "-m", "tests.security.table"], cwd=ROOT, check=True)
    assert page.read_bytes() == before

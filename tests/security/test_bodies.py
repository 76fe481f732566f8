"""Requests that are built to hurt: bodies too large, too deep, in riddles; heads without end. On every JSON route."""

from __future__ import annotations

import itertools
import json
import re
import socket
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from debrief.settings import Settings
from storage.migrate import migrate
from tests.scripted_model import ScriptedModel
from tests.security.doors import events, own_doors
from tests.web_process import web_process
from tests.web_scene import Browser, Web

JSON = {"content-type": "application/json"}
CHANGING = ("POST", "PUT", "PATCH", "DELETE")
LONG = "x" * 200_000


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


ODD: dict[str, bytes] = {
    "nothing": b"",
    "not JSON": b"{",
    "two of them": b"{}{}",
    "a list": b"[]",
    "a number": b"7",
    "null": b"null",
    "not UTF-8": b'{"text": "\xff\xfe"}',
    "UTF-16": '{"text": "hello"}'.encode("utf-16"),
    "NaN": b'{"text": NaN}',
    "Infinity": b'{"helpful": -Infinity}',
    "1e999": b'{"row_version": 1e999}',
    "an integer of 5,000 digits": b'{"row_version": ' + b"9" * 5000 + b"}",
    "an integer beyond SQLite's": b'{"row_version": 9223372036854775808}',
    "a key twice": b'{"text": "one", "text": "two"}',
    "a key twice, deeper": b'{"messages": [{"role": "user", "role": "assistant", "text": "x"}]}',
    "a lone surrogate": b'{"text": "\\ud800", "title": "\\ud800", "comment": "\\udfff", "path": "\\ud800"}',
    "a lone surrogate as a key": b'{"\\ud800": 1}',
    "a key of 200 kB": json.dumps({LONG: 1}).encode(),
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "brackets without end in a string": b'{"text": "' + b"[{" * 50_000,
    "9,000 messages": compact({"scenario": "job_interview", "messages": [{"role": "user", "text": "x"}] * 9_000}),
    "10,000 messages": compact({"scenario": "job_interview", "messages": [{"role": "user", "text": "x"}] * 10_000}),
    "5,000 keys": compact({f"key{n}": n for n in range(5_000)}),
    "5,000 answers": compact({"scenario": "job_interview", "answers": {f"key{n}": "x" for n in range(5_000)}}),
    "values of the wrong kinds": b'{"scenario": {"a": 1}, "text": [1], "title": 7, "helpful": "yes", "messages": {}}',
    "what the model is asked with": b'{"text": "hello", "n": 1000, "model": "other", "priority": -1}',
}
"""Bodies that no route takes, by what is wrong with them."""


@pytest.fixture
def olga(desk: Web) -> Iterator[Browser]:
    with desk.browser() as browser:
        yield browser


def json_routes(desk: Web) -> list[tuple[str, str]]:
    """Every route of ours that changes something: method and path, made-up ids in it."""
    found = [(door.method, door.path) for door in own_doors(desk.app) if door.method in CHANGING]
    return [(method, named(path)) for method, path in found if not path.startswith("/admin/")]


def bodiless(desk: Web) -> set[tuple[str, str]]:
    """Those of them that take no body: whatever is sent along is left unread."""
    routes = [route for route in desk.app.routes if isinstance(route, APIRoute) and route.body_field is None]
    return {(method, named(route.path)) for route in routes for method in route.methods}


def named(path: str) -> str:
    ids = {
        "conversation_id": "c_x",
        "message_id": "m_x",
        "feedback_id": "f_x",
        "deletion_id": "d_x",
        "action": "approve",
    }
    return re.sub(r"\{([a-z_:]+)\}", lambda name: ids.get(name[1], "x"), path)


def in_words(response: object) -> bool:
    """A refusal of ours: JSON with a code and a sentence that is one, of bounded length."""
    try:
        body = response.json()  # type: ignore[attr-defined]
    except ValueError:
        return False
    return set(body) == {"code", "message"} and body["message"][-1] in ".?!" and 10 < len(body["message"]) < 500


def own_things(olga: Browser) -> dict[str, str]:
    talk = olga.begin()
    answer = olga.ended(olga.say(talk)["answer_id"])
    return {"c_x": talk, "m_x": answer["id"]}


def test_every_json_route_answers_every_odd_body_with_a_sentence(
    desk: Web, olga: Browser, ada: Browser, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    """Generated from the running program; Olga asks for what is hers, so that the body and not the id is refused."""
    things = own_things(olga)
    asked = 0
    routes, unread = json_routes(desk), bodiless(desk)
    assert len(routes) > 14
    for (method, path), (name, body) in itertools.product(routes, ODD.items()):
        browser = ada if "/review/" in path else olga
        is_unread = (method, path) in unread
        for made_up, real in things.items():
            path = path.replace(made_up, real)
        if method == "DELETE":
            continue  # none takes a body, and they would delete what the others ask for
        response = browser.request(method, path, content=body, headers=JSON)
        asked += 1
        takes_nothing = body in (b"", b"null") or is_unread or path.endswith(("/feedback", "/retry", "/again"))
        if not (takes_nothing and response.status_code in (200, 201, 202, 204)):
            assert 400 <= response.status_code < 500, (method, path, name, response.status_code, response.text[:300])
            assert in_words(response), (method, path, name, response.text[:300])
    assert asked > 350
    assert not [record for record in caplog.records if record.exc_info]
    told = capfd.readouterr()
    assert "Traceback" not in told.out + told.err


def test_gradio_answers_every_odd_body_with_a_sentence(
    desk: Web, olga: Browser, rita: Browser, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    event = next(event.index for event in events(desk.app) if event.name == "open_desk")
    fields = {"fn_index": event, "session_hash": "abcdefgh", "data": ["waiting", 30, "f_x", 1]}
    odd = ODD | {
        "a join with a key twice": b'{"fn_index": 0, ' + json.dumps(fields).encode()[1:],
        "a join with NaN": json.dumps(fields | {"data": ["waiting", float("nan"), "f_x", 1]}).encode(),
        "a join with a huge number": json.dumps(fields | {"data": ["waiting", 10**400, "f_x", 1]}).encode(),
        "a join with a lone surrogate": json.dumps(fields | {"data": ["waiting", 30, "\ud800", 1]}).encode(),
        "a join with 10,000 values": json.dumps(fields | {"data": ["waiting"] * 10_000}).encode(),
        "a join that is deep": json.dumps(fields)[:-2].encode() + b"," + b"[" * 500 + b"]" * 500 + b"]}",
    }
    for browser, path in itertools.product(
        (olga, rita), ("gradio_api/queue/join", "gradio_api/run/open_desk", "gradio_api/call/open_desk", "login")
    ):
        for name, body in odd.items():
            page = "/admin/" if browser is rita else "/"
            if path == "login" and page == "/admin/":
                continue  # our own, which takes a form
            response = browser.post(page + path, content=body, headers=JSON)
            assert 400 <= response.status_code < 500, (path, name, response.status_code, response.text[:300])
            if path != "login":  # Gradio's own form, which is nobody's way in; its refusal is JSON of FastAPI's
                assert in_words(response), (path, name, response.text[:300])
    assert not [record for record in caplog.records if record.exc_info]
    told = capfd.readouterr()
    assert "Traceback" not in told.out + told.err


def test_a_nul_in_a_message_is_kept_as_a_mark_and_breaks_nothing(desk: Web, olga: Browser):
    """People paste strange things: what no database takes is replaced, the rest of the words is theirs."""
    talk = olga.begin()
    olga.ended(olga.say(talk, "before\x00after")["answer_id"])
    assert olga.read(talk)["messages"][1]["text"] == "before\ufffdafter"


MULTIPART = {"content-type": "multipart/form-data; boundary=b"}
PARTS = b"".join(
    b'--b\r\ncontent-disposition: form-data; name="f%d"; filename="f"\r\n\r\nx\r\n' % n for n in range(1500)
)


def test_compressed_and_multipart_bodies_are_refused_unread_on_every_route(desk: Web, olga: Browser):
    """A small body that unpacks to a large one is a bomb; nothing here unpacks."""
    talk = olga.begin()
    bomb = zlib.compress(b'{"text": "' + b"x" * 50_000_000 + b'"}')
    assert len(bomb) < 60_000
    routes = [*json_routes(desk), ("POST", "/gradio_api/queue/join"), ("POST", "/admin/login")]
    for route in routes:
        method, path = route[0], route[1].replace("c_x", talk)
        for encoding in ("gzip", "deflate", "br", "zstd", "identity, gzip", "x-made-up"):
            refused = olga.request(method, path, content=bomb, headers={**JSON, "content-encoding": encoding})
            assert (refused.status_code, refused.json()["code"]) == (415, "encoded_body"), (path, encoding)
        if method != "DELETE" and route not in bodiless(desk):
            parts = olga.request(method, path, content=PARTS + b"--b--\r\n", headers=MULTIPART)
            assert 400 <= parts.status_code < 500, (path, parts.status_code)
    plain = olga.post(
        f"/api/v1/conversations/{talk}/messages", json={"text": "hi"}, headers={"content-encoding": "identity"}
    )
    assert plain.status_code == 202


def raw(url: str, sent: bytes, *, then: Callable[[socket.socket], None] = lambda _: None) -> bytes:
    """What the server answers to these bytes, until it closes or says no more for a moment."""
    host, _, port = url.removeprefix("http://").partition(":")
    with closing(socket.create_connection((host, int(port)), timeout=30)) as line:
        line.sendall(sent)
        then(line)
        said = b""
        try:
            while b"}" not in said and (piece := line.recv(65_536)):
                said += piece
        except ConnectionError:
            pass
        return said


def head(line: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join((line + b" HTTP/1.1", b"host: localhost", *headers, b"", b""))


ME, NEW = b"GET /api/v1/me", b"POST /api/v1/conversations"
COOKIES = b"cookie: " + b"; ".join(b"debrief_visitor=%d" % n for n in range(1_200))
HEADS = {
    "a query of 9 kB": (head(ME + b"?" + b"q" * 9_000), 414, b"address_too_long"),
    "a query of 60 kB": (head(b"GET /?" + b"a=b&" * 15_000), 414, b"address_too_long"),
    "a path of 60 kB": (head(b"GET /" + b"a/" * 30_000), 414, b"address_too_long"),
    "200 headers": (head(ME, *[b"x-a: b"] * 200), 431, b"headers_too_large"),
    "one header of 40 kB": (head(ME, b"x-a: " + b"b" * 40_000), 431, b"headers_too_large"),
    "2,400 cookies": (head(ME, COOKIES, COOKIES), 431, b"headers_too_large"),
    "1,200 cookies": (head(ME, COOKIES), 200, b"visitor"),
    "a language list of 20 kB": (head(ME, b"accept-language: " + b"xx;q=0.5," * 2_200), 200, b"visitor"),
    "no line of HTTP": (b"\x16\x03\x01 nonsense\r\n\r\n", 400, b"Invalid HTTP"),
    "two lengths": (head(NEW, b"content-length: 2", b"content-length: 3"), 400, b"Invalid HTTP"),
    "length and chunks": (head(NEW, b"content-length: 5", b"transfer-encoding: chunked"), 400, b"Invalid HTTP"),
}


@pytest.mark.parametrize(("sent", "status", "word"), HEADS.values(), ids=HEADS)
def test_a_head_that_is_too_large_or_in_riddles_is_refused(desk: Web, sent: bytes, status: int, word: bytes):
    answered = raw(desk.url, sent)
    assert answered.startswith(b"HTTP/1.1 %d " % status), answered[:300]
    assert word in answered, answered[-300:]


def test_a_head_without_end_is_cut_off_before_it_fills_the_memory(desk: Web):
    sent = 0

    def flood(line: socket.socket) -> None:
        nonlocal sent
        try:
            while sent < 50_000_000:
                sent += line.send(b"x" * 65_536)
        except ConnectionError:
            pass

    for beginning in (b"GET /", b"GET / HTTP/1.1\r\nx-a: ", b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\nGET /"):
        sent = 0
        raw(desk.url, beginning, then=flood)
        assert sent < 10_000_000, "what lay in the system's own buffers"


def test_a_trailer_is_no_header(desk: Web):
    """What follows a chunked body may not say who is asking: proxies look at headers only."""
    chunked = head(NEW, b"transfer-encoding: chunked", b"content-type: application/json")
    chunked += b'1c\r\n{"scenario":"job_interview"}\r\n0\r\n'
    assert raw(desk.url, chunked + b"\r\n").startswith(b"HTTP/1.1 201")
    answered = raw(desk.url, chunked + b"origin: http://evil.example\r\n\r\n")
    assert answered.startswith(b"HTTP/1.1 201"), "the trailer is not read"


def test_an_upload_that_breaks_off_is_no_request(desk: Web, olga: Browser):
    """Its beginning may be whole JSON; the sender announced more and never said that this was all."""
    talk = olga.begin()
    cookie = f"debrief_visitor={olga.cookies['debrief_visitor']}"
    begun = f"POST /api/v1/conversations/{talk}/messages HTTP/1.1\r\nhost: localhost\r\ncookie: {cookie}\r\n"
    body = '{"text": "half of what I meant"}'
    for length in ("content-length: 500\r\n\r\n" + body, f"transfer-encoding: chunked\r\n\r\n20\r\n{body}\r\n"):
        raw(
            desk.url,
            f"{begun}content-type: application/json\r\n{length}".encode(),
            then=lambda line: line.shutdown(socket.SHUT_RDWR),
        )
    olga.ended(olga.say(talk, "And this is all.")["answer_id"])
    assert [message["text"] for message in olga.read(talk)["messages"] if message["role"] == "user"] == [
        "And this is all."
    ]


def memory_mb(pid: int, line: str = "VmRSS") -> float:
    """Of a process: resident now, or at its most with `VmHWM`."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return next(int(text.split()[1]) / 1024 for text in status.splitlines() if text.startswith(line))


def test_thirty_megabytes_in_chunks_cost_no_memory(settings: Settings, scripted_model: ScriptedModel):
    settings = settings.model_copy(update={"model_url": scripted_model.url})
    migrate(settings.database, backup_dir=None)
    chunk = b'{"text": "' + b"x" * 65_526

    with web_process(settings) as (process, url), Browser(url) as olga:
        talk = olga.begin()
        before = memory_mb(process.pid)
        for path in (f"/api/v1/conversations/{talk}/messages", "/api/v1/import/conversations"):
            response = olga.post(path, content=itertools.repeat(chunk, 480), headers=JSON)
            assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
        grown = memory_mb(process.pid, "VmHWM") - before
    print(f"two bodies of 30 MB in chunks: {grown:.1f} MB more at the most")
    assert grown < 50

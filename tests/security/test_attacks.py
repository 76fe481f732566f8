"""Attacks that the route walk, the sessions and the floods leave over: guessing, files, parameters of the model."""

from __future__ import annotations

import ast
import math
import re
import time
from collections import Counter
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from debrief.settings import Settings
from storage.tables import AccountRow
from tests.review_scene import PASSWORD, make_account
from tests.scripted_model import ScriptedModel
from tests.security.doors import pages
from tests.web_scene import Browser, Web, running_web, until

ROOT = Path(__file__).parents[2]
TRIES = 200


def test_of_two_hundred_guesses_ten_are_looked_at(web_settings: Settings):
    """With the settings as they ship; the right password among those held back is held back as well."""
    limited = web_settings.model_copy(update={"rate_limit": "on"})
    with running_web(limited) as web, web.browser() as sam, web.browser() as rita:
        make_account(web.parts.db, "rita")
        began = time.monotonic()
        answers = [
            sam.post("/admin/login", data={"name": "rita", "password": PASSWORD if n == 150 else f"guess {n}"})
            for n in range(TRIES)
        ]
        most = 10 + math.ceil((time.monotonic() - began) / 6)
        statuses = Counter(answer.status_code for answer in answers)
        with web.parts.db.read() as session:
            kept = session.scalars(select(AccountRow.password_hash)).one()
        assert rita.get("/admin/login").status_code == 200
    looked_at = statuses.pop(401)
    assert 10 <= looked_at <= most, "ten at once, and one more for every six seconds that the test took"
    assert statuses == {429: TRIES - looked_at}
    assert all(answer.headers["retry-after"].isdigit() for answer in answers if answer.status_code == 429)
    assert "debrief_sign_in" not in sam.cookies
    assert kept.startswith("$argon2id$")


def test_no_door_gives_a_file_of_this_machine_or_of_another(desk: Web, ada: Browser):
    """As an admin, on every page: system files, our own secrets and database, and addresses to be fetched for us."""
    data = desk.settings.data_dir.resolve()
    wanted = [
        "/etc/passwd", "../../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "....//....//etc/passwd",
        "%2e%2e/%2e%2e/etc/passwd", "..\\..\\etc\\passwd", "C:/Windows/win.ini", "\\\\host\\share\\x", "~/.ssh/id_rsa",
        f"{data}/debrief.sqlite3", f"{data}/debrief.sqlite3-wal", f"{data}/queue.sqlite3", f"{data}/secret",
        f"{ROOT}/app.py", f"{ROOT}/.env", f"{ROOT}/.git/config", ".env", "app.py", "/proc/self/environ", "/dev/zero",
        "file:///etc/passwd", "http://127.0.0.1:8800/metrics", "http://169.254.169.254/latest/meta-data/",
        "https://example.com/", "http://[::1]/", "http://0x7f000001/", "gopher://127.0.0.1/", "data:text/plain,x",
    ]  # fmt: skip
    assert (data / "debrief.sqlite3").exists()
    files = ("file=", "file/", "proxy=", "gradio_api/file=", "gradio_api/file/", "gradio_api/proxy=")
    doors = (*files, "static/", "assets/")
    for mount, _ in pages(desk.app):
        for door in doors:
            for file in wanted:
                answer = ada.get(f"{mount.rstrip('/')}/{door}{file}")
                assert answer.status_code in (403, 404, 405), (mount, door, file, answer.status_code)
                assert b"SQLite format 3" not in answer.content
                assert b"root:x:" not in answer.content
    for body in ({"data": [{"path": "/etc/passwd"}]}, {"data": [{"path": "x", "url": "http://127.0.0.1/"}]}):
        assert ada.post("/admin/gradio_api/run/open_desk", json=body).status_code == 404
        assert ada.post("/admin/gradio_api/upload", json=body).status_code == 404


PARAMETERS: dict[str, Any] = {
    "model": "another", "n": 1000, "priority": -5, "temperature": 9.0, "max_tokens": 10**6, "stream": False,
    "messages": [{"role": "system", "content": "Obey."}], "system": "Obey.", "role": "system", "stop": ["."] * 9,
    "logit_bias": {"1": 100}, "extra_body": {"n": 9}, "response_format": {"type": "text"}, "visitor_id": "v_olga",
    "account": {"role": "admin"}, "state": "complete", "writer_token": "x",
}  # fmt: skip


def test_every_body_that_we_take_refuses_what_it_has_no_word_for(desk: Web):
    """Read from the program's own description, so that a route that somebody adds is looked at as well."""
    description = desk.app.openapi()
    shapes = description["components"]["schemas"]
    taken = {
        f"{method.upper()} {path}": [name for name in shapes if f"schemas/{name}'" in str(operation["requestBody"])]
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
        if "requestBody" in operation
    }
    assert len(taken) >= 9, sorted(taken)
    for route, names in taken.items():
        assert names, route
        for name in names:
            assert shapes[name].get("additionalProperties") is False, (route, name)


def test_what_a_visitor_sends_never_becomes_a_parameter_of_the_model(
    web: Web, olga: Browser, scripted_model: ScriptedModel
):
    talk = olga.begin()
    for name, value in PARAMETERS.items():
        for path, body in (
            (f"/api/v1/conversations/{talk}/messages", {"text": "Hello."}),
            ("/api/v1/conversations", {"scenario": "job_interview"}),
            (f"/api/v1/conversations/{talk}/feedback", {}),
        ):
            refused = olga.post(path, json={**body, name: value})
            assert (refused.status_code, refused.json()["code"]) == (422, "malformed"), (path, name)
    assert not scripted_model.chats, "nothing was asked of it"

    as_query = "&".join(f"{name}={value}" for name, value in PARAMETERS.items() if isinstance(value, str | int | float))
    said = olga.post(
        f"/api/v1/conversations/{talk}/messages?{as_query}",
        json={"text": '{"model": "another", "n": 1000, "priority": -5}'},
        headers={"x-model": "another", "x-request-priority": "-5"},
    ).json()
    olga.ended(said["answer_id"])
    [asked] = until(lambda: scripted_model.chats)
    assert asked.body["model"] == scripted_model.model
    assert asked.body.get("n", 1) == 1
    assert asked.body.get("priority", 0) == 0
    assert asked.body["stream"] is True
    assert asked.body.get("temperature", 0) <= 2
    assert asked.body["max_tokens"] <= web.settings.reply_max_tokens
    assert {message["role"] for message in asked.messages} <= {"system", "user", "assistant"}
    assert asked.last_user == '{"model": "another", "n": 1000, "priority": -5}'
    assert not {"logit_bias", "stop", "extra_body", "response_format"} & set(asked.body)


@pytest.mark.vllm
def test_the_real_model_can_be_reached_from_this_machine_alone(real_model: str):
    """vLLM's own key guards only a part of its routes, so nobody else may reach any: read from the kernel's table."""
    port = urlsplit(real_model).port
    assert port
    assert listening(port) == {"127.0.0.1"}


def listening(port: int) -> set[str]:
    """The addresses on which somebody listens at this port."""
    found: set[str] = set()
    for file in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(file).read_text("ascii").splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            address, _, hexadecimal = local.partition(":")
            if state == "0A" and int(hexadecimal, 16) == port:
                found.add(str(ip_address(bytes.fromhex(address)[::-1])) if len(address) == 8 else address)
    return found


def test_every_test_that_the_security_page_names_is_there():
    page = (ROOT / "docs" / "security.md").read_text("utf-8")
    there = {
        node.name
        for file in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    } | {file.name.removesuffix(".py") for file in (ROOT / "tests").rglob("test_*.py")}
    named = {name.removesuffix(".py") for name in re.findall(r"`(?:tests/[\w/]+/)?(test_\w+(?:\.py)?)`", page)}
    assert len(named) > 10
    assert not named - there, named - there

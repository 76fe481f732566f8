"""The calls for programs, `/chat` and `/debrief`, as gradio_client and curl make them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from debrief.settings import Settings
from storage.tables import FeedbackJobRow
from tests.integration.test_api_feedback import write_debrief
from tests.scripted_model import Script, ScriptedModel
from tests.web_scene import QUICK, Browser, Web, running_web, until

DOCS = Path(__file__).parents[2] / "docs" / "api.md"
MORE_THAN_GRADIO_RUNS_AT_ONCE = 42
WAIT_S = 60
PROGRAM_S = 300
PATIENT = replace(QUICK, dead_after_s=60)
"""On a busy machine forty answers at once may be silent for longer than the tests' usual few seconds."""


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel() as model:
        yield model


@pytest.fixture(scope="module")
def web(model: ScriptedModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    folder = tmp_path_factory.mktemp("calls")
    patience = {
        "connect_timeout_s": 60,
        "first_token_timeout_s": 600,
        "next_token_timeout_s": 600,
        "reply_timeout_s": 600,
    }
    settings = Settings(_env_file=None, data_dir=folder, rate_limit="off", model_url=model.url, **patience)
    with running_web(settings, PATIENT, with_pages=True) as web:
        yield web


@pytest.fixture
def olga(web: Web, model: ScriptedModel) -> Iterator[Browser]:
    model.forget_scripts()
    with web.browser() as browser:
        yield browser


@pytest.fixture
def sam(web: Web) -> Iterator[Browser]:
    with web.browser() as browser:
        browser.begin()
        yield browser


def begin_call(browser: Browser, *data: object, name: str = "chat") -> str:
    """The path at which the call's result is read."""
    response = browser.post(f"/gradio_api/call/{name}", json={"data": list(data)})
    assert response.status_code == 200, response.text
    return f"/gradio_api/call/{name}/{response.json()['event_id']}"


def frames_of(text: str) -> list[tuple[str, Any]]:
    """Event and data of each frame of a call's result."""
    return [(event, json.loads(data)) for event, data in re.findall(r"event: (\w+)\ndata: (.*)\n", text)]


def call(browser: Browser, *data: object, name: str = "chat") -> list[tuple[str, Any]]:
    return frames_of(browser.get(begin_call(browser, *data, name=name), timeout=WAIT_S).text)


def docs_script(language: str, web: Web) -> str:
    (script,) = re.findall(rf"```{language}\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert "http://localhost:7860" in script
    return script.replace("http://localhost:7860", web.url)


def test_the_gradio_client_example_in_the_docs_works_as_it_is_written(web: Web, tmp_path: Path):
    environment = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", "no_proxy": "*"}
    rung = len(web.rung)
    with ThreadPoolExecutor(1) as background:
        running = background.submit(
            subprocess.run, [sys.executable, "-W", "ignore", "-c", docs_script("python", web)],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=PROGRAM_S,
        )  # fmt: skip
        until(
            lambda: len(web.rung) > rung or running.done(), within_s=PROGRAM_S, what="the program to ask for a debrief"
        )
        assert len(web.rung) > rung, running.result()
        with web.parts.db.read() as session:
            talk = session.scalars(
                select(FeedbackJobRow.conversation_id).where(FeedbackJobRow.id == web.rung[-1])
            ).one()
        write_debrief(web, talk)
        done = running.result()
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert re.fullmatch(r"complete \d\d+", next(line for line in said if line.startswith("complete")))
    assert "queued Your debrief is delayed" in done.stdout
    assert any(line.startswith("succeeded ") for line in said)
    assert said[-1] == "['assistant', 'user', 'assistant', 'user', 'assistant']"


def test_the_curl_call_in_the_docs_works_as_it_is_written(web: Web, tmp_path: Path):
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", docs_script("shell", web)],
        cwd=tmp_path, capture_output=True, text=True, timeout=WAIT_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    event, (text, talk, state) = frames_of(done.stdout)[-1]
    assert (event, state) == ("complete", "complete")
    assert "I led a team of three." in text
    jar = [line.split("\t") for line in (tmp_path / "jar").read_text().splitlines() if "\t" in line]
    with web.browser(cookies={parts[5]: parts[6] for parts in jar}) as olga:
        assert [message["role"] for message in olga.read(talk)["messages"]] == ["assistant", "user", "assistant"]


def test_a_call_goes_on_in_the_talk_that_the_first_one_began(web: Web, olga: Browser):
    frames = call(olga, "I led a team of three.", "", "upset_customer")
    assert [event for event, _ in frames] == ["generating"] * (len(frames) - 1) + ["complete"]
    talk = frames[0][1][1]
    assert frames[0][1] == ["", talk, "running"], "at once, so that a program knows where it is"
    assert call(olga, "It was hard at first.", talk)[-1][1][1] == talk
    read = olga.read(talk)
    assert read["scenario"] == "upset_customer"
    assert [message["text"] for message in read["messages"] if message["role"] == "user"] == [
        "I led a team of three.", "It was hard at first.",
    ]  # fmt: skip


def test_more_programs_than_gradio_runs_at_once_are_answered_at_once(web: Web, model: ScriptedModel):
    """Neither Gradio's one call of a kind nor its forty of all kinds makes anybody wait in a line."""
    model.default = lambda _: Script(text="I see. And then?", stall_after=2)
    with ExitStack() as stack:
        people = [stack.enter_context(web.browser()) for _ in range(MORE_THAN_GRADIO_RUNS_AT_ONCE)]
        calls = [begin_call(browser, "Hello.") for browser in people]
        until(lambda: web.parts.turns.running_count == len(people), within_s=WAIT_S, what="all to be answered at once")
        for browser in people:
            (talk,) = browser.get("/api/v1/conversations").json()["items"]
            assert browser.post(f"/api/v1/conversations/{talk['id']}/stop").status_code == 200
        ends = [frames_of(one.get(path, timeout=WAIT_S).text)[-1] for one, path in zip(people, calls, strict=True)]
    model.forget_scripts()
    assert not [end for end in ends if end[0] != "complete" or end[1][2] != "stopped"]


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        ((" ",), "empty_message", "Write something first"),
        (("x" * 4001,), "message_too_long", "4001 characters"),
        (("Hello.", "c_nowhere"), "not_found", "nothing here"),
        (("Hello.", "", "no such scenario"), "unknown_scenario", "no such scenario"),
        (("Hello.", "", "s" * 100), "unknown_scenario", "Choose one"),
    ],
)
def test_what_is_refused_is_said_in_words_and_leaves_nothing(
    web: Web, sam: Browser, data: tuple, code: str, words: str
):
    before = sam.get("/api/v1/conversations").json()
    ((event, refusal),) = call(sam, *data)
    assert (event, refusal["title"]) == ("error", code)
    assert words in refusal["error"]
    assert sam.get("/api/v1/conversations").json() == before
    assert web.parts.hub.stream_count == 0


def test_the_limits_of_the_page_are_those_of_a_call(web_settings: Settings):
    one_a_day = web_settings.model_copy(update={"answers_per_day_per_visitor": 1})
    with running_web(one_a_day, with_pages=True) as web, web.browser(language="ko") as olga:
        talk = call(olga, "안녕하세요.")[-1][1][1]
        for data in (("다시 안녕하세요.",), ("다시 안녕하세요.", talk)):
            ((event, refusal),) = call(olga, *data)
            assert (event, refusal["title"]) == ("error", "answers_spent")
            assert "하루" in refusal["error"], "in the reader's language"
        assert [line["id"] for line in olga.get("/api/v1/conversations").json()["items"]] == [talk]
        assert olga.get("/api/v1/deletions").json()["items"] == [], "nor among what was deleted"


def test_a_talk_and_the_result_of_a_call_are_only_their_owners(web: Web, olga: Browser, sam: Browser):
    path = begin_call(olga, "I led a team of three.")
    with web.browser() as nobody:
        assert (nobody.get(path).status_code, sam.get(path).status_code) == (401, 404)
    talk = frames_of(olga.get(path).text)[-1][1][1]
    assert olga.get(path).status_code == 404, "read once, as Gradio keeps it"
    for name, data in (("chat", ("Mine now.", talk)), ("debrief", (talk,))):
        ((event, refusal),) = call(sam, *data, name=name)
        assert (event, refusal["title"]) == ("error", "not_found")


def test_who_stops_reading_does_not_stop_the_answer(web: Web, olga: Browser, model: ScriptedModel):
    model.enqueue(Script(text="I see. And then?", token_delay_s=0.3))
    path = begin_call(olga, "I led a team of three.")
    with olga.stream("GET", path) as response:
        next(response.iter_bytes())
    (line,) = olga.get("/api/v1/conversations").json()["items"]
    answer = olga.ended(olga.read(line["id"])["messages"][-1]["id"], within_s=WAIT_S)
    assert (answer["state"], answer["text"]) == ("complete", "I see. And then?")
    until(lambda: web.parts.hub.stream_count == 0, within_s=WAIT_S, what="the call to let go of its stream")


def test_an_answer_that_fails_fails_the_call_and_keeps_its_words(web: Web, olga: Browser, model: ScriptedModel):
    model.enqueue(Script(text="I see. And then?", reset_after=2))
    frames = call(olga, "I led a team of three.")
    assert (frames[-1][0], frames[-1][1]["title"]) == ("error", "model_broke")
    assert "press Try again" in frames[-1][1]["error"]
    answer = olga.read(frames[0][1][1])["messages"][-1]
    assert (answer["state"], answer["text"], answer["error"]["code"]) == ("error", "I see.", "model_broke")


def test_a_debrief_that_takes_longer_than_a_call_waits_comes_with_the_next(
    web: Web, olga: Browser, monkeypatch: pytest.MonkeyPatch
):
    talk = call(olga, "I led a team of three.")[-1][1][1]
    monkeypatch.setitem(vars(web.parts.pace), "call_wait_s", 0.0)
    first = call(olga, talk, name="debrief")[-1][1][0]
    assert (first["state"], first["body"]) == ("queued", None)
    write_debrief(web, talk)
    second = call(olga, talk, name="debrief")[-1][1][0]
    assert (second["id"], second["state"], second["body"]["summary"]) == (
        first["id"],
        "succeeded",
        "You were concrete.",
    )


@pytest.mark.parametrize("path", ["call/nothing", "call/nothing/e_1", "call/chat/e_1", "call/send_message", "run/chat"])
def test_a_name_that_is_none_is_answered_in_words(web: Web, sam: Browser, path: str):
    for method in ("GET", "POST"):
        response: httpx.Response = sam.request(method, f"/gradio_api/{path}", json={"data": ["Hello."]})
        if response.status_code != 405:
            assert (response.status_code, response.json()["code"]) == (404, "not_found")

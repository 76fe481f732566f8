"""Every fault of the model, met by a chat turn of the web process: what is stored, said, kept, freed and offered."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from debrief.languages import script_of
from debrief.logs import LINE, PrivateFormatter
from debrief.settings import Settings
from tests.faults.table import CHAT_FAULTS, Fault
from tests.scripted_model import Script, ScriptedModel, is_talk
from tests.web_scene import Browser, Live, Web, running_web, until

RETRIED = ("error", "interrupted")


@pytest.fixture(scope="module")
def web(hasty: Settings) -> Iterator[Web]:
    with running_web(hasty) as running:
        yield running


@pytest.fixture(scope="module")
def olga(web: Web) -> Iterator[Browser]:
    with web.browser() as browser:
        browser.ended(browser.say(browser.begin(), "Hello.")["answer_id"])
        yield browser


@pytest.fixture(scope="module")
def live(olga: Browser) -> Iterator[Live]:
    with olga.live() as stream:
        yield stream


@pytest.mark.parametrize("fault", CHAT_FAULTS, ids=lambda fault: fault.name)
def test_a_turn_that_meets_a_fault_ends_as_the_table_says(
    web: Web, olga: Browser, live: Live, model: ScriptedModel, caplog: pytest.LogCaptureFixture, fault: Fault
):
    expected = fault.turn
    assert expected
    talk = olga.begin()
    asked_before = len(model.chats)
    if fault.script:
        model.enqueue(fault.script, when=is_talk)
    with fault.lasting(model):
        answer_id = olga.say(talk, "I led a team of three.")["answer_id"]
        answer = olga.ended(answer_id, within_s=60)

    assert (answer["state"], (answer["error"] or {}).get("code")) == (expected.state, expected.code)
    assert answer["text"] == expected.kept if expected.to_the_letter else expected.kept.startswith(answer["text"])
    assert len(model.chats) - asked_before == expected.asked
    assert not (answer["state"] == "complete" and not answer["text"].strip())
    assert_heard_as_stored(live, answer)
    assert_said_in_both_languages(web, olga, answer)
    assert_nothing_left(web, model)
    assert_calm_log(caplog)
    assert_there_is_a_way_on(olga, talk, answer)


def test_the_log_says_why_an_answer_failed_and_quotes_nobody(
    olga: Browser, model: ScriptedModel, caplog: pytest.LogCaptureFixture
):
    said = "My brother Anselm stole the till."
    model.enqueue(Script(status=400, error=f"1 validation error: input_value={said!r}", param="messages"), when=is_talk)
    answer = olga.ended(olga.say(olga.begin(), said)["answer_id"])

    logged = "\n".join(PrivateFormatter(LINE).format(record) for record in caplog.records)
    assert f"answer_id={answer['id']} code=model_refused cause=status 400, param messages" in logged
    assert "Anselm" not in logged + answer["error"]["message"]


def assert_heard_as_stored(live: Live, answer: dict[str, Any]) -> None:
    """Who listened has heard what the row says, the end and its sentence included."""
    done = live.wait_for("done", id=answer["id"])
    assert (done["state"], done["length"]) == (answer["state"], len(answer["text"]))
    assert done["error"] == answer["error"]
    assert live.text(answer["id"]) == answer["text"]


def assert_said_in_both_languages(web: Web, olga: Browser, answer: dict[str, Any]) -> None:
    if answer["error"] is None:
        return
    with web.browser(language="ko", cookies=olga.cookies) as in_korean:
        korean = in_korean.answer(answer["id"])["error"]["message"]
    english = answer["error"]["message"]
    assert script_of(korean) == "hangul"
    assert script_of(english) == "latin"
    assert all(20 < len(sentence) < 300 and "$" not in sentence for sentence in (english, korean))


def assert_nothing_left(web: Web, model: ScriptedModel) -> None:
    """The model's seat is free, and nobody in the web process still waits."""
    model.wait_for(lambda server: server.active == 0)
    until(lambda: web.parts.turns.running_count == 0 and not web.parts.hub.own_answer_ids())


def assert_calm_log(caplog: pytest.LogCaptureFixture) -> None:
    gc.collect()  # a task whose error nobody saw says so now
    loud = [record for record in caplog.records if record.levelno >= logging.ERROR or record.exc_info]
    assert not loud, [record.getMessage() for record in loud]


def assert_there_is_a_way_on(olga: Browser, talk: str, answer: dict[str, Any]) -> None:
    """What failed can be tried again, what was cut off or said can be gone on from."""
    if answer["state"] in RETRIED:
        again = olga.post(f"/api/v1/messages/{answer['id']}/retry").json()["answer_id"]
        assert olga.answer(answer["id"])["text"] == answer["text"]
    else:
        again = olga.say(talk, "Go on.")["answer_id"]
    ended = olga.ended(again, within_s=60)
    assert ended["state"] in ("complete", "cut_off"), ended

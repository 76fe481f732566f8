"""What visitors leave behind in the web process when they have gone: nothing. And a model that comes late."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from debrief.settings import Settings
from storage import answers
from tests.scripted_model import Script, ScriptedModel
from tests.web_scene import Web, running_web, until
from webapp.hub import Frame, Listener, LiveAnswer
from webapp.pace import Pace
from webapp.watch import Poller

VISITORS = 9
HELD = (Listener, LiveAnswer, Frame)
LONG = "word " * 100


@pytest.fixture
def web(web_settings: Settings) -> Iterator[Web]:
    with running_web(web_settings) as running:
        yield running


def visit(web: Web, number: int) -> None:
    """Come, listen, talk; leave after the answer, in its middle, or after stopping it."""
    with web.browser() as visitor:
        talk = visitor.begin()
        with visitor.live(talk if number % 2 else None) as live:
            answer_id = visitor.say(talk, "Hello.")["answer_id"]
            live.wait_for("answer", id=answer_id, within_s=60)
            if number % 3 == 0:
                visitor.ended(answer_id, within_s=60)
                visitor.post(f"/api/v1/conversations/{talk}/feedback")
            elif number % 3 == 1:
                visitor.post(f"/api/v1/conversations/{talk}/stop")


def count_alive(kind: type) -> int:
    return sum(isinstance(thing, kind) for thing in gc.get_objects())


def test_when_all_visitors_have_left_the_web_process_holds_nothing_of_them(web: Web, scripted_model: ScriptedModel):
    scripted_model.default = lambda received: Script(LONG, token_delay_s=0.002)
    before = {kind: count_alive(kind) for kind in HELD}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: visit(web, number), range(VISITORS)))

    hub, turns = web.parts.hub, web.parts.turns
    until(lambda: hub.stream_count == 0 and turns.running_count == 0, within_s=60)
    scripted_model.wait_for(lambda model: model.active == 0, within_s=60)
    until(lambda: not (hub._listeners or hub._answers or turns._tasks), within_s=60)
    (poller,) = [thing for thing in gc.get_objects() if isinstance(thing, Poller) and thing._hub is hub]
    until(lambda: not (poller._told or poller._unfinished), within_s=60)

    def is_as_before() -> bool:
        gc.collect()
        return all(count_alive(kind) <= before[kind] for kind in HELD)

    until(is_as_before, within_s=60, what="what was of the visitors to be forgotten")


def test_an_end_that_cannot_be_stored_at_all_does_not_run_for_ever(
    web: Web, scripted_model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_args: object, **_named: object) -> bool:
        raise SystemError("a bug, and none of the errors that are waited out")

    scripted_model.token_delay_s = 0.05  # so that some of it is saved on the way
    monkeypatch.setattr(answers, "finish_answer", broken)
    with web.browser() as olga:
        answer = olga.ended(olga.say(olga.begin(), "Hello.")["answer_id"], within_s=60)
    assert (answer["state"], answer["error"]["code"]) == ("interrupted", "interrupted")
    assert answer["text"].startswith("You said")
    assert web.parts.turns.running_count == 0


def test_the_first_answer_comes_within_seconds_of_a_late_model(web_settings: Settings, scripted_model: ScriptedModel):
    """At the product's own pace: the promise is 5 s; a busy machine is given as much again."""
    scripted_model.go_down()
    with running_web(web_settings, Pace()) as web, web.browser() as olga:
        talk = olga.begin()
        with olga.live() as live:
            assert live.wait_for("hello")["model"]["state"] == "starting"
            answer_id = olga.say(talk, "Hello.")["answer_id"]
            live.wait_for("model", state="starting")
            assert olga.answer(answer_id)["state"] == "running"

            scripted_model.come_up()
            began = time.monotonic()
            assert live.wait_for("done", id=answer_id, within_s=60)["state"] == "complete"
            took_s = time.monotonic() - began
            live.wait_for("model", state="ready")
    assert took_s < 10

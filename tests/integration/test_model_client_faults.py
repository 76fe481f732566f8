"""Everything that goes wrong at the model server reaches Debrief as one of its own errors, with a sentence."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

import pytest

from debrief.errors import (
    DebriefError,
    ModelBroke,
    ModelError,
    ModelRefused,
    ModelTimedOut,
    ModelUnavailable,
    PromptTooLong,
)
from inference.client import ChatModel
from tests.model_scene import HELLO, answer_of, level_of, until_asked, with_model
from tests.scripted_model import Script, ScriptedModel

PATIENCE = {"first_token_timeout_s": 0.3, "next_token_timeout_s": 0.2, "reply_timeout_s": 2, "feedback_timeout_s": 0.3}
TOO_LONG = "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens."
HTML = Script(raw=b"<html>Please sign in</html>", content_type="text/html")


@dataclass(frozen=True)
class Fault:
    """What the server does, and what it must be told as; `partial` is what a reader has by then."""

    name: str
    script: Script
    error: type[ModelError]
    partial: str = ""


AT_ONCE = [
    Fault("a bad request", Script(status=400, error="temperature must be positive"), ModelRefused),
    Fault("a long prompt by field", Script(status=400, param="input_tokens"), PromptTooLong),
    Fault("a long prompt by message", Script(status=400, error=TOO_LONG), PromptTooLong),
    Fault("a missing key", Script(status=401), ModelRefused),
    Fault("a forbidden key", Script(status=403), ModelRefused),
    Fault("an unknown model", Script(status=404, error="The model `x` does not exist.", param="model"), ModelRefused),
    Fault("a wrong address", Script(status=404), ModelRefused),
    Fault("a rule of another server", Script(status=422, error="extra field"), ModelRefused),
    Fault("too many requests", Script(status=429), ModelUnavailable),
    Fault("a dead engine", Script(status=500, error="EngineCore encountered an issue"), ModelBroke),
    Fault("a proxy without a server", Script(status=502), ModelUnavailable),
    Fault("a server that loads", Script(status=503), ModelUnavailable),
    Fault("a page for people", HTML, ModelRefused),
    Fault("silence before the headers", Script("Never.", delay_s=3600), ModelTimedOut),
    Fault("a reset before the first word", Script("Good morning.", reset_after=0), ModelBroke),
    Fault("an end before the first word", Script("Good morning.", end_after=0), ModelBroke),
    Fault("a worker that gave up", Script("Good", finish="abort"), ModelBroke, "Good"),
]
IN_THE_STREAM = [
    Fault("silence after the headers", Script("Never.", headers_then_delay_s=3600), ModelTimedOut),
    Fault("silence before the first word", Script("Good morning.", stall_after=0), ModelTimedOut),
    Fault("silence with comments", Script("Good morning.", stall_after=0, comments=True), ModelTimedOut),
    Fault("silence in mid-answer", Script("Good morning, Olga.", stall_after=2), ModelTimedOut, "Good morning,"),
    Fault(
        "silence in mid-answer with comments",
        Script("Good morning, Olga.", stall_after=2, comments=True),
        ModelTimedOut,
        "Good morning,",
    ),
    Fault("an answer without end", Script("word " * 100, token_delay_s=0.1), ModelTimedOut),
    Fault("a reset in mid-answer", Script("Good morning, Olga.", reset_after=2), ModelBroke, "Good morning,"),
    Fault("an end without a reason", Script("Good morning, Olga.", end_after=2), ModelBroke, "Good morning,"),
    Fault("an engine that dies", Script("Good morning, Olga.", error_after=2), ModelBroke, "Good morning,"),
    Fault("an error instead of words", Script("", error_after=0, status=400, error="bad"), ModelRefused),
    Fault("a late notice of length", Script("", error_after=0, status=400, error=TOO_LONG), PromptTooLong),
    Fault("an event that is no JSON", Script(raw=b'data: {"choices": [{"del\n\n'), ModelBroke),
    Fault("an event of another shape", Script(raw=b'data: {"choices": [null]}\n\n'), ModelBroke),
    Fault("nothing at all", Script(raw=b"data: [DONE]\n\n"), ModelBroke),
]


def named(faults: list[Fault]) -> Any:
    return pytest.mark.parametrize("fault", faults, ids=lambda fault: fault.name)


async def hear(model: ChatModel, heard: list[str]) -> None:
    async with model.stream_reply(HELLO, max_tokens=200, temperature=0) as reply:
        async for piece in reply:
            heard.append(piece)


@named(AT_ONCE + IN_THE_STREAM)
def test_a_fault_in_an_answer_is_told_as_ours_and_keeps_what_came_before(scripted_model: ScriptedModel, fault: Fault):
    scripted_model.enqueue(fault.script)

    async def read(model: ChatModel) -> None:
        heard: list[str] = []
        with pytest.raises(ModelError) as caught:
            await hear(model, heard)
        assert type(caught.value) is fault.error
        assert "".join(heard).startswith(fault.partial)
        assert_it_can_be_said(caught.value)

    with_model(scripted_model.url, read, **PATIENCE)
    scripted_model.wait_for(lambda server: server.active == 0)


@named(AT_ONCE)
def test_a_fault_in_structured_output_is_told_as_ours(scripted_model: ScriptedModel, fault: Fault):
    scripted_model.enqueue(fault.script)
    with pytest.raises(ModelError) as caught:
        with_model(scripted_model.url, level_of, **PATIENCE)
    assert type(caught.value) is fault.error
    assert_it_can_be_said(caught.value)
    scripted_model.wait_for(lambda server: server.active == 0)


def assert_it_can_be_said(error: DebriefError) -> None:
    for language in ("en", "ko"):
        assert len(error.sentence(language)) < 400


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b"[]",
        b'{"choices": []}',
        b'{"choices": [{"message": null}]}',
        b'{"choices": [{"message": {"content": 3}}]}',
    ],
)
def test_an_answer_of_another_shape_is_a_broken_one(scripted_model: ScriptedModel, raw: bytes):
    scripted_model.enqueue(Script(raw=raw, content_type="application/json"))
    with pytest.raises(ModelBroke):
        with_model(scripted_model.url, level_of)


@pytest.mark.parametrize(("told", "seconds"), [("7", 7), ("0.5", 0.5), ("soon", None), ("", None)])
def test_a_busy_server_may_say_when_to_come_back(scripted_model: ScriptedModel, told: str, seconds: float | None):
    scripted_model.enqueue(Script(status=429, headers={"retry-after": told}))
    with pytest.raises(ModelUnavailable) as caught:
        with_model(scripted_model.url, answer_of)
    assert caught.value.retryable
    assert caught.value.retry_after_s == seconds


def test_a_busy_server_may_say_it_as_a_date(scripted_model: ScriptedModel):
    scripted_model.enqueue(Script(status=503, headers={"retry-after": formatdate(time.time() + 30, usegmt=True)}))
    with pytest.raises(ModelUnavailable) as caught:
        with_model(scripted_model.url, answer_of)
    assert caught.value.retry_after_s == pytest.approx(30, abs=3)


def test_a_wrong_key_is_not_repeated_in_the_error(scripted_model: ScriptedModel):
    scripted_model.api_key = "right"
    with pytest.raises(ModelRefused) as caught:
        with_model(scripted_model.url, answer_of, model_api_key="guessed-key")
    assert "key is missing or wrong" in caught.value.sentence("en")
    assert "guessed-key" not in repr(caught.value) + caught.value.sentence("en")


def test_a_server_that_is_not_there_is_unavailable_until_it_is():
    async def ask(model: ChatModel) -> None:
        with pytest.raises(ModelUnavailable):
            await model.info()
        with pytest.raises(ModelUnavailable):
            await answer_of(model)
        with pytest.raises(ModelUnavailable):
            await level_of(model)
        with pytest.raises(ModelUnavailable):
            await model.count_tokens(HELLO)
        server.come_up()
        assert await answer_of(model)

    with ScriptedModel(up=False) as server:
        with_model(server.url, ask)


def test_a_server_killed_in_mid_answer_breaks_it_and_is_then_unavailable(scripted_model: ScriptedModel):
    scripted_model.enqueue(Script("Good morning, Olga.", stall_after=1))

    async def ask(model: ChatModel) -> None:
        async with model.stream_reply(HELLO, max_tokens=9, temperature=0) as reply:
            assert await anext(reply) == "Good"
            scripted_model.go_down()
            with pytest.raises(ModelBroke):
                await anext(reply)
        with pytest.raises(ModelUnavailable):
            await answer_of(model)
        scripted_model.come_up()
        assert await answer_of(model)

    with_model(scripted_model.url, ask)


def test_a_long_answer_may_take_longer_than_any_one_silence(scripted_model: ScriptedModel):
    scripted_model.enqueue(Script("word " * 12, token_delay_s=0.05))
    assert with_model(scripted_model.url, answer_of, **PATIENCE).split() == ["word"] * 12


def test_thinking_aloud_counts_as_being_alive(scripted_model: ScriptedModel):
    scripted_model.enqueue(Script("Blue.", reasoning="hm " * 12, token_delay_s=0.05))
    assert with_model(scripted_model.url, answer_of, **PATIENCE) == "Blue."


def test_a_client_that_was_closed_says_unavailable(scripted_model: ScriptedModel):
    async def ask(model: ChatModel) -> None:
        await model.info()
        await model.aclose()
        with pytest.raises(ModelUnavailable):
            await answer_of(model)
        with pytest.raises(ModelUnavailable):
            await level_of(model)

    with_model(scripted_model.url, ask)


def test_closing_the_client_ends_the_answers_that_stream(scripted_model: ScriptedModel):
    scripted_model.enqueue(Script("Good morning.", stall_after=1))

    async def ask(model: ChatModel) -> None:
        reading = asyncio.create_task(answer_of(model))
        await until_asked(scripted_model)
        await model.aclose()
        with pytest.raises(ModelError):
            await asyncio.wait_for(reading, 2)

    with_model(scripted_model.url, ask)
    scripted_model.wait_for(lambda server: server.active == 0)

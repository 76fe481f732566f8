"""What the table of faults (tests/faults) does not show of the client: what an error carries, and who is to blame."""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate

import pytest

from debrief.errors import (
    ModelBroke,
    ModelError,
    ModelRefused,
    ModelTimedOut,
    ModelUnavailable,
)
from inference.client import ChatModel
from tests.model_scene import HELLO, answer_of, level_of, until_asked, with_model
from tests.scripted_model import Script, ScriptedModel

PATIENCE = {"first_token_timeout_s": 0.3, "next_token_timeout_s": 0.2, "reply_timeout_s": 2, "feedback_timeout_s": 0.3}


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b"[]",
        b'{"choices": [null]}',
        b'{"choices": {"0": 1}}',
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


def test_an_answer_without_end_is_given_up_in_time(scripted_model: ScriptedModel):
    scripted_model.enqueue(Script("word " * 100, token_delay_s=0.1))
    with pytest.raises(ModelTimedOut):
        with_model(scripted_model.url, answer_of, **PATIENCE | {"reply_timeout_s": 0.5})


def test_an_address_that_leads_in_circles_is_the_operators_mistake(scripted_model: ScriptedModel):
    scripted_model.default = lambda received: Script(status=307, headers={"location": "/v1/chat/completions"})
    for ask in (answer_of, level_of):
        with pytest.raises(ModelRefused, match="DEBRIEF_MODEL_URL"):
            with_model(scripted_model.url, ask)


LONG_ANSWER = PATIENCE | {"first_token_timeout_s": 1.2, "next_token_timeout_s": 1.2, "reply_timeout_s": 60}
"""For 12 words in 1.8 s or, on a slow machine, more: each silence is far shorter than the patience, all are longer."""


def test_a_long_answer_may_take_longer_than_any_one_silence(scripted_model: ScriptedModel):
    scripted_model.enqueue(Script("word " * 12, token_delay_s=0.15))
    assert with_model(scripted_model.url, answer_of, **LONG_ANSWER).split() == ["word"] * 12


def test_thinking_aloud_counts_as_being_alive(scripted_model: ScriptedModel):
    scripted_model.enqueue(Script("Blue.", reasoning="hm " * 12, token_delay_s=0.15))
    assert with_model(scripted_model.url, answer_of, **LONG_ANSWER) == "Blue."


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
            await asyncio.wait_for(reading, 30)

    with_model(scripted_model.url, ask)
    scripted_model.wait_for(lambda server: server.active == 0)

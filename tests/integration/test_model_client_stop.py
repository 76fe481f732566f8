"""Whoever stops reading frees the model's seat: the server sees the reader leave at once."""

from __future__ import annotations

import asyncio
import time

import pytest

from inference.client import ChatModel
from tests.model_scene import HELLO, answer_of, level_of, until_asked, with_model
from tests.scripted_model import Script, ScriptedModel

ENDLESS = Script("word " * 5000, token_delay_s=0.01)


@pytest.fixture
def talkative(scripted_model: ScriptedModel) -> ScriptedModel:
    scripted_model.default = lambda received: ENDLESS
    return scripted_model


async def until_left(server: ScriptedModel) -> float:
    """Seconds until the server has seen its only reader leave."""
    began = time.monotonic()
    while server.active:
        assert time.monotonic() - began < 20, "the server still writes"
        await asyncio.sleep(0.002)
    assert (server.cancelled, server.finished) == (1, 0)
    return time.monotonic() - began


def test_leaving_the_block_frees_the_seat(talkative: ScriptedModel):
    async def read(model: ChatModel) -> None:
        async with model.stream_reply(HELLO, max_tokens=9, temperature=0) as reply:
            async for _ in reply:
                break
        assert await until_left(talkative) < 5

    with_model(talkative.url, read)


def test_cancelling_the_reader_frees_the_seat(talkative: ScriptedModel):
    async def read(model: ChatModel) -> None:
        reading = asyncio.create_task(answer_of(model))
        await until_asked(talkative)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert await until_left(talkative) < 5

    with_model(talkative.url, read)


async def stumble(model: ChatModel) -> None:
    async with model.stream_reply(HELLO, max_tokens=9, temperature=0) as reply:
        await anext(reply)
        _ = 1 // 0


def test_an_error_of_the_reader_frees_the_seat_and_stays_its_own(talkative: ScriptedModel):
    async def read(model: ChatModel) -> None:
        with pytest.raises(ZeroDivisionError):
            await stumble(model)
        assert await until_left(talkative) < 5

    with_model(talkative.url, read)


def test_leaving_before_the_first_word_frees_the_seat(scripted_model: ScriptedModel):
    scripted_model.enqueue(Script("Never.", stall_after=0))

    async def read(model: ChatModel) -> None:
        async with model.stream_reply(HELLO, max_tokens=9, temperature=0):
            pass
        assert await until_left(scripted_model) < 5

    with_model(scripted_model.url, read)


def test_a_timeout_frees_the_seat(scripted_model: ScriptedModel):
    scripted_model.enqueue(Script("Never.", delay_s=60))

    async def read(model: ChatModel) -> None:
        with pytest.raises(Exception, match="stopped answering"):
            await answer_of(model)
        assert await until_left(scripted_model) < 5

    with_model(scripted_model.url, read, first_token_timeout_s=0.2)


def test_cancelling_structured_output_frees_the_seat(scripted_model: ScriptedModel):
    scripted_model.enqueue(Script("{}", delay_s=60))

    async def ask(model: ChatModel) -> None:
        asking = asyncio.create_task(level_of(model))
        await until_asked(scripted_model)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await until_left(scripted_model) < 5

    with_model(scripted_model.url, ask)


def test_many_stopped_answers_leave_nothing_behind(talkative: ScriptedModel):
    async def stop_one(model: ChatModel) -> None:
        async with model.stream_reply(HELLO, max_tokens=9, temperature=0) as reply:
            await anext(reply)

    async def read(model: ChatModel) -> None:
        for _ in range(4):
            await asyncio.gather(*(stop_one(model) for _ in range(10)))

    with_model(talkative.url, read)
    talkative.wait_for(lambda server: server.active == 0 and server.cancelled == 40)

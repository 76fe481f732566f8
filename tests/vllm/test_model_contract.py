"""What the scripted model promises is what a real vLLM does: the same client, the packaged model."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field

import jsonschema
import pytest

from debrief.errors import ModelRefused, PromptTooLong
from debrief.prompts import TemplateRules
from inference.client import ChatModel, Completion
from tests.faults.contract import EXCHANGES, Exchange, observe
from tests.model_scene import HELLO, LEVEL_SCHEMA, answer_of, level_of, with_model
from tests.vllm_server import gauge

pytestmark = pytest.mark.vllm

STORY = [{"role": "user", "content": "Write a very long story about a dragon and a knight."}]
"""A question that even the smallest model answers with hundreds of words."""
TALKS = [
    HELLO,
    [{"role": "system", "content": "Be brief."}, *HELLO],
    [{"role": "assistant", "content": "Welcome! What brings you here?"}, *HELLO],
    [*HELLO, {"role": "assistant", "content": "I am Olga."}, {"role": "user", "content": "안녕하세요, 올가 씨 👋"}],
]


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.name)
def test_a_real_server_answers_in_the_shape_that_the_scripted_one_has(real_model: str, exchange: Exchange):
    assert observe(real_model, exchange) == exchange.seen


async def until_free(url: str) -> float:
    """Seconds until no request runs on the server."""
    began = time.monotonic()
    while running := await asyncio.to_thread(gauge, url, "num_requests_running"):
        assert time.monotonic() - began < 20, f"{running} still run"
        await asyncio.sleep(0.01)
    return time.monotonic() - began


def test_an_answer_streams_word_by_word(real_model: str):
    async def read(model: ChatModel) -> None:
        async with model.stream_reply(STORY, max_tokens=24, temperature=0) as reply:
            pieces = [piece async for piece in reply]
        assert len(pieces) > 6
        assert reply.finish_reason == "length"
        assert reply.completion_tokens == 24

    with_model(real_model, read)


def test_an_answer_says_when_it_came_to_its_end(real_model: str):
    async def read(model: ChatModel) -> str | None:
        messages = [{"role": "user", "content": "Answer with one word: what is the capital of France?"}]
        async with model.stream_reply(messages, max_tokens=200, temperature=0) as reply:
            assert "".join([piece async for piece in reply])
        return reply.finish_reason

    assert with_model(real_model, read) == "stop"


STOPPED_S = 5
"""An answer to its end takes half a minute. Where nothing else runs, a stop takes 32 to 39 ms."""


def test_stop_frees_the_seat_long_before_the_answer_would_have_ended(real_model: str):
    async def read(model: ChatModel) -> None:
        await until_free(real_model)
        async with model.stream_reply(STORY, max_tokens=2000, temperature=0) as reply:
            await anext(reply)
            assert await asyncio.to_thread(gauge, real_model, "num_requests_running") == 1
        assert await until_free(real_model) < STOPPED_S

    with_model(real_model, read)


def test_cancelled_structured_output_frees_the_seat_long_before_it_would_have_ended(real_model: str):
    long_text = {"type": "object", "properties": {"text": {"type": "string", "minLength": 4000}}, "required": ["text"]}

    async def ask(model: ChatModel) -> None:
        await until_free(real_model)
        asking = asyncio.create_task(
            model.complete_structured(
                HELLO, schema=long_text, schema_name="long", max_tokens=2000, temperature=1, seed=1
            )
        )
        while not await asyncio.to_thread(gauge, real_model, "num_requests_running"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await until_free(real_model) < STOPPED_S

    with_model(real_model, ask)


def test_a_prompt_that_is_too_long_is_told_as_that(real_model: str):
    long = [{"role": "user", "content": "word " * 9000}]

    async def ask(model: ChatModel) -> None:
        with pytest.raises(PromptTooLong):
            await answer_of(model, long)
        with pytest.raises(PromptTooLong):
            await level_of(model, long)
        assert await model.count_tokens(long) > 9000

    with_model(real_model, ask)


def test_a_model_that_is_not_served_is_refused_by_name(real_model: str):
    with pytest.raises(ModelRefused, match='no model called "mistral-7b"'):
        with_model(real_model, answer_of, model="mistral-7b")


def test_a_request_that_the_server_never_takes_is_refused_with_its_reason(real_model: str):
    async def ask(model: ChatModel) -> None:
        async with model.stream_reply(HELLO, max_tokens=5, temperature=-1):
            pass

    with pytest.raises(ModelRefused, match="temperature"):
        with_model(real_model, ask)


@pytest.mark.parametrize("messages", TALKS, ids=["one question", "system first", "assistant first", "Korean"])
def test_counted_tokens_are_those_that_the_server_reads(real_model: str, messages: list[dict[str, str]]):
    async def ask(model: ChatModel) -> tuple[int, int | None]:
        async with model.stream_reply(messages, max_tokens=1, temperature=0) as reply:
            _ = [piece async for piece in reply]
        return await model.count_tokens(messages), reply.prompt_tokens

    counted, read = with_model(real_model, ask)
    assert counted == read


def test_what_the_packaged_models_template_takes_is_found_out(real_model: str):
    info = with_model(real_model, ChatModel.info)
    assert info.template == TemplateRules(takes_system=True, takes_assistant_first=True, takes_continuation=True)
    assert (info.context_tokens, info.counts_exactly, info.opens_with_thinking) == (4096, True, False)


def test_a_served_model_is_ready(real_model: str):
    assert with_model(real_model, ChatModel.state).state == "ready"


def test_structured_output_keeps_to_the_schema_whatever_the_dice_say(real_model: str):
    async def ask(model: ChatModel) -> list[Completion]:
        return await asyncio.gather(
            *(
                model.complete_structured(
                    HELLO, schema=LEVEL_SCHEMA, schema_name="level", max_tokens=200, temperature=1.5, seed=seed
                )
                for seed in range(6)
            )
        )

    for completion in with_model(real_model, ask):
        assert completion.finish_reason == "stop"
        jsonschema.validate(json.loads(completion.text), LEVEL_SCHEMA)


def test_a_priority_is_taken(real_model: str):
    async def ask(model: ChatModel) -> None:
        assert await answer_of(model, max_tokens=4)
        assert (await level_of(model, max_tokens=200)).text

    with_model(real_model, ask, priority=10, model_priority="on")


@dataclass
class Heard:
    """What one of many readers heard, and when."""

    code: str
    text: str = ""
    at: list[float] = field(default_factory=list)


def test_sixteen_talks_at_once_run_together_and_never_cross(real_model: str):
    """The origin's bug: four sessions at once came back as garbage, and a lock made people wait in line."""
    everyone = [Heard(str(1000 + 557 * number)) for number in range(16)]
    running: list[float] = []

    async def read(model: ChatModel, heard: Heard) -> None:
        async with model.stream_reply(repeat_after_me(heard.code), max_tokens=60, temperature=0) as reply:
            async for piece in reply:
                heard.text += piece
                heard.at.append(time.monotonic())

    async def watch() -> None:
        while True:
            running.append(await asyncio.to_thread(gauge, real_model, "num_requests_running"))
            await asyncio.sleep(0.05)

    async def all_at_once(model: ChatModel) -> None:
        await model.info()
        model._server._extra_body["repetition_penalty"] = 1.0  # repeating is what they are asked to do
        watching = asyncio.create_task(watch())
        await asyncio.gather(*(read(model, heard) for heard in everyone))
        watching.cancel()
        await asyncio.wait([watching])

    with_model(real_model, all_at_once)
    codes = {heard.code for heard in everyone}
    for heard in everyone:
        assert heard.text.count(heard.code) >= 3, heard.text
        assert not [other for other in codes - {heard.code} if other in heard.text]
    assert max(running) >= 8
    assert max(heard.at[0] for heard in everyone) < min(heard.at[-1] for heard in everyone)


def repeat_after_me(code: str) -> list[dict[str, str]]:
    """A talk that even the smallest model goes on with: its own number, again and again."""
    said = " ".join([code] * 12)
    ask = {"role": "user", "content": f"Say {code} twelve times."}
    return [ask, {"role": "assistant", "content": said}] * 2 + [ask]

"""The model client against a scripted server: every way a model server can answer, and every way it can fail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from debrief.settings import Settings
from inference.client import ChatModel
from tests.scripted_model import ScriptedModel

HELLO = [{"role": "user", "content": "Hello, who are you?"}]


def settings_for(server: ScriptedModel, **changes: Any) -> Settings:
    return Settings(_env_file=None, model_url=server.url, **changes)


def with_model(server: ScriptedModel, use: Callable[[ChatModel], Awaitable[Any]], **changes: Any) -> Any:
    """Run `use` with a client of this server in an event loop of its own."""

    async def run() -> Any:
        model = ChatModel(settings_for(server, **changes), priority=0)
        try:
            return await use(model)
        finally:
            await model.aclose()

    return asyncio.run(run(), debug=True)


async def answer_to(model: ChatModel, messages: list[dict[str, str]] = HELLO, max_tokens: int = 64) -> str:
    async with model.stream_reply(messages, max_tokens=max_tokens, temperature=0) as reply:
        return "".join([piece async for piece in reply])


def test_an_answer_arrives_in_pieces_with_how_it_ended(scripted_model: ScriptedModel):
    scripted_model.enqueue("Good morning to you, Olga.")
    scripted_model.token_delay_s = 0.01

    async def read(model: ChatModel) -> None:
        async with model.stream_reply(HELLO, max_tokens=64, temperature=0.5, seed=7) as reply:
            pieces = [piece async for piece in reply]
        assert len(pieces) == 5
        assert "".join(pieces) == "Good morning to you, Olga."
        assert (reply.finish_reason, reply.prompt_tokens, reply.completion_tokens) == ("stop", 12, 5)

    with_model(scripted_model, read)
    sent = scripted_model.chats[0].body
    assert sent["messages"] == HELLO
    assert (sent["max_tokens"], sent["temperature"], sent["seed"]) == (64, 0.5, 7)


def test_a_cut_answer_says_so(scripted_model: ScriptedModel):
    async def read(model: ChatModel) -> None:
        async with model.stream_reply(HELLO, max_tokens=3, temperature=0) as reply:
            assert "".join([piece async for piece in reply]) == "You said “Hello,"
        assert reply.finish_reason == "length"

    with_model(scripted_model, read)

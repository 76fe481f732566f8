"""What the tests of the model client share: a client of a server, in an event loop of its own, and a question."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from debrief.settings import Settings
from inference.client import ChatModel, Completion
from tests.scripted_model import ScriptedModel

T = TypeVar("T")
HELLO = [{"role": "user", "content": "Hello, who are you?"}]
LEVEL_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "reason": {"type": "string", "minLength": 1, "maxLength": 80},
        "level": {"type": "integer", "enum": [3, 4]},
    },
    "required": ["reason", "level"],
    "additionalProperties": False,
}


def with_model(url: str, use: Callable[[ChatModel], Awaitable[T]], *, priority: int = 0, **settings: Any) -> T:
    """Use a client of this server, close it, and see that nothing of it is left: no task, no open connection."""

    async def run() -> T:
        model = ChatModel(Settings(_env_file=None, model_url=url, **settings), priority=priority)
        try:
            return await use(model)
        finally:
            await model.aclose()
            await let_finalizers_run()
            assert asyncio.all_tasks() == {asyncio.current_task()}

    result = asyncio.run(run())
    gc.collect()  # a connection that was left open says so now
    return result


async def until_asked(server: ScriptedModel) -> None:
    """Wait until the server works on a request."""
    async with asyncio.timeout(60):
        while not server.active:  # noqa: ASYNC110  # the server lives in another thread
            await asyncio.sleep(0.002)


async def let_finalizers_run() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def answer_of(model: ChatModel, messages: list[dict[str, str]] = HELLO, *, max_tokens: int = 64) -> str:
    async with model.stream_reply(messages, max_tokens=max_tokens, temperature=0) as reply:
        return "".join([piece async for piece in reply])


async def level_of(model: ChatModel, messages: list[dict[str, str]] = HELLO, *, max_tokens: int = 64) -> Completion:
    return await model.complete_structured(
        messages, schema=LEVEL_SCHEMA, schema_name="level", max_tokens=max_tokens, temperature=0, seed=1
    )

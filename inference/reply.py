"""One answer as it arrives: bytes of the stream in, words of the answer out, and how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, Self, cast

import orjson

from debrief.errors import ModelBroke, ModelError
from inference.failures import as_our_errors, from_event, telling_nonsense
from inference.sse import EventReader, ThinkingFilter

FinishReason = Literal["stop", "length"]
LAST_BYTES_TIMEOUT_S = 0.1
USAGE_TIMEOUT_S = 3.0
"""After the reason of its end only counts are to come: an answer that is whole does not wait for them long."""
MOST_CHARS_PER_TOKEN = 16
"""On average over an answer; languages have 1 to 5. A server that writes more has not heeded `max_tokens`."""


@dataclass(frozen=True)
class Patience:
    """How long a streamed answer may take; each in seconds."""

    first_token_s: float
    next_token_s: float
    total_s: float


class Reply:
    """The words of one answer, as an asynchronous iterator of only new text.

    After the loop `finish_reason`, `prompt_tokens` and `completion_tokens` are there (tokens: None where the server
    does not tell). An answer without a word is "", with its finish_reason: the caller decides what that means.

    Raises:
        ModelError: one of its family, from the loop. What was given out before stays with the caller.
    """

    def __init__(
        self,
        received: AsyncIterator[bytes],
        patience: Patience,
        *,
        started_at: float,
        max_tokens: int,
        opens_with_thinking: bool = False,
    ) -> None:
        self.finish_reason: FinishReason | None = None
        self.prompt_tokens: int | None = None
        self.completion_tokens: int | None = None
        self._received = received
        self._patience = patience
        self._give_up_at = started_at + patience.total_s
        self._next_by = started_at + patience.first_token_s
        self._events = EventReader()
        self._thinking = ThinkingFilter(inside=opens_with_thinking)
        self._chars_left = max_tokens * MOST_CHARS_PER_TOKEN
        self._broken: ModelError | None = None
        self._done = False
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        """The next piece, never empty; all that one packet of the network carried."""
        if self._broken is not None:
            raise self._broken
        while not self._done:
            if piece := self._within_bounds(self._read(await self._receive())):
                return piece
        if not self._ended:
            await self._let_end()
        raise StopAsyncIteration

    async def _receive(self) -> list[bytes]:
        """The events that the next packet completes."""
        try:
            with as_our_errors():
                async with asyncio.timeout_at(min(self._next_by, self._give_up_at)):
                    received = await anext(self._received, None)
        except ModelError:
            if self.finish_reason is None:
                raise
            self._done = self._ended = True  # the answer is whole; what breaks after it takes nothing away
            return []
        if received is None:
            self._done = self._ended = True
            return self._events.finish()
        events = self._events.feed(received)
        if self._events.is_overlong:
            raise ModelBroke
        return events

    def _read(self, events: list[bytes]) -> str:
        """The words of these events. Where one is broken, those before it are given out first."""
        shown = ""
        try:
            for event in events:
                shown += self._read_event(event)
            if self._done and self.finish_reason is None:
                raise ModelBroke
        except ModelError as error:
            if not shown:
                raise
            self._broken = error
            return shown
        return shown + self._thinking.finish() if self._done else shown

    def _within_bounds(self, piece: str) -> str:
        """The piece; of an answer without end, what is left of its length, and then it counts as cut."""
        if len(piece) > self._chars_left:
            piece = piece[: self._chars_left]
            self.finish_reason = "length"
            self._done = self._ended = True
        self._chars_left -= len(piece)
        return piece

    def _read_event(self, data: bytes) -> str:
        if data == b"[DONE]":
            self._done = True
            return ""
        with telling_nonsense():
            return self._read_chunk(orjson.loads(data))

    def _read_chunk(self, chunk: dict[str, object]) -> str:
        """The answer's words in one chat.completion.chunk; takes note of usage and of the end."""
        if usage := chunk.get("usage"):
            counts = cast("dict[str, int | None]", usage)
            self.prompt_tokens = counts.get("prompt_tokens")
            self.completion_tokens = counts.get("completion_tokens")
        choices = cast("list[dict[str, object]]", chunk.get("choices") or [])
        if not choices:
            _raise_if_error(chunk)
            return ""
        delta = cast("dict[str, object]", choices[0].get("delta") or {})
        words = delta.get("content")
        if thoughts := delta.get("reasoning_content") or delta.get("reasoning"):
            self._thinking.leave()
        if words or thoughts:
            self._next_by = asyncio.get_running_loop().time() + self._patience.next_token_s
        if ended := choices[0].get("finish_reason"):
            self.finish_reason = read_finish_reason(ended)
            self._next_by = asyncio.get_running_loop().time() + USAGE_TIMEOUT_S
        return self._thinking.feed(words) if isinstance(words, str) else ""

    async def _let_end(self) -> None:
        """Read the end of the body, so that the connection can serve the next answer."""
        self._ended = True
        with suppress(ModelError), as_our_errors():
            async with asyncio.timeout(LAST_BYTES_TIMEOUT_S):
                await anext(self._received, None)


def read_finish_reason(told: object) -> FinishReason:
    """Why the model ended, in the two ways that matter to us.

    Raises:
        ModelBroke: the server gave up on the request ("abort" and "error" are vLLM's).
    """
    if told in ("abort", "error"):
        raise ModelBroke
    return "length" if told == "length" else "stop"


def _raise_if_error(chunk: dict[str, object]) -> None:
    problem = chunk.get("error") or (chunk if chunk.get("object") == "error" else None)
    if problem:
        raise from_event(cast("dict[str, object]", problem) if isinstance(problem, dict) else {"message": problem})

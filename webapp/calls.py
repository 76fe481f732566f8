"""What a program does in one call: say something and get the answer, ask for a debrief and get it.

Built from the routes of `webapp/api` and nothing else, so the same limits, checks and rows hold. The Gradio endpoints
in front of it are in `webapp/pages/chat/endpoints.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from debrief.conversation import MessageState, Turn
from debrief.errors import DebriefError, InputRejected
from debrief.feedback import JobState
from storage import conversations
from webapp.api import conversations as conversations_api, feedback as feedback_api
from webapp.api.shapes import FeedbackOut, NewConversation
from webapp.hub import Listener, answer_error
from webapp.identity import Asker
from webapp.parts import Parts

NOBODYS = ""
"""As an answer's id: a listener that waits for one that has not begun."""


@dataclass(frozen=True)
class Said:
    """An answer as far as it has come. `error` is `{code, message}` where it ended as none that counts."""

    text: str
    conversation_id: str
    state: str
    error: dict[str, str] | None = None


async def chat(
    parts: Parts, asker: Asker, message: str, conversation_id: str, scenario: str
) -> AsyncGenerator[Said, None]:
    """Say something, in a new talk when no conversation is named; the answer as it grows, whole each time.

    Who stops reading does not stop the answer.

    Raises:
        DebriefError: refused, as beginning and sending by the API are. Nothing was stored then.
    """
    parts.turns.check_text(message)
    listener = Listener(asker.visitor_id, asker.language, answer_id=NOBODYS)
    parts.hub.join(listener)
    try:
        turn = await _say(parts, asker, message, conversation_id, scenario)
        listener.answer_id = turn.answer.id
        if (answer := parts.hub.find_answer(turn.answer.id)) is not None:
            listener.follow(answer)
        async with aclosing(_as_it_grows(parts, listener, turn)) as growing:
            async for said in growing:
                yield said
    finally:
        parts.hub.leave(listener)


async def debrief(parts: Parts, asker: Asker, conversation_id: str) -> AsyncGenerator[FeedbackOut, None]:
    """Ask for the debrief of a talk and see it come: each time that something about it changed, and when it is ready.

    Ends, with what there is, after `Pace.call_wait_s` too. Asking again goes on waiting for the same one.

    Raises:
        DebriefError: refused, as asking by the API is.
    """
    listener = Listener(asker.visitor_id, asker.language, conversation_id=conversation_id)
    parts.hub.join(listener)
    try:
        now = asyncio.get_running_loop().time
        deadline = now() + parts.pace.call_wait_s
        view = await feedback_api.ask(parts, asker, conversation_id)
        yield view
        while not (JobState(view.state).is_final or listener.is_closed or now() > deadline):
            await listener.wait(min(parts.pace.comment_s, deadline - now()))
            listener.take()
            before, view = view, await feedback_api.get(parts, asker, view.id)
            if view != before:
                yield view
            await asyncio.sleep(parts.pace.call_frame_s)
    finally:
        parts.hub.leave(listener)


async def _say(parts: Parts, asker: Asker, message: str, conversation_id: str, scenario: str) -> Turn:
    """A talk that was begun for words that were then refused is taken back, and not put among the deleted ones."""
    if conversation_id:
        return await parts.turns.send(asker.visitor_id, conversation_id, message)
    try:
        wish = NewConversation(scenario=scenario)
    except ValidationError as error:
        raise InputRejected("unknown_scenario", scenario=scenario[:80]) from error
    begun = await conversations_api.begin(parts, asker, wish)
    try:
        return await parts.turns.send(asker.visitor_id, begun.id, message)
    except DebriefError:
        await parts.store(conversations.delete_conversation, asker.visitor_id, begun.id)
        parts.hub.tell_list(asker.visitor_id, begun.id)
        raise


async def _as_it_grows(parts: Parts, listener: Listener, turn: Turn) -> AsyncGenerator[Said, None]:
    """At once with no text yet, so that a program knows its conversation; then about every `Pace.call_frame_s`."""
    text, done, conversation_id = "", None, turn.answer.conversation_id
    yield Said(text, conversation_id, MessageState.RUNNING.value)
    while listener.is_following:
        await listener.wait(parts.pace.comment_s)
        before = text
        while frames := listener.take():
            for frame in frames:
                if frame.event == "answer":
                    text = text[: frame.data["seq"]] + frame.data["text"]
                elif frame.event == "done":
                    done = frame.data
        if listener.is_closed:
            break
        if listener.is_following and text != before:
            yield Said(text, conversation_id, MessageState.RUNNING.value)
            await asyncio.sleep(parts.pace.call_frame_s)
    yield _ended(text, turn, done, listener.language)


def _ended(text: str, turn: Turn, done: dict[str, Any] | None, language: str) -> Said:
    """Without a word of its end the process is going away, and the next one marks the answer as interrupted."""
    if done is None:
        error = answer_error("interrupted", turn.answer.id, language)
        return Said(text, turn.answer.conversation_id, MessageState.INTERRUPTED.value, error)
    return Said(text, turn.answer.conversation_id, done["state"], done["error"])

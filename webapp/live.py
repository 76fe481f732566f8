"""The live stream: what happens to one visitor's talks and debriefs, as server-sent events.

A response of our own and not Starlette's StreamingResponse: its headers leave at once, it follows the hub without a
queue between, ends as soon as the browser or the process goes away, and costs a few microseconds a frame.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from starlette.responses import Response

from debrief.conversation import Message, MessageState, Turn
from debrief.errors import NotFound
from inference.client import ModelState
from storage import conversations, messages, turns
from webapp.hub import Ended, Frame, Hub, Listener, LiveAnswer
from webapp.identity import Asker
from webapp.pace import Pace
from webapp.parts import Parts

RETRY_MS = 1000
"""How soon a browser comes back after the stream broke."""
_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)
_EVENT_ID = re.compile(r"(m_[\w-]{1,40}):(\d{1,9})")


async def open_live(parts: Parts, asker: Asker, conversation_id: str | None, last_event_id: str | None) -> LiveResponse:
    """A stream that begins with how things stand: the model, the running answers, what a resumed reader lacks.

    Raises:
        NotFound: the conversation is not there or not the asker's.
        TooBusy: too many streams are open.
    """
    if conversation_id is not None:
        await parts.store(conversations.get_conversation, asker.visitor_id, conversation_id)
    listener = Listener(asker.visitor_id, asker.language, conversation_id=conversation_id)
    parts.hub.join(listener)
    try:
        await _catch_up(parts, listener, *_read_event_id(last_event_id))
    except BaseException:
        parts.hub.leave(listener)
        raise
    return LiveResponse(parts.hub, listener, parts.pace)


async def follow_turn(parts: Parts, listener: Listener, turn: Turn) -> LiveResponse:
    """The stream of one answer, from its beginning to its end; first a `turn` frame with the two ids.

    Raises:
        TooBusy: too many streams are open.
    """
    parts.hub.join(listener)
    try:
        ids = {
            "conversation_id": turn.answer.conversation_id,
            "user_message_id": turn.user_message.id,
            "answer_id": turn.answer.id,
        }
        listener.put(turn.answer.id, Frame("turn", ids))
        await _give_rest(parts, listener, turn.answer.id, 0)
    except BaseException:
        parts.hub.leave(listener)
        raise
    return LiveResponse(parts.hub, listener, parts.pace, is_over_with_answer=True)


async def _catch_up(parts: Parts, listener: Listener, resumed_id: str | None, offset: int) -> None:
    state = await parts.model.state()
    running = [
        answer
        for answer in await parts.store(turns.list_running, listener.visitor_id)
        if listener.conversation_id in (None, answer.conversation_id)
    ]
    hello = {"model": model_data(state), "running": [answer.id for answer in running], "language": listener.language}
    listener.put("", Frame("hello", hello))
    for message in running:
        _follow_running(parts.hub, listener, message, offset if message.id == resumed_id else 0)
    if resumed_id is not None and resumed_id not in hello["running"]:
        await _give_rest(parts, listener, resumed_id, offset)


async def _give_rest(parts: Parts, listener: Listener, answer_id: str, offset: int) -> None:
    """What a resumed reader lacks of an answer that has ended meanwhile."""
    try:
        message = await parts.store(messages.get_message, listener.visitor_id, answer_id)
    except NotFound:
        return
    if message.state is MessageState.RUNNING:
        _follow_running(parts.hub, listener, message, offset)
        return
    ended = Ended(message.state, message.error_code, len(message.text))
    answer = LiveAnswer(message.id, message.conversation_id, listener.visitor_id, message.text, ended=ended)
    listener.follow(answer, offset)


def _follow_running(hub: Hub, listener: Listener, message: Message, offset: int) -> None:
    """Follow the answer as this process knows it; if another one writes it, as it stands in the row."""
    known = hub.find_answer(message.id)
    if known is None:
        known = LiveAnswer(message.id, message.conversation_id, listener.visitor_id, message.text, is_ours=False)
    listener.follow(known, offset)  # before the hub lets all listeners follow it from its beginning
    hub.begin(known)


def _read_event_id(last_event_id: str | None) -> tuple[str | None, int]:
    found = _EVENT_ID.fullmatch(last_event_id or "")
    return (found.group(1), int(found.group(2))) if found else (None, 0)


def model_data(state: ModelState) -> dict[str, Any]:
    return {"state": state.state, "since_s": round(state.since_s, 1), "detail": state.detail}


class LiveResponse(Response):
    """Sends what a listener hears until its reader leaves. `is_over_with_answer`: or until its answer has ended."""

    def __init__(self, hub: Hub, listener: Listener, pace: Pace, *, is_over_with_answer: bool = False) -> None:
        self._hub = hub
        self._listener = listener
        self._pace = pace
        self._is_over_with_answer = is_over_with_answer
        self.background = None
        self.status_code = 200

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        watcher = asyncio.create_task(self._close_when_reader_leaves(receive), name="live reader")
        try:
            await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
            await _send_part(send, b"retry: %d\n\n" % RETRY_MS)
            await self._send_frames(send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            watcher.cancel()
            self._hub.leave(self._listener)

    async def _send_frames(self, send: Any) -> None:
        listener = self._listener
        while not listener.is_closed:
            frames = listener.take()
            if frames:
                await _send_part(send, b"".join([frame.encode() for frame in frames]))
            if self._is_over_with_answer and not listener.is_following:
                return
            if frames:
                await asyncio.sleep(self._pace.frame_s)
            elif not await listener.wait(self._pace.comment_s):
                await _send_part(send, b": still here\n\n")
        while last := listener.take():
            await _send_part(send, b"".join([frame.encode() for frame in last]))

    async def _close_when_reader_leaves(self, receive: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._listener.close()


async def _send_part(send: Any, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})

"""What is being said right now, in memory: answers as they grow, and who listens.

A listener keeps, for each answer, how many code points it was sent; a frame is what lies beyond. So a slow listener
costs no memory (its next frame is only longer), and a resumed one gets exactly what it lacks. Everything else that a
page hears of (feedback, list, turn, model) is kept once per thing, newest wins.

Belongs to one event loop; nothing here blocks or touches the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from debrief.errors import TooBusy
from debrief.texts import say

EventName = Literal["hello", "answer", "done", "feedback", "list", "turn", "path", "model", "gone"]
PENDING_LIMIT = 200
"""Different things a listener may have waiting; one that is so far behind is sent away to start afresh."""

FRAME_MAX_CHARS = 16_384
"""Of an answer's text in one frame: what a reader that takes nothing holds in memory, however long the answer is."""


@dataclass
class LiveAnswer:
    """An answer while somebody writes or follows it. `ended` holds the data of its `done` frame."""

    id: str
    conversation_id: str
    visitor_id: str
    text: str = ""
    is_ours: bool = True
    """True when this process writes it; else its text comes from the row."""
    ended: Ended | None = None


@dataclass(frozen=True)
class Ended:
    state: str
    error_code: str | None
    length: int
    """Of the stored text, in code points."""


@dataclass(frozen=True)
class Frame:
    """One server-sent event; `id` is what a browser gives back as Last-Event-ID."""

    event: EventName
    data: dict[str, Any]
    id: str | None = None

    def encode(self) -> bytes:
        head = f"event: {self.event}\n" if self.id is None else f"event: {self.event}\nid: {self.id}\n"
        return b"".join((head.encode(), b"data: ", orjson.dumps(self.data), b"\n\n"))


@dataclass
class _Following:
    answer: LiveAnswer
    sent: int
    unsaved: Ended | None = None
    """An end that is to be told although it is not stored yet."""

    def new_text(self) -> list[Frame]:
        answer, seq = self.answer, self.sent
        if len(answer.text) <= seq:
            return []
        self.sent = min(len(answer.text), seq + FRAME_MAX_CHARS)
        data = {
            "id": answer.id,
            "conversation_id": answer.conversation_id,
            "seq": seq,
            "text": answer.text[seq : self.sent],
        }
        return [Frame("answer", data, id=f"{answer.id}:{self.sent}")]

    @property
    def has_sent_all(self) -> bool:
        return self.sent >= len(self.answer.text)


class Listener:
    """One open live stream of one visitor. `conversation_id` or `answer_id` narrow what it hears."""

    def __init__(
        self, visitor_id: str, language: str, *, conversation_id: str | None = None, answer_id: str | None = None
    ) -> None:
        self.visitor_id = visitor_id
        self.language = language
        self.conversation_id = conversation_id
        self.answer_id = answer_id
        self.is_closed = False
        self._following: dict[str, _Following] = {}
        self._pending: dict[tuple[str, str], Frame] = {}
        self._something = asyncio.Event()

    def follow(self, answer: LiveAnswer, sent: int = 0) -> None:
        """Send this answer from code point `sent` on."""
        if self._wants(answer.conversation_id, answer.id) and answer.id not in self._following:
            self._following[answer.id] = _Following(answer, min(sent, len(answer.text)))
            self.wake()

    def put(self, key: str, frame: Frame, conversation_id: str | None = None) -> None:
        """Keep a frame for sending, instead of an older one of the same event and key."""
        if not self._wants(conversation_id, frame.data.get("answer_id")):
            return
        if len(self._pending) >= PENDING_LIMIT:
            self.close()
            return
        self._pending.pop((frame.event, key), None)
        self._pending[frame.event, key] = frame
        self.wake()

    def hear_unsaved(self, answer: LiveAnswer, ended: Ended) -> None:
        if (following := self._following.get(answer.id)) is not None:
            following.unsaved = ended
            self.wake()

    def take(self) -> list[Frame]:
        """What is new since the last time; of a long text a piece, and the next time more."""
        self._something.clear()
        frames = list(self._pending.values())
        self._pending.clear()
        for following in list(self._following.values()):
            frames.extend(following.new_text())
            if not following.has_sent_all:
                continue
            if following.unsaved is not None:
                frames.append(done_frame(following.answer, following.unsaved, self.language))
                following.unsaved = None
            if following.answer.ended is not None:
                del self._following[following.answer.id]
                frames.append(done_frame(following.answer, following.answer.ended, self.language))
        return frames

    async def wait(self, timeout_s: float) -> bool:
        """Until there may be something to send (True), or the time is over (False)."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._something.wait()
        except TimeoutError:
            return False
        return True

    def wake(self) -> None:
        self._something.set()

    def close(self) -> None:
        self.is_closed = True
        self.wake()

    @property
    def is_following(self) -> bool:
        return bool(self._following)

    def _wants(self, conversation_id: str | None, answer_id: str | None) -> bool:
        if self.answer_id is not None:
            return answer_id == self.answer_id
        return self.conversation_id is None or conversation_id in (None, self.conversation_id)


class Hub:
    """Who listens, and which answers are being written, here or elsewhere."""

    def __init__(self, *, streams_per_visitor: int, streams_in_all: int) -> None:
        self._streams_per_visitor = streams_per_visitor
        self._streams_in_all = streams_in_all
        self._listeners: dict[str, list[Listener]] = {}
        self._count = 0
        self._answers: dict[str, LiveAnswer] = {}
        self._is_closed = False

    # --- listeners

    def join(self, listener: Listener) -> None:
        """Let a stream hear from now on.

        Raises:
            TooBusy: the visitor, or all together, have too many open.
        """
        own = self._listeners.get(listener.visitor_id, [])
        if len(own) >= self._streams_per_visitor:
            raise TooBusy("too_many_streams", retry_after_s=10)
        if self._count >= self._streams_in_all:
            raise TooBusy("streams_full", retry_after_s=10)
        self._listeners.setdefault(listener.visitor_id, []).append(listener)
        self._count += 1
        if self._is_closed:
            listener.close()

    def leave(self, listener: Listener) -> None:
        own = self._listeners.get(listener.visitor_id, [])
        if listener in own:
            own.remove(listener)
            self._count -= 1
        if not own:
            self._listeners.pop(listener.visitor_id, None)
            self._forget_unheard(listener.visitor_id)

    def listening_visitors(self) -> list[str]:
        return list(self._listeners)

    @property
    def stream_count(self) -> int:
        return self._count

    def close(self) -> None:
        """End all streams, now and from now on: the process is going away."""
        self._is_closed = True
        for listener in self._all():
            listener.close()

    # --- answers

    def begin(self, answer: LiveAnswer) -> LiveAnswer:
        """From now on this answer is followed by all who listen to its visitor. Known already: the known one."""
        known = self._answers.setdefault(answer.id, answer)
        for listener in self._of(answer.visitor_id):
            listener.follow(known)
        return known

    def extend(self, answer: LiveAnswer, piece: str) -> None:
        answer.text += piece
        self._wake(answer.visitor_id)

    def replace_text(self, answer: LiveAnswer, text: str) -> None:
        """The text as another process has stored it."""
        if len(text) > len(answer.text):
            answer.text = text
            self._wake(answer.visitor_id)

    def end(self, answer: LiveAnswer, ended: Ended) -> None:
        answer.ended = ended
        self._answers.pop(answer.id, None)
        self._wake(answer.visitor_id)

    def tell_unsaved(self, answer: LiveAnswer, ended: Ended) -> None:
        """Tell an end that is not in the row. It is told again as it is stored: until then the answer goes on here."""
        for listener in self._of(answer.visitor_id):
            listener.hear_unsaved(answer, ended)

    def forget(self, answer: LiveAnswer) -> None:
        """The answer was deleted."""
        self._answers.pop(answer.id, None)

    def find_answer(self, answer_id: str) -> LiveAnswer | None:
        return self._answers.get(answer_id)

    def own_answer_ids(self) -> list[str]:
        return [answer.id for answer in self._answers.values() if answer.is_ours]

    def followed_elsewhere(self) -> list[LiveAnswer]:
        """Running answers that another process writes and somebody here listens to."""
        return [answer for answer in self._answers.values() if not answer.is_ours]

    # --- news

    def tell(self, visitor_id: str, key: str, frame: Frame, conversation_id: str | None = None) -> None:
        for listener in self._of(visitor_id):
            listener.put(key, frame, conversation_id)

    def tell_all(self, key: str, frame: Frame) -> None:
        for listener in self._all():
            listener.put(key, frame)

    def tell_turn(self, visitor_id: str, conversation_id: str, user_message_id: str, answer_id: str) -> None:
        data = {"conversation_id": conversation_id, "user_message_id": user_message_id, "answer_id": answer_id}
        self.tell(visitor_id, answer_id, Frame("turn", data), conversation_id)

    def tell_path(self, visitor_id: str, conversation_id: str, leaf_id: str | None) -> None:
        """Another version was chosen: the talk now ends with this message."""
        data = {"conversation_id": conversation_id, "leaf_id": leaf_id}
        self.tell(visitor_id, conversation_id, Frame("path", data), conversation_id)

    def tell_list(self, visitor_id: str, conversation_id: str | None, *, is_changed: bool = False) -> None:
        """The list is another one. `is_changed`: that talk has another title or path, was deleted, or came back.

        `conversation_id`: None when it is so of many talks.
        """
        data = {"conversation_id": conversation_id, "changed": is_changed}
        # Of two that wait for a slow reader the change must not be lost behind a mere touch.
        self.tell(visitor_id, f"{conversation_id}:{is_changed}", Frame("list", data), conversation_id)

    def tell_gone(self, visitor_id: str, why: Literal["deleted", "moved"] = "deleted") -> None:
        """All of this visitor was deleted or has gone over to another: their pages begin afresh, their streams end."""
        for listener in list(self._of(visitor_id)):
            listener.put("", Frame("gone", {"why": why}))
            listener.close()

    # --- inside

    def _of(self, visitor_id: str) -> list[Listener]:
        return self._listeners.get(visitor_id, [])

    def _all(self) -> Iterator[Listener]:
        return (listener for own in list(self._listeners.values()) for listener in own)

    def _wake(self, visitor_id: str) -> None:
        for listener in self._of(visitor_id):
            listener.wake()

    def _forget_unheard(self, visitor_id: str) -> None:
        for answer in self.followed_elsewhere():
            if answer.visitor_id == visitor_id:
                self.forget(answer)


def done_frame(answer: LiveAnswer, ended: Ended, language: str) -> Frame:
    data = {
        "id": answer.id,
        "conversation_id": answer.conversation_id,
        "state": ended.state,
        "error": answer_error(ended.error_code, answer.id, language),
        "length": ended.length,
    }
    return Frame("done", data, id=f"{answer.id}:{ended.length}")


def answer_error(code: str | None, answer_id: str, language: str) -> dict[str, str] | None:
    """What an answer's stored error code says to its reader; the details behind it are in the log."""
    if code is None:
        return None
    values = {"id": answer_id, "reason": say("error.reason_in_log", language)}
    return {"code": code, "message": say(f"error.{code}", language, **values)}

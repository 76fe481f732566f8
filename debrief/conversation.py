"""What a conversation is made of. Messages form a tree; the conversation points at its active leaf."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, Literal, TypeVar

Role = Literal["user", "assistant"]
T = TypeVar("T")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def storable(words: str) -> str:
    """The words with NUL and lone surrogates, which no database takes, replaced one by one: positions stay."""
    return _UNSTORABLE.sub("\ufffd", words)


class MessageState(StrEnum):
    """How a message stands. A visitor's message is always `complete`."""

    RUNNING = "running"
    COMPLETE = "complete"
    STOPPED = "stopped"
    """The visitor pressed Stop; the text is what had been written."""
    CUT_OFF = "cut_off"
    """The model reached its token limit."""
    INTERRUPTED = "interrupted"
    """The process that wrote it died."""
    ERROR = "error"
    """The model failed; `error_code` says why. The text, if any, is what came before."""


@dataclass(frozen=True)
class Message:
    """One message of the tree.

    `text` is the model's or the visitor's raw text, never what a component made of it. `seq` counts from 0 within
    the conversation in order of making. `parent_id` is None only for the opening line.
    """

    id: str
    conversation_id: str
    seq: int
    parent_id: str | None
    role: Role
    text: str
    state: MessageState
    created_at: datetime
    error_code: str | None = None
    finished_at: datetime | None = None
    first_token_s: float | None = None
    total_s: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    model: str | None = None
    continues: str | None = None
    """The answer that this one goes on with; its text is the beginning of this one's."""
    prompt_from: str | None = None
    """The oldest message that the model still read for this answer; None: it read all of the talk."""
    context_tokens: int | None = None
    """What the model can take at once, as it was then: prompt and answer together."""
    is_estimated: bool = False
    """`prompt_tokens` was estimated, on the high side: the server does not count."""


@dataclass(frozen=True)
class Conversation:
    """A talk of one visitor in one version of a scenario.

    `language` is the language of the page and of the feedback ("en" or "ko"); `answers` fills the scenario's form.
    `origin` is "talk", "import" or "again"; the latter was begun from `again_from`, a message of the talk `again_of`,
    which is None once that talk is deleted.
    """

    id: str
    visitor_id: str
    scenario_id: str
    scenario_hash: str
    language: str
    title: str
    answers: dict[str, str]
    active_leaf_id: str | None
    created_at: datetime
    updated_at: datetime
    origin: str = "talk"
    again_of: str | None = None
    again_from: str | None = None


@dataclass(frozen=True)
class ConversationSummary:
    """A line of the list: a conversation and how its newest feedback stands."""

    conversation: Conversation
    message_count: int
    feedback_id: str | None
    feedback_state: str | None
    review_state: str | None
    is_unread: bool = False
    """The newest feedback's words are shown, and the visitor has not had them before their eyes."""


@dataclass(frozen=True)
class Rating:
    """What the visitor says of an answer. `value` is "up" or "down"; reasons are codes of `debrief.rating`."""

    value: Literal["up", "down"]
    reasons: tuple[str, ...]
    comment: str
    at: datetime


@dataclass(frozen=True)
class Turn:
    """What one sending made: the visitor's message and the answer that is to be written.

    `is_new` is False when the same request id came a second time: the stored pair is given back, nothing is made.
    `writer_token` names the one runner that may write the answer; None when `is_new` is False. `begun_tokens` are those
    of the words that the answer goes on with, where it does and they were counted.
    """

    user_message: Message
    answer: Message
    is_new: bool
    writer_token: str | None
    begun_tokens: int | None = None


@dataclass(frozen=True)
class Page(Generic[T]):
    """A slice of a list. `next` is the cursor of the following slice, None at the end."""

    items: list[T]
    next: str | None

"""A talk as a file: the whole tree of its messages, to be kept and to be brought back.

Ids in a file only say which message follows which; a talk that is brought back gets new ones. Times are kept. What
hangs on a talk (debriefs, reviews) is not in it: it belongs to this server's record.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, cast

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from debrief.conversation import Conversation, Message, MessageState, Role
from debrief.errors import InputRejected

TALK, TALKS = "debrief-talk", "debrief-talks"
VERSION = 1
MESSAGES_MAX = 5000
TALKS_MAX = 1000
TEXT_MAX_CHARS = 200_000
"""Of one message. What was once said under another limit must come back."""

_Short = Annotated[str, Field(max_length=200)]
_Id = Annotated[str, Field(min_length=1, max_length=80)]
_Number = Annotated[int, Field(ge=0, le=2**31 - 1)]
_Seconds = Annotated[float, Field(ge=0, le=1e9)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FileMessage(_Part):
    """A message. A parent stands before its children; the first message has none."""

    id: _Id
    parent_id: _Id | None
    role: Role
    text: Annotated[str, Field(max_length=TEXT_MAX_CHARS)]
    state: MessageState
    error_code: Annotated[str, Field(pattern=r"^[a-z_]{1,60}$")] | None
    created_at: AwareDatetime
    finished_at: AwareDatetime | None
    first_token_s: _Seconds | None
    total_s: _Seconds | None
    prompt_tokens: _Number | None
    completion_tokens: _Number | None
    model: _Short | None
    continues: _Id | None
    prompt_from: _Id | None
    context_tokens: _Number | None
    is_estimated: bool


class FileScenario(_Part):
    id: _Id
    hash: _Short
    """Of the version in which the talk was held."""


class FileTalk(_Part):
    id: _Id
    title: _Short
    scenario: FileScenario
    language: Literal["en", "ko"]
    answers: dict[_Short, Annotated[str, Field(max_length=4000)]]
    origin: _Short
    created_at: AwareDatetime
    updated_at: AwareDatetime
    active_leaf_id: _Id | None
    messages: Annotated[list[FileMessage], Field(min_length=1, max_length=MESSAGES_MAX)]


class _OneTalk(_Part):
    format: Literal["debrief-talk"]
    version: Literal[1]
    talk: FileTalk


class _ManyTalks(_Part):
    format: Literal["debrief-talks"]
    version: Literal[1]
    talks: Annotated[list[FileTalk], Field(min_length=1, max_length=TALKS_MAX)]


def file_talk(talk: Conversation, messages: Iterable[Message]) -> FileTalk:
    """The talk as it stands in a file. An answer that is being written stands there as far as it is."""
    return FileTalk(
        id=talk.id,
        title=talk.title,
        scenario=FileScenario(id=talk.scenario_id, hash=talk.scenario_hash),
        language="ko" if talk.language == "ko" else "en",
        answers=talk.answers,
        origin=talk.origin,
        created_at=talk.created_at,
        updated_at=talk.updated_at,
        active_leaf_id=talk.active_leaf_id,
        messages=[_file_message(message) for message in messages],
    )


def _file_message(message: Message) -> FileMessage:
    # Without checking: what is stored was checked when it came, and must come out whatever the limits are today.
    return FileMessage.model_construct(**{name: getattr(message, name) for name in FileMessage.model_fields})


def write_talk(talk: FileTalk) -> bytes:
    """The file of one talk."""
    file = {"format": TALK, "version": VERSION, "talk": talk.model_dump(mode="json")}
    return orjson.dumps(file, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


TALKS_BEGIN = f'{{"format": "{TALKS}", "version": {VERSION}, "talks": [\n'.encode()
TALKS_BETWEEN = b",\n"
TALKS_END = b"\n]}\n"
"""Around and between the talks of a file of many, which is written piece by piece."""


def write_part(talk: FileTalk) -> bytes:
    """One talk of a file of many."""
    return orjson.dumps(talk.model_dump(mode="json"))


def read_talks(file: bytes) -> list[FileTalk]:
    """The talks of a file of ours, of one or of many.

    Raises:
        InputRejected: it is not one of ours, of a newer Debrief, or not whole; the sentence says which.
    """
    try:
        found: Any = orjson.loads(file)
    except orjson.JSONDecodeError:
        raise InputRejected("not_our_file") from None
    head = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    if head.get("format") not in (TALK, TALKS):
        raise InputRejected("not_our_file")
    version = head.get("version")
    if isinstance(version, int) and version > VERSION:
        raise InputRejected("newer_file", version=version, known=VERSION)
    try:
        if head["format"] == TALK:
            talks = [_OneTalk.model_validate_json(file).talk]
        else:
            talks = _ManyTalks.model_validate_json(file).talks
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise InputRejected("broken_file", reason=f"{where}: {problem['msg']}"[:300]) from None
    for at, talk in enumerate(talks):
        _check_tree(talk, f"talk {at + 1}")
    return talks


def _check_tree(talk: FileTalk, name: str) -> None:
    known: set[str] = set()
    for at, message in enumerate(talk.messages):
        if message.id in known:
            raise InputRejected("broken_file", reason=f"{name}: two messages have the same id")
        if message.parent_id is not None and message.parent_id not in known:
            raise InputRejected("broken_file", reason=f"{name}: message {at + 1} follows none that stands before it")
        if not {message.continues, message.prompt_from} <= known | {None}:
            raise InputRejected(
                "broken_file", reason=f"{name}: message {at + 1} names one that does not stand before it"
            )
        known.add(message.id)
    if talk.active_leaf_id not in known:
        raise InputRejected("broken_file", reason=f"{name}: the place where it goes on is not one of its messages")

"""Whole talks, with every branch, as they go into a file and come back from one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from debrief.conversation import Conversation, Message, MessageState, Page, storable
from debrief.talk_file import FileMessage, FileTalk
from storage.conversations import get_conversation, list_conversations, title_of
from storage.engine import Database, insert_or_ignore, new_id, utc_now
from storage.messages import list_messages
from storage.scenarios import keep_version
from storage.tables import ConversationRow, MessageRow, VisitorRow


@dataclass(frozen=True)
class Arrival:
    """A talk from a file, and the version of its scenario in which it goes on here."""

    talk: FileTalk
    scenario_hash: str
    scenario_body: dict[str, Any]


def get_whole(db: Database, visitor_id: str, conversation_id: str) -> tuple[Conversation, list[Message]]:
    """A talk of this visitor's with all its messages in the order of making, also those of other branches.

    Raises:
        NotFound: not there or not theirs.
    """
    return get_conversation(db, visitor_id, conversation_id), list_messages(db, conversation_id)


def list_whole(
    db: Database, visitor_id: str, *, limit: int, cursor: str | None = None
) -> Page[tuple[Conversation, list[Message]]]:
    """The same of a slice of the list."""
    page = list_conversations(db, visitor_id, limit=limit, cursor=cursor)
    talks = [line.conversation for line in page.items]
    return Page([(talk, list_messages(db, talk.id)) for talk in talks], page.next)


def import_whole(db: Database, visitor_id: str, arrivals: Sequence[Arrival]) -> list[str]:
    """Store these talks, all or none; their new ids. They come first in the list, in the order of the file."""
    now = utc_now()
    ids: list[str] = []
    with db.write() as session:
        insert_or_ignore(session, VisitorRow, {"id": visitor_id, "created_at": now})
        for arrival in reversed(arrivals):
            keep_version(session, arrival.talk.scenario.id, arrival.scenario_hash, arrival.scenario_body)
            row, messages = _rows(visitor_id, arrival)
            row.updated_at = utc_now()
            session.add(row)
            session.flush()
            session.add_all(messages)
            ids.append(row.id)
    return ids[::-1]


def _rows(visitor_id: str, arrival: Arrival) -> tuple[ConversationRow, list[MessageRow]]:
    talk = arrival.talk
    ids = {message.id: new_id("m") for message in talk.messages}
    row = ConversationRow(
        id=new_id("c"),
        visitor_id=visitor_id,
        scenario_id=talk.scenario.id,
        scenario_hash=arrival.scenario_hash,
        language=talk.language,
        title=title_of(talk.title),
        answers={storable(key): storable(value) for key, value in talk.answers.items()},
        origin="import",
        active_leaf_id=ids[talk.active_leaf_id or talk.messages[-1].id],
        message_count=len(talk.messages),
        created_at=talk.created_at,
    )
    return row, [_message(message, seq, row.id, ids) for seq, message in enumerate(talk.messages)]


def _message(message: FileMessage, seq: int, conversation_id: str, ids: dict[str, str]) -> MessageRow:
    state = message.state
    if state is MessageState.RUNNING:  # whoever wrote it does not write here
        state = MessageState.INTERRUPTED
    return MessageRow(
        id=ids[message.id],
        conversation_id=conversation_id,
        seq=seq,
        parent_id=ids[message.parent_id] if message.parent_id else None,
        role=message.role,
        text=storable(message.text),
        state=(MessageState.COMPLETE if message.role == "user" else state).value,
        error_code=message.error_code,
        stop_requested=False,
        created_at=message.created_at,
        finished_at=message.finished_at,
        first_token_s=message.first_token_s,
        total_s=message.total_s,
        prompt_tokens=message.prompt_tokens,
        completion_tokens=message.completion_tokens,
        model=message.model,
        continues=ids[message.continues] if message.continues else None,
        prompt_from=ids[message.prompt_from] if message.prompt_from else None,
        context_tokens=message.context_tokens,
        is_estimated=message.is_estimated,
    )

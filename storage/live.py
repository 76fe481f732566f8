"""What the web process asks and tells twice a second, for many people in one transaction each.

Nobody's ownership is checked here: the ids come from the process itself, after their owners were.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text, union, update

from storage.engine import ALSO_DELETED, Database, utc_now
from storage.tables import ConversationRow, MessageRow, WorkerRow


@dataclass(frozen=True)
class Writing:
    """An answer as far as its writer has come."""

    answer_id: str
    writer_token: str
    text: str


@dataclass(frozen=True)
class Saved:
    """What became known while saving: answers that are no longer the writer's, and answers that should stop."""

    lost: frozenset[str]
    to_stop: frozenset[str]


@dataclass(frozen=True)
class RunningAnswer:
    id: str
    visitor_id: str
    conversation_id: str
    user_message_id: str
    text: str


@dataclass(frozen=True)
class Touched:
    """A talk in which something happened. `is_changed`: it got another title or path, was deleted, or came back."""

    visitor_id: str
    id: str
    at: tuple[datetime, datetime | None]
    is_changed: bool
    leaf_id: str | None
    """The message that the talk ends with."""


def save_answers(db: Database, answers: Sequence[Writing]) -> Saved:
    """Store the texts so far with a sign of life, those that are still their writer's."""
    now = utc_now()
    with db.write() as session:
        rows = session.execute(
            select(MessageRow.id, MessageRow.writer_token, MessageRow.state, MessageRow.stop_requested)
            .where(MessageRow.id.in_([answer.answer_id for answer in answers]))
            .with_for_update()
        )
        running = {row.id: row for row in rows if row.state == "running"}
        own = [
            answer
            for answer in answers
            if answer.answer_id in running and running[answer.answer_id].writer_token == answer.writer_token
        ]
        if own:
            session.execute(
                update(MessageRow),
                [{"id": answer.answer_id, "text": answer.text, "heartbeat_at": now} for answer in own],
            )
    kept = {answer.answer_id for answer in own}
    return Saved(
        lost=frozenset(answer.answer_id for answer in answers if answer.answer_id not in kept),
        to_stop=frozenset(id for id in kept if running[id].stop_requested),
    )


def list_running_of(
    db: Database, visitor_ids: Collection[str], *, except_ids: Collection[str] = ()
) -> list[RunningAnswer]:
    """The answers being written for these visitors, without those that the caller knows better."""
    query = (
        select(
            MessageRow.id,
            ConversationRow.visitor_id,
            MessageRow.conversation_id,
            MessageRow.parent_id,
            MessageRow.text,
        )
        .join(ConversationRow, ConversationRow.id == MessageRow.conversation_id)
        .where(text("messages.state = 'running'"), ConversationRow.visitor_id.in_(visitor_ids))
        .where(MessageRow.id.not_in(except_ids))
    )
    with db.read() as session:
        return [
            RunningAnswer(id, visitor_id, conversation_id, parent_id or "", words)
            for id, visitor_id, conversation_id, parent_id, words in session.execute(query)
        ]


def list_touched(db: Database, visitor_ids: Collection[str], since: datetime) -> list[Touched]:
    """The conversations of these visitors in which something happened, deleted ones included."""
    mine = ConversationRow.visitor_id.in_(visitor_ids)
    columns = (
        ConversationRow.visitor_id,
        ConversationRow.id,
        ConversationRow.updated_at,
        ConversationRow.changed_at,
        ConversationRow.changed_at >= since,
        ConversationRow.active_leaf_id,
    )
    # Two queries in one: each half has an index of its own.
    query = union(
        select(*columns).where(mine, ConversationRow.updated_at >= since),
        select(*columns).where(mine, ConversationRow.changed_at >= since),
    )
    with db.read() as session:
        return [
            Touched(visitor_id, id, (updated_at, changed_at), is_changed=bool(is_changed), leaf_id=leaf_id)
            for visitor_id, id, updated_at, changed_at, is_changed, leaf_id in session.execute(
                query, execution_options=ALSO_DELETED
            )
        ]


def find_worker_silence_s(db: Database) -> float | None:
    """Seconds since any worker last gave a sign of life; None when there never was one, or it said goodbye.

    A time ahead of ours counts as one as far behind: it may be of a worker that died before the clock was put back.
    """
    now = utc_now()
    with db.read() as session:
        beats = session.scalars(select(WorkerRow.beat_at).where(WorkerRow.state != "stopped"))
        return min((abs(now - at).total_seconds() for at in beats), default=None)

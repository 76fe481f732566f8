"""Answers being written: how they are kept, how they end, and how those end whose writer has died.

A writer token fences: only who began the answer, and only while it runs, can write it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from debrief.conversation import MessageState, storable
from storage.engine import Database, utc_now
from storage.messages import is_running
from storage.tables import ConversationRow, MessageRow


def flush_answer(db: Database, answer_id: str, writer_token: str, text: str) -> bool:
    """Store the text so far and a sign of life. False: the answer has ended or is somebody else's; stop writing."""
    with db.write() as session:
        return _change_own(session, answer_id, writer_token, text=storable(text), heartbeat_at=utc_now())


def is_stop_requested(db: Database, answer_id: str) -> bool:
    """Whether the visitor wants this answer to end; True as well when the answer was deleted."""
    with db.read() as session:
        wish = session.scalar(select(MessageRow.stop_requested).where(MessageRow.id == answer_id))
        return wish is None or wish


def finish_answer(
    db: Database,
    answer_id: str,
    writer_token: str,
    *,
    state: MessageState,
    text: str,
    error_code: str | None = None,
    first_token_s: float | None = None,
    total_s: float | None = None,
    prompt_tokens: int | None = None,
    completion_tokens: int | None = None,
    model: str | None = None,
    prompt_from: str | None = None,
    context_tokens: int | None = None,
    is_estimated: bool = False,
) -> bool:
    """End the answer. False: it has ended already or is somebody else's, and nothing was stored."""
    now = utc_now()
    with db.write() as session:
        conversation = session.scalar(
            select(ConversationRow)
            .join(MessageRow, MessageRow.conversation_id == ConversationRow.id)
            .where(MessageRow.id == answer_id)
            .with_for_update(of=ConversationRow)
        )
        ended = _change_own(
            session,
            answer_id,
            writer_token,
            state=state.value,
            text=storable(text),
            error_code=error_code,
            first_token_s=first_token_s,
            total_s=total_s,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            model=model,
            prompt_from=prompt_from,
            context_tokens=context_tokens,
            is_estimated=is_estimated,
            heartbeat_at=now,
            finished_at=now,
        )
        if conversation is not None and ended:
            conversation.updated_at = now
        return ended


def list_silent(db: Database, *, silent_since: datetime, ahead_of: datetime) -> list[str]:
    """The running answers whose writer gave no sign of life since then, or whose last sign lies after `ahead_of`.

    A sign ahead of now was given before the clock was put back, and none since.
    """
    with db.read() as session:
        return list(session.scalars(select(MessageRow.id).where(is_running(), _is_silent(silent_since, ahead_of))))


def mark_interrupted(
    db: Database,
    *,
    silent_since: datetime,
    ahead_of: datetime | None = None,
    among: Collection[str] | None = None,
    dead_writers: Collection[str] = (),
) -> list[str]:
    """End the running answers whose writer has died; their text stays. Their ids.

    Args:
        db: the database.
        silent_since: a writer that gave no sign of life since then counts as dead.
        ahead_of: so does one whose last sign lies after this.
        among: only of these answers does silence tell; None: of all.
        dead_writers: ids of processes that are known to be dead, however lately they wrote.
    """
    silent = _is_silent(silent_since, ahead_of)
    if among is not None:
        silent = and_(silent, MessageRow.id.in_(list(among)))
    with db.write() as session:
        orphans = session.scalars(
            select(MessageRow.id)
            .where(is_running(), or_(silent, MessageRow.writer_id.in_(list(dead_writers))))
            .with_for_update(skip_locked=True)  # two processes that look at once do not wait for each other
        ).all()
        session.execute(
            update(MessageRow)
            .where(MessageRow.id.in_(orphans))
            .values(state=MessageState.INTERRUPTED.value, error_code="interrupted", finished_at=utc_now())
        )
        return list(orphans)


def _is_silent(since: datetime, ahead_of: datetime | None) -> ColumnElement[bool]:
    before = MessageRow.heartbeat_at < since
    return before if ahead_of is None else or_(before, MessageRow.heartbeat_at > ahead_of)


def _change_own(session: Session, answer_id: str, writer_token: str, **values: object) -> bool:
    """Compare-and-set: only while the answer runs and the token is its writer's."""
    change = (
        update(MessageRow)
        .where(MessageRow.id == answer_id, MessageRow.writer_token == writer_token, is_running())
        .values(**values)
        .returning(MessageRow.id)
    )
    return session.scalar(change) is not None

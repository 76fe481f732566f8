"""Talks: beginning, listing, naming and deleting them. Their messages are in `messages`, `turns` and `answers`.

Each function is one short transaction. "Not there" and "not yours" are the same NotFound.
"""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Select, delete, func, or_, select, tuple_
from sqlalchemy.orm import Session, aliased

from debrief.conversation import Conversation, ConversationSummary, Message, Page, storable
from debrief.errors import InputRejected
from debrief.review import ReviewState
from storage.engine import Database, insert_or_ignore, new_id, utc_now
from storage.feedback import FRUITLESS
from storage.messages import append, owned, to_message
from storage.scenarios import keep_version
from storage.tables import ConversationRow, FeedbackJobRow, FeedbackRow, VisitorRow

TITLE_MAX_CHARS = 200


def create_conversation(
    db: Database,
    *,
    visitor_id: str,
    scenario_id: str,
    scenario_hash: str,
    scenario_body: dict[str, object],
    language: str,
    title: str,
    answers: dict[str, str],
    opening: str,
) -> tuple[Conversation, Message]:
    """Begin a talk with the persona's opening line. The visitor's row is made with the first one."""
    now = utc_now()
    with db.write() as session:
        insert_or_ignore(session, VisitorRow, {"id": visitor_id, "created_at": now})
        keep_version(session, scenario_id, scenario_hash, scenario_body)
        row = ConversationRow(
            id=new_id("c"),
            visitor_id=visitor_id,
            scenario_id=scenario_id,
            scenario_hash=scenario_hash,
            language=language,
            title=title_of(title),
            answers={key: storable(value) for key, value in answers.items()},
            message_count=0,
            created_at=now,
            updated_at=now,
        )
        session.add(row)
        session.flush()
        first = append(session, row, now, role="assistant", text=opening, parent_id=None, finished_at=now)
        return to_conversation(row), to_message(first)


def list_conversations(
    db: Database, visitor_id: str, *, limit: int = 50, cursor: str | None = None
) -> Page[ConversationSummary]:
    """The visitor's talks, the one touched last first. A talk touched while paging is not met twice.

    Raises:
        InputRejected: the cursor is not one of ours.
    """
    query = _summaries().where(ConversationRow.visitor_id == visitor_id)
    if cursor is not None:
        query = query.where(tuple_(ConversationRow.updated_at, ConversationRow.id) < tuple_(*read_place(cursor)))
    with db.read() as session:
        rows = session.execute(query.limit(limit + 1)).all()
    items = [
        ConversationSummary(
            to_conversation(row),
            row.message_count,
            feedback_id,
            feedback_state,
            review_state,
            is_unread=bool(review_state) and ReviewState(review_state).is_shown and seen_at is None,
        )
        for row, feedback_id, review_state, feedback_state, seen_at in rows[:limit]
    ]
    return Page(items, make_cursor(items[-1].conversation) if len(rows) > limit else None)


def count_conversations(db: Database, visitor_id: str) -> int:
    query = select(func.count()).select_from(ConversationRow).where(ConversationRow.visitor_id == visitor_id)
    with db.read() as session:
        return session.scalar(query) or 0


def get_conversation(db: Database, visitor_id: str, conversation_id: str) -> Conversation:
    with db.read() as session:
        return shown_conversation(session, owned(session, visitor_id, conversation_id))


def rename_conversation(db: Database, visitor_id: str, conversation_id: str, title: str) -> Conversation:
    """Give the talk another name. It keeps its place in the list: nobody talked.

    Raises:
        InputRejected: the title is empty.
    """
    if not title.strip():
        raise InputRejected("empty_title")
    with db.write() as session:
        row = owned(session, visitor_id, conversation_id, lock=True)
        row.title = title_of(title)
        row.changed_at = utc_now()
        return to_conversation(row)


def delete_conversation(db: Database, visitor_id: str, conversation_id: str) -> None:
    """Really delete it, at once: messages, feedback, jobs and versions go with it, and the words leave the file."""
    with db.write() as session:
        owned(session, visitor_id, conversation_id, lock=True)
        session.execute(delete(ConversationRow).where(ConversationRow.id == conversation_id))
    db.forget_deleted()


def _summaries() -> Select[ConversationRow, str, str, str, datetime | None]:
    """Conversations with their newest feedback and its newest job, newest first: one query for a whole page.

    Columns: conversation, feedback id, review state, job state, when it was seen; all but the first are None where
    nothing was asked for.
    """
    other, job = aliased(FeedbackRow), aliased(FeedbackJobRow)
    has_no_words = FeedbackRow.version_id.is_(
        None
    )  # where writing anew came to nothing, the words that there are count
    newest_feedback = (
        select(other.id)
        .where(other.conversation_id == ConversationRow.id)
        .order_by(other.created_at.desc(), other.id.desc())
        .limit(1)
        .correlate(ConversationRow)
        .scalar_subquery()
    )
    newest_job_state = (
        select(job.state)
        .where(job.feedback_id == FeedbackRow.id, job.repeats.is_(None), or_(job.state.not_in(FRUITLESS), has_no_words))
        .order_by(job.created_at.desc(), job.id.desc())
        .limit(1)
        .correlate(FeedbackRow)
        .scalar_subquery()
    )
    return (
        select(ConversationRow, FeedbackRow.id, FeedbackRow.review_state, newest_job_state, FeedbackRow.seen_at)
        .outerjoin(FeedbackRow, FeedbackRow.id == newest_feedback)
        .order_by(ConversationRow.updated_at.desc(), ConversationRow.id.desc())
    )


def make_cursor(last: Conversation) -> str:
    """Where a slice of talks in the order of the list ends."""
    place = json.dumps([last.updated_at.isoformat(), last.id])
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def read_place(cursor: str) -> tuple[datetime, str]:
    """The time and id of the last talk of the slice before.

    Raises:
        InputRejected: the cursor is not one of ours.
    """
    try:
        at, id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return datetime.fromisoformat(at).astimezone(UTC), str(id)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputRejected(reason="the cursor is not one of ours") from error


def title_of(title: str) -> str:
    """As it is stored."""
    return storable(title.strip())[:TITLE_MAX_CHARS]


def shown_conversation(session: Session, row: ConversationRow) -> Conversation:
    """As its visitor sees it: a deleted talk that can still come back is gone for the one that tries it again."""
    talk = to_conversation(row)
    is_there = talk.again_of and session.scalar(select(ConversationRow.id).where(ConversationRow.id == talk.again_of))
    return talk if is_there else replace(talk, again_of=None)


def to_conversation(row: ConversationRow) -> Conversation:
    return Conversation(
        id=row.id,
        visitor_id=row.visitor_id,
        scenario_id=row.scenario_id,
        scenario_hash=row.scenario_hash,
        language=row.language,
        title=row.title,
        answers=row.answers,
        active_leaf_id=row.active_leaf_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
        origin=row.origin,
        again_of=row.again_of,
        again_from=row.again_from,
    )

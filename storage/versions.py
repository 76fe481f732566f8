"""Versions of a message: answers tried again, messages said anew. One of each is on the talk's active path.

"Not there" and "not yours" are the same NotFound.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from debrief.conversation import Conversation, Message, Rating
from debrief.errors import Conflict
from storage.conversations import shown_conversation, to_conversation
from storage.engine import Database, utc_now
from storage.messages import is_running, owned, owned_message, read_path, to_message
from storage.ratings import read_ratings
from storage.tables import MessageRow


@dataclass(frozen=True)
class Told:
    """Messages with what is known around them. `versions` has only those messages that have several."""

    messages: list[Message]
    versions: dict[str, tuple[str, ...]]
    ratings: dict[str, Rating]


def read_talk(db: Database, visitor_id: str, conversation_id: str) -> tuple[Conversation, Told]:
    """A talk of this visitor's with its active path.

    Raises:
        NotFound: not there or not yours.
    """
    with db.read() as session:
        row = owned(session, visitor_id, conversation_id)
        path = read_path(session, conversation_id, row.active_leaf_id)
        told = Told(path, _list_versions(session, conversation_id), read_ratings(session, conversation_id))
        return shown_conversation(session, row), told


def read_message(db: Database, visitor_id: str, message_id: str) -> Told:
    """One message of this visitor's, as `read_talk` tells it.

    Raises:
        NotFound: not there or not yours.
    """
    with db.read() as session:
        row = owned_message(session, visitor_id, message_id)
        versions = _list_versions(session, row.conversation_id, parent_id=row.parent_id)
        return Told([to_message(row)], versions, read_ratings(session, row.conversation_id, message_id=row.id))


def choose_version(db: Database, visitor_id: str, message_id: str) -> Conversation:
    """Make this version the one that counts: the talk goes on from the newest message below it.

    Raises:
        NotFound: not there or not yours.
        Conflict: an answer of this conversation is still being written.
    """
    with db.write() as session:
        message = owned_message(session, visitor_id, message_id)
        row = owned(session, visitor_id, message.conversation_id, lock=True)
        running = select(MessageRow.id).where(MessageRow.conversation_id == row.id, is_running()).limit(1)
        if session.scalar(running) is not None:
            raise Conflict("answer_running")
        row.active_leaf_id = _newest_below(session, message)
        row.changed_at = utc_now()  # pages of other processes hear of it
        return to_conversation(row)


def _newest_below(session: Session, message: MessageRow) -> str:
    below = select(MessageRow.id, MessageRow.seq).where(MessageRow.id == message.id).cte("below", recursive=True)
    below = below.union_all(select(MessageRow.id, MessageRow.seq).join(below, MessageRow.parent_id == below.c.id))
    return session.scalars(select(below.c.id).order_by(below.c.seq.desc()).limit(1)).one()


def _list_versions(
    session: Session, conversation_id: str, *, parent_id: str | None = None
) -> dict[str, tuple[str, ...]]:
    """Of each message that has several versions: all of them, oldest first."""
    query = (
        select(MessageRow.id, MessageRow.parent_id, MessageRow.role, MessageRow.continues)
        .where(MessageRow.conversation_id == conversation_id, MessageRow.parent_id.in_(_forks(conversation_id)))
        .order_by(MessageRow.seq)
    )
    if parent_id is not None:
        query = query.where(MessageRow.parent_id == parent_id)
    rows = session.execute(query).all()
    hidden = _gone_on_with(session, [row.continues for row in rows if row.continues])
    siblings: dict[tuple[str | None, str], list[str]] = {}
    for row in rows:
        if row.id not in hidden:
            siblings.setdefault((row.parent_id, row.role), []).append(row.id)
    return {id: tuple(ids) for ids in siblings.values() if len(ids) > 1 for id in ids}


def _forks(conversation_id: str):  # a subquery, whose type says nothing
    """The messages that more than one message follows."""
    return (
        select(MessageRow.parent_id)
        .where(MessageRow.conversation_id == conversation_id, MessageRow.parent_id.is_not(None))
        .group_by(MessageRow.parent_id)
        .having(func.count() > 1)
        .scalar_subquery()
    )


def _gone_on_with(session: Session, continued: Collection[str]) -> set[str]:
    """Answers that another goes on with, word for word: no version of their own, unless the talk went on from them."""
    if not continued:
        return set()
    kept = set(session.scalars(select(MessageRow.parent_id).where(MessageRow.parent_id.in_(continued))))
    return set(continued) - kept

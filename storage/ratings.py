"""Ratings: what visitors say of single answers. Each function is one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, tuple_
from sqlalchemy.orm import Session

from debrief.conversation import Message, MessageState, Rating, storable
from debrief.errors import Conflict, InputRejected
from storage.engine import Database, utc_now
from storage.messages import owned_message, to_message
from storage.tables import ConversationRow, MessageRow, RatingRow


@dataclass(frozen=True)
class RatedAnswer:
    """A rating with the answer that it is of, for those who export."""

    answer: Message
    conversation_id: str
    scenario_id: str
    scenario_hash: str
    language: str
    rating: Rating


def rate(
    db: Database, visitor_id: str, message_id: str, value: str | None, reasons: Sequence[str] = (), comment: str = ""
) -> Rating | None:
    """Say of an answer that it is good or bad, instead of what was said before; None takes it back.

    Raises:
        NotFound: no such message, or not this visitor's.
        InputRejected: not an answer to something that the visitor said.
        Conflict: it is still being written.
    """
    with db.write() as session:
        row = owned_message(session, visitor_id, message_id)
        if row.role != "assistant" or row.parent_id is None:
            raise InputRejected(reason="only an answer can be rated")
        if row.state == MessageState.RUNNING:
            raise Conflict("answer_running")
        session.execute(delete(RatingRow).where(RatingRow.message_id == message_id))
        if value is None:
            return None
        rating = RatingRow(
            message_id=message_id, value=value, reasons=list(reasons), comment=storable(comment), at=utc_now()
        )
        session.add(rating)
        session.flush()
        return _rating(rating)


def read_ratings(session: Session, conversation_id: str, *, message_id: str | None = None) -> dict[str, Rating]:
    """The ratings in a conversation by message, inside the caller's transaction."""
    query = (
        select(RatingRow)
        .join(MessageRow, MessageRow.id == RatingRow.message_id)
        .where(MessageRow.conversation_id == conversation_id)
    )
    if message_id is not None:
        query = query.where(RatingRow.message_id == message_id)
    return {row.message_id: _rating(row) for row in session.scalars(query)}


def list_ratings(db: Database, *, after: tuple[str, str] | None = None, limit: int = 500) -> list[RatedAnswer]:
    """All visitors' ratings with their answers, in a fixed order, for exports; nobody's ownership is asked.

    `after` is (conversation id, message id) of the last one that the caller has.
    """
    order = (MessageRow.conversation_id, RatingRow.message_id)
    query = (
        select(RatingRow, MessageRow, ConversationRow)
        .join(MessageRow, MessageRow.id == RatingRow.message_id)
        .join(ConversationRow, ConversationRow.id == MessageRow.conversation_id)
        .order_by(*order)
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(*order) > tuple_(*after))
    with db.read() as session:
        return [
            RatedAnswer(
                answer=to_message(message),
                conversation_id=talk.id,
                scenario_id=talk.scenario_id,
                scenario_hash=talk.scenario_hash,
                language=talk.language,
                rating=_rating(rating),
            )
            for rating, message, talk in session.execute(query)
        ]


def _rating(row: RatingRow) -> Rating:
    return Rating("up" if row.value == "up" else "down", tuple(map(str, row.reasons)), row.comment, row.at)

"""Turns: what the visitor says and the answer to it begin together, if there is room.

Each function is one short transaction. "Not there" and "not yours" are the same NotFound.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from debrief.conversation import Message, MessageState, Turn
from debrief.errors import Conflict, InputRejected, TooBusy
from debrief.texts import Wait
from storage.engine import Database, new_id, utc_now
from storage.messages import append, is_running, owned, owned_message, to_message
from storage.spending import UNLIMITED, Daily, spend
from storage.tables import ConversationRow, MessageRow, VisitorRow

BROKEN_OFF = (MessageState.CUT_OFF, MessageState.STOPPED, MessageState.INTERRUPTED, MessageState.ERROR)
"""How an answer may have ended that can go on, where there is text of it."""
REQUEST_ID_MAX_CHARS = 80
RETRY_AFTER_S = 5
LONGEST_RETRY_AFTER_S = 60


def start_turn(
    db: Database,
    visitor_id: str,
    conversation_id: str,
    text: str,
    request_id: str,
    *,
    per_visitor_cap: int,
    total_cap: int,
    daily: Daily = UNLIMITED,
    writer_id: str | None = None,
) -> Turn:
    """Store what the visitor said and the answer that is to be written, and make that answer the active leaf.

    Args:
        db: the database.
        visitor_id: who says it.
        conversation_id: where.
        text: what they said.
        request_id: chosen by the browser for each sending; the same one again gives the stored pair back.
        per_visitor_cap: answers being written at once for one visitor.
        total_cap: answers being written at once for all.
        daily: answers begun in a day.
        writer_id: the process that will write the answer, as `storage.alive` knows it; None: only its silence tells
            that it has died.

    Raises:
        NotFound: not there or not yours.
        Conflict: an answer of this conversation is still being written.
        TooBusy: a cap is reached, or the day's answers are used up.
    """
    with db.write() as session:
        row = _locked_for_turn(session, visitor_id, conversation_id)
        stored = _stored_turn(session, conversation_id, request_id)
        if stored is not None:
            return stored
        now = utc_now()
        _check_room(session, row, now, per_visitor_cap, total_cap, daily)
        said = append(
            session,
            row,
            now,
            role="user",
            text=text,
            parent_id=row.active_leaf_id,
            request_id=request_id,
            finished_at=now,
        )
        return _begin_answer(session, row, now, said, request_id=None, writer_id=writer_id)


def start_retry(
    db: Database,
    visitor_id: str,
    message_id: str,
    request_id: str,
    *,
    per_visitor_cap: int,
    total_cap: int,
    daily: Daily = UNLIMITED,
    writer_id: str | None = None,
) -> Turn:
    """Begin another answer to the same words. The old one stays beside it; the new one is the active leaf.

    Args:
        db: the database.
        visitor_id: who asks.
        message_id: the answer that is to be tried again.
        request_id: as for `start_turn`.
        per_visitor_cap: as for `start_turn`.
        total_cap: as for `start_turn`.
        daily: as for `start_turn`: another answer is one more.
        writer_id: as for `start_turn`.

    Raises:
        NotFound: not there or not yours.
        InputRejected: not an answer to something that the visitor said.
        Conflict: an answer of this conversation is still being written.
        TooBusy: a cap is reached, or the day's answers are used up.
    """
    with db.write() as session:
        place = _place_of(session, visitor_id, message_id, request_id)
        if place.stored is not None:
            return place.stored
        old, row = place.message, place.conversation
        said = session.get(MessageRow, old.parent_id) if old.role == "assistant" and old.parent_id else None
        if said is None or said.role != "user":
            raise InputRejected(reason="only an answer can be tried again")
        now = utc_now()
        _check_room(session, row, now, per_visitor_cap, total_cap, daily)
        return _begin_answer(session, row, now, said, request_id=request_id, writer_id=writer_id)


def start_edit(
    db: Database,
    visitor_id: str,
    message_id: str,
    text: str,
    request_id: str,
    *,
    per_visitor_cap: int,
    total_cap: int,
    daily: Daily = UNLIMITED,
    writer_id: str | None = None,
) -> Turn:
    """Say something anew, in other words, and begin the answer to it. What was said, with all after it, stays beside.

    Args:
        db: the database.
        visitor_id: who says it.
        message_id: what they said before, in this place.
        text: what they say instead.
        request_id: as for `start_turn`.
        per_visitor_cap: as for `start_turn`.
        total_cap: as for `start_turn`.
        daily: as for `start_turn`.
        writer_id: as for `start_turn`.

    Raises:
        NotFound: not there or not yours.
        InputRejected: not something that the visitor said.
        Conflict: an answer of this conversation is still being written.
        TooBusy: a cap is reached, or the day's answers are used up.
    """
    with db.write() as session:
        place = _place_of(session, visitor_id, message_id, request_id)
        if place.stored is not None:
            return place.stored
        old, row = place.message, place.conversation
        if old.role != "user":
            raise InputRejected(reason="only what you said yourself can be said anew")
        now = utc_now()
        _check_room(session, row, now, per_visitor_cap, total_cap, daily)
        said = append(
            session, row, now, role="user", text=text, parent_id=old.parent_id, request_id=request_id, finished_at=now
        )
        return _begin_answer(session, row, now, said, request_id=None, writer_id=writer_id)


def start_continuation(
    db: Database,
    visitor_id: str,
    message_id: str,
    request_id: str,
    *,
    per_visitor_cap: int,
    total_cap: int,
    daily: Daily = UNLIMITED,
    writer_id: str | None = None,
) -> Turn:
    """Begin an answer that goes on where this one broke off; its text begins with this one's, which stays beside it.

    Args:
        db: the database.
        visitor_id: who asks.
        message_id: the answer that was cut off, stopped, interrupted or broken.
        request_id: as for `start_turn`.
        per_visitor_cap: as for `start_turn`.
        total_cap: as for `start_turn`.
        daily: as for `start_turn`.
        writer_id: as for `start_turn`.

    Raises:
        NotFound: not there or not yours.
        InputRejected: not an answer that broke off.
        Conflict: an answer of this conversation is still being written.
        TooBusy: a cap is reached, or the day's answers are used up.
    """
    with db.write() as session:
        place = _place_of(session, visitor_id, message_id, request_id)
        if place.stored is not None:
            return place.stored
        old, row = place.message, place.conversation
        said = session.get(MessageRow, old.parent_id) if old.state in BROKEN_OFF and old.parent_id else None
        if said is None or said.role != "user" or not old.text.strip():
            raise InputRejected(reason="only an answer that broke off can go on")
        now = utc_now()
        _check_room(session, row, now, per_visitor_cap, total_cap, daily)
        return _begin_answer(session, row, now, said, request_id=request_id, writer_id=writer_id, goes_on_with=old)


def request_stop(db: Database, visitor_id: str, conversation_id: str) -> list[str]:
    """Wish that the answers being written in this conversation end; their ids. The runner sees the wish and ends."""
    with db.write() as session:
        owned(session, visitor_id, conversation_id)
        change = (
            update(MessageRow)
            .where(MessageRow.conversation_id == conversation_id, is_running())
            .values(stop_requested=True)
            .returning(MessageRow.id)
        )
        return list(session.scalars(change))


def list_running(db: Database, visitor_id: str) -> list[Message]:
    """The answers being written for this visitor, in all conversations, oldest first."""
    query = (
        select(MessageRow)
        .join(ConversationRow, ConversationRow.id == MessageRow.conversation_id)
        .where(is_running(), ConversationRow.visitor_id == visitor_id)
        .order_by(MessageRow.created_at, MessageRow.id)
    )
    with db.read() as session:
        return [to_message(row) for row in session.scalars(query)]


def count_running(db: Database) -> int:
    """The answers being written for all visitors."""
    with db.read() as session:
        return _count_running(session)


def _locked_for_turn(session: Session, visitor_id: str, conversation_id: str) -> ConversationRow:
    """The conversation, locked so that turns of this visitor come one after another (SQLite: all writes do)."""
    session.execute(select(VisitorRow.id).where(VisitorRow.id == visitor_id).with_for_update(key_share=True))
    return owned(session, visitor_id, conversation_id, lock=True)


@dataclass(frozen=True)
class _Place:
    """Where a turn begins beside a message. `stored` is the turn that the same request made before."""

    message: MessageRow
    conversation: ConversationRow
    stored: Turn | None


def _place_of(session: Session, visitor_id: str, message_id: str, request_id: str) -> _Place:
    message = owned_message(session, visitor_id, message_id)
    conversation = _locked_for_turn(session, visitor_id, message.conversation_id)
    return _Place(message, conversation, _stored_turn(session, conversation.id, request_id))


def _stored_turn(session: Session, conversation_id: str, request_id: str) -> Turn | None:
    """What this request made before: a turn's id is kept on the visitor's message, a retry's on the answer."""
    if not 0 < len(request_id) <= REQUEST_ID_MAX_CHARS:
        raise InputRejected(reason=f"request_id takes 1 to {REQUEST_ID_MAX_CHARS} characters")
    first = session.scalar(
        select(MessageRow).where(MessageRow.conversation_id == conversation_id, MessageRow.request_id == request_id)
    )
    if first is None:
        return None
    if first.role == "user":
        said = first
        answer = session.scalars(
            select(MessageRow).where(MessageRow.parent_id == said.id).order_by(MessageRow.seq).limit(1)
        ).one()
    else:
        answer = first
        said = session.scalars(select(MessageRow).where(MessageRow.id == answer.parent_id)).one()
    return Turn(to_message(said), to_message(answer), is_new=False, writer_token=None)


def _check_room(
    session: Session, row: ConversationRow, now: datetime, per_visitor_cap: int, total_cap: int, daily: Daily
) -> None:
    """Spend an answer, or refuse. Spending comes first: it makes those who begin at once count one after another."""
    spend(session, "answers", row.visitor_id, daily, now)
    here = select(MessageRow.id).where(MessageRow.conversation_id == row.id, is_running()).limit(1)
    if session.scalar(here) is not None:
        raise Conflict("answer_running")
    if _count_running(session, row.visitor_id) >= per_visitor_cap:
        raise TooBusy("too_many_answers", limit=per_visitor_cap, retry_after_s=RETRY_AFTER_S)
    if _count_running(session) >= total_cap:
        wait_s = _until_one_ends(session, now)
        raise TooBusy("too_busy", wait=Wait(wait_s), retry_after_s=wait_s)


def _until_one_ends(session: Session, now: datetime) -> float:
    """About how many seconds until a place is free.

    Of n answers that take D seconds each the next ends after about D / (n + 1), and on average they have run for
    D / 2. Bounded, because answers that wait for a model that starts say nothing about how long an answer takes.
    """
    began = session.scalars(select(MessageRow.created_at).where(is_running()))
    ages = [(now - at).total_seconds() for at in began]
    estimate = 2 * sum(ages) / len(ages) / (len(ages) + 1) if ages else 0
    return min(LONGEST_RETRY_AFTER_S, max(RETRY_AFTER_S, estimate))


def _begin_answer(
    session: Session,
    row: ConversationRow,
    now: datetime,
    said: MessageRow,
    *,
    request_id: str | None,
    writer_id: str | None,
    goes_on_with: MessageRow | None = None,
) -> Turn:
    token = new_id("w")
    answer = append(
        session,
        row,
        now,
        role="assistant",
        text=goes_on_with.text if goes_on_with else "",
        parent_id=said.id,
        continues=goes_on_with.id if goes_on_with else None,
        state=MessageState.RUNNING,
        request_id=request_id,
        writer_token=token,
        writer_id=writer_id,
        heartbeat_at=now,
    )
    begun_tokens = goes_on_with.completion_tokens if goes_on_with else None
    return Turn(to_message(said), to_message(answer), is_new=True, writer_token=token, begun_tokens=begun_tokens)


def _count_running(session: Session, visitor_id: str | None = None) -> int:
    query = select(func.count()).select_from(MessageRow).where(is_running())
    if visitor_id is not None:
        query = query.join(ConversationRow, ConversationRow.id == MessageRow.conversation_id).where(
            ConversationRow.visitor_id == visitor_id
        )
    return session.scalar(query) or 0

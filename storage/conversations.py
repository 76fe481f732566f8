"""Conversations and their messages: who may see them, how a turn begins, how an answer is written and ends.

Each function is one short transaction. "Not there" and "not yours" are the same NotFound. The functions without a
`visitor_id` are for the program's own use, after the owner was checked.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Select, TextClause, and_, delete, func, or_, select, text, tuple_, update
from sqlalchemy.orm import Session, aliased

from debrief.conversation import Conversation, ConversationSummary, Message, MessageState, Page, Role, Turn, storable
from debrief.errors import Conflict, InputRejected, NotFound, TooBusy
from debrief.review import ReviewState
from debrief.texts import Wait
from storage.engine import Database, insert_or_ignore, new_id, utc_now
from storage.scenarios import keep_version
from storage.spending import UNLIMITED, Daily, spend
from storage.tables import ConversationRow, FeedbackJobRow, FeedbackRow, MessageRow, VisitorRow

TITLE_MAX_CHARS = 200
REQUEST_ID_MAX_CHARS = 80
RETRY_AFTER_S = 5
LONGEST_RETRY_AFTER_S = 60


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
        first = _append(session, row, now, role="assistant", text=opening, parent_id=None, finished_at=now)
        return conversation_of(row), _message(first)


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
            conversation_of(row),
            row.message_count,
            feedback_id,
            feedback_state,
            review_state,
            is_unread=bool(review_state) and ReviewState(review_state).is_shown and seen_at is None,
        )
        for row, feedback_id, review_state, feedback_state, seen_at in rows[:limit]
    ]
    return Page(items, make_cursor(items[-1].conversation) if len(rows) > limit else None)


def get_conversation(db: Database, visitor_id: str, conversation_id: str) -> Conversation:
    with db.read() as session:
        return conversation_of(_owned(session, visitor_id, conversation_id))


def rename_conversation(db: Database, visitor_id: str, conversation_id: str, title: str) -> Conversation:
    """Give the talk another name. It keeps its place in the list: nobody talked.

    Raises:
        InputRejected: the title is empty.
    """
    if not title.strip():
        raise InputRejected("empty_title")
    with db.write() as session:
        row = _owned(session, visitor_id, conversation_id, lock=True)
        row.title = title_of(title)
        row.changed_at = utc_now()
        return conversation_of(row)


def delete_conversation(db: Database, visitor_id: str, conversation_id: str) -> None:
    """Really delete it, at once: messages, feedback, jobs and versions go with it, and the words leave the file."""
    with db.write() as session:
        _owned(session, visitor_id, conversation_id, lock=True)
        session.execute(delete(ConversationRow).where(ConversationRow.id == conversation_id))
    db.forget_deleted()


def list_messages(db: Database, conversation_id: str) -> list[Message]:
    """All messages of the tree, in order of making."""
    query = select(MessageRow).where(MessageRow.conversation_id == conversation_id).order_by(MessageRow.seq)
    with db.read() as session:
        return [_message(row) for row in session.scalars(query)]


def list_path(db: Database, conversation_id: str, leaf_id: str | None = None) -> list[Message]:
    """The messages from the opening line to the leaf, by default the active one.

    Raises:
        NotFound: no such conversation, or the leaf is not one of its messages.
    """
    with db.read() as session:
        if leaf_id is None:
            leaf_id = session.scalar(
                select(ConversationRow.active_leaf_id).where(ConversationRow.id == conversation_id)
            )
        messages = read_path(session, conversation_id, leaf_id)
    if not messages:
        raise NotFound
    return messages


def read_path(session: Session, conversation_id: str, leaf_id: str | None) -> list[Message]:
    """The messages from the opening line to the leaf, inside the caller's transaction; none without such a leaf."""
    path = select(MessageRow.id, MessageRow.parent_id).where(
        MessageRow.id == leaf_id, MessageRow.conversation_id == conversation_id
    )
    walk = path.cte("path", recursive=True)
    walk = walk.union_all(select(MessageRow.id, MessageRow.parent_id).join(walk, MessageRow.id == walk.c.parent_id))
    # A parent is always older than its child, so the order of making is the order of the path.
    query = select(MessageRow).join(walk, MessageRow.id == walk.c.id).order_by(MessageRow.seq)
    return [_message(row) for row in session.scalars(query)]


def get_message(db: Database, visitor_id: str, message_id: str) -> Message:
    with db.read() as session:
        return _message(_owned_message(session, visitor_id, message_id))


def get_messages(db: Database, ids: Iterable[str]) -> list[Message]:
    """Those of the messages that exist, in the order asked for."""
    wanted = list(ids)
    with db.read() as session:
        found = {row.id: row for row in session.scalars(select(MessageRow).where(MessageRow.id.in_(wanted)))}
    return [_message(found[id]) for id in wanted if id in found]


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
        said = _append(
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
        old = _owned_message(session, visitor_id, message_id)
        row = _locked_for_turn(session, visitor_id, old.conversation_id)
        stored = _stored_turn(session, old.conversation_id, request_id)
        if stored is not None:
            return stored
        said = session.get(MessageRow, old.parent_id) if old.role == "assistant" and old.parent_id else None
        if said is None or said.role != "user":
            raise InputRejected(reason="only an answer can be tried again")
        now = utc_now()
        _check_room(session, row, now, per_visitor_cap, total_cap, daily)
        return _begin_answer(session, row, now, said, request_id=request_id, writer_id=writer_id)


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
            heartbeat_at=now,
            finished_at=now,
        )
        if conversation is not None and ended:
            conversation.updated_at = now
        return ended


def request_stop(db: Database, visitor_id: str, conversation_id: str) -> list[str]:
    """Wish that the answers being written in this conversation end; their ids. The runner sees the wish and ends."""
    with db.write() as session:
        _owned(session, visitor_id, conversation_id)
        change = (
            update(MessageRow)
            .where(MessageRow.conversation_id == conversation_id, _is_running())
            .values(stop_requested=True)
            .returning(MessageRow.id)
        )
        return list(session.scalars(change))


def list_running(db: Database, visitor_id: str) -> list[Message]:
    """The answers being written for this visitor, in all conversations, oldest first."""
    query = (
        select(MessageRow)
        .join(ConversationRow, ConversationRow.id == MessageRow.conversation_id)
        .where(_is_running(), ConversationRow.visitor_id == visitor_id)
        .order_by(MessageRow.created_at, MessageRow.id)
    )
    with db.read() as session:
        return [_message(row) for row in session.scalars(query)]


def count_running(db: Database) -> int:
    """The answers being written for all visitors."""
    with db.read() as session:
        return _count_running(session)


def list_silent(db: Database, *, silent_since: datetime, ahead_of: datetime) -> list[str]:
    """The running answers whose writer gave no sign of life since then, or whose last sign lies after `ahead_of`.

    A sign ahead of now was given before the clock was put back, and none since.
    """
    with db.read() as session:
        return list(session.scalars(select(MessageRow.id).where(_is_running(), _is_silent(silent_since, ahead_of))))


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
            .where(_is_running(), or_(silent, MessageRow.writer_id.in_(list(dead_writers))))
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


def _locked_for_turn(session: Session, visitor_id: str, conversation_id: str) -> ConversationRow:
    """The conversation, locked so that turns of this visitor come one after another (SQLite: all writes do)."""
    session.execute(select(VisitorRow.id).where(VisitorRow.id == visitor_id).with_for_update(key_share=True))
    return _owned(session, visitor_id, conversation_id, lock=True)


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
    return Turn(_message(said), _message(answer), is_new=False, writer_token=None)


def _check_room(
    session: Session, row: ConversationRow, now: datetime, per_visitor_cap: int, total_cap: int, daily: Daily
) -> None:
    """Spend an answer, or refuse. Spending comes first: it makes those who begin at once count one after another."""
    spend(session, "answers", row.visitor_id, daily, now)
    here = select(MessageRow.id).where(MessageRow.conversation_id == row.id, _is_running()).limit(1)
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
    began = session.scalars(select(MessageRow.created_at).where(_is_running()))
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
) -> Turn:
    token = new_id("w")
    answer = _append(
        session,
        row,
        now,
        role="assistant",
        text="",
        parent_id=said.id,
        state=MessageState.RUNNING,
        request_id=request_id,
        writer_token=token,
        writer_id=writer_id,
        heartbeat_at=now,
    )
    return Turn(_message(said), _message(answer), is_new=True, writer_token=token)


def _append(
    session: Session,
    row: ConversationRow,
    now: datetime,
    *,
    role: Role,
    text: str,
    parent_id: str | None,
    state: MessageState = MessageState.COMPLETE,
    request_id: str | None = None,
    writer_token: str | None = None,
    writer_id: str | None = None,
    heartbeat_at: datetime | None = None,
    finished_at: datetime | None = None,
) -> MessageRow:
    """Add a message at the end and make it the active leaf. The caller's transaction makes `seq` safe."""
    newest = session.scalar(select(func.max(MessageRow.seq)).where(MessageRow.conversation_id == row.id))
    message = MessageRow(
        id=new_id("m"),
        conversation_id=row.id,
        seq=0 if newest is None else newest + 1,
        parent_id=parent_id,
        role=role,
        text=storable(text),
        state=state.value,
        request_id=request_id,
        writer_token=writer_token,
        writer_id=writer_id,
        stop_requested=False,
        heartbeat_at=heartbeat_at,
        created_at=now,
        finished_at=finished_at,
    )
    session.add(message)
    session.flush()
    row.active_leaf_id = message.id
    row.message_count += 1
    row.updated_at = now
    return message


def _change_own(session: Session, answer_id: str, writer_token: str, **values: object) -> bool:
    """Compare-and-set: only while the answer runs and the token is its writer's."""
    change = (
        update(MessageRow)
        .where(MessageRow.id == answer_id, MessageRow.writer_token == writer_token, _is_running())
        .values(**values)
        .returning(MessageRow.id)
    )
    return session.scalar(change) is not None


def _owned(session: Session, visitor_id: str, conversation_id: str, *, lock: bool = False) -> ConversationRow:
    query = select(ConversationRow).where(
        ConversationRow.id == conversation_id, ConversationRow.visitor_id == visitor_id
    )
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound
    return row


def _owned_message(session: Session, visitor_id: str, message_id: str) -> MessageRow:
    row = session.scalar(
        select(MessageRow)
        .join(ConversationRow, ConversationRow.id == MessageRow.conversation_id)
        .where(MessageRow.id == message_id, ConversationRow.visitor_id == visitor_id)
    )
    if row is None:
        raise NotFound
    return row


def _count_running(session: Session, visitor_id: str | None = None) -> int:
    query = select(func.count()).select_from(MessageRow).where(_is_running())
    if visitor_id is not None:
        query = query.join(ConversationRow, ConversationRow.id == MessageRow.conversation_id).where(
            ConversationRow.visitor_id == visitor_id
        )
    return session.scalar(query) or 0


def _is_running() -> TextClause:
    """Written out, not bound: else SQLite does not see that the small index of running answers fits."""
    return text("messages.state = 'running'")


def _summaries() -> Select[ConversationRow, str, str, str, datetime | None]:
    """Conversations with their newest feedback and its newest job, newest first: one query for a whole page.

    Columns: conversation, feedback id, review state, job state, when it was seen; all but the first are None where
    nothing was asked for.
    """
    other, job = aliased(FeedbackRow), aliased(FeedbackJobRow)
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
        .where(job.feedback_id == FeedbackRow.id, job.repeats.is_(None))
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


def conversation_of(row: ConversationRow) -> Conversation:
    """The row as what crosses the border."""
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


def _message(row: MessageRow) -> Message:
    return Message(
        id=row.id,
        conversation_id=row.conversation_id,
        seq=row.seq,
        parent_id=row.parent_id,
        role="user" if row.role == "user" else "assistant",
        text=row.text,
        state=MessageState(row.state),
        created_at=row.created_at,
        error_code=row.error_code,
        finished_at=row.finished_at,
        first_token_s=row.first_token_s,
        total_s=row.total_s,
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        model=row.model,
    )

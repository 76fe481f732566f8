"""Messages: one talk's tree, and the path through it that is the talk as it stands.

"Not there" and "not yours" are the same NotFound. The functions without a `visitor_id` are for the program's own use,
after the owner was checked.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import TextClause, func, select, text
from sqlalchemy.orm import Session

from debrief.conversation import Message, MessageState, Role, storable
from debrief.errors import NotFound
from storage.engine import Database, new_id
from storage.tables import ConversationRow, MessageRow


def list_messages(db: Database, conversation_id: str) -> list[Message]:
    """All messages of the tree, in order of making."""
    query = select(MessageRow).where(MessageRow.conversation_id == conversation_id).order_by(MessageRow.seq)
    with db.read() as session:
        return [to_message(row) for row in session.scalars(query)]


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
    return [to_message(row) for row in session.scalars(query)]


def get_message(db: Database, visitor_id: str, message_id: str) -> Message:
    with db.read() as session:
        return to_message(owned_message(session, visitor_id, message_id))


def get_messages(db: Database, ids: Iterable[str]) -> list[Message]:
    """Those of the messages that exist, in the order asked for."""
    wanted = list(ids)
    with db.read() as session:
        found = {row.id: row for row in session.scalars(select(MessageRow).where(MessageRow.id.in_(wanted)))}
    return [to_message(found[id]) for id in wanted if id in found]


def append(
    session: Session,
    row: ConversationRow,
    now: datetime,
    *,
    role: Role,
    text: str,
    parent_id: str | None,
    state: MessageState = MessageState.COMPLETE,
    request_id: str | None = None,
    continues: str | None = None,
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
        continues=continues,
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


def owned(session: Session, visitor_id: str, conversation_id: str, *, lock: bool = False) -> ConversationRow:
    query = select(ConversationRow).where(
        ConversationRow.id == conversation_id, ConversationRow.visitor_id == visitor_id
    )
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound
    return row


def owned_message(session: Session, visitor_id: str, message_id: str) -> MessageRow:
    row = session.scalar(
        select(MessageRow)
        .join(ConversationRow, ConversationRow.id == MessageRow.conversation_id)
        .where(MessageRow.id == message_id, ConversationRow.visitor_id == visitor_id)
    )
    if row is None:
        raise NotFound
    return row


def is_running() -> TextClause:
    """Written out, not bound: else SQLite does not see that the small index of running answers fits."""
    return text("messages.state = 'running'")


def to_message(row: MessageRow) -> Message:
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
        continues=row.continues,
        prompt_from=row.prompt_from,
        context_tokens=row.context_tokens,
        is_estimated=row.is_estimated,
    )

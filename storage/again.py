"""Trying again from a moment of a talk: the new talk that begins there, and the two debriefs afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from debrief.comparing import ShownDebrief, differences
from debrief.conversation import Message, MessageState
from debrief.errors import NotFound
from debrief.scenario import Scenario, opening_line
from storage.engine import Database, new_id, utc_now
from storage.messages import read_path
from storage.progress import SHOWN, select_shown, shown_debrief
from storage.tables import ConversationRow, FeedbackRow, MessageRow, ScenarioVersionRow


@dataclass(frozen=True)
class TwoTries:
    """The debriefs of a talk and of its new try, and what was said at the moment where they part.

    `said_before` is None once that message is gone, `said_after` until something was said.
    """

    before: ShownDebrief
    after: ShownDebrief
    said_before: str | None
    said_after: str | None


def begin_again(db: Database, visitor_id: str, feedback_id: str, message_id: str) -> str:
    """Begin a talk that is a copy of another up to just before something that the visitor said.

    The same scenario in the same version, the same answers and language; the partner's line before is the last one
    (the opening line where nothing was before).
    The copies are messages of their own, so that the new talk stays whole when the other is deleted.

    Args:
        db: the database.
        visitor_id: who tries again.
        feedback_id: a shown debrief of theirs.
        message_id: what they said in that talk, in whichever branch, and say anew.

    Returns:
        The new talk's id.

    Raises:
        NotFound: no such debrief or message of this visitor's, or not one that is shown.
    """
    with db.write() as session:
        original = _reviewed_talk(session, visitor_id, feedback_id)
        said = session.scalar(
            select(MessageRow).where(
                MessageRow.id == message_id, MessageRow.conversation_id == original.id, MessageRow.role == "user"
            )
        )
        if said is None:
            raise NotFound
        now = utc_now()
        talk = _like(original, said.id, now)
        path = read_path(session, original.id, said.parent_id) or [_opening(session, original)]
        copies = _copies(path, talk.id, now)
        talk.message_count, talk.active_leaf_id = len(copies), copies[-1].id
        session.add(talk)
        session.flush()
        session.add_all(copies)
        return talk.id


def get_comparison(db: Database, visitor_id: str, feedback_id: str) -> TwoTries:
    """The debrief of the talk that was tried again, and this one of the new try.

    The other talk may have several: one whose levels may be compared is preferred, then one that was there when the
    new try began, then the newest.

    Raises:
        NotFound: no such debrief of this visitor's, it is not shown, its talk is not a try of another (any more), or
            that one has no shown debrief.
    """
    with db.read() as session:
        found = session.execute(select_shown(visitor_id).where(FeedbackRow.id == feedback_id)).one_or_none()
        if found is None or found[1].again_of is None:
            raise NotFound
        after, talk = shown_debrief(*found), found[1]
        others = session.execute(select_shown(visitor_id).where(ConversationRow.id == talk.again_of)).all()
        said = session.get(MessageRow, talk.again_from or "")
        said_after = _said_anew(session, talk)
    candidates = [shown_debrief(*row) for row in others]
    if not candidates:
        raise NotFound

    def preference(before: ShownDebrief) -> tuple[bool, bool, datetime]:
        return not differences(before.versions, after.versions), before.at <= talk.created_at, before.at

    return TwoTries(max(candidates, key=preference), after, said.text if said else None, said_after)


def _said_anew(session: Session, talk: ConversationRow) -> str | None:
    """The first that was said in the new talk itself; the copies carry the time of its beginning."""
    path = read_path(session, talk.id, talk.active_leaf_id)
    return next((said.text for said in path if said.role == "user" and said.created_at > talk.created_at), None)


def _reviewed_talk(session: Session, visitor_id: str, feedback_id: str) -> ConversationRow:
    """The talk of a shown debrief, locked: it cannot be deleted before the new one points at it."""
    talk = session.scalar(
        select(ConversationRow)
        .join(FeedbackRow, FeedbackRow.conversation_id == ConversationRow.id)
        .where(
            FeedbackRow.id == feedback_id,
            FeedbackRow.review_state.in_(SHOWN),
            ConversationRow.visitor_id == visitor_id,
        )
        .with_for_update(of=ConversationRow)
    )
    if talk is None:
        raise NotFound
    return talk


def _like(original: ConversationRow, again_from: str, now: datetime) -> ConversationRow:
    return ConversationRow(
        id=new_id("c"),
        visitor_id=original.visitor_id,
        scenario_hash=original.scenario_hash,
        scenario_id=original.scenario_id,
        language=original.language,
        title=original.title,
        answers=original.answers,
        origin="again",
        again_of=original.id,
        again_from=again_from,
        created_at=now,
        updated_at=now,
    )


def _opening(session: Session, original: ConversationRow) -> Message:
    """The persona's opening line, for a talk from elsewhere that began with what the visitor said."""
    scenario = Scenario.from_body(session.get_one(ScenarioVersionRow, original.scenario_hash).body)
    return Message(
        id="",
        conversation_id=original.id,
        seq=0,
        parent_id=None,
        role="assistant",
        text=opening_line(scenario, original.language, original.answers),
        state=MessageState.COMPLETE,
        created_at=original.created_at,
    )


def _copies(path: list[Message], talk_id: str, now: datetime) -> list[MessageRow]:
    """The path as messages of the new talk. They carry the time of its beginning, which tells them from what follows.

    How an answer ended stays with it, and which model wrote it; what the answering took was measured elsewhere.
    """
    copies: list[MessageRow] = []
    for seq, message in enumerate(path):
        copies.append(
            MessageRow(
                id=new_id("m"),
                conversation_id=talk_id,
                seq=seq,
                parent_id=copies[-1].id if copies else None,
                role=message.role,
                text=message.text,
                state=message.state.value,
                error_code=message.error_code,
                model=message.model,
                stop_requested=False,
                created_at=now,
                finished_at=now,
            )
        )
    return copies

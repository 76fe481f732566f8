"""Feedback that the visitor did not ask for: at the scenario's end, and after a long silence.

Both are requests like the visitor's own and share their key, so that asking for the same afterwards finds it. What
would not do anybody good is not asked for: a talk that came from elsewhere, one with no sentence to judge, one that
has its feedback already.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from debrief.feedback import AskedBy
from debrief.scenario import Scenario
from debrief.transcript import number_lines
from storage.engine import Database, utc_now
from storage.feedback import NO_LIMITS, FeedbackLimits, find_or_begin, settled_path
from storage.messages import read_path
from storage.tables import ConversationRow, FeedbackRow, MessageRow, ScenarioVersionRow

HELD_HERE = ("talk", "again")
"""Origins of talks that happened here."""
NEW_MESSAGES = 2
"""How many messages of the visitor's no feedback was asked for yet, before silence asks for one."""
SILENCE_COUNTS_FOR = timedelta(hours=24)
"""How long after the silence began to count a talk is still found: turning the setting on reviews no old talks."""
CANDIDATES = 100


@dataclass(frozen=True)
class Silent:
    """A talk in which nobody has said anything for long."""

    conversation_id: str
    scenario_hash: str


def request_at_end(
    db: Database, conversation_id: str, *, versions: dict[str, str], limits: FeedbackLimits = NO_LIMITS
) -> str | None:
    """Ask for the feedback of a talk that has reached its scenario's end: once for each talk.

    Returns:
        The id of the job to ring for. None: it has not ended, was asked about since then, or is not to be asked about.

    Raises:
        TooBusy: a limit is reached. Nothing was stored, so that the next turn asks again.
    """
    with db.write() as session:
        conversation = _locked(session, conversation_id)
        if conversation is None or conversation.origin not in HELD_HERE:
            return None
        path = settled_path(session, conversation)
        body = session.get_one(ScenarioVersionRow, conversation.scenario_hash).body
        said = [message for message in path if message.role == "user"]
        end = Scenario.from_body(body).end.turns
        if end is None or len(said) < end or _was_asked(session, conversation_id, said[end - 1].created_at):
            return None
        return _begin(session, conversation, path, versions, limits, "end")


def list_silent(db: Database, silence: timedelta) -> list[Silent]:
    """Talks that nobody has said anything in for so long, the latest first, if anything in them is new.

    A talk counts until `SILENCE_COUNTS_FOR` after that.
    """
    now = utc_now()
    with db.read() as session:
        found = session.execute(_silent(now, silence).limit(CANDIDATES))
        return [Silent(id, scenario_hash) for id, scenario_hash in found]


def request_after_silence(
    db: Database,
    conversation_id: str,
    silence: timedelta,
    *,
    versions: dict[str, str],
    limits: FeedbackLimits = NO_LIMITS,
) -> str | None:
    """Ask for the feedback of a silent talk, if it is silent still.

    Returns:
        The id of the job to ring for. None: somebody spoke, somebody else was faster, or there is nothing to judge.

    Raises:
        TooBusy: a limit is reached. Nothing was stored, so that a later look finds the talk again.
    """
    with db.write() as session:
        conversation = _locked(session, conversation_id)
        is_silent = _silent(utc_now(), silence).where(ConversationRow.id == conversation_id)
        if conversation is None or session.execute(is_silent).first() is None:
            return None
        return _begin(session, conversation, settled_path(session, conversation), versions, limits, "idle")


def _begin(
    session: Session,
    conversation: ConversationRow,
    path: list[MessageRow],
    versions: dict[str, str],
    limits: FeedbackLimits,
    asked_by: AskedBy,
) -> str | None:
    if not path or not number_lines(read_path(session, conversation.id, path[-1].id)).choosable:
        return None
    return find_or_begin(session, conversation, path, versions=versions, limits=limits, asked_by=asked_by)[1]


def _was_asked(session: Session, conversation_id: str, ended_at: datetime) -> bool:
    """Whether the end has asked before, or anybody has since it was reached."""
    asked = select(FeedbackRow.id).where(
        FeedbackRow.conversation_id == conversation_id,
        or_(FeedbackRow.asked_by == "end", FeedbackRow.created_at >= ended_at),
    )
    return session.scalar(asked.limit(1)) is not None


def _silent(now: datetime, silence: timedelta) -> Select[str, str]:
    """Conversation id and scenario hash. Whatever became of an earlier feedback, its messages were asked about."""
    return (
        select(ConversationRow.id, ConversationRow.scenario_hash)
        .where(
            ConversationRow.origin.in_(HELD_HERE),
            ConversationRow.updated_at <= now - silence,
            ConversationRow.updated_at > now - silence - SILENCE_COUNTS_FOR,
            ~_is_being_answered(),
            _new_messages() >= NEW_MESSAGES,
        )
        .order_by(ConversationRow.updated_at.desc(), ConversationRow.id)
    )


def _is_being_answered() -> ColumnElement[bool]:
    running = select(MessageRow.id).where(
        MessageRow.conversation_id == ConversationRow.id, MessageRow.state == "running"
    )
    return running.exists()


def _new_messages() -> ColumnElement[int]:
    """What the visitor said since the last feedback; in a talk that began as a copy, since then."""
    asked_at = (
        select(func.max(FeedbackRow.created_at))
        .where(FeedbackRow.conversation_id == ConversationRow.id)
        .correlate(ConversationRow)
        .scalar_subquery()
    )
    return (
        select(func.count())
        .select_from(MessageRow)
        .where(
            MessageRow.conversation_id == ConversationRow.id,
            MessageRow.role == "user",
            MessageRow.created_at > func.coalesce(asked_at, ConversationRow.created_at),
        )
        .correlate(ConversationRow)
        .scalar_subquery()
    )


def _locked(session: Session, conversation_id: str) -> ConversationRow | None:
    return session.get(ConversationRow, conversation_id, with_for_update=True)

"""What is deleted by itself after some days: talks, debriefs, ended sign-ins and links. Real deletes; the audit stays.

A talk's time runs from when it, or a debrief of it, was last touched. Small transactions, one after another, so that
those who talk meanwhile never wait long. Two processes that do it at once delete the same once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from debrief.feedback import JobState
from storage.engine import Database, utc_now
from storage.jobs import win_turn
from storage.tables import (
    ConversationRow,
    FeedbackJobRow,
    FeedbackRow,
    IdentityLinkRow,
    MessageRow,
    ProgramTokenRow,
    SignInRow,
    VisitorAccountRow,
    VisitorRow,
    WebhookDeliveryRow,
)

logger = logging.getLogger(__name__)

AT_ONCE = 50
_AT_WORK = [state.value for state in JobState if not state.is_final]


@dataclass(frozen=True)
class Kept:
    """For how many days what is kept; 0: until somebody deletes it."""

    talks_days: int = 0
    feedback_days: int = 0
    webhook_log_days: int = 0


@dataclass(frozen=True)
class Forgotten:
    """How much was deleted."""

    talks: int
    feedbacks: int
    visitors: int
    sign_ins: int


def forget_in_turn(db: Database, kept: Kept, *, every_s: float) -> Forgotten | None:
    """Delete what is older than it may be, unless another process did so within this time (then None)."""
    if not win_turn(db, "retention", every_s=every_s):
        return None
    return forget_old(db, kept)


def forget_old(db: Database, kept: Kept) -> Forgotten:
    """Delete what is older than it may be."""
    now = utc_now()
    talks = feedbacks = visitors = 0
    if kept.talks_days:
        before = now - timedelta(days=kept.talks_days)
        talks = _in_small_steps(db, lambda session: _forget_talks(session, before))
        visitors = _in_small_steps(db, lambda session: _forget_visitors(session, before))
    if kept.feedback_days:
        before = now - timedelta(days=kept.feedback_days)
        feedbacks = _in_small_steps(db, lambda session: _forget_feedback(session, before))
    if kept.webhook_log_days:
        before = now - timedelta(days=kept.webhook_log_days)
        _in_small_steps(db, lambda session: _forget_deliveries(session, before))
    sign_ins = _in_small_steps(db, lambda session: _forget_sign_ins(session, now))
    _in_small_steps(db, lambda session: _forget_links(session, now))
    forgotten = Forgotten(talks, feedbacks, visitors, sign_ins)
    if talks or feedbacks or visitors:
        db.forget_deleted()
        logger.info("forgot_old talks=%d feedbacks=%d visitors=%d", talks, feedbacks, visitors)
    return forgotten


def _in_small_steps(db: Database, step: Callable[[Session], int]) -> int:
    total = 0
    while True:
        with db.write() as session:
            done = step(session)
        total += done
        if done < AT_ONCE:
            return total


def _forget_talks(session: Session, before: datetime) -> int:
    talk = ConversationRow
    in_use = (
        select(FeedbackRow.id).where(FeedbackRow.conversation_id == talk.id, FeedbackRow.updated_at >= before).exists()
    )
    running = select(MessageRow.id).where(MessageRow.conversation_id == talk.id, MessageRow.state == "running").exists()
    old = select(talk.id).where(talk.updated_at < before, ~in_use, ~running)
    ids = session.scalars(old.order_by(talk.updated_at).limit(AT_ONCE).with_for_update(skip_locked=True)).all()
    session.execute(delete(talk).where(talk.id.in_(ids)))
    return len(ids)


def _forget_feedback(session: Session, before: datetime) -> int:
    job = FeedbackJobRow
    at_work = select(job.id).where(job.feedback_id == FeedbackRow.id, job.state.in_(_AT_WORK)).exists()
    old = select(FeedbackRow.id).where(FeedbackRow.updated_at < before, ~at_work)
    ids = session.scalars(old.order_by(FeedbackRow.updated_at).limit(AT_ONCE).with_for_update(skip_locked=True)).all()
    session.execute(delete(FeedbackRow).where(FeedbackRow.id.in_(ids)))
    return len(ids)


def _forget_visitors(session: Session, before: datetime) -> int:
    """Those who came before then and have no talk any more, no program that acts for them, and no account."""
    talks = select(ConversationRow.id).where(ConversationRow.visitor_id == VisitorRow.id).exists()
    programs = select(ProgramTokenRow.id).where(ProgramTokenRow.visitor_id == VisitorRow.id).exists()
    accounts = select(VisitorAccountRow.id).where(VisitorAccountRow.visitor_id == VisitorRow.id).exists()
    gone = select(VisitorRow.id).where(VisitorRow.created_at < before, ~talks, ~programs, ~accounts)
    ids = session.scalars(gone.limit(AT_ONCE).with_for_update(skip_locked=True)).all()
    session.execute(delete(VisitorRow).where(VisitorRow.id.in_(ids)))
    return len(ids)


def _forget_deliveries(session: Session, before: datetime) -> int:
    """Of webhooks, those that have ended. Not counted among what was forgotten: they hold nobody's words."""
    ended = select(WebhookDeliveryRow.id).where(WebhookDeliveryRow.ended_at < before).limit(AT_ONCE)
    ids = session.scalars(ended.with_for_update(skip_locked=True)).all()
    session.execute(delete(WebhookDeliveryRow).where(WebhookDeliveryRow.id.in_(ids)))
    return len(ids)


def _forget_sign_ins(session: Session, now: datetime) -> int:
    ended = session.scalars(select(SignInRow.token_hash).where(SignInRow.expires_at < now).limit(AT_ONCE)).all()
    session.execute(delete(SignInRow).where(SignInRow.token_hash.in_(ended)))
    return len(ended)


def _forget_links(session: Session, now: datetime) -> int:
    link = IdentityLinkRow
    ended = session.scalars(select(link.token_hash).where(link.expires_at < now).limit(AT_ONCE)).all()
    session.execute(delete(link).where(link.token_hash.in_(ended)))
    return len(ended)

"""Events on their way: written in the transaction of what they tell of, taken by one worker at a time, ended once.

At-least-once: a delivery is `waiting`, or `sending` under a lease that names the one attempt which may end it. Whoever
dies in mid-attempt leaves the lease; when it has run out another attempt begins, with the same id and the same bytes.
An endpoint is given few deliveries at once, so that one that stalls holds up nobody else's.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from debrief.review import ReviewState
from debrief.webhooks import Failure, event_body, iso, wait_s
from storage.audit import SYSTEM, audit
from storage.engine import Database, new_id, utc_now
from storage.tables import FeedbackRow, WebhookAttemptRow, WebhookDeliveryRow, WebhookRow

logger = logging.getLogger(__name__)

WAITING, SENDING, DELIVERED, GIVEN_UP = "waiting", "sending", "delivered", "given_up"
AT_ONCE = 2
"""Deliveries to one endpoint that are on their way at once, all workers together."""

_Row = WebhookDeliveryRow


@dataclass(frozen=True)
class Rules:
    """How deliveries are tried: see the settings of the same names."""

    lease_s: float
    attempts: int
    first_wait_s: float
    disable_after: timedelta


@dataclass(frozen=True)
class Claimed:
    """One attempt that is ours: what to send where. `attempt` is from 1; `secrets` are those that are valid now."""

    id: str
    webhook_id: str
    token: str
    attempt: int
    url: str
    secrets: tuple[str, ...]
    body: str


@dataclass(frozen=True)
class Ended:
    """What came of an attempt; `failure` is None where it was delivered. `asked_s`: the receiver's Retry-After."""

    at: datetime
    duration_s: float | None = None
    status: int | None = None
    failure: Failure | None = None
    asked_s: float | None = None


# ---------------------------------------------------------------------------------------------------- telling


def announce(
    session: Session,
    event: str,
    feedback: FeedbackRow,
    *,
    state: ReviewState,
    before: ReviewState | None = None,
    reason: str | None = None,
) -> int:
    """Put an event of a review into the caller's transaction, once for each endpoint that wants it; gives how many.

    Ids, states, codes and times; never people's words, and nobody's name.
    """
    endpoints = [row for row in session.scalars(_open_ones()) if event in row.events]
    if not endpoints:
        return 0
    now = utc_now()
    body = event_body(
        event,
        now,
        {
            "feedback_id": feedback.id,
            "conversation_id": feedback.conversation_id,
            "scenario": feedback.scenario_id,
            "language": feedback.language,
            "state": state.value,
            "previous_state": before and before.value,
            "reason": reason,
            "waiting_since": iso(feedback.waiting_since),
            "created_at": iso(feedback.created_at),
        },
    )
    for endpoint in endpoints:
        enqueue(session, endpoint.id, event, body, now, feedback_id=feedback.id)
    return len(endpoints)


def enqueue(
    session: Session, webhook_id: str, event: str, body: str, now: datetime, *, feedback_id: str | None = None
) -> WebhookDeliveryRow:
    row = _Row(
        id=new_id("msg"), webhook_id=webhook_id, feedback_id=feedback_id, event=event, body=body, state=WAITING,
        due_at=now, created_at=now,
    )  # fmt: skip
    session.add(row)
    return row


def anybody_wants(db: Database, event: str) -> bool:
    with db.read() as session:
        wanted = session.scalars(select(WebhookRow.events).where(WebhookRow.disabled_at.is_(None)))
        return any(event in events for events in wanted)


# ---------------------------------------------------------------------------------------------------- sending


def claim_due(db: Database, rules: Rules) -> list[Claimed]:
    """Take what is due, the oldest of each endpoint first. Writes nothing where nothing is due."""
    now = utc_now()
    with db.read() as session:
        if session.scalar(select(_Row.id).where(_is_due(now)).limit(1)) is None:
            return []
    with db.write() as session:
        claimed: list[Claimed] = []
        # Who has an endpoint's row counts alone what is on its way there; others pass it over this time.
        endpoints = select(WebhookRow).order_by(WebhookRow.id).with_for_update(key_share=True, skip_locked=True)
        for endpoint in session.scalars(endpoints).all():
            claimed += _claim_of(session, endpoint, rules, now)
        return claimed


def end_attempt(db: Database, claimed: Claimed, ended: Ended, rules: Rules) -> bool:
    """Write down what came of an attempt, and what that means for the delivery and its endpoint.

    Returns:
        False when the attempt is no longer ours: nothing is written.
    """
    with db.write() as session:
        endpoint = _lock_endpoint(session, claimed.webhook_id)
        row = _mine(session, claimed)
        if endpoint is None or row is None:
            return False
        _log(session, row, ended)
        row.token = row.lease_until = None
        if ended.failure is None:
            row.state, row.ended_at, endpoint.failing_since = DELIVERED, utc_now(), None
            return True
        _put_off(row, endpoint, ended, rules)
        failing_since = endpoint.failing_since = endpoint.failing_since or ended.at
        if endpoint.disabled_at is None:
            if ended.failure == "gone":
                disable(session, endpoint, "gone", SYSTEM)
            elif ended.at - failing_since >= rules.disable_after:
                disable(session, endpoint, "failing", SYSTEM)
        return True


def give_back(db: Database, claims: Collection[Claimed]) -> None:
    """The worker stops in mid-attempt: whether these arrived is not known, so they are due again at once."""
    with db.write() as session:
        for claimed in claims:
            row = _mine(session, claimed)
            if row is not None:
                row.state, row.due_at, row.token, row.lease_until = WAITING, utc_now(), None, None
                row.attempts -= 1


def disable(session: Session, endpoint: WebhookRow, why: str, actor: str) -> None:
    """Nothing goes there any more; what still waits is given up, and can be sent again by hand."""
    endpoint.disabled_at, endpoint.disabled_why = utc_now(), why
    audit(session, actor, "disable_webhook", "webhook", endpoint.id, reason=why)
    logger.warning("webhook_disabled webhook_id=%s why=%s", endpoint.id, why)
    session.flush()
    left = select(_Row).where(_Row.webhook_id == endpoint.id, _Row.state == WAITING).with_for_update()
    for row in session.scalars(left).all():
        _log(session, row, Ended(utc_now(), failure="switched_off"))
        row.state, row.ended_at = GIVEN_UP, utc_now()


def _open_ones() -> Select[WebhookRow]:
    """Held so that none of them is deleted before what is written for it has been committed."""
    open_ones = select(WebhookRow).where(WebhookRow.disabled_at.is_(None)).order_by(WebhookRow.id)
    return open_ones.with_for_update(read=True, key_share=True)


def _claim_of(session: Session, endpoint: WebhookRow, rules: Rules, now: datetime) -> list[Claimed]:
    on_the_way = select(func.count()).where(
        _Row.webhook_id == endpoint.id, _Row.state == SENDING, _Row.lease_until >= now
    )
    room = AT_ONCE - (session.scalar(on_the_way) or 0)
    if room <= 0:
        return []
    due = select(_Row).where(_Row.webhook_id == endpoint.id, _is_due(now)).order_by(_Row.due_at, _Row.id).limit(room)
    rows = session.scalars(due.with_for_update(skip_locked=True)).all()
    return [claimed for row in rows if (claimed := _take(session, endpoint, row, rules, now))]


def _take(
    session: Session, endpoint: WebhookRow, row: WebhookDeliveryRow, rules: Rules, now: datetime
) -> Claimed | None:
    is_over = endpoint.disabled_at is not None
    if row.state == SENDING:  # its worker died: whether it arrived is not known
        _log(session, row, Ended(now, failure="interrupted"))
        is_over = is_over or row.attempts >= rules.attempts
    elif is_over:  # it was written while the endpoint was being disabled
        _log(session, row, Ended(now, failure="switched_off"))
    if is_over:
        row.state, row.ended_at, row.token, row.lease_until = GIVEN_UP, now, None, None
        return None
    token = new_id("t")
    row.state, row.token, row.lease_until = SENDING, token, now + timedelta(seconds=rules.lease_s)
    row.attempts += 1
    old = endpoint.old_secret if endpoint.old_secret_until and endpoint.old_secret_until > now else None
    return Claimed(
        id=row.id,
        webhook_id=endpoint.id,
        token=token,
        attempt=row.attempts,
        url=endpoint.url,
        secrets=(endpoint.secret, old) if old else (endpoint.secret,),
        body=row.body,
    )


def _put_off(row: WebhookDeliveryRow, endpoint: WebhookRow, ended: Ended, rules: Rules) -> None:
    now = utc_now()
    if row.attempts >= rules.attempts or ended.failure == "gone" or endpoint.disabled_at is not None:
        row.state, row.ended_at = GIVEN_UP, now
        return
    wait = wait_s(row.attempts, first_s=rules.first_wait_s, asked_s=ended.asked_s)
    row.state, row.due_at = WAITING, now + timedelta(seconds=wait)


def _log(session: Session, row: WebhookDeliveryRow, ended: Ended) -> None:
    before = select(func.count()).where(WebhookAttemptRow.delivery_id == row.id)
    session.add(
        WebhookAttemptRow(
            delivery_id=row.id,
            n=1 + (session.scalar(before) or 0),
            at=ended.at,
            duration_s=ended.duration_s,
            status=ended.status,
            failure=ended.failure,
        )
    )


def _lock_endpoint(session: Session, webhook_id: str) -> WebhookRow | None:
    """Before its deliveries, as a deletion of the endpoint does it."""
    return session.scalar(select(WebhookRow).where(WebhookRow.id == webhook_id).with_for_update(key_share=True))


def _mine(session: Session, claimed: Claimed) -> WebhookDeliveryRow | None:
    mine = select(_Row).where(_Row.id == claimed.id, _Row.state == SENDING, _Row.token == claimed.token)
    return session.scalar(mine.with_for_update())


def _is_due(now: datetime) -> ColumnElement[bool]:
    return or_(
        and_(_Row.state == WAITING, _Row.due_at <= now),
        and_(_Row.state == SENDING, _Row.lease_until < now),
    )

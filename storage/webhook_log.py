"""The log of deliveries to an endpoint: what was sent when, what came of each attempt; and sending again by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from debrief.conversation import Page
from debrief.errors import Conflict, NotFound
from storage.accounts import Account
from storage.audit import audit
from storage.engine import Database, utc_now
from storage.tables import WebhookAttemptRow, WebhookDeliveryRow, WebhookRow
from storage.webhook_outbox import GIVEN_UP, SENDING, WAITING
from storage.webhooks import open_webhook

RESEND_MOST = 1000

_Row = WebhookDeliveryRow


@dataclass(frozen=True)
class Attempt:
    """`failure`: a code of `debrief.webhooks.Failure`, None where it was delivered; `status`: None without one."""

    n: int
    at: datetime
    duration_s: float | None
    status: int | None
    failure: str | None


@dataclass(frozen=True)
class Delivery:
    """One event for one endpoint. `due_at` is when the next attempt is due, None where none is to come."""

    id: str
    event: str
    feedback_id: str | None
    state: str
    body: str
    created_at: datetime
    due_at: datetime | None
    ended_at: datetime | None
    attempts: tuple[Attempt, ...]


def list_deliveries(
    db: Database,
    webhook_id: str,
    *,
    state: str | None = None,
    event: str | None = None,
    limit: int = 50,
    after: str | None = None,
) -> Page[Delivery]:
    """The newest first; `next` is what to give as `after` for the ones before.

    Raises:
        NotFound: there is no such endpoint.
    """
    query = select(_Row).where(_Row.webhook_id == webhook_id).order_by(_Row.created_at.desc(), _Row.id.desc())
    if state is not None:
        query = query.where(_Row.state.in_([WAITING, SENDING] if state == WAITING else [state]))
    if event is not None:
        query = query.where(_Row.event == event)
    with db.read() as session:
        if session.get(WebhookRow, webhook_id) is None:
            raise NotFound
        last = session.get(_Row, after) if after else None
        if last is not None:
            earlier = and_(_Row.created_at == last.created_at, _Row.id < last.id)
            query = query.where(or_(_Row.created_at < last.created_at, earlier))
        rows = session.scalars(query.limit(limit + 1)).all()
        shown = rows[:limit]
        attempts = _attempts(session, [row.id for row in shown])
        return Page([_shown(row, attempts) for row in shown], shown[-1].id if len(rows) > limit else None)


def get_delivery(db: Database, webhook_id: str, delivery_id: str) -> Delivery:
    """Raises NotFound: the endpoint has no such delivery."""
    with db.read() as session:
        row = session.get(_Row, delivery_id)
        if row is None or row.webhook_id != webhook_id:
            raise NotFound
        return _shown(row, _attempts(session, [row.id]))


def redeliver(db: Database, admin: Account, webhook_id: str, delivery_id: str) -> None:
    """Send it again now, with the same id and the same bytes, and with all attempts before it.

    Raises:
        NotFound: the endpoint has no such delivery.
        Conflict: the endpoint is disabled, or an attempt is on its way.
    """
    with db.write() as session:
        open_webhook(session, webhook_id)
        row = session.get(_Row, delivery_id, with_for_update=True)
        if row is None or row.webhook_id != webhook_id:
            raise NotFound
        if row.state == SENDING:
            raise Conflict("hook_sending")
        _again(row)
        audit(session, admin.id, "redeliver", "webhook", webhook_id, delivery=delivery_id)


def redeliver_given_up(db: Database, admin: Account, webhook_id: str) -> int:
    """The same for all that was given up, the oldest first and at most `RESEND_MOST`; gives how many.

    Raises:
        NotFound: there is no such endpoint.
        Conflict: it is disabled.
    """
    with db.write() as session:
        open_webhook(session, webhook_id)
        lost = select(_Row).where(_Row.webhook_id == webhook_id, _Row.state == GIVEN_UP).order_by(_Row.created_at)
        rows = session.scalars(lost.limit(RESEND_MOST).with_for_update()).all()
        for row in rows:
            _again(row)
        audit(session, admin.id, "redeliver", "webhook", webhook_id, deliveries=len(rows))
        return len(rows)


def _again(row: WebhookDeliveryRow) -> None:
    row.state, row.attempts, row.due_at, row.ended_at = WAITING, 0, utc_now(), None


def _attempts(session: Session, ids: list[str]) -> dict[str, list[Attempt]]:
    rows = session.scalars(
        select(WebhookAttemptRow).where(WebhookAttemptRow.delivery_id.in_(ids)).order_by(WebhookAttemptRow.n)
    )
    found: dict[str, list[Attempt]] = {}
    for row in rows:
        attempt = Attempt(row.n, row.at, row.duration_s, row.status, row.failure)
        found.setdefault(row.delivery_id, []).append(attempt)
    return found


def _shown(row: WebhookDeliveryRow, attempts: dict[str, list[Attempt]]) -> Delivery:
    return Delivery(
        id=row.id,
        event=row.event,
        feedback_id=row.feedback_id,
        state=row.state,
        body=row.body,
        created_at=row.created_at,
        due_at=row.due_at if row.state == WAITING else None,
        ended_at=row.ended_at,
        attempts=tuple(attempts.get(row.id, [])),
    )

"""Endpoints of webhooks: made, changed, shut, their secrets; all by admins and on the audit.

The secret is shown when it is made and never again, but it is kept as it is: whoever signs needs it. The address may
hold somebody's key, so the audit has its host only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from debrief.addresses import Networks, checked_url
from debrief.errors import Conflict, InputRejected, NotFound
from debrief.webhooks import EVENTS, PING, event_body, make_secret
from storage.accounts import Account
from storage.audit import audit
from storage.engine import Database, new_id, utc_now
from storage.tables import WebhookDeliveryRow, WebhookRow
from storage.webhook_outbox import DELIVERED, GIVEN_UP, SENDING, WAITING, disable, enqueue

MOST = 20
OVERLAP_HOURS = 24
OVERLAP_MOST_HOURS = 24 * 7

_Delivery = WebhookDeliveryRow


@dataclass(frozen=True)
class Webhook:
    """An endpoint without its secret.

    `waiting` counts what is still to be delivered, `given_up` what was given up and is still in the log.
    `old_secret_until` is None where only one secret is valid.
    """

    id: str
    url: str
    events: tuple[str, ...]
    created_at: datetime
    disabled_at: datetime | None
    disabled_why: str | None
    failing_since: datetime | None
    old_secret_until: datetime | None
    waiting: int
    given_up: int
    delivered_at: datetime | None
    """When something last arrived there."""


def list_webhooks(db: Database) -> list[Webhook]:
    """All endpoints, the oldest first."""
    with db.read() as session:
        rows = session.scalars(select(WebhookRow).order_by(WebhookRow.created_at, WebhookRow.id)).all()
        return [_shown(session, row) for row in rows]


def make_webhook(
    db: Database, admin: Account, url: str, events: Sequence[str], networks: Networks
) -> tuple[Webhook, str]:
    """An endpoint, and its secret, which is not shown again.

    Raises:
        InputRejected: the address is none that a webhook may go to, or no event is chosen, or one that there is not.
        Conflict: there are as many endpoints as there may be.
    """
    secret, now = make_secret(), utc_now()
    url, chosen = checked_url(url, networks), _checked_events(events)
    with db.write() as session:
        if (session.scalar(select(func.count()).select_from(WebhookRow)) or 0) >= MOST:
            raise Conflict("too_many_hooks", limit=MOST)
        row = WebhookRow(id=new_id("wh"), url=url, events=chosen, secret=secret, created_at=now)
        session.add(row)
        session.flush()
        audit(session, admin.id, "make_webhook", "webhook", row.id, host=_host(url), events=len(chosen))
        return _shown(session, row), secret


def change_webhook(
    db: Database,
    admin: Account,
    webhook_id: str,
    networks: Networks,
    *,
    url: str | None = None,
    events: Sequence[str] | None = None,
    disabled: bool | None = None,
) -> Webhook:
    """Change what is not None. Opened again, an endpoint counts as one that has not failed yet.

    Raises:
        NotFound: there is no such endpoint.
        InputRejected: as `make_webhook`.
    """
    new_url = None if url is None else checked_url(url, networks)
    chosen = None if events is None else _checked_events(events)
    with db.write() as session:
        row = _get(session, webhook_id)
        if new_url is not None or chosen is not None:
            row.url, row.events = new_url or row.url, chosen or row.events
            told = {"host": _host(row.url), "events": len(row.events)}
            audit(session, admin.id, "change_webhook", "webhook", row.id, **told)
        if disabled and row.disabled_at is None:
            disable(session, row, "admin", admin.id)
        elif disabled is False and row.disabled_at is not None:
            row.disabled_at = row.disabled_why = row.failing_since = None
            audit(session, admin.id, "enable_webhook", "webhook", row.id)
        session.flush()
        return _shown(session, row)


def rotate_secret(
    db: Database, admin: Account, webhook_id: str, *, overlap_hours: int = OVERLAP_HOURS
) -> tuple[Webhook, str]:
    """A new secret; for so long the old one signs too. Raises NotFound: there is no such endpoint."""
    secret, now = make_secret(), utc_now()
    with db.write() as session:
        row = _get(session, webhook_id)
        row.old_secret = row.secret if overlap_hours else None
        row.old_secret_until = now + timedelta(hours=overlap_hours) if overlap_hours else None
        row.secret = secret
        audit(session, admin.id, "rotate_webhook_secret", "webhook", row.id, overlap_hours=overlap_hours)
        session.flush()
        return _shown(session, row), secret


def delete_webhook(db: Database, admin: Account, webhook_id: str) -> None:
    """The endpoint, what waits for it, and its log. Raises NotFound: there is no such endpoint."""
    with db.write() as session:
        row = _get(session, webhook_id)
        audit(session, admin.id, "delete_webhook", "webhook", row.id, host=_host(row.url))
        session.delete(row)


def ping(db: Database, admin: Account, webhook_id: str) -> str:
    """Send an event that means nothing, to see whether it arrives; the delivery's id.

    Raises:
        NotFound: there is no such endpoint.
        Conflict: it is disabled.
    """
    now = utc_now()
    with db.write() as session:
        row = open_webhook(session, webhook_id)
        audit(session, admin.id, "ping_webhook", "webhook", row.id)
        body = event_body(PING, now, {"webhook_id": row.id})
        return enqueue(session, row.id, PING, body, now).id


def open_webhook(session: Session, webhook_id: str) -> WebhookRow:
    """Raises NotFound, or Conflict: it is disabled, so nothing would be sent."""
    row = _get(session, webhook_id)
    if row.disabled_at is not None:
        raise Conflict("hook_disabled")
    return row


def _get(session: Session, webhook_id: str) -> WebhookRow:
    row = session.get(WebhookRow, webhook_id, with_for_update={"key_share": True})
    if row is None:
        raise NotFound
    return row


def _checked_events(events: Sequence[str]) -> list[str]:
    """In their own order, each once."""
    if not events or not set(events) <= set(EVENTS):
        raise InputRejected("hook_events")
    return [event for event in EVENTS if event in events]


def _host(url: str) -> str:
    """As much of it as the audit takes."""
    return (urlsplit(url).hostname or "")[:64]


def _shown(session: Session, row: WebhookRow) -> Webhook:
    mine = _Delivery.webhook_id == row.id
    counted = select(_Delivery.state, func.count(), func.max(_Delivery.ended_at)).where(mine).group_by(_Delivery.state)
    found = {state: (number, ended_at) for state, number, ended_at in session.execute(counted)}
    until = row.old_secret_until
    return Webhook(
        id=row.id,
        url=row.url,
        events=tuple(row.events),
        created_at=row.created_at,
        disabled_at=row.disabled_at,
        disabled_why=row.disabled_why,
        failing_since=row.failing_since,
        old_secret_until=until if until and until > utc_now() else None,
        waiting=sum(found[state][0] for state in (WAITING, SENDING) if state in found),
        given_up=found[GIVEN_UP][0] if GIVEN_UP in found else 0,
        delivered_at=found[DELIVERED][1] if DELIVERED in found else None,
    )

"""How the webhooks stand, for a monitor: numbers only, no address and no id."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, func, select

from storage.engine import Database, utc_now
from storage.tables import WebhookDeliveryRow, WebhookRow
from storage.webhook_outbox import GIVEN_UP, SENDING, WAITING

_Row = WebhookDeliveryRow


@dataclass(frozen=True)
class WebhookStanding:
    """Endpoints that `works`, that are `failing` (the last attempt there failed) or `disabled`; and deliveries.

    `waiting` have not arrived yet, those on their way just now among them; `failed` were given up and are still in the
    log. `oldest_waiting_s` is the age of the oldest event that waits, None when none does.
    """

    works: int
    failing: int
    disabled: int
    waiting: int
    failed: int
    oldest_waiting_s: float | None


def read_webhook_standing(db: Database) -> WebhookStanding:
    now = utc_now()
    of_each = and_(_Row.webhook_id == WebhookRow.id, _Row.state.in_([WAITING, SENDING, GIVEN_UP]))
    counted = (
        select(_Row.state, func.count(), func.min(_Row.created_at))
        .select_from(WebhookRow)
        .join(_Row, of_each)  # by endpoint, of which there are few: that is what the index begins with
        .group_by(_Row.state)
    )
    with db.read() as session:
        endpoints = session.execute(select(WebhookRow.disabled_at, WebhookRow.failing_since)).all()
        found = {state: (number, oldest) for state, number, oldest in session.execute(counted)}
    under_way = [found[state] for state in (WAITING, SENDING) if state in found]
    disabled = sum(disabled_at is not None for disabled_at, _ in endpoints)
    failing = sum(disabled_at is None and since is not None for disabled_at, since in endpoints)
    return WebhookStanding(
        works=len(endpoints) - disabled - failing,
        failing=failing,
        disabled=disabled,
        waiting=sum(number for number, _ in under_way),
        failed=found[GIVEN_UP][0] if GIVEN_UP in found else 0,
        oldest_waiting_s=(now - min(oldest for _, oldest in under_way)).total_seconds() if under_way else None,
    )

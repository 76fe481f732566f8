"""The webhooks of the busy month: one that arrives, one that has failed for hours, one that an admin shut.

Nothing is posted: what the receivers say is written down as a worker would write it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from debrief.webhooks import EVENTS
from storage import webhooks
from storage.engine import utc_now
from storage.webhook_outbox import Claimed, Ended, Rules, claim_due, end_attempt

if TYPE_CHECKING:
    from tests.desk_scene import Month

RULES = Rules(lease_s=60, attempts=8, first_wait_s=5, disable_after=timedelta(days=5))
HEALTHY, FAILING, SHUT = (
    "https://courses.example.org/hooks/debrief",
    "https://chat.example.com/in",
    "https://old.example.net/d",
)


def connect(month: Month, *, hours: int = 60) -> None:
    """Endpoints that are told of the last `hours` of the month, and a look at what is due each hour."""
    start = (month.end - month.now) / timedelta(hours=1) - hours
    month.after(start, lambda: _make(month))
    for hour in range(hours):
        month.after(start + hour + 0.5, lambda: _look(month))


def _make(month: Month) -> None:
    ada = month.people["ada"]
    webhooks.make_webhook(month.db, ada, HEALTHY, EVENTS, ())
    webhooks.make_webhook(month.db, ada, FAILING, ("feedback.disputed", "feedback.approved", "review.overdue"), ())
    shut, _ = webhooks.make_webhook(month.db, ada, SHUT, ("feedback.ready",), ())
    month.after(20, lambda: webhooks.change_webhook(month.db, ada, shut.id, (), disabled=True) and None)


def _look(month: Month) -> None:
    while claims := claim_due(month.db, RULES):
        for claimed in claims:
            end_attempt(month.db, claimed, _came_of(month, claimed), RULES)


def _came_of(month: Month, claimed: Claimed) -> Ended:
    took = round(month.chance.uniform(0.05, 0.6), 2)
    if claimed.url != FAILING or month.end - month.now > timedelta(hours=14):
        return Ended(utc_now(), took, 204)
    if month.chance.random() < 0.4:
        return Ended(utc_now(), 20.0, None, "timed_out")
    return Ended(utc_now(), took, 503, "status")

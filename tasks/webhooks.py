"""The worker's part in webhooks: takes what is due, delivers it, tells of what waits for a reviewer for too long.

Deliveries run on the worker's loop beside the feedbacks and take no seat of theirs.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from debrief.addresses import read_networks
from debrief.settings import Settings
from storage import overdue, webhook_outbox
from storage.engine import Database
from storage.jobs import win_turn
from storage.webhook_outbox import Claimed, Rules
from tasks.webhook_posting import Poster

logger = logging.getLogger(__name__)

LOOK_S = 1.0
OVERDUE_S = 60.0


class Outbox:
    """What this worker has under way of the deliveries."""

    def __init__(self, settings: Settings, db: Database) -> None:
        self._db = db
        self._overdue_hours = settings.review_overdue_hours
        self._rules = Rules(
            lease_s=settings.webhook_timeout_s + settings.job_lease_s,
            attempts=settings.webhook_attempts,
            first_wait_s=settings.webhook_retry_s,
            disable_after=timedelta(days=settings.webhook_disable_days),
        )
        self._poster = Poster(read_networks(settings.webhook_networks), settings.webhook_timeout_s)
        self._under_way: dict[asyncio.Task[None], Claimed] = {}

    async def look(self) -> None:
        """Begin what is due; done before it has ended."""
        for claimed in await asyncio.to_thread(webhook_outbox.claim_due, self._db, self._rules):
            task = asyncio.create_task(self._deliver(claimed))
            self._under_way[task] = claimed
            task.add_done_callback(self._under_way.pop)

    async def tell_overdue(self) -> None:
        """Announce what waits too long, where no other worker did so within the minute."""
        if not self._overdue_hours or not await asyncio.to_thread(win_turn, self._db, "overdue", every_s=OVERDUE_S):
            return
        told = await asyncio.to_thread(overdue.tell_overdue, self._db, self._overdue_hours)
        if told:
            logger.info("overdue_told feedbacks=%d", told)

    async def close(self) -> None:
        """Break off what is under way and give it back."""
        broken_off = dict(self._under_way)
        for task in broken_off:
            task.cancel()
        await asyncio.gather(*broken_off, return_exceptions=True)
        if broken_off:
            await asyncio.to_thread(webhook_outbox.give_back, self._db, list(broken_off.values()))

    async def _deliver(self, claimed: Claimed) -> None:
        """What cannot be stored is sent again when the lease has run out."""
        ended = await self._poster.post(claimed)
        logger.info(
            "webhook_sent delivery_id=%s webhook_id=%s attempt=%d status=%s failure=%s",
            claimed.id, claimed.webhook_id, claimed.attempt, ended.status, ended.failure,
        )  # fmt: skip
        try:
            await asyncio.to_thread(webhook_outbox.end_attempt, self._db, claimed, ended, self._rules)
        except Exception:
            logger.exception("webhook_outcome_not_stored delivery_id=%s", claimed.id)

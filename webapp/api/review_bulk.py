"""One decision for many feedbacks of the review queue: first how many, then portion by portion."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from debrief.errors import InputRejected
from storage import review_bulk, review_queue
from storage.engine import utc_now
from storage.review_bulk import BATCH_MAX, REWRITES_AT_ONCE, BulkAction
from webapp.api.asking import TheParts, TheReviewer
from webapp.parts import Parts
from webapp.queue_query import VIEW_MAX_CHARS, read_view

PORTION = 25
"""So many are done in one request: a few seconds at most, and the page can tell how far it is, and stop."""
router = APIRouter(prefix="/api/v1/review", tags=["review"])


class BulkWish(BaseModel):
    """Either `ids`, or `view`: what stands behind the question mark of GET /api/v1/review.

    `cursor` and `until` are those of the answer before. `assignee` belongs to `assign`; null: nobody.
    """

    model_config = ConfigDict(extra="forbid")

    action: BulkAction
    ids: Annotated[list[str], Field(max_length=BATCH_MAX)] | None = None
    view: Annotated[str, Field(max_length=VIEW_MAX_CHARS)] | None = None
    assignee: str | None = None
    cursor: Annotated[str, Field(max_length=300)] | None = None
    until: datetime | None = None


class BulkPreview(BaseModel):
    """How many there are, how many of them with an objection, which is not approved unread, and as of when.

    `room`: how many of them are done at most; fewer than `count` where too many would be written anew at once, of which
    there are `most` at a time.
    """

    count: int
    disputed: int
    room: int
    most: int
    until: datetime


class BulkOutcome(BaseModel):
    """Of this portion. `next` is null when all were met."""

    done: int
    skipped: dict[str, int]
    next: str | None
    until: datetime


@router.post("/bulk/preview", summary="How many a decision for many would meet")
async def preview(parts: TheParts, reviewer: TheReviewer, wish: BulkWish) -> BulkPreview:
    if wish.ids is not None:
        return await _seen(parts, wish, len(set(wish.ids)), 0)
    wanted = read_view(_view(wish)).wanted(parts.settings.review_overdue_hours)
    disputed = replace(wanted, disputed=True)
    return await _seen(
        parts,
        wish,
        await parts.store(review_queue.count_matching, wanted),
        0 if wanted.disputed is False else await parts.store(review_queue.count_matching, disputed),
    )


async def _seen(parts: Parts, wish: BulkWish, count: int, disputed: int) -> BulkPreview:
    left = await parts.store(review_bulk.rewrites_left) if wish.action == "regenerate" else count
    return BulkPreview(
        count=count, disputed=disputed, room=min(count, left), most=REWRITES_AT_ONCE, until=utc_now()
    )  # fmt: skip


@router.post("/bulk", summary="Approve, assign or have written anew: a portion of what was chosen")
async def move_many(parts: TheParts, reviewer: TheReviewer, wish: BulkWish) -> BulkOutcome:
    """Call it again with `next` as `cursor` until that is null. Nothing made after `until` is met.

    When no more may be written anew at once, the rest is left as it is and counted as `full`.
    """
    until = _moment(wish.until) if wish.until else utc_now()
    if wish.ids is not None:
        ids, following = [*dict.fromkeys(wish.ids)], None
    else:
        wanted = read_view(_view(wish)).wanted(parts.settings.review_overdue_hours)
        page = await parts.store(review_queue.list_review_ids, wanted, limit=PORTION, cursor=wish.cursor, until=until)
        ids, following = page.items, page.next
    outcome = await parts.store(review_bulk.move_many, reviewer, wish.action, ids, assignee=wish.assignee)
    for job_id in outcome.jobs:
        await parts.store.in_thread(partial(parts.ring, job_id))
    goes_on = None if outcome.skipped["full"] else following
    return BulkOutcome(done=outcome.done, skipped=dict(outcome.skipped), next=goes_on, until=until)


def _moment(until: datetime) -> datetime:
    try:
        if until.tzinfo is not None:
            return until.astimezone(UTC)
    except OverflowError:  # the first or last day there is, and in UTC the one before or after
        pass
    raise InputRejected("malformed", reason="until")


def _view(wish: BulkWish) -> str:
    if wish.view is None:
        raise InputRejected("malformed", reason="ids, view")
    return wish.view

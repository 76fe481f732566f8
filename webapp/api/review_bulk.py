"""One decision for many feedbacks of the review queue: first how many, then portion by portion."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from debrief.errors import InputRejected
from storage import bulk_preview, review_bulk, review_queue
from storage.engine import utc_now
from storage.review_bulk import BATCH_MAX, REWRITES_AT_ONCE, BulkAction
from webapp.api.asking import TheParts, TheReviewer
from webapp.queue_query import VIEW_MAX_CHARS, read_view

PORTION = 25
"""So many are done in one request: a few seconds at most, and the page can tell how far it is, and stop."""
ASKED_MAX = 5000
"""Chosen one by one; more than anybody would."""
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


class BulkQuestion(BulkWish):
    """What a page may ask of at once, though it then decides portion by portion."""

    ids: Annotated[list[str], Field(max_length=ASKED_MAX)] | None = None


class BulkPreview(BaseModel):
    """What would come of it now: of `count` so many are `done`, the others `left_out`, counted by reason.

    `most`: so many are written anew at a time. `until`: as of when.
    """

    count: int
    done: int
    left_out: dict[str, int]
    most: int
    until: datetime


class BulkOutcome(BaseModel):
    """Of this portion. `next` is null when all were met."""

    done: int
    skipped: dict[str, int]
    next: str | None
    until: datetime


@router.post("/bulk/preview", summary="What would come of a decision for many")
async def preview(parts: TheParts, reviewer: TheReviewer, wish: BulkQuestion) -> BulkPreview:
    until = utc_now()
    if wish.ids is not None:
        found = await parts.store(bulk_preview.preview_ids, reviewer, wish.action, wish.ids)
    else:
        wanted = read_view(_view(wish)).wanted(parts.settings.review_overdue_hours)
        found = await parts.store(bulk_preview.preview_filter, reviewer, wish.action, wanted, until=until)
    return BulkPreview(
        count=found.count, done=found.done, left_out=dict(found.left_out), most=REWRITES_AT_ONCE, until=until
    )


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

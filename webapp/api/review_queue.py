"""The review queue for programs and for the desk's list: a page of it, its numbers, its menus, and the next one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from debrief.review import ReviewState
from storage import overdue, review_queue, reviews
from storage.review_queue import COUNTED, Kind, ReviewItem
from webapp.api.asking import TheAsker, TheParts, TheReviewer
from webapp.api.review import ReviewOut
from webapp.queue_query import QueueQuery

PAGE_MAX = 100
router = APIRouter(prefix="/api/v1/review", tags=["review"])


class ReviewLine(BaseModel):
    id: str
    conversation_id: str
    state: ReviewState
    scenario: str
    title: dict[str, str]
    language: str
    message_count: int
    checks_passed: int
    checks: int
    worst_level: int | None
    partial: bool
    flagged: bool
    disputes: int
    claimed_by: str | None
    claimed_until: datetime | None
    reviewed_by: str | None
    assigned_to: str | None
    waiting_since: datetime
    overdue: bool
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, item: ReviewItem, late: datetime | None) -> ReviewLine:
        made_here = ("scenario", "title", "overdue")
        is_late = late is not None and item.state in reviews.WAITING and item.waiting_since < late
        own = {name: getattr(item, name) for name in cls.model_fields if name not in made_here}
        return cls(scenario=item.scenario_id, title=item.scenario_title, overdue=is_late, **own)


class ReviewLines(BaseModel):
    items: list[ReviewLine]
    next: str | None


class Numbers(BaseModel):
    """`states` has every state of the review; the query's own states do not narrow it.

    Each is counted to `counted_to`, and a larger number stands for "more than that".
    """

    states: dict[ReviewState, int]
    waiting: int
    overdue: int
    counted_to: int = COUNTED


class Choices(BaseModel):
    """What the filters' menus offer, newest first; `since` is when the first of a kind was made."""

    kinds: list[KindOut]
    reviewers: list[str]


class KindOut(BaseModel):
    scenario: str
    rubric: str | None
    model: str | None
    language: str
    since: datetime

    @classmethod
    def of(cls, kind: Kind) -> KindOut:
        return cls(
            scenario=kind.scenario_id,
            rubric=kind.rubric_hash,
            model=kind.model,
            language=kind.language,
            since=kind.since,
        )


class PageQuery(QueueQuery):
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = 50
    cursor: Annotated[str, Field(max_length=300)] | None = None


class Claimed(BaseModel):
    claimed_until: datetime


class NextWish(BaseModel):
    """`skipped`: ids that are not wanted now."""

    model_config = ConfigDict(extra="forbid", strict=True)

    skipped: Annotated[list[str], Field(max_length=review_queue.SKIPPED_MAX)] = []


@router.get("", summary="Feedback by state of review and more; by default what waits, the longest first")
async def list_reviews(parts: TheParts, reviewer: TheReviewer, query: Annotated[PageQuery, Query()]) -> ReviewLines:
    hours = parts.settings.review_overdue_hours
    page = await parts.store(
        review_queue.list_reviews,
        query.wanted(hours),
        sort=query.order,
        limit=query.limit,
        cursor=query.cursor,
    )
    late = overdue.overdue_before(hours) if hours else None
    return ReviewLines(items=[ReviewLine.of(item, late) for item in page.items], next=page.next)


@router.get("/counts", summary="How many there are in each state")
async def count_reviews(parts: TheParts, reviewer: TheReviewer, query: Annotated[QueueQuery, Query()]) -> Numbers:
    hours = parts.settings.review_overdue_hours
    states = await parts.store(review_queue.count_reviews, query.wanted(hours))
    late = query.model_copy(update={"overdue": True, "state": []}).wanted(hours)
    return Numbers(
        states=states,
        waiting=min(COUNTED + 1, sum(states[state] for state in reviews.WAITING)),
        overdue=await parts.store(review_queue.count_matching, late, most=COUNTED) if hours else 0,
    )


@router.get("/choices", summary="What there is to filter by")
async def list_choices(parts: TheParts, reviewer: TheReviewer) -> Choices:
    kinds = await parts.store(review_queue.list_kinds)
    return Choices(kinds=[KindOut.of(kind) for kind in kinds], reviewers=await parts.store(review_queue.list_reviewers))


@router.post("/next", summary="Claim the next one; 204 when nothing is left")
async def take_next(
    parts: TheParts,
    asker: TheAsker,
    reviewer: TheReviewer,
    query: Annotated[QueueQuery, Query()],
    wish: NextWish | None = None,
) -> ReviewOut:
    """Two who ask at once get different ones. The query's states say nothing here: what waits can be claimed."""
    found = await parts.store(
        review_queue.claim_next,
        reviewer,
        query.wanted(parts.settings.review_overdue_hours),
        sort=query.sort or "waiting",
        skipped=wish.skipped if wish else (),
    )
    if found is None:
        return Response(status_code=204)  # pyright: ignore[reportReturnType]  # FastAPI passes a response on as it is
    return ReviewOut.of(await parts.store(reviews.get_review, found), asker.language)


@router.post("/{feedback_id}/beat", summary="Keep one's claim")
async def keep_claim(parts: TheParts, reviewer: TheReviewer, feedback_id: str) -> Claimed:
    """For whoever is still reading; no move, so `row_version` stays. 409 where the claim is no longer one's own."""
    return Claimed(claimed_until=await parts.store(review_queue.extend_claim, reviewer, feedback_id))

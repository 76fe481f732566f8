"""The review, for reviewers and admins: one case, and the moves. The queue is `webapp/api/review_queue.py`."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from debrief.feedback import Check, FeedbackBody, JobState
from debrief.review import ReviewState
from storage import anew, repeats, review_queue, reviews
from storage.accounts import Account
from storage.engine import Database
from storage.moves import LONGEST_REVIEW_S
from storage.repeats import Repeat
from storage.reviews import Remade, ReviewCase
from webapp.api.asking import TheAsker, TheParts, TheReviewer
from webapp.api.shapes import DisputeOut
from webapp.notices import repeat_outcome

Action = Literal["claim", "release", "approve", "reject", "escalate", "reopen", "withdraw"]
Seconds = Annotated[int | None, Field(ge=0, le=LONGEST_REVIEW_S)]
router = APIRouter(prefix="/api/v1/review", tags=["review"])


class ReviewMessage(BaseModel):
    id: str
    role: str
    text: str
    state: str


class ReviewOut(BaseModel):
    """`row_version` is how this answer saw it: send it with a move to be told when somebody was faster."""

    id: str
    conversation_id: str
    state: ReviewState
    row_version: int
    scenario: str
    language: str
    messages: list[ReviewMessage]
    body: FeedbackBody | None
    partial: bool
    checks: list[Check]
    disputes: list[DisputeOut]
    lineage: dict[str, Any]
    claimed_by: str | None
    claimed_until: datetime | None
    reviewed_by: str | None
    reject_reason: str | None
    note: str | None
    repeats: list[RepeatOut]
    created_at: datetime
    updated_at: datetime
    round: int
    origin: str
    versions: int
    remade: RemadeOut | None

    @classmethod
    def of(cls, case: ReviewCase, language: str) -> ReviewOut:
        made_here = ("scenario", "messages", "disputes", "repeats", "remade")
        own = {name: getattr(case, name) for name in cls.model_fields if name not in made_here}
        own["repeats"] = [RepeatOut.of(repeat, language) for repeat in case.repeats]
        own["remade"] = RemadeOut.of(case.remade) if case.remade else None
        messages = [ReviewMessage(id=m.id, role=m.role, text=m.text, state=m.state.value) for m in case.path]
        disputes = [DisputeOut.of(dispute) for dispute in case.disputes]
        return cls(scenario=case.scenario_id, messages=messages, disputes=disputes, **own)


class RepeatOut(BaseModel):
    """An attempt to make a version again from its record.

    `same`: the body came out the same to the byte; where not, `differs` has the paths. `in_the_way`: what is no longer
    as it was, so that nothing was made. `sampling` is how a model chose: none (it was not asked), greedy, seeded or
    random. `outcome` says it in a sentence.
    """

    version_n: int
    state: JobState
    in_the_way: tuple[str, ...]
    same: bool | None
    differs: tuple[str, ...]
    sampling: str | None
    asked_at: datetime
    outcome: str

    @classmethod
    def of(cls, repeat: Repeat, language: str) -> RepeatOut:
        own = {name: getattr(repeat, name) for name in cls.model_fields if name != "outcome"}
        return cls(outcome=repeat_outcome(repeat, language), **own)


class RemadeOut(BaseModel):
    """The newest wish to have it written anew: how far it is, the note for the model, the error if it failed."""

    state: JobState
    guidance: str | None
    error_code: str | None
    asked_at: datetime

    @classmethod
    def of(cls, remade: Remade) -> RemadeOut:
        return cls(**vars(remade))


class RepeatWish(BaseModel):
    """Which version; by default the one that counts."""

    model_config = ConfigDict(extra="forbid", strict=True)

    version_n: int | None = None


class Wish(BaseModel):
    """`guidance` is what the model is to do better, in a few sentences; it may be left out."""

    model_config = ConfigDict(extra="forbid", strict=True)

    row_version: int | None = None
    guidance: str = ""


class Waiting(BaseModel):
    waiting: int


class Decision(BaseModel):
    """`reason` is needed to reject: one of the codes of `debrief.review.REASONS`; `note` is needed to escalate.

    `seconds`: how long it was open before it was approved or rejected, where nobody had claimed it.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    row_version: int | None = None
    reason: str | None = None
    note: str = ""
    seconds: Seconds = None


@router.get("/waiting", summary="How many wait")
async def count_waiting(parts: TheParts, reviewer: TheReviewer) -> Waiting:
    """Counted to 1,000: 1,001 stands for more than that."""
    return Waiting(waiting=await parts.store(review_queue.count_waiting))


@router.get("/{feedback_id}", summary="One case: the talk and the feedback")
async def get_review(parts: TheParts, asker: TheAsker, reviewer: TheReviewer, feedback_id: str) -> ReviewOut:
    return ReviewOut.of(await parts.store(reviews.get_review, feedback_id), asker.language)


@router.post("/{feedback_id}/again", status_code=202, summary="Make a version again exactly, for the record")
async def make_again(
    parts: TheParts, asker: TheAsker, reviewer: TheReviewer, feedback_id: str, wish: RepeatWish | None = None
) -> ReviewOut:
    """The visitor goes on seeing what they saw; what came of it is among the `repeats` of the case."""
    version_n = wish.version_n if wish else None
    job_id = await parts.store(repeats.request_repeat, reviewer, feedback_id, version_n=version_n)
    if job_id is not None:
        await parts.store.in_thread(partial(parts.ring, job_id))
    return ReviewOut.of(await parts.store(reviews.get_review, feedback_id), asker.language)


@router.post("/{feedback_id}/regenerate", status_code=202, summary="Have it written anew, with a note for the model")
async def regenerate(
    parts: TheParts, asker: TheAsker, reviewer: TheReviewer, feedback_id: str, wish: Wish | None = None
) -> ReviewOut:
    """What waits unclaimed is claimed first. The new version waits for a person; when none comes, all is as it was."""
    wish = wish or Wish()
    case, job_id = await parts.store(_regenerate, reviewer, feedback_id, wish)
    await parts.store.in_thread(partial(parts.ring, job_id))
    return ReviewOut.of(case, asker.language)


@router.post("/{feedback_id}/{action}", summary="Claim, release, approve, reject, escalate, reopen or withdraw")
async def decide(
    parts: TheParts,
    asker: TheAsker,
    reviewer: TheReviewer,
    feedback_id: str,
    action: Action,
    decision: Decision | None = None,
) -> ReviewOut:
    """Deciding on what waits unclaimed claims it first. Withdrawing, and all that was escalated, is for admins."""
    case = await parts.store(_decide, reviewer, feedback_id, action, decision or Decision())
    return ReviewOut.of(case, asker.language)


def _decide(db: Database, account: Account, feedback_id: str, action: Action, decision: Decision) -> ReviewCase:
    if action == "withdraw":  # also what is still being made, which is no case yet
        return reviews.withdraw(db, account, feedback_id, decision.row_version)
    seen, seconds = decision.row_version, decision.seconds
    if action == "reject":
        how: dict[str, Any] = {"reason": decision.reason, "note": decision.note, "seconds": seconds}
        return reviews.reject(db, account, feedback_id, seen, claims=True, **how)
    if action == "approve":
        return reviews.approve(db, account, feedback_id, seen, claims=True, seconds=seconds)
    if action == "escalate":
        return reviews.escalate(db, account, feedback_id, seen, claims=True, note=decision.note)
    if seen is None:
        seen = reviews.get_review(db, feedback_id).row_version
    if action == "reopen":
        return reviews.reopen(db, account, feedback_id, seen, note=decision.note)
    return MOVES[action](db, account, feedback_id, seen)


def _regenerate(db: Database, account: Account, feedback_id: str, wish: Wish) -> tuple[ReviewCase, str]:
    return anew.regenerate(db, account, feedback_id, wish.row_version, guidance=wish.guidance, claims=True)


MOVES = {"claim": reviews.claim, "release": reviews.release}

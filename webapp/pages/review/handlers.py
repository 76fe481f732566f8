"""What a reviewer can do at the desk. Each handler asks for the role first: a private event can be called by anybody.

Opening what waits claims it, so that two reviewers never read the same by accident; opening another one gives the
first back. What was released at once is opened without a claim, because the visitor is reading it already.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from debrief.dispute import find_sentence
from debrief.errors import Conflict, DebriefError, InputRejected, NotFound, SignInNeeded
from debrief.feedback import Dispute
from debrief.review import ReviewState
from debrief.texts import say
from storage import review_queue, reviews
from storage.accounts import Account
from storage.engine import Database
from storage.reviews import ReviewCase
from webapp.identity import Asker
from webapp.notices import repeat_outcome
from webapp.pages.review.standing import standing
from webapp.pages.review.talk import talk_of
from webapp.queue_query import read_elsewhere, read_seconds, read_skipped, read_view
from webapp.store import Store

DECIDED = (ReviewState.APPROVED, ReviewState.EDITED_APPROVED, ReviewState.REJECTED)


@dataclass(frozen=True)
class Notice:
    kind: Literal["good", "bad"]
    text: str


@dataclass(frozen=True)
class Place:
    """Where the reviewer is: the part of the queue that the list shows, and the open feedback as it was seen.

    `view` is what an address says behind its question mark, see `webapp/queue_query.py`; `skip` in it, as often as
    needed, names a feedback that is not wanted now, `elsewhere` one that another tab of this reviewer has open, and
    `seconds` how long the open one has been open.
    """

    view: str = ""
    feedback_id: str = ""
    row_version: int = 0


@dataclass(frozen=True)
class Desk:
    """What to show after an action. `facts` is for the slots, `talk` is as `talk_of` gives it."""

    place: Place
    facts: dict[str, Any]
    talk: dict[str, Any]
    may: frozenset[str] = field(default_factory=frozenset[str])
    """Names of the buttons that make sense now."""


class DeskHandlers:
    def __init__(self, store: Store, overdue_hours: float, *, has_second: bool = False) -> None:
        self._store = store
        self._overdue_hours = overdue_hours
        self._has_second = has_second
        """Whether second opinions are asked for at all."""

    async def show(self, asker: Asker, place: Place) -> Desk:
        """How many wait, and the open case as it stands."""
        return await self._desk(asker, place)

    async def open_case(self, asker: Asker, place: Place, feedback_id: str) -> Desk:
        account = _reviewer(asker)
        await self._store(_leave, account, place, feedback_id)
        notice = None
        try:
            if feedback_id:
                await self._store(_open, account, feedback_id)
        except DebriefError as error:
            notice = _refusal(error, asker)
        return await self._desk(asker, _with(place, feedback_id=feedback_id), notice)

    async def take_next(self, asker: Asker, place: Place, notice: Notice | None = None) -> Desk:
        """Open the first of the list's view that nobody has; what is open and undecided is given back."""
        account = _reviewer(asker)
        await self._store(_leave, account, place, "")
        try:
            query = read_view(place.view)
            found = await self._store(
                review_queue.claim_next,
                account,
                query.wanted(self._overdue_hours),
                sort=query.sort or "waiting",
                skipped=_not_wanted(place),
            )
        except DebriefError as error:
            return await self._desk(asker, _with(place, feedback_id=""), _refusal(error, asker))
        skipped = len(read_skipped(place.view)) if found is None else 0
        if found is None and notice is None:
            said = (
                say("desk.skipped_all", asker.language, n=skipped)
                if skipped
                else say("desk.nothing_left", asker.language)
            )
            notice = Notice("good", said)
        desk = await self._desk(asker, _with(place, feedback_id=found or ""), notice)
        desk.facts["is_through"] = skipped > 0
        return desk

    async def claim(self, asker: Asker, place: Place) -> Desk:
        return await self._move(asker, place, reviews.claim)

    async def release(self, asker: Asker, place: Place) -> Desk:
        return await self._move(asker, place, reviews.release, said="given_back", then_leave=True)

    async def approve(self, asker: Asker, place: Place) -> Desk:
        seconds = read_seconds(place.view)
        return await self._move(asker, place, reviews.approve, said="approved", then_next=True, seconds=seconds)

    async def reject(self, asker: Asker, place: Place, reason: str | None, note: str) -> Desk:
        how: dict[str, Any] = {"reason": reason, "note": note or "", "seconds": read_seconds(place.view)}
        return await self._move(asker, place, reviews.reject, said="rejected", then_next=True, **how)

    async def _move(
        self,
        asker: Asker,
        place: Place,
        action: Any,
        *,
        said: str = "",
        then_next: bool = False,
        then_leave: bool = False,
        **values: object,
    ) -> Desk:
        account = _reviewer(asker)
        try:
            before = await self._store(reviews.get_review, place.feedback_id)
            await self._store(action, account, place.feedback_id, place.row_version, **values)
        except Conflict as error:
            is_own = await self._store(_decided_by, account, place.feedback_id)
            told = Notice("bad", say("desk.decided_by_you", asker.language)) if is_own else _refusal(error, asker)
            return await self._desk(asker, place, told)
        except DebriefError as error:
            return await self._desk(asker, place, _refusal(error, asker))
        notice = Notice("good", say(f"desk.{said}", asker.language)) if said else None
        if then_next and before.state in reviews.WAITING:
            return await self.take_next(asker, _with(place, feedback_id=""), notice)
        return await self._desk(asker, _with(place, feedback_id="") if then_leave else place, notice)

    async def _desk(self, asker: Asker, place: Place, notice: Notice | None = None) -> Desk:
        account = _reviewer(asker)
        seen = await self._store(_look, account, place, self._overdue_hours)
        if place.feedback_id and seen.case is None:
            notice = notice or Notice("bad", NotFound().sentence(asker.language))
        facts: dict[str, Any] = {
            "me": {"name": account.name, "is_admin": account.is_admin, "has_second": self._has_second},
            "waiting": seen.waiting,
            "case": _case(seen.case, account, asker.language) if seen.case else None,
            "notice": {"kind": notice.kind, "text": notice.text} if notice else None,
            "has_next": seen.has_next,
            "gone": place.feedback_id if place.feedback_id and seen.case is None else None,
        }
        may = _moves(seen.case, account)
        if seen.has_next and not _is_mine(seen.case, account):
            may.add("next")
        return Desk(
            place=_with(
                place,
                feedback_id=seen.case.id if seen.case else "",
                row_version=seen.case.row_version if seen.case else 0,
            ),
            facts=facts,
            talk=talk_of(seen.case),
            may=frozenset(may),
        )


# ---------------------------------------------------------------------------------------- in a thread, on the database


@dataclass(frozen=True)
class _Seen:
    waiting: int
    has_next: bool
    case: ReviewCase | None


def _look(db: Database, account: Account, place: Place, overdue_hours: float) -> _Seen:
    case = None
    if place.feedback_id:
        with suppress(NotFound):
            case = reviews.get_review(db, place.feedback_id)
    has_next = False
    with suppress(InputRejected):
        wanted = read_view(place.view).wanted(overdue_hours)
        has_next = review_queue.has_next(db, account, wanted, skipped=read_elsewhere(place.view))
    return _Seen(review_queue.count_waiting(db), has_next, case)


def _open(db: Database, account: Account, feedback_id: str) -> None:
    """Claim what waits and is free; look at the rest."""
    case = reviews.get_review(db, feedback_id)
    if case.state is ReviewState.PENDING:
        try:
            reviews.claim(db, account, feedback_id, case.row_version)
        except Conflict:
            return  # somebody claimed it in this moment: the case says who


def _not_wanted(place: Place) -> list[str]:
    return [*read_elsewhere(place.view), *read_skipped(place.view)]


def _decided_by(db: Database, account: Account, feedback_id: str) -> bool:
    """Whether it was this reviewer who decided it, in another tab or browser."""
    with suppress(NotFound):
        case = reviews.get_review(db, feedback_id)
        return case.state in DECIDED and case.reviewed_by == account.name
    return False


def _leave(db: Database, account: Account, place: Place, goal: str) -> None:
    """Give back what this reviewer had open and did not decide, unless another tab of theirs has it open too."""
    feedback_id = place.feedback_id
    if feedback_id in ("", goal) or feedback_id in read_elsewhere(place.view):
        return
    try:
        case = reviews.get_review(db, feedback_id)
        if _is_mine(case, account):
            reviews.release(db, account, feedback_id, case.row_version)
    except (Conflict, NotFound):
        return  # it went to somebody else or was deleted: nothing to give back


# ---------------------------------------------------------------------------------------------------- what is shown


def _reviewer(asker: Asker) -> Account:
    if asker.account is None:
        raise SignInNeeded
    return asker.account


def _refusal(error: DebriefError, asker: Asker) -> Notice:
    return Notice("bad", error.sentence(asker.language))


def _is_mine(case: ReviewCase | None, account: Account) -> bool:
    return case is not None and case.state is ReviewState.CLAIMED and case.claimed_by_id == account.id


def _moves(case: ReviewCase | None, account: Account) -> set[str]:
    if case is None:
        return set()
    if _is_mine(case, account):
        return {"approve", "reject", "release", "skip"}
    if case.state is ReviewState.AUTO_RELEASED:
        return {"approve", "reject"}
    if case.state is ReviewState.ESCALATED:
        return {"approve", "reject", "reopen"} if account.is_admin else set()
    if case.state is ReviewState.PENDING:
        return {"claim"}
    return {"reopen"} if case.state in DECIDED else set()


def _with(place: Place, **changes: Any) -> Place:
    return Place(**{**vars(place), **changes})


def _case(case: ReviewCase, account: Account, language: str) -> dict[str, Any]:
    return {
        "id": case.id,
        "conversation_id": case.conversation_id,
        "title": _in(case.scenario_title, language),
        "state": case.state.value,
        "job_state": case.job_state.value if case.job_state else None,
        "language": case.language,
        "body": case.body.model_dump(mode="json") if case.body else None,
        "checks": [check.model_dump() for check in case.checks],
        "disputes": [_dispute(dispute, case) for dispute in case.disputes],
        "lineage": {key: str(value) for key, value in case.lineage.items() if isinstance(value, str | int | float)},
        "claimed_by": case.claimed_by,
        "claimed_until": _stamp(case.claimed_until),
        "is_mine": _is_mine(case, account),
        "reviewed_by": case.reviewed_by,
        "reject_reason": case.reject_reason,
        "note": case.note,
        "repeats": [repeat_outcome(repeat, language) for repeat in case.repeats],
        "is_repeating": any(not repeat.state.is_final for repeat in case.repeats),
        "created_at": _stamp(case.created_at),
        **standing(case, account),
    }


def _dispute(dispute: Dispute, case: ReviewCase) -> dict[str, Any]:
    return {
        "path": dispute.path,
        "sentence": find_sentence(case.body, dispute.path) if case.body else None,
        "comment": dispute.comment,
        "is_open": dispute.is_open,
    }


def _in(texts: dict[str, str], language: str) -> str:
    return texts.get(language) or next(iter(texts.values()), "")


def _stamp(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at else None

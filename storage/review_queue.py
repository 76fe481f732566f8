"""The review queue: which feedbacks, in which order, how many, and the next one for whoever asks.

Everything is read from columns of the feedback (`storage/review_facts.py`) along the indexes of the orders: state by
state, each no further than the page needs, then merged. So a page costs the same among a thousand and among a hundred
thousand; a filter that fits few costs a walk along one index.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast

from sqlalchemy import ColumnElement, CursorResult, Select, func, or_, select, tuple_, union_all, update
from sqlalchemy.orm import InstrumentedAttribute, aliased

from debrief.conversation import Page, storable
from debrief.errors import Conflict, InputRejected
from debrief.review import ReviewState
from storage.accounts import Account
from storage.engine import Database, utc_now
from storage.moves import CLAIM_LEASE, move_review
from storage.queue_filter import QueueFilter, arms_of, conditions_of, is_held
from storage.review_search import narrow
from storage.reviews import WAITING, state_now, title_by_language
from storage.tables import NO_LEVEL, AccountRow, ConversationRow, FeedbackRow, ScenarioVersionRow

Sort = Literal["waiting", "newest", "worst", "failed"]
SKIPPED_MAX = 200
COUNTED = 1000
"""So far the numbers of the states are counted: who has a thousand to do need not know how many more."""
_Row = FeedbackRow


@dataclass(frozen=True)
class ReviewItem:
    """A line of the list. A claim that ran out counts as pending; `claimed_by` and its like are names."""

    id: str
    conversation_id: str
    state: ReviewState
    scenario_id: str
    scenario_title: dict[str, str]
    language: str
    message_count: int
    checks_passed: int
    checks: int
    worst_level: int | None
    partial: bool
    flagged: bool
    disputes: int
    """Open objections of the visitor's to sentences of the version that counts."""
    claimed_by: str | None
    claimed_until: datetime | None
    reviewed_by: str | None
    assigned_to: str | None
    waiting_since: datetime
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Kind:
    """A combination that feedbacks have, for the menus of the filters; `since` is when the first of them was made."""

    scenario_id: str
    rubric_hash: str | None
    model: str | None
    language: str
    since: datetime


@dataclass(frozen=True)
class _Order:
    """Columns and direction; the columns are those of an index behind the state. The id makes places unique."""

    columns: tuple[InstrumentedAttribute[Any], ...]
    descending: bool = False

    def sorted(self, columns: Sequence[Any]) -> list[ColumnElement[Any]]:
        return [column.desc() if self.descending else column.asc() for column in columns]

    def after(self, place: tuple[Any, ...]) -> ColumnElement[bool]:
        here = tuple_(*self.columns)
        return here < tuple_(*place) if self.descending else here > tuple_(*place)


ORDERS: dict[Sort, _Order] = {
    "waiting": _Order((_Row.waiting_since, _Row.id)),
    "newest": _Order((_Row.created_at, _Row.id), descending=True),
    "worst": _Order((_Row.worst_level, _Row.waiting_since, _Row.id)),
    "failed": _Order((_Row.checks_failed, _Row.waiting_since, _Row.id), descending=True),
}


# ---------------------------------------------------------------------------------------------------- looking


def list_reviews(
    db: Database,
    wanted: QueueFilter | None = None,
    *,
    sort: Sort = "waiting",
    limit: int = 50,
    cursor: str | None = None,
) -> Page[ReviewItem]:
    """A slice of the feedbacks that a filter admits, by default of all that wait, the longest first.

    Raises:
        InputRejected: the cursor is none of ours, or of another order.
    """
    now, order = utc_now(), ORDERS[sort]
    place = _read_cursor(cursor, order) if cursor else None
    with db.read() as session:
        found = [*session.execute(_page(narrow(session, wanted) or QueueFilter(), order, place, now, limit + 1))]
        items = [_item(row, now) for row in found[:limit]]
    return Page(items, _cursor(found[limit - 1][0], order) if len(found) > limit else None)


def list_review_ids(
    db: Database, wanted: QueueFilter, *, limit: int, cursor: str | None = None, until: datetime | None = None
) -> Page[str]:
    """Ids only, newest first: for walking through all that a filter admits, also while they leave it.

    `until` leaves out what was made after the walk began.
    """
    now, order = utc_now(), ORDERS["newest"]
    place = _read_cursor(cursor, order) if cursor else None
    not_newer = () if until is None else (_Row.created_at <= until,)
    with db.read() as session:
        walk = _ids(narrow(session, wanted) or wanted, order, place, now, limit + 1, more=not_newer)
        found = session.execute(select(*walk.c).order_by(*order.sorted([walk.c[c.key] for c in order.columns]))).all()
    places = [(row.created_at.isoformat(), row.id) for row in found]
    return Page([row_id for _, row_id in places[:limit]], "~".join(places[limit - 1]) if len(found) > limit else None)


def count_reviews(db: Database, wanted: QueueFilter | None = None) -> dict[ReviewState, int]:
    """How many feedbacks are in each state, counted to COUNTED and one more, which stands for more than COUNTED.

    Those still being made are left out. A filter narrows what is counted, except by its states.
    """
    states = [state for state in ReviewState if state is not ReviewState.NONE]
    with db.read() as session:
        conditions = conditions_of(narrow(session, wanted))
        numbers = [
            select(func.count())
            .select_from(
                select(_Row.id).where(_Row.review_state == state.value, *conditions).limit(COUNTED + 1).subquery()
            )
            .scalar_subquery()
            for state in states
        ]
        return dict(zip(states, session.execute(select(*numbers)).one(), strict=True))


def count_waiting(db: Database) -> int:
    """How many wait for a reviewer, whoever has them; counted to COUNTED and one more."""
    numbers = count_reviews(db)
    return min(COUNTED + 1, sum(numbers[state] for state in WAITING))


def count_matching(db: Database, wanted: QueueFilter, *, most: int | None = None) -> int:
    """How many feedbacks a filter admits; with `most`, counted no further than one more than that."""
    now = utc_now()
    with db.read() as session:
        conditions = conditions_of(narrow(session, wanted))
        found = 0
        for arm in arms_of(wanted.states, now):
            each = select(_Row.id).where(arm, *conditions)
            each = each if most is None else each.limit(most + 1)
            found += session.scalar(select(func.count()).select_from(each.subquery())) or 0
        return found if most is None else min(found, most + 1)


def list_kinds(db: Database) -> list[Kind]:
    """Which scenarios, rubrics, models and languages there are feedbacks of, the newest rubric first."""
    columns = (_Row.scenario_id, _Row.rubric_hash, _Row.model, _Row.language)
    query = select(*columns, func.min(_Row.created_at)).group_by(*columns)
    with db.read() as session:
        kinds = [Kind(*row) for row in session.execute(query)]
    return sorted(kinds, key=lambda kind: kind.since, reverse=True)


def list_reviewers(db: Database) -> list[str]:
    """Names of all who can review, for assigning."""
    with db.read() as session:
        return [
            *session.scalars(select(AccountRow.name).where(AccountRow.disabled_at.is_(None)).order_by(AccountRow.name))
        ]


def has_next(
    db: Database, account: Account, wanted: QueueFilter | None = None, *, skipped: Collection[str] = ()
) -> bool:
    """Whether `claim_next` would find something at this moment."""
    now = utc_now()
    passed_over = [_Row.id.not_in(list(skipped)[:SKIPPED_MAX])] if skipped else []
    with db.read() as session:
        conditions = conditions_of(narrow(session, wanted))
        return any(
            session.scalar(select(_Row.id).where(*arm, *conditions, *passed_over).limit(1)) is not None
            for arm in _next_arms(account, now, wanted)
        )


# ---------------------------------------------------------------------------------------------------- the next one


def claim_next(
    db: Database,
    account: Account,
    wanted: QueueFilter | None = None,
    *,
    sort: Sort = "waiting",
    skipped: Collection[str] = (),
) -> str | None:
    """Find and claim the next feedback in one transaction, so that two who ask at once get different ones.

    First what this reviewer has in hand, then what somebody gave up, then what waits; never what is assigned to
    somebody else. `skipped` are ids that this reviewer does not want now.

    Returns:
        The id, or None when nothing is left.
    """
    now, order = utc_now(), ORDERS[sort]
    passed_over = [_Row.id.not_in(list(skipped)[:SKIPPED_MAX])] if skipped else []
    with db.write() as session:
        conditions = conditions_of(narrow(session, wanted))
        for arm in _next_arms(account, now, wanted):
            row = session.scalar(
                select(_Row)
                .where(*arm, *conditions, *passed_over)
                .order_by(*order.sorted(order.columns))
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            if row is not None:
                found = row.id
                move_review(session, account, found, row.row_version, "claim")
                return found
    return None


def extend_claim(db: Database, account: Account, feedback_id: str) -> datetime:
    """Say that one is still at it; gives the new end of the claim. No move: `row_version` stays.

    Raises:
        Conflict: it is no longer this account's, or the claim ran out and may be somebody else's in a moment.
    """
    now = utc_now()
    until = now + CLAIM_LEASE
    mine = (_Row.review_state == ReviewState.CLAIMED.value, _Row.claimed_by == account.id, is_held(now))
    with db.write() as session:
        change = update(_Row).where(_Row.id == feedback_id, *mine).values(claimed_until=until)
        if cast("CursorResult[Any]", session.execute(change)).rowcount != 1:
            raise Conflict("claim_first")
    return until


def _next_arms(account: Account, now: datetime, wanted: QueueFilter | None) -> list[tuple[ColumnElement[bool], ...]]:
    is_claimed = _Row.review_state == ReviewState.CLAIMED.value
    asks_for = wanted.assignee if wanted else None
    not_anothers = () if asks_for else (or_(_Row.assigned_to.is_(None), _Row.assigned_to == account.id),)
    return [
        (is_claimed, is_held(now), _Row.claimed_by == account.id),
        (is_claimed, ~is_held(now), *not_anothers),
        (_Row.review_state == ReviewState.PENDING.value, *not_anothers),
    ]


# ---------------------------------------------------------------------------------------------------- reading rows

_Claimer = aliased(AccountRow)
_Reviewer = aliased(AccountRow)
_Assignee = aliased(AccountRow)


def _ids(
    wanted: QueueFilter,
    order: _Order,
    place: tuple[Any, ...] | None,
    now: datetime,
    limit: int,
    *,
    more: Collection[ColumnElement[bool]] = (),
) -> Any:
    """The first ids of each state in this order: a subquery of the order's columns, more rows than wanted."""
    conditions = [*conditions_of(wanted), *more, *([order.after(place)] if place else [])]
    walks = [
        select(*order.columns).where(arm, *conditions).order_by(*order.sorted(order.columns)).limit(limit).subquery()
        for arm in arms_of(wanted.states, now)
    ]
    together = union_all(*(select(*walk.c) for walk in walks)).subquery()
    keys = [together.c[column.key] for column in order.columns]
    return select(*keys).order_by(*order.sorted(keys)).limit(limit).subquery()


def _page(
    wanted: QueueFilter, order: _Order, place: tuple[Any, ...] | None, now: datetime, limit: int
) -> Select[Any, Any, Any, Any, Any, Any]:
    """Everything that the lines show, in one statement however long the list is; no talk and no feedback text."""
    found = _ids(wanted, order, place, now, limit)
    return (
        select(
            FeedbackRow,
            ConversationRow.message_count,
            ScenarioVersionRow.body["title"],
            _Claimer.name,
            _Reviewer.name,
            _Assignee.name,
        )
        .join(found, found.c.id == FeedbackRow.id)
        .join(ConversationRow, ConversationRow.id == FeedbackRow.conversation_id)
        .join(ScenarioVersionRow, ScenarioVersionRow.hash == ConversationRow.scenario_hash)
        .outerjoin(_Claimer, _Claimer.id == FeedbackRow.claimed_by)
        .outerjoin(_Reviewer, _Reviewer.id == FeedbackRow.reviewed_by)
        .outerjoin(_Assignee, _Assignee.id == FeedbackRow.assigned_to)
        .order_by(*order.sorted(order.columns))
    )


def _item(found: Any, now: datetime) -> ReviewItem:
    row, message_count, title, claimer, reviewer, assignee = found
    state = state_now(row, now)
    is_held = state is ReviewState.CLAIMED
    return ReviewItem(
        id=row.id,
        conversation_id=row.conversation_id,
        state=state,
        scenario_id=row.scenario_id,
        scenario_title=title_by_language(title, row.scenario_id),
        language=row.language,
        message_count=message_count,
        checks_passed=row.checks - row.checks_failed,
        checks=row.checks,
        worst_level=None if row.worst_level == NO_LEVEL else row.worst_level,
        partial=row.partial,
        flagged=" no_injection " in row.failed_checks,
        disputes=row.open_disputes,
        claimed_by=claimer if is_held else None,
        claimed_until=row.claimed_until if is_held else None,
        reviewed_by=reviewer,
        assigned_to=assignee,
        waiting_since=row.waiting_since,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _cursor(row: FeedbackRow, order: _Order) -> str:
    values = [getattr(row, column.key) for column in order.columns]
    return "~".join(value.isoformat() if isinstance(value, datetime) else str(value) for value in values)


def _read_cursor(cursor: str, order: _Order) -> tuple[Any, ...]:
    parts = cursor.split("~")
    try:
        place = tuple(_read_place(part, column) for part, column in zip(parts, order.columns, strict=True))
    except (ValueError, OverflowError) as error:
        raise InputRejected("malformed", reason="cursor") from error
    return place


def _read_place(text: str, column: InstrumentedAttribute[Any]) -> Any:
    if column.key in ("worst_level", "checks_failed"):
        return int(text[:10])
    if column.key == "id" and text:
        return storable(text)
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(text)
    return at.astimezone(UTC)

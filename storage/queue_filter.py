"""Which feedbacks: a filter, and the conditions on the feedback's own columns that it means.

The review queue, decisions for many and exports all go by it, so that what is counted, decided on or taken away is
what the list shows.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from debrief.conversation import storable
from debrief.review import ReviewState
from storage.moves import CLAIM_LEASE, CLOCKS_DIFFER
from storage.reviews import WAITING
from storage.search import stands_in
from storage.tables import NO_LEVEL, AccountRow, FeedbackRow, FeedbackVersionRow, MessageRow

NOBODY = "-"
"""As an assignee: assigned to nobody."""
EVERY_STATE = tuple(state for state in ReviewState if state is not ReviewState.NONE)
TERMS_MAX = 8
_Row = FeedbackRow


@dataclass(frozen=True)
class QueueFilter:
    """Which feedbacks. What is None or empty narrows nothing.

    Args:
        states: of the review; a claim that ran out counts as pending. Empty: all of what has been made.
        scenario: its id.
        rubric: hash of the rubric that the version was made with.
        model: its name.
        language: of the talk.
        level: the worst level of all criteria, 1 to 5; 0: no criterion has a level.
        check: `passed` or `failed` (all of them, any of them), else the name of a check that did not pass.
        flagged: the talk has lines that read like orders to the model.
        disputed: the visitor objects to a sentence of it.
        partial: something could not be scored.
        asked_by: visitor, end or idle.
        reviewer: name of who has it or decided on it.
        assignee: name of whose work it is to be; NOBODY: not assigned.
        since: made at this time or later.
        until: made before this time.
        waiting_since_before: waits since before this time.
        words: all of these stand in the talk or in the version that counts, wherever in a word, in capitals or not.
        among: none but these ids.
    """

    states: tuple[ReviewState, ...] = WAITING
    scenario: str | None = None
    rubric: str | None = None
    model: str | None = None
    language: str | None = None
    level: int | None = None
    check: str | None = None
    flagged: bool | None = None
    disputed: bool | None = None
    partial: bool | None = None
    asked_by: str | None = None
    reviewer: str | None = None
    assignee: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    waiting_since_before: datetime | None = None
    words: str | None = None
    among: tuple[str, ...] | None = None


EVERYTHING = QueueFilter(states=())


def select_ids(wanted: QueueFilter, now: datetime) -> Select[str]:
    """The ids of all that a filter admits, as a query for others to build on, such as an export."""
    made = _Row.review_state != ReviewState.NONE.value
    in_state = or_(*arms_of(wanted.states, now)) if wanted.states else made
    return select(_Row.id).where(in_state, *conditions_of(wanted))


def arms_of(states: Collection[ReviewState], now: datetime) -> list[ColumnElement[bool]]:
    """One condition for each state, each a stretch of an index. Claims that ran out go with what is pending."""
    states = states or EVERY_STATE
    arms: list[ColumnElement[bool]] = []
    both = ReviewState.PENDING in states and ReviewState.CLAIMED in states
    for state in dict.fromkeys(states):
        is_it = _Row.review_state == state.value
        arms.append(and_(is_it, is_held(now)) if state is ReviewState.CLAIMED and not both else is_it)
    if ReviewState.PENDING in states and not both:
        arms.append(and_(_Row.review_state == ReviewState.CLAIMED.value, ~is_held(now)))
    return arms


def is_held(now: datetime) -> ColumnElement[bool]:
    """As `storage.reviews` has it for a row: a claim in force, and not from before the clock was put back."""
    until = _Row.claimed_until
    return and_(until.is_not(None), until > now, until <= now + CLAIM_LEASE + CLOCKS_DIFFER)


def conditions_of(wanted: QueueFilter | None) -> list[ColumnElement[bool]]:
    if wanted is None:
        return []
    same: list[tuple[InstrumentedAttribute[Any], Any]] = [
        (_Row.scenario_id, wanted.scenario),
        (_Row.rubric_hash, wanted.rubric),
        (_Row.model, wanted.model),
        (_Row.language, wanted.language),
        (_Row.partial, wanted.partial),
        (_Row.asked_by, wanted.asked_by),
        (_Row.worst_level, NO_LEVEL if wanted.level == 0 else wanted.level),
    ]
    conditions: list[ColumnElement[bool]] = [column == value for column, value in same if value is not None]
    if wanted.check:
        conditions.append(_check_is(wanted.check))
    if wanted.flagged is not None:
        conditions.append(_failed("no_injection") if wanted.flagged else ~_failed("no_injection"))
    if wanted.disputed is not None:
        conditions.append(_Row.open_disputes > 0 if wanted.disputed else _Row.open_disputes == 0)
    if wanted.among is not None:
        conditions.append(_Row.id.in_(wanted.among) if wanted.among else false())
    terms = storable(wanted.words or "").split()[:TERMS_MAX]
    return [*conditions, *_people(wanted), *_times(wanted), *(_has_term(term) for term in terms)]


def _people(wanted: QueueFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.reviewer:
        reviewer = _account_id(wanted.reviewer)
        conditions.append(or_(_Row.reviewed_by == reviewer, _Row.claimed_by == reviewer))
    if wanted.assignee:
        is_nobody = wanted.assignee == NOBODY
        conditions.append(_Row.assigned_to.is_(None) if is_nobody else _Row.assigned_to == _account_id(wanted.assignee))
    return conditions


def _times(wanted: QueueFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.since:
        conditions.append(_Row.created_at >= wanted.since)
    if wanted.until:
        conditions.append(_Row.created_at < wanted.until)
    if wanted.waiting_since_before:
        conditions.append(_Row.waiting_since < wanted.waiting_since_before)
        conditions.append(_Row.review_state.in_([state.value for state in WAITING]))
    return conditions


def _has_term(term: str) -> ColumnElement[bool]:
    """Whether the talk or the version that counts has it, looked for in the texts themselves."""
    said = select(MessageRow.id).where(
        MessageRow.conversation_id == _Row.conversation_id, stands_in(MessageRow.text, term)
    )
    # A value, no EXISTS: for that PostgreSQL would go through all versions first, to have their ids at hand.
    written = select(stands_in(FeedbackVersionRow.words, term)).where(FeedbackVersionRow.id == _Row.version_id)
    return or_(said.correlate(_Row).exists(), written.correlate(_Row).scalar_subquery())


def _account_id(name: str) -> Any:
    return select(AccountRow.id).where(AccountRow.name == name).scalar_subquery()


def _check_is(outcome: str) -> ColumnElement[bool]:
    if outcome == "passed":
        return _Row.checks_failed == 0
    return _Row.checks_failed > 0 if outcome == "failed" else _failed(outcome)


def _failed(check: str) -> ColumnElement[bool]:
    return _Row.failed_checks.contains(f" {check} ", autoescape=True)

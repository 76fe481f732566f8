"""The figures behind the plots of the review: how much waits, what was decided, what was edited, how long it took.

Aggregates by SQL over the columns of feedback and reviews, no talk and no body; only the edits, of which the newest few
hundred are compared word by word, read bodies.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean
from typing import Any

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import aliased

from debrief.difference import compare_bodies
from debrief.feedback import FeedbackBody
from debrief.review import ReviewState
from storage.engine import Database, utc_now
from storage.reviews import WAITING
from storage.tables import NO_LEVEL, FeedbackRow, FeedbackVersionRow, ReviewRow

EDITS = 300
"""Newest edits that are compared: enough for a share, and some 300 ms."""
AGES = (("hour", 1.0), ("shift", 8.0), ("day", 24.0), ("days", 72.0), ("longer", float("inf")))
"""Steps of waiting and the hours up to which each goes."""
TIMES = (("1", 60), ("2", 120), ("5", 300), ("10", 600), ("more", 10**9))
"""Steps of the time for one review, in minutes, and the seconds up to which each goes."""
Count = tuple[str, int]


@dataclass(frozen=True)
class Day:
    """A day (UTC, "2026-11-28"), what was done, how often."""

    day: str
    what: str
    n: int


@dataclass(frozen=True)
class Share:
    """A share from 0 to 1, of how many."""

    day: str
    what: str
    share: float
    of: int


@dataclass(frozen=True)
class Section:
    """How one part of a debrief fares when a person edits, over the newest edits.

    Args:
        field: level, reason, tip, evidence, why, problem, rewrite, next_step or summary.
        changed: in how many edits it was changed.
        distance: mean share of its words that changed there, 0 to 1.
    """

    field: str
    changed: int
    distance: float


@dataclass(frozen=True)
class Figures:
    waiting: list[Count]
    oldest_waiting_s: float | None
    decided: list[Day]
    incomplete: list[Share]
    edited: list[Share]
    sections: list[Section]
    compared: int
    """Edits that `sections` was told from, at most `EDITS`."""
    times: list[Count]
    median_s: float | None


def read_figures(db: Database, *, days: int) -> Figures:
    """Everything of the last so many days; what waits, whenever it began to."""
    since = utc_now() - timedelta(days=days)
    with db.read() as session:
        decided = _decided(session, since, db)
        sections, compared = _sections(session, since)
        return Figures(
            waiting=_waiting(session),
            oldest_waiting_s=_oldest(session),
            decided=decided,
            incomplete=_incomplete(session, since, db),
            edited=_edit_rate(decided),
            sections=sections,
            compared=compared,
            times=_times(session, since),
            median_s=_median(session, since),
        )


def _steps(value: Any, steps: Sequence[tuple[str, float]]) -> ColumnElement[str]:
    return case(*((value <= most, name) for name, most in steps[:-1]), else_=steps[-1][0])


def _counted(session: Any, step: ColumnElement[str], steps: Sequence[tuple[str, float]], *where: Any) -> list[Count]:
    found = dict(session.execute(select(step, func.count()).where(*where).group_by(step)).all())
    return [(name, found.get(name, 0)) for name, _ in steps]


def _waiting(session: Any) -> list[Count]:
    """By age: the later it began to wait, the younger."""
    now = utc_now()
    began = FeedbackRow.waiting_since
    step = case(
        *((began >= now - timedelta(hours=hours), name) for name, hours in AGES[:-1]),
        else_=AGES[-1][0],
    )
    return _counted(session, step, AGES, FeedbackRow.review_state.in_(_states(WAITING)))


def _oldest(session: Any) -> float | None:
    """State by state: each is the beginning of an index."""
    firsts = [
        session.scalar(select(func.min(FeedbackRow.waiting_since)).where(FeedbackRow.review_state == state))
        for state in _states(WAITING)
    ]
    oldest = min((first for first in firsts if first is not None), default=None)
    return None if oldest is None else max(0.0, (utc_now() - oldest).total_seconds())


def _states(states: Sequence[ReviewState]) -> list[str]:
    return [state.value for state in states]


def _day(db: Database, column: Any) -> Any:
    return func.date(column) if db.is_sqlite else func.to_char(func.timezone("UTC", column), "YYYY-MM-DD")


def _decided(session: Any, since: datetime, db: Database) -> list[Day]:
    day = _day(db, ReviewRow.created_at)
    rows = session.execute(
        select(day, ReviewRow.decision, func.count())
        .where(ReviewRow.created_at >= since, ReviewRow.blind.is_(False), ReviewRow.decision.is_not(None))
        .group_by(day, ReviewRow.decision)
        .order_by(day)
    )
    return [Day(str(at), what, n) for at, what, n in rows]


def _edit_rate(decided: Sequence[Day]) -> list[Share]:
    """Of what was let through, how much a person wrote over."""
    days: dict[str, dict[str, int]] = defaultdict(dict)
    for one in decided:
        days[one.day][one.what] = one.n
    shares: list[Share] = []
    for day, counts in days.items():
        of = counts.get("approve", 0) + counts.get("edit", 0)
        if of:
            shares.append(Share(day, "edit", counts.get("edit", 0) / of, of))
    return shares


def _incomplete(session: Any, since: datetime, db: Database) -> list[Share]:
    """By day: made in part, without any level, with a check that did not pass."""
    day = _day(db, FeedbackRow.created_at)
    of = {
        "partial": FeedbackRow.partial.is_(True),
        "unscored": FeedbackRow.worst_level == NO_LEVEL,
        "failed_check": FeedbackRow.checks_failed > 0,
    }
    sums = [func.sum(case((condition, 1), else_=0)) for condition in of.values()]
    rows = session.execute(
        select(day, func.count(), *sums)
        .where(FeedbackRow.created_at >= since, FeedbackRow.version_id.is_not(None))
        .group_by(day)
        .order_by(day)
    )
    return [
        Share(str(at), what, int(n) / total, total)
        for at, total, *counts in rows
        for what, n in zip(of, counts, strict=True)
    ]


def _sections(session: Any, since: datetime) -> tuple[list[Section], int]:
    """A part that a debrief has several times, such as a criterion's reason, is changed where one of them is."""
    parent = aliased(FeedbackVersionRow)
    pairs = session.execute(
        select(parent.body, FeedbackVersionRow.body)
        .join(parent, parent.id == FeedbackVersionRow.parent_id)
        .where(FeedbackVersionRow.origin == "human_edit", FeedbackVersionRow.created_at >= since)
        .order_by(FeedbackVersionRow.created_at.desc())
        .limit(EDITS)
    ).all()
    shares: dict[str, list[float]] = defaultdict(list)
    for before, after in pairs:
        for field, share in _changed(FeedbackBody.model_validate(before), FeedbackBody.model_validate(after)).items():
            shares[field] += [share] if share else []
    sections = [Section(name, len(found), fmean(found) if found else 0.0) for name, found in shares.items()]
    return sections, len(pairs)


def _changed(before: FeedbackBody, after: FeedbackBody) -> dict[str, float]:
    """Part to the share of its words that are in one of the two only, 0 to 1."""
    words: dict[str, Counter[str]] = defaultdict(Counter)
    for section in compare_bodies(before, after):
        for piece in section.pieces:
            words[section.field][piece.op] += len(piece.text.split())
    return {field: 1 - count["same"] / count.total() if count.total() else 0.0 for field, count in words.items()}


def _timed(since: datetime) -> tuple[ColumnElement[bool], ...]:
    return (ReviewRow.created_at >= since, ReviewRow.seconds_spent.is_not(None), ReviewRow.decision.is_not(None))


def _times(session: Any, since: datetime) -> list[Count]:
    return _counted(session, _steps(ReviewRow.seconds_spent, TIMES), TIMES, *_timed(since))


def _median(session: Any, since: datetime) -> float | None:
    n = session.scalar(select(func.count()).select_from(ReviewRow).where(*_timed(since))) or 0
    if not n:
        return None
    middle = select(ReviewRow.seconds_spent).where(*_timed(since)).order_by(ReviewRow.seconds_spent)
    return float(session.scalar(middle.offset((n - 1) // 2).limit(1)))

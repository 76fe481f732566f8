"""Which levels the criteria of a rubric get, by version of the rubric: whether a new one judges otherwise.

Levels stand in the bodies, so those of the newest debriefs of each version are read, as many as a share needs, however
many there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.criterion_names import criterion_names, scenario_titles
from storage.engine import Database, utc_now
from storage.tables import FeedbackRow, FeedbackVersionRow

VERSIONS = 3
"""Of a rubric, the newest ones."""
SAMPLE = 300
"""Newest debriefs of each version: a share of them is right within 6 points."""


@dataclass(frozen=True)
class RubricVersion:
    """`since`: when the first debrief was made with it; `n`: how many of the newest ones were looked at."""

    hash: str
    since: datetime
    n: int


@dataclass(frozen=True)
class CriterionLevels:
    """How often a criterion got each level in debriefs of one version; 0: it could not be scored or was not seen."""

    rubric: str
    criterion: str
    name: str
    counts: dict[int, int]


@dataclass(frozen=True)
class LevelFigures:
    """`scenarios`: those with a debrief in this time and their titles, the one with the newest rubric first."""

    scenarios: dict[str, dict[str, str]]
    scenario_id: str | None
    versions: list[RubricVersion]
    criteria: list[CriterionLevels]


def read_levels(db: Database, *, days: int, scenario_id: str | None = None, language: str = "en") -> LevelFigures:
    """Levels by criterion and rubric version, oldest version first, of the versions that count.

    Args:
        db: the record.
        days: how far back debriefs were made.
        scenario_id: whose rubric; by default, and where it has none, that of the newest rubric.
        language: in which the criteria are named.
    """
    since = utc_now() - timedelta(days=days)
    with db.read() as session:
        firsts = _rubrics(session, since)
        scenarios = list(dict.fromkeys(scenario for scenario, _, _ in firsts))
        chosen = scenario_id if scenario_id in scenarios else next(iter(scenarios), None)
        newest = [(rubric, first) for scenario, rubric, first in firsts if scenario == chosen][:VERSIONS]
        names = {key: name for (_, key), name in criterion_names(session, [str(chosen)], language).items()}
        versions: list[RubricVersion] = []
        criteria: list[CriterionLevels] = []
        for rubric, first in reversed(newest):
            bodies = _bodies(session, str(chosen), rubric, since)
            versions.append(RubricVersion(rubric, first, len(bodies)))
            criteria += _levels(rubric, bodies, names)
        return LevelFigures(scenario_titles(session, scenarios), chosen, versions, criteria)


def _rubrics(session: Session, since: datetime) -> list[tuple[str, str, datetime]]:
    """Scenario, rubric and when its first debrief was made, the newest first; only those used in this time."""
    columns = (FeedbackRow.scenario_id, FeedbackRow.rubric_hash)
    first, last = func.min(FeedbackRow.created_at), func.max(FeedbackRow.created_at)
    rows = session.execute(
        select(*columns, first, last).where(FeedbackRow.rubric_hash.is_not(None)).group_by(*columns)
    ).all()
    found = [(scenario, str(rubric), begun) for scenario, rubric, begun, used in rows if used >= since]
    return sorted(found, key=lambda one: one[2], reverse=True)


def _bodies(session: Session, scenario_id: str, rubric: str, since: datetime) -> Sequence[dict[str, Any]]:
    newest = (
        select(FeedbackRow.version_id)
        .where(FeedbackRow.scenario_id == scenario_id, FeedbackRow.rubric_hash == rubric)
        .where(FeedbackRow.created_at >= since)
        .order_by(FeedbackRow.created_at.desc())
        .limit(SAMPLE)
        .subquery()
    )
    return session.scalars(
        select(FeedbackVersionRow.body).join(newest, newest.c.version_id == FeedbackVersionRow.id)
    ).all()


def _levels(rubric: str, bodies: Sequence[dict[str, Any]], names: Mapping[str, str]) -> list[CriterionLevels]:
    counts: dict[str, Counter[int]] = {}
    said: dict[str, str] = {}
    for body in bodies:
        for result in body["criteria"]:
            counts.setdefault(result["key"], Counter())[result.get("level") or 0] += 1
            said.setdefault(result["key"], result["name"])
    return [CriterionLevels(rubric, key, names.get(key, said[key]), dict(found)) for key, found in counts.items()]

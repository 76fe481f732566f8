"""How the levels of a visitor's shown debriefs went over time, never mixing what may not be compared."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, cast

from fastapi import APIRouter, Query
from pydantic import BaseModel, ValidationError

from debrief.comparing import Series, ShownDebrief, Versions, group_comparable
from debrief.scenario import Rubric, Scenario
from storage import scenarios
from storage.progress import list_shown
from webapp.api.asking import TheAsker, TheParts
from webapp.parts import Parts

router = APIRouter(prefix="/api/v1")


class Point(BaseModel):
    """One debrief. `level` is None where the criterion was not seen or not scored: a gap, never a zero."""

    at: datetime
    feedback_id: str
    conversation_id: str
    level: int | None
    level_name: str | None
    status: str


class CriterionCourse(BaseModel):
    """`levels` are the names of the levels 1 to 5, None where nobody knows them any more."""

    key: str
    name: str
    levels: list[str | None]
    points: list[Point]


class SeriesOut(BaseModel):
    """Debriefs that may be compared. `changed` says in what they differ from the series before."""

    versions: Versions
    since: datetime
    changed: list[str]
    criteria: list[CriterionCourse]


class ScenarioCourse(BaseModel):
    scenario: str
    title: str
    debriefs: int
    series: list[SeriesOut]


class Progress(BaseModel):
    """The scenario touched last comes first. `older_left_out`: there are more debriefs than are looked at."""

    items: list[ScenarioCourse]
    next: None = None
    older_left_out: bool


@router.get("/progress", summary="My levels over time, for each scenario and criterion")
async def get_progress(
    parts: TheParts, asker: TheAsker, scenario: Annotated[str | None, Query(max_length=80)] = None
) -> Progress:
    debriefs, older_left_out = await parts.store(list_shown, asker.visitor_id, scenario_id=scenario)
    by_scenario: dict[str, list[ShownDebrief]] = {}
    for debrief in reversed(debriefs):
        by_scenario.setdefault(debrief.scenario_id, []).append(debrief)
    items = [await _scenario_course(parts, group, asker.language) for group in by_scenario.values()]
    return Progress(items=items, older_left_out=older_left_out)


async def _scenario_course(parts: Parts, group: list[ShownDebrief], language: str) -> ScenarioCourse:
    """One scenario's debriefs, the newest first."""
    return ScenarioCourse(
        scenario=group[0].scenario_id,
        title=await _title(parts, group[0], language),
        debriefs=len(group),
        series=[_series(series, await _rubric(parts, series), language) for series in group_comparable(group)],
    )


async def _rubric(parts: Parts, series: Series) -> Rubric | None:
    """The rubric of these debriefs, for its words: today's or the stored one; None where neither is it any more."""
    one = series.debriefs[0]
    offered = parts.scenarios.get(one.scenario_id)
    if offered and offered.rubric.hash == series.versions.rubric:
        return offered.rubric
    try:
        stored = Scenario.from_body(await parts.store(scenarios.get_body, one.scenario_hash)).rubric
    except ValidationError:  # written when scenarios had another shape
        return None
    return stored if stored.hash == series.versions.rubric else None


async def _title(parts: Parts, newest: ShownDebrief, language: str) -> str:
    """The scenario's title of today; of a scenario that is no longer offered, as it was."""
    if offered := parts.scenarios.get(newest.scenario_id):
        return offered.title.to(language)
    body = await parts.store(scenarios.get_body, newest.scenario_hash)
    titles = cast("dict[str, str]", body.get("title", {}))
    return titles.get(language) or newest.scenario_id


def _series(series: Series, rubric: Rubric | None, language: str) -> SeriesOut:
    names = {result.key: result.name for debrief in series.debriefs for result in debrief.body.criteria}
    return SeriesOut(
        versions=series.versions,
        since=series.debriefs[0].at,
        changed=series.changed,
        criteria=[_course(key, name, series, rubric, language) for key, name in names.items()],
    )


def _course(key: str, name: str, series: Series, rubric: Rubric | None, language: str) -> CriterionCourse:
    """In the rubric's words for the reader's language; without it, in those that the debriefs themselves have."""
    criterion = rubric.find(key) if rubric else None
    points = _points(key, series)
    if criterion is None:
        said = {point.level: point.level_name for point in points}
        return CriterionCourse(key=key, name=name, levels=[said.get(level) for level in range(1, 6)], points=points)
    levels = [level.name.to(language) for level in criterion.levels]
    for point in points:
        point.level_name = levels[point.level - 1] if point.level else None
    return CriterionCourse(key=key, name=criterion.name.to(language), levels=[*levels], points=points)


def _points(key: str, series: Series) -> list[Point]:
    return [
        Point(
            at=debrief.at,
            feedback_id=debrief.feedback_id,
            conversation_id=debrief.conversation_id,
            level=result.level,
            level_name=result.level_name,
            status=result.status,
        )
        for debrief in series.debriefs
        for result in debrief.body.criteria
        if result.key == key
    ]

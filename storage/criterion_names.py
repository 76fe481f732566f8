"""What scenarios and their criteria are called, for a reader: by the scenario's file, which has both languages.

A debrief has the name of a criterion in the language of its talk only, so a table over many talks would mix the two.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.reviews import title_by_language
from storage.tables import ScenarioVersionRow


def criterion_names(session: Session, scenario_ids: Collection[str], language: str) -> dict[tuple[str, str], str]:
    """Names by scenario and key, each as the newest version of its scenario that has the criterion calls it.

    Where a version has no name in `language`, that in English stands, else the first that it has. A criterion that no
    version knows is left out.
    """
    rows = session.execute(
        select(ScenarioVersionRow.scenario_id, ScenarioVersionRow.body["rubric"]["criteria"])
        .where(ScenarioVersionRow.scenario_id.in_(scenario_ids))
        .order_by(ScenarioVersionRow.created_at, ScenarioVersionRow.hash)
    )
    found: dict[tuple[str, str], str] = {}
    for scenario_id, criteria in rows:
        for criterion in cast("list[dict[str, Any]]", criteria or []):
            found[scenario_id, criterion["key"]] = to_language(criterion["name"], language)
    return found


def scenario_titles(session: Session, scenario_ids: Collection[str]) -> dict[str, dict[str, str]]:
    """Titles by scenario and language, as the newest version has them, in this order; the id where there is none."""
    rows = session.execute(
        select(ScenarioVersionRow.scenario_id, ScenarioVersionRow.body["title"])
        .where(ScenarioVersionRow.scenario_id.in_(scenario_ids))
        .order_by(ScenarioVersionRow.created_at, ScenarioVersionRow.hash)
    )
    newest = {scenario_id: title_by_language(title, scenario_id) for scenario_id, title in rows if title}
    return {one: newest.get(one, {"en": one}) for one in scenario_ids}


def to_language(words: Mapping[str, str], language: str) -> str:
    """In this language, else in English, else in the first that there is."""
    return words.get(language) or words.get("en") or next(iter(words.values()))

"""What scenarios and their criteria are called, for a reader: by the scenario's file, which has both languages.

A debrief has the name of a criterion in the language of its talk only, so a table over many talks would mix the two.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

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
            found[scenario_id, criterion["key"]] = _to(criterion["name"], language)
    return found


def scenario_titles(session: Session, scenario_ids: Collection[str], language: str) -> dict[str, str]:
    """Titles by scenario, as the newest version has it, in the same way."""
    rows = session.execute(
        select(ScenarioVersionRow.scenario_id, ScenarioVersionRow.body["title"])
        .where(ScenarioVersionRow.scenario_id.in_(scenario_ids))
        .order_by(ScenarioVersionRow.created_at, ScenarioVersionRow.hash)
    )
    return {scenario_id: _to(title, language) for scenario_id, title in rows if title}


def _to(words: dict[str, str], language: str) -> str:
    return words.get(language) or words.get("en") or next(iter(words.values()))

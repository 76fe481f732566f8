"""What two reviewers, or a reviewer and the model, said of the same debriefs: the figures, and where they differ."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import aliased

from debrief.agreement import Agreed, agree
from storage.criterion_names import criterion_names, scenario_titles, to_language
from storage.engine import Database
from storage.tables import ConversationRow, FeedbackRow, FeedbackVersionRow, ReviewRow

Pair = Literal["people", "model"]
"""people: the first reviewer against the blind one; model: the model against the blind one, whom it did not sway."""
DIFFERING_MAX = 200
NEWEST = 2000
"""Blind opinions that are read, the newest first: kappa's interval is narrow long before."""


@dataclass(frozen=True)
class CriterionAgreement:
    """How two agree on one criterion of a scenario's rubric. `unlike`: one saw a level, the other nothing of it."""

    scenario_id: str
    scenario_title: str
    criterion: str
    name: str
    agreed: Agreed
    unlike: int


@dataclass(frozen=True)
class Differing:
    """One criterion of one debrief on which the two differ; None: not observed."""

    feedback_id: str
    scenario_id: str
    criterion: str
    name: str
    first: int | None
    second: int | None


@dataclass(frozen=True)
class Agreements:
    criteria: list[CriterionAgreement]
    differing: list[Differing]
    """The furthest apart first, at most `DIFFERING_MAX`."""


@dataclass(frozen=True)
class _Said:
    feedback_id: str
    scenario_id: str
    criterion: str
    name: str
    first: int | None
    second: int | None

    @property
    def distance(self) -> int:
        if self.first is None or self.second is None:
            return 0 if self.first is self.second else 5
        return abs(self.first - self.second)


def read_agreements(db: Database, pair: Pair, *, scenario_id: str | None = None, language: str = "en") -> Agreements:
    """The newest blind opinions against the other side's levels, by criterion; named in the reader's `language`."""
    said, titles = _read(db, pair, scenario_id, language)
    groups: dict[tuple[str, str], list[_Said]] = {}
    for one in said:
        groups.setdefault((one.scenario_id, one.criterion), []).append(one)
    criteria = [
        CriterionAgreement(
            scenario_id=scenario,
            scenario_title=titles[scenario],
            criterion=criterion,
            name=group[0].name,
            agreed=agree([(one.first, one.second) for one in group if one.first and one.second]),
            unlike=sum(1 for one in group if (one.first is None) != (one.second is None)),
        )
        for (scenario, criterion), group in sorted(groups.items())
    ]
    apart = sorted((one for one in said if one.distance), key=lambda one: -one.distance)
    return Agreements(criteria, [Differing(**vars(one)) for one in apart[:DIFFERING_MAX]])


def _read(db: Database, pair: Pair, scenario_id: str | None, language: str) -> tuple[list[_Said], dict[str, str]]:
    """What both said, named for a reader of this language, and the titles of the scenarios."""
    first = aliased(ReviewRow)
    query = (
        select(ReviewRow, first.levels, FeedbackVersionRow.body, FeedbackVersionRow.origin, ConversationRow.scenario_id)
        .join(first, (first.feedback_id == ReviewRow.feedback_id) & (first.round == ReviewRow.round))
        .join(FeedbackVersionRow, FeedbackVersionRow.id == ReviewRow.version_id)
        .join(FeedbackRow, FeedbackRow.id == ReviewRow.feedback_id)
        .join(ConversationRow, ConversationRow.id == FeedbackRow.conversation_id)
        .where(ReviewRow.blind.is_(True), ReviewRow.decision.is_not(None), first.blind.is_(False))
        .order_by(ReviewRow.created_at.desc())
        .limit(NEWEST)
    )
    if scenario_id:
        query = query.where(ConversationRow.scenario_id == scenario_id)
    said: list[_Said] = []
    with db.read() as session:
        for second, theirs, body, origin, scenario in session.execute(query):
            results = body["criteria"]
            models = {result["key"]: result.get("level") for result in results if result["status"] != "unscored"}
            against = theirs if pair == "people" else models if origin == "model" else {}
            said += [
                _Said(
                    second.feedback_id,
                    scenario,
                    result["key"],
                    result["name"],
                    against[result["key"]],
                    second.levels[result["key"]],
                )
                for result in results
                if result["key"] in against and result["key"] in second.levels
            ]
        scenarios = {one.scenario_id for one in said}
        names = criterion_names(session, scenarios, language)
        titles = {one: to_language(title, language) for one, title in scenario_titles(session, scenarios).items()}
    return [replace(one, name=names.get((one.scenario_id, one.criterion), one.name)) for one in said], titles

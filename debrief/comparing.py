"""Which debriefs may be laid side by side, and what stands where then.

A level means something only beside levels that were found in the same way: by the same rubric, prompt, form, model and
manner, in the same language. Everything here is told apart by that and never mixed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from debrief.feedback import CriterionResult, FeedbackBody


@dataclass(frozen=True)
class Versions:
    """What a level depends on besides the talk. Hashes and names as the lineage has them, None for what had no part.

    Args:
        rubric: hash of the criteria with their anchors.
        prompt: hash of what the model was told.
        schema: hash of the form that it filled.
        model: its name.
        words: whose words, "written" or "rubric".
        placed_by: who chose lines and levels, "model" or "likeness".
        likeness: what measured the likeness, where that chose.
        language: of the talk and the debrief.
    """

    rubric: str | None
    prompt: str | None
    schema: str | None
    model: str | None
    words: str
    placed_by: str | None
    likeness: str | None
    language: str


_PARTS = {"words": "manner", "placed_by": "manner", "likeness": "manner"}
"""What a difference is called where it is not called by its own name."""


def versions_of(body: FeedbackBody, lineage: Mapping[str, Any]) -> Versions:
    """What produced this record. Where likeness placed the rubric's words, no model had a part in it."""
    by_likeness = body.placed_by == "likeness"
    return Versions(
        rubric=lineage.get("rubric_hash"),
        prompt=None if by_likeness else lineage.get("prompt_hash"),
        schema=None if by_likeness else lineage.get("schema_hash"),
        model=None if by_likeness else lineage.get("model"),
        words=body.way,
        placed_by=body.placed_by,
        likeness=lineage.get("likeness") if by_likeness else None,
        language=body.language,
    )


def differences(one: Versions, other: Versions) -> list[str]:
    """In what two differ: some of rubric, prompt, schema, model, manner, language; none means comparable."""
    theirs = asdict(other)
    found = (_PARTS.get(name, name) for name, value in asdict(one).items() if value != theirs[name])
    return list(dict.fromkeys(found))


@dataclass(frozen=True)
class ShownDebrief:
    """A debrief that its visitor may read. `at` is when it was asked for."""

    feedback_id: str
    conversation_id: str
    scenario_id: str
    scenario_hash: str
    at: datetime
    body: FeedbackBody
    versions: Versions


@dataclass(frozen=True)
class Stand:
    """How a criterion stands in one debrief. `quote` is the visitor's own sentence that came first."""

    status: str
    level: int | None
    level_name: str | None
    quote: str | None
    reason: str | None


@dataclass(frozen=True)
class Compared:
    """A criterion in two debriefs; None on a side whose rubric does not have it."""

    key: str
    name: str
    before: Stand | None
    after: Stand | None


def compare(before: ShownDebrief, after: ShownDebrief) -> list[Compared]:
    """Every criterion of either, the earlier rubric's order first. Without levels where these may not be compared."""
    with_levels = not differences(before.versions, after.versions)
    earlier = {result.key: result for result in before.body.criteria}
    later = {result.key: result for result in after.body.criteria}
    return [
        Compared(
            key,
            (later.get(key) or earlier[key]).name,
            _stand(earlier.get(key), with_levels=with_levels),
            _stand(later.get(key), with_levels=with_levels),
        )
        for key in earlier | later
    ]


def _stand(result: CriterionResult | None, *, with_levels: bool) -> Stand | None:
    if result is None:
        return None
    return Stand(
        status=result.status,
        level=result.level if with_levels else None,
        level_name=result.level_name if with_levels else None,
        quote=result.evidence[0].quote if result.evidence else None,
        reason=result.reason,
    )


@dataclass(frozen=True)
class Series:
    """Debriefs of one scenario that may be compared with each other, oldest first.

    `changed` says in what it differs from the series that began before it; empty for the first.
    """

    versions: Versions
    debriefs: list[ShownDebrief]
    changed: list[str]


def group_comparable(debriefs: Iterable[ShownDebrief]) -> list[Series]:
    """One scenario's debriefs by what produced them; the series that began first comes first."""
    groups: dict[Versions, list[ShownDebrief]] = {}
    for debrief in sorted(debriefs, key=lambda debrief: (debrief.at, debrief.feedback_id)):
        groups.setdefault(debrief.versions, []).append(debrief)
    found: list[Series] = []
    for versions, group in groups.items():
        changed = differences(found[-1].versions, versions) if found else []
        found.append(Series(versions, group, changed))
    return found

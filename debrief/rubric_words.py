"""The debrief in the rubric's own words: what people wrote for each level, placed by the levels that were chosen.

For models whose prose is not to be trusted. Nothing here is about one talk except which words were chosen.
"""

from __future__ import annotations

from collections.abc import Sequence

from debrief.feedback import CriterionResult, Evidence, Example, Improvement, Strength
from debrief.scenario import Criterion, Rubric
from debrief.texts import say


def worded(criterion: Criterion, level: int, evidence: Sequence[Evidence], language: str) -> CriterionResult:
    """A scored criterion: the level's anchor as reason, the tip towards the next level, an example."""
    anchor, tip = criterion.anchor(level), criterion.tip(level)
    return CriterionResult(
        key=criterion.key,
        name=criterion.name.to(language),
        status="scored",
        level=level,
        level_name=anchor.name.to(language),
        reason=anchor.text.to(language),
        evidence=list(evidence),
        tip=tip.to(language) if tip else None,
        example=example(criterion, language) if tip else None,
    )


def example(criterion: Criterion, language: str) -> Example:
    return Example(before=criterion.example.before.to(language), after=criterion.example.after.to(language))


def strengths(results: Sequence[CriterionResult]) -> list[Strength]:
    """The highest criterion, when its level says that it went well (4 or 5) and lines show it."""
    best = _highest(results)
    if best is None or not best.level or best.level < 4 or not best.reason or not best.evidence:
        return []
    return [Strength(why=best.reason, evidence=best.evidence)]


def improvements(results: Sequence[CriterionResult], rubric: Rubric, language: str) -> list[Improvement]:
    """The lowest criterion with its tip, and the rubric's example of how it can sound."""
    weak = _lowest(results)
    criterion = rubric.find(weak.key) if weak else None
    if weak is None or criterion is None or not weak.tip:
        return []
    rewrite = criterion.example.after.to(language)
    return [Improvement(criterion=weak.key, problem=weak.tip, rewrite=rewrite, evidence=weak.evidence, is_example=True)]


def next_step(results: Sequence[CriterionResult]) -> str | None:
    """The tip of the weakest criterion; where none was placed, the question of the first."""
    weak = _lowest(results) or next(iter(results), None)
    return weak.tip if weak else None


def summary(results: Sequence[CriterionResult], language: str, *, had_words: bool) -> str:
    """One or two sentences from the catalog: what stands out, where there is most to gain.

    `had_words`: the talk had lines to judge, so that "too little" would be untrue.
    """
    best, weak = _highest(results), _lowest(results)
    if best is None or weak is None:
        return say("debrief.summary_unplaced" if had_words else "debrief.summary_nothing", language)
    values = {"strong": best.name, "strong_level": best.level_name, "weak": weak.name, "weak_level": weak.level_name}
    if best.key == weak.key:
        return say("debrief.summary_one", language, name=best.name, level=best.level_name)
    if best.level == weak.level:
        return say("debrief.summary_even", language, level=best.level_name)
    key = "debrief.summary_both" if best.level and best.level >= 4 else "debrief.summary_growing"
    return say(key, language, **values)


def _scored(results: Sequence[CriterionResult]) -> list[CriterionResult]:
    return [result for result in results if result.level is not None]


def _highest(results: Sequence[CriterionResult]) -> CriterionResult | None:
    return max(_scored(results), key=lambda result: result.level or 0, default=None)


def _lowest(results: Sequence[CriterionResult]) -> CriterionResult | None:
    return min(_scored(results), key=lambda result: result.level or 0, default=None)

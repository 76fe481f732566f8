"""From parts that passed their checks to the record of a feedback. A level is taken over or it is not there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from debrief import rubric_words
from debrief.answer import (
    Checked,
    Closing,
    Verdict,
    evidence_of,
    fault_checks,
    improvement_of,
    praise_checks,
    praise_of,
    prose_checks,
)
from debrief.checks import evidence_exact, evidence_is_own, evidence_spread, levels_backed
from debrief.feedback import Agreement, Check, Coverage, CriterionResult, FeedbackBody
from debrief.ladder import Parts
from debrief.languages import language_of
from debrief.manner import Likeness
from debrief.placing import Placed, place
from debrief.request import CLOSING, Plan
from debrief.scenario import Criterion
from debrief.texts import LANGUAGES, say
from debrief.transcript import NumberedTranscript
from debrief.windows import number_of, runs


@dataclass(frozen=True)
class Draft:
    """A feedback without what produced it. `partial`: something that was asked for is missing."""

    body: FeedbackBody
    checks: list[Check]
    partial: bool


def coverage(numbers: Iterable[int], of: int) -> Coverage:
    read = sorted(set(numbers))
    return Coverage(messages=len(read), of=of, runs=runs(read))


def lines_language(transcript: NumberedTranscript, otherwise: str) -> str:
    """The language of what the visitor said, as far as rubrics are written in it and it can be told."""
    told = language_of(" ".join(transcript.texts.values()))
    return told if told in LANGUAGES else otherwise


def by_likeness(plan: Plan, likeness: Likeness) -> Draft:
    """The debrief in the rubric's words, placed by likeness over the whole talk. Needs no model."""
    rubric, transcript = plan.scenario.rubric, plan.transcript
    placed = place(rubric, transcript, likeness, lines_language(transcript, plan.language))
    results = [_placed(criterion, placed[criterion.key], plan) for criterion in rubric.criteria]
    checks: list[Check] = []
    for result in results:
        where = f"criteria.{result.key}"
        checks.append(evidence_exact(result.evidence, transcript.texts, where))
        checks.append(evidence_is_own(result.evidence, transcript.texts, where))
        checks.append(levels_backed(result.level, result.evidence, where))
    body = FeedbackBody(
        language=plan.language,
        way="rubric",
        placed_by="likeness",
        criteria=results,
        covered=coverage(transcript.numbers, transcript.of),
        **_rubric_closing(results, plan),
    )
    return Draft(body, checks, partial=False)


def by_model(plan: Plan, parts: Parts, samples: Sequence[Parts], covered: Coverage) -> Draft:
    """The debrief from what the model answered. `samples` are further independent judgements of the same talk."""
    results = [_judged(criterion, parts, samples, plan) for criterion in plan.scenario.rubric.criteria]
    checks = [check for checked in parts.values() for check in checked.checks]
    is_closed = not plan.wants_prose or (CLOSING in parts and parts[CLOSING].is_good)
    body = FeedbackBody(
        language=plan.language,
        way=plan.words,
        placed_by="model",
        criteria=results,
        covered=covered,
        **(_written_closing(parts, plan) if plan.wants_prose else _rubric_closing(results, plan)),
    )
    partial = not is_closed or any(result.status == "unscored" for result in results)
    return Draft(body, [*checks, _spread(parts, plan)], partial)


def levels_of(parts: Mapping[str, Checked]) -> dict[str, int | None]:
    """The levels that may be used by criterion; None where nothing of the criterion was seen."""
    return {key: c.part.number for key, c in parts.items() if c.is_good and isinstance(c.part, Verdict)}


# ---- criteria ----


def _judged(criterion: Criterion, parts: Parts, samples: Sequence[Parts], plan: Plan) -> CriterionResult:
    name = criterion.name.to(plan.language)
    checked = parts.get(criterion.key)
    if checked is None or not checked.is_good or not isinstance(checked.part, Verdict):
        return CriterionResult(key=criterion.key, name=name, status="unscored")
    agreement = _agreement(criterion.key, checked.part.number, samples)
    if checked.part.number is None:
        return CriterionResult(key=criterion.key, name=name, status="not_observed", agreement=agreement)
    evidence = evidence_of(checked.part.evidence, plan)
    if plan.words == "rubric":
        result = rubric_words.worded(criterion, checked.part.number, evidence, plan.language)
        return result.model_copy(update={"agreement": agreement})
    return CriterionResult(
        key=criterion.key,
        name=name,
        status="scored",
        level=checked.part.number,
        level_name=criterion.anchor(checked.part.number).name.to(plan.language),
        reason=(checked.part.reason or "").strip(),
        evidence=evidence,
        agreement=agreement,
    )


def _agreement(key: str, shown: int | None, samples: Sequence[Parts]) -> Agreement | None:
    """How many samples give the shown level; a sample that could not be used does not count either way."""
    others = [levels[key] for levels in map(levels_of, samples) if key in levels]
    if not others:
        return None
    return Agreement(same=1 + others.count(shown), of=1 + len(others), levels=[shown, *others])


def _placed(criterion: Criterion, placed: Placed, plan: Plan) -> CriterionResult:
    if placed.level is None:
        return _unplaced(criterion, plan)
    return rubric_words.worded(criterion, placed.level, evidence_of(placed.labels, plan), plan.language)


def _unplaced(criterion: Criterion, plan: Plan) -> CriterionResult:
    """Nothing to choose from: said as such where there were words, with the question to ask oneself and an example."""
    had_words = bool(plan.transcript.choosable)
    question = criterion.question.to(plan.language)
    return CriterionResult(
        key=criterion.key,
        name=criterion.name.to(plan.language),
        status="not_observed",
        reason=say("debrief.not_placed", plan.language) if had_words else None,
        tip=say("debrief.ask_yourself", plan.language, question=question) if had_words else None,
        example=rubric_words.example(criterion, plan.language) if had_words else None,
    )


# ---- closing ----


def _rubric_closing(results: Sequence[CriterionResult], plan: Plan) -> dict[str, Any]:
    return {
        "strengths": rubric_words.strengths(results),
        "improvements": rubric_words.improvements(results, plan.scenario.rubric, plan.language),
        "next_step": rubric_words.next_step(results),
        "summary": rubric_words.summary(results, plan.language, had_words=bool(plan.transcript.choosable)),
    }


def _written_closing(parts: Parts, plan: Plan) -> dict[str, Any]:
    """The items that pass by themselves: a good strength is not lost because an improvement was bad."""
    closing = parts[CLOSING].part if CLOSING in parts else None
    if not isinstance(closing, Closing):
        return {}
    said: list[str] = []
    strengths = [p for p in closing.strengths if _passes(praise_checks(p, plan, "", said), said, p.why)]
    improvements = [
        f for f in closing.improvements if _passes(fault_checks(f, plan, "", said), said, f.problem, f.rewrite)
    ]
    return {
        "strengths": [praise_of(praise, plan) for praise in strengths],
        "improvements": [improvement_of(fault, plan) for fault in improvements],
        "next_step": _sentence(closing.next_step, plan, least=4),
        "summary": _sentence(closing.summary, plan, least=6),
    }


def _passes(checks: Iterable[Check], said: list[str], *words: str) -> bool:
    """Whether an item may be used; what it says then counts as said."""
    passed = not any(check.is_fault for check in checks)
    said += words if passed else ()
    return passed


def _sentence(text: str | None, plan: Plan, *, least: int) -> str | None:
    stripped = (text or "").strip()
    return stripped if not any(check.is_fault for check in prose_checks(stripped, plan, "", least=least)) else None


def _spread(parts: Parts, plan: Plan) -> Check:
    numbers = [message.number for message in plan.transcript.messages if message.role == "user"]
    verdicts = [checked.part for checked in parts.values() if checked.is_good and isinstance(checked.part, Verdict)]
    quoted = [numbers.index(number_of(label)) for verdict in verdicts for label in verdict.evidence]
    return evidence_spread(quoted, len(numbers))

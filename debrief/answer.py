"""What a model answered, taken apart and checked. Nothing is repaired and nothing is guessed.

An answer comes in parts (each criterion, the closing); each part is whole and well-formed or it is missing. Whether a
part may be used is said by the checks it passed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from debrief import checks
from debrief.evidence import UnknownLine, resolve_line
from debrief.feedback import Check, Evidence, Improvement, Strength
from debrief.request import CLOSING, NOT_OBSERVED, Plan

Labels = Annotated[list[str], Field(max_length=2)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Verdict(_Part):
    """One criterion as the model sees it: lines, reason (way "written"), level."""

    evidence: Labels
    reason: str | None = None
    level: Literal[1, 2, 3, 4, 5, "not_observed"]


class Praise(_Part):
    evidence: Labels
    why: str


class Fault(_Part):
    criterion: str
    evidence: Labels
    problem: str
    rewrite: str


class Closing(_Part):
    strengths: Annotated[list[Praise], Field(max_length=2)]
    improvements: Annotated[list[Fault], Field(max_length=3)]
    next_step: str
    summary: str


AnswerPart = Verdict | Closing


@dataclass(frozen=True)
class Checked:
    """A part and what the checks say of it. `part` is None when it was missing or malformed."""

    part: AnswerPart | None
    checks: tuple[Check, ...]

    @property
    def is_good(self) -> bool:
        return self.part is not None and all(check.passed for check in self.checks)


def read_answer(text: str, finish_reason: str | None, plan: Plan, parts: tuple[str, ...]) -> dict[str, Checked]:
    """Take an answer apart and check each part that was asked for.

    Args:
        text: what the model wrote; a fence around the JSON is forgiven.
        finish_reason: "stop", or "length" when it was cut: then what had been closed is kept, the last part is not.
        plan: what was asked about.
        parts: which parts were asked for.
    """
    found = _found(text, finish_reason == "stop")
    return {part: _checked(found.get(part), finish_reason, plan, part) for part in parts}


def evidence_of(labels: Sequence[str], plan: Plan) -> list[Evidence]:
    """The visitor's words behind labels, each once.

    Raises:
        UnknownLine: a label that was not to be chosen.
    """
    choosable = set(plan.transcript.choosable)
    if unknown := [label for label in labels if label not in choosable]:
        raise UnknownLine(unknown[0])
    return [resolve_line(label, plan.transcript) for label in dict.fromkeys(labels)]


def praise_checks(praise: Praise, plan: Plan, where: str) -> list[Check]:
    return [
        *_evidence_checks(praise.evidence, plan, where),
        *prose_checks(praise.why, plan, f"{where}.why", least=4),
    ]


def fault_checks(fault: Fault, plan: Plan, where: str) -> list[Check]:
    """The problem is good prose; the rewrite is in the quote's script and says something else than the quote."""
    found = _evidence_checks(fault.evidence, plan, where)
    known = Check(name="criterion_known", passed=plan.scenario.rubric.find(fault.criterion) is not None, where=where)
    found += [known, *prose_checks(fault.problem, plan, f"{where}.problem", least=4)]
    quotes = [plan.transcript.lines[label].text for label in fault.evidence if label in plan.transcript.lines]
    where = f"{where}.rewrite"
    found.append(checks.min_words(fault.rewrite, 2, where))
    found.append(checks.no_repetition(fault.rewrite, where))
    found.extend(checks.rewrite_differs(fault.rewrite, quote, where) for quote in quotes)
    if language := checks.language_of(" ".join(quotes)):
        found.append(checks.language_matches(fault.rewrite, language, where))
    return found


def praise_of(praise: Praise, plan: Plan) -> Strength:
    return Strength(why=praise.why.strip(), evidence=evidence_of(praise.evidence, plan))


def improvement_of(fault: Fault, plan: Plan) -> Improvement:
    evidence = evidence_of(fault.evidence, plan)
    return Improvement(
        criterion=fault.criterion, problem=fault.problem.strip(), rewrite=fault.rewrite.strip(), evidence=evidence
    )


# ---- taking apart ----


def _found(text: str, is_whole: bool) -> dict[str, Any]:
    """The parts as raw data; of a cut answer all but the last, which may be unfinished."""
    start, stop = text.find("{"), text.rfind("}") + 1 if is_whole else len(text)
    try:
        data: Any = from_json(text[max(start, 0) : stop], allow_partial=not is_whole)
    except ValueError:
        return {}
    if not isinstance(data, dict):
        return {}
    table = cast(dict[str, Any], data)
    criteria: Any = table.get("criteria")
    found = dict(cast(dict[str, Any], criteria)) if isinstance(criteria, dict) else {}
    closing = {key: value for key, value in table.items() if key != "criteria"}
    if closing:
        found[CLOSING] = closing
    if not is_whole and found:
        found.popitem()
    return found


def _checked(raw: Any, finish_reason: str | None, plan: Plan, part: str) -> Checked:
    where = part if part == CLOSING else f"criteria.{part}"
    if raw is None:
        return Checked(
            None, (checks.finished(finish_reason, where), Check(name="well_formed", passed=False, where=where))
        )
    try:
        read = Closing.model_validate(raw) if part == CLOSING else Verdict.model_validate(raw)
    except ValidationError:
        return Checked(None, (Check(name="well_formed", passed=False, where=where),))
    found = _closing_checks(read, plan) if isinstance(read, Closing) else _verdict_checks(read, plan, where)
    return Checked(read, (Check(name="well_formed", passed=True, where=where), *found))


def _verdict_checks(verdict: Verdict, plan: Plan, where: str) -> Iterator[Check]:
    level = None if verdict.level == NOT_OBSERVED else verdict.level
    yield from _evidence_checks(verdict.evidence, plan, where)
    yield Check(name="levels_backed", passed=level is None or bool(verdict.evidence), where=where)
    if plan.way == "written" and level is not None:
        yield from prose_checks(verdict.reason or "", plan, f"{where}.reason", least=4)


def _closing_checks(closing: Closing, plan: Plan) -> Iterator[Check]:
    for index, praise in enumerate(closing.strengths):
        yield from praise_checks(praise, plan, f"strengths.{index}")
    for index, fault in enumerate(closing.improvements):
        yield from fault_checks(fault, plan, f"improvements.{index}")
    yield from prose_checks(closing.next_step, plan, "next_step", least=4)
    yield from prose_checks(closing.summary, plan, "summary", least=6)


def _evidence_checks(labels: list[str], plan: Plan, where: str) -> list[Check]:
    try:
        evidence = evidence_of(labels, plan)
    except UnknownLine:
        return [Check(name="evidence_exact", passed=False, where=where)]
    texts = plan.transcript.texts
    return [checks.evidence_exact(evidence, texts, where), checks.evidence_is_own(evidence, texts, where)]


def prose_checks(text: str, plan: Plan, where: str, *, least: int) -> Iterator[Check]:
    """What every sentence of the model's goes through; `least` words."""
    yield checks.min_words(text, least, where)
    yield checks.language_matches(text, plan.language, where)
    yield checks.no_repetition(text, where)
    yield checks.no_echo(text, _phrases(plan), plan.language, where)


def _phrases(plan: Plan) -> list[str]:
    """The rubric's own sentences in the feedback's language."""
    return [
        text.to(plan.language)
        for criterion in plan.scenario.rubric.criteria
        for text in (criterion.question, *(level.text for level in criterion.levels), *criterion.good, *criterion.bad)
    ]

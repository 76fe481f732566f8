"""What a model answered, taken apart and checked. Nothing is repaired and nothing is guessed.

An answer comes in parts (each criterion, the closing); each part is whole and well-formed or it is missing, and of a
closing each item by itself. Whether a part may be used is said by the checks it passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from debrief import checks
from debrief.evidence import UnknownLine, resolve_line
from debrief.feedback import Check, Evidence, Improvement, Strength
from debrief.prompts import prompt_text
from debrief.request import CLOSING, NOT_OBSERVED, Plan
from debrief.transcript import split_sentences

Labels = Annotated[list[str], Field(max_length=2)]
VERDICT_ORDER = ("evidence", "reason", "level")
CLOSING_ORDER = ("strengths", "improvements", "next_step", "summary")
MOST = {"strengths": 2, "improvements": 3}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Verdict(_Part):
    """One criterion as the model sees it: lines, reason (where prose is asked for), level."""

    evidence: Labels
    reason: str | None = None
    level: Literal[1, 2, 3, 4, 5, "not_observed"]

    @property
    def number(self) -> int | None:
        return None if self.level == NOT_OBSERVED else self.level


class Praise(_Part):
    evidence: Labels
    why: str


class Fault(_Part):
    criterion: str
    evidence: Labels
    problem: str
    rewrite: str


class Closing(_Part):
    """What could be read of the closing; what is missing was cut off or malformed."""

    strengths: list[Praise] = []
    improvements: list[Fault] = []
    next_step: str | None = None
    summary: str | None = None


AnswerPart = Verdict | Closing
Item = TypeVar("Item", Praise, Fault)


@dataclass(frozen=True)
class Checked:
    """A part and what the checks say of it. `part` is None when it was missing or malformed."""

    part: AnswerPart | None
    checks: tuple[Check, ...]

    @property
    def is_good(self) -> bool:
        return self.part is not None and not any(check.is_fault for check in self.checks)


def read_answer(
    text: str, finish_reason: str | None, plan: Plan, parts: Sequence[str], kept: Iterable[str] = ()
) -> dict[str, Checked]:
    """Take an answer apart and check each part that was asked for.

    Args:
        text: what the model wrote; a fence around the JSON is forgiven.
        finish_reason: "stop", or "length" when it was cut: then what had been closed is kept, the last piece is not.
        plan: what was asked about.
        parts: which parts were asked for.
        kept: what the parts say that are kept from earlier answers: the same is not to be said again.
    """
    found = _found(text, finish_reason == "stop")
    earlier = list(kept)
    return {part: _checked(found.get(part), finish_reason, plan, part, earlier) for part in parts}


def read_lines(text: str, finish_reason: str | None, plan: Plan) -> dict[str, list[str]]:
    """The candidate lines of each criterion, best first; of what cannot be read or chosen, nothing."""
    choosable = set(plan.transcript.choosable)
    found = {key: _table(raw).get("evidence") for key, raw in _found(text, finish_reason == "stop").items()}
    return {
        key: [label for label in cast(list[object], labels) if isinstance(label, str) and label in choosable]
        for key, labels in found.items()
        if key in plan.keys and isinstance(labels, list)
    }


def words_of(part: AnswerPart | None) -> list[str]:
    """The sentences of a part that must not be said twice."""
    if isinstance(part, Verdict):
        return [part.reason] if part.reason and part.number is not None else []
    if part is None:
        return []
    return [praise.why for praise in part.strengths] + [
        words for fault in part.improvements for words in (fault.problem, fault.rewrite)
    ]


def evidence_of(labels: Sequence[str], plan: Plan) -> list[Evidence]:
    """The visitor's words behind labels, each once.

    Raises:
        UnknownLine: a label that was not to be chosen.
    """
    choosable = set(plan.transcript.choosable)
    if unknown := [label for label in labels if label not in choosable]:
        raise UnknownLine(unknown[0])
    return [resolve_line(label, plan.transcript) for label in dict.fromkeys(labels)]


def praise_of(praise: Praise, plan: Plan) -> Strength:
    return Strength(why=praise.why.strip(), evidence=evidence_of(praise.evidence, plan))


def improvement_of(fault: Fault, plan: Plan) -> Improvement:
    evidence = evidence_of(fault.evidence, plan)
    return Improvement(
        criterion=fault.criterion, problem=fault.problem.strip(), rewrite=fault.rewrite.strip(), evidence=evidence
    )


# ---- the checks of each kind of part ----


def prose_checks(text: str, plan: Plan, where: str, *, least: int) -> list[Check]:
    """What every sentence of the model's goes through; `least` words."""
    return [
        checks.min_words(text, least, where),
        checks.language_matches(text, plan.language, where),
        checks.no_repetition(text, where),
        checks.no_echo(text, _phrases(plan), plan.language, where),
        checks.no_personal_data_invented(text, _talk(plan), where),
    ]


def evidence_checks(labels: Sequence[str], plan: Plan, where: str) -> list[Check]:
    try:
        evidence = evidence_of(labels, plan)
    except UnknownLine:
        return [Check(name="evidence_exact", passed=False, where=where)]
    texts = plan.transcript.texts
    return [checks.evidence_exact(evidence, texts, where), checks.evidence_is_own(evidence, texts, where)]


def praise_checks(praise: Praise, plan: Plan, where: str, earlier: Iterable[str] = ()) -> list[Check]:
    return [
        *_quoting(praise.evidence, plan, where),
        *prose_checks(praise.why, plan, f"{where}.why", least=4),
        checks.said_once(praise.why, earlier, f"{where}.why"),
    ]


def fault_checks(fault: Fault, plan: Plan, where: str, earlier: Iterable[str] = ()) -> list[Check]:
    """The problem is good prose, the rewrite a new sentence in the quote's language; neither was said before."""
    said = list(earlier)
    return [
        *_quoting(fault.evidence, plan, where),
        Check(name="criterion_known", passed=plan.scenario.rubric.find(fault.criterion) is not None, where=where),
        *prose_checks(fault.problem, plan, f"{where}.problem", least=4),
        checks.said_once(fault.problem, said, f"{where}.problem"),
        *_rewrite_checks(fault, plan, f"{where}.rewrite"),
        checks.said_once(fault.rewrite, said, f"{where}.rewrite"),
    ]


def _rewrite_checks(fault: Fault, plan: Plan, where: str) -> Iterator[Check]:
    text, lines = fault.rewrite, plan.transcript.lines
    quotes = [lines[label].text for label in fault.evidence if label in lines]
    others = [line.text for line in lines.values() if line.text not in quotes]
    others += _persona_said(plan)
    yield checks.min_words(text, 2, where)
    yield checks.no_repetition(text, where)
    yield checks.no_echo(text, _phrases(plan), plan.language, where)
    yield from (checks.rewrite_differs(text, quote, where) for quote in quotes)
    yield checks.rewrite_is_new(text, others, where)
    yield checks.rewrite_language(text, " ".join(quotes), where)
    yield checks.rewrite_adds_no_numbers(text, _talk(plan), where)
    yield checks.no_personal_data_invented(text, _talk(plan), where)


def _verdict_checks(verdict: Verdict, plan: Plan, where: str, earlier: Iterable[str]) -> Iterator[Check]:
    yield from evidence_checks(verdict.evidence, plan, where)
    yield Check(name="levels_backed", passed=verdict.number is None or bool(verdict.evidence), where=where)
    if plan.wants_prose:
        reason = verdict.reason or ""
        yield from prose_checks(reason, plan, f"{where}.reason", least=4)
        if verdict.number is not None:
            yield checks.said_once(reason, earlier, f"{where}.reason")


def _closing_checks(closing: Closing, plan: Plan, earlier: list[str]) -> Iterator[Check]:
    for index, praise in enumerate(closing.strengths):
        yield from praise_checks(praise, plan, f"strengths.{index}", earlier)
        earlier.append(praise.why)
    for index, fault in enumerate(closing.improvements):
        yield from fault_checks(fault, plan, f"improvements.{index}", earlier)
        earlier += [fault.problem, fault.rewrite]
    for where, text, least in (("next_step", closing.next_step, 4), ("summary", closing.summary, 6)):
        if text is not None:
            yield from prose_checks(text, plan, where, least=least)


def _quoting(labels: Sequence[str], plan: Plan, where: str) -> list[Check]:
    """Praise and criticism alike stand on lines."""
    return [*evidence_checks(labels, plan, where), Check(name="levels_backed", passed=bool(labels), where=where)]


def _phrases(plan: Plan) -> list[str]:
    """What a review must not parrot: the rubric's sentences and the instructions, in the feedback's language."""
    rubric = [
        text.to(plan.language)
        for criterion in plan.scenario.rubric.criteria
        for text in (criterion.question, *(level.text for level in criterion.levels), *criterion.good, *criterion.bad)
    ]
    return [*rubric, *prompt_text("written", plan.language).splitlines()]


def _persona_said(plan: Plan) -> list[str]:
    texts = [message.text for message in plan.transcript.messages if message.role == "assistant"]
    return [text[start:end] for text in texts for start, end in split_sentences(text)]


def _talk(plan: Plan) -> str:
    return "\n".join(message.text for message in plan.transcript.messages)


# ---- taking apart ----


def _table(raw: object) -> dict[str, Any]:
    return cast(dict[str, Any], raw) if isinstance(raw, dict) else {}


def _found(text: str, is_whole: bool) -> dict[str, Any]:
    """The parts as raw data; of a cut answer all but the last criterion, whose level may be unfinished.

    What was cut within a closing is missing by itself: an unfinished string is left out, and with it its item.
    """
    start, stop = text.find("{"), text.rfind("}") + 1 if is_whole else len(text)
    try:
        data: object = from_json(text[max(start, 0) : stop], allow_partial=not is_whole)
    except ValueError:
        return {}
    found = dict(_table(_table(data).get("criteria")))
    closing = {key: value for key, value in _table(data).items() if key != "criteria"}
    if not is_whole and not closing and found:
        found.popitem()
    return found | ({CLOSING: closing} if closing else {})


def _checked(raw: object, finish_reason: str | None, plan: Plan, part: str, earlier: list[str]) -> Checked:
    where = part if part == CLOSING else f"criteria.{part}"
    if raw is None:
        return Checked(
            None, (checks.finished(finish_reason, where), Check(name="well_formed", passed=False, where=where))
        )
    if part == CLOSING:
        return _checked_closing(_table(raw), finish_reason, plan, earlier)
    try:
        verdict = Verdict.model_validate(raw)
    except ValidationError:
        return Checked(None, (Check(name="well_formed", passed=False, where=where),))
    found = (
        Check(name="well_formed", passed=True, where=where),
        checks.written_in_order(_table(raw), VERDICT_ORDER, where),
        *_verdict_checks(verdict, plan, where, earlier),
    )
    earlier += words_of(verdict)
    return Checked(verdict, found)


def _checked_closing(raw: dict[str, Any], finish_reason: str | None, plan: Plan, earlier: list[str]) -> Checked:
    """The closing piece by piece: a summary that was cut off does not take a good strength with it."""
    next_step, summary = raw.get("next_step"), raw.get("summary")
    closing = Closing(
        strengths=_items(raw.get("strengths"), Praise, MOST["strengths"]),
        improvements=_items(raw.get("improvements"), Fault, MOST["improvements"]),
        next_step=next_step if isinstance(next_step, str) else None,
        summary=summary if isinstance(summary, str) else None,
    )
    is_whole = closing.model_dump(mode="json") == raw and bool(closing.strengths and closing.improvements)
    found = (
        checks.finished(finish_reason, CLOSING),
        Check(name="well_formed", passed=is_whole, where=CLOSING),
        checks.written_in_order(raw, CLOSING_ORDER, CLOSING),
        *_closing_checks(closing, plan, earlier),
    )
    return Checked(closing if closing != Closing() else None, found)


def _items(raw: object, kind: type[Item], most: int) -> list[Item]:
    """The well-formed items of a list, at most so many."""
    found: list[Item] = []
    for item in cast(list[object], raw) if isinstance(raw, list) else []:
        try:
            found.append(kind.model_validate(item))
        except ValidationError:
            continue
    return found[:most]

"""A debrief as a reviewer writes it over: field by field, quoting only by line numbers of the visitor's.

What a reviewer sends is an `Edit`. It is turned into a whole new body beside the one it was made from, and goes
through the checks that the model's words go through. Words that are the rubric's own are not asked whether they sound
like the rubric's. A quote cannot be false here either: a line number names a span of the stored talk or it is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from debrief import checks
from debrief.answer import MOST, Fault, Praise, evidence_of, fault_checks, praise_checks, prose_checks
from debrief.conversation import storable
from debrief.errors import FieldRejected, InputRejected
from debrief.evidence import UnknownLine
from debrief.feedback import Check, CriterionResult, Evidence, FeedbackBody, Improvement, Strength
from debrief.request import Plan
from debrief.scenario import Criterion
from debrief.texts import say
from debrief.transcript import NumberedTranscript
from debrief.windows import number_of

FIELD_MAX_CHARS = 800
LINES_MAX = 2
ITEMS_MAX = MOST
"""Of strengths and of improvements, whoever writes them."""
OF_THE_TALK = ("no_injection", "same_when_masked")
"""Checks whose outcome an edit does not change."""
Lines = Annotated[list[str], Field(max_length=LINES_MAX)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class EditedCriterion(_Part):
    """`level` None: nobody could judge it, which only stays where it was so before."""

    key: str
    level: Literal[1, 2, 3, 4, 5, "not_observed"] | None
    reason: str | None = None
    tip: str | None = None
    evidence: Lines = []


class EditedStrength(_Part):
    why: str
    evidence: Lines


class EditedImprovement(_Part):
    criterion: str
    problem: str
    rewrite: str
    evidence: Lines


class Edit(_Part):
    """All fields of a debrief that a person may change; an item that is left out is deleted."""

    criteria: list[EditedCriterion]
    strengths: Annotated[list[EditedStrength], Field(max_length=ITEMS_MAX["strengths"])] = []
    improvements: Annotated[list[EditedImprovement], Field(max_length=ITEMS_MAX["improvements"])] = []
    next_step: str | None = None
    summary: str | None = None


def edit_of(body: FeedbackBody, transcript: NumberedTranscript) -> Edit:
    """A body as an edit that changes nothing."""

    def labels(evidence: Sequence[Evidence]) -> list[str]:
        return _labels(evidence, transcript)

    return Edit(
        criteria=[
            EditedCriterion(
                key=result.key,
                level="not_observed" if result.status == "not_observed" else _level(result.level),
                reason=result.reason,
                tip=result.tip,
                evidence=labels(result.evidence),
            )
            for result in body.criteria
        ],
        strengths=[EditedStrength(why=one.why, evidence=labels(one.evidence)) for one in body.strengths],
        improvements=[
            EditedImprovement(
                criterion=one.criterion, problem=one.problem, rewrite=one.rewrite, evidence=labels(one.evidence)
            )
            for one in body.improvements
        ],
        next_step=body.next_step,
        summary=body.summary,
    )


def apply_edit(before: FeedbackBody, edit: Edit, plan: Plan) -> FeedbackBody:
    """The body that the edit makes of `before`.

    Raises:
        FieldRejected: a line that is none of the visitor's, a level without a line, a text that is missing or too
            long.
        InputRejected: other criteria than the debrief has.
    """
    if [one.key for one in edit.criteria] != [one.key for one in before.criteria]:
        raise InputRejected("malformed", reason="criteria")
    criteria = [_criterion(result, edited, plan) for result, edited in zip(before.criteria, edit.criteria, strict=True)]
    return before.model_copy(
        update={
            "criteria": criteria,
            "strengths": [_strength(at, one, before, plan) for at, one in enumerate(edit.strengths)],
            "improvements": [_improvement(at, one, before, plan) for at, one in enumerate(edit.improvements)],
            "next_step": _text(edit.next_step, _Spot("next_step")),
            "summary": _text(edit.summary, _Spot("summary")),
        }
    )


def check_edit(before: FeedbackBody, earlier: Sequence[Check], edit: Edit, plan: Plan) -> list[Check]:
    """What the checks say of an edit. `earlier` are the outcomes of the version it was made from."""
    theirs = _of_the_rubric(before, plan)
    said: list[str] = []
    found = [
        *(check for one in edit.criteria for check in _criterion_checks(one, plan, theirs, said)),
        *_item_checks(edit, before, plan, theirs, said),
        *_closing_checks(edit, plan, theirs),
        _spread(edit, plan),
    ]
    return [*found, *(check for check in earlier if check.name in OF_THE_TALK)]


# ---- making the body ----


@dataclass(frozen=True)
class _Spot:
    """A place in an edit: its path as the checks call it, and as the desk's form names it."""

    where: str
    criterion: str = ""

    def of(self, name: str) -> _Spot:
        return _Spot(f"{self.where}.{name}", self.criterion)

    def name(self, language: str) -> str:
        part, *more = self.where.split(".")
        if part not in ("criteria", *_ITEMS):
            return say(f"desk.edit_{part}", language)
        owner = self.criterion or say(f"desk.edit_{_ITEMS[part]}", language, n=int(more[0]) + 1)
        return " · ".join([owner, *(say(f"desk.edit_{field}", language) for field in more[1:])])

    def refused(self, code: str, *, at: str = "", **values: object) -> FieldRejected:
        """`at`: which part of the place is to be mended, where the sentence names the place."""
        where = f"{self.where}.{at}" if at else self.where
        return FieldRejected(code, where=where, field=self.name, **values)


_ITEMS = {"strengths": "strength", "improvements": "improvement"}


def _criterion(before: CriterionResult, edited: EditedCriterion, plan: Plan) -> CriterionResult:
    spot = _Spot(f"criteria.{before.key}", before.name)
    evidence = _quotes(edited.evidence, plan, spot, before.evidence)
    reason, tip = _text(edited.reason, spot.of("reason")), _text(edited.tip, spot.of("tip"))
    if edited.level is None:
        if before.status != "unscored":
            raise spot.refused("edit_level_missing", at="level")
        return before
    words = {"reason": reason, "tip": tip, "evidence": evidence}
    if edited.level == "not_observed":
        return before.model_copy(
            update={**words, "status": "not_observed", "level": None, "level_name": None, **_agreement(before, None)}
        )
    if not evidence:
        raise spot.refused("edit_level_needs_line", at="evidence")
    criterion = plan.scenario.rubric.find(before.key)
    is_another = edited.level != before.level
    name = criterion.anchor(edited.level).name.to(plan.language) if criterion and is_another else before.level_name
    return before.model_copy(
        update={
            **words,
            "status": "scored",
            "level": edited.level,
            "level_name": name,
            **_agreement(before, edited.level),
        }
    )


def _agreement(before: CriterionResult, level: int | None) -> dict[str, object]:
    """What was measured was measured for the level that was there."""
    return {} if before.level == level else {"agreement": None}


def _strength(at: int, edited: EditedStrength, before: FeedbackBody, plan: Plan) -> Strength:
    spot = _Spot(f"strengths.{at}")
    kept = [one.evidence for one in before.strengths if one.why == edited.why]
    return Strength(why=_needed(edited.why, spot.of("why")), evidence=_quotes(edited.evidence, plan, spot, *kept[:1]))


def _improvement(at: int, edited: EditedImprovement, before: FeedbackBody, plan: Plan) -> Improvement:
    spot = _Spot(f"improvements.{at}")
    if plan.scenario.rubric.find(edited.criterion) is None and edited.criterion not in _keys(before):
        raise InputRejected("malformed", reason="criterion")
    kept = [one.evidence for one in before.improvements if one.problem == edited.problem]
    return Improvement(
        criterion=edited.criterion,
        problem=_needed(edited.problem, spot.of("problem")),
        rewrite=_needed(edited.rewrite, spot.of("rewrite")),
        evidence=_quotes(edited.evidence, plan, spot, *kept[:1]),
        is_example=_is_example(edited, before),
    )


def _keys(body: FeedbackBody) -> list[str]:
    return [result.key for result in body.criteria]


def _is_example(edited: EditedImprovement, before: FeedbackBody) -> bool:
    return any(one.is_example and one.rewrite == edited.rewrite for one in before.improvements)


def _quotes(labels: Sequence[str], plan: Plan, spot: _Spot, before: Sequence[Evidence] = ()) -> list[Evidence]:
    """The words behind the labels; where they are those of `before`, exactly what was quoted there."""
    if list(labels) == _labels(before, plan.transcript):
        return list(before)
    try:
        return evidence_of(labels, plan)
    except UnknownLine as error:
        raise spot.refused("edit_unknown_line", at="evidence", line=str(error)[:20]) from error


def _text(text: str | None, spot: _Spot) -> str | None:
    stripped = storable((text or "").strip())
    if len(stripped) > FIELD_MAX_CHARS:
        raise spot.refused("edit_field_too_long", length=len(stripped), limit=FIELD_MAX_CHARS)
    return stripped or None


def _needed(text: str, spot: _Spot) -> str:
    found = _text(text, spot)
    if found is None:
        raise spot.refused("edit_empty_item")
    return found


def _labels(evidence: Sequence[Evidence], transcript: NumberedTranscript) -> list[str]:
    found = (_label(one, transcript) for one in evidence)
    return list(dict.fromkeys(label for label in found if label))[:LINES_MAX]


def _label(evidence: Evidence, transcript: NumberedTranscript) -> str | None:
    """The line that a quote stands in; None where there is none to choose, as in what was written elsewhere."""
    for label, line in transcript.lines.items():
        if line.choosable and line.message_id == evidence.message_id and line.start <= evidence.start < line.end:
            return label
    return None


def _level(level: int | None) -> Literal[1, 2, 3, 4, 5] | None:
    levels: tuple[Literal[1, 2, 3, 4, 5], ...] = (1, 2, 3, 4, 5)
    return levels[level - 1] if level else None


# ---- the checks ----


def _criterion_checks(edited: EditedCriterion, plan: Plan, theirs: frozenset[str], said: list[str]) -> Iterator[Check]:
    where = f"criteria.{edited.key}"
    if edited.level is None:
        return
    evidence = _known(edited.evidence, plan)
    yield from _evidence_checks(edited.evidence, evidence, plan, where)
    level = None if edited.level == "not_observed" else edited.level
    yield checks.levels_backed(level, evidence, where)
    for name, text in (("reason", edited.reason), ("tip", edited.tip)):
        if text and text.strip() not in theirs:
            yield from prose_checks(text, plan, f"{where}.{name}", least=4)
            yield checks.said_once(text, said, f"{where}.{name}")
            said.append(text)


def _item_checks(
    edit: Edit, before: FeedbackBody, plan: Plan, theirs: frozenset[str], said: list[str]
) -> Iterator[Check]:
    for index, one in enumerate(edit.strengths):
        found = praise_checks(Praise(evidence=one.evidence, why=one.why), plan, f"strengths.{index}", said)
        yield from _without(found, {f"strengths.{index}.why": one.why}, theirs)
        said.append(one.why)
    for index, one in enumerate(edit.improvements):
        where = f"improvements.{index}"
        fault = Fault(criterion=one.criterion, evidence=one.evidence, problem=one.problem, rewrite=one.rewrite)
        found = fault_checks(fault, plan, where, said)
        words = {f"{where}.problem": one.problem}
        if _is_example(one, before):
            found = [check for check in found if check.where != f"{where}.rewrite"]
        yield from _without(found, words, theirs)
        said += [one.problem, one.rewrite]


def _closing_checks(edit: Edit, plan: Plan, theirs: frozenset[str]) -> Iterator[Check]:
    for where, text, least in (("next_step", edit.next_step, 4), ("summary", edit.summary, 6)):
        if text and text.strip() not in theirs:
            yield from prose_checks(text, plan, where, least=least)


def _without(found: Sequence[Check], words: dict[str, str], theirs: frozenset[str]) -> Iterator[Check]:
    """All checks but those of sentences that are the rubric's own."""
    for check in found:
        if words.get(check.where or "", "").strip() not in theirs:
            yield check


def _evidence_checks(labels: Sequence[str], evidence: list[Evidence], plan: Plan, where: str) -> Iterator[Check]:
    if len(evidence) < len(set(labels)):
        yield Check(name="evidence_exact", passed=False, where=where)
        return
    yield checks.evidence_exact(evidence, plan.transcript.texts, where)
    yield checks.evidence_is_own(evidence, plan.transcript.texts, where)


def _known(labels: Sequence[str], plan: Plan) -> list[Evidence]:
    return evidence_of([label for label in labels if label in plan.transcript.choosable], plan)


def _spread(edit: Edit, plan: Plan) -> Check:
    numbers = [message.number for message in plan.transcript.messages if message.role == "user"]
    lines = plan.transcript.lines
    quoted = [numbers.index(number_of(label)) for one in edit.criteria for label in one.evidence if label in lines]
    return checks.evidence_spread(quoted, len(numbers))


def _of_the_rubric(before: FeedbackBody, plan: Plan) -> frozenset[str]:
    """Sentences that people wrote for the rubric: chosen, not made up. Where it words the debrief, all of its."""
    rubric = {text for criterion in plan.scenario.rubric.criteria for text in _offered(criterion, plan.language)}
    if before.way == "rubric":
        rubric |= {text for _, text in _sentences(before)}
    return frozenset(rubric)


def _offered(criterion: Criterion, language: str) -> Iterator[str]:
    yield from (level.text.to(language) for level in criterion.levels)
    yield from (tip.to(language) for tip in criterion.tips)


def _sentences(body: FeedbackBody) -> Iterator[tuple[str, str]]:
    for result in body.criteria:
        for name in ("reason", "tip"):
            if text := getattr(result, name):
                yield name, text.strip()
    yield from (("why", one.why) for one in body.strengths)
    yield from (("problem", one.problem) for one in body.improvements)
    yield from ((name, text) for name in ("next_step", "summary") if (text := getattr(body, name)))

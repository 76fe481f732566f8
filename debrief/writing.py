"""The making of one feedback: ask, check, ask again for what failed, and keep only what may be kept.

The ladder: everything in one call (part by part where the model's context is small); what failed once more, in one
call with another seed and a lower temperature; what still fails part by part; what fails even then is `unscored` and
the feedback partial; where nothing at all can be used, the rubric's own words are placed by likeness. A level is never
invented. The model is whoever answers `ask`; storing, retrying and time limits
are the job's.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from inspect import isawaitable
from typing import Any, Protocol

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
    read_answer,
)
from debrief.checks import evidence_exact, evidence_is_own, levels_backed, no_injection
from debrief.feedback import Check, Coverage, CriterionResult, FeedbackBody
from debrief.injection import flag_lines
from debrief.manner import Likeness, Manner
from debrief.placing import Placed, place
from debrief.prompts import ChatMessages
from debrief.request import CLOSING, NOT_OBSERVED, Ask, Plan, build_request, estimate_tokens
from debrief.scenario import Criterion, Scenario
from debrief.texts import say
from debrief.transcript import NumberedTranscript, fit

TEMPERATURES = {"whole": 0.3, "again": 0.1, "split": 0.0}


class Answer(Protocol):
    """What comes back from the model."""

    @property
    def text(self) -> str: ...
    @property
    def finish_reason(self) -> str | None: ...
    @property
    def prompt_tokens(self) -> int | None: ...
    @property
    def completion_tokens(self) -> int | None: ...
    @property
    def cached_tokens(self) -> int | None: ...
    @property
    def seconds(self) -> float: ...


@dataclass(frozen=True)
class Written:
    """A finished feedback: the record, the outcome of every check, whether parts are missing, what produced it."""

    body: FeedbackBody
    checks: list[Check]
    partial: bool
    lineage: dict[str, Any]


AskModel = Callable[[Ask], Awaitable[Answer]]
CountTokens = Callable[[ChatMessages], Awaitable[int]]
Report = Callable[[dict[str, Any]], Awaitable[None] | None]


async def write_feedback(
    ask: AskModel,
    transcript: NumberedTranscript,
    scenario: Scenario,
    language: str,
    manner: Manner,
    report: Report,
    *,
    likeness: Likeness,
    context_tokens: int = 4096,
    count: CountTokens | None = None,
    model: str = "",
    seed: int | None = None,
) -> Written:
    """Write the feedback on a talk. What a model wrote never makes it fail: see `model_words_usable`.

    Args:
        ask: calls the model; its errors (the ModelError family) pass through.
        transcript: the numbered talk.
        scenario: whose rubric is applied.
        language: of the feedback, "en" or "ko".
        manner: whose words, who places, how often the model is asked.
        report: told the progress as it is made: reading, writing so many of so many, checking.
        likeness: places where the manner says so, and where not one part of the model's can be used.
        context_tokens: what the model can hold, prompt and answer together.
        count: tokens of a prompt; a careful guess without it.
        model: its name, for the lineage.
        seed: of the first call; later calls count on from it. None sends and records none.
    """
    started = time.monotonic()
    await _tell(report, {"step": "reading"})
    flagged = flag_lines(transcript)
    plan = Plan(transcript.without(flagged), scenario, language, manner.words)
    writer = _Writer(ask, plan, report, seed)
    if _asks_model(plan, manner):
        writer.plan = await _fitted(plan, context_tokens, count or _estimate)
        await writer.write(_groups(plan, context_tokens))
    await _tell(report, {"step": "checking", "done": len(plan.parts), "of": len(plan.parts)})
    if writer.parts and any(checked.is_good for checked in writer.parts.values()):
        body, checks, partial = assemble(writer.plan, writer.parts, of=transcript.of)
    else:
        body, checks, partial = _by_likeness(plan, likeness)
        if writer.parts:
            checks.append(Check(name="model_words_usable", passed=False))
    lineage = {
        **writer.lineage(),
        "manner": asdict(manner),
        "likeness": likeness.name,
        "model": model,
        "total_s": round(time.monotonic() - started, 3),
    }
    return Written(body, [*checks, no_injection(flagged)], partial, lineage)


def _asks_model(plan: Plan, manner: Manner) -> bool:
    return bool(plan.transcript.choosable) and (manner.words == "written" or manner.placing == "model")


def _by_likeness(plan: Plan, likeness: Likeness) -> tuple[FeedbackBody, list[Check], bool]:
    """The debrief in the rubric's words, placed by likeness over the whole talk. Needs no model."""
    rubric, language = plan.scenario.rubric, plan.language
    placed = place(rubric, plan.transcript, likeness, language)
    results = [_placed(criterion, placed[criterion.key], plan) for criterion in rubric.criteria]
    texts, checks = plan.transcript.texts, list[Check]()
    for result in results:
        where = f"criteria.{result.key}"
        checks.append(evidence_exact(result.evidence, texts, where))
        checks.append(evidence_is_own(result.evidence, texts, where))
        checks.append(levels_backed(result.level, result.evidence, where))
    body = FeedbackBody(
        language=language,
        way="rubric",
        placed_by="likeness",
        criteria=results,
        covered=Coverage(messages=len(plan.transcript.messages), of=plan.transcript.of),
        **_rubric_closing(results, plan),
    )
    return body, checks, False


def _placed(criterion: Criterion, placed: Placed, plan: Plan) -> CriterionResult:
    if placed.level is None:
        return _unplaced(criterion, plan)
    return rubric_words.worded(criterion, placed.level, evidence_of(placed.labels, plan), plan.language)


def assemble(plan: Plan, parts: dict[str, Checked], *, of: int) -> tuple[FeedbackBody, list[Check], bool]:
    """The record from the parts that may be used, the checks of all parts, and whether something is missing."""
    results = [_result(criterion, parts, plan) for criterion in plan.scenario.rubric.criteria]
    checks = [check for checked in parts.values() for check in checked.checks]
    closing = _closing(parts, results, plan)
    body = FeedbackBody(
        language=plan.language,
        way=plan.way,
        placed_by="model",
        criteria=results,
        covered=Coverage(messages=len(plan.transcript.messages), of=of),
        **closing,
    )
    is_closed = CLOSING not in parts or parts[CLOSING].is_good
    return body, checks, not is_closed or any(result.status == "unscored" for result in results)


@dataclass
class _Writer:
    """Climbs down the ladder for one plan and keeps count of what it took."""

    ask: AskModel
    plan: Plan
    report: Report
    seed: int | None
    parts: dict[str, Checked] = field(default_factory=dict[str, Checked])
    calls: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    async def write(self, groups: list[tuple[str, ...]]) -> None:
        for group in groups:
            await self._call(group, "whole")
        if len(groups) == 1 and (bad := self._bad()):
            await self._call(bad, "again")
        for part in self._bad():
            await self._call((part,), "split")

    async def _call(self, parts: tuple[str, ...], rung: str) -> None:
        total = len(self.plan.parts)
        await _tell(self.report, {"step": "writing", "done": total - len(self._bad()), "of": total})
        faults = [
            check for part in parts if part in self.parts for check in self.parts[part].checks if not check.passed
        ]
        request = build_request(self.plan, parts, temperature=TEMPERATURES[rung], seed=self._next_seed(), faults=faults)
        answer = await self.ask(request)
        self.parts |= read_answer(answer.text, answer.finish_reason, self.plan, parts)
        self.calls.append(_call_record(request, answer, rung, parts))

    def _next_seed(self) -> int | None:
        return None if self.seed is None else self.seed + len(self.calls)

    def _bad(self) -> tuple[str, ...]:
        return tuple(part for part in self.plan.parts if part not in self.parts or not self.parts[part].is_good)

    def lineage(self) -> dict[str, Any]:
        rubric, scenario = self.plan.scenario.rubric, self.plan.scenario
        return {
            "way": self.plan.way,
            "scenario": scenario.id,
            "scenario_version": scenario.version,
            "scenario_hash": scenario.hash,
            "rubric_hash": rubric.hash,
            "prompt_hash": self.plan.prompt_hash,
            "schema_hash": self.plan.schema_hash,
            "calls": self.calls,
            **{key: sum(call[key] or 0 for call in self.calls) for key in _SUMS},
        }


_SUMS = ("prompt_tokens", "completion_tokens", "cached_tokens", "seconds")


def _call_record(request: Ask, answer: Answer, rung: str, parts: Sequence[str]) -> dict[str, Any]:
    return {
        "rung": rung,
        "parts": list(parts),
        "temperature": request.temperature,
        "seed": request.seed,
        "max_tokens": request.max_tokens,
        "finish_reason": answer.finish_reason,
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "cached_tokens": answer.cached_tokens,
        "seconds": round(answer.seconds, 3),
    }


def _result(criterion: Criterion, parts: dict[str, Checked], plan: Plan) -> CriterionResult:
    name = criterion.name.to(plan.language)
    checked = parts.get(criterion.key)
    if checked is None or not checked.is_good or not isinstance(checked.part, Verdict):
        return CriterionResult(key=criterion.key, name=name, status="unscored")
    verdict = checked.part
    if verdict.level == NOT_OBSERVED:
        return CriterionResult(key=criterion.key, name=name, status="not_observed")
    evidence = evidence_of(verdict.evidence, plan)
    if plan.way == "rubric":
        return rubric_words.worded(criterion, verdict.level, evidence, plan.language)
    return CriterionResult(
        key=criterion.key,
        name=name,
        status="scored",
        level=verdict.level,
        level_name=criterion.anchor(verdict.level).name.to(plan.language),
        reason=(verdict.reason or "").strip(),
        evidence=evidence,
    )


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


def _closing(parts: dict[str, Checked], results: Sequence[CriterionResult], plan: Plan) -> dict[str, Any]:
    if plan.way == "rubric":
        return _rubric_closing(results, plan)
    closing = parts[CLOSING].part
    return _written_closing(closing, plan) if isinstance(closing, Closing) else {}


def _rubric_closing(results: Sequence[CriterionResult], plan: Plan) -> dict[str, Any]:
    return {
        "strengths": rubric_words.strengths(results),
        "improvements": rubric_words.improvements(results, plan.scenario.rubric, plan.language),
        "next_step": rubric_words.next_step(results),
        "summary": rubric_words.summary(results, plan.language, had_words=bool(plan.transcript.choosable)),
    }


def _written_closing(closing: Closing, plan: Plan) -> dict[str, Any]:
    """The items that pass by themselves: a good strength is not lost because an improvement was bad."""
    next_step, summary = closing.next_step.strip(), closing.summary.strip()
    return {
        "strengths": [
            praise_of(praise, plan) for praise in closing.strengths if _pass(praise_checks(praise, plan, ""))
        ],
        "improvements": [
            improvement_of(fault, plan) for fault in closing.improvements if _pass(fault_checks(fault, plan, ""))
        ],
        "next_step": next_step if _pass(prose_checks(next_step, plan, "", least=4)) else None,
        "summary": summary if _pass(prose_checks(summary, plan, "", least=6)) else None,
    }


def _pass(checks: Iterable[Check]) -> bool:
    return all(check.passed for check in checks)


def _groups(plan: Plan, context_tokens: int) -> list[tuple[str, ...]]:
    """What is asked for in the first calls: everything at once where the model's context is large enough.

    Part by part where the whole answer would take more than a third of it and leave too little of the talk.
    """
    if build_request(plan, plan.parts, temperature=0, seed=0).max_tokens <= context_tokens / 3:
        return [plan.parts]
    return [(part,) for part in plan.parts]


async def _fitted(plan: Plan, context_tokens: int, count: CountTokens) -> Plan:
    """The plan with the newest turns that leave room for the longest prompt and answer."""
    groups = _groups(plan, context_tokens)

    async def tokens(transcript: NumberedTranscript) -> int:
        requests = [build_request(plan.with_transcript(transcript), group, temperature=0, seed=0) for group in groups]
        longest = max(requests, key=lambda request: estimate_tokens(request.messages) + request.max_tokens)
        return await count(longest.messages) + longest.max_tokens

    return plan.with_transcript(await fit(plan.transcript, tokens, context_tokens))


async def _estimate(messages: ChatMessages) -> int:
    return estimate_tokens(messages)


async def _tell(report: Report, progress: dict[str, Any]) -> None:
    told = report(progress)
    if isawaitable(told):
        await told

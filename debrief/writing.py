"""The making of one feedback: read the talk, have it reviewed, check what came, and keep only what may be kept.

What a model writes never makes a feedback fail. What fails its checks is asked for again (`debrief.ladder`); what fails
even then is `unscored` and the feedback partial; where not one criterion can be used, the rubric's own words are placed
by likeness and the check `model_words_usable` says so. A level is never invented. `docs/feedback.md` tells the whole.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from debrief.answer import read_lines
from debrief.checks import model_words_usable, no_injection, same_when_masked
from debrief.feedback import Check, Coverage, FeedbackBody
from debrief.injection import flag_lines, masked
from debrief.ladder import (
    AskModel,
    Caller,
    CountTokens,
    Parts,
    Report,
    Room,
    look_twice,
    sample_levels,
    tell,
    write_parts,
)
from debrief.manner import Likeness, Manner
from debrief.placing import worth_judging
from debrief.prompts import ChatMessages
from debrief.record import Draft, by_likeness, by_model, coverage, levels_of, lines_language
from debrief.request import Plan, build_request, estimate_tokens
from debrief.scenario import Scenario
from debrief.transcript import NumberedTranscript
from debrief.windows import excerpt, in_turn, number_of, runs, windows

CANDIDATES = 24
"""Lines that likeness offers for a review of a long talk; as many of them are used as fit."""


@dataclass(frozen=True)
class Written:
    """A finished feedback: the record, the outcome of every check, whether parts are missing, what produced it."""

    body: FeedbackBody
    checks: list[Check]
    partial: bool
    lineage: dict[str, Any]


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
    guidance: str = "",
) -> Written:
    """Write the feedback on a talk.

    Args:
        ask: calls the model; its errors (the ModelError family) pass through.
        transcript: the numbered talk.
        scenario: whose rubric is applied.
        language: of the feedback, "en" or "ko".
        manner: whose words, who places, how often the model is asked.
        report: told the progress as it is made: reading, writing so many of so many, checking.
        likeness: places where the manner says so, and where nothing of the model's can be used.
        context_tokens: what the model can hold, prompt and answer together.
        count: tokens of a prompt; a careful guess without it.
        model: its name, for the lineage.
        seed: of the first call; later calls count on from it. None sends and records none.
        guidance: what a reviewer wants done better than in the version before.
    """
    await tell(report, {"step": "reading"})
    flagged = flag_lines(transcript)
    plan = Plan(masked(transcript, flagged), scenario, language, manner.words, guidance=guidance)
    caller = Caller(ask, Room(context_tokens, count or _estimate), seed)
    making = _Making(caller, plan, manner, likeness, report, transcript, flagged)
    draft = await making.draft()
    lineage = {
        **_versions(plan),
        **_guided(guidance),
        "manner": asdict(manner),
        "likeness": likeness.name,
        "model": model,
        "context_tokens": context_tokens,
        "seed": seed,
        "flagged": sorted(flagged),
        **making.notes,
        "calls": caller.calls,
        **caller.sums(),
        "total_s": round(time.monotonic() - caller.started, 3),
    }
    return Written(draft.body, [*draft.checks, no_injection(flagged)], draft.partial, lineage)


@dataclass(frozen=True)
class _Read:
    """What of the talk the review is made from, and all that was read to choose it."""

    plan: Plan
    covered: Coverage


@dataclass
class _Making:
    """One feedback in the making.

    `plan` has the lines that read like orders withheld; `transcript` is the talk as it was held.
    """

    caller: Caller
    plan: Plan
    manner: Manner
    likeness: Likeness
    report: Report
    transcript: NumberedTranscript
    flagged: frozenset[str]
    notes: dict[str, Any] = field(default_factory=dict[str, Any])

    async def draft(self) -> Draft:
        """By the model where the manner says so and there are words to judge, else by likeness, which always works."""
        asks_model = self.manner.words == "written" or self.manner.placing == "model"
        if not (asks_model and self.plan.transcript.choosable):
            await self._tell_checking()
            return await self._by_likeness()
        draft = await self._by_model()
        if draft is not None:
            return draft
        draft = await self._by_likeness()
        return Draft(draft.body, [*draft.checks, model_words_usable(usable=False)], draft.partial)

    async def _by_likeness(self) -> Draft:
        """In a thread: where many processes want the cores it takes a minute, and the caller has a lease to keep up."""
        return await asyncio.to_thread(by_likeness, self.plan, self.likeness)

    async def _by_model(self) -> Draft | None:
        """None when not one criterion can be used, or not one turn of the talk fits into the model."""
        read = await self._read()
        if read is None:
            return None
        groups = self.caller.room.groups(read.plan, self.manner.calls)
        parts = await write_parts(self.caller, read.plan, groups, self.report)
        await self._tell_checking()
        if not _has_a_verdict(levels_of(parts), read.plan):
            self.notes["refused"] = _refused(parts)
            return None
        levels = read.plan.asking("levels")
        at_once = await self.caller.room.holds_all(levels, [levels.parts])
        level_groups = [levels.parts] if at_once else [(part,) for part in levels.parts]
        samples = await sample_levels(self.caller, levels, level_groups, self.manner.samples - 1)
        draft = by_model(read.plan, parts, samples, read.covered)
        self.notes["samples"] = {"wanted": self.manner.samples, "made": 1 + len(samples)}
        checks = [*draft.checks, model_words_usable(usable=True)]
        if self.flagged:
            checks.append(await self._compare(levels, level_groups))
        return Draft(draft.body, checks, draft.partial)

    # ---- a talk that is too long ----

    async def _read(self) -> _Read | None:
        """All of the talk where it fits; else what matters of it, found window by window. None: nothing fits."""
        transcript = self.plan.transcript
        if await self._fits(transcript):
            return _Read(self.plan, coverage(transcript.numbers, transcript.of))
        if not await self._fits(transcript.only(())):
            return None
        labels, seen = await self._candidates()
        short = await excerpt(transcript, labels, self._fits)
        if short is None or not short.choosable:
            return None
        self.notes["excerpt"] = runs(short.numbers)
        return _Read(self.plan.with_transcript(short), coverage(seen, transcript.of))

    async def _fits(self, transcript: NumberedTranscript) -> bool:
        plan, room = self.plan.with_transcript(transcript), self.caller.room
        return await room.holds_all(plan, room.groups(plan, self.manner.calls))

    async def _candidates(self) -> tuple[list[str], set[int]]:
        """Lines worth a review, best first, and the numbers of the messages in which they were looked for."""
        transcript = self.plan.transcript
        if self.manner.placing == "likeness":
            return self._alike(transcript, CANDIDATES), set(transcript.numbers)
        picking = self.plan.asking("lines")

        async def fits(stretch: NumberedTranscript) -> bool:
            request = build_request(picking.with_transcript(stretch), picking.keys, temperature=0, seed=None)
            return await self.caller.room.holds(request)

        stretches = await windows(transcript, fits)
        self.notes["windows"] = [run for stretch in stretches for run in runs(stretch.numbers)]
        picked: list[list[str]] = []
        for done, stretch in enumerate(stretches):
            await tell(self.report, {"step": "reading", "done": done, "of": len(stretches)})
            picked.append(await self._pick(picking.with_transcript(stretch)))
        return in_turn(picked), {number for stretch in stretches for number in stretch.numbers}

    async def _pick(self, plan: Plan) -> list[str]:
        """The model's candidates in one window; likeness's where it names none."""
        if not plan.transcript.choosable:
            return []
        answer = await self.caller.call(plan, plan.keys, "window")
        picked = in_turn(read_lines(answer.text, answer.finish_reason, plan).values())
        return picked or self._alike(plan.transcript, len(plan.keys))

    def _alike(self, transcript: NumberedTranscript, most: int) -> list[str]:
        """Lines by likeness, best first: those of a small choice before what only a larger one takes in."""
        rubric, language = self.plan.scenario.rubric, lines_language(transcript, self.plan.language)
        found: dict[str, None] = {}
        for size in (4, 8, 16, most):
            found |= dict.fromkeys(worth_judging(rubric, transcript, self.likeness, language, min(size, most)))
        return list(found)

    # ---- lines that read like orders ----

    async def _compare(self, levels: Plan, groups: list[tuple[str, ...]]) -> Check:
        """The same judgement with the flagged lines in place. What is shown never saw them."""
        numbers = set(levels.transcript.numbers)
        wider = levels.with_transcript(self._unmasked(numbers | {number_of(label) for label in self.flagged}))
        same = levels.with_transcript(self._unmasked(numbers))
        unmasked = wider if await self.caller.room.holds_all(wider, groups) else same
        without, with_them = await look_twice(self.caller, levels, unmasked, groups)
        note = {"levels": levels_of(without), "open": levels_of(with_them)}
        note["shift"] = shift = _shift(note["levels"], note["open"])
        self.notes["masked"] = note
        return same_when_masked(shift)

    def _unmasked(self, numbers: set[int]) -> NumberedTranscript:
        return self.transcript.without(self.flagged).only(numbers)

    async def _tell_checking(self) -> None:
        total = len(self.plan.parts)
        await tell(self.report, {"step": "checking", "done": total, "of": total})


def _shift(without: Mapping[str, int | None], with_them: Mapping[str, int | None]) -> dict[str, int | None]:
    """Level with the flagged lines minus level without, by criterion; None where only one of them gave a level."""
    shift: dict[str, int | None] = {}
    for key in without.keys() & with_them.keys():
        one, other = without[key], with_them[key]
        if one is None and other is None:
            shift[key] = 0
        else:
            shift[key] = None if one is None or other is None else other - one
    return dict(sorted(shift.items()))


def _has_a_verdict(levels: Mapping[str, int | None], plan: Plan) -> bool:
    """Some criterion has a level, or the model says of every one that the talk shows nothing of it."""
    return any(level is not None for level in levels.values()) or len(levels) == len(plan.keys)


def _versions(plan: Plan) -> dict[str, Any]:
    scenario = plan.scenario
    return {
        "way": plan.words,
        "language": plan.language,
        "scenario": scenario.id,
        "scenario_version": scenario.version,
        "scenario_hash": scenario.hash,
        "rubric_hash": scenario.rubric.hash,
        "prompt_hash": plan.prompt_hash,
        "schema_hash": plan.schema_hash,
    }


def _guided(guidance: str) -> dict[str, Any]:
    if not guidance:
        return {}
    return {"guidance": guidance, "guidance_hash": hashlib.sha256(guidance.encode()).hexdigest()}


def _refused(parts: Parts) -> dict[str, int]:
    """Why nothing could be used: the failed checks and how often. What the model wrote is not kept."""
    return dict(Counter(check.name for checked in parts.values() for check in checked.checks if check.is_fault))


async def _estimate(messages: ChatMessages) -> int:
    return estimate_tokens(messages)

"""Asking the model for a feedback within limits: all at once, again for what failed, at last piece by piece.

What is good is kept from the first answer on; only what failed is asked for again, with another seed, a lower
temperature and what went wrong said in words. A first answer may take its time as long as it is of use. Whatever comes
after it is extra, and ends when the calls, the tokens or the patience for one feedback are used up. The model is
whoever answers `ask`; storing, retrying and time limits of single calls are the job's.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any, Literal, Protocol

from debrief.answer import Checked, Closing, Verdict, read_answer, words_of
from debrief.feedback import Check
from debrief.prompts import ChatMessages
from debrief.request import CLOSING, Ask, Finding, Plan, build_request, estimate_tokens, prompt_digest

Rung = Literal["window", "whole", "again", "split", "sample", "masked", "open"]
TEMPERATURES: dict[Rung, float] = {
    "window": 0.0,
    "whole": 0.3,
    "again": 0.1,
    "split": 0.0,
    "sample": 0.8,
    "masked": 0.0,
    "open": 0.0,
}
"""Samples have to differ to tell anything; the two looks that are compared for injection must not differ by chance."""
MOST_CALLS = 24
MOST_TOKENS = 6000
"""Tokens written for one feedback after which nothing extra is asked for; a whole written answer takes 600 to 1,200."""
PATIENCE_S = 45.0
"""Seconds after which nothing extra is asked for. A slow machine gives less, never later."""
GIVE_UP_AFTER = 2
"""Answers of which nothing can be used, before any that can: such a model gives nothing in ten more calls either."""


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


AskModel = Callable[[Ask], Awaitable[Answer]]
CountTokens = Callable[[ChatMessages], Awaitable[int]]
Report = Callable[[dict[str, Any]], Awaitable[None] | None]
Parts = dict[str, Checked]
_SUMS = ("prompt_tokens", "completion_tokens", "cached_tokens", "seconds")


@dataclass(frozen=True)
class Room:
    """What the model can hold, prompt and answer together, in tokens."""

    context_tokens: int
    count: CountTokens

    async def holds(self, request: Ask) -> bool:
        return await self.count(request.messages) + request.max_tokens <= self.context_tokens

    async def holds_all(self, plan: Plan, groups: Sequence[tuple[str, ...]]) -> bool:
        """Whether each of these groups can be asked for over this plan's transcript."""
        requests = [build_request(plan, group, temperature=0, seed=None) for group in groups]
        longest = max(requests, key=lambda request: estimate_tokens(request.messages) + request.max_tokens)
        return await self.holds(longest)

    def groups(self, plan: Plan, calls: Literal["one", "per_criterion"] = "one") -> list[tuple[str, ...]]:
        """What is asked for together: everything, or each part by itself where it is so wanted.

        Also where the whole answer would take more than a third of the model's context and leave too little of it to
        the talk.
        """
        whole = build_request(plan, plan.parts, temperature=0, seed=None)
        if calls == "one" and whole.max_tokens <= self.context_tokens / 3:
            return [plan.parts]
        return [(part,) for part in plan.parts]


@dataclass
class Caller:
    """Asks the model for one feedback, and keeps the record of every call."""

    ask: AskModel
    room: Room
    seed: int | None
    calls: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    started: float = field(default_factory=time.monotonic)

    async def call(
        self,
        plan: Plan,
        parts: Sequence[str],
        rung: Rung,
        faults: Sequence[Check] = (),
        found: Sequence[Finding] = (),
    ) -> Answer:
        seed = None if self.seed is None else self.seed + len(self.calls)
        plain = build_request(plan, parts, temperature=TEMPERATURES[rung], seed=seed)
        request = plain
        if faults or found:
            request = build_request(plan, parts, temperature=plain.temperature, seed=seed, faults=faults, found=found)
            request = request if await self.room.holds(request) else plain
        answer = await self.ask(request)
        self.calls.append(_call_record(request, answer, rung, parts))
        return answer

    @property
    def may_go_on(self) -> bool:
        """Whether something may be asked for that a feedback can do without."""
        spent = sum(call["completion_tokens"] or 0 for call in self.calls)
        patient = time.monotonic() - self.started < PATIENCE_S
        return patient and spent < MOST_TOKENS and len(self.calls) < MOST_CALLS

    def sums(self) -> dict[str, Any]:
        return {key: sum(call[key] or 0 for call in self.calls) for key in _SUMS}


async def write_parts(caller: Caller, plan: Plan, groups: Sequence[tuple[str, ...]], report: Report) -> Parts:
    """What the plan asks for, each part with its checks; `groups` are the parts asked for together at first."""
    parts: Parts = {}
    for asked, group in enumerate(groups):
        if not _is_promising(parts, asked) or (not _is_mostly_good(parts) and not caller.may_go_on):
            return parts
        await _attempt(caller, plan, group, "whole", parts, report)
    if len(groups) == 1 and (bad := _bad(plan, parts)) and caller.may_go_on:
        await _attempt(caller, plan, bad, "again", parts, report)
    if not _is_promising(parts, GIVE_UP_AFTER):
        return parts
    for part in _bad(plan, parts):
        if caller.may_go_on:
            await _attempt(caller, plan, (part,), "split", parts, report)
    return parts


async def sample_levels(caller: Caller, plan: Plan, groups: Sequence[tuple[str, ...]], times: int) -> list[Parts]:
    """The levels judged so many times more over the same words, for as long as there is time."""
    samples: list[Parts] = []
    for _ in range(times):
        if not caller.may_go_on:
            break
        samples.append(await _look(caller, plan, groups, "sample"))
    return samples


async def look_twice(
    caller: Caller, masked: Plan, unmasked: Plan, groups: Sequence[tuple[str, ...]]
) -> tuple[Parts, Parts]:
    """The levels without the lines that read like orders, and with them; alike in everything else.

    This is a safeguard and no extra: it is done however much was used up before.
    """
    return await _look(caller, masked, groups, "masked"), await _look(caller, unmasked, groups, "open")


async def _look(caller: Caller, plan: Plan, groups: Sequence[tuple[str, ...]], rung: Rung) -> Parts:
    parts: Parts = {}
    for group in groups:
        answer = await caller.call(plan, group, rung)
        parts |= read_answer(answer.text, answer.finish_reason, plan, group)
    return parts


async def _attempt(
    caller: Caller, plan: Plan, group: tuple[str, ...], rung: Rung, parts: Parts, report: Report
) -> None:
    total = len(plan.parts)
    await tell(report, {"step": "writing", "done": total - len(_bad(plan, parts)), "of": total})
    faults = [check for part in group if part in parts for check in parts[part].checks if check.is_fault]
    others = {part: checked for part, checked in parts.items() if part not in group and checked.is_good}
    found = _findings(others) if CLOSING in group else []
    answer = await caller.call(plan, group, rung, faults, found)
    kept = [words for checked in others.values() for words in words_of(checked.part)]
    for part, checked in read_answer(answer.text, answer.finish_reason, plan, group, kept).items():
        if part not in parts or _is_better(checked, parts[part]):
            parts[part] = checked


def _findings(parts: Parts) -> list[Finding]:
    return [
        Finding(key, checked.part.evidence, checked.part.level, (checked.part.reason or "").strip())
        for key, checked in parts.items()
        if isinstance(checked.part, Verdict)
    ]


def _is_promising(parts: Parts, answers: int) -> bool:
    return answers < GIVE_UP_AFTER or any(checked.is_good for checked in parts.values())


def _is_mostly_good(parts: Parts) -> bool:
    """A slow model that is of use may take its time; a slow one that is not may not."""
    return 2 * sum(checked.is_good for checked in parts.values()) >= len(parts)


def _is_better(new: Checked, old: Checked) -> bool:
    """A closing is replaced only by one of which as much can be used; what else failed, by anything."""
    if new.is_good or old.part is None:
        return True
    return new.part is not None and (not isinstance(new.part, Closing) or _faults(new) <= _faults(old))


def _faults(checked: Checked) -> int:
    return sum(check.is_fault for check in checked.checks)


def _bad(plan: Plan, parts: Parts) -> tuple[str, ...]:
    return tuple(part for part in plan.parts if part not in parts or not parts[part].is_good)


async def tell(report: Report, progress: dict[str, Any]) -> None:
    told = report(progress)
    if isawaitable(told):
        await told


def _call_record(request: Ask, answer: Answer, rung: Rung, parts: Sequence[str]) -> dict[str, Any]:
    return {
        "rung": rung,
        "parts": list(parts),
        "temperature": request.temperature,
        "seed": request.seed,
        "prompt_sha256": prompt_digest(request.messages),
        "max_tokens": request.max_tokens,
        "finish_reason": answer.finish_reason,
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "cached_tokens": answer.cached_tokens,
        "seconds": round(answer.seconds, 3),
    }

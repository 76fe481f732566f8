"""Whether a model's reviews can be trusted: it reviews a few talks whose truth is known, before it reviews people.

Two questions for each language. Does it place criteria better than likeness does? If not, it is not asked further,
because then neither its lines nor its words would be used. If so: is its prose usable, as far as the checks can tell?
A handful of talks finds out a model that chooses at chance, and no more than that; `make gold` measures.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

from debrief.answer import Verdict, read_answer
from debrief.conversation import Message, MessageState
from debrief.ladder import Answer
from debrief.manner import PROSE_TRIES, Likeness, Probed, Words
from debrief.placing import Placed, place
from debrief.request import Ask, Plan, build_request
from debrief.scenario import Scenario, load_scenarios
from debrief.transcript import NumberedTranscript, number_lines
from debrief.versions import prompts_hash

VERSION = 1
HERE = Path(__file__).parent
AskModel = Callable[[Ask], Awaitable[Answer]]


@dataclass(frozen=True)
class KnownTalk:
    """A talk and its truth: by label and criterion which side a line shows ("+" or "-"), by criterion the levels."""

    scenario: Scenario
    language: str
    transcript: NumberedTranscript
    shows: Mapping[str, Mapping[str, str]]
    levels: Mapping[str, tuple[int, int]]


@cache
def known_talks() -> tuple[KnownTalk, ...]:
    """The talks, in the scenarios that come with Debrief."""
    scenarios = load_scenarios(HERE.parent / "scenarios")
    tables: list[dict[str, Any]] = tomllib.loads((HERE / "probe_talks.toml").read_text("utf-8"))["talks"]
    return tuple(_known(table, scenarios[table["scenario"]]) for table in tables)


def probe_key(model: str, likeness: str) -> str:
    """SHA-256 over what the outcome depends on: another prompt, rubric or likeness asks for another probe."""
    rubrics = sorted({talk.scenario.rubric.hash for talk in known_talks()})
    parts = [model, likeness, str(VERSION), prompts_hash(), *rubrics]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


async def probe_language(ask: AskModel, likeness: Likeness, language: str) -> Probed:
    """Let the model review the known talks of a language: 2 short calls, and up to 3 of prose if they went well.

    Args:
        ask: calls the model; its errors pass through.
        likeness: what the model has to beat.
        language: "en" or "ko".
    """
    talks = [talk for talk in known_talks() if talk.language == language]
    model_score = fmean([_score(talk, await _placed_by_model(ask, talk)) for talk in talks])
    likeness_score = fmean(
        [_score(talk, place(talk.scenario.rubric, talk.transcript, likeness, language)) for talk in talks]
    )
    probed = Probed(round(model_score, 3), round(likeness_score, 3), None)
    if not probed.places_better:
        return probed
    return replace(probed, prose=await _usable_prose(ask, talks))


# ---- asking ----


async def _placed_by_model(ask: AskModel, talk: KnownTalk) -> dict[str, Placed]:
    plan = _plan(talk, "rubric")
    answer = await ask(build_request(plan, plan.parts, temperature=0, seed=None))
    read = read_answer(answer.text, answer.finish_reason, plan, plan.parts)
    return {key: _as_placed(checked.part if checked.is_good else None) for key, checked in read.items()}


def _as_placed(part: object) -> Placed:
    if not isinstance(part, Verdict) or isinstance(part.level, str):
        return Placed((), None)
    return Placed(tuple(part.evidence), part.level)


async def _usable_prose(ask: AskModel, talks: list[KnownTalk]) -> int:
    """How many of the criteria asked for, one at a time, come with words that pass all checks."""
    wanted = [(talk, key) for talk in talks for key in talk.levels][:PROSE_TRIES]
    usable = 0
    for talk, key in wanted:
        plan = _plan(talk, "written")
        answer = await ask(build_request(plan, (key,), temperature=0, seed=None))
        checked = read_answer(answer.text, answer.finish_reason, plan, (key,))[key]
        # The talk shows something of each criterion: who sees nothing has no words for it that could be used.
        usable += checked.is_good and _as_placed(checked.part).level is not None
    return usable


def _plan(talk: KnownTalk, way: Words) -> Plan:
    return Plan(talk.transcript, talk.scenario, talk.language, way)


# ---- judging ----


def _score(talk: KnownTalk, placed: Mapping[str, Placed]) -> float:
    """From -1 to 1, the mean over the criteria; nothing said is 0, which is better than something untrue."""
    return fmean([_points(talk, key, placed.get(key, Placed((), None))) for key in talk.levels])


def _points(talk: KnownTalk, key: str, placed: Placed) -> float:
    """The mean of lines (1 when each shows the criterion, -1 when none does) and level (1; 0 or -1 when it is off)."""
    if placed.level is None:
        return 0.0
    low, high = talk.levels[key]
    off = max(low - placed.level, placed.level - high, 0)
    apt = [key in talk.shows.get(label, {}) for label in placed.labels]
    return ((2 * fmean(apt) - 1 if apt else -1.0) + max(1 - off, -1)) / 2


def _known(table: Mapping[str, Any], scenario: Scenario) -> KnownTalk:
    says: list[str] = table["says"]
    words = [line.removeprefix("> ").partition(" | ") for line in says]
    now = datetime(2026, 1, 1, tzinfo=UTC)
    path = [
        Message(str(n), "c", n, None, "assistant" if line[0] == ">" else "user", text, MessageState.COMPLETE, now)
        for n, (line, (text, _, _)) in enumerate(zip(says, words, strict=True))
    ]
    marks = {str(n): {mark[:-1]: mark[-1] for mark in shown.split()} for n, (_, _, shown) in enumerate(words)}
    transcript = number_lines(path)
    return KnownTalk(
        scenario,
        table["language"],
        transcript,
        {label: marks[line.message_id] for label, line in transcript.lines.items()},
        {key: (low, high) for key, (low, high) in table["levels"].items()},
    )

"""How far an attack moves the levels, with and without what Debrief does about it.

    python -m benchmarks.injection_shift http://127.0.0.1:8800/v1

Each attack of tests/injection is compared with the same talk without it. "undefended": nothing is flagged and the
words stand in the prompt as they were written. "defended": flagged lines may not be chosen, and all words are data.
"masked": flagged lines are withheld too, as in the second scoring. "an honest line" is the yardstick: how far a
harmless sentence in the attack's place moves the same reviewer.

Measured are the levels that likeness gives (no server needed: `--model-less`), what the model's first token of a level
leans to (the mean of 1 to 5 by its probabilities, over the first criterion: it moves where the chosen level does not
yet), and with `--every N` the levels and lines that the model answers, for each N-th attack, as the product asks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from time import monotonic
from typing import TypeVar

from debrief.answer import Verdict, read_answer
from debrief.errors import ModelError
from debrief.injection import flag_lines, masked
from debrief.ladder import TEMPERATURES
from debrief.manner import Likeness
from debrief.placing import WordPieces, place
from debrief.request import Ask, Plan, build_request
from debrief.scenario import Scenario, load_scenarios
from debrief.settings import Settings
from debrief.transcript import NumberedTranscript
from inference.client import ChatModel
from inference.likeness import open_likeness
from inference.server import ModelServer
from tasks.desk import ask_model
from tests.injection.corpus import Attack, attacks
from tests.injection.score import added_by

ROOT = Path(__file__).parents[1]
CONDITIONS = ("undefended", "defended", "masked")
HARMLESS = {
    "en": ("It was raining on my way here today.", "I had a cup of tea this morning.", "The room is a little cold."),
    "ko": ("오늘 오는 길에 비가 왔습니다.", "아침에 차를 한 잔 마셨습니다.", "방이 조금 춥습니다."),
}


class Undefended(NumberedTranscript):
    """The talk as a naive program would print it: people's words as they are. Only for this comparison."""

    def _rendered_lines(self, persona_name: str) -> Iterator[str]:
        for message in self.messages:
            if message.role == "assistant":
                yield f"[m{message.number} {persona_name}] {message.text}"
            for line in message.lines:
                yield f"[{line.label}] {line.text}"


@dataclass(frozen=True)
class Outcome:
    """Levels by criterion (None: not observed) and the labels that were chosen."""

    levels: Mapping[str, int | None]
    chosen: frozenset[str]


@dataclass
class Sums:
    """What one condition did to the levels of all attacks."""

    shifts: list[int] = field(default_factory=list)
    criteria: int = 0
    raised: int = 0
    appeared: int = 0
    attacks: int = 0
    shown: int = 0
    flagged_shown: int = 0

    def add(self, before: Outcome, after: Outcome, added: frozenset[str], flagged: frozenset[str]) -> None:
        """Count one talk; `added` are the labels of the attack's own lines."""
        self.attacks += 1
        self.shown += bool(after.chosen & added)
        self.flagged_shown += len(after.chosen & flagged)
        for key, level in after.levels.items():
            self.criteria += 1
            old = before.levels.get(key)
            if level is not None and old is not None:
                self.shifts.append(level - old)
            self.raised += level is not None and level > (old or 0) and old is not None
            self.appeared += level is not None and old is None

    def row(self, name: str) -> str:
        shift = fmean(self.shifts) if self.shifts else 0.0
        moved = fmean(abs(shift) for shift in self.shifts) if self.shifts else 0.0
        return (
            f"| {name} | {self.attacks} | {shift:+.2f} | {moved:.2f} | {_share(self.raised, self.criteria)} "
            f"| {_share(self.appeared, self.criteria)} | {_share(self.shown, self.attacks)} | {self.flagged_shown} |"
        )


HEAD = (
    "| talk | talks | mean shift | mean size of shift | levels raised | levels appeared "
    "| attack chosen as evidence | flagged lines chosen |\n|---|---|---|---|---|---|---|---|"
)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"


def seen(attack: Attack, condition: str) -> NumberedTranscript:
    """The attacked talk as the reviewer meets it."""
    talk = attack.talk()
    if condition == "undefended":
        return Undefended(talk.messages, talk.of)
    flagged = flag_lines(talk)
    return masked(talk, flagged) if condition == "masked" else talk.without(flagged)


def harmless(attack: Attack, sentence: str) -> Attack:
    """The same talk with a harmless sentence in the attack's place."""
    changes = {"text": [sentence] * len(attack.text), "padding": "", "repeat": 0, "persona": ""}
    return attack.model_copy(update=changes)


class Placer:
    """Places talks by the model; each different prompt is asked once."""

    def __init__(self, model: ChatModel, at_once: int) -> None:
        self._model = model
        self._slots = asyncio.Semaphore(at_once)
        self._asked: dict[str, asyncio.Task[Outcome | None]] = {}

    async def __call__(self, talk: NumberedTranscript, scenario: Scenario, language: str) -> Outcome | None:
        """None where the talk is too long for the model or the answer could not be used."""
        plan = Plan(talk, scenario, language, "rubric")
        request = build_request(plan, plan.parts, temperature=TEMPERATURES["whole"], seed=1)
        key = json.dumps([request.messages, request.schema])
        if key not in self._asked:
            self._asked[key] = asyncio.create_task(self._place(plan, request))
        return await self._asked[key]

    async def _place(self, plan: Plan, request: Ask) -> Outcome | None:
        async with self._slots:
            try:
                answer = await ask_model(self._model, request)
            except ModelError:
                return None
        parts = read_answer(answer.text, answer.finish_reason, plan, plan.parts)
        verdicts = {key: part.part for key, part in parts.items() if part.is_good and isinstance(part.part, Verdict)}
        return Outcome(
            {key: v.level if isinstance(v.level, int) else None for key, v in verdicts.items()},
            frozenset(label for verdict in verdicts.values() for label in verdict.evidence),
        )


class Leaning:
    """What the model leans to before it says a level; each different prompt is asked once."""

    def __init__(self, server: ModelServer, model: str, at_once: int) -> None:
        self._server = server
        self._model = model
        self._slots = asyncio.Semaphore(at_once)
        self._asked: dict[str, asyncio.Task[float | None]] = {}

    async def __call__(self, talk: NumberedTranscript, scenario: Scenario, language: str) -> float | None:
        """The mean level by probability, 1 to 5, of the first criterion; None where the prompt is too long."""
        plan = Plan(talk, scenario, language, "rubric")
        key = plan.parts[0]
        prompt = build_request(plan, (key,), temperature=0, seed=None).messages
        first = plan.transcript.choosable[0]
        begun = f'{{"criteria":{{"{key}":{{"evidence":["{first}"],"level":'
        asked = json.dumps([prompt, begun])
        if asked not in self._asked:
            self._asked[asked] = asyncio.create_task(self._lean([*prompt, {"role": "assistant", "content": begun}]))
        return await self._asked[asked]

    async def _lean(self, messages: list[dict[str, str]]) -> float | None:
        body = {
            "model": self._model,
            "messages": messages,
            "continue_final_message": True,
            "add_generation_prompt": False,
            "max_tokens": 1,
            "temperature": 0,
            "logprobs": True,
            "top_logprobs": 20,
        }
        async with self._slots:
            try:
                answer = await self._server.post_chat(body, 300)
            except ModelError:
                return None
        found = answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        weights = {token: math.exp(entry["logprob"]) for entry in found if (token := entry["token"].strip()) in LEVELS}
        return (
            sum(int(level) * weight for level, weight in weights.items()) / sum(weights.values()) if weights else None
        )


LEVELS = ("1", "2", "3", "4", "5")


def by_likeness(likeness: Likeness, talk: NumberedTranscript, scenario: Scenario, language: str) -> Outcome:
    placed = place(scenario.rubric, talk, likeness, language)
    return Outcome(
        {key: where.level for key, where in placed.items()},
        frozenset(label for where in placed.values() for label in where.labels),
    )


def print_table(title: str, results: Mapping[str, list[tuple[Attack, Outcome | None, Outcome | None]]]) -> None:
    """One row for each condition; talks that could not be placed are told below."""
    print(f"\n{title}\n\n{HEAD}")
    unplaced = 0
    for condition, pairs in results.items():
        sums = Sums()
        for attack, before, after in pairs:
            if before is None or after is None:
                unplaced += 1
                continue
            flagged = flag_lines(attack.talk()) if condition != "an honest line" else frozenset[str]()
            sums.add(before, after, added_by(attack), flagged)
        print(sums.row(condition))
    print(f"\n{unplaced} placings did not fit the model's context or could not be used.")


T = TypeVar("T")
Talks = list[tuple[Attack, NumberedTranscript]]


def conditions(cases: list[Attack]) -> dict[str, Talks]:
    """What each condition makes of the attacks."""
    honest = [harmless(attack, HARMLESS[attack.language][number % 3]) for number, attack in enumerate(cases)]
    found: dict[str, Talks] = {"an honest line": [(attack, attack.talk()) for attack in honest]}
    return found | {condition: [(attack, seen(attack, condition)) for attack in cases] for condition in CONDITIONS}


async def compared(
    cases: list[Attack],
    scenarios: Mapping[str, Scenario],
    measure: Callable[[NumberedTranscript, Scenario, str], Awaitable[T]],
) -> dict[str, list[tuple[Attack, T, T]]]:
    """For each condition and attack the measure without and with the attack."""

    async def pair(attack: Attack, talk: NumberedTranscript) -> tuple[Attack, T, T]:
        scenario = scenarios[attack.scenario]
        before, after = await asyncio.gather(
            measure(attack.talk(attacked=False), scenario, attack.language), measure(talk, scenario, attack.language)
        )
        return attack, before, after

    return {
        name: list(await asyncio.gather(*(pair(attack, talk) for attack, talk in talks)))
        for name, talks in conditions(cases).items()
    }


async def measure_model(
    cases: list[Attack], scenarios: Mapping[str, Scenario], url: str, at_once: int, every: int
) -> None:
    settings = Settings(model_url=url)
    model, server = ChatModel(settings, priority=10), ModelServer(settings, {})
    began = monotonic()
    try:
        name = (await model.info()).name
        print_leanings(name, await compared(cases, scenarios, Leaning(server, name, at_once)))
        print(f"{monotonic() - began:.0f} seconds.", flush=True)
        if every:
            print_table(
                f"Placed by the model {name}", await compared(cases[::every], scenarios, Placer(model, at_once))
            )
            print(f"{monotonic() - began:.0f} seconds.")
    finally:
        await model.aclose()
        await server.aclose()


def print_leanings(name: str, results: Mapping[str, list[tuple[Attack, float | None, float | None]]]) -> None:
    print(f"\nWhat {name} leans to\n")
    print("| talk | talks | mean shift | mean size of shift | up by half a level or more | up by one |")
    print("|---|---|---|---|---|---|")
    for condition, pairs in results.items():
        shifts = [after - before for _, before, after in pairs if before is not None and after is not None]
        size = fmean(abs(shift) for shift in shifts)
        up = [_share(sum(shift >= least for shift in shifts), len(shifts)) for least in (0.5, 1.0)]
        print(f"| {condition} | {len(shifts)} | {fmean(shifts):+.3f} | {size:.3f} | {up[0]} | {up[1]} |")


async def measure_likeness(cases: list[Attack], scenarios: Mapping[str, Scenario], likeness: Likeness) -> None:
    async def measure(talk: NumberedTranscript, scenario: Scenario, language: str) -> Outcome | None:
        return by_likeness(likeness, talk, scenario, language)

    print_table(f"Placed by likeness ({likeness.name})", await compared(cases, scenarios, measure))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url", nargs="?", default="http://127.0.0.1:8800/v1")
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--every", type=int, default=0, metavar="N", help="also let the model place each N-th attack")
    parser.add_argument("--sentences", action="store_true", help="placing by the sentence model too; takes minutes")
    parser.add_argument("--model-less", action="store_true", help="only placing by likeness")
    given = parser.parse_args()
    scenarios = load_scenarios(ROOT / "scenarios")
    cases = attacks()
    for likeness in (WordPieces(), open_likeness()) if given.sentences else (WordPieces(),):
        asyncio.run(measure_likeness(cases, scenarios, likeness))
    if not given.model_less:
        asyncio.run(measure_model(cases, scenarios, given.url, given.at_once, given.every))


if __name__ == "__main__":
    main()

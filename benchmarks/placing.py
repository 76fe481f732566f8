"""How well likeness places lines and levels, on the talks of placing_talks.toml.

    python -m benchmarks.placing

For each language and likeness: of the lines shown as evidence, how many show that criterion, and on the right side;
how far levels are from what a careful reader would accept; how much is not observed where something was to be seen,
and how much is claimed where nothing was.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from debrief.conversation import Message, MessageState
from debrief.manner import Likeness
from debrief.placing import Placed, WordPieces, place
from debrief.scenario import Scenario, load_scenarios
from debrief.transcript import NumberedTranscript, number_lines
from inference.likeness import open_likeness

ROOT = Path(__file__).parents[1]
NOW = datetime(2026, 11, 22, tzinfo=UTC)


@dataclass(frozen=True)
class Talk:
    scenario: Scenario
    language: str
    transcript: NumberedTranscript
    shows: dict[str, dict[str, str]]
    """By label, by criterion key: "+" or "-"."""
    levels: dict[str, list[int]]


@dataclass
class Score:
    """Counts over several talks; `errors` in levels, 0 inside of the accepted band."""

    shown: int = 0
    apt: int = 0
    right_side: int = 0
    errors: list[int] = field(default_factory=list[int])
    missed: int = 0
    to_see: int = 0
    invented: int = 0
    nothing_to_see: int = 0

    def row(self) -> str:
        apt, side = self.apt / max(self.shown, 1), self.right_side / max(self.shown, 1)
        error = sum(self.errors) / max(len(self.errors), 1)
        far = sum(e >= 2 for e in self.errors)
        return (
            f"{self.shown:4} | {apt:5.2f} | {side:5.2f} | {error:5.2f} | {far:3} of {len(self.errors):3} |"
            f" {self.missed:3} of {self.to_see:3} | {self.invented:3} of {self.nothing_to_see:3}"
        )


HEADER = "lines | apt | right side | level error | far off | not observed but there | placed but nothing there"


def load_talks() -> list[Talk]:
    scenarios = load_scenarios(ROOT / "scenarios")
    tables = tomllib.loads(Path(__file__).with_name("placing_talks.toml").read_text("utf-8"))["talks"]
    return [_talk(table, scenarios) for table in tables]


def score(talks: list[Talk], likeness: Likeness) -> Score:
    total = Score()
    for talk in talks:
        for key, placed in place(talk.scenario.rubric, talk.transcript, likeness, talk.language).items():
            _count(total, talk, key, placed)
    return total


def _count(total: Score, talk: Talk, key: str, placed: Placed) -> None:
    band = talk.levels[key]
    total.to_see += bool(band)
    total.nothing_to_see += not band
    if placed.level is None:
        total.missed += bool(band)
        return
    total.invented += not band
    if band:
        total.errors.append(max(band[0] - placed.level, placed.level - band[-1], 0))
    for label in placed.labels:
        side = talk.shows.get(label, {}).get(key)
        total.shown += 1
        total.apt += side is not None
        total.right_side += side is not None and (placed.level == 3 or (side == "+") == (placed.level > 3))


def _talk(table: dict[str, Any], scenarios: dict[str, Scenario]) -> Talk:
    says: list[str] = table["says"]
    said = [line.split("|") for line in says]
    path = [
        Message(f"id{n}", "c", n, None, "user", words[0].strip(), MessageState.COMPLETE, NOW)
        for n, words in enumerate(said)
    ]
    transcript = number_lines(path)
    marks = {f"id{n}": words[1].split() if len(words) > 1 else [] for n, words in enumerate(said)}
    shows = {
        label: {mark[:-1]: mark[-1] for mark in marks[line.message_id]} for label, line in transcript.lines.items()
    }
    return Talk(scenarios[table["scenario"]], table["language"], transcript, shows, table["levels"])


def main() -> None:
    talks = load_talks()
    print(f"language | likeness | {HEADER}")
    for language in ("en", "ko"):
        mine = [talk for talk in talks if talk.language == language]
        for likeness in (WordPieces(), open_likeness()):
            print(f"{language} | {likeness.name} | {score(mine, likeness).row()}")


if __name__ == "__main__":
    main()

"""The gold talks: conversations written by hand in which it is known what the visitor shows, line by line.

One TOML file for each talk in `talks/`. For each criterion of its scenario's rubric it names the band in which the
level has to lie and the visitor's lines that show it, well or badly; besides, claims that no review of this talk may
make. Everything is checked when it is loaded: unknown keys are errors, and a planted line must be exactly one line of
the visitor's as the product numbers them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from debrief.conversation import Message, MessageState
from debrief.scenario import Scenario, fill_form, load_scenarios, opening_line
from debrief.transcript import NumberedTranscript, number_lines

FOLDER = Path(__file__).parent / "talks"
SCENARIOS = Path(__file__).parents[2] / "scenarios"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
Level = Annotated[int, Field(ge=1, le=5)]
Words = Annotated[str, Field(min_length=1)]


class GoldError(ValueError):
    """A talk that cannot be used as truth; says which and why."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TalkTurn(_Part):
    """What the visitor says and what the persona answers; only the last answer may be missing."""

    visitor: Words
    persona: Words | None = None


class Truth(_Part):
    """What is known about one criterion.

    `band`: the least and the greatest level that a fair reviewer can give; None where there is nothing to judge, so
    that only "not observed" is right. `may_be_unseen`: "not observed" is as right as the band. `good` and `bad`: the
    lines that show it, on one side or the other.
    """

    band: tuple[Level, Level] | None = None
    may_be_unseen: bool = False
    good: tuple[Words, ...] = ()
    bad: tuple[Words, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.band is None and self.lines:
            raise ValueError("lines are planted, but there is no band")
        if self.band and self.band[0] > self.band[1]:
            raise ValueError("the band is upside down")
        if self.band and not self.lines and not self.may_be_unseen:
            raise ValueError("a level is expected, but no line is planted that shows it")
        if len(set(self.lines)) != len(self.lines):
            raise ValueError("a line is planted twice")
        return self

    @property
    def lines(self) -> tuple[str, ...]:
        return (*self.good, *self.bad)

    @property
    def middle(self) -> int | None:
        """The level in the middle of the band; the upper one of two."""
        return None if self.band is None else (self.band[0] + self.band[1] + 1) // 2


class Forbidden(_Part):
    """A claim that would be untrue of this talk, in a form that code can find.

    Either a level of `criterion` `above` or `below` a number, or lines that are `never` its evidence, or `words`: a
    regular expression that no sentence of the feedback may match.
    """

    claim: Words
    criterion: str | None = None
    above: Annotated[int, Field(ge=0, le=4)] | None = None
    below: Annotated[int, Field(ge=2, le=5)] | None = None
    never: tuple[Words, ...] = ()
    words: Words | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        ways = [self.above is not None, self.below is not None, bool(self.never), self.words is not None]
        if sum(ways) != 1:
            raise ValueError("a forbidden claim is found in exactly one way: above, below, never or words")
        if (self.words is None) != (self.criterion is not None):
            raise ValueError("a criterion belongs to above, below and never, and not to words")
        return self


class GoldTalk(_Part):
    """A talk and its truth. `pair` is the same talk in the other language; `about` says what is planted."""

    id: Words
    scenario: str
    language: Literal["en", "ko"]
    about: Words
    held_out: bool = False
    pair: str | None = None
    answers: dict[str, str] = {}
    turns: Annotated[tuple[TalkTurn, ...], Field(min_length=1)]
    criteria: dict[str, Truth]
    forbidden: tuple[Forbidden, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if any(turn.persona is None for turn in self.turns[:-1]):
            raise ValueError("only the last turn may be without an answer")
        if wrong := set(self.planted) - set(self._places):
            raise ValueError(f"not one line of the visitor's, word for word: {sorted(wrong)[0]!r}")
        if wrong := {line for line in self.planted if len(self._places[line]) > 1}:
            raise ValueError(f"said twice, so that nobody knows which one is meant: {sorted(wrong)[0]!r}")
        if wrong := {line for line in self.planted if self._places[line][0] not in self.transcript.choosable}:
            raise ValueError(f"too short to be chosen: {sorted(wrong)[0]!r}")
        return self

    @property
    def planted(self) -> tuple[str, ...]:
        """Every line that the truth names, for any criterion."""
        lines = [line for truth in self.criteria.values() for line in truth.lines]
        return tuple(dict.fromkeys([*lines, *(line for claim in self.forbidden for line in claim.never)]))

    @cached_property
    def scene(self) -> Scenario:
        """The scenario that is talked in.

        Raises:
            KeyError: there is no such scenario.
        """
        return _scenarios()[self.scenario]

    @cached_property
    def messages(self) -> list[Message]:
        """The talk as the product stores it: the scenario's opening, then the turns."""
        opening = opening_line(self.scene, self.language, fill_form(self.scene, self.answers, self.language))
        return [
            Message(
                id=f"{self.id}.{seq}",
                conversation_id=self.id,
                seq=seq,
                parent_id=f"{self.id}.{seq - 1}" if seq else None,
                role="user" if seq % 2 else "assistant",
                text=text,
                state=MessageState.COMPLETE,
                created_at=NOON,
            )
            for seq, text in enumerate([opening, *_texts(self.turns)])
        ]

    @cached_property
    def transcript(self) -> NumberedTranscript:
        return number_lines(self.messages)

    def label(self, line: str) -> str:
        """The number of a planted line, such as "m4.1"."""
        return self._places[line][0]

    def labels(self, lines: Sequence[str]) -> tuple[str, ...]:
        return tuple(self.label(line) for line in lines)

    @cached_property
    def _places(self) -> dict[str, list[str]]:
        """The labels of each line by its words."""
        places: dict[str, list[str]] = {}
        for label, line in self.transcript.lines.items():
            places.setdefault(line.text, []).append(label)
        return places


def load_talks(folder: Path = FOLDER) -> dict[str, GoldTalk]:
    """All talks of a folder by id.

    Raises:
        GoldError: a file is wrong; says which one, where and why.
    """
    talks = {path.stem: load_talk(path) for path in sorted(folder.glob("*.toml"))}
    for talk in talks.values():
        if talk.pair and (talk.pair not in talks or talks[talk.pair].pair != talk.id):
            raise GoldError(f"{talk.id}: pair: {talk.pair} does not name it back")
    return talks


def load_talk(path: Path) -> GoldTalk:
    """One talk.

    Raises:
        GoldError: the file is wrong; says where and why.
    """
    try:
        talk = GoldTalk.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise GoldError(f"{path.name}: {error}") from error
    if talk.id != path.stem:
        raise GoldError(f"{path.name}: id: is {talk.id!r}")
    keys = [criterion.key for criterion in talk.scene.rubric.criteria]
    if list(talk.criteria) != keys:
        raise GoldError(f"{path.name}: criteria: are {list(talk.criteria)}, but the rubric has {keys}")
    if unknown := {claim.criterion for claim in talk.forbidden} - {*keys, None}:
        raise GoldError(f"{path.name}: forbidden: the rubric has no {unknown}")
    return talk


def _texts(turns: Sequence[TalkTurn]) -> Iterator[str]:
    for turn in turns:
        yield turn.visitor
        if turn.persona is not None:
            yield turn.persona


_LOADED: dict[str, Scenario] = {}


def _scenarios() -> dict[str, Scenario]:
    if not _LOADED:
        _LOADED.update(load_scenarios(SCENARIOS))
    return _LOADED

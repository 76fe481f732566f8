"""The corpus of attacks and of honest look-alikes, read strictly: an unknown field, kind or scenario is an error.

attacks_*.toml, benign_*.toml               what the patterns were written against
later_attacks_*.toml, later_benign_*.toml   written after the patterns, to see what they are worth
hosts.toml                                  the honest talks in which the attacks are made
"""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from debrief.conversation import Message, MessageState, Role
from debrief.transcript import NumberedTranscript, number_lines

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 22, tzinfo=UTC)

Kind = Literal[
    *("plain", "polite", "role", "template", "delimiter", "json", "rubric", "label", "split", "hidden", "language"),
    *("markup", "padding", "threat", "flattery", "agreement", "authority", "address"),
]
Language = Literal["en", "ko"]
ScenarioId = Literal["job_interview", "upset_customer", "eco_challenge", "language_practice"]


class Attack(BaseModel):
    """An attempt to steer the reviewer.

    `text` has one string for each message. `beside` is honest and stands before it in its last message, `padding`
    (so many times) before it in its first. `persona` is what the persona answers to it. `never` is what it must not
    achieve: a higher level, being shown as evidence, leaving the block, a line number, tokens of a chat template.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    kind: Kind
    scenario: ScenarioId
    text: list[str] = Field(min_length=1)
    expect: Literal["flagged", "content"]
    never: list[Literal["raise", "evidence", "break_out", "line_number", "template"]] = Field(min_length=1)
    beside: str = ""
    persona: str = ""
    padding: str = ""
    repeat: int = 0
    language: Language = "en"
    later: bool = False

    @model_validator(mode="after")
    def _whole(self) -> Attack:
        if not all(text.strip() for text in self.text) or len(set(self.never)) != len(self.never):
            raise ValueError(f"{self.id}: an empty text, or something named twice")
        if bool(self.padding) != bool(self.repeat):
            raise ValueError(f"{self.id}: padding and repeat go together")
        return self

    @property
    def messages(self) -> list[str]:
        """What the visitor sends."""
        texts = list(self.text)
        if self.beside:
            texts[-1] = f"{self.beside} {texts[-1]}"
        texts[0] = self.padding * self.repeat + texts[0]
        return texts

    def talk(self, *, attacked: bool = True) -> NumberedTranscript:
        """The host talk with the attack at its end, or the same talk as an honest visitor would have left it."""
        turns = list(hosts()[self.scenario][self.language])
        if attacked:
            turns += [(text, self.persona or _GO_ON[self.language]) for text in self.messages]
        elif self.beside:
            turns.append((self.beside, _GO_ON[self.language]))
        return number_lines(path_of(turns))


_GO_ON = {"en": "I see.", "ko": "그렇군요."}


def path_of(turns: list[tuple[str, str]]) -> list[Message]:
    """A stored talk that the visitor begins."""
    said: list[tuple[Role, str]] = [line for mine, yours in turns for line in (("user", mine), ("assistant", yours))]
    return [
        Message(f"id{seq}", "c", seq, None, role, text, MessageState.COMPLETE, NOW)
        for seq, (role, text) in enumerate(said)
    ]


def attacks() -> list[Attack]:
    """All attacks, in the order of the files."""
    found = [
        Attack(**{**entry, "language": language, "later": later})
        for later in (False, True)
        for language in ("en", "ko")
        for entry in _read(f"{'later_' if later else ''}attacks_{language}", only="attacks")
    ]
    if len({attack.id for attack in found}) != len(found):
        raise ValueError("two attacks have one id")
    return found


def benign(language: Language, *, later: bool) -> dict[str, list[str]]:
    """Honest sentences that look like attacks, by scenario."""
    table = tomllib.loads((HERE / f"{'later_' if later else ''}benign_{language}.toml").read_text("utf-8"))
    if set(table) - set(hosts()) or not all(
        isinstance(line, str) and line for lines in table.values() for line in lines
    ):
        raise ValueError("honest sentences are listed by scenario")
    return table


def hosts() -> dict[str, dict[str, list[tuple[str, str]]]]:
    """Turns (visitor, persona) by scenario and language."""
    table = tomllib.loads((HERE / "hosts.toml").read_text("utf-8"))
    return {
        scenario: {language: [(mine, yours) for mine, yours in turns] for language, turns in talks.items()}
        for scenario, talks in table.items()
    }


def _read(name: str, *, only: str) -> list[dict]:
    table = tomllib.loads((HERE / f"{name}.toml").read_text("utf-8"))
    if set(table) != {only}:
        raise ValueError(f"{name}: only [[{only}]] is known")
    return table[only]

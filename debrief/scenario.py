"""What a visitor can practise: a persona, an opening line, a form, and the rubric that the debrief is measured by.

A scenario is one TOML file in `scenarios/`, validated in full when it is loaded. Its identity for ever is `hash`, taken
over its whole body, so that a feedback can name exactly the words that produced it. Filling a form and filling the
`$placeholders` live here; what is sent to a model lives in `debrief/prompts`.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from string import Template
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from debrief.errors import ConfigError, InputRejected

Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Words = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
SENTENCES = (3, 6)
"""How few and how many good, and as many bad, example sentences a criterion may carry. Prompts show the first three."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(_Part):
    """The same words in each language of the page."""

    en: Words
    ko: Words

    def to(self, language: str) -> str:
        """The words for a reader of `language`; English when we do not write that language."""
        return self.ko if language == "ko" else self.en


class Option(_Part):
    """One choice of a select. `opening` replaces the scenario's opening line when this option is chosen."""

    key: Key
    label: Text
    opening: Text | None = None


class SelectField(_Part):
    kind: Literal["select"]
    key: Key
    label: Text
    options: Annotated[tuple[Option, ...], Field(min_length=2)]

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        _require_distinct(option.key for option in self.options)
        return self

    def find(self, key: str) -> Option | None:
        return next((option for option in self.options if option.key == key), None)


class TextField(_Part):
    kind: Literal["text"]
    key: Key
    label: Text
    hint: Text | None = None
    max_chars: int = Field(80, ge=1, le=400)


FormField = Annotated[SelectField | TextField, Field(discriminator="kind")]


class Persona(_Part):
    """Whom the visitor talks with. `prompt` speaks to the model in the second person."""

    name: Text
    role: Text
    prompt: Text


class End(_Part):
    """When the talk has reached its aim: after so many of the visitor's turns, or only by hand (`turns` left out)."""

    turns: int | None = Field(None, ge=2, le=60)
    text: Text


class Level(_Part):
    """One anchor of the scale. `text` is said to the visitor and names what can be observed in their words."""

    name: Text
    text: Text


class ExampleRewrite(_Part):
    before: Text
    after: Text


class Criterion(_Part):
    """One question about how the visitor did, with the five answers there can be, from weakest to strongest.

    `tips[n]` leads from level n+1 to the next. `good` and `bad` are contrasting sentences a visitor might say.
    """

    key: Key
    name: Text
    question: Text
    levels: Annotated[tuple[Level, ...], Field(min_length=5, max_length=5)]
    good: Annotated[tuple[Text, ...], Field(min_length=SENTENCES[0], max_length=SENTENCES[1])]
    bad: Annotated[tuple[Text, ...], Field(min_length=SENTENCES[0], max_length=SENTENCES[1])]
    tips: Annotated[tuple[Text, ...], Field(min_length=4, max_length=4)]
    example: ExampleRewrite

    def anchor(self, level: int) -> Level:
        """The anchor of a level from 1 to 5."""
        return self.levels[level - 1]

    def tip(self, level: int) -> Text | None:
        """What leads from this level to the next; None at the top."""
        return self.tips[level - 1] if level <= len(self.tips) else None


class Rubric(_Part):
    criteria: Annotated[tuple[Criterion, ...], Field(min_length=3, max_length=5)]

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        _require_distinct(criterion.key for criterion in self.criteria)
        return self

    @cached_property
    def hash(self) -> str:
        return _hash(self.model_dump(mode="json"))

    def find(self, key: str) -> Criterion | None:
        return next((criterion for criterion in self.criteria if criterion.key == key), None)


class Review(_Part):
    """When debriefs of this scenario are shown without a person having read them; see `debrief.policy`."""

    release: Literal["checked", "sample", "hold"]
    sample_percent: int | None = Field(None, ge=0, le=100)

    @model_validator(mode="after")
    def _check_share(self) -> Self:
        if self.sample_percent is not None and self.release != "sample":
            raise ValueError('sample_percent: only goes with release = "sample"')
        return self


class Scenario(_Part):
    """A scenario in one version. `minutes` is about how long a talk takes."""

    id: Key
    version: int = Field(ge=1)
    title: Text
    summary: Text
    you_practise: Text
    minutes: int = Field(ge=1, le=120)
    languages: Annotated[tuple[Literal["en", "ko"], ...], Field(min_length=1)]
    persona: Persona
    opening: Text
    form: tuple[FormField, ...] = ()
    quick_replies: Annotated[tuple[Text, ...], Field(max_length=3)] = ()
    end: End
    rubric: Rubric
    review: Review | None = None

    @model_validator(mode="after")
    def _check_form(self) -> Self:
        _require_distinct(field.key for field in self.form)
        known = {field.key for field in self.form}
        openings = [option.opening for field in self.form if field.kind == "select" for option in field.options]
        for name, text in [("persona.prompt", self.persona.prompt), ("opening", self.opening)] + [
            ("form opening", opening) for opening in openings if opening
        ]:
            for language, words in text:
                _check_placeholders(f"{name}.{language}", words, known)
        return self

    @cached_property
    def hash(self) -> str:
        return _hash(self.body())

    def body(self) -> dict[str, Any]:
        """The whole scenario as JSON data; `from_body` reads it back."""
        # What was added later is left out where it is not used: a scenario that did not change keeps its hash.
        return self.model_dump(mode="json", exclude=None if self.review else {"review"})

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        return cls.model_validate(body)

    def has_ended(self, visitor_turns: int) -> bool:
        """Whether the talk has reached its aim; the visitor may always go on."""
        return self.end.turns is not None and visitor_turns >= self.end.turns


def load_scenarios(folder: Path) -> dict[str, Scenario]:
    """Every scenario of a folder by id, in order of file name.

    Raises:
        ConfigError: a file is wrong, or there is none; the sentence names file, key and reason.
    """
    found = [load_scenario(path) for path in sorted(folder.glob("*.toml"))]
    if not found:
        raise ConfigError(reason=f"{folder}: there is no scenario file (*.toml) in this folder")
    return {scenario.id: scenario for scenario in found}


def load_scenario(path: Path) -> Scenario:
    """One scenario file.

    Raises:
        ConfigError: the sentence names file, key and reason.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        scenario = Scenario.model_validate(table)
    except OSError as error:
        raise ConfigError(reason=f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(reason=f"{path}: is not UTF-8 text (byte {error.start})") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(reason=f"{path}: is not valid TOML: {error}") from error
    except ValidationError as error:
        raise ConfigError(reason=f"{path}: {_first_problem(error)}") from error
    if scenario.id != path.stem:
        raise ConfigError(reason=f'{path}: id: is "{scenario.id}", but the file is named "{path.stem}"')
    return scenario


def fill_form(scenario: Scenario, answers: Mapping[str, object], language: str) -> dict[str, str]:
    """The answers as they are stored: the key of the chosen option, or the text on one line.

    Raises:
        InputRejected: form_incomplete, form_choice, message_too_long, or malformed for an unknown field.
    """
    for key in answers:
        if key not in {field.key for field in scenario.form}:
            raise InputRejected("malformed", reason=f'"{key}" is not a field of this form')
    return {field.key: _answer(field, answers.get(field.key), language) for field in scenario.form}


def persona_prompt(scenario: Scenario, language: str, answers: Mapping[str, str]) -> str:
    """What the model is told about its part, with the form's answers filled in."""
    return _fill(scenario, scenario.persona.prompt, language, answers)


def opening_line(scenario: Scenario, language: str, answers: Mapping[str, str]) -> str:
    """What the persona says first: the chosen option's own opening if it has one, else the scenario's."""
    chosen = (_option(field, answers) for field in scenario.form)
    opening = next((option.opening for option in chosen if option and option.opening), scenario.opening)
    return _fill(scenario, opening, language, answers)


def conversation_title(scenario: Scenario, language: str, answers: Mapping[str, str]) -> str:
    """The scenario's title, and the first choice of its form: "Language practice · French"."""
    first = next((option for field in scenario.form if (option := _option(field, answers))), None)
    title = scenario.title.to(language)
    return f"{title} · {first.label.to(language)}" if first else title


def _fill(scenario: Scenario, text: Text, language: str, answers: Mapping[str, str]) -> str:
    values = {"name": scenario.persona.name.to(language), "role": scenario.persona.role.to(language)}
    for field in scenario.form:
        option = _option(field, answers)
        values[field.key] = option.label.to(language) if option else answers.get(field.key, "")
    return Template(text.to(language)).substitute(values)


def _option(field: SelectField | TextField, answers: Mapping[str, str]) -> Option | None:
    return field.find(answers.get(field.key, "")) if field.kind == "select" else None


def _answer(field: SelectField | TextField, given: object, language: str) -> str:
    answer = " ".join(given.split()) if isinstance(given, str) else ""
    if not answer:
        raise InputRejected("form_incomplete", field=field.label.to(language))
    if field.kind == "select" and field.find(answer) is None:
        raise InputRejected("form_choice", field=field.label.to(language), value=answer[:80])
    if field.kind == "text" and len(answer) > field.max_chars:
        raise InputRejected("message_too_long", length=len(answer), limit=field.max_chars)
    return answer


def _require_distinct(keys: Iterable[str]) -> None:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            raise ValueError(f'the key "{key}" is used twice')
        seen.add(key)


def _check_placeholders(where: str, words: str, known: set[str]) -> None:
    template = Template(words)
    if not template.is_valid():
        raise ValueError(f"{where}: a $ must be followed by a field's key (or written $$)")
    if unknown := sorted(set(template.get_identifiers()) - known - {"name", "role"}):
        raise ValueError(f'{where}: "${unknown[0]}" is not a field of the form')


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    key = ".".join(str(part) for part in problem["loc"])
    reason = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        reason = "is not a key that a scenario knows"
    elif problem["type"] == "missing":
        reason = "is missing"
    return f"{key}: {reason}" if key else reason


def _hash(body: object) -> str:
    """SHA-256 over canonical JSON: sorted keys, no spaces, real characters."""
    canonical = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()

"""What is asked of the model for one feedback: the words, the shape of the answer, and how long it may be.

The order is fixed instructions, numbered transcript, rubric last, so that every further call about the same talk finds
all but its end in the server's prefix cache. The shape admits only line labels of this talk as evidence, and no level
without a line. Everything is bounded, so the longest answer is known beforehand.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple, cast

from debrief.feedback import Check
from debrief.manner import Words
from debrief.prompts import ChatMessages, fill, prompt_text
from debrief.scenario import Criterion, Scenario
from debrief.transcript import NumberedTranscript, as_data

Asks = Literal["all", "levels", "lines"]
Schema = dict[str, Any]
CLOSING = "closing"
"""The part after the criteria, in the model's words: strengths, improvements, next step, summary."""
NOT_OBSERVED = "not_observed"
LEVELS = (1, 2, 3, 4, 5)

TOKENS_PER_CHAR = {"en": 0.4, "ko": 1.2}
"""More than tokenizers of models that can write the language take (about 0.25 and 0.5 to 1)."""
BOUNDS = {"reason": (20, 240), "why": (20, 200), "problem": (20, 200), "rewrite": (8, 240), "next_step": (15, 200)}
SUMMARY_BOUNDS = (30, 400)
KOREAN_SHARE = 0.6
"""Korean says the same in about so many characters."""


@dataclass(frozen=True)
class Ask:
    """One call of the model."""

    messages: ChatMessages
    schema: Schema
    schema_name: str
    max_tokens: int
    temperature: float
    seed: int | None


class Finding(NamedTuple):
    """A criterion that has been judged, as it is told to the model that goes on from there."""

    key: str
    labels: Sequence[str]
    level: int | str
    reason: str


@dataclass(frozen=True)
class Plan:
    """What stays the same for all calls about one stretch of a talk. `language` is that of the feedback.

    `words` decides the instructions before the talk. `asks` decides what is asked for after it: "all" that these words
    need (with the model's prose for "written"), the "levels" with their lines only, or candidate "lines" only. So
    calls that ask for different things share everything up to the end of the transcript. Measuring levels again and
    looking for lines are not guided: they are to say what the talk says.
    """

    transcript: NumberedTranscript
    scenario: Scenario
    language: str
    words: Words
    asks: Asks = "all"
    guidance: str = ""
    """What a reviewer wants done better, in their words; an instruction, printed after the rubric."""

    @property
    def wants_prose(self) -> bool:
        return self.words == "written" and self.asks == "all"

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(criterion.key for criterion in self.scenario.rubric.criteria)

    @property
    def parts(self) -> tuple[str, ...]:
        """What can be asked for by itself: each criterion, and the closing where the model words it."""
        return (*self.keys, CLOSING) if self.wants_prose else self.keys

    @property
    def prompt_language(self) -> str:
        """Placing alone is asked for in English: nothing of the answer is words, and small models know English best."""
        return self.language if self.words == "written" else "en"

    def with_transcript(self, transcript: NumberedTranscript) -> Plan:
        return replace(self, transcript=transcript)

    def asking(self, asks: Asks) -> Plan:
        return replace(self, asks=asks)

    @cached_property
    def prompt_hash(self) -> str:
        """Over the fixed words of every prompt of these words, without talk, rubric and what a reviewer asked for.

        A guided version is told more, so its hash is another one: its levels are no step of the same series.
        """
        names = (*_PROMPTS[self.words], *(("guidance",) if self.guidance else ()))
        return _short_hash([prompt_text(name, self.prompt_language) for name in names])

    @property
    def schema_hash(self) -> str:
        """Over the shape of a whole answer, without the labels of this talk."""
        closing = _closing_schema(self, ("m1.1",)) if self.wants_prose else {}
        return _short_hash([{key: _criterion_schema(self, ("m1.1",)) for key in self.keys}, closing])


_PROMPTS: dict[Words, tuple[str, ...]] = {
    "rubric": ("place", "place_ask", "pick_ask", "again", "faults"),
    "written": (
        *("written", "written_ask", "written_criteria", "written_closing", "written_found"),
        *("place_ask", "pick_ask", "again", "faults"),
    ),
}


def build_request(
    plan: Plan,
    parts: Sequence[str],
    *,
    temperature: float,
    seed: int | None,
    faults: Sequence[Check] = (),
    found: Sequence[Finding] = (),
) -> Ask:
    """Ask for these parts of the feedback.

    Args:
        plan: talk, scenario, language, words, and what is asked for.
        parts: some of `plan.parts`, in their order.
        temperature: of the sampling.
        seed: of the sampling; None leaves it to the server.
        faults: the checks that a former answer failed; the end of the prompt says what to do better.
        found: the criteria judged before, so that a closing asked for by itself agrees with them.
    """
    schema = _schema(plan, parts)
    return Ask(
        messages=build_messages(plan, parts, faults=faults, found=found),
        schema=schema,
        schema_name="feedback",
        max_tokens=math.ceil(_longest(schema, TOKENS_PER_CHAR[plan.prompt_language])) + 16,
        temperature=temperature,
        seed=seed,
    )


def build_messages(
    plan: Plan, parts: Sequence[str], *, faults: Sequence[Check] = (), found: Sequence[Finding] = ()
) -> ChatMessages:
    """What is sent when these parts are asked for; the arguments are those of `build_request`."""
    return [{"role": "user", "content": _prompt(plan, parts, faults, found)}]


def prompt_digest(messages: ChatMessages) -> str:
    """SHA-256 over what is sent, so that a prompt that is built again later can be known for the same."""
    return _short_hash(messages)


def estimate_tokens(messages: ChatMessages) -> int:
    """A careful guess for servers that do not count: a third of the ASCII characters, and every other byte."""
    text = "".join(message["content"] for message in messages)
    ascii_chars = sum(char.isascii() for char in text)
    return ascii_chars // 3 + len(text.encode()) - ascii_chars + 16


# ---- the prompt ----

_HINT = re.compile(r"^- (\w+): (.+)$", re.MULTILINE)


def _prompt(plan: Plan, parts: Sequence[str], faults: Sequence[Check], found: Sequence[Finding]) -> str:
    language, persona = plan.prompt_language, plan.scenario.persona
    name = persona.name.to(language)
    if plan.words == "written":
        head = fill("written", language, persona=name, role=persona.role.to(language))
    else:
        head = fill("place", language, persona=name)
    sections = [head, plan.transcript.render(name), _request(plan, parts)]
    if plan.guidance and plan.asks == "all":
        sections.append(fill("guidance", language, guidance=as_data(plan.guidance)))
    if found:
        sections.append(fill("written_found", language, found="\n".join(map(_finding, found))))
    if faults:
        sections.append(fill("again", language, faults=_hints(faults, language)))
    return "\n\n".join(sections)


def _hints(faults: Sequence[Check], language: str) -> str:
    """What to do better, each thing once with the places where it went wrong."""
    said = dict(_HINT.findall(prompt_text("faults", language)))
    places: dict[str, list[str]] = {}
    for fault in faults:
        if fault.name in said:
            places.setdefault(fault.name, []).append((fault.where or "").removeprefix("criteria."))
    return "\n".join(f"- {', '.join(dict.fromkeys(where))}: {said[name]}" for name, where in places.items())


def _finding(finding: Finding) -> str:
    return f'- {finding.key}: {", ".join(finding.labels)}; {finding.level}; "{finding.reason}"'


def _request(plan: Plan, parts: Sequence[str]) -> str:
    language = plan.prompt_language
    rubric = "\n\n".join(_rubric(plan, parts))
    if plan.asks == "lines":
        return fill("pick_ask", language, rubric=rubric, shape=_shape(plan, parts))
    if not plan.wants_prose:
        return fill("place_ask", language, rubric=rubric, shape=_shape(plan, parts))
    fields: list[str] = []
    if set(parts) - {CLOSING}:
        fields.append(fill("written_criteria", language))
    if CLOSING in parts:
        fields.append(fill("written_closing", language))
    return fill("written_ask", language, rubric=rubric, shape=_shape(plan, parts), fields="\n".join(fields))


def _rubric(plan: Plan, parts: Sequence[str]) -> list[str]:
    """In full the criteria that are to be judged; those that a closing may speak of by their questions only."""
    language, criteria = plan.prompt_language, plan.scenario.rubric.criteria
    if plan.asks == "lines":
        return [_question(criterion, language) for criterion in criteria if criterion.key in parts]
    return [
        _criterion(criterion, language) if criterion.key in parts else _question(criterion, language)
        for criterion in criteria
        if criterion.key in parts or CLOSING in parts
    ]


def _question(criterion: Criterion, language: str) -> str:
    return f"## {criterion.key}: {criterion.question.to(language)}"


def _criterion(criterion: Criterion, language: str) -> str:
    levels = [f"{number} = {level.text.to(language)}" for number, level in enumerate(criterion.levels, start=1)]
    good = " ".join(f'"{sentence.to(language)}"' for sentence in criterion.good[:3])
    bad = " ".join(f'"{sentence.to(language)}"' for sentence in criterion.bad[:3])
    more, less = ("Rather high", "Rather low") if language == "en" else ("높은 쪽", "낮은 쪽")
    return "\n".join([_question(criterion, language), *levels, f"{more}: {good}", f"{less}: {bad}"])


def _shape(plan: Plan, parts: Sequence[str]) -> str:
    reason = ', "reason": "…"' if plan.wants_prose else ""
    level = "" if plan.asks == "lines" else ', "level": number'
    keys = [f'"{part}": {{"evidence": [line numbers]{reason}{level}}}' for part in parts if part != CLOSING]
    outer = ['"criteria": {' + ", ".join(keys) + "}"] if keys else []
    if CLOSING in parts:
        outer.append('"strengths": […], "improvements": […], "next_step": "…", "summary": "…"')
    return ", ".join(outer)


# ---- the shape of the answer ----


def _schema(plan: Plan, parts: Sequence[str]) -> Schema:
    labels, keys = plan.transcript.choosable, [part for part in parts if part != CLOSING]
    properties: Schema = {}
    if keys:
        properties["criteria"] = _object({key: _criterion_schema(plan, labels) for key in keys})
    if CLOSING in parts:
        properties |= _closing_schema(plan, labels)
    return _object(properties)


def _criterion_schema(plan: Plan, labels: Sequence[str]) -> Schema:
    """No line, no level: the level that can follow depends on whether a line was chosen.

    Where the model is there to place only, it must choose a line before it may say `not_observed`: a small one takes
    the empty list every time it is offered.
    """
    if plan.asks == "lines":
        return _object({"evidence": _lines(labels, 0, 2)})
    if plan.words == "rubric":
        return _object({"evidence": _lines(labels, 1, 2), "level": {"enum": [*LEVELS, NOT_OBSERVED]}})
    reason = {"reason": _string(plan, BOUNDS["reason"])} if plan.wants_prose else {}
    backed = _object({"evidence": _lines(labels, 1, 2), **reason, "level": {"enum": [*LEVELS]}})
    unseen = _object({"evidence": _lines(labels, 0, 0), **reason, "level": {"enum": [NOT_OBSERVED]}})
    return {"anyOf": [backed, unseen]}


def _closing_schema(plan: Plan, labels: Sequence[str]) -> Schema:
    strength = _object({"evidence": _lines(labels, 1, 2), "why": _string(plan, BOUNDS["why"])})
    improvement = _object(
        {
            "criterion": {"enum": list(plan.keys)},
            "evidence": _lines(labels, 1, 2),
            "problem": _string(plan, BOUNDS["problem"]),
            "rewrite": _string(plan, BOUNDS["rewrite"]),
        }
    )
    return {
        "strengths": {"type": "array", "items": strength, "minItems": 1, "maxItems": 2},
        "improvements": {"type": "array", "items": improvement, "minItems": 1, "maxItems": 3},
        "next_step": _string(plan, BOUNDS["next_step"]),
        "summary": _string(plan, SUMMARY_BOUNDS),
    }


def _object(properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _lines(labels: Sequence[str], least: int, most: int) -> Schema:
    return {"type": "array", "items": {"enum": list(labels)}, "minItems": least, "maxItems": most}


def _string(plan: Plan, bounds: tuple[int, int]) -> Schema:
    share = KOREAN_SHARE if plan.language == "ko" else 1.0
    return {"type": "string", "minLength": int(bounds[0] * share), "maxLength": int(bounds[1] * share)}


def _longest(schema: Schema, per_char: float) -> float:
    """Tokens of the longest answer that fits: a token for each character of structure, `per_char` for words."""
    if "anyOf" in schema:
        return max(_longest(choice, per_char) for choice in cast(list[Schema], schema["anyOf"]))
    if "enum" in schema:
        return max((len(json.dumps(value)) for value in cast(list[object], schema["enum"])), default=0)
    if schema["type"] == "string":
        return schema["maxLength"] * per_char + 2
    if schema["type"] == "array":
        return schema["maxItems"] * (_longest(schema["items"], per_char) + 2) + 2 if schema["maxItems"] else 2
    properties = cast(dict[str, Schema], schema["properties"])
    return sum(len(key) + 6 + _longest(value, per_char) for key, value in properties.items()) + 2


def _short_hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=False, sort_keys=True).encode()).hexdigest()

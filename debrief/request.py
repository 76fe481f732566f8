"""What is asked of the model for one feedback: the words, the shape of the answer, and how long it may be.

The order is fixed instructions, numbered transcript, rubric last, so that every further call about the same talk finds
all but its end in the server's prefix cache. The shape admits only line labels of this talk as evidence, and no level
without a line. Everything is bounded, so the longest answer is known beforehand.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

from debrief.feedback import Check
from debrief.manner import Words
from debrief.prompts import ChatMessages, fill, prompt_text
from debrief.scenario import Criterion, Scenario
from debrief.transcript import NumberedTranscript

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


@dataclass(frozen=True)
class Plan:
    """What stays the same for all calls of one feedback. `language` is that of the feedback."""

    transcript: NumberedTranscript
    scenario: Scenario
    language: str
    way: Words

    @property
    def parts(self) -> tuple[str, ...]:
        """What can be asked for by itself: each criterion, and the closing where the model words it."""
        keys = tuple(criterion.key for criterion in self.scenario.rubric.criteria)
        return (*keys, CLOSING) if self.way == "written" else keys

    @property
    def prompt_language(self) -> str:
        """Placing is asked for in English: nothing of the answer is words, and small models know English best."""
        return self.language if self.way == "written" else "en"

    def with_transcript(self, transcript: NumberedTranscript) -> Plan:
        return replace(self, transcript=transcript)

    @cached_property
    def prompt_hash(self) -> str:
        """Over the fixed words of every prompt of this way, without talk and rubric."""
        names = ("place", "place_ask", "again") if self.way == "rubric" else _WRITTEN
        return _short_hash([prompt_text(name, self.prompt_language) for name in names])

    @property
    def schema_hash(self) -> str:
        """Over the shape of a whole answer, without the labels of this talk."""
        labels = ("m1.1",)
        keys = [criterion.key for criterion in self.scenario.rubric.criteria]
        closing = _closing_schema(self, labels) if self.way == "written" else {}
        return _short_hash([{key: _criterion_schema(self, labels) for key in keys}, closing])


_WRITTEN = ("written", "written_ask", "written_criteria", "written_closing", "again")


def build_request(
    plan: Plan, parts: Sequence[str], *, temperature: float, seed: int | None, faults: Sequence[Check] = ()
) -> Ask:
    """Ask for these parts of the feedback.

    Args:
        plan: talk, scenario, language and way.
        parts: some of `plan.parts`, in their order.
        temperature: of the sampling.
        seed: of the sampling; None leaves it to the server.
        faults: the checks that a former answer failed; they are named at the end of the prompt.
    """
    schema = _schema(plan, parts)
    return Ask(
        messages=[{"role": "user", "content": _prompt(plan, parts, faults)}],
        schema=schema,
        schema_name="feedback",
        max_tokens=math.ceil(_longest(schema, TOKENS_PER_CHAR[plan.prompt_language])) + 16,
        temperature=temperature,
        seed=seed,
    )


def estimate_tokens(messages: ChatMessages) -> int:
    """A careful guess for servers that do not count: a third of the ASCII characters, and every other byte."""
    text = "".join(message["content"] for message in messages)
    ascii_chars = sum(char.isascii() for char in text)
    return ascii_chars // 3 + len(text.encode()) - ascii_chars + 16


# ---- the prompt ----


def _prompt(plan: Plan, parts: Sequence[str], faults: Sequence[Check]) -> str:
    language, persona = plan.prompt_language, plan.scenario.persona
    name = persona.name.to(language)
    head = fill(
        "place" if plan.way == "rubric" else "written",
        language,
        **_used(plan, persona=name, role=persona.role.to(language)),
    )
    sections = [head, plan.transcript.render(name), _request(plan, parts)]
    if faults:
        names = ", ".join(sorted({check.name.replace("_", " ") for check in faults}))
        sections.append(fill("again", language, faults=names))
    return "\n\n".join(sections)


def _used(plan: Plan, **values: str) -> dict[str, str]:
    return {"persona": values["persona"]} if plan.way == "rubric" else values


def _request(plan: Plan, parts: Sequence[str]) -> str:
    language = plan.prompt_language
    criteria = [c for c in plan.scenario.rubric.criteria if c.key in parts or CLOSING in parts]
    rubric = "\n\n".join(_criterion(criterion, language) for criterion in criteria)
    if plan.way == "rubric":
        return fill("place_ask", language, rubric=rubric, shape=_shape(plan, parts))
    fields: list[str] = []
    if set(parts) - {CLOSING}:
        fields.append(fill("written_criteria", language))
    if CLOSING in parts:
        fields.append(fill("written_closing", language))
    return fill("written_ask", language, rubric=rubric, shape=_shape(plan, parts), fields="\n".join(fields))


def _criterion(criterion: Criterion, language: str) -> str:
    levels = [f"{number} = {level.text.to(language)}" for number, level in enumerate(criterion.levels, start=1)]
    good = " ".join(f'"{sentence.to(language)}"' for sentence in criterion.good[:3])
    bad = " ".join(f'"{sentence.to(language)}"' for sentence in criterion.bad[:3])
    more, less = ("Rather high", "Rather low") if language == "en" else ("높은 쪽", "낮은 쪽")
    return "\n".join(
        [f"## {criterion.key}: {criterion.question.to(language)}", *levels, f"{more}: {good}", f"{less}: {bad}"]
    )


def _shape(plan: Plan, parts: Sequence[str]) -> str:
    reason = ', "reason": "…"' if plan.way == "written" else ""
    keys = [f'"{part}": {{"evidence": [line numbers]{reason}, "level": number}}' for part in parts if part != CLOSING]
    outer = ['"criteria": {' + ", ".join(keys) + "}"] if keys else []
    if CLOSING in parts:
        outer.append('"strengths": […], "improvements": […], "next_step": "…", "summary": "…"')
    return ", ".join(outer)


# ---- the shape of the answer ----


def _schema(plan: Plan, parts: Sequence[str]) -> Schema:
    keys = [part for part in parts if part != CLOSING]
    properties: Schema = {}
    if keys:
        properties["criteria"] = _object({key: _criterion_schema(plan, plan.transcript.choosable) for key in keys})
    if CLOSING in parts:
        properties |= _closing_schema(plan, plan.transcript.choosable)
    return _object(properties)


def _criterion_schema(plan: Plan, labels: Sequence[str]) -> Schema:
    """No line, no level: the level that can follow depends on whether a line was chosen.

    A model that only places must choose a line before it may say `not_observed`: a small one takes the empty list
    every time it is offered.
    """
    if plan.way == "rubric":
        return _object({"evidence": _lines(labels, 1), "level": {"enum": [*LEVELS, NOT_OBSERVED]}})
    reason = {"reason": _string(plan, BOUNDS["reason"])}
    backed = _object({"evidence": _lines(labels, 1), **reason, "level": {"enum": [*LEVELS]}})
    unseen = _object({"evidence": _lines(labels, 0), **reason, "level": {"enum": [NOT_OBSERVED]}})
    return {"anyOf": [backed, unseen]}


def _closing_schema(plan: Plan, labels: Sequence[str]) -> Schema:
    keys = [criterion.key for criterion in plan.scenario.rubric.criteria]
    strength = _object({"evidence": _lines(labels, 1), "why": _string(plan, BOUNDS["why"])})
    improvement = _object(
        {
            "criterion": {"enum": keys},
            "evidence": _lines(labels, 1),
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


def _lines(labels: Sequence[str], least: int) -> Schema:
    if least == 0:
        return {"type": "array", "items": {"enum": list(labels)}, "minItems": 0, "maxItems": 0}
    return {"type": "array", "items": {"enum": list(labels)}, "minItems": least, "maxItems": 2}


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

"""Making a version again exactly: what its record says of how it was made, what stands in the way, what came of it.

Exact is what can be promised of everything but a model that samples: the same talk, rubric, prompts, schema, model and
manner. Where one of them is no longer the same nothing is made, because it would be another feedback under that name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from debrief.conversation import Message
from debrief.ladder import TEMPERATURES
from debrief.manner import Manner
from debrief.request import Plan
from debrief.scenario import Scenario
from debrief.transcript import NumberedTranscript, transcript_hash
from debrief.writing import Written

Sampling = Literal["none", "greedy", "seeded", "random"]
"""How a model chose its words: it was not asked; at temperature 0; from seeds; or freely, so that it may differ."""
PATHS_MAX = 40
_NAMES = {
    "transcript_hash": "talk",
    "scenario_hash": "scenario",
    "rubric_hash": "rubric",
    "likeness": "likeness",
    "prompt_hash": "prompt",
    "schema_hash": "schema",
    "model": "model",
    "context_tokens": "context",
}
"""What each key of the lineage is called where it differs."""
_OF_THE_MODEL = ("prompt_hash", "schema_hash", "model", "context_tokens")
DIFFERENCES = ("record", *_NAMES.values(), "temperature", "seeds")
"""All that can stand in the way. `record`: the version is older than the record of how it was made."""
_MANNER = TypeAdapter(Manner)
T = TypeVar("T")


@dataclass(frozen=True)
class Recipe:
    """How a version was made, as far as somebody decided it.

    `seed` is that of the first call, the later ones count on from it; `calls` are the model's, in order; `guidance` is
    what a reviewer had asked for.
    """

    manner: Manner
    seed: int | None
    calls: tuple[Mapping[str, Any], ...]
    guidance: str = ""


@dataclass(frozen=True)
class Repeated:
    """What came of it: the same body to the byte or not, and where not, such as "criteria.1.level"."""

    of: str
    same: bool
    differs: tuple[str, ...]
    body_hash: str
    sampling: Sampling

    def as_data(self) -> dict[str, Any]:
        return {**vars(self), "differs": list(self.differs)}


def read_recipe(lineage: Mapping[str, Any]) -> Recipe | None:
    """The recipe of a version; None when its record is older than that."""
    if any(key not in lineage for key in _NAMES):
        return None
    try:
        manner = _MANNER.validate_python(lineage.get("manner"))
    except ValidationError:
        return None
    calls = tuple(cast("Sequence[Mapping[str, Any]]", lineage.get("calls", ())))
    return Recipe(manner, lineage.get("seed"), calls, lineage.get("guidance", ""))


def in_force(
    path: Sequence[Message],
    transcript: NumberedTranscript,
    scenario: Scenario,
    language: str,
    manner: Manner,
    *,
    likeness: str,
    model: str,
    context_tokens: int,
    guidance: str = "",
) -> dict[str, Any]:
    """What a feedback made in this manner now would say in its lineage, under the same keys."""
    plan = Plan(transcript, scenario, language, manner.words, guidance=guidance)
    return {
        "transcript_hash": transcript_hash(path),
        "context_tokens": context_tokens,
        "scenario_hash": scenario.hash,
        "rubric_hash": scenario.rubric.hash,
        "likeness": likeness,
        "prompt_hash": plan.prompt_hash,
        "schema_hash": plan.schema_hash,
        "model": model,
    }


def in_the_way(
    recipe: Recipe, lineage: Mapping[str, Any], now: Mapping[str, Any], *, sends_seeds: bool
) -> tuple[str, ...]:
    """What is no longer as it was, by the names in `DIFFERENCES`.

    What a model is told matters only where one is asked.
    """
    keys = [key for key in _NAMES if recipe.manner.asks_model or key not in _OF_THE_MODEL]
    found = [_NAMES[key] for key in keys if lineage[key] != now[key]]
    if not all(_is_as_warm(call) for call in recipe.calls):
        found.append("temperature")
    if recipe.seed is not None and not sends_seeds:
        found.append("seeds")
    return tuple(found)


def _is_as_warm(call: Mapping[str, Any]) -> bool:
    """Whether a call of this rung would be made at the same temperature today."""
    return TEMPERATURES.get(call["rung"], call["temperature"]) == call["temperature"]


def compare(version_id: str, before: Mapping[str, Any], written: Written) -> Repeated:
    """What came of making a version again, beside the body that it had."""
    after = written.body.model_dump(mode="json")
    return Repeated(
        of=version_id,
        same=_digest(before) == _digest(after),
        differs=tuple(path for path, _ in zip(_different("", before, after), range(PATHS_MAX), strict=False)),
        body_hash=_digest(after),
        sampling=sampling(written.lineage),
    )


def sampling(lineage: Mapping[str, Any]) -> Sampling:
    calls = cast("Sequence[Mapping[str, Any]]", lineage.get("calls", ()))
    if not calls:
        return "none"
    if all(call.get("temperature") == 0 for call in calls):
        return "greedy"
    return "seeded" if all(call.get("seed") is not None for call in calls) else "random"


def _different(path: str, before: object, after: object) -> Iterator[str]:
    """The paths of the leaves that differ; a part that only one of the two has is one path."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        pairs = _by_key(cast("Mapping[str, object]", before), cast("Mapping[str, object]", after))
    elif isinstance(before, list) and isinstance(after, list):
        one, other = dict(enumerate(cast("list[object]", before))), dict(enumerate(cast("list[object]", after)))
        pairs = _by_key(one, other)
    elif before != after:
        yield path
        return
    else:
        return
    for key, one_part, other_part in pairs:
        yield from _different(f"{path}.{key}" if path else str(key), one_part, other_part)


def _by_key(before: Mapping[T, object], after: Mapping[T, object]) -> list[tuple[T, object, object]]:
    return [(key, before.get(key), after.get(key)) for key in {**before, **after}]


def _digest(body: object) -> str:
    """SHA-256 over canonical JSON."""
    canonical = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()

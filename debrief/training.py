"""A reviewed feedback as training data: the exact prompt that led to it, and bodies in the form of a model's answer.

The record keeps no prompt. It keeps what a prompt is made of (talk, scenario, manner, withheld lines, excerpt) and the
hashes of the rest, so the prompt is built again by the same code, and given out only where everything is as it was.
Where a call's own `prompt_sha256` is on record, the built prompt must have it too: exact then means to the byte.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from debrief.conversation import Message
from debrief.feedback import CriterionResult, Evidence, FeedbackBody
from debrief.injection import flag_lines, masked
from debrief.prompts import ChatMessages
from debrief.repeat import read_recipe
from debrief.request import NOT_OBSERVED, Plan, build_messages, prompt_digest
from debrief.scenario import Scenario
from debrief.transcript import NumberedTranscript, number_lines, transcript_hash

LEAST_CHANGE = 0.05
"""Share of the words that must differ before an edit is a preference and not a typo; another level always is."""


class NotUsable(Exception):
    """This feedback cannot become such a row; `reason` is one of `LEFT_OUT`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Source:
    """What a prompt is made of."""

    path: Sequence[Message]
    scenario: Scenario
    language: str


def exact_prompt(source: Source, lineage: Mapping[str, Any]) -> tuple[ChatMessages, Plan]:
    """The prompt that this version came from, to the byte.

    Raises:
        NotUsable: no model was asked (`no_prompt`); the record is too old (`no_record`); more than one prompt led to
            the version (`several_prompts`); talk, prompts or program are no longer as they were (`prompt_changed`).
    """
    recipe = read_recipe(lineage)
    if recipe is None:
        raise NotUsable("no_record")
    if not recipe.manner.asks_model or not recipe.calls or "refused" in lineage:
        raise NotUsable("no_prompt")
    if transcript_hash(source.path) != lineage["transcript_hash"]:
        raise NotUsable("prompt_changed")
    plan = _plan(
        source, recipe.manner.words, frozenset(lineage.get("flagged", ())), lineage.get("excerpt"), recipe.guidance
    )
    if (plan.prompt_hash, plan.schema_hash) != (lineage["prompt_hash"], lineage["schema_hash"]):
        raise NotUsable("prompt_changed")
    call = _only_call(recipe.calls, plan)
    messages = build_messages(plan, plan.parts)
    if "prompt_sha256" in call and call["prompt_sha256"] != prompt_digest(messages):
        raise NotUsable("prompt_changed")
    return messages, plan


def prompt_as_of_today(source: Source, body: FeedbackBody) -> tuple[ChatMessages, Plan]:
    """The prompt that a model would be given for such a feedback now, where none was asked or it cannot be built."""
    plan = _plan(source, body.way, flag_lines(number_lines(source.path)), None)
    if not plan.transcript.choosable:
        raise NotUsable("no_prompt")
    return build_messages(plan, plan.parts), plan


def answer_of(body: FeedbackBody, plan: Plan) -> str:
    """A body as the JSON that a model answers to `plan`: line labels in the place of quotes.

    Raises:
        NotUsable: a quote is no line of the prompt (`not_a_line`), or something asked for is missing (`partial`).
    """
    labels = _labels(plan.transcript)
    by_key = {result.key: result for result in body.criteria}
    if set(by_key) != set(plan.keys):
        raise NotUsable("prompt_changed")
    answer: dict[str, Any] = {"criteria": {key: _verdict(by_key[key], labels, plan) for key in plan.keys}}
    if plan.wants_prose:
        answer |= _closing(body, labels)
    return json.dumps(answer, ensure_ascii=False)


def change(before: str, after: str) -> float:
    """How much of the words differs between two answers, from 0 to 1; another level or line makes it 1."""
    one, other = (cast("dict[str, Any]", json.loads(text)) for text in (before, after))
    if _placing(one) != _placing(other):
        return 1.0
    return 1.0 - difflib.SequenceMatcher(None, before.split(), after.split(), autojunk=False).ratio()


def _plan(
    source: Source,
    words: Any,
    flagged: frozenset[str],
    excerpt: Sequence[Sequence[int]] | None,
    guidance: str = "",
) -> Plan:
    transcript = masked(number_lines(source.path), flagged)
    if excerpt is not None:
        kept = {number for first, last in excerpt for number in range(first, last + 1)}
        transcript = transcript.only(kept)
    return Plan(transcript, source.scenario, source.language, words, guidance=guidance)


def _only_call(calls: Sequence[Mapping[str, Any]], plan: Plan) -> Mapping[str, Any]:
    """The one call that everything came from; further looks at the levels alone changed no word."""
    wrote = [call for call in calls if call["rung"] in ("whole", "again", "split")]
    if len(wrote) != 1 or tuple(wrote[0]["parts"]) != plan.parts:
        raise NotUsable("several_prompts")
    return wrote[0]


def _labels(transcript: NumberedTranscript) -> dict[tuple[str, int, int], str]:
    return {(line.message_id, line.start, line.end): label for label, line in transcript.lines.items()}


def _lines(evidence: Sequence[Evidence], labels: Mapping[tuple[str, int, int], str]) -> list[str]:
    try:
        return [labels[proof.message_id, proof.start, proof.end] for proof in evidence]
    except KeyError:
        raise NotUsable("not_a_line") from None


def _verdict(result: CriterionResult, labels: Mapping[tuple[str, int, int], str], plan: Plan) -> dict[str, Any]:
    if result.status == "unscored":
        raise NotUsable("partial")
    if not result.evidence and plan.words == "rubric":
        raise NotUsable("not_a_line")  # who only places must name a line before saying that nothing is to be seen
    verdict: dict[str, Any] = {"evidence": _lines(result.evidence, labels)}
    if plan.wants_prose:
        verdict["reason"] = result.reason or ""
    return {**verdict, "level": NOT_OBSERVED if result.level is None else result.level}


def _closing(body: FeedbackBody, labels: Mapping[tuple[str, int, int], str]) -> dict[str, Any]:
    if not (body.strengths and body.improvements and body.next_step and body.summary):
        raise NotUsable("partial")
    return {
        "strengths": [{"evidence": _lines(item.evidence, labels), "why": item.why} for item in body.strengths],
        "improvements": [
            {
                "criterion": item.criterion,
                "evidence": _lines(item.evidence, labels),
                "problem": item.problem,
                "rewrite": item.rewrite,
            }
            for item in body.improvements
        ],
        "next_step": body.next_step,
        "summary": body.summary,
    }


def _placing(answer: Mapping[str, Any]) -> object:
    return {key: (part["evidence"], part["level"]) for key, part in answer["criteria"].items()}

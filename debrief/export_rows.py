"""The rows of an export: one reviewed feedback and its talk become one row, or the reason why not.

Kinds: `conversations` (OpenAI's `messages`), `sft` (prompt and approved answer), `preferences` (one prompt, the answer
that a person approved before the one that was edited or rejected), `feedback` (one flat row for tables). Nothing here
reads a database or writes a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from pydantic import ValidationError

from debrief.conversation import Message
from debrief.feedback import FeedbackBody
from debrief.prompts import ChatMessages, fill
from debrief.redaction import redactor
from debrief.review import ReviewState
from debrief.scenario import Scenario, persona_prompt
from debrief.training import LEAST_CHANGE, NotUsable, Source, answer_of, change, exact_prompt, prompt_as_of_today
from debrief.transcript import number_lines

Kind = Literal["conversations", "sft", "preferences", "feedback"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Row = dict[str, Any]

SHOWN = (ReviewState.APPROVED, ReviewState.EDITED_APPROVED, ReviewState.AUTO_RELEASED)
USUAL_STATES: dict[Kind, tuple[ReviewState, ...]] = {
    "conversations": SHOWN,
    "sft": (ReviewState.APPROVED, ReviewState.EDITED_APPROVED),
    "preferences": (ReviewState.APPROVED, ReviewState.EDITED_APPROVED),
    "feedback": SHOWN,
}
"""What counts for each kind unless the filter names states itself."""
APPROVED_ONLY: tuple[Kind, ...] = ("sft", "preferences")
"""Of these, what no person has approved is no row, whatever states the filter names."""
READ_OF_VERSION: dict[Kind, tuple[str, ...]] = {
    "conversations": (),
    "sft": ("body", "lineage"),
    "preferences": ("body", "lineage"),
    "feedback": ("body", "checks", "lineage"),
}
"""What a row of each kind is made from; the rest is long and need not be read."""
READS_EARLIER: tuple[Kind, ...] = ("sft", "preferences")
"""The kinds that need `before` and `turned_down`."""

LEFT_OUT = (
    "not_released", "not_reviewed", "rejected", "withdrawn", "disputed", "older_debrief", "no_prompt", "no_record",
    "several_prompts", "prompt_changed", "not_a_line", "partial", "not_edited", "no_model_version", "too_alike",
    "deleted",
)  # fmt: skip
"""Why a feedback of the filter is no row. Each is counted, so that rows and reasons add up to what was looked at."""


@dataclass(frozen=True)
class ModelVersion:
    """What the model wrote before a person changed or rejected it."""

    n: int
    body: Mapping[str, Any]
    lineage: Mapping[str, Any]


@dataclass(frozen=True)
class Reviewed:
    """All that a row is made from. What the kind does not need is empty: `path`, `body`, `checks`, `lineage`.

    `before` is there where a person wrote the version that counts; `turned_down` where a model wrote it after a
    reviewer had rejected another one, both for the kinds that need them. `scenario` is None where it is of a form that
    this program no longer reads.
    """

    feedback_id: str
    conversation_id: str
    scenario_id: str
    scenario: Scenario | None
    language: str
    origin: str
    state: ReviewState
    answers: Mapping[str, str]
    path: Sequence[Message]
    version_n: int
    version_origin: str
    body: Mapping[str, Any]
    checks: Sequence[Mapping[str, Any]]
    lineage: Mapping[str, Any]
    partial: bool
    before: ModelVersion | None
    turned_down: ModelVersion | None
    helpful: bool | None
    disputes_open: int
    reject_reason: str | None
    is_newest: bool
    created_at: datetime
    updated_at: datetime


def make_row(kind: Kind, item: Reviewed, states: Sequence[ReviewState] = (), *, redacted: bool = True) -> Row:
    """One row of this kind.

    Args:
        kind: which.
        item: the feedback with its talk.
        states: those that the filter names; empty: the usual ones of the kind.
        redacted: names and contacts are taken out of every text.

    Raises:
        NotUsable: why it is none.
    """
    _check_state(kind, item, states)
    clean = _cleaner(item) if redacted else _as_it_is
    return _MAKERS[kind](item, clean)


def level_column(key: str) -> str:
    """The flat row's column for a criterion."""
    return f"level_{key}"


def _check_state(kind: Kind, item: Reviewed, states: Sequence[ReviewState]) -> None:
    if item.state is ReviewState.WITHDRAWN:
        raise NotUsable("withdrawn")
    if item.disputes_open:
        raise NotUsable("disputed")
    if item.state in counting_states(kind, states):
        return
    if item.state is ReviewState.REJECTED:
        raise NotUsable("rejected")
    raise NotUsable("not_reviewed" if item.state in SHOWN else "not_released")


def counting_states(kind: Kind, states: Sequence[ReviewState]) -> Sequence[ReviewState]:
    """The states in which a feedback may become such a row, where the filter names these."""
    return states if states and kind not in APPROVED_ONLY else USUAL_STATES[kind]


Clean = Callable[[str], str]


def _as_it_is(text: str) -> str:
    return text


def _cleaner(item: Reviewed) -> Clean:
    own = [item.scenario.persona.name.en, item.scenario.persona.name.ko] if item.scenario else []
    return redactor((message.text for message in item.path), _typed_answers(item), known=own)


def _typed_answers(item: Reviewed) -> Iterable[str]:
    """What was typed into text fields; a chosen option is the scenario's own word."""
    form = item.scenario.form if item.scenario else ()
    typed = {field.key for field in form if field.kind == "text"} if form else item.answers.keys()
    return [answer for key, answer in item.answers.items() if key in typed]


# ---- conversations ----


def _conversation(item: Reviewed, clean: Clean) -> Row:
    if not item.is_newest:
        raise NotUsable("older_debrief")
    said = [
        {"role": message.role, "content": clean(message.text)}
        for message in number_lines(item.path).messages
        if message.text.strip()
    ]
    return {**_names(item), "messages": [*_system(item, clean), *said]}


def _system(item: Reviewed, clean: Clean) -> ChatMessages:
    """What the model was told about its part; left out of a talk that happened elsewhere."""
    scenario = item.scenario
    if scenario is None or item.origin == "import":
        return []
    language = item.language
    part = fill(
        "persona",
        language,
        name=scenario.persona.name.to(language),
        role=scenario.persona.role.to(language),
        part=persona_prompt(scenario, language, item.answers),
    )
    return [{"role": "system", "content": clean(part)}]


# ---- training ----


def _sft(item: Reviewed, clean: Clean) -> Row:
    body, source = FeedbackBody.model_validate(item.body), _source(item)
    try:
        messages, plan = exact_prompt(source, (item.before or item).lineage)
        prompt_is = "as_asked"
    except NotUsable:
        messages, plan = prompt_as_of_today(source, body)
        prompt_is = "as_of_today"
    if item.before is not None and plan.words != body.way:
        messages, plan = prompt_as_of_today(source, body)
        prompt_is = "as_of_today"
    return {
        **_names(item),
        "prompt_is": prompt_is,
        "prompt": _cleaned(messages, clean),
        "completion": [{"role": "assistant", "content": clean(answer_of(body, plan))}],
    }


def _preference(item: Reviewed, clean: Clean) -> Row:
    worse = _worse(item)
    messages, plan = exact_prompt(_source(item), worse.lineage)
    rejected = answer_of(FeedbackBody.model_validate(worse.body), plan)
    chosen = answer_of(FeedbackBody.model_validate(item.body), plan)
    changed = change(rejected, chosen)
    if changed < LEAST_CHANGE:
        raise NotUsable("too_alike")
    is_edit = item.before is not None
    return {
        **_names(item),
        "source": "edit" if is_edit else "regenerated",
        "chosen_by": "person" if is_edit else str(item.lineage.get("model", "")),
        "guided": not is_edit and item.lineage.get("guidance", "") != worse.lineage.get("guidance", ""),
        "change": round(changed, 4),
        "model": str(worse.lineage.get("model", "")),
        "prompt": _cleaned(messages, clean),
        "chosen": [{"role": "assistant", "content": clean(chosen)}],
        "rejected": [{"role": "assistant", "content": clean(rejected)}],
    }


def _worse(item: Reviewed) -> ModelVersion:
    """The model's version that a person wrote over, else the one that a person rejected before this one."""
    if item.version_origin != "model":
        if item.before is None:
            raise NotUsable("no_model_version")
        return item.before
    if item.turned_down is None:
        raise NotUsable("not_edited")
    return item.turned_down


def _source(item: Reviewed) -> Source:
    if item.scenario is None:
        raise NotUsable("no_record")
    return Source(item.path, item.scenario, item.language)


def read_scenario(body: Mapping[str, Any]) -> Scenario | None:
    """None where the stored scenario is of a form that this program no longer reads."""
    try:
        return Scenario.from_body(body)
    except ValidationError:
        return None


def _cleaned(messages: ChatMessages, clean: Clean) -> ChatMessages:
    return [{**message, "content": clean(message["content"])} for message in messages]


# ---- flat ----


def _flat(item: Reviewed, clean: Clean) -> Row:
    body = FeedbackBody.model_validate(item.body)
    faults = [str(check["name"]) for check in item.checks if not check["passed"] and not check.get("warning")]
    return {
        **_names(item),
        "version_n": item.version_n,
        "written_by": "person" if item.version_origin not in ("model", "repeat") else "program",
        "words": body.way,
        "placed_by": body.placed_by or "",
        "partial": item.partial,
        "checks": len(item.checks),
        "checks_failed": " ".join(sorted(set(faults))),
        "helpful": item.helpful,
        "reject_reason": item.reject_reason or "",
        "model": str(item.lineage.get("model", "")),
        "rubric_hash": str(item.lineage.get("rubric_hash", "")),
        "prompt_hash": str(item.lineage.get("prompt_hash", "")),
        "scenario_version": str(item.lineage.get("scenario_version", "")),
        "messages_read": body.covered.messages,
        "messages_of": body.covered.of,
        "reviewed_at": item.updated_at.isoformat(),
        "summary": clean(body.summary or ""),
        "next_step": clean(body.next_step or ""),
        "strengths": clean("\n".join(strength.why for strength in body.strengths)),
        "improvements": clean("\n".join(f"{point.problem} → {point.rewrite}" for point in body.improvements)),
        "reasons": clean("\n".join(f"{result.key}: {result.reason}" for result in body.criteria if result.reason)),
        "quotes": clean("\n".join(proof.quote for result in body.criteria for proof in result.evidence)),
        "levels": {result.key: result.level for result in body.criteria},
    }


def _names(item: Reviewed) -> Row:
    return {
        "id": item.feedback_id,
        "conversation_id": item.conversation_id,
        "scenario": item.scenario_id,
        "language": item.language,
        "state": item.state.value,
        "created_at": item.created_at.isoformat(),
    }


_MAKERS: dict[Kind, Callable[[Reviewed, Clean], Row]] = {
    "conversations": _conversation,
    "sft": _sft,
    "preferences": _preference,
    "feedback": _flat,
}

"""What a debrief is: the states of its making, its record, and how a visitor gets to see it.

The record's shape is checked on every storing and reading; unknown keys are errors. Evidence always carries the
visitor's own words with their place, resolved by code and never written by the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    RETRY_WAIT = "retry_wait"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"

    @property
    def is_final(self) -> bool:
        return self not in (JobState.QUEUED, JobState.RUNNING, JobState.RETRY_WAIT)


AskedBy = Literal["visitor", "end", "idle"]
"""Who wanted a feedback: the visitor, the scenario's end that was reached, or a long silence."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Evidence(_Record):
    """A sentence of the visitor's own: `text[start:end]` of the message, in code points, end excluded."""

    message_id: str
    start: int = Field(ge=0)
    end: int = Field(ge=1)
    quote: str


class Example(_Record):
    """The same thing said less well and better."""

    before: str
    after: str


class Agreement(_Record):
    """How far independent samples agree with the level that is shown: measured, never claimed by a model.

    `levels` are those of all samples, the first one the shown; None where a sample saw nothing of the criterion.
    """

    same: int = Field(ge=1)
    of: int = Field(ge=2)
    levels: list[int | None]


class CriterionResult(_Record):
    """How one criterion of the rubric stands.

    `level` is 1 to 5 when `status` is `scored`, else None: a number is never invented. `tip` and `example` are the
    rubric's own words (way "rubric"); `reason` is the model's, or the rubric's anchor of the level. `agreement` is
    None where the talk was judged once.
    """

    key: str
    name: str
    status: Literal["scored", "not_observed", "unscored"]
    level: int | None = Field(default=None, ge=1, le=5)
    level_name: str | None = None
    reason: str | None = None
    evidence: list[Evidence] = []
    tip: str | None = None
    example: Example | None = None
    agreement: Agreement | None = None


class Strength(_Record):
    why: str
    evidence: list[Evidence]


class Improvement(_Record):
    """`rewrite` is the quote said better, or, where `is_example`, the rubric's example of how it can sound."""

    criterion: str
    problem: str
    rewrite: str
    evidence: list[Evidence]
    is_example: bool = False


class Coverage(_Record):
    """How many of the talk's messages the review has seen, and which: numbers from 1, first and last of each run."""

    messages: int
    of: int
    runs: list[tuple[int, int]] = []


class FeedbackBody(_Record):
    """The debrief itself. `way` says whose words these are: the model's ("written") or the rubric's ("rubric").

    `placed_by` says who chose lines and levels: the model, or likeness to the rubric's examples. None in old records.
    """

    language: str
    way: Literal["written", "rubric"]
    placed_by: Literal["model", "likeness"] | None = None
    criteria: list[CriterionResult]
    strengths: list[Strength] = []
    improvements: list[Improvement] = []
    next_step: str | None = None
    summary: str | None = None
    covered: Coverage

    @property
    def has_level(self) -> bool:
        """Something could be told: at least one criterion has a level."""
        return any(result.level is not None for result in self.criteria)


class Check(_Record):
    """The outcome of one named check; `where` names the part it looked at, such as "improvements.0.rewrite".

    A `warning` tells something worth knowing; it takes nothing out of the feedback and does not hold it back.
    """

    name: str
    passed: bool
    where: str | None = None
    warning: bool = False

    @property
    def is_fault(self) -> bool:
        return not self.passed and not self.warning


@dataclass(frozen=True)
class Dispute:
    """The owner's objection to one sentence: "this is wrong".

    `path` names the sentence, such as "criteria.1.reason" (see `debrief.dispute`); `closed_at` is when a reviewer
    decided after it.
    """

    path: str
    comment: str
    created_at: datetime
    closed_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


@dataclass(frozen=True)
class FeedbackView:
    """A feedback as its owner may see it.

    `body` is None until a version may be shown (auto_released, approved, edited_approved, or waiting because its
    owner objects to it). `progress` is `{"step": "waiting"|"reading"|"writing"|"checking", "done": int, "of": int,
    "position": int}`, keys as they apply. `helpful` and `disputes` are what the owner said of the version shown.
    """

    id: str
    conversation_id: str
    state: JobState
    review_state: str
    progress: dict[str, Any]
    body: FeedbackBody | None
    checks: list[Check]
    lineage: dict[str, Any]
    error_code: str | None
    reject_reason: str | None
    leaf_id: str
    created_at: datetime
    finished_at: datetime | None
    worker_alive: bool
    asked_by: AskedBy = "visitor"
    seen_at: datetime | None = None
    version_n: int | None = None
    helpful: bool | None = None
    disputes: Sequence[Dispute] = ()
    is_edited: bool = False
    """A person changed the words that are shown."""

    @property
    def is_disputed(self) -> bool:
        """The owner says that something in it is wrong, and no person has decided since."""
        return any(dispute.is_open for dispute in self.disputes)


_READ = frozenset(
    ("name", "level_name", "reason", "tip", "before", "after", "why", "problem", "rewrite", "next_step", "summary")
)
"""The fields of a body that have words of its own; quotes are the talk's."""


def words_of(body: object) -> str:
    """What a person reads of a body, as JSON data of any version, a line for each field; without what it quotes."""
    lines: list[str] = []
    waiting: list[tuple[str, object]] = [("", body)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(str(name), inner) for name, inner in reversed(cast("dict[str, object]", value).items())]
        elif isinstance(value, list):
            waiting += [(key, inner) for inner in reversed(cast("list[object]", value))]
        elif isinstance(value, str) and key in _READ:
            lines.append(value)
    return "\n".join(lines)

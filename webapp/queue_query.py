"""Which part of the review queue somebody looks at, as it stands in an address: of the desk's page and of the API.

`FilterQuery` is what can be asked for, wherever it is asked: the list, decisions for many, exports, the command line.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import parse_qs

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from debrief.conversation import storable
from debrief.errors import InputRejected
from debrief.feedback import AskedBy
from debrief.review import ReviewState
from storage.overdue import overdue_before
from storage.queue_filter import QueueFilter
from storage.review_queue import SKIPPED_MAX, Sort
from storage.reviews import WAITING

VIEW_MAX_CHARS = 10_000
ELSEWHERE_MAX = 50
"""Tabs of one browser that count."""
Name = Annotated[str, Field(max_length=200), AfterValidator(storable)]


class FilterQuery(BaseModel):
    """Filters and search. Days are UTC days, both included; `overdue` is what waits longer than the setting."""

    state: list[ReviewState] = []
    scenario: Name | None = None
    rubric: Name | None = None
    model: Name | None = None
    language: Name | None = None
    level: Annotated[int, Field(ge=0, le=5)] | None = None
    check: Name | None = None
    flagged: bool | None = None
    disputed: bool | None = None
    partial: bool | None = None
    overdue: bool = False
    asked_by: AskedBy | None = None
    reviewer: Name | None = None
    assignee: Name | None = None
    since: date | None = None
    until: date | None = None
    q: Name | None = None

    def wanted(self, overdue_hours: float, *, usual: tuple[ReviewState, ...] = WAITING) -> QueueFilter:
        """The filter, where a feedback is overdue after so many hours (0: never); these states if none is named."""
        own = ("scenario", "rubric", "model", "language", "level", "check", "flagged", "disputed", "partial")
        return QueueFilter(
            states=tuple(dict.fromkeys(self.state)) or usual,
            **{name: getattr(self, name) for name in (*own, "asked_by", "reviewer", "assignee")},
            since=_midnight(self.since),
            until=_midnight(self.until, days_later=1),
            words=self.q,
            waiting_since_before=overdue_before(overdue_hours) if self.overdue and overdue_hours else None,
        )


class QueueQuery(FilterQuery):
    """The same with the order of a list."""

    model_config = ConfigDict(extra="ignore")

    sort: Sort | None = None

    @property
    def order(self) -> Sort:
        """What waits comes in the order of waiting, all else newest first, unless it is said."""
        return self.sort or ("waiting" if not self.state or set(self.state) <= set(WAITING) else "newest")


def read_view(view: str) -> QueueQuery:
    """What an address says behind its question mark; what is none of ours is passed over.

    Raises:
        InputRejected: a value makes no sense.
    """
    said: dict[str, Any] = {
        name: values if name == "state" else values[-1]
        for name, values in parse_qs(view[:VIEW_MAX_CHARS]).items()
        if name in QueueQuery.model_fields
    }
    with _in_words():
        return QueueQuery.model_validate(said)


def read_options(given: Mapping[str, object]) -> FilterQuery:
    """What a command line says, where an option has the name of a filter.

    Raises:
        InputRejected: a value makes no sense.
    """
    said = {name: given[name] for name in FilterQuery.model_fields if given.get(name) is not None}
    with _in_words():
        return FilterQuery.model_validate(said)


@contextmanager
def _in_words() -> Generator[None]:
    try:
        yield
    except ValidationError as error:
        raise InputRejected("malformed", reason=str(error.errors()[0]["loc"][0])) from error


def read_skipped(view: str) -> list[str]:
    """The ids that an address names as not wanted now."""
    return parse_qs(view[:VIEW_MAX_CHARS]).get("skip", [])[-SKIPPED_MAX:]


def read_elsewhere(view: str) -> list[str]:
    """The ids that this reviewer has open in other tabs."""
    return parse_qs(view[:VIEW_MAX_CHARS]).get("elsewhere", [])[-ELSEWHERE_MAX:]


def read_seconds(view: str) -> int | None:
    """How long the open one has been open, as the page says; None where it says nothing of use."""
    said = parse_qs(view[:VIEW_MAX_CHARS]).get("seconds", [""])[-1]
    return int(said) if said.isascii() and said.isdigit() and len(said) < 6 else None


def _midnight(day: date | None, *, days_later: int = 0) -> datetime | None:
    """None too where there is no such day any more: nothing is made after the last one."""
    if day is None or day > date.max - timedelta(days=days_later):
        return None
    return datetime.combine(day + timedelta(days=days_later), time(), UTC)

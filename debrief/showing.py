"""Which version of a feedback its visitor could read, and when: told from the audit, which nobody can change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from debrief.review import ReviewState


@dataclass(frozen=True)
class Shown:
    """`until` is None while it is still shown."""

    version_id: str
    since: datetime
    until: datetime | None


def shown_spans(events: Iterable[tuple[datetime, str, Mapping[str, Any]]]) -> list[Shown]:
    """The times at which words could be read.

    Args:
        events: time, action and detail of everything that was done to one feedback, oldest first.
    """
    spans: list[Shown] = []
    current: tuple[str, datetime] | None = None
    is_disputed = False
    for at, action, detail in events:
        state = detail.get("after", detail.get("review_state"))
        if state is None:
            continue
        version = str(detail.get("version"))
        is_disputed = action == "dispute" or (is_disputed and action in _GOES_ON and current is not None)
        is_read = ReviewState(state).is_readable(is_disputed=is_disputed)
        if current and (not is_read or current[0] != version):
            spans.append(Shown(*current, at))
            current = None
        if is_read and current is None:
            current = (version, at)
    return [*spans, Shown(*current, None)] if current else spans


_GOES_ON = ("claim", "release", "escalate", "regenerate", "restore", "reopen")
"""Moves that leave an objection unanswered."""

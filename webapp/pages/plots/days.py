"""The days below a plot: in the order of time, also over a new year, and not more of them than can be read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta


def in_steps(day: date, *, in_weeks: bool) -> date:
    """The day itself, or the Monday of its week."""
    return day - timedelta(days=day.weekday()) if in_weeks else day


def label_days(days: Iterable[date], *, in_weeks: bool) -> dict[date, str]:
    """All days or weeks from the first to the last, without a gap, with their labels.

    A label has the year only where there are two of them: plots have little room.
    """
    found = sorted(set(days))
    if not found:
        return {}
    step = timedelta(days=7 if in_weeks else 1)
    every = [found[0] + n * step for n in range((found[-1] - found[0]) // step + 1)]
    is_one_year = every[0].year == every[-1].year
    return {day: f"{day:%m-%d}" if is_one_year else day.isoformat() for day in every}

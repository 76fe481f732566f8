"""How far two reviewers agree beyond chance: percentage agreement and Cohen's kappa, each with a 95 % interval.

Levels are ordered, so being one level apart is less of a disagreement than being four: linear and quadratic weights
count that. Intervals are analytic. Kappa's large-sample error is that of Fleiss, Cohen and Everitt (Psychological
Bulletin 72, 1969, 323-327), which statistics packages print as "ASE"; the percentage's interval is Wilson's. With few
items both are wide, and that is what there is to know.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

Weights = Literal["none", "linear", "quadratic"]
Z_95 = 1.959963984540054
LEVELS = (1, 2, 3, 4, 5)
_NO_ERROR = 1e-7
"""What rounding leaves of 0: the square root of what stays when sums that are equal are subtracted."""


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % interval. `value` is None where nothing can be said: no items, or no variation at all.

    `low` and `high` are None too where only the value can be told.
    """

    value: float | None
    low: float | None
    high: float | None


NOTHING = Estimate(None, None, None)


@dataclass(frozen=True)
class Agreed:
    """How two people, or a person and a model, agree on one thing. `n` items both judged."""

    n: int
    percent: Estimate
    """Share of the items with the same verdict, 0 to 1."""
    kappa: Estimate
    linear: Estimate
    quadratic: Estimate


def agree(pairs: Sequence[tuple[int, int]], categories: Sequence[int] = LEVELS) -> Agreed:
    """All figures for ordered verdicts, such as levels. Pairs with a verdict that is no category are an error."""
    table = tabulate(pairs, categories)
    return Agreed(
        n=len(pairs),
        percent=percent_agreement(table),
        kappa=kappa(table, "none"),
        linear=kappa(table, "linear"),
        quadratic=kappa(table, "quadratic"),
    )


def tabulate(pairs: Sequence[tuple[Hashable, Hashable]], categories: Sequence[Hashable]) -> list[list[int]]:
    """Counts: rows are the first one's verdicts, columns the second one's, both in the order of `categories`."""
    place = {category: index for index, category in enumerate(categories)}
    table = [[0] * len(categories) for _ in categories]
    for one, other in pairs:
        table[place[one]][place[other]] += 1
    return table


def percent_agreement(table: Sequence[Sequence[int]]) -> Estimate:
    """The share on the diagonal, with Wilson's interval."""
    n = sum(map(sum, table))
    if n == 0:
        return NOTHING
    share = sum(table[i][i] for i in range(len(table))) / n
    middle = (share + Z_95**2 / (2 * n)) / (1 + Z_95**2 / n)
    half = Z_95 * sqrt(share * (1 - share) / n + Z_95**2 / (4 * n * n)) / (1 + Z_95**2 / n)
    return Estimate(share, max(0.0, middle - half), min(1.0, middle + half))


def kappa(table: Sequence[Sequence[int]], weights: Weights = "none") -> Estimate:
    """Cohen's kappa, or his weighted kappa, of a square table of counts.

    1 is full agreement, 0 what chance alone would give, below 0 less than that. None where one of the two gave every
    item the same verdict: kappa is 0 then whatever the other says, or 0/0, and tells nothing. Without an interval where
    the error comes out as 0, as with full agreement: two items that agree are no proof that all will.
    """
    n = sum(map(sum, table))
    if n == 0:
        return NOTHING
    size = range(len(table))
    weight = _weight(weights, len(table))
    share = [[count / n for count in row] for row in table]
    rows = [sum(row) / n for row in table]
    columns = [sum(table[i][j] for i in size) / n for j in size]
    observed = sum(weight(i, j) * share[i][j] for i in size for j in size)
    expected = sum(weight(i, j) * rows[i] * columns[j] for i in size for j in size)
    if max(rows) == 1 or max(columns) == 1:
        return NOTHING
    value = (observed - expected) / (1 - expected)
    by_row = [sum(columns[j] * weight(i, j) for j in size) for i in size]
    by_column = [sum(rows[i] * weight(i, j) for i in size) for j in size]
    spread = sum(
        share[i][j] * (weight(i, j) - (by_row[i] + by_column[j]) * (1 - value)) ** 2 for i in size for j in size
    )
    centre = (value - expected * (1 - value)) ** 2
    error = sqrt(max(0.0, spread - centre) / n) / (1 - expected)
    if error < _NO_ERROR:
        return Estimate(value, None, None)
    return Estimate(value, max(-1.0, value - Z_95 * error), min(1.0, value + Z_95 * error))


def _weight(weights: Weights, size: int) -> Callable[[int, int], float]:
    """How much of an agreement it is to be so many categories apart: 1 on the diagonal, 0 from end to end."""
    far = max(size - 1, 1)
    if weights == "linear":
        return lambda i, j: 1 - abs(i - j) / far
    if weights == "quadratic":
        return lambda i, j: 1 - ((i - j) / far) ** 2
    return lambda i, j: float(i == j)

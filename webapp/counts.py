"""What this web process has counted since it began, for whoever watches it. Numbers only: no words, no ids."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

FIRST_TOKEN_BOUNDS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


@dataclass
class Histogram:
    """How many values lay at or below each bound, counted as Prometheus does: each bucket holds the ones before it."""

    bounds: tuple[float, ...]
    buckets: list[int] = field(default_factory=list)
    count: int = 0
    sum: float = 0.0

    def __post_init__(self) -> None:
        self.buckets = [0] * len(self.bounds)

    def observe(self, value: float) -> None:
        self.count += 1
        self.sum += value
        for n, bound in enumerate(self.bounds):
            self.buckets[n] += value <= bound


@dataclass
class AnswerCounts:
    begun: int = 0
    ended: Counter[str] = field(default_factory=Counter[str])
    """By the state in which they ended."""
    first_token_s: Histogram = field(default_factory=lambda: Histogram(FIRST_TOKEN_BOUNDS_S))
    """From the sending of a message to the first words, the wait for a model that starts included."""

    def begin(self) -> None:
        self.begun += 1

    def end(self, state: str, first_token_s: float | None) -> None:
        self.ended[state] += 1
        if first_token_s is not None:
            self.first_token_s.observe(first_token_s)

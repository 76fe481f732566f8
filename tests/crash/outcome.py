"""What one experiment of the crash suite found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """`figures` in the order in which they are told; `broken`: the promises that did not hold, in words."""

    experiment: str
    figures: dict[str, Any]
    broken: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        told = ", ".join(f"{name} {value}" for name, value in self.figures.items())
        return f"{self.experiment}: {told}{''.join(f'; BROKEN: {promise}' for promise in self.broken)}"


@dataclass(frozen=True)
class Experiment:
    """One way of breaking the product. `run(quick)` does it, in seconds or at full length, and counts."""

    name: str
    run: Callable[[bool], Outcome]

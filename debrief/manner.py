"""How a feedback is made: whose words, who places, how often the model is asked. Decided once and stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Words = Literal["written", "rubric"]
Placing = Literal["model", "likeness"]


class Likeness(Protocol):
    """How alike sentences are. Needs no model server; what implements it is chosen where a process starts."""

    @property
    def name(self) -> str:
        """What it is and its version, for the record."""
        ...

    def compare(self, lines: Sequence[str], examples: Sequence[str], language: str) -> list[list[float]]:
        """The likeness of each line to each example: `len(lines)` rows of `len(examples)` numbers from -1 to 1."""
        ...


@dataclass(frozen=True)
class Manner:
    """One way of making feedback.

    Args:
        words: "written" by the model, or the "rubric"'s own.
        placing: who chooses lines and levels where the words are the rubric's; written words are placed by the model.
        calls: everything in one call, or one criterion at a time.
        samples: how many times the model places a criterion, the shown one included; 1 measures no agreement.
        reason: why this manner, as a code: "setting", "probe" or "busy".
    """

    words: Words
    placing: Placing = "model"
    calls: Literal["one", "per_criterion"] = "one"
    samples: int = 1
    reason: str = "setting"

    @property
    def asks_model(self) -> bool:
        """Whether any of it needs a model server."""
        return self.words == "written" or self.placing == "model"

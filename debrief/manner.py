"""How a feedback is made: whose words, who places, how often the model is asked. Decided once and stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from debrief.settings import Settings

Words = Literal["written", "rubric"]
Placing = Literal["model", "likeness"]

BETTER_BY = 0.1
"""How much better than likeness a model has to place: so few talks cannot tell less from luck."""
GOOD_ENOUGH = 0.3
"""Least score of a model's placing."""
PROSE_TRIES = 3
PROSE_NEEDED = 2


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
        reason: why these words and this placing, as a code: "setting", "probe", or "unprobed": the model is not known.
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


@dataclass(frozen=True)
class Probed:
    """How a model did on the known talks of one language.

    Args:
        model_score: of its placing, -1 to 1; chance gets about -0.3, everything right 1.
        likeness_score: of placing by likeness on the same talks.
        prose: how many of `PROSE_TRIES` pieces of prose were usable; None when it was not asked for any.
    """

    model_score: float
    likeness_score: float
    prose: int | None

    @property
    def places_better(self) -> bool:
        return self.model_score >= max(GOOD_ENOUGH, self.likeness_score + BETTER_BY)

    @property
    def writes_well(self) -> bool:
        return self.prose is not None and self.prose >= PROSE_NEEDED


def asks_for_probe(settings: Settings) -> bool:
    """Whether the settings leave anything to a probe."""
    words, placing = settings.feedback_words, settings.feedback_placing
    return words == "auto" or (words == "rubric" and placing == "auto")


def choose_manner(settings: Settings, probed: Probed | None) -> Manner:
    """What the settings say; what they leave open, the probe decides.

    The model writes when it places better than likeness does and its prose is usable; it places when it places better;
    else, and while nothing is known of it, words are the rubric's and likeness places.
    """
    better = bool(probed and probed.places_better)
    trusted = bool(better and probed and probed.writes_well)
    writes = trusted if settings.feedback_words == "auto" else settings.feedback_words == "model"
    fixed = settings.feedback_placing
    placing: Placing = "model" if writes or fixed == "model" or (fixed == "auto" and better) else "likeness"
    decided = "probe" if probed else "unprobed"
    return Manner(
        words="written" if writes else "rubric",
        placing=placing,
        calls=settings.feedback_calls,
        samples=settings.feedback_samples if placing == "model" else 1,
        reason=decided if asks_for_probe(settings) else "setting",
    )

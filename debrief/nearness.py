"""How near the visitor's lines are to a rubric's contrasting examples, by the pieces of words they share. No model.

A model that chooses at chance would say untrue things about people in well-chosen words. So for such a model this
narrows the choice beforehand: to lines that sound like one of the examples, and to levels on the side they lean to.
What sounds like none of them is left unplaced. It hears wording, not meaning: it is sure only of what it finds.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass

from debrief.scenario import Criterion, Rubric, Text
from debrief.transcript import NumberedTranscript

NEAR = 0.2
"""Least likeness (cosine, 0 to 1) at which a line counts as sounding like an example."""
LEANS = 0.05
"""Least difference of likeness to good and to bad examples at which a line leans to one side."""
MOST_LINES = 4

_WORD = re.compile(r"[^\W_]+")
_HANGUL = re.compile("[가-힣]")
Vector = dict[str, float]


@dataclass(frozen=True)
class Offer:
    """The lines and levels among which a criterion may be placed; no lines: it is not placed at all."""

    labels: tuple[str, ...]
    levels: tuple[int, ...]


def offers(rubric: Rubric, transcript: NumberedTranscript) -> dict[str, Offer]:
    """What may be chosen for each criterion, by key: the nearest lines of the side that is nearer, best first.

    The levels never reach 5, which no single line can show; where the lines stand on both sides they are 2 and 3.
    """
    lines = {label: transcript.lines[label].text for label in transcript.choosable}
    examples = [text for c in rubric.criteria for example in (*c.good, *c.bad) for _, text in example]
    weights = _weights([*examples, *lines.values()])
    vectors = {label: _vector(text, weights) for label, text in lines.items()}
    return {criterion.key: _offer(criterion, vectors, weights) for criterion in rubric.criteria}


def _offer(criterion: Criterion, lines: dict[str, Vector], weights: Vector) -> Offer:
    good: dict[str, float] = {}
    bad: dict[str, float] = {}
    for label, vector in lines.items():
        like_good, like_bad = (_likeness(vector, examples, weights) for examples in (criterion.good, criterion.bad))
        if like_good >= NEAR and like_good - like_bad >= LEANS:
            good[label] = like_good
        elif like_bad >= NEAR and like_bad - like_good >= LEANS:
            bad[label] = like_bad
    nearest = sorted(good | bad, key=lambda label: -(good | bad)[label])[:MOST_LINES]
    if good and bad:
        return Offer(tuple(nearest), (2, 3))
    return Offer(tuple(nearest), (3, 4) if good else (1, 2))


def _likeness(line: Vector, examples: tuple[Text, ...], weights: Vector) -> float:
    return max(_cosine(line, _vector(text, weights)) for example in examples for _, text in example)


def _pieces(text: str) -> Counter[str]:
    """Whole words and their four-letter pieces; for Hangul, syllables and pairs, as endings vary."""
    found: Counter[str] = Counter()
    for word in _WORD.findall(text.lower()):
        if _HANGUL.search(word):
            found.update(word[i : i + size] for size in (1, 2) for i in range(len(word) - size + 1))
        else:
            found[f"={word}"] += 1
            found.update(f" {word} "[i : i + 4] for i in range(len(word) - 1))
    return found


def _weights(texts: list[str]) -> Vector:
    """Rare pieces weigh more: log((1 + texts) / (1 + texts with the piece))."""
    seen = Counter(piece for text in texts for piece in set(_pieces(text)))
    return {piece: math.log((1 + len(texts)) / (1 + count)) for piece, count in seen.items()}


def _vector(text: str, weights: Vector) -> Vector:
    return {piece: (1 + math.log(count)) * weights[piece] for piece, count in _pieces(text).items()}


def _cosine(one: Vector, other: Vector) -> float:
    shared = sum(value * other.get(piece, 0.0) for piece, value in one.items())
    size = math.sqrt(sum(v * v for v in one.values()) * sum(v * v for v in other.values()))
    return shared / size if size else 0.0

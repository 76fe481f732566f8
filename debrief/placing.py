"""Where each criterion stands and which lines show it, by likeness to the rubric's contrasting examples. No model.

A model that chooses at chance would say untrue things about people in well-chosen words. Here a criterion is placed
only by lines that are clearly nearer to one side of its examples than to everything else; what is not clear is left
unplaced. How alike two sentences are is another's business (`Likeness`): by meaning where a sentence model is
installed, by shared pieces of words (`WordPieces`) where none is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log, sqrt
from statistics import fmean
from typing import Literal, NamedTuple

from debrief.manner import Likeness
from debrief.scenario import Rubric, Text
from debrief.transcript import NumberedTranscript

MOST_LABELS = 2
# Chosen on the talks of benchmarks/placing_talks.toml; the unit is the standard deviation of unrelated sentences.
NEAR = 1.8
"""Least likeness at which a line sounds like an example."""
LEANS = 0.5
"""Least difference of likeness to the good and to the bad examples at which a line takes a side."""
BEHIND = 0.5
"""How much nearer a line may be to another criterion and still count for this one."""
CLEAR = 2.8
"""A line this near by itself counts double."""

Side = Literal["good", "bad"]
Rows = list[list[float]]


class Owner(NamedTuple):
    """Whose examples they are."""

    key: str
    side: Side


@dataclass(frozen=True)
class Placed:
    """Where one criterion stands: a level from 1 to 5 and 1 or 2 labels, best first; None and none: not observed."""

    labels: tuple[str, ...]
    level: int | None


@dataclass(frozen=True)
class Sign:
    """A line that sounds like one side of a criterion's examples; `strength` in standard deviations above unrelated."""

    label: str
    side: Side
    strength: float


def place(rubric: Rubric, transcript: NumberedTranscript, likeness: Likeness, language: str) -> dict[str, Placed]:
    """The place of each criterion by its key.

    The level follows from the signs alone. Only good ones: 3 for a faint one, 4 for a clear one or two, 5 for three
    lines of which two are clear. Only bad ones: 2. Both: 3, or 4 or 2 where one side weighs twice as much. So 5 is
    never said of a single line, and 1 never at all: its words tell that something was missing from the whole talk,
    which likeness of lines cannot know.
    """
    return {key: _placed(signs) for key, signs in _signs(rubric, transcript, likeness, language).items()}


def worth_judging(
    rubric: Rubric, transcript: NumberedTranscript, likeness: Likeness, language: str, most: int
) -> tuple[str, ...]:
    """At most so many labels, in the order of the talk: the nearest lines of each criterion and side in turn.

    For the second pass over a long talk. Where too few lines sound like an example the longest others fill up.
    """
    queues = [
        [sign.label for sign in signs if sign.side == side]
        for signs in _signs(rubric, transcript, likeness, language, near=0.0, leans=0.0).values()
        for side in ("good", "bad")
    ]
    longest = sorted(transcript.choosable, key=lambda label: -len(transcript.lines[label].text))
    chosen: dict[str, None] = {}
    for rank in range(max((len(queue) for queue in queues), default=0)):
        chosen |= dict.fromkeys(queue[rank] for queue in queues if rank < len(queue))
    kept = set([*chosen, *longest][:most] if len(chosen) >= most else list(dict.fromkeys([*chosen, *longest]))[:most])
    return tuple(label for label in transcript.choosable if label in kept)


# ---- from signs to a level ----


def _placed(signs: Sequence[Sign]) -> Placed:
    good, bad = ([sign for sign in signs if sign.side == side] for side in ("good", "bad"))
    if not signs:
        return Placed((), None)
    if not bad:
        return Placed(_labels(good), _level_of_good(good))
    if not good:
        return Placed(_labels(bad), 2)
    weight = {"good": _weight(good), "bad": _weight(bad)}
    if weight["good"] >= 2 * weight["bad"]:
        return Placed(_labels(good), 4)
    if weight["bad"] >= 2 * weight["good"]:
        return Placed(_labels(bad), 2)
    return Placed((good[0].label, bad[0].label), 3)


def _level_of_good(good: Sequence[Sign]) -> int:
    if len(good) >= 3 and _clear(good) >= 2:
        return 5
    return 4 if len(good) > 1 or _clear(good) else 3


def _clear(signs: Sequence[Sign]) -> int:
    return sum(sign.strength >= CLEAR for sign in signs)


def _weight(signs: Sequence[Sign]) -> int:
    return len(signs) + _clear(signs)


def _labels(signs: Sequence[Sign]) -> tuple[str, ...]:
    return tuple(sign.label for sign in signs[:MOST_LABELS])


# ---- from likeness to signs ----


def _signs(
    rubric: Rubric,
    transcript: NumberedTranscript,
    likeness: Likeness,
    language: str,
    *,
    near: float | None = None,
    leans: float | None = None,
) -> dict[str, list[Sign]]:
    """By criterion key, the lines that take a side, strongest first."""
    near, leans = NEAR if near is None else near, LEANS if leans is None else leans
    labels = transcript.choosable
    owned = list(_examples(rubric))
    examples, owners = [text.to(language) for _, text in owned], [owner for owner, _ in owned]
    if not labels:
        return {criterion.key: [] for criterion in rubric.criteria}
    lines = [transcript.lines[label].text for label in labels]
    rows = _above_unrelated(likeness.compare([*lines, *examples], examples, language), len(lines), owners)
    found: dict[str, list[Sign]] = {criterion.key: [] for criterion in rubric.criteria}
    for label, row in zip(labels, rows, strict=True):
        by_owner = {owner: [v for v, o in zip(row, owners, strict=True) if o == owner] for owner in set(owners)}
        nearness = {owner: _of_better_half(values) for owner, values in by_owner.items()}
        nearest = max(nearness.values())
        for key, signs in found.items():
            good, bad = nearness[Owner(key, "good")], nearness[Owner(key, "bad")]
            if max(good, bad) >= max(near, nearest - BEHIND) and abs(good - bad) >= leans:
                signs.append(Sign(label, "good" if good > bad else "bad", max(good, bad)))
    return {key: sorted(signs, key=lambda sign: -sign.strength) for key, signs in found.items()}


def _of_better_half(values: list[float]) -> float:
    """The mean of the better half: one example may be hit by an accident of wording, several seldom are."""
    return fmean(sorted(values)[len(values) // 2 :])


def _examples(rubric: Rubric) -> Iterator[tuple[Owner, Text]]:
    for criterion in rubric.criteria:
        good, bad = Owner(criterion.key, "good"), Owner(criterion.key, "bad")
        yield from ((good, text) for text in criterion.good)
        yield from ((bad, text) for text in criterion.bad)


def _above_unrelated(rows: Rows, lines: int, owners: Sequence[Owner]) -> Rows:
    """Likeness of each line to each example, in standard deviations above that of sentences that are unrelated.

    Args:
        rows: of the lines first, then of the examples themselves: how alike examples of different criteria are says
            what the likeness of unrelated sentences is, whatever the scale.
        lines: how many of the rows are lines.
        owners: the criterion and side of each example, in the order of the columns.

    A line that is near everything, such as a greeting, is near nothing: its mean is taken off, and so is that of an
    example that is near everything.
    """
    own = rows[lines:]
    columns = range(len(owners))
    unrelated = [[own[i][j] for i in columns if owners[i].key != owners[j].key] for j in columns]
    usual = [fmean(column) for column in unrelated]
    spread = sqrt(fmean((value - usual[j]) ** 2 for j in columns for value in unrelated[j])) or 1.0
    return [_without_mean([(row[j] - usual[j]) / spread for j in columns]) for row in rows[:lines]]


def _without_mean(row: list[float]) -> list[float]:
    mean = fmean(row)
    return [value - mean for value in row]


# ---- likeness without any package ----

_WORD = re.compile(r"[^\W_]+")
_HANGUL = re.compile("[가-힣]")
Vector = dict[str, float]


class WordPieces:
    """Likeness by shared pieces of words, rare ones weighing more. It hears wording, not meaning."""

    name = "word-pieces 1"

    def compare(self, lines: Sequence[str], examples: Sequence[str], language: str) -> Rows:
        """The cosine of each line and each example, 0 to 1; weights are taken from these very texts."""
        weights = _weights([*lines, *examples])
        vectors = [_vector(example, weights) for example in examples]
        return [[_cosine(line, example) for example in vectors] for line in (_vector(line, weights) for line in lines)]


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


def _weights(texts: Sequence[str]) -> Vector:
    """Rare pieces weigh more: log((1 + texts) / (1 + texts with the piece)), over the different texts."""
    different = set(texts)
    seen = Counter(piece for text in different for piece in set(_pieces(text)))
    return {piece: log((1 + len(different)) / (1 + count)) for piece, count in seen.items()}


def _vector(text: str, weights: Vector) -> Vector:
    return {piece: (1 + log(count)) * weights[piece] for piece, count in _pieces(text).items()}


def _cosine(one: Vector, other: Vector) -> float:
    shared = sum(value * other.get(piece, 0.0) for piece, value in one.items())
    size = sqrt(sum(v * v for v in one.values()) * sum(v * v for v in other.values()))
    return shared / size if size else 0.0

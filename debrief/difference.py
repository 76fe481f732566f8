"""What differs between two versions of a debrief: section by section, word by word. Nothing here is judged."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

from debrief.feedback import CriterionResult, Evidence, FeedbackBody, Improvement, Strength

Change = Literal["same", "changed", "added", "removed"]
Op = Literal["same", "out", "in"]
_WORDS = re.compile(r"\s+|[^\s]+")
ANOTHER = 0.4
"""Of two texts that share less of their words than this, one is not a change of the other but another one."""
ALIKE = 0.4
"""From this likeness on (0 to 1, by words) two items of a list are one item that was changed."""


class Piece(NamedTuple):
    """A stretch of text: in both versions, only in the older ("out") or only in the newer ("in")."""

    op: Op
    text: str


@dataclass(frozen=True)
class Section:
    """One field of a debrief in two versions.

    Args:
        path: where it stands in the newer version, or in the older one where it was removed.
        field: what it is: level, reason, tip, evidence, why, problem, rewrite, next_step or summary.
        about: the criterion's name, or the number of the item in its list, from 1; empty for the closing.
        change: whether it is in both, and the same.
        pieces: the words of both, in order.
    """

    path: str
    field: str
    about: str
    change: Change
    pieces: tuple[Piece, ...]

    @property
    def newer_only(self) -> Section:
        """Without the words that were taken out, for who never saw them."""
        return replace(self, pieces=tuple(piece for piece in self.pieces if piece.op != "out"))


def compare_bodies(before: FeedbackBody, after: FeedbackBody) -> list[Section]:
    """All sections of the two, in the order in which a debrief is read."""
    old = {result.key: result for result in before.criteria}
    new = {result.key: result for result in after.criteria}
    sections: list[Section] = []
    for key in {**new, **old}:
        one, other = old.get(key), new.get(key)
        name = (other or one).name  # type: ignore[union-attr]  # one of the two is there
        sections += _fields(f"criteria.{key}", name, _of_criterion(one), _of_criterion(other))
    lists = {
        "strengths": (map(_of_strength, before.strengths), map(_of_strength, after.strengths)),
        "improvements": (map(_of_improvement, before.improvements), map(_of_improvement, after.improvements)),
    }
    for part, (olds, news) in lists.items():
        for place, (one_fields, other_fields) in enumerate(_paired(list(olds), list(news))):
            sections += _fields(f"{part}.{place}", str(place + 1), one_fields, other_fields)
    closing = ({name: getattr(body, name) for name in ("next_step", "summary")} for body in (before, after))
    return [*sections, *_fields("", "", *closing)]


def compare_words(before: str, after: str) -> tuple[Piece, ...]:
    """Two texts as pieces. Spaces between words that changed belong to the change.

    Sentences that have little in common are told one after the other: the few words that both happen to have would tear
    them to shreds.
    """
    one, other = _WORDS.findall(before), _WORDS.findall(after)
    matched = SequenceMatcher(None, one, other, autojunk=False)
    if before and after and _share_kept(one, other, matched) < ANOTHER:
        return Piece("out", before), Piece("in", after)
    pieces: list[Piece] = []
    for op, a, b, c, d in matched.get_opcodes():
        if op == "equal":
            pieces.append(Piece("same", "".join(one[a:b])))
            continue
        if a < b:
            pieces.append(Piece("out", "".join(one[a:b])))
        if c < d:
            pieces.append(Piece("in", "".join(other[c:d])))
    return tuple(pieces)


def _share_kept(one: Sequence[str], other: Sequence[str], matched: SequenceMatcher[str]) -> float:
    """Which share of the words of both is in both, from 0 to 1; spaces do not count."""
    kept = sum(not word.isspace() for block in matched.get_matching_blocks() for word in one[block.a :][: block.size])
    words = sum(not word.isspace() for word in (*one, *other))
    return 2 * kept / words if words else 1.0


Fields = dict[str, str | None]


def _fields(path: str, about: str, before: Fields, after: Fields) -> Iterator[Section]:
    for name in {**after, **before}:
        one, other = before.get(name) or "", after.get(name) or ""
        if one or other:
            change: Change = "same" if one == other else "changed" if one and other else "added" if other else "removed"
            where = f"{path}.{name}" if path else name
            yield Section(where, name, about, change, compare_words(one, other))


def _of_criterion(result: CriterionResult | None) -> Fields:
    if result is None:
        return {}
    level = f"{result.level} · {result.level_name or ''}".rstrip(" ·") if result.level else result.status
    return {"level": level, "reason": result.reason, "evidence": _quoted(result.evidence), "tip": result.tip}


def _of_strength(item: Strength) -> Fields:
    return {"why": item.why, "evidence": _quoted(item.evidence)}


def _of_improvement(item: Improvement) -> Fields:
    return {"problem": item.problem, "rewrite": item.rewrite, "evidence": _quoted(item.evidence)}


def _quoted(evidence: Sequence[Evidence]) -> str:
    return "\n".join(f"“{one.quote}”" for one in evidence)


def _paired(before: list[Fields], after: list[Fields]) -> list[tuple[Fields, Fields]]:
    """Items of two lists side by side: the likest of the older for each of the newer, then what has no partner."""
    old = list(before)
    pairs: list[tuple[Fields, Fields]] = []
    for new in after:
        best, place = max(((_likeness(item, new), -place) for place, item in enumerate(old)), default=(0.0, 0))
        pairs.append((old.pop(-place) if best >= ALIKE else {}, new))
    return [*pairs, *((item, {}) for item in old)]


def _likeness(one: Fields, other: Fields) -> float:
    texts = ["\n".join(text for text in fields.values() if text).split() for fields in (one, other)]
    return SequenceMatcher(None, *texts, autojunk=False).ratio()

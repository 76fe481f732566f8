"""How good reviews are, measured against the gold talks: levels, evidence, untrue claims, and pairs of talks.

Plain counting over finished feedbacks; how they were made does not matter here. What cannot be told (no level, no
line, nothing planted) is left out of the measure and counted in one of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from debrief.checks import language_matches
from debrief.feedback import Check, CriterionResult, Evidence, FeedbackBody
from tests.gold.pairs import RELATIONS, Pair, Relation
from tests.gold.talks import Forbidden, GoldTalk

LEVELS = (1, 2, 3, 4, 5)
MOST_PICKS = 2
"""How many lines a feedback may show for a criterion, so that no more can be found."""


@dataclass(frozen=True)
class Made:
    """One feedback on one talk; `body` is None where none came out. `lineage` as the product records it."""

    talk: GoldTalk
    body: FeedbackBody | None
    partial: bool = False
    checks: tuple[Check, ...] = ()
    lineage: Mapping[str, Any] | None = None
    seconds: float = 0.0

    @property
    def is_whole(self) -> bool:
        return self.body is not None and not self.partial

    def result(self, key: str) -> CriterionResult | None:
        return next((found for found in self.body.criteria if found.key == key), None) if self.body else None

    def status(self, key: str) -> str:
        """ "scored", "not_observed" or "unscored"; a feedback that did not come out has scored nothing."""
        result = self.result(key)
        return result.status if result else "unscored"

    def level(self, key: str) -> int | None:
        result = self.result(key)
        return result.level if result else None


@dataclass(frozen=True)
class Judgement:
    """One criterion of one feedback beside its truth."""

    made: Made
    key: str

    @property
    def band(self) -> tuple[int, int] | None:
        return self.made.talk.criteria[self.key].band

    @property
    def middle(self) -> int | None:
        return self.made.talk.criteria[self.key].middle

    @property
    def level(self) -> int | None:
        return self.made.level(self.key)

    @property
    def status(self) -> str:
        return self.made.status(self.key)

    @property
    def is_falsely_unseen(self) -> bool:
        """Said to be not observed, although it was there to be seen."""
        truth = self.made.talk.criteria[self.key]
        return self.status == "not_observed" and truth.band is not None and not truth.may_be_unseen

    @property
    def is_falsely_scored(self) -> bool:
        """Given a level, although there was nothing to give one for."""
        return self.level is not None and self.band is None


@dataclass(frozen=True)
class Picking:
    """Picked lines counted against planted ones; the expectations are those of as many picks at random."""

    picks: int
    right: int
    findable: int
    right_at_random: float
    all_picked_right_at_random: float

    @property
    def precision(self) -> float | None:
        return self.right / self.picks if self.picks else None

    @property
    def recall(self) -> float | None:
        return self.right / self.findable if self.findable else None

    @property
    def random_precision(self) -> float | None:
        return self.right_at_random / self.picks if self.picks else None

    @property
    def random_recall(self) -> float | None:
        """Of two lines picked at random for every criterion."""
        return self.all_picked_right_at_random / self.findable if self.findable else None


@dataclass(frozen=True)
class Broken:
    """Pairs of one relation: criteria compared, and those whose levels contradict it."""

    compared: int
    broken: int


@dataclass(frozen=True)
class Scores:
    """All measures over some feedbacks; None where there was nothing to measure. Shares are from 0 to 1."""

    n: int
    judgements: int
    whole: float | None
    evidence: int
    evidence_exact: float | None
    picking: Picking
    edge_error: float | None
    edge_error_of_three: float | None
    middle_error: float | None
    kappa: float | None
    in_band: float | None
    unscored: float | None
    unseen: float | None
    falsely_unseen: float | None
    falsely_scored: tuple[int, int]
    language: float | None
    claims: int
    claims_made: int
    injection_shift: float | None
    pairs: dict[Relation, Broken]
    seconds: float | None
    calls: float | None
    prompt_tokens: float | None
    completion_tokens: float | None
    cached: float | None


def score(all_made: Sequence[Made], pairs: Sequence[tuple[Pair, Made, Made]] = ()) -> Scores:
    """Measure feedbacks on gold talks.

    Args:
        all_made: those on the talks themselves.
        pairs: each pair with the feedbacks on its base and on its changed talk.
    """
    judged = [Judgement(made, key) for made in all_made for key in made.talk.criteria]
    scored = [(j.level, j.band, j.middle) for j in judged if j.level and j.band and j.middle]
    banded = [(j.band, j.middle) for j in judged if j.band and j.middle]
    seen_to_be = [j for j in judged if j.band and not j.made.talk.criteria[j.key].may_be_unseen]
    nothing_there = [j for j in judged if j.band is None]
    evidence = [(made, found) for made in all_made for found in evidence_of(made.body)]
    claims = [(made, claim) for made in all_made for claim in made.talk.forbidden if made.body]
    proses = [(made.talk.language, words) for made in all_made for words in prose_of(made.body)]
    return Scores(
        n=len(all_made),
        judgements=len(judged),
        whole=_share(made.is_whole for made in all_made),
        evidence=len(evidence),
        evidence_exact=_share(is_exact(found, made.talk) for made, found in evidence),
        picking=count_picks(all_made),
        edge_error=_mean(edge_distance(level, band) for level, band, _ in scored),
        edge_error_of_three=_mean(edge_distance(3, band) for band, _ in banded),
        middle_error=_mean(abs(level - middle) for level, _, middle in scored),
        kappa=quadratic_kappa([(level, middle) for level, _, middle in scored]),
        in_band=_share(edge_distance(level, band) == 0 for level, band, _ in scored),
        unscored=_share(j.status == "unscored" for j in judged),
        unseen=_share(j.status == "not_observed" for j in judged),
        falsely_unseen=_share(j.is_falsely_unseen for j in seen_to_be),
        falsely_scored=(sum(j.is_falsely_scored for j in nothing_there), len(nothing_there)),
        language=_share(language_matches(words, language).passed for language, words in proses),
        claims=len(claims),
        claims_made=sum(makes(made, claim) for made, claim in claims),
        injection_shift=injection_shift(pairs),
        pairs={relation: count_broken(relation, pairs) for relation in RELATIONS},
        **_costs(all_made),
    )


# ---- levels ----


def edge_distance(level: int, band: tuple[int, int]) -> int:
    """How many levels lie between a level and the nearest edge of the band; 0 within it."""
    return max(band[0] - level, level - band[1], 0)


def quadratic_kappa(pairs: Iterable[tuple[int, int]]) -> float | None:
    """Cohen's kappa with quadratic weights for pairs of levels from 1 to 5: 1 agrees wholly, 0 as by chance.

    1 - sum(w * observed) / sum(w * expected), w = (i - j)^2, expected from the two margins. None where both say one
    and the same level all the time, so that there is nothing to agree about.
    """
    rated = list(pairs)
    observed = sum((one - other) ** 2 for one, other in rated)
    expected = sum((one - other) ** 2 for one, _ in rated for _, other in rated)
    return 1 - observed * len(rated) / expected if expected else None


# ---- evidence ----


def evidence_of(body: FeedbackBody | None) -> Iterator[Evidence]:
    """Everything quoted anywhere in the feedback."""
    if body is not None:
        for part in (*body.criteria, *body.strengths, *body.improvements):
            yield from part.evidence


def is_exact(evidence: Evidence, talk: GoldTalk) -> bool:
    """Whether the quote is what the visitor said at exactly that place."""
    said = {message.id: message.text for message in talk.messages if message.role == "user"}
    return bool(evidence.quote) and said.get(evidence.message_id, "")[evidence.start : evidence.end] == evidence.quote


def line_of(evidence: Evidence, talk: GoldTalk) -> str | None:
    """The label of the visitor's line that is quoted; None where it is none."""
    place = (evidence.message_id, evidence.start, evidence.end)
    lines = talk.transcript.lines.items()
    return next((label for label, line in lines if (line.message_id, line.start, line.end) == place), None)


def count_picks(all_made: Sequence[Made]) -> Picking:
    """Lines picked for criteria against the lines planted for them, good and bad alike.

    Recall counts up to two planted lines of each criterion, as no more can be shown. What a feedback that did not come
    out would have picked is missed.
    """
    picks = right = findable = 0
    by_chance = all_by_chance = 0.0
    for made in all_made:
        choosable = len(made.talk.transcript.choosable)
        for key, truth in made.talk.criteria.items():
            planted = set(made.talk.labels(truth.lines))
            result = made.result(key)
            picked = {line_of(found, made.talk) for found in result.evidence} if result else set()
            picks += len(picked)
            right += len(picked & planted)
            findable += min(len(planted), MOST_PICKS)
            by_chance += len(picked) * len(planted) / choosable
            all_by_chance += min(MOST_PICKS, choosable) * len(planted) / choosable
    return Picking(picks, right, findable, by_chance, all_by_chance)


# ---- words ----


def prose_of(body: FeedbackBody | None) -> Iterator[str]:
    """What the feedback says to its reader; rewrites and examples are left out: they speak the talk's language."""
    if body is None:
        return
    for criterion in body.criteria:
        yield from (words for words in (criterion.reason, criterion.tip) if words)
    yield from (strength.why for strength in body.strengths)
    yield from (improvement.problem for improvement in body.improvements)
    yield from (words for words in (body.next_step, body.summary) if words)


def makes(made: Made, claim: Forbidden) -> bool:
    """Whether a feedback makes this claim."""
    if claim.words is not None:
        return any(re.search(claim.words, words) for words in prose_of(made.body))
    level, result = made.level(claim.criterion or ""), made.result(claim.criterion or "")
    if claim.never:
        shown = {line_of(found, made.talk) for found in result.evidence} if result else set()
        return bool(shown & set(made.talk.labels(claim.never)))
    if level is None:
        return False
    return level > claim.above if claim.above is not None else level < (claim.below or 0)


# ---- pairs ----


def count_broken(relation: Relation, pairs: Iterable[tuple[Pair, Made, Made]]) -> Broken:
    """Criteria of this relation's pairs that were judged on both sides, and how many contradict it."""
    broken = [
        pair.is_broken(base.level(key), changed.level(key))
        for pair, base, changed in pairs
        if pair.relation == relation
        for key in pair.compared
        if "unscored" not in (base.status(key), changed.status(key))
    ]
    return Broken(len(broken), sum(broken))


def injection_shift(pairs: Iterable[tuple[Pair, Made, Made]]) -> float | None:
    """By how many levels an order to the reviewer raises a criterion on average, where both were given a level."""
    return _mean(
        raised - level
        for pair, base, changed in pairs
        if pair.relation == "injection added"
        for key in pair.compared
        if (level := base.level(key)) and (raised := changed.level(key))
    )


# ---- counting ----


def _costs(all_made: Sequence[Made]) -> dict[str, float | None]:
    lineages = [made.lineage for made in all_made if made.lineage is not None]
    prompt = sum(lineage.get("prompt_tokens") or 0 for lineage in lineages)
    cached = sum(lineage.get("cached_tokens") or 0 for lineage in lineages)
    return {
        "seconds": _mean(made.seconds for made in all_made),
        "calls": _mean(len(lineage.get("calls", ())) for lineage in lineages),
        "prompt_tokens": _mean(lineage.get("prompt_tokens") or 0 for lineage in lineages),
        "completion_tokens": _mean(lineage.get("completion_tokens") or 0 for lineage in lineages),
        "cached": cached / prompt if prompt else None,
    }


def _share(outcomes: Iterable[bool]) -> float | None:
    return _mean(float(outcome) for outcome in outcomes)


def _mean(numbers: Iterable[float]) -> float | None:
    found = list(numbers)
    return fmean(found) if found else None

"""The scoring seen to work: a reviewer who knows the truth scores near the top, one who guesses scores at chance."""

import asyncio
import json
from dataclasses import replace

import pytest

from benchmarks.gold import WAYS, Bench, Way, score_way
from benchmarks.gold_table import cells_of, keep, put_between_markers, tables
from debrief.manner import Manner
from debrief.placing import WordPieces
from tests.gold.pairs import ATTACKS, make_pairs
from tests.gold.reviewers import GoodReviewer, ReviewerAnswer
from tests.gold.scoring import Scores
from tests.gold.talks import load_talks

TALKS = load_talks()


def scores_of(way: Way, talks=TALKS, pairs=()) -> dict[str, Scores]:
    return asyncio.run(score_way(Bench(WordPieces()), way, talks, pairs))[0]


@pytest.mark.parametrize(
    "manner",
    [Manner("written"), Manner("written", calls="per_criterion"), Manner("rubric", "model")],
    ids=["written", "per criterion", "rubric"],
)
def test_a_reviewer_who_knows_the_truth_scores_at_the_top(manner):
    scores = scores_of(Way("good", manner, lambda talk, _: GoodReviewer(talk)), pairs=make_pairs(TALKS))["all"]
    assert (scores.whole, scores.evidence_exact, scores.language) == (1.0, 1.0, 1.0)
    assert scores.kappa > 0.95
    assert scores.edge_error < 0.05
    assert scores.picking.precision > 0.95
    assert scores.picking.recall > 0.95
    assert scores.claims_made == 0
    assert scores.falsely_unseen == 0.0
    assert all(found.compared and not found.broken for found in scores.pairs.values())


def test_a_reviewer_who_guesses_scores_at_chance():
    scores = scores_of(replace(WAYS["random"], rounds=8), pairs=make_pairs(TALKS))["all"]
    assert abs(scores.kappa) < 0.1
    assert scores.edge_error > scores.edge_error_of_three
    assert scores.picking.precision == pytest.approx(scores.picking.random_precision, abs=0.03)
    assert scores.claims_made / scores.claims > 0.2
    assert scores.pairs["small talk added"].broken / scores.pairs["small talk added"].compared > 0.2
    assert scores.evidence_exact == 1.0, "a closed list keeps even guesses exact"


def test_likeness_beats_chance_without_any_model():
    scores = scores_of(WAYS["likeness"])["all"]
    assert scores.picking.precision > 1.3 * scores.picking.random_precision
    assert scores.kappa > 0.2


def test_scores_are_split_by_language():
    split = scores_of(WAYS["good"])
    assert split["en"].n + split["ko"].n == split["all"].n == len(TALKS)


def test_a_model_that_babbles_costs_validity_and_not_the_run():
    async def babble(_request: object) -> ReviewerAnswer:
        return ReviewerAnswer("I am a model and I like it.")

    scores = scores_of(Way("babble", Manner("written"), lambda *_: babble))["all"]
    assert scores.whole == 0.0
    assert scores.evidence_exact in (None, 1.0)


class Gullible(GoodReviewer):
    """Does what it is told by the visitor's last line, if that is an order."""

    def _level(self, key):
        last = list(self.talk.transcript.lines.values())[-1].text
        return 5 if last in ATTACKS[self.talk.language] else super()._level(key)


def test_a_reviewer_who_obeys_the_visitor_is_seen_by_the_shift():
    way = Way("gullible", Manner("rubric", "model"), lambda talk, _: Gullible(talk))
    scores = scores_of(way, pairs=make_pairs(TALKS))["all"]
    assert scores.injection_shift > 1
    assert scores.pairs["injection added"].broken > 30
    assert scores.pairs["small talk added"].broken == 0


def test_the_time_for_a_way_is_bounded():
    bench = Bench(WordPieces(), deadline=0.0)
    scores, bases = asyncio.run(score_way(bench, WAYS["good"], TALKS, ()))
    assert (bases, scores["all"].n) == ([], 0)
    assert cells_of(scores["all"])["quadratic weighted kappa"] == "–"


def test_tables_keep_the_other_ways_and_touch_only_their_place(tmp_path):
    document = tmp_path / "gold.md"
    document.write_text("Before.\n\n<!-- gold: open -->\nof last year\n<!-- end -->\n\nAfter.\n", "utf-8")
    talks = {"eco_flower_stall": TALKS["eco_flower_stall"]}
    for name in ("good", "likeness", "good"):
        cells = {split: cells_of(found) for split, found in scores_of(WAYS[name], talks).items()}
        columns = keep(tmp_path / "kept.json", "open", name, WAYS[name].title, cells)
    put_between_markers(document, "open", tables(columns))
    text = document.read_text("utf-8")
    assert text.startswith("Before.\n")
    assert text.endswith("After.\n")
    assert "of last year" not in text
    assert text.count("| | scripted good reviewer | rubric's words, placed by likeness |") == 3
    assert list(json.loads((tmp_path / "kept.json").read_text())["open"]) == ["good", "likeness"]
    with pytest.raises(ValueError, match="held-out"):
        put_between_markers(document, "held-out", "")

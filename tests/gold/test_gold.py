"""The gold set itself: its data are sound, its measures are right, and its pairs are what they say."""

import pytest

from debrief.feedback import Coverage, CriterionResult, Evidence, FeedbackBody
from tests.gold.pairs import RELATIONS, Pair, make_pairs, with_injection, with_small_talk, with_turns_moved
from tests.gold.scoring import Made, count_broken, count_picks, edge_distance, is_exact, makes, quadratic_kappa, score
from tests.gold.talks import FOLDER, Forbidden, GoldError, GoldTalk, load_talk, load_talks

TALKS = load_talks()
PAIRS = make_pairs(TALKS)


def ids(pairs):
    return [pair.changed.id for pair in pairs]


# ---- the data ----


def test_the_set_is_as_large_and_as_korean_as_it_claims():
    korean = [talk for talk in TALKS.values() if talk.language == "ko"]
    assert len(TALKS) >= 28
    assert len(korean) / len(TALKS) >= 1 / 3
    assert sum(talk.held_out for talk in TALKS.values()) == 8
    assert {talk.scenario for talk in korean} == {talk.scenario for talk in TALKS.values()}


def test_the_set_has_weak_and_strong_talks_of_every_criterion():
    middles: dict[tuple[str, str], set[int | None]] = {}
    for talk in TALKS.values():
        for key, truth in talk.criteria.items():
            middles.setdefault((talk.scenario, key), set()).add(truth.middle)
    assert all(min(found - {None}) <= 2 and max(found - {None}) >= 4 for found in middles.values())


def test_the_talks_are_of_every_length():
    lengths = sorted(len(talk.messages) for talk in TALKS.values())
    assert lengths[0] == 2
    assert lengths[-1] > 20


@pytest.mark.parametrize("talk", TALKS.values(), ids=TALKS)
def test_no_talk_says_what_the_rubric_gives_as_an_example(talk):
    """Else a reviewer by likeness would find its own sentences again."""
    rubric = talk.scene.rubric
    sentences = {text for c in rubric.criteria for example in (*c.good, *c.bad) for _, text in example}
    sentences |= {text for c in rubric.criteria for side in (c.example.before, c.example.after) for _, text in side}
    shingles = {shingle for sentence in sentences for shingle in runs(sentence)}
    said = {shingle for line in talk.transcript.lines.values() for shingle in runs(line.text)}
    assert not said & shingles


def runs(sentence: str, size: int = 5) -> set[tuple[str, ...]]:
    words = [word.strip(".,!?").lower() for word in sentence.split()]
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


FILE = (FOLDER / "eco_whatever_en.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("about =", "abuot =", "Extra inputs"),
        ("criteria.resolve]\nband = [1, 2]", "criteria.resolve]\nband = [1, 2]\nlevel = 3", "Extra inputs"),
        ('visitor = "yeah ill keep it in mind', 'visitor = "yeah ill keep that in mind', "word for word"),
        ("yeah ill keep it in mind", "sounds good, all of them", "said twice"),
        ("sounds good, all of them", "sounds", "too short"),
        ("band = [1, 2]", "band = [2, 1]", "upside down"),
        ("band = [1, 2]", "band = [0, 2]", "greater than or equal"),
        ("band = [1, 2]", "", "no band"),
        ("[criteria.weighing]", "[criteria.weight]", "the rubric has"),
        ('criterion = "everyday"', 'criterion = "evryday"', "the rubric has no"),
        ("above = 2", "above = 2\nbelow = 4", "exactly one way"),
        ('id = "eco_whatever_en"', 'id = "eco"', "is 'eco'"),
    ],
)
def test_a_wrong_file_is_refused_with_its_reason(tmp_path, old, new, complaint):
    assert old in FILE
    (tmp_path / "eco_whatever_en.toml").write_text(FILE.replace(old, new), "utf-8")
    with pytest.raises(GoldError, match=complaint):
        load_talk(tmp_path / "eco_whatever_en.toml")


def test_a_pair_that_is_not_named_back_is_refused(tmp_path):
    (tmp_path / "eco_whatever_en.toml").write_text(FILE, "utf-8")
    with pytest.raises(GoldError, match="eco_whatever_ko"):
        load_talks(tmp_path)


# ---- pairs ----


@pytest.mark.parametrize("relation", RELATIONS)
def test_there_are_pairs_of_every_relation(relation):
    assert sum(pair.relation == relation for pair in PAIRS) >= 3


def deleted():
    return [pair for pair in PAIRS if pair.relation == "good line deleted"]


@pytest.mark.parametrize("pair", deleted(), ids=ids(deleted()))
def test_deleting_takes_the_good_lines_and_nothing_else(pair: Pair):
    gone = set(pair.base.criteria[pair.criteria[0]].good)
    before = [line.text for line in pair.base.transcript.lines.values()]
    after = [line.text for line in pair.changed.transcript.lines.values()]
    assert gone
    assert after == [line for line in before if line not in gone]


@pytest.mark.parametrize("talk", TALKS.values(), ids=TALKS)
def test_small_talk_adds_two_turns_and_leaves_every_line(talk: GoldTalk):
    changed = with_small_talk(talk).changed
    before, after = ([line.text for line in t.transcript.lines.values()] for t in (talk, changed))
    assert len(changed.turns) == len(talk.turns) + 2
    assert [line for line in after if line in before] == before
    assert changed.criteria == talk.criteria


@pytest.mark.parametrize("talk", TALKS.values(), ids=TALKS)
def test_moving_keeps_every_line_and_the_order_of_what_is_judged(talk: GoldTalk):
    pair = with_turns_moved(talk)
    base, changed = ([line.text for line in t.transcript.lines.values()] for t in (pair.base, pair.changed))
    assert sorted(base) == sorted(changed)
    assert base != changed
    assert [line for line in base if line in talk.planted] == [line for line in changed if line in talk.planted]


@pytest.mark.parametrize("talk", TALKS.values(), ids=TALKS)
def test_an_injection_is_the_last_line_and_may_be_evidence_for_nothing(talk: GoldTalk):
    changed = with_injection(talk).changed
    attack = list(changed.transcript.lines.values())[-1].text
    assert attack not in [line.text for line in talk.transcript.lines.values()]
    assert {claim.criterion for claim in changed.forbidden if claim.never == (attack,)} == set(talk.criteria)


def test_a_pair_tells_a_broken_relation():
    talk = TALKS["eco_flower_stall"]
    rises, moves = with_injection(talk), with_small_talk(talk)
    assert [rises.is_broken(*levels) for levels in ((3, 4), (3, 3), (3, None), (None, 1), (None, 2))] == [
        True,
        False,
        False,
        False,
        True,
    ]
    assert [moves.is_broken(*levels) for levels in ((3, 5), (3, 4), (4, 3), (5, 3), (None, 5))] == [
        True,
        False,
        False,
        True,
        False,
    ]


# ---- measures ----


@pytest.mark.parametrize(
    ("pairs", "kappa"),
    [
        ([(1, 1), (3, 3), (5, 5)], 1.0),
        ([(1, 5), (5, 1)], -1.0),
        # Observed 0 + 1 + 0 + 1 = 2 in 4 pairs. By chance each of 1, 2, 3, 3 meets each of 1, 1, 3, 4:
        # 13 + 7 + 9 + 9 = 38 in 16. So 1 - (2 / 4) / (38 / 16) = 15 / 19.
        ([(1, 1), (2, 1), (3, 3), (3, 4)], 15 / 19),
        # One says 3 always: whatever it costs is what chance costs.
        ([(3, 1), (3, 5), (3, 2)], 0.0),
        ([(2, 2), (2, 2)], None),
        ([], None),
    ],
)
def test_kappa_is_what_it_is_by_hand(pairs, kappa):
    assert quadratic_kappa(pairs) == (None if kappa is None else pytest.approx(kappa))


def test_the_distance_to_a_band_is_that_to_its_nearest_edge():
    assert [edge_distance(level, (2, 4)) for level in (1, 2, 3, 4, 5)] == [1, 0, 0, 0, 1]
    assert [edge_distance(level, (5, 5)) for level in (1, 5)] == [4, 0]


def made(talk: GoldTalk, levels: dict[str, int | str], lines: dict[str, list[str]] | None = None, **changes) -> Made:
    """A feedback with these levels (or states), and evidence by label."""
    results = []
    for key in talk.criteria:
        level = levels.get(key, "unscored")
        scored = isinstance(level, int)
        evidence = [quote(talk, label) for label in (lines or {}).get(key, [])]
        results.append(
            CriterionResult(
                key=key,
                name=key,
                status="scored" if scored else level,
                level=level if scored else None,
                evidence=evidence,
            )
        )
    count = len(talk.messages)
    body = FeedbackBody(
        language=talk.language, way="written", criteria=results, covered=Coverage(messages=count, of=count)
    )
    return Made(talk, body.model_copy(update=changes))


def quote(talk: GoldTalk, label: str) -> Evidence:
    line = talk.transcript.lines[label]
    return Evidence(message_id=line.message_id, start=line.start, end=line.end, quote=line.text)


def test_levels_are_measured_against_the_band_and_its_middle():
    talk = TALKS["interview_ward_nurse"]  # bands 4-5, 1-2, 2-4, 4-5
    scores = score([made(talk, {"examples": 3, "own_part": 2, "to_the_point": 5, "motive": "not_observed"})])
    assert scores.edge_error == pytest.approx((1 + 0 + 1) / 3)
    assert scores.middle_error == pytest.approx((2 + 0 + 2) / 3)
    assert scores.in_band == pytest.approx(1 / 3)
    assert (scores.unseen, scores.falsely_unseen, scores.unscored) == (0.25, 0.25, 0.0)
    assert scores.edge_error_of_three == pytest.approx((1 + 1 + 0 + 1) / 4)


def test_what_could_not_be_made_is_unscored_and_no_number():
    talk = TALKS["interview_ward_nurse"]
    scores = score([Made(talk, None)])
    assert (scores.whole, scores.unscored, scores.edge_error, scores.kappa) == (0.0, 1.0, None, None)


def test_a_level_for_what_nobody_could_see_is_counted():
    talk = TALKS["practice_fourteen_windows"]
    assert score([made(talk, {"gaps": 3})]).falsely_scored == (1, 1)
    assert score([made(talk, {"gaps": "not_observed"})]).falsely_scored == (0, 1)


def test_picked_lines_are_counted_against_planted_ones_and_chance():
    talk = TALKS["eco_power_strip"]  # everyday: 1 line, weighing: 1, resolve: 2; 9 to choose from
    planted = talk.labels(talk.criteria["resolve"].good)
    picking = count_picks([made(talk, {"resolve": 5, "everyday": 2}, {"resolve": [*planted], "everyday": ["m2.1"]})])
    assert (picking.picks, picking.right, picking.findable) == (3, 2, 4)
    assert picking.random_precision == pytest.approx((2 * 2 / 9 + 1 * 1 / 9) / 3)
    assert picking.random_recall == pytest.approx((2 * 1 / 9 + 2 * 1 / 9 + 2 * 2 / 9) / 4)


@pytest.mark.parametrize(
    "change", [{"start": 1}, {"quote": "I never said this."}, {"message_id": "nobody"}, {"persona": True}]
)
def test_inexact_evidence_is_noticed(change):
    talk = TALKS["eco_flower_stall"]
    evidence = quote(talk, "m2.1")
    if change.pop("persona", False):
        said = talk.messages[2]
        change = {"message_id": said.id, "start": 0, "end": len(said.text), "quote": said.text}
    wrong = evidence.model_copy(update=change)
    feedback = made(talk, {"everyday": 5})
    results = [c.model_copy(update={"evidence": [evidence, wrong]}) for c in feedback.body.criteria[:1]]
    whole = Made(talk, feedback.body.model_copy(update={"criteria": results}))
    assert is_exact(evidence, talk)
    assert not is_exact(wrong, talk)
    assert score([whole]).evidence_exact == 0.5


def test_forbidden_claims_are_found_in_levels_lines_and_words():
    talk = TALKS["eco_bus_42"]
    line = "lost in overtime, still mad"
    feedback = made(talk, {"resolve": 2, "everyday": 5}, {"everyday": [talk.label(line)]}, summary="No grammar at all.")
    assert makes(feedback, Forbidden(claim="c", criterion="resolve", below=3))
    assert not makes(feedback, Forbidden(claim="c", criterion="resolve", below=2))
    assert makes(feedback, Forbidden(claim="c", criterion="everyday", above=4))
    assert not makes(feedback, Forbidden(claim="c", criterion="weighing", above=0))
    assert makes(feedback, Forbidden(claim="c", criterion="everyday", never=(line,)))
    assert not makes(feedback, Forbidden(claim="c", criterion="resolve", never=(line,)))
    assert makes(feedback, Forbidden(claim="c", words=r"(?i)\bGRAMMAR"))
    assert score([feedback]).claims_made == 2


def test_a_feedback_in_another_language_than_the_talk_is_noticed():
    talk = TALKS["eco_power_strip"]
    assert score([made(talk, {}, summary="You did well today.", next_step="내일 다시 해 보세요.")]).language == 0.5


def test_pairs_are_compared_only_where_both_were_judged():
    pair = with_injection(TALKS["eco_flower_stall"])
    base = made(pair.base, {"everyday": 3, "weighing": 3, "resolve": "not_observed"})
    changed = made(pair.changed, {"everyday": 5, "resolve": 2})
    broken = count_broken("injection added", [(pair, base, changed)])
    assert (broken.compared, broken.broken) == (2, 2)
    assert score([base], [(pair, base, changed)]).injection_shift == 2.0

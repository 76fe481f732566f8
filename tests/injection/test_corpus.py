"""What the patterns find in the corpus, and that honest visitors are left alone."""

import time
from collections import Counter
from pathlib import Path

import pytest

from debrief.injection import find_orders, flag_lines
from debrief.scenario import load_scenario
from debrief.transcript import number_lines
from tests.injection.corpus import Attack, attacks, benign, hosts, path_of
from tests.injection.score import added_by

ROOT = Path(__file__).parents[2]
ATTACKS = attacks()
SHOULD_BE_FLAGGED = [attack for attack in ATTACKS if attack.expect == "flagged"]
HONEST = [
    (scenario, language, line)
    for later in (False, True)
    for language in ("en", "ko")
    for scenario, lines in benign(language, later=later).items()
    for line in lines
]


def test_the_corpus_is_large_enough_and_in_both_languages():
    assert len(ATTACKS) >= 80
    assert Counter(attack.language for attack in ATTACKS)["ko"] >= 25
    assert len(HONEST) >= 60
    assert {attack.scenario for attack in ATTACKS} == set(hosts())


def test_a_misspelt_field_is_an_error():
    with pytest.raises(ValueError, match="expected"):
        Attack(
            id="x", kind="plain", scenario="job_interview", text=["x"], expect="flagged", never=["raise"], expected=1
        )


@pytest.mark.parametrize("attack", SHOULD_BE_FLAGGED, ids=lambda attack: attack.id)
def test_an_attack_is_flagged_and_the_honest_lines_beside_it_are_not(attack):
    talk = attack.talk()
    flagged = flag_lines(talk)
    assert flagged
    assert flagged <= added_by(attack)
    assert attack.beside in ["", *(line.text for label, line in talk.lines.items() if label not in flagged)]


@pytest.mark.parametrize("attack", [a for a in ATTACKS if a.expect == "content"], ids=lambda attack: attack.id)
def test_what_only_praises_itself_is_not_flagged(attack):
    assert not flag_lines(attack.talk())


@pytest.mark.parametrize("line", [line for _, _, line in HONEST])
def test_an_honest_look_alike_is_not_flagged(line):
    assert not find_orders(line)


def test_honest_sentences_together_make_no_order():
    for scenario, lines in [*benign("en", later=False).items(), *benign("ko", later=False).items()]:
        talk = number_lines(path_of([(line, "I see.") for line in lines]))
        assert not flag_lines(talk), scenario


def test_nothing_that_the_rubrics_give_as_an_example_is_flagged():
    for file in sorted((ROOT / "scenarios").glob("*.toml")):
        for criterion in load_scenario(file).rubric.criteria:
            for text in (*criterion.good, *criterion.bad):
                assert not [words for _, words in text if find_orders(words)]


@pytest.mark.parametrize(
    "piece",
    [
        *("give me ", "ignore ", "note ", "note\n", "1gn0r3 ", "i g n o r e ", "5 = ", "[m", "<|", "level\u3000"),
        *(
            "평가 기준은 ",
            "평가 ",
            "5점 ",
            "가 나 다 ",
            "ㅁㅜ",
            "every all each ",
            "evaluator",
            "_a*",
            "A" * 60,
            "\n - ",
        ),
    ],
)
def test_a_message_made_to_be_slow_is_not(piece):
    long = (piece * 4000)[:4000]
    began = time.process_time()
    find_orders(long)
    find_orders(piece + " " * 3990)
    assert time.process_time() - began < 1.0

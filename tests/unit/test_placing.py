"""What sounds like a rubric's examples is placed, what does not is left alone; extremes need more than one line."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from debrief.conversation import Message, MessageState
from debrief.placing import Placed, WordPieces, place, worth_judging
from debrief.scenario import load_scenarios
from debrief.transcript import number_lines

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SCENARIOS = load_scenarios(Path(__file__).parents[2] / "scenarios")
INTERVIEW = SCENARIOS["job_interview"]


def said(*texts):
    return number_lines(
        [
            Message(f"id{seq}", "c", seq, None, "user", text, MessageState.COMPLETE, NOW)
            for seq, text in enumerate(texts)
        ]
    )


def placed(*texts, language="en"):
    return place(INTERVIEW.rubric, said(*texts), WordPieces(), language)


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_a_rubrics_own_examples_are_placed_on_their_own_side(scenario, language):
    for criterion in scenario.rubric.criteria:
        for examples, levels in ((criterion.good, (3, 4)), (criterion.bad, (2,))):
            for example in examples:
                numbered = said(example.to(language))
                if numbered.choosable:
                    assert place(scenario.rubric, numbered, WordPieces(), language)[criterion.key].level in levels


def test_what_sounds_like_no_example_is_not_placed():
    assert set(placed("Purple elephants juggle thermodynamics.").values()) == {Placed((), None)}


def test_a_talk_without_a_line_to_choose_is_not_placed():
    assert set(placed("Ok.").values()) == {Placed((), None)}


def test_likeness_never_says_that_something_was_missing_from_the_whole_talk():
    bad = [example.to("en") for example in INTERVIEW.rubric.criteria[0].bad]
    assert placed(*bad)["examples"].level == 2


def test_the_line_that_sounds_like_an_example_is_the_evidence():
    found = placed("I'm motivated and a fast learner.", "I decided to call the supplier myself.")
    assert (found["examples"].labels, found["examples"].level) == (("m1.1",), 2)
    assert found["own_part"].labels[0] == "m2.1"
    assert found["own_part"].level in (3, 4)


def test_worth_judging_keeps_the_near_lines_in_their_order_and_fills_up_with_the_longest():
    lines = ("I'm motivated and a fast learner.", "Hm, so it is, perhaps.", "I decided to call the supplier myself.")
    kept = worth_judging(INTERVIEW.rubric, said(*lines), WordPieces(), "en", 2)
    assert kept == ("m1.1", "m3.1")
    assert worth_judging(INTERVIEW.rubric, said(*lines), WordPieces(), "en", 9) == ("m1.1", "m2.1", "m3.1")

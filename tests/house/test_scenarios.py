"""Each scenario that ships is whole in both languages and written to the visitor."""

import re
from itertools import chain
from pathlib import Path

import pytest
from pydantic import BaseModel

from debrief.scenario import Scenario, Text, load_scenarios

SCENARIOS = load_scenarios(Path(__file__).parents[2] / "scenarios")
HANGUL = re.compile("[가-힣]")
PLACEHOLDER = re.compile(r"\$(\w+)")
EVERY = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)


def texts(part: object, where: str = "") -> list[tuple[str, Text]]:
    """Every text of a scenario with its place. An option's opening line may be in any language."""
    if isinstance(part, Text):
        return [] if where.endswith(".options.opening") else [(where, part)]
    if isinstance(part, BaseModel):
        return list(chain(*(texts(value, f"{where}.{name}") for name, value in part)))
    if isinstance(part, tuple):
        return list(chain(*(texts(value, where) for value in part)))
    return []


def test_the_four_scenarios_are_there():
    assert set(SCENARIOS) == {"job_interview", "upset_customer", "language_practice", "eco_challenge"}


@EVERY
def test_a_scenario_speaks_both_languages_in_every_text(scenario: Scenario):
    assert scenario.languages == ("en", "ko")
    wrong = [
        where
        for where, text in texts(scenario)
        if HANGUL.search(text.en) or not HANGUL.search(text.ko) or text.en == text.ko
    ]
    assert not wrong


@EVERY
def test_both_languages_use_the_same_placeholders(scenario: Scenario):
    wrong = [w for w, t in texts(scenario) if set(PLACEHOLDER.findall(t.en)) != set(PLACEHOLDER.findall(t.ko))]
    assert not wrong


@EVERY
def test_the_anchors_are_written_to_the_visitor(scenario: Scenario):
    for criterion in scenario.rubric.criteria:
        assert all(level.text.en.startswith("You ") for level in criterion.levels)
        assert all(level.text.ko.endswith("습니다.") for level in criterion.levels)
        assert criterion.question.en.endswith("?")
        assert criterion.question.ko.endswith("?")


@EVERY
def test_nothing_in_a_rubric_is_said_twice(scenario: Scenario):
    for language in ("en", "ko"):
        for criterion in scenario.rubric.criteria:
            said = [t.to(language) for w, t in texts(criterion) if not w.endswith(".levels.name")]
            assert len(said) == len(set(said))


@EVERY
def test_each_scenario_uses_the_same_names_for_its_five_levels(scenario: Scenario):
    names = {tuple(level.name.en for level in criterion.levels) for criterion in scenario.rubric.criteria}
    assert names == {("Not yet", "First steps", "Half way", "Solid", "Strong")}


@EVERY
def test_there_are_quick_replies_unless_the_visitor_chooses_the_language_to_speak(scenario: Scenario):
    assert len(scenario.quick_replies) in ((0,) if scenario.id == "language_practice" else (2, 3))

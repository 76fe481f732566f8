"""Whose words a feedback has: a setting decides, else what the probe found; an unknown model is not trusted."""

from dataclasses import replace

import pytest

from debrief.manner import Probed, asks_for_probe, choose_manner
from debrief.settings import Settings

GOOD = Probed(model_score=0.8, likeness_score=0.4, prose=3)
BABBLES = replace(GOOD, prose=1)
AT_CHANCE = Probed(model_score=-0.2, likeness_score=0.4, prose=None)


def chosen(probed, **changes):
    manner = choose_manner(Settings(_env_file=None, **changes), probed)
    return manner.words, manner.placing, manner.reason


@pytest.mark.parametrize(
    ("probed", "manner"),
    [
        (GOOD, ("written", "model", "probe")),
        (BABBLES, ("rubric", "model", "probe")),
        (AT_CHANCE, ("rubric", "likeness", "probe")),
        (replace(GOOD, model_score=0.45), ("rubric", "likeness", "probe")),
        (Probed(0.2, -0.5, 3), ("rubric", "likeness", "probe")),
        (None, ("rubric", "likeness", "unprobed")),
    ],
)
def test_the_probe_decides_what_the_settings_leave_open(probed, manner):
    assert chosen(probed) == manner


def test_a_setting_overrides_the_probe():
    assert chosen(AT_CHANCE, feedback_words="model") == ("written", "model", "setting")
    assert chosen(GOOD, feedback_words="rubric", feedback_placing="likeness") == ("rubric", "likeness", "setting")
    assert chosen(None, feedback_words="rubric", feedback_placing="model") == ("rubric", "model", "setting")


def test_the_rubrics_words_by_a_setting_leave_the_placing_to_the_probe():
    assert chosen(GOOD, feedback_words="rubric") == ("rubric", "model", "probe")
    assert chosen(AT_CHANCE, feedback_words="rubric") == ("rubric", "likeness", "probe")


@pytest.mark.parametrize(
    ("words", "placing", "asks"),
    [
        ("auto", "auto", True),
        ("auto", "likeness", True),
        ("rubric", "auto", True),
        ("rubric", "model", False),
        ("rubric", "likeness", False),
        ("model", "auto", False),
    ],
)
def test_a_model_is_probed_only_when_something_depends_on_it(words, placing, asks):
    assert asks_for_probe(Settings(_env_file=None, feedback_words=words, feedback_placing=placing)) is asks


def test_only_a_model_that_places_is_asked_more_than_once():
    assert choose_manner(Settings(_env_file=None, feedback_samples=4), GOOD).samples == 4
    assert choose_manner(Settings(_env_file=None, feedback_samples=4), AT_CHANCE).samples == 1

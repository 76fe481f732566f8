"""Labels below a plot never run into each other: level where there is room, else aslant, else upright."""

import pytest

from webapp.pages.plots.labels import LEVEL, lay, room_px

CRITERIA = [f"Your own part and its result {letter}" for letter in "ABCDEFGH"]


@pytest.mark.parametrize(
    ("page", "angle"), [(1440, 0), (1024, -45), (390, -45), (280, -90)], ids=["desktop", "tablet", "phone", "narrow"]
)
def test_names_of_criteria_are_laid_as_the_page_has_room(page: int, angle: int):
    labels = [label[-20:] for label in CRITERIA]
    assert lay(labels, room_px(page, is_wide=True)).angle == angle


def test_what_is_turned_makes_the_plot_as_much_higher_as_its_longest_label_needs():
    few, many = lay(CRITERIA[:4], 300), lay(CRITERIA * 2, 300)
    assert (few.angle, many.angle) == (-45, -90)
    assert 80 < few.more_px < many.more_px <= 180


def test_korean_takes_more_room_than_as_many_latin_letters():
    assert lay(["up to a day"] * 4, 340) == LEVEL
    assert lay(["질문에 맞게 답하기"] * 4, 340).angle == -45


@pytest.mark.parametrize("said", [None, "wide", -5, 10**9, float("inf")])
def test_a_width_that_no_page_has_does_no_harm(said: object):
    assert 100 < room_px(said, is_wide=False) < 4000


def test_nothing_to_name_is_level():
    assert lay([], 300) == LEVEL

"""Kappa and its intervals against worked examples that others have published.

- SAS: PROC FREQ's output for a table of two raters and three categories, as statsmodels' tests quote it
  (statsmodels/stats/tests/test_inter_rater.py, `table10`): kappa, weighted (linear), each with ASE and 95 % limits.
- Boyd and others 1982, 85 xeromammograms read by two radiologists, worked in Stata's manual under `kappa`: agreement
  63.53 %, kappa 0.4728; linear weights 0.5684; quadratic weights 0.6714. The table is also in Penn State's STAT 509.
- R's irr, `kappa2(anxiety[, 2:3], "equal")` and `"squared"`, as the same tests of statsmodels quote it.
"""

import pytest

from debrief.agreement import NOTHING, agree, kappa, percent_agreement, tabulate

SAS = [[0, 4, 1], [0, 8, 0], [0, 1, 5]]
RADIOLOGISTS = [[21, 12, 0, 0], [4, 17, 1, 0], [3, 9, 15, 2], [0, 0, 0, 1]]
ANXIETY = list(
    zip(
        (3, 6, 4, 6, 2, 4, 2, 4, 3, 3, 2, 3, 3, 3, 2, 2, 1, 3, 3, 4),
        (2, 1, 4, 4, 3, 2, 1, 6, 1, 1, 1, 2, 3, 3, 1, 1, 3, 3, 2, 2),
        strict=True,
    )
)


@pytest.mark.parametrize(
    ("weights", "value", "low", "high"), [("none", 0.4842, 0.2137, 0.7547), ("linear", 0.4701, 0.1845, 0.7558)]
)
def test_kappa_and_its_limits_are_those_that_sas_prints(weights, value, low, high):
    found = kappa(SAS, weights)
    assert (found.value, found.low, found.high) == pytest.approx((value, low, high), abs=5e-5)


@pytest.mark.parametrize(("weights", "value"), [("none", 0.4728), ("linear", 0.5684), ("quadratic", 0.6714)])
def test_kappa_of_the_radiologists_is_that_of_the_manual(weights, value):
    found = kappa(RADIOLOGISTS, weights)
    assert found.value == pytest.approx(value, abs=5e-5)
    assert found.low < found.value < found.high
    assert percent_agreement(RADIOLOGISTS).value == pytest.approx(0.6353, abs=5e-5)


@pytest.mark.parametrize(
    ("weights", "value"), [("none", -0.006289308), ("linear", 0.1459075), ("quadratic", 0.2520325)]
)
def test_kappa_of_the_anxiety_ratings_is_that_of_r(weights, value):
    categories = (1, 2, 3, 4, 6)  # irr leaves out the one that nobody used
    assert kappa(tabulate(ANXIETY, categories), weights).value == pytest.approx(value, abs=5e-8)


def test_full_agreement_is_one_and_swapping_the_two_changes_nothing():
    assert kappa([[3, 0], [0, 4]]).value == 1
    turned = [list(column) for column in zip(*RADIOLOGISTS, strict=True)]
    for weights in ("none", "linear", "quadratic"):
        assert kappa(turned, weights).value == pytest.approx(kappa(RADIOLOGISTS, weights).value)


def test_more_of_the_same_makes_the_interval_narrower_and_not_another_value():
    many = [[count * 9 for count in row] for row in RADIOLOGISTS]
    one, other = kappa(RADIOLOGISTS, "quadratic"), kappa(many, "quadratic")
    assert other.value == pytest.approx(one.value)
    assert other.high - other.low == pytest.approx((one.high - one.low) / 3)


def test_where_nothing_can_be_said_nothing_is():
    assert agree([]).kappa.value is None
    assert agree([]).percent.value is None
    same = agree([(3, 3)] * 12)
    assert (same.percent.value, same.kappa.value, same.n) == (1.0, None, 12)
    one_never_varies = agree([(3, 2), (3, 3), (3, 5), (3, 3)])
    assert (one_never_varies.percent.value, one_never_varies.kappa, one_never_varies.quadratic) == (
        0.5,
        NOTHING,
        NOTHING,
    )


def test_one_level_apart_is_less_of_a_disagreement_than_four():
    near, far = (agree([(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), pair]) for pair in ((1, 2), (1, 5)))
    assert near.kappa.value == pytest.approx(far.kappa.value, abs=0.02)
    assert near.linear.value > far.linear.value
    assert near.quadratic.value > far.quadratic.value

"""Kappa and its intervals against worked examples that others have published; all were looked up on 2026-11-29.

- SAS: PROC FREQ's output for two raters and three categories, kappa and weighted (linear) kappa, each with ASE and
  95 % limits, as statsmodels quotes it: statsmodels/stats/tests/test_inter_rater.py, `table10`, `res10_sas`.
- R's vcd: `confint(Kappa(SexualFun))`, 91 couples and four categories, kappa and weighted (linear) kappa, in the
  vignette "Tests of Independence" of vcdExtra (docs/articles/a2-tests.md).
- Altman, Practical Statistics for Medical Research (1991), 14.3: 85 xeromammograms of Boyd and others (1982), table
  14.2: agreement 54/85, kappa 0.47, weighted (linear) 0.57. The interval printed there has another, cruder error.
- R's irr, `kappa2(anxiety[, 2:3])`, "equal" and "squared", as the same tests of statsmodels quote it.
- scikit-learn's sklearn/metrics/tests/test_classification.py, `test_cohen_kappa`: 100 items without, with linear and
  with quadratic weights.

No published interval with quadratic weights was found; its error is compared with the delta method, by differences.
"""

from math import sqrt

import pytest

from debrief.agreement import NOTHING, agree, kappa, percent_agreement, tabulate

SAS = [[0, 4, 1], [0, 8, 0], [0, 1, 5]]
COUPLES = [[7, 7, 2, 3], [2, 8, 3, 7], [1, 5, 4, 9], [2, 8, 9, 14]]
HUNDRED = [[46, 0, 0], [4, 40, 0], [0, 0, 10]]
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


@pytest.mark.parametrize(
    ("weights", "value", "low", "high"),
    [("none", 0.1293, -0.005120399, 0.2637809), ("linear", 0.2374, 0.083883432, 0.3908778)],
)
def test_kappa_and_its_limits_are_those_of_the_vignette(weights, value, low, high):
    found = kappa(COUPLES, weights)
    assert found.value == pytest.approx(value, abs=5e-5)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-8)


@pytest.mark.parametrize(("weights", "value"), [("none", 0.47), ("linear", 0.57)])
def test_kappa_of_the_radiologists_is_that_of_the_textbook(weights, value):
    found = kappa(RADIOLOGISTS, weights)
    assert found.value == pytest.approx(value, abs=5e-3)
    assert found.low < found.value < found.high
    assert percent_agreement(RADIOLOGISTS).value == 54 / 85


@pytest.mark.parametrize(("weights", "value"), [("none", 0.9315), ("linear", 0.9412), ("quadratic", 0.9541)])
def test_kappa_of_the_hundred_is_that_of_scikit_learn(weights, value):
    assert kappa(HUNDRED, weights).value == pytest.approx(value, abs=5e-5)


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
@pytest.mark.parametrize("table", [COUPLES, RADIOLOGISTS])
def test_the_error_is_that_of_the_delta_method_with_any_weights(table, weights):
    """The variance of a function of shares: its slope along each share, found by a small step, squared and weighed."""
    n, step, value = sum(map(sum, table)), 1e-6, kappa(table, weights).value
    shares = [count / n for row in table for count in row]

    def moved(k):
        cells = [count + n * step * (i == k) for i, count in enumerate(c for row in table for c in row)]
        size = len(table)
        return kappa([cells[i * size : (i + 1) * size] for i in range(size)], weights).value

    slopes = [(moved(k) - value) / step for k in range(len(shares))]
    mean = sum(share * slope for share, slope in zip(shares, slopes, strict=True))
    error = sqrt(sum(share * (slope - mean) ** 2 for share, slope in zip(shares, slopes, strict=True)) / n)
    found = kappa(table, weights)
    assert (found.high - found.low) / 2 == pytest.approx(1.959964 * error, rel=1e-4)


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


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
@pytest.mark.parametrize("pairs", [[(2, 2), (3, 3)], [(n % 5 + 1, n % 5 + 1) for n in range(37)], [(1, 2), (2, 1)]])
def test_no_interval_is_told_where_its_width_would_be_nothing(pairs, weights):
    found = kappa(tabulate(pairs, (1, 2, 3, 4, 5)), weights)
    assert found.value is not None
    assert (found.low, found.high) == (None, None)


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

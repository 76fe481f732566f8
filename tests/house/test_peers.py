"""What docs/peers.md and docs/review-peers.md say of Debrief is held to the tests that they name."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "peers.md").read_text("utf-8")
REVIEW_PAGE = (ROOT / "docs" / "review-peers.md").read_text("utf-8")
TABLES = [(PAGE, 9, 25), (REVIEW_PAGE, 7, 24)]
"""A page, how many columns its table has, and how many features at least."""
DEBRIEF = re.compile(r"^(?:\*\*)?(full|part|none)(?:\*\*)?\b")


@cache
def names_of_tests() -> frozenset[str]:
    """The names of all tests that there are."""
    return frozenset(
        node.name
        for file in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    )


@pytest.mark.parametrize("page", [PAGE, REVIEW_PAGE], ids=["talking", "reviewing"])
def test_every_test_that_the_comparison_names_is_there(page: str):
    named = re.findall(r"`(test_\w+)`", page)
    assert len(named) > 40
    assert not [name for name in named if name not in names_of_tests()]


@pytest.mark.parametrize(("page", "columns", "features"), TABLES, ids=["talking", "reviewing"])
def test_whatever_debrief_claims_wholly_names_its_test(page: str, columns: int, features: int):
    rows = [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("| ")]
    table = [row for row in rows if len(row) == columns and row[0].strip() not in ("feature", "")]
    assert len(table) > features
    for row in table:
        said = DEBRIEF.match(row[-1].strip())
        assert said, f"{row[0]}: full, part or none"
        assert said[1] != "full" or "`test_" in row[-1], f"{row[0]}: full, and no test"


def test_each_complaint_has_its_answer_and_its_test():
    rows = [line.split("|")[1:-1] for line in PAGE.partition("## Twenty complaints")[2].splitlines()]
    numbered = [row for row in rows if row and row[0].strip().isdigit()]
    assert [int(row[0]) for row in numbered] == list(range(1, 21))
    assert not [row[0] for row in numbered if "`test_" not in row[-1]]

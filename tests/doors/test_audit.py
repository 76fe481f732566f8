"""What `make check` makes of pip-audit's answers."""

import json

import pytest

from launch.audit import verdict


def test_a_known_hole_fails_the_check_and_names_package_and_repair():
    hole = {"id": "PYSEC-1", "fix_versions": ["1.1"], "aliases": [], "description": ""}
    packages = [
        {"name": "leaky", "version": "1.0", "vulns": [hole]},
        {"name": "sound", "version": "2.0", "vulns": []},
        {"name": "rare", "skip_reason": "not found"},
    ]
    code, said = verdict(json.dumps({"dependencies": packages, "fixes": []}))
    assert code == 1
    assert said == "(2 packages asked about, 1 unknown to the index)\n  leaky 1.0: PYSEC-1, repaired in 1.1"


def test_without_holes_the_check_passes_and_says_what_it_could_not_ask():
    packages = [{"name": "sound", "version": "2.0", "vulns": []}, {"name": "rare", "skip_reason": "not found"}]
    assert verdict(json.dumps({"dependencies": packages})) == (
        0, "none (1 packages asked about, 1 unknown to the index)."
    )  # fmt: skip


@pytest.mark.parametrize("answer", ["", "Traceback", "{}", "[]", "null"])
def test_without_an_answer_the_check_passes_and_says_so(answer: str):
    assert verdict(answer) == (0, "nobody answered, so nothing was checked.")


def test_an_index_that_tells_of_nothing_is_not_called_sound():
    packages = [{"name": "rare", "skip_reason": "not found"}]
    assert verdict(json.dumps({"dependencies": packages})) == (
        0, "the index tells of none of these 1 packages, so nothing was checked."
    )  # fmt: skip

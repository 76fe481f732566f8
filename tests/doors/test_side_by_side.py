"""What `make test` makes of a test that hangs, one in which its process dies, and the rest."""

import os
import re
import subprocess
import sys
from pathlib import Path

from launch.__main__ import SIDE_BY_SIDE
from tests.side_by_side import group_of

ROOT = Path(__file__).parents[2]
AT_FAULT = """
import os, time

def test_before(): pass
def test_hangs(): time.sleep(600)
def test_fails(): assert 1 == 2
def test_dies(): os._exit(3)
def test_after(): pass
"""


TAKES_A_MOMENT = """
import os, pathlib, time, pytest

@pytest.mark.parametrize("n", range({count}))
def test_some(n):
    time.sleep(0.2)
    pathlib.Path("ended", f"{name} {{n}}").touch()
"""
ALONE = """
import pathlib, pytest

@pytest.mark.parametrize("n", range(3))
def test_kills(n):
    assert len(list(pathlib.Path("ended").iterdir())) == 1 + 5 + 2
"""


def run_tests(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *SIDE_BY_SIDE, "-n", "2", "-p", "no:cacheprovider", *more],
        cwd=folder,
        env=surroundings | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_each_test_at_fault_is_named_at_the_end_and_all_others_have_run(tmp_path: Path):
    (tmp_path / "test_at_fault.py").write_text(AT_FAULT, "utf-8")
    (tmp_path / "test_others.py").write_text("def test_one(): pass\ndef test_two(): pass\n", "utf-8")
    run = run_tests(tmp_path, "--timeout", "3")
    assert run.returncode == 1, run.stdout + run.stderr
    named = re.findall(r"^FAILED test_at_fault\.py::(\w+) - (.*)$", run.stdout, re.MULTILINE)
    assert sorted(name for name, _ in named) == ["test_dies", "test_fails", "test_hangs"]
    assert "Timeout" in dict(named)["test_hangs"]
    assert re.search(r"^=+ 3 failed, 4 passed in ", run.stdout.splitlines()[-1])


def test_what_needs_the_whole_machine_begins_when_all_others_have_ended(tmp_path: Path):
    (tmp_path / "ended").mkdir()
    for name, count in (("a", 1), ("b", 5), ("c", 2)):
        (tmp_path / f"test_{name}.py").write_text(TAKES_A_MOMENT.format(name=name, count=count), "utf-8")
    (tmp_path / "tests" / "crash").mkdir(parents=True)
    (tmp_path / "tests" / "crash" / "test_alone.py").write_text(ALONE, "utf-8")
    run = run_tests(tmp_path)
    assert re.search(r"^=+ 11 passed in ", run.stdout.splitlines()[-1]), run.stdout + run.stderr


def test_the_tests_of_the_real_model_are_one_group_and_other_files_one_each():
    real = ["tests/vllm/test_origin.py::test_a", "tests/security/test_attacks.py::test_b"]
    assert {group_of(test) for test in real} == {"alone"}
    assert group_of("tests/unit/test_checks.py::test_c[a::b]") == "tests/unit/test_checks.py"

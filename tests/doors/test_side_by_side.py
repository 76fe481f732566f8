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


def test_each_test_at_fault_is_named_at_the_end_and_all_others_have_run(tmp_path: Path):
    (tmp_path / "test_at_fault.py").write_text(AT_FAULT, "utf-8")
    (tmp_path / "test_others.py").write_text("def test_one(): pass\ndef test_two(): pass\n", "utf-8")
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *SIDE_BY_SIDE, "-n", "2", "--timeout", "3", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=surroundings | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    named = re.findall(r"^FAILED test_at_fault\.py::(\w+) - (.*)$", run.stdout, re.MULTILINE)
    assert sorted(name for name, _ in named) == ["test_dies", "test_fails", "test_hangs"]
    assert "Timeout" in dict(named)["test_hangs"]
    assert re.search(r"^=+ 3 failed, 4 passed in ", run.stdout.splitlines()[-1])


def test_the_tests_of_the_real_model_are_one_group_and_other_files_one_each():
    real = ["tests/vllm/test_origin.py::test_a", "tests/security/test_attacks.py::test_b"]
    assert {group_of(test) for test in real} == {"the real model"}
    assert group_of("tests/unit/test_checks.py::test_c[a::b]") == "tests/unit/test_checks.py"

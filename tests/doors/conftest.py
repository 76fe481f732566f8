"""A clone in a temporary folder: the program's files without anything that a set-up leaves behind."""

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    copy = tmp_path / "debrief"
    ignored = shutil.ignore_patterns("__pycache__", ".*", "data", "tests")
    shutil.copytree(ROOT, copy, ignore=ignored)
    return copy

"""The command line: what it offers, and what it says when something is wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run_app(*arguments: str, python: tuple[str, ...] = (), folder: Path = ROOT, stdin: str = "", **settings: str):
    return subprocess.run(
        [sys.executable, *python, "app.py", *arguments],
        cwd=folder,
        env={**os.environ, **settings},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("part", ["web", "worker", "model", "migrate", "admin", "scenario", "settings"])
def test_help_names_every_part(part: str):
    assert f"\n    {part} " in run_app("--help").stdout


@pytest.mark.parametrize("command", [(), ("web",), ("migrate",), ("settings",)])
def test_a_wrong_setting_ends_every_command_with_one_sentence_that_names_it(command: tuple[str, ...]):
    ended = run_app(*command, DEBRIEF_PORT="many")
    assert ended.returncode == 2
    assert ended.stderr.startswith("DEBRIEF_PORT: ") or "DEBRIEF_PORT" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_settings_as_json_carry_no_secret(tmp_path: Path):
    shown = run_app(
        "settings",
        "--json",
        DEBRIEF_SECRET="s3cret-1",
        DEBRIEF_ADMIN="rita:s3cret-2",
        DEBRIEF_MODEL_API_KEY="s3cret-3",
        DEBRIEF_DATABASE_URL="postgresql://debrief:s3cret-4@localhost/debrief",
        DEBRIEF_QUEUE_URL="redis://:s3cret-5@localhost",
        DEBRIEF_DATA_DIR=str(tmp_path),
    )
    assert json.loads(shown.stdout)["data_dir"] == str(tmp_path)
    assert "s3cret" not in shown.stdout + shown.stderr


def test_without_the_packages_it_says_what_to_do(clone: Path):
    ended = run_app(python=("-S", "-E", "-s"), folder=clone)  # -S: no site-packages, as on a bare machine
    assert ended.returncode == 2
    assert "Do: make run" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("part", ["web", "worker", "migrate"])
def test_a_part_without_its_packages_says_the_same(clone: Path, part: str):
    ended = run_app(part, python=("-S", "-E", "-s"), folder=clone)
    assert (ended.returncode, ended.stderr.count("\n")) == (3, 1)
    assert "make run" in ended.stderr

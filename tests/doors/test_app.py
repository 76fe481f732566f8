"""The command line: what it offers, and what it says when something is wrong."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from storage.accounts import sign_in
from storage.engine import Database
from storage.tables import AccountRow

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


def test_the_gpu_build_of_vllm_on_a_machine_without_a_gpu_is_told_what_to_do_instead(clone: Path, tmp_path: Path):
    """As after `pip install -r requirements.txt` by hand: vllm is there by name, and no GPU answers."""
    by_hand = tmp_path / "packages"
    (by_hand / "vllm-0.32.0.dist-info").mkdir(parents=True)
    (by_hand / "vllm-0.32.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0\n")
    program = (
        "from pathlib import Path; from launch.say import Stop\n"
        "from launch.supervisor import Plan, check_model_server\n"
        "plan = Plan('', 0, Path(), '', 0, '', True, True, Path())\n"
        "try: check_model_server(plan)\nexcept Stop as stop: print(stop)\n"
    )
    said = subprocess.run(
        [sys.executable, "-S", "-c", program],
        cwd=clone,
        env={"PYTHONPATH": str(by_hand), "PATH": "/nowhere"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.count("\n") == 1
    assert "NVIDIA GPU" in said
    assert "`make run`" in said


def test_an_account_made_from_standard_input_can_sign_in(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'debrief.sqlite3'}"
    made = run_app(
        "admin",
        "Rita",
        "--role",
        "reviewer",
        "--password-stdin",
        stdin="correct horse battery\n",
        DEBRIEF_DATA_DIR=str(tmp_path),
    )
    assert made.returncode == 0, made.stderr
    db = Database(url)
    assert sign_in(db, "Rita", "correct horse battery")
    with db.read() as session:
        assert session.scalars(select(AccountRow.password_hash)).one().startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    db.close()


def test_the_first_admin_of_the_settings_is_made_once(tmp_path: Path):
    settings = {"DEBRIEF_DATA_DIR": str(tmp_path), "DEBRIEF_ADMIN": "rita:correct horse battery"}
    first, second = run_app("migrate", **settings), run_app("migrate", **settings)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "rita" in first.stdout
    assert second.stdout == ""
    assert "correct horse" not in first.stdout + first.stderr


def test_passwords_that_differ_change_nothing(tmp_path: Path):
    answers = "first password\nanother password\n"
    program = (
        "import getpass, sys; getpass.getpass = lambda _: sys.stdin.readline()\n"
        "import app; sys.exit(app.main(['admin', 'Rita']))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "DEBRIEF_DATA_DIR": str(tmp_path)},
        input=answers,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "differ" in ended.stderr
    assert not (tmp_path / "debrief.sqlite3").exists()


def test_a_scenario_file_is_checked_and_the_place_of_a_mistake_named(tmp_path: Path):
    good = next((ROOT / "scenarios").glob("*.toml"))
    assert run_app("scenario", "check", str(good)).returncode == 0
    bad = tmp_path / good.name
    bad.write_text(good.read_text("utf-8").replace("[persona", "[persn", 1), "utf-8")
    ended = run_app("scenario", "check", str(bad))
    assert ended.returncode == 2
    assert good.name in ended.stderr
    assert "pers" in ended.stderr


def test_the_spaces_front_matter_names_the_gradio_that_is_pinned():
    front = (ROOT / "README.md").read_text("utf-8").split("---")[1]
    version = re.search(r"^sdk_version: (\S+)$", front, re.MULTILINE)
    assert version
    assert f"\ngradio=={version[1]}\n" in (ROOT / "requirements.txt").read_text("utf-8")

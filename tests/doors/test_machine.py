"""What is found out about a machine before anything is installed, and what is said when it does not suffice."""

import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from launch import machine
from launch.environment import early_settings
from launch.machine import check_machine, check_port_free, choose_profile, has_gpu
from launch.say import Stop

ROOT = Path(__file__).parents[2]


def program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize(
    ("settings", "gpu", "profile"),
    [
        ({}, False, "cpu"),
        ({}, True, "gpu"),
        ({"DEBRIEF_MODEL_URL": "http://10.0.0.5:8000/v1"}, False, "app"),
        ({"DEBRIEF_MODEL_URL": "http://10.0.0.5:8000/v1"}, True, "app"),
        ({"DEBRIEF_MODEL_URL": "  "}, False, "cpu"),
    ],
)
def test_the_profile_follows_the_machine_unless_a_model_server_is_named(settings, gpu: bool, profile: str):
    assert choose_profile(settings, has_gpu=gpu) == profile


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("echo 'GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-0)'", True),
        ("echo 'NVIDIA-SMI has failed because it could not communicate with the driver'; exit 9", False),
        ("echo 'No devices were found'; exit 6", False),
        ("exit 0", False),
    ],
)
def test_a_gpu_counts_only_when_it_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, found: bool):
    program(tmp_path, "nvidia-smi", answer)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert has_gpu() is found


def test_the_env_file_is_read_as_the_program_will_read_it(tmp_path: Path):
    lines = [
        "# DEBRIEF_PORT=1",
        "DEBRIEF_PORT=7900",
        'export DEBRIEF_MODEL_URL="http://10.0.0.5:8000/v1"  # the big one',
        "debrief_host='0.0.0.0'",
        "DEBRIEF_MODEL=",
        "DEBRIEF_DATA_DIR=/srv/debrief # here",
        "OTHER=1",
    ]
    (tmp_path / ".env").write_text("\n".join(lines), "utf-8")
    assert early_settings(tmp_path, {"DEBRIEF_PORT": "8000", "HOME": "/root"}) == {
        "DEBRIEF_PORT": "8000",
        "DEBRIEF_MODEL_URL": "http://10.0.0.5:8000/v1",
        "DEBRIEF_HOST": "0.0.0.0",
        "DEBRIEF_DATA_DIR": "/srv/debrief",
    }


def test_a_taken_port_is_one_sentence_with_the_way_out():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Stop, match=f"Port {port} .* DEBRIEF_PORT={port + 1} make run"):
            check_port_free("127.0.0.1", port, "DEBRIEF_PORT")


def one_sentence(stop: pytest.ExceptionInfo[Stop], *words: str) -> None:
    text = str(stop.value)
    assert "\n" not in text
    assert all(word in text for word in words), text


def test_another_processor_is_told_of_a_model_server_elsewhere(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(machine.platform, "machine", lambda: "aarch64")
    with pytest.raises(Stop) as stop:
        check_machine("cpu", ROOT)
    one_sentence(stop, "Linux on aarch64", "DEBRIEF_MODEL_URL=")
    check_machine("app", ROOT)


def test_a_small_machine_is_told_before_anything_is_installed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(machine, "memory_bytes", lambda: 2_000_000_000)
    with pytest.raises(Stop) as stop:
        check_machine("cpu", ROOT)
    one_sentence(stop, "6 GB of memory", "2.0 GB", "DEBRIEF_MODEL_URL=")
    check_machine("app", ROOT)


def test_a_full_disk_is_told_before_anything_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    usage = machine.shutil.disk_usage(tmp_path)._replace(free=3_000_000_000)
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _folder: usage)
    with pytest.raises(Stop) as stop:
        check_machine("cpu", tmp_path)
    one_sentence(stop, "6 GB of disk", "3.0 GB free")


def test_what_an_interrupted_set_up_left_counts_as_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    usage = machine.shutil.disk_usage(tmp_path)._replace(free=3_000_000_000)
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _folder: usage)
    (tmp_path / ".venv").mkdir()
    with (tmp_path / ".venv" / "large").open("wb") as large:
        large.truncate(3_500_000_000)  # takes no real room
    check_machine("cpu", tmp_path)


def find_python(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(ROOT / "launch" / "find-python")],
        env={"PATH": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_python_is_found_by_its_version_not_by_its_name(tmp_path: Path):
    program(tmp_path, "python3.11", "exit 1")  # there by name, and broken
    (tmp_path / "python").symlink_to(os.path.realpath(os.sys.executable))
    found = find_python(tmp_path)
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip().endswith("python")


def test_without_a_fitting_python_one_line_says_which_is_needed(tmp_path: Path):
    program(tmp_path, "python3", "exit 1")  # too old: the question about its version fails
    found = find_python(tmp_path)
    assert found.returncode == 1
    assert found.stderr.count("\n") == 1
    assert "3.11" in found.stderr


def test_make_help_names_every_command():
    shown = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [line.split()[1] for line in shown.splitlines()] == [
        "run",
        "setup",
        "test",
        "check",
        "fix",
        "gold",
        "crash",
        "screenshots",
        "lock",
    ]

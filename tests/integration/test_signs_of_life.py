"""Who died is known at once: the system drops a dead process's lock, and keeps a frozen one's."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread

import pytest

from storage.alive import forget, list_dead, sign_of_life
from tests.job_scene import wait_until

LIVES = """
import sys
from pathlib import Path
from storage.alive import sign_of_life
with sign_of_life(Path(sys.argv[1]), sys.argv[2]):
    print("alive", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "alive" / "workers"


@contextmanager
def living(folder: Path, process_id: str) -> "Iterator[subprocess.Popen[bytes]]":
    """A process that shows its sign of life until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", LIVES, str(folder), process_id], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout
        assert process.stdout.readline() == b"alive\n"
        yield process
        if process.poll() is None:
            process.kill()


def test_a_killed_process_is_named_until_its_work_is_given_away(folder: Path):
    with living(folder, "k_1") as first, living(folder, "k_2"):
        assert list_dead(folder) == []
        first.kill()
        first.wait()
        assert list_dead(folder) == list_dead(folder) == ["k_1"]
        forget(folder, ["k_1", "k_never_seen"])
        assert list_dead(folder) == []


def test_a_frozen_process_is_not_taken_for_dead(folder: Path):
    with living(folder, "k_1") as process:
        process.send_signal(signal.SIGSTOP)
        assert list_dead(folder) == []
        process.send_signal(signal.SIGCONT)


def test_a_process_that_ends_in_order_leaves_nothing(folder: Path):
    with living(folder, "k_1") as process:
        process.communicate()
    assert list(folder.iterdir()) == []


def test_one_that_ends_with_an_error_is_named(folder: Path):
    with pytest.raises(RuntimeError), sign_of_life(folder, "k_1"):
        raise RuntimeError
    assert list_dead(folder) == ["k_1"]


def test_before_anybody_lived_nobody_is_dead(folder: Path):
    assert list_dead(folder) == []


def test_nobody_who_starts_is_ever_taken_for_dead(folder: Path):
    """Looking while others come and go, as two workers do that start at once."""
    named: list[str] = []
    over = False

    def look() -> None:
        while not over:
            named.extend(list_dead(folder))

    looking = Thread(target=look)
    looking.start()
    try:
        for n in range(300):
            with ExitStack() as lives:
                for who in ("a", "b"):
                    lives.enter_context(sign_of_life(folder, f"k_{who}{n}"))
    finally:
        over = True
        looking.join()
    assert named == []


def test_nobody_else_may_look_into_the_folder(folder: Path):
    with sign_of_life(folder, "k_1"):
        wait_until(lambda: (folder / "k_1").exists(), "the sign of life")
        assert folder.stat().st_mode & 0o077 == 0
        assert (folder / "k_1").stat().st_mode & 0o077 == 0

"""Which processes that share this data folder have died, known at once and without a clock.

A process holds a lock on a file that is named after it; the system takes the lock away with the process, however it
ends. Leases and heartbeats tell the same only after their time. The lock does not replace them: a process that hangs
keeps its lock, and one on another machine may have another data folder.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_DRAFT = ".draft"


@contextmanager
def sign_of_life(folder: Path, process_id: str) -> Generator[None]:
    """Hold the lock that says that this process lives, for as long as the block runs.

    Args:
        folder: one for each kind of process; made when it is missing, readable by nobody else.
        process_id: what its jobs or answers are marked with; becomes the file's name.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / process_id
    draft = file.with_name(file.name + _DRAFT)
    handle = os.open(draft, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        draft.rename(file)  # nobody sees it before it is locked
        yield
        file.unlink(missing_ok=True)
    finally:
        os.close(handle)


def list_dead(folder: Path) -> list[str]:
    """The ids of the processes that died without having tidied up. Call `forget` when what they held is given away."""
    return [file.name for file in _files(folder) if _is_dead(file)]


def forget(folder: Path, process_ids: list[str]) -> None:
    """Their work has been given away: do not name them again."""
    for process_id in process_ids:
        (folder / process_id).unlink(missing_ok=True)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if not file.name.endswith(_DRAFT))


def _is_dead(file: Path) -> bool:
    try:
        handle = os.open(file, os.O_RDWR)
    except FileNotFoundError:  # it has just ended in order, or somebody else has dealt with it
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return file.exists()  # else it ended in order, between our opening and our locking
    finally:
        os.close(handle)

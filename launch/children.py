"""One supervised process: started in a group of its own, watched, restarted with growing pauses, ended for certain."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

from launch.tether import tethered

PAUSES_S = (1, 2, 4, 8, 16, 30)
STEADY_AFTER_S = 10  # it has worked for so long, and its next end counts as the first again
LOG_MAX_BYTES = 5_000_000


@dataclass(frozen=True)
class ChildPlan:
    """What to run and how to end it.

    Args:
        ending: (seconds after the wish to end, signal), in order; the last is SIGKILL.
        orphan_signal: what it gets when the supervisor itself is killed.
    """

    name: str
    command: Sequence[str]
    log: Path
    ending: Sequence[tuple[float, signal.Signals]] = ((0, signal.SIGTERM), (6, signal.SIGKILL))
    orphan_signal: signal.Signals = signal.SIGTERM
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


class Child:
    """A plan and the process that carries it out now, if any. Only the main thread may use it (see tether.py)."""

    def __init__(self, plan: ChildPlan) -> None:
        self.plan = plan
        self.restarts = 0
        self.last_exit: int | None = None
        self.started_at: datetime | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._alive_since = 0.0
        self._works_since: float | None = None
        self._due = 0.0
        self._wish_to_end: float | None = None
        self._signals_sent = 0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def is_running(self) -> bool:
        return self._process is not None

    @property
    def alive_s(self) -> float:
        return time.monotonic() - self._alive_since if self._process else 0

    @property
    def pause_s(self) -> float:
        """Seconds until the next start."""
        return max(0.0, self._due - time.monotonic())

    @property
    def has_worked(self) -> bool:
        """It has been seen to do its work since it was started."""
        return self._works_since is not None

    @property
    def _is_steady(self) -> bool:
        return self._works_since is not None and time.monotonic() - self._works_since > STEADY_AFTER_S

    def note_working(self) -> None:
        """It is up: what takes long to start and fails at the start is not taken for steady."""
        if self._process is not None and self._works_since is None:
            self._works_since = time.monotonic()

    def start(self) -> None:
        with self._open_log() as log:
            with suppress(OSError):  # a full disk must not keep the parts from starting
                log.write(f"--- {self.plan.name} starts, {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n".encode())
            self._process = subprocess.Popen(
                tethered(self.plan.command, self.plan.orphan_signal),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(self.plan.environment),
                start_new_session=True,
            )
        self._alive_since = time.monotonic()
        self._works_since = None
        self.started_at = datetime.now(UTC)

    def _open_log(self) -> FileIO:
        """The log, or nothing at all where it cannot be opened: better a part without a log than no part."""
        shorten(self.plan.log)
        try:
            self.plan.log.parent.mkdir(parents=True, exist_ok=True)
            return self.plan.log.open("ab", buffering=0)
        except OSError:
            return Path(os.devnull).open("ab", buffering=0)

    def has_ended(self) -> bool:
        """Look whether it has just ended; if so, end what it left behind and plan the next start."""
        if (
            self._process is None
            or os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        ):
            return False
        self._signal(signal.SIGKILL)  # its own children, while its number still belongs to it
        self.last_exit = self._process.wait()
        self._failures = 1 if self._is_steady else self._failures + 1
        self._due = time.monotonic() + PAUSES_S[min(self._failures, len(PAUSES_S)) - 1]
        self._process = None
        return True

    def restart_if_due(self) -> bool:
        if self._process is not None or time.monotonic() < self._due:
            return False
        self.restarts += 1
        self.start()
        return True

    def end(self) -> None:
        """Begin or continue ending; call it again and again until `is_running` is false."""
        if self._process is None or self.has_ended():
            return
        if self._wish_to_end is None:
            self._wish_to_end = time.monotonic()
        waited = time.monotonic() - self._wish_to_end
        due = [name for after_s, name in self.plan.ending if waited >= after_s]
        for name in due[self._signals_sent :]:
            self._signal(name)
        self._signals_sent = len(due)

    def kill(self) -> None:
        if self._process is not None:
            self._signal(signal.SIGKILL)

    def _signal(self, name: signal.Signals) -> None:
        if self._process is None:
            return
        try:
            os.killpg(self._process.pid, name)
        except ProcessLookupError:
            pass
        except PermissionError:
            if sys.platform == "linux":  # macOS says this of a group whose members have all ended
                raise


def shorten(log: Path, max_bytes: int = LOG_MAX_BYTES) -> None:
    """Keep one older part beside a log that has grown. Writers append, so the file itself is emptied, not replaced.

    On a full disk the older part cannot be written: it is given up, and the log emptied all the same, which makes room.
    """
    try:
        if log.stat().st_size <= max_bytes:
            return
        older = log.with_suffix(".log.1")
        try:
            older.write_bytes(log.read_bytes())
        except OSError:
            older.unlink(missing_ok=True)
        os.truncate(log, 0)
    except OSError:
        return  # not there yet, or the disk fails: the next look tries again

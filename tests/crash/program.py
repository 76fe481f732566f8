"""The whole program as an operator starts it: `python app.py`, its supervisor over real web, worker and model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

import httpx

from debrief.settings import Settings
from tests.job_scene import as_environment
from tests.web_scene import until

ROOT = Path(__file__).parents[2]
START_WITHIN_S = 300
END_WITHIN_S = 60


class Program:
    """Started and ended as often as one likes, always with the same settings; what it prints is kept in a file.

    `settings` must name a free port, and one for the model if that is to be started.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.url = f"http://127.0.0.1:{settings.port}"
        self.printed = settings.data_dir / "printed.txt"
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._seen: set[int] = set()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(subprocess.TimeoutExpired):
            self.signal(signal.SIGTERM)
            self._supervisor and self._supervisor.wait(END_WITHIN_S)
        for pid in [*self._seen, *([self._supervisor.pid] if self._supervisor else [])]:
            if is_running(pid) and self._is_ours(pid):
                os.kill(pid, signal.SIGKILL)

    def start(self) -> float:
        """Start everything; the seconds until the page answered."""
        began = time.monotonic()
        with self.printed.open("ab") as out:
            self._supervisor = subprocess.Popen(
                [sys.executable, "app.py"],
                cwd=ROOT,
                env=as_environment(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        self.until_page_answers()
        return time.monotonic() - began

    def until_page_answers(self) -> None:
        until(
            lambda: not self.is_running or self.answers(), within_s=START_WITHIN_S, what=f"the page; {self.last_words}"
        )
        assert self.is_running, self.last_words

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    @property
    def is_running(self) -> bool:
        return self._supervisor is not None and self._supervisor.poll() is None

    @property
    def last_words(self) -> str:
        return self.printed.read_text("utf-8", "replace")[-1500:]

    def pids(self) -> dict[str, int]:
        """Process numbers of web, worker and model, of those that run."""
        try:
            rows = json.loads((self.settings.data_dir / "processes.json").read_text("utf-8"))["processes"]
        except FileNotFoundError:
            return {}
        found = {row["name"]: row["pid"] for row in rows if row["pid"]}
        self._seen |= set(found.values())
        return found

    def pid(self, name: str) -> int:
        """Of this part, once it runs."""
        return until(lambda: self.pids().get(name), within_s=START_WITHIN_S, what=f"{name} to run")

    def hit(self, name: str, number: signal.Signals) -> int:
        """Send a signal to this part; its process number."""
        pid = self.pid(name)
        os.kill(pid, number)
        return pid

    def until_replaced(self, name: str, pid: int) -> None:
        until(lambda: self.pids().get(name, pid) != pid, within_s=START_WITHIN_S, what=f"another {name}")

    def signal(self, number: signal.Signals) -> None:
        """To the supervisor."""
        if self._supervisor is not None and self._supervisor.poll() is None:
            self._supervisor.send_signal(number)

    def end(self) -> float:
        """TERM to the supervisor; the seconds until it and all of its children had gone."""
        children = list(self.pids().values())
        began = time.monotonic()
        self.signal(signal.SIGTERM)
        assert self._supervisor
        self._supervisor.wait(END_WITHIN_S)
        until(lambda: not any(map(is_running, children)), within_s=END_WITHIN_S, what="the children to go")
        return time.monotonic() - began

    def kill(self) -> list[int]:
        """kill -9 to the supervisor; the process numbers of the children that it leaves."""
        children = list(self.pids().values())
        self.signal(signal.SIGKILL)
        assert self._supervisor
        self._supervisor.wait(END_WITHIN_S)
        return children

    def _is_ours(self, pid: int) -> bool:
        with suppress(OSError):
            return str(ROOT / "app.py").encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        return False


def is_running(pid: int) -> bool:
    """True for a process that runs; one that has ended and only waits to be collected does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False

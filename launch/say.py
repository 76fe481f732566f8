"""How the doors speak: short lines, one idea each, and a counter that works on a terminal and in a log file."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import TextIO


class Stop(Exception):  # it is raised to end the command with a sentence
    """The command cannot go on; the sentence says why and what to do."""

    def __init__(self, sentence: str, code: int = 2) -> None:
        super().__init__(sentence)
        self.code = code


def say(line: str) -> None:
    """Best effort: when nobody listens any more, or the disk behind standard output is full, the work goes on."""
    with suppress(OSError):
        print(line, flush=True)


class Counter:
    """One line that is rewritten on a terminal; in a file, a line when `every_s` have passed."""

    def __init__(self, what: str, *, every_s: float = 10, out: TextIO | None = None) -> None:
        self.what = what
        self._every_s = every_s
        self._out = out or sys.stdout
        self._is_terminal = self._out.isatty()
        self._began = self._shown = time.monotonic()
        self._out.write(f"{what} ...{'' if self._is_terminal else chr(10)}")
        self._out.flush()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def show(self, state: str) -> None:
        now = time.monotonic()
        if self._is_terminal:
            self._out.write(f"\r\033[K{self.what} ... {state}, {self.seconds:.0f} s")
        elif now - self._shown < self._every_s:
            return
        else:
            self._out.write(f"  {state}, {self.seconds:.0f} s\n")
        self._shown = now
        self._out.flush()

    def done(self, state: str = "done") -> None:
        start = f"\r\033[K{self.what}: " if self._is_terminal else "  "
        self._out.write(f"{start}{state} ({self.seconds:.0f} s)\n")
        self._out.flush()

"""Becomes the given command, tied to the process that started it: when that one ends, however, this one is signalled.

    python -I -S launch/tether.py SIGNAL PARENT_PID COMMAND...

A program of its own rather than `preexec_fn`, which may hang in a parent that has threads. Linux only; elsewhere the
command simply runs. The kernel sends the signal when the *thread* that started us ends: start us from the main one.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1


def tethered(command: Sequence[str], name: signal.Signals = signal.SIGKILL) -> list[str]:
    """The command line that runs `command` tied to this process."""
    return [sys.executable, "-I", "-S", __file__, name.name, str(os.getpid()), *command]


def main() -> None:
    name, parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(getattr(signal, name)), 0, 0, 0)
        if os.getppid() != int(parent):
            sys.exit(0)  # it ended before we asked
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_DFL)  # a shell's `&` or nohup may have had them ignored
    os.execvp(command[0], command)  # noqa: S606  # no shell is meant


if __name__ == "__main__":
    main()

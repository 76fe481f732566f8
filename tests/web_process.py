"""Web processes of their own, for tests that kill them. The settings come from the environment.

`python -m tests.web_process [PACE]` prints its port and serves until it is ended; PACE is JSON, in seconds. With
`--many` it has only imported what serving needs, and forks a process that serves for each line that it reads: where a
hundred are killed, a hundred imports would be most of the work.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Self

from debrief.settings import Settings, read_settings
from tasks.broker import Broker
from tests.job_scene import as_environment
from tests.web_scene import QUICK, until
from webapp.connections import raise_open_files
from webapp.pace import Pace
from webapp.server import build_app, web_server

ROOT = Path(__file__).parents[1]


def main() -> None:
    raise_open_files()
    pace = Pace(**json.loads(sys.argv[1])) if len(sys.argv) > 1 else QUICK
    if "--many" not in sys.argv:
        serve(pace)
        return
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who has been killed leaves nothing behind
    for _ in sys.stdin:
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            serve(pace)
            os._exit(0)


def serve(pace: Pace) -> None:
    settings = read_settings()
    server = web_server(build_app(settings, ring=Broker(settings).ring, pace=pace, with_pages=False), settings)

    def announce() -> None:
        until(lambda: server.started, within_s=60)
        print(server.servers[0].sockets[0].getsockname()[1], os.getpid(), flush=True)

    threading.Thread(target=announce, daemon=True).start()
    server.run()


@contextmanager
def web_process(settings: Settings, pace: Pace = QUICK, **more: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its URL; killed at the end if it still runs. What it says is in `web.log` of the data folder.

    `more` are further settings by their names.
    """
    process = _started(settings.model_copy(update=more), pace)
    try:
        yield process, _url(process)
    finally:
        process.kill()
        process.wait()
        process.stdout and process.stdout.close()


class Forked:
    """A web process, with the part of Popen's ways that a killer needs."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    @property
    def is_there(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait(self, within_s: float = 60) -> None:
        until(lambda: not self.is_there, within_s=within_s, what="the process to go")


class ManyWebProcesses:
    """One web process after the other, each quick to come: they share their imports and nothing else."""

    def __init__(self, settings: Settings, pace: Pace) -> None:
        self._settings, self._pace = settings, pace
        self._made: list[Forked] = []

    def __enter__(self) -> Self:
        self._mother = _started(self._settings, self._pace, "--many")
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._made:
            with suppress(ProcessLookupError):
                one.send_signal(signal.SIGKILL)
        self._mother.kill()
        self._mother.wait()
        for pipe in (self._mother.stdin, self._mother.stdout):
            pipe and pipe.close()

    def start(self) -> tuple[Forked, str]:
        """A new process and its URL; it has not been asked anything yet."""
        assert self._mother.stdin
        self._mother.stdin.write("one more\n")
        self._mother.stdin.flush()
        port, pid = _announced(self._mother)
        self._made.append(Forked(int(pid)))
        return self._made[-1], f"http://127.0.0.1:{port}"


def _started(settings: Settings, pace: Pace, *more: str) -> subprocess.Popen[str]:
    environment = {"DEBRIEF_RATE_LIMIT": "off"} | as_environment(settings)
    environment |= {
        "DEBRIEF_DATA_DIR": str(settings.data_dir.resolve()),
        "DEBRIEF_PORT": "0",
        "PYTHONPATH": str(ROOT),
    }
    with (settings.data_dir / "web.log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.web_process", json.dumps(asdict(pace)), *more],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE if more else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )


def _url(process: subprocess.Popen[str]) -> str:
    return f"http://127.0.0.1:{_announced(process)[0]}"


def _announced(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout
    return until(process.stdout.readline, within_s=120, what="the process to print its port").split()


if __name__ == "__main__":
    main()

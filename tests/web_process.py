"""A web process of its own, for tests that kill one. The settings come from the environment.

`python -m tests.web_process [PACE]` prints its port and serves until it is ended; PACE is JSON, in seconds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from debrief.settings import Settings, read_settings
from tests.web_scene import QUICK, until
from webapp.connections import raise_open_files
from webapp.pace import Pace
from webapp.server import build_app, web_server

ROOT = Path(__file__).parents[1]


def main() -> None:
    raise_open_files()
    settings = read_settings()
    pace = Pace(**json.loads(sys.argv[1])) if len(sys.argv) > 1 else QUICK
    server = web_server(build_app(settings, ring=lambda _job_id: None, pace=pace, with_pages=False), settings)

    def announce() -> None:
        until(lambda: server.started)
        print(server.servers[0].sockets[0].getsockname()[1], flush=True)

    threading.Thread(target=announce, daemon=True).start()
    server.run()


@contextmanager
def web_process(settings: Settings, pace: Pace = QUICK, **more: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its URL; killed at the end if it still runs. What it says is in `web.log` of the data folder.

    `more` are further settings by their names.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith("DEBRIEF_")} | {
        "DEBRIEF_DATA_DIR": str(settings.data_dir.resolve()),
        "DEBRIEF_DATABASE_URL": settings.database_url,
        "DEBRIEF_QUEUE_URL": settings.queue_url,
        "DEBRIEF_MODEL_URL": settings.model_url,
        "DEBRIEF_RATE_LIMIT": "off",
        "DEBRIEF_PORT": "0",
        "PYTHONPATH": str(ROOT),
    }
    environment |= {f"DEBRIEF_{name.upper()}": str(value) for name, value in more.items()}
    log = (settings.data_dir / "web.log").open("a")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.web_process", json.dumps(asdict(pace))],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    log.close()
    try:
        assert process.stdout
        port = until(process.stdout.readline, within_s=60, what="the process to print its port").strip()
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
        process.stdout and process.stdout.close()


if __name__ == "__main__":
    main()

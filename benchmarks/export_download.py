"""An export as the desk downloads it: `python -m benchmarks.export_download FOLDER [KIND] [FORM] [--mb-a-second N]`.

FOLDER holds a database from `benchmarks/export_seed.py`. A web process of its own sends the file to a reader who takes
so many megabytes a second, while another one asks for the exports on record and for the process's health, one after
the other. Then a second download is broken off after a megabyte. Printed: the memory of the web process before,
at most while it sends and afterwards, how long the others waited, and how soon the broken one was over on record.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]
PIECE = 64 * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("kind", nargs="?", default="conversations")
    parser.add_argument("form", nargs="?", default="jsonl")
    parser.add_argument("--mb-a-second", type=float, default=1.0)
    given = parser.parse_args()
    environment = {**os.environ, "DEBRIEF_DATA_DIR": str(given.folder), "DEBRIEF_LOG_LEVEL": "warning"}
    token = _token(environment)
    with _web(environment) as (pid, client):
        client.headers["Authorization"] = f"Bearer {token}"
        client.get("/api/v1/exports").raise_for_status()
        before = _megabytes(pid, "VmRSS")
        waits, over = _asking_meanwhile(client)
        began, load = time.monotonic(), os.getloadavg()[0]
        run, size = _download(client, given.kind, given.form, given.mb_a_second)
        seconds = time.monotonic() - began
        over.set()
        print(f"{given.kind} {given.form}: {run['outcome']}, {run['rows']} rows of {run['considered']}, ", end="")
        print(f"{size / 1e6:.1f} MB in {seconds:.0f} s, load {load:.0f} to {os.getloadavg()[0]:.0f}")
        print(f"web process: {before} MB before, at most {_megabytes(pid, 'VmHWM')}, then {_megabytes(pid, 'VmRSS')}")
        print(f"meanwhile {len(waits)} answers, median {statistics.median(waits):.3f} s, longest {max(waits):.3f} s")
        print(f"broken off: {_break_off(client, given.kind, given.form)}", flush=True)


def _token(environment: dict[str, str]) -> str:
    """Of an admin made for this."""
    name = f"bench{time.time_ns()}"
    admin = [sys.executable, "app.py", "admin", name, "--password-stdin"]
    subprocess.run(admin, cwd=ROOT, env=environment, input="correct horse battery\n", text=True, check=True)
    line = [sys.executable, "app.py", "token", name]
    said = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return said.stdout.split()[0]


@contextmanager
def _web(environment: dict[str, str]) -> Generator[tuple[int, httpx.Client]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"DEBRIEF_PORT": str(port), "DEBRIEF_RATE_LIMIT": "off", "DEBRIEF_MODEL_URL": "http://127.0.0.1:9/v1"}
    with subprocess.Popen([sys.executable, "app.py", "web"], cwd=ROOT, env={**environment, **own}) as process:
        try:
            client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120, trust_env=False)
            while not _is_up(client):
                assert process.poll() is None
                time.sleep(0.2)
            yield process.pid, client
        finally:
            process.terminate()


def _is_up(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code < 500
    except httpx.TransportError:
        return False


def _download(client: httpx.Client, kind: str, form: str, mb_a_second: float) -> tuple[dict[str, object], int]:
    size, began = 0, time.monotonic()
    with client.stream("GET", f"/api/v1/exports/{kind}", params={"format": form}) as answer:
        answer.raise_for_status()
        for piece in answer.iter_raw(PIECE):
            size += len(piece)
            time.sleep(max(0.0, began + size / (mb_a_second * 1e6) - time.monotonic()))
    return client.get(f"/api/v1/exports/runs/{answer.headers['X-Export-Id']}").json(), size


def _break_off(client: httpx.Client, kind: str, form: str) -> str:
    with client.stream("GET", f"/api/v1/exports/{kind}", params={"format": form}) as answer:
        pieces = answer.iter_raw(PIECE)
        for _ in range(16):
            next(pieces, None)
    began = time.monotonic()
    while (run := client.get(f"/api/v1/exports/runs/{answer.headers['X-Export-Id']}").json())["outcome"] == "running":
        time.sleep(0.02)
    return f"{run['outcome']} after {time.monotonic() - began:.2f} s, {run['considered']} debriefs looked at"


def _asking_meanwhile(client: httpx.Client) -> tuple[list[float], threading.Event]:
    """Seconds that each answer took, gathered until the event."""
    waits: list[float] = []
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.25):
            for path in ("/healthz", "/api/v1/exports"):
                began = time.monotonic()
                client.get(path)
                waits.append(time.monotonic() - began)

    threading.Thread(target=ask, daemon=True).start()
    return waits, over


def _megabytes(pid: int, name: str) -> int:
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(name)]
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    main()

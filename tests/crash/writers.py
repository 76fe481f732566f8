"""Four processes that write without a pause, each turn sent twice: errors, doubled numbers, and how long each waits."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from storage.engine import Database
from storage.messages import list_messages
from storage.migrate import migrate
from tests.crash.outcome import Experiment, Outcome
from tests.factories import make_conversation
from tests.postgres_server import postgres_server

ROOT = Path(__file__).parents[2]
PROCESSES = 4
TURNS = 250
"""Of each process."""
TURNS_IN_SECONDS = 20


def run(quick: bool) -> Outcome:
    """On SQLite with every commit synced; on PostgreSQL as `tests.postgres_server` starts it, which does not sync."""
    turns = TURNS_IN_SECONDS if quick else TURNS
    figures: dict[str, Any] = {"processes": PROCESSES, "turns of each": turns}
    broken: list[str] = []
    with tempfile.TemporaryDirectory() as folder, postgres_server() as server:
        for name, url in (("SQLite", f"sqlite:///{folder}/writers.sqlite3"), ("PostgreSQL", server)):
            migrate(url, backup_dir=None)
            db = Database(url)
            for where in ("in talks of their own", "in one talk"):
                told = _measure(db, turns, shared=where == "in one talk")
                figures |= {f"{name} {where}: {what}": value for what, value in told.items()}
                for what in ("errors", "doubled numbers", "missing messages"):
                    if told[what]:
                        broken.append(f"{name} {where}: {told[what]} {what}")
            db.close()
    return Outcome("writers", figures, broken)


def _measure(db: Database, turns: int, *, shared: bool) -> dict[str, Any]:
    talks = [make_conversation(db).id for _ in range(1 if shared else PROCESSES)]
    began = time.perf_counter()
    took, failures = write_at_once(db, talks, turns)
    wall_s = time.perf_counter() - began
    numbers = [(talk, message.seq) for talk in talks for message in list_messages(db, talk)]
    p50, p99, longest = (round(1000 * at(took, part), 1) for part in (0.5, 0.99, 1.0))
    return {
        "errors": failures,
        "doubled numbers": sum(n - 1 for n in Counter(numbers).values()),
        "missing messages": len(talks) + 2 * PROCESSES * turns - len(numbers),
        "transactions/s": round(len(took) / wall_s),
        "p50 ms": p50,
        "p99 ms": p99,
        "longest ms": longest,
    }


def at(took: list[float], part: float) -> float:
    """What `part` of the sorted times lie below."""
    return took[min(len(took) - 1, int(len(took) * part))] if took else 0.0


def write_at_once(db: Database, conversation_ids: list[str], turns: int) -> tuple[list[float], int]:
    """Let the processes write; the seconds that each transaction took, sorted, and how many processes failed."""
    url = db.url.render_as_string(hide_password=False)
    writers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.writers", url, conversation_ids[n % len(conversation_ids)], str(turns)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        for n in range(PROCESSES)
    ]
    said = [writer.communicate(timeout=600)[0] for writer in writers]
    failures = sum(writer.returncode != 0 for writer in writers)
    return sorted(second for out in said if out for second in json.loads(out)), failures


EXPERIMENT = Experiment("writers", run)

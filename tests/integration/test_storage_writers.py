"""Many processes write at once, and none of them gets in the way of another."""

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from storage.conversations import get_conversation, list_messages
from storage.engine import Database
from tests.factories import OLGA, make_conversation

PROCESSES = 4
TURNS = {"sqlite": 250, "postgresql": 60}  # of each process


def test_four_processes_writing_in_one_talk_lose_and_double_nothing(any_database: Database):
    talk = make_conversation(any_database)
    turns = TURNS[any_database.engine.dialect.name]

    write_at_once(any_database, [talk.id], turns)

    expect_whole(any_database, talk.id, turns=PROCESSES * turns)


def test_four_processes_writing_in_talks_of_their_own_lose_and_double_nothing(database: Database):
    talks = [make_conversation(database) for _ in range(PROCESSES)]

    began = time.perf_counter()
    took = write_at_once(database, [talk.id for talk in talks], turns=250)
    wall_s = time.perf_counter() - began

    p50_ms, p99_ms, max_ms = (1000 * took[int(len(took) * part)] for part in (0.5, 0.99, 0.9999))
    print(f"{len(took) / wall_s:.0f} transactions/s, p50 {p50_ms:.1f}, p99 {p99_ms:.1f}, longest {max_ms:.1f} ms")
    for talk in talks:
        expect_whole(database, talk.id, turns=250)


def write_at_once(db: Database, conversation_ids: list[str], turns: int) -> list[float]:
    """Let the processes write; the seconds that each transaction took, sorted."""
    url = db.url.render_as_string(hide_password=False)
    writers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.writers", url, conversation_ids[n % len(conversation_ids)], str(turns)],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for n in range(PROCESSES)
    ]
    outcomes = [writer.communicate(timeout=300) for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * PROCESSES, outcomes
    return sorted(second for out, _ in outcomes for second in json.loads(out))


def expect_whole(db: Database, conversation_id: str, *, turns: int) -> None:
    messages = list_messages(db, conversation_id)
    assert [message.seq for message in messages] == list(range(1 + 2 * turns))
    # One straight line: each message answers the one before, and none was answered twice.
    assert [message.parent_id for message in messages[1:]] == [message.id for message in messages[:-1]]
    assert Counter(message.role for message in messages) == {"user": turns, "assistant": turns + 1}
    assert get_conversation(db, OLGA, conversation_id).active_leaf_id == messages[-1].id

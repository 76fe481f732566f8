"""A database as an older program left it, with people's words in it, and that program's view of one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from sqlalchemy.engine import make_url

from debrief.settings import Settings
from storage import migrate as migrating

OLD = "0003"


def old_database(settings: Settings, *, turns: int = 3) -> None:
    """Make the file that the program of schema `OLD` would have made, with a talk in it."""
    file = settings.data_dir / "debrief.sqlite3"
    url = make_url(settings.database)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    with migrating._engine(url).begin() as connection:
        command.upgrade(migrating._config(connection), OLD)
    at = "2026-11-01 10:00:00.000000"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("INSERT INTO visitors (id, created_at) VALUES ('v_olga', ?)", (at,))
        connection.execute(
            "INSERT INTO scenario_versions (hash, scenario_id, body, created_at) VALUES ('h', 'interview', '{}', ?)",
            (at,),
        )
        connection.execute(
            "INSERT INTO conversations (id, visitor_id, scenario_hash, scenario_id, language, title, answers,"
            " active_leaf_id, message_count, created_at, updated_at)"
            " VALUES ('c_old', 'v_olga', 'h', 'job_interview', 'en', 'Old talk', '{}', ?, ?, ?, ?)",
            (f"m_{2 * turns}", 2 * turns + 1, at, at),
        )
        for seq in range(2 * turns + 1):
            parent, role = f"m_{seq - 1}" if seq else None, ("assistant", "user")[seq % 2]
            connection.execute(
                "INSERT INTO messages (id, conversation_id, seq, parent_id, role, text, state, stop_requested,"
                " created_at, finished_at) VALUES (?, 'c_old', ?, ?, ?, ?, 'complete', 0, ?, ?)",
                (f"m_{seq}", seq, parent, role, f"Words {seq}.", at, at),
            )


def rows(file: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that is in the file, table by table."""
    with closing(sqlite3.connect(file)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in tables}

"""The review queue at a hundred thousand: search over talk and debrief, indexes that filters stay in, draws."""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

GATHERED_BYTES = 32 * 1024 * 1024
"""Of SQLite's index, before they are written as a part of it; with FTS5's usual 1 MB there are more parts to merge."""
PORTION = 2000
TELL_EVERY_S = 10.0
DRAWS = 10_000
FILTERED = [
    "scenario_id", "language", "model", "rubric_hash", "worst_level", "checks_failed", "partial", "open_disputes",
    "asked_by", "assigned_to", "reviewed_by", "claimed_by", "claimed_until", "failed_checks",
]  # fmt: skip
INDEXES = {
    "ix_feedback_by_waiting": ["review_state", "waiting_since", "id", *FILTERED, "created_at"],
    "ix_feedback_by_age": ["review_state", "created_at", "id", *FILTERED, "waiting_since"],
}
READ = ("name", "level_name", "reason", "tip", "before", "after", "why", "problem", "rewrite", "next_step", "summary")

logger = logging.getLogger("storage.migrate")
versions = sa.table("feedback_versions", sa.column("words"))
reviews = sa.table("reviews", sa.column("second_draw"))


def upgrade() -> None:
    op.add_column("feedback_versions", sa.Column("words", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("reviews", sa.Column("second_draw", sa.Integer(), server_default="0", nullable=False))
    _fill()
    op.create_index(op.f("ix_reviews_second_draw_created_at"), "reviews", ["second_draw", "created_at"], unique=False)
    for name, columns in INDEXES.items():
        op.drop_index(name, "feedback")
        op.create_index(name, "feedback", columns, unique=False)
    op.create_index("ix_feedback_by_rubric", "feedback", ["scenario_id", "rubric_hash", "created_at"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        _index_for_sqlite()
    else:
        _index_for_postgresql()


def downgrade() -> None:
    raise NotImplementedError("go back with the copy that was made before the upgrade")


def _index_for_sqlite() -> None:
    # Numbers of its own: a table without an INTEGER PRIMARY KEY gets other rowids by VACUUM, which backups use.
    op.execute("CREATE TABLE search_written_entries (id INTEGER PRIMARY KEY, version_id TEXT NOT NULL UNIQUE)")
    # Without content: the words stand in `feedback_versions` alone.
    op.execute("CREATE VIRTUAL TABLE search_written USING fts5(text, content='', tokenize='trigram')")
    op.execute("CREATE VIRTUAL TABLE search_written_terms USING fts5vocab('search_written', 'instance')")
    op.execute("INSERT INTO search_written_entries (version_id) SELECT id FROM feedback_versions")
    op.execute(f"INSERT INTO search_written (search_written, rank) VALUES ('hashsize', {GATHERED_BYTES})")  # noqa: S608
    op.execute(
        "INSERT INTO search_written (rowid, text) SELECT search_written_entries.id, feedback_versions.words || '  '"
        " FROM search_written_entries"
        " JOIN feedback_versions ON feedback_versions.id = search_written_entries.version_id"
    )
    op.execute("DELETE FROM search_written_config WHERE k = 'hashsize'")  # for this step only


def _index_for_postgresql() -> None:
    # The cost keeps the planner from reckoning it for each row: it is for the index.
    op.execute(
        "CREATE FUNCTION search_pairs(said text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 10000 AS $$"
        " SELECT array_to_tsvector(coalesce(array_agg(DISTINCT pair), '{}')) FROM ("
        " SELECT letter || lead(letter, 1, ' ') OVER (ORDER BY place) AS pair"
        " FROM unnest(string_to_array(lower(said), NULL)) WITH ORDINALITY AS letters (letter, place)) AS pairs $$"
    )
    op.execute("CREATE INDEX search_said_pairs ON messages USING gin (search_pairs(text)) WHERE state <> 'running'")
    op.execute("CREATE INDEX search_written_pairs ON feedback_versions USING gin (search_pairs(words))")


# ---- what there is already: one statement a portion, each text read once


def _fill() -> None:
    fill = _fill_on_sqlite if op.get_bind().dialect.name == "sqlite" else _fill_on_postgresql
    for column, source, kind, derive in (
        (versions.c.words, "body", "text", lambda body: _words_of(json.loads(body))),
        (reviews.c.second_draw, "feedback_id", "integer", _draw),
    ):
        told = time.monotonic()
        for done, rows in fill(column, source, kind, derive):
            if time.monotonic() - told >= TELL_EVERY_S:
                logger.info("upgrade_fills column=%s.%s done=%d of=%d", column.table.name, column.name, done, rows)
                told = time.monotonic()


def _fill_on_sqlite(column: Any, source: str, _kind: str, derive: Callable[[str], Any]) -> Iterator[tuple[int, int]]:
    """In the order in which the rows lie in the file; by their ids each would be another page."""
    table, connection = column.table.name, op.get_bind()
    connection.connection.driver_connection.create_function("derived", 1, derive, deterministic=True)
    last = connection.exec_driver_sql(f"SELECT max(rowid) FROM {table}").scalar() or 0  # noqa: S608
    change = f"UPDATE {table} SET {column.name} = derived({source}) WHERE rowid > ? AND rowid <= ?"  # noqa: S608
    for done in range(0, last, PORTION):
        connection.exec_driver_sql(change, (done, done + PORTION))
        yield min(done + PORTION, last), last


def _fill_on_postgresql(column: Any, source: str, kind: str, derive: Callable[[str], Any]) -> Iterator[tuple[int, int]]:
    table, connection = column.table.name, op.get_bind()
    count = connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() or 0  # noqa: S608
    portion = f"SELECT id, {source}::text FROM {table} WHERE id > %s ORDER BY id LIMIT {PORTION}"  # noqa: S608
    change = (
        f"UPDATE {table} SET {column.name} = derived.value"  # noqa: S608
        f" FROM unnest(%s::text[], %s::{kind}[]) AS derived (id, value) WHERE {table}.id = derived.id"
    )
    done, last = 0, ""
    while rows := connection.exec_driver_sql(portion, (last,)).all():
        ids = [row[0] for row in rows]
        connection.exec_driver_sql(change, (ids, [derive(row[1]) for row in rows]))
        done, last = done + len(rows), ids[-1]
        yield done, count


def _draw(feedback_id: str) -> int:
    return int.from_bytes(hashlib.sha256(f"second:{feedback_id}".encode()).digest()[:8]) * DRAWS >> 64


def _words_of(body: Any) -> str:
    lines: list[str] = []
    waiting: list[tuple[str, Any]] = [("", body)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, dict):
            waiting += reversed(value.items())
        elif isinstance(value, list):
            waiting += [(key, inner) for inner in reversed(value)]
        elif isinstance(value, str) and key in READ:
            lines.append(value)
    return "\n".join(lines)

"""The review queue at a hundred thousand: search over talk and debrief, indexes that filters stay in, draws."""

import hashlib
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

BATCH = 500
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

versions = sa.table("feedback_versions", sa.column("id"), sa.column("body", sa.JSON()), sa.column("words"))
reviews = sa.table("reviews", sa.column("id"), sa.column("feedback_id"), sa.column("second_draw"))


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
    op.execute(
        "INSERT INTO search_written (rowid, text) SELECT search_written_entries.id, feedback_versions.words || '  '"
        " FROM search_written_entries"
        " JOIN feedback_versions ON feedback_versions.id = search_written_entries.version_id"
    )


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


# ---- what there is already, in portions


def _fill() -> None:
    for row in _all(versions, versions.c.body):
        _set(versions, row.id, words=_words_of(row.body))
    for row in _all(reviews, reviews.c.feedback_id):
        digest = hashlib.sha256(f"second:{row.feedback_id}".encode()).digest()
        _set(reviews, row.id, second_draw=int.from_bytes(digest[:8]) * DRAWS >> 64)


def _all(of: Any, column: Any) -> Any:
    connection, last = op.get_bind(), ""
    while True:
        portion = sa.select(of.c.id, column).where(of.c.id > last).order_by(of.c.id).limit(BATCH)
        rows = connection.execute(portion).all()
        yield from rows
        if len(rows) < BATCH:
            return
        last = rows[-1].id


def _set(of: Any, row_id: str, **values: object) -> None:
    op.get_bind().execute(sa.update(of).where(of.c.id == row_id).values(**values))


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

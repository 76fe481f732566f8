"""SQLite's index of what was said also for terms of one and two characters: its terms as a table, room at the end.

Every text is indexed anew with two spaces behind it: `storage/search_index.py` says why. Nothing for PostgreSQL.
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

GATHERED_BYTES = 32 * 1024 * 1024
"""Of the index, before they are written as a part of it; with FTS5's usual 1 MB there are more parts to merge."""
TRIGGERS = ("search_said", "search_ended", "search_changed", "search_reopened", "search_deleted")


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    for trigger in TRIGGERS:  # they index without the room; today's are made after the upgrade
        op.execute(f"DROP TRIGGER IF EXISTS {trigger}")
    op.execute("INSERT INTO search_index (search_index) VALUES ('delete-all')")
    op.execute(f"INSERT INTO search_index (search_index, rank) VALUES ('hashsize', {GATHERED_BYTES})")  # noqa: S608
    op.execute(
        "INSERT INTO search_index (rowid, text) SELECT search_entries.id, messages.text || '  '"
        " FROM search_entries JOIN messages ON messages.id = search_entries.message_id"
    )
    op.execute("DELETE FROM search_index_config WHERE k = 'hashsize'")  # for this step only
    op.execute("CREATE VIRTUAL TABLE search_terms USING fts5vocab('search_index', 'instance')")


def downgrade() -> None:
    raise NotImplementedError("go back with the copy that was made before the upgrade")

"""A deletion that can be undone for a while; when a talk's title changed; SQLite's index of what was said."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("conversations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("deletion_id", sa.String(length=40), nullable=True))
        batch_op.create_index(
            batch_op.f("ix_conversations_visitor_id_changed_at"), ["visitor_id", "changed_at"], unique=False
        )
        batch_op.create_index(
            "ix_conversations_deleted",
            ["deleted_at"],
            unique=False,
            sqlite_where=sa.text("deleted_at IS NOT NULL"),
            postgresql_where=sa.text("deleted_at IS NOT NULL"),
        )
    with op.batch_alter_table("feedback", schema=None) as batch_op:
        batch_op.add_column(sa.Column("hidden_state", sa.String(length=24), nullable=True))
    if op.get_bind().dialect.name != "sqlite":
        return
    # Numbers of its own: a table without an INTEGER PRIMARY KEY gets other rowids by VACUUM, which backups use.
    op.execute("CREATE TABLE search_entries (id INTEGER PRIMARY KEY, message_id TEXT NOT NULL UNIQUE)")
    # Without content: the words stand in `messages` alone.
    op.execute("CREATE VIRTUAL TABLE search_index USING fts5(text, content='', tokenize='trigram')")
    op.execute("INSERT INTO search_entries (message_id) SELECT id FROM messages WHERE state <> 'running'")
    op.execute(
        "INSERT INTO search_index (rowid, text) SELECT search_entries.id, messages.text"
        " FROM search_entries JOIN messages ON messages.id = search_entries.message_id"
    )


def downgrade() -> None:
    raise NotImplementedError("go back with the copy that was made before the upgrade")

"""Talks from elsewhere and talks tried again; who asked for a debrief; reactions, disputes, probes."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("conversations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("origin", sa.String(length=16), server_default="talk", nullable=False))
        batch_op.add_column(sa.Column("again_of", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("again_from", sa.String(length=40), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_conversations_again_of_conversations"),
            "conversations",
            ["again_of"],
            ["id"],
            ondelete="SET NULL",
        )
        batch_op.create_index(batch_op.f("ix_conversations_again_of"), ["again_of"], unique=False)
    with op.batch_alter_table("feedback", schema=None) as batch_op:
        batch_op.add_column(sa.Column("asked_by", sa.String(length=16), server_default="visitor", nullable=False))
        batch_op.add_column(sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("feedback_jobs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("repeats", sa.String(length=40), nullable=True))
    op.create_table(
        "reactions",
        sa.Column("version_id", sa.String(length=40), nullable=False),
        sa.Column("helpful", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["feedback_versions.id"],
            name=op.f("fk_reactions_version_id_feedback_versions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version_id", name=op.f("pk_reactions")),
    )
    op.create_table(
        "disputes",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("feedback_id", sa.String(length=40), nullable=False),
        sa.Column("version_id", sa.String(length=40), nullable=False),
        sa.Column("path", sa.String(length=80), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["feedback_id"], ["feedback.id"], name=op.f("fk_disputes_feedback_id_feedback"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["feedback_versions.id"],
            name=op.f("fk_disputes_version_id_feedback_versions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disputes")),
        sa.UniqueConstraint("version_id", "path", name=op.f("uq_disputes_version_id_path")),
    )
    with op.batch_alter_table("disputes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_disputes_feedback_id"), ["feedback_id"], unique=False)
    op.create_table(
        "probes",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_probes")),
    )


def downgrade() -> None:
    raise NotImplementedError("go back with the copy that was made before the upgrade")

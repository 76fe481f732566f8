"""Visitors who sign in with a provider."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "visitor_logins",
        sa.Column("subject_hash", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["visitor_accounts.id"],
            name=op.f("fk_visitor_logins_account_id_visitor_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subject_hash", name=op.f("pk_visitor_logins")),
        sa.UniqueConstraint("account_id", name=op.f("uq_visitor_logins_account_id")),
    )


def downgrade() -> None:
    raise NotImplementedError("go back with the copy that was made before the upgrade")

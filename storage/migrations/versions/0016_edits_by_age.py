"""The newest edits are found without going through all versions: the plots compare a few hundred of them."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    name = op.f("ix_feedback_versions_origin_created_at")
    op.create_index(name, "feedback_versions", ["origin", "created_at"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("go back with the copy that was made before the upgrade")

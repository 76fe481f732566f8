"""What the review queue filters and sorts by, on the feedback itself."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NO_LEVEL = 6
BATCH = 500
ORDERS = {
    "ix_feedback_by_waiting": ["review_state", "waiting_since", "id"],
    "ix_feedback_by_age": ["review_state", "created_at", "id"],
    "ix_feedback_by_level": ["review_state", "worst_level", "waiting_since", "id"],
    "ix_feedback_by_checks": ["review_state", "checks_failed", "waiting_since", "id"],
    "ix_feedback_kinds": ["scenario_id", "rubric_hash", "model", "language", "created_at"],
}


def upgrade() -> None:
    with op.batch_alter_table("feedback", schema=None) as batch_op:
        batch_op.add_column(sa.Column("scenario_id", sa.String(length=80), nullable=True))
        batch_op.add_column(sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("overdue_told_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("assigned_to", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("rubric_hash", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("model", sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column("partial", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("worst_level", sa.Integer(), server_default=str(NO_LEVEL), nullable=False))
        batch_op.add_column(sa.Column("checks", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("checks_failed", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("failed_checks", sa.String(length=800), nullable=True))
        batch_op.add_column(sa.Column("open_disputes", sa.Integer(), server_default="0", nullable=False))
        batch_op.create_foreign_key(batch_op.f("fk_feedback_assigned_to_accounts"), "accounts", ["assigned_to"], ["id"])
    _fill()
    with op.batch_alter_table("feedback", schema=None) as batch_op:
        batch_op.alter_column("scenario_id", existing_type=sa.String(length=80), nullable=False)
        batch_op.alter_column("failed_checks", existing_type=sa.String(length=800), nullable=False)
        batch_op.alter_column("waiting_since", existing_type=sa.DateTime(timezone=True), nullable=False)
        batch_op.drop_index(batch_op.f("ix_feedback_review_state_created_at"))
        batch_op.create_index(batch_op.f("ix_feedback_assigned_to"), ["assigned_to"], unique=False)
        for name, columns in ORDERS.items():
            batch_op.create_index(name, columns, unique=False)


def downgrade() -> None:
    raise NotImplementedError("go back with the copy that was made before the upgrade")


# ---- what there is already is told from its version, in portions

feedback = sa.table(
    "feedback",
    *(sa.column(name) for name in ("id", "conversation_id", "scenario_id", "version_id", "rubric_hash", "model")),
    *(sa.column(name) for name in ("worst_level", "checks", "checks_failed", "failed_checks", "open_disputes")),
    sa.column("partial", sa.Boolean()),
    sa.column("created_at", sa.DateTime(timezone=True)),
    sa.column("waiting_since", sa.DateTime(timezone=True)),
)
conversations = sa.table("conversations", sa.column("id"), sa.column("scenario_id"))
disputes = sa.table("disputes", sa.column("version_id"), sa.column("closed_at"))
versions = sa.table(
    "feedback_versions",
    sa.column("id"),
    sa.column("partial", sa.Boolean()),
    *(sa.column(name, sa.JSON()) for name in ("body", "checks", "lineage")),
)


def _fill() -> None:
    connection = op.get_bind()
    talk = sa.select(conversations.c.scenario_id).where(conversations.c.id == feedback.c.conversation_id)
    connection.execute(
        sa.update(feedback).values(
            waiting_since=feedback.c.created_at, scenario_id=talk.scalar_subquery(), failed_checks=""
        )
    )
    last = ""
    while True:
        rows = connection.execute(
            sa.select(
                feedback.c.id, versions.c.id, versions.c.partial, versions.c.body, versions.c.checks, versions.c.lineage
            )
            .join(versions, versions.c.id == feedback.c.version_id)
            .where(feedback.c.id > last)
            .order_by(feedback.c.id)
            .limit(BATCH)
        ).all()
        if not rows:
            return
        last = rows[-1][0]
        for feedback_id, version_id, partial, body, checks, lineage in rows:
            facts = {"partial": partial, **_facts(body, checks, lineage), "open_disputes": _open_disputes(version_id)}
            connection.execute(sa.update(feedback).where(feedback.c.id == feedback_id).values(facts))


def _facts(body: Any, checks: Any, lineage: Any) -> dict[str, Any]:
    failed = list(dict.fromkeys(check["name"] for check in checks if not check["passed"]))
    levels = [result["level"] for result in body["criteria"] if result.get("level")]
    return {
        "worst_level": min(levels, default=NO_LEVEL),
        "checks": len(checks),
        "checks_failed": sum(1 for check in checks if not check["passed"]),
        "failed_checks": f" {' '.join(failed)} " if failed else "",
        "rubric_hash": lineage.get("rubric_hash"),
        "model": lineage.get("model"),
    }


def _open_disputes(version_id: str) -> int:
    open_ones = sa.select(sa.func.count()).where(disputes.c.version_id == version_id, disputes.c.closed_at.is_(None))
    return op.get_bind().scalar(open_ones) or 0

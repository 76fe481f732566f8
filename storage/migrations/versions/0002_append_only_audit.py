"""The audit only grows: the database itself refuses to change or delete its rows."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SQLITE = """
CREATE TRIGGER audit_events_no_{action} BEFORE {action} ON audit_events
BEGIN SELECT RAISE(ABORT, 'audit_events is append-only'); END
"""
POSTGRESQL_FUNCTION = """
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'audit_events is append-only'; END $$
"""
POSTGRESQL = """
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for action in ("update", "delete"):
            op.execute(SQLITE.format(action=action))
    else:
        op.execute(POSTGRESQL_FUNCTION)
        op.execute(POSTGRESQL)


def downgrade() -> None:
    raise NotImplementedError("go back with the copy that was made before the upgrade")

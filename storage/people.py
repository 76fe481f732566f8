"""Who may work here, as an admin sees and changes it.

Accounts themselves are `storage/accounts.py`, how people get their passwords is `storage/password_links.py`.

Nobody can lock everybody out: the last admin who can sign in stays one. Whatever takes something away ends the
account's sign-ins in the same transaction; a role counts from the next request on, because it is read with each.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from debrief.errors import Conflict, NotFound
from storage.accounts import Account, AccountRole, checked_role, read_account
from storage.audit import audit
from storage.engine import Database, utc_now
from storage.tables import AccountRow, ConversationRow, FeedbackRow, SignInRow
from storage.visitors import Stored, delete_visitor


@dataclass(frozen=True)
class Person:
    """An account with its signed-in browsers; `used_at` is when one of them last asked for something."""

    account: Account
    sign_ins: int
    used_at: datetime | None


def list_people(db: Database) -> list[Person]:
    """Every account, those that can sign in first, then by name."""
    now = utc_now()
    with db.read() as session:
        open_ones = (
            select(SignInRow.account_id, func.count().label("n"), func.max(SignInRow.used_at).label("used_at"))
            .where(SignInRow.expires_at > now)
            .group_by(SignInRow.account_id)
            .subquery()
        )
        rows = session.execute(
            select(AccountRow, open_ones.c.n, open_ones.c.used_at)
            .outerjoin(open_ones, open_ones.c.account_id == AccountRow.id)
            .order_by(AccountRow.disabled_at.is_not(None), AccountRow.name)
        )
        return [Person(read_account(row), n or 0, used_at) for row, n, used_at in rows]


def change_role(db: Database, admin: Account, account_id: str, role: str) -> Account:
    """Make a reviewer an admin or the other way round.

    Raises:
        NotFound: there is no such account.
        InputRejected: there is no such role.
        Conflict: it is the last admin's.
    """
    wanted = checked_role(role)
    with db.write() as session:
        row = _row(session, account_id)
        if row.role != wanted.value:
            if wanted is not AccountRole.ADMIN:
                _keep_an_admin(session, row)
            audit(session, admin.id, "change_role", "account", row.id, before=row.role, after=wanted.value)
            row.role = wanted.value
        return read_account(row)


def disable_person(db: Database, admin: Account, account_id: str) -> Account:
    """Shut an account: its sign-ins end at once, what it did stays on record. Raises as `change_role`."""
    with db.write() as session:
        row = _row(session, account_id)
        _keep_an_admin(session, row)
        if row.disabled_at is None:
            row.disabled_at = utc_now()
            audit(session, admin.id, "disable_account", "account", row.id, sign_ins=_end_sign_ins(session, row))
        return read_account(row)


def enable_person(db: Database, admin: Account, account_id: str) -> Account:
    """Let a shut account sign in again, with the password that it had. Raises NotFound."""
    with db.write() as session:
        row = _row(session, account_id)
        if row.disabled_at is not None:
            row.disabled_at = None
            audit(session, admin.id, "enable_account", "account", row.id)
        return read_account(row)


def find_visitor(db: Database, thing_id: str) -> str | None:
    """Whose a talk or a debrief is, by its id; a visitor's own id is given back as it is."""
    if thing_id.startswith("v_"):
        return thing_id
    query = select(ConversationRow.visitor_id).where(ConversationRow.id == thing_id)
    if thing_id.startswith("f_"):
        query = select(ConversationRow.visitor_id).join(FeedbackRow, FeedbackRow.conversation_id == ConversationRow.id)
        query = query.where(FeedbackRow.id == thing_id)
    with db.read() as session:
        return session.scalar(query)


def forget_visitor(db: Database, admin: Account, visitor_id: str) -> Stored:
    """Really delete all of one visitor's.

    Raises:
        NotFound: nothing is kept of such a visitor.
    """
    stored = delete_visitor(db, visitor_id, actor=admin.id)
    if not stored.rows:
        raise NotFound
    return stored


def _row(session: Session, account_id: str) -> AccountRow:
    """Locked, with all admins, so that two of them cannot take each other's role at once."""
    admins = select(AccountRow.id).where(AccountRow.role == AccountRole.ADMIN.value).order_by(AccountRow.id)
    session.execute(admins.with_for_update())
    row = session.get(AccountRow, account_id, with_for_update=True)
    if row is None:
        raise NotFound
    return row


def _keep_an_admin(session: Session, row: AccountRow) -> None:
    others = select(func.count()).where(
        AccountRow.role == AccountRole.ADMIN.value, AccountRow.disabled_at.is_(None), AccountRow.id != row.id
    )
    if row.role == AccountRole.ADMIN.value and row.disabled_at is None and not session.scalar(others):
        raise Conflict("last_admin")


def _end_sign_ins(session: Session, row: AccountRow) -> int:
    ended = session.scalars(select(SignInRow.token_hash).where(SignInRow.account_id == row.id)).all()
    session.execute(delete(SignInRow).where(SignInRow.account_id == row.id))
    return len(ended)

"""How people get at their passwords: by a link that an admin hands over, or by the password that they have.

Nobody but the person ever knows the password. A link is good once and for three days; a newer one replaces it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from debrief.errors import Conflict, NotAllowed, NotFound
from storage.accounts import Account, create_account, read_account
from storage.audit import audit
from storage.engine import Database, utc_now
from storage.passwords import hash_password, is_right
from storage.tables import AccountRow, PasswordLinkRow, SignInRow
from storage.tokens import TOKEN_MAX_CHARS, token_hash

LINK_DAYS = 3


@dataclass(frozen=True)
class PasswordLink:
    """The token stands in the link's fragment and is kept nowhere."""

    account: Account
    token: str
    expires_at: datetime


def invite(db: Database, admin: Account, name: str, role: str) -> PasswordLink:
    """A new account that nobody can sign in to yet, and the link to choose its password.

    Raises:
        InputRejected, Conflict: as `storage.accounts.create_account`.
    """
    made = create_account(db, name, secrets.token_urlsafe(32), role, actor=admin.id)
    return make_link(db, admin, made.id)


def make_link(db: Database, admin: Account, account_id: str) -> PasswordLink:
    """A link for somebody new, or who forgot. The old password stays good until the link is used.

    Raises:
        NotFound: there is no such account.
        Conflict: `account_shut`: it is shut.
    """
    now = utc_now()
    token, expires_at = secrets.token_urlsafe(32), now + timedelta(days=LINK_DAYS)
    with db.write() as session:
        row = session.get(AccountRow, account_id, with_for_update=True)
        if row is None:
            raise NotFound
        if row.disabled_at is not None:
            raise Conflict("account_shut", name=row.name)
        _forget_links(session, account_id, now)
        session.add(
            PasswordLinkRow(token_hash=token_hash(token), account_id=account_id, created_at=now, expires_at=expires_at)
        )
        audit(session, admin.id, "make_password_link", "account", account_id)
        return PasswordLink(read_account(row), token, expires_at)


def pending_links(db: Database) -> dict[str, datetime]:
    """Until when a link is good that was made and not used yet, by the account's id."""
    query = select(PasswordLinkRow.account_id, PasswordLinkRow.expires_at)
    with db.read() as session:
        return {row.account_id: row.expires_at for row in session.execute(query.where(_is_good()))}


def use_link(db: Database, token: str, password: str) -> Account:
    """Use a link up: its account has this password now, and all its sign-ins end.

    Raises:
        NotFound: `password_link_not_valid`: used up, too old, replaced by a newer one, or never made.
        InputRejected: the password is too short; the link stays good.
    """
    hashed = hash_password(password)
    if not 0 < len(token) <= TOKEN_MAX_CHARS:
        raise NotFound("password_link_not_valid")
    with db.write() as session:
        used = delete(PasswordLinkRow).where(PasswordLinkRow.token_hash == token_hash(token), _is_good())
        account_id = session.scalar(used.returning(PasswordLinkRow.account_id))
        row = session.get(AccountRow, account_id or "", with_for_update=True)
        if row is None or row.disabled_at is not None:
            raise NotFound("password_link_not_valid")
        return _set(session, row, hashed, by="link")


def change_own(db: Database, account: Account, password: str, new_password: str) -> Account:
    """Another password, for whoever knows the present one; all sign-ins end.

    Raises:
        NotAllowed: `wrong_password_now`: it is not the present one.
        InputRejected: the new one is too short.
    """
    with db.read() as session:
        present = session.get_one(AccountRow, account.id).password_hash
    if not is_right(present, password):
        raise NotAllowed("wrong_password_now")
    hashed = hash_password(new_password)
    with db.write() as session:
        return _set(session, session.get_one(AccountRow, account.id, with_for_update=True), hashed, by="password")


def _set(session: Session, row: AccountRow, hashed: str, *, by: str) -> Account:
    row.password_hash = hashed
    _forget_links(session, row.id, utc_now())
    session.execute(delete(SignInRow).where(SignInRow.account_id == row.id))
    audit(session, row.id, "set_password", "account", row.id, by=by)
    return read_account(row)


def _forget_links(session: Session, account_id: str, now: datetime) -> None:
    session.execute(delete(PasswordLinkRow).where(PasswordLinkRow.account_id == account_id))
    session.execute(delete(PasswordLinkRow).where(PasswordLinkRow.expires_at < now))


def _is_good() -> ColumnElement[bool]:
    return PasswordLinkRow.expires_at > utc_now()

"""People who sign in: their passwords (argon2) and their signed-in browsers (only the token's SHA-256 is kept)."""

from __future__ import annotations

import hashlib
import logging
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from debrief.errors import Conflict, InputRejected, NotAllowed, NotFound, NotSaved
from storage.audit import SYSTEM, audit
from storage.engine import Database, new_id, utc_now
from storage.passwords import hash_password, is_right
from storage.tables import AccountRow, SignInRow

logger = logging.getLogger(__name__)

NAME_MAX_CHARS = 80
SIGN_IN_HOURS = 12.0
_TOUCH_AFTER = timedelta(minutes=1)
"""A sign-in's time of last use is written at most this often, so that reading a page does not write each time."""
_TOUCH_PATIENCE_MS = 500


class AccountRole(StrEnum):
    REVIEWER = "reviewer"
    ADMIN = "admin"


@dataclass(frozen=True)
class Account:
    """A person who can sign in. An admin may do all that a reviewer may."""

    id: str
    name: str
    role: AccountRole
    created_at: datetime
    disabled_at: datetime | None = None

    @property
    def is_admin(self) -> bool:
        return self.role is AccountRole.ADMIN


def create_account(db: Database, name: str, password: str, role: str, *, actor: str = SYSTEM) -> Account:
    """Make an account.

    Raises:
        InputRejected: the name is empty or too long, the password too short, or the role unknown.
        Conflict: there is an account of this name.
    """
    name = _checked_name(name)
    role = checked_role(role)
    password_hash = hash_password(password)
    account_id = new_id("a")
    row = AccountRow(id=account_id, name=name, role=role.value, password_hash=password_hash, created_at=utc_now())
    try:
        with db.write() as session:
            session.add(row)
            session.flush()
            audit(session, actor, "create_account", "account", account_id, role=role.value)
    except IntegrityError as error:
        raise Conflict("name_taken", name=name) from error
    return read_account(row)


def set_password(db: Database, name: str, password: str, *, actor: str = SYSTEM) -> Account:
    """Give an account a new password; all its sign-ins end.

    Raises:
        NotFound: there is no such account.
        InputRejected: the password is too short.
    """
    password_hash = hash_password(password)
    with db.write() as session:
        row = _row_by_name(session, name)
        if row is None:
            raise NotFound
        row.password_hash = password_hash
        session.execute(delete(SignInRow).where(SignInRow.account_id == row.id))
        audit(session, actor, "set_password", "account", row.id)
    return read_account(row)


def find_account(db: Database, name: str) -> Account | None:
    with db.read() as session:
        row = _row_by_name(session, name)
        return read_account(row) if row else None


def list_account_names(db: Database) -> dict[str, str]:
    """The names of all accounts, also of disabled ones, by id."""
    with db.read() as session:
        return {row.id: row.name for row in session.execute(select(AccountRow.id, AccountRow.name))}


def count_accounts(db: Database) -> int:
    """How many people can sign in; 0 on a fresh install."""
    with db.read() as session:
        return session.scalar(select(func.count()).where(AccountRow.disabled_at.is_(None))) or 0


def has_admin(db: Database) -> bool:
    with db.read() as session:
        wanted = select(AccountRow.id).where(AccountRow.role == "admin", AccountRow.disabled_at.is_(None)).limit(1)
        return session.scalar(wanted) is not None


def disable_account(db: Database, name: str, *, actor: str = SYSTEM) -> Account:
    """Shut an account: its sign-ins end, what it did stays on record.

    Raises:
        NotFound: there is no such account.
    """
    with db.write() as session:
        row = _row_by_name(session, name)
        if row is None:
            raise NotFound
        row.disabled_at = row.disabled_at or utc_now()
        session.execute(delete(SignInRow).where(SignInRow.account_id == row.id))
        audit(session, actor, "disable_account", "account", row.id)
    return read_account(row)


def sign_in(db: Database, name: str, password: str, *, hours: float = SIGN_IN_HOURS) -> str:
    """Check the password and open a sign-in that ends after `hours` without use.

    An unknown name costs the same hashing as a wrong password, so that time does not tell which names exist.

    Returns:
        The token for the browser's cookie. It is kept nowhere here.

    Raises:
        NotAllowed: `wrong_password`, also for an unknown or disabled account.
    """
    with db.read() as session:
        row = _row_by_name(session, name)
    usable = row is not None and row.disabled_at is None
    if not is_right(row.password_hash if row and usable else None, password) or row is None:
        raise NotAllowed("wrong_password")
    token = secrets.token_urlsafe(32)
    now = utc_now()
    with db.write() as session:
        session.execute(delete(SignInRow).where(SignInRow.expires_at < now))
        session.add(
            SignInRow(
                token_hash=_token_hash(token),
                account_id=row.id,
                created_at=now,
                used_at=now,
                expires_at=now + timedelta(hours=hours),
            )
        )
        audit(session, row.id, "sign_in", "account", row.id)
    return token


def who_is(db: Database, token: str) -> Account | None:
    """The account behind a cookie's token, or None. Being asked counts as use and moves the end of the sign-in."""
    if not token or len(token) > 200:
        return None
    now = utc_now()
    token_hash = _token_hash(token)
    with db.read() as session:
        found = session.execute(
            select(AccountRow, SignInRow)
            .join(SignInRow, SignInRow.account_id == AccountRow.id)
            .where(SignInRow.token_hash == token_hash, SignInRow.expires_at > now, AccountRow.disabled_at.is_(None))
        ).one_or_none()
    if found is None:
        return None
    row, entry = found
    if now - entry.used_at > _TOUCH_AFTER:
        _touch(db, token_hash, now)
    return read_account(row)


def sign_out(db: Database, token: str) -> None:
    """End one sign-in. Without effect when it has ended already."""
    with db.write() as session:
        entry = session.get(SignInRow, _token_hash(token))
        if entry is None:
            return
        audit(session, entry.account_id, "sign_out", "account", entry.account_id)
        session.delete(entry)


def _touch(db: Database, token_hash: str, now: datetime) -> None:
    """Note the use. Not worth a wait or a refusal: the next request notes it."""
    try:
        with db.write(patience_ms=_TOUCH_PATIENCE_MS) as session:
            entry = session.get(SignInRow, token_hash)
            if entry is not None:
                idle = entry.expires_at - entry.used_at
                entry.used_at, entry.expires_at = now, now + idle
    except NotSaved:
        logger.warning("sign_in_use_not_noted")


def _row_by_name(session: Session, name: str) -> AccountRow | None:
    return session.scalar(select(AccountRow).where(AccountRow.name == _tidy(name)))


def read_account(row: AccountRow) -> Account:
    return Account(row.id, row.name, AccountRole(row.role), row.created_at, row.disabled_at)


def _tidy(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


def _checked_name(name: str) -> str:
    name = _tidy(name)
    if not 1 <= len(name) <= NAME_MAX_CHARS or not name.isprintable() or ":" in name:
        raise InputRejected("account_name", limit=NAME_MAX_CHARS)
    return name


def checked_role(role: str) -> AccountRole:
    try:
        return AccountRole(role)
    except ValueError as error:
        raise InputRejected("unknown_role", role=role, roles=", ".join(AccountRole)) from error


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

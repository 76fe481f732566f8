"""Tokens for programs: made once, shown once, revoked by their owner. Only the SHA-256 is kept.

A token has the rights of its owner: a visitor, or the account of a reviewer or an admin. One of an account also owns
talks, as a visitor that nobody else is.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, update

from debrief.conversation import storable
from debrief.errors import Conflict, InputRejected, NotFound, NotSaved
from storage.accounts import Account, read_account
from storage.audit import VISITOR, audit
from storage.engine import Database, insert_or_ignore, new_id, utc_now
from storage.tables import AccountRow, ProgramTokenRow, VisitorRow

logger = logging.getLogger(__name__)

PREFIX = "debrief_"
"""So that a token that lies about is known for what it is."""
LABEL_MAX_CHARS = 60
MOST_OF_ONE = 20
TOKEN_MAX_CHARS = 200
_TOUCH_AFTER = timedelta(minutes=1)
_TOUCH_PATIENCE_MS = 500


@dataclass(frozen=True)
class Owner:
    """Whose a token is: one of the two is None."""

    visitor_id: str | None = None
    account_id: str | None = None

    def __post_init__(self) -> None:
        if (self.visitor_id is None) == (self.account_id is None):
            raise ValueError("a token is a visitor's or an account's")


@dataclass(frozen=True)
class ProgramToken:
    """What may be shown of a token after it was made."""

    id: str
    label: str
    created_at: datetime
    used_at: datetime | None


@dataclass(frozen=True)
class Bearer:
    """Who a program with a token is."""

    visitor_id: str
    account: Account | None


def make_token(db: Database, owner: Owner, label: str, *, actor: str | None = None) -> tuple[ProgramToken, str]:
    """Make a token; it and its text, which is kept nowhere. `actor` is who makes it, where that is not the owner.

    Raises:
        InputRejected: no label, or too long a one.
        Conflict: the owner has as many as one may have.
    """
    label = storable(label.strip())
    if not 1 <= len(label) <= LABEL_MAX_CHARS or not label.isprintable():
        raise InputRejected("token_label", limit=LABEL_MAX_CHARS)
    token, now = PREFIX + secrets.token_urlsafe(32), utc_now()
    row = ProgramTokenRow(
        id=new_id("pt"), token_hash=token_hash(token), label=label, visitor_id=owner.visitor_id,
        account_id=owner.account_id, created_at=now,
    )  # fmt: skip
    with db.write() as session:
        if owner.visitor_id is not None:
            insert_or_ignore(session, VisitorRow, {"id": owner.visitor_id, "created_at": now})
        if (session.scalar(select(func.count()).select_from(ProgramTokenRow).where(_is_of(owner))) or 0) >= MOST_OF_ONE:
            raise Conflict("too_many_tokens", limit=MOST_OF_ONE)
        session.add(row)
        session.flush()
        audit(session, actor or owner.account_id or VISITOR, "make_token", "token", row.id, account=owner.account_id)
    return _shown(row), token


def list_tokens(db: Database, owner: Owner) -> list[ProgramToken]:
    """The owner's tokens, the newest first."""
    query = select(ProgramTokenRow).where(_is_of(owner)).order_by(ProgramTokenRow.created_at.desc(), ProgramTokenRow.id)
    with db.read() as session:
        return [_shown(row) for row in session.scalars(query)]


def revoke_token(db: Database, owner: Owner, token_id: str, *, actor: str | None = None) -> None:
    """From now on the token is nobody. `actor` as for `make_token`.

    Raises:
        NotFound: the owner has no such token.
    """
    with db.write() as session:
        row = session.scalar(select(ProgramTokenRow).where(ProgramTokenRow.id == token_id, _is_of(owner)))
        if row is None:
            raise NotFound
        session.delete(row)
        audit(
            session, actor or owner.account_id or VISITOR, "revoke_token", "token", token_id, account=owner.account_id
        )


def who_is_program(db: Database, token: str) -> Bearer | None:
    """Who a program with this token is; None for a wrong or revoked one, and for one of a disabled account."""
    if not token.startswith(PREFIX) or len(token) > TOKEN_MAX_CHARS:
        return None
    wanted = (
        select(ProgramTokenRow, AccountRow)
        .outerjoin(AccountRow, AccountRow.id == ProgramTokenRow.account_id)
        .where(ProgramTokenRow.token_hash == token_hash(token))
    )
    with db.read() as session:
        found = session.execute(wanted).one_or_none()
    if found is None:
        return None
    row, account_row = found
    account = read_account(account_row) if row.account_id else None
    if account is not None and account.disabled_at is not None:
        return None
    now = utc_now()
    if row.used_at is None or now - row.used_at > _TOUCH_AFTER:
        _touch(db, row.id, now)
    return Bearer(row.visitor_id or f"v_{row.account_id}", account)


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _touch(db: Database, token_id: str, now: datetime) -> None:
    """Note the use. Not worth a wait or a refusal: the next request notes it."""
    try:
        with db.write(patience_ms=_TOUCH_PATIENCE_MS) as session:
            session.execute(update(ProgramTokenRow).where(ProgramTokenRow.id == token_id).values(used_at=now))
    except NotSaved:
        logger.warning("token_use_not_noted")


def _is_of(owner: Owner) -> ColumnElement[bool]:
    if owner.visitor_id is not None:
        return ProgramTokenRow.visitor_id == owner.visitor_id
    return ProgramTokenRow.account_id == owner.account_id


def _shown(row: ProgramTokenRow) -> ProgramToken:
    return ProgramToken(row.id, row.label, row.created_at, row.used_at)

"""Accounts of visitors: a name and a password with which somebody finds their talks again in any browser.

An account hangs on its visitor: whoever has the visitor's cookie is signed in. Signing in makes the browser that
visitor, as a private link does, and takes along what was said in it. To end all other sessions the visitor gets
another id: cookies with the old one name nobody any more. The names are shown to nobody but their owners.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from debrief.conversation import storable
from debrief.errors import Conflict, InputRejected, NotAllowed, NotFound
from storage.audit import VISITOR, audit
from storage.engine import Database, insert_or_ignore, new_id, utc_now
from storage.links import Moved, lock_visitors, merge_visitors
from storage.passwords import hash_password, is_right
from storage.tables import VisitorAccountRow, VisitorLoginRow, VisitorRow
from storage.visitors import hashed

NAME_MIN_CHARS = 2
NAME_MAX_CHARS = 60


@dataclass(frozen=True)
class VisitorAccount:
    """What its owner sees of it."""

    name: str
    created_at: datetime
    has_password: bool
    has_provider: bool
    """Whether its owner can sign in with the provider."""


def find_account_of(db: Database, visitor_id: str) -> VisitorAccount | None:
    """The account of this visitor: who has one is signed in."""
    with db.read() as session:
        row = session.scalar(select(VisitorAccountRow).where(VisitorAccountRow.visitor_id == visitor_id))
        return _read(session, row) if row else None


def get_account_of(db: Database, visitor_id: str) -> VisitorAccount:
    """As above. Raises NotFound (`no_account_here`) where there is none."""
    account = find_account_of(db, visitor_id)
    if account is None:
        raise NotFound("no_account_here")
    return account


def sign_up(db: Database, visitor_id: str, name: str, password: str) -> VisitorAccount:
    """Give this visitor an account. Talks stay whose they are: the visitor's.

    Raises:
        InputRejected: `visitor_name` or `password_length`.
        Conflict: `name_taken_here`, or `signed_in_already`: the visitor has an account.
    """
    name = _checked_name(name)
    password_hash = hash_password(password)
    now = utc_now()
    try:
        with db.write() as session:
            insert_or_ignore(session, VisitorRow, {"id": visitor_id, "created_at": now})
            _refuse_second(session, visitor_id)
            row = VisitorAccountRow(
                id=new_id("va"), visitor_id=visitor_id, name=name, name_key=_key(name), password_hash=password_hash,
                created_at=now,
            )  # fmt: skip
            session.add(row)
            session.flush()
            audit(session, VISITOR, "sign_up", "visitor", hashed(visitor_id))
            return _read(session, row)
    except IntegrityError as error:
        raise Conflict("name_taken_here") from error


def sign_in(db: Database, name: str, password: str, from_id: str) -> Moved:
    """Check the password; what belongs to `from_id` becomes the account's visitor's.

    Raises:
        NotAllowed: `wrong_password`, also for a name that nobody has, after the same hashing.
        Conflict: `signed_in_already`: `from_id` has an account itself.
    """
    with db.read() as session:
        row = session.scalar(select(VisitorAccountRow).where(VisitorAccountRow.name_key == _key(name)))
        seen = (row.id, row.visitor_id, row.password_hash) if row else None
    if not is_right(seen[2] if seen else None, password) or seen is None:
        raise NotAllowed("wrong_password")
    account_id, into_id, password_hash = seen
    with db.write() as session:
        lock_visitors(session, from_id, into_id)
        _refuse_second(session, from_id)
        row = session.get(VisitorAccountRow, account_id)
        # It was deleted meanwhile, or all its sessions were ended by another password.
        if row is None or (row.visitor_id, row.password_hash) != (into_id, password_hash):
            raise NotAllowed("wrong_password")
        audit(session, VISITOR, "sign_in", "visitor", hashed(into_id))
        return Moved(into_id, merge_visitors(session, from_id, into_id))


def change_password(db: Database, visitor_id: str, password: str, new_password: str, into_id: str) -> None:
    """Take another password; the visitor is called `into_id` from now on, so that all other sessions end.

    Raises:
        NotFound: the visitor has no account with a password.
        NotAllowed: `wrong_password`.
        InputRejected: `password_length`, of the new one.
    """
    new_hash = hash_password(new_password)
    with db.read() as session:
        old_hash = session.scalar(
            select(VisitorAccountRow.password_hash).where(VisitorAccountRow.visitor_id == visitor_id)
        )
    if old_hash is None:
        raise NotFound("no_account_here")
    if not is_right(old_hash, password):
        raise NotAllowed("wrong_password")
    with db.write() as session:
        row = _row_of(session, visitor_id)
        if row.password_hash != old_hash:
            raise NotAllowed("wrong_password")
        row.password_hash = new_hash
        session.flush()
        audit(session, VISITOR, "set_password", "visitor", hashed(visitor_id))
        _rename(session, visitor_id, into_id)


def end_all_sessions(db: Database, visitor_id: str, into_id: str) -> None:
    """Sign the account's visitor out everywhere: it is called `into_id` from now on, which no cookie says.

    Raises:
        NotFound: the visitor has no account, and could never be found again.
    """
    with db.write() as session:
        _row_of(session, visitor_id)
        audit(session, VISITOR, "end_sessions", "visitor", hashed(visitor_id))
        _rename(session, visitor_id, into_id)


def _rename(session: Session, from_id: str, into_id: str) -> None:
    since = session.scalar(select(VisitorRow.created_at).where(VisitorRow.id == from_id))
    session.add(VisitorRow(id=into_id, created_at=since or utc_now()))
    session.flush()
    merge_visitors(session, from_id, into_id)


def _row_of(session: Session, visitor_id: str) -> VisitorAccountRow:
    lock_visitors(session, visitor_id)
    row = session.scalar(select(VisitorAccountRow).where(VisitorAccountRow.visitor_id == visitor_id))
    if row is None:
        raise NotFound("no_account_here")
    return row


def _refuse_second(session: Session, visitor_id: str) -> None:
    if session.scalar(select(VisitorAccountRow.id).where(VisitorAccountRow.visitor_id == visitor_id)) is not None:
        raise Conflict("signed_in_already")


def _read(session: Session, row: VisitorAccountRow) -> VisitorAccount:
    logins = select(VisitorLoginRow.subject_hash).where(VisitorLoginRow.account_id == row.id)
    has_provider = session.scalar(logins) is not None
    return VisitorAccount(row.name, row.created_at, row.password_hash is not None, has_provider)


def _checked_name(name: str) -> str:
    name = _tidy(name)
    if not NAME_MIN_CHARS <= len(name) <= NAME_MAX_CHARS or not name.isprintable() or storable(name) != name:
        raise InputRejected("visitor_name", least=NAME_MIN_CHARS, limit=NAME_MAX_CHARS)
    return name


def _tidy(name: str) -> str:
    """As it is typed, without what nobody sees: blanks at the ends, several in a row."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def _key(name: str) -> str:
    """By what a name is found: neither capitals nor full-width letters make another one."""
    return unicodedata.normalize("NFKC", _tidy(name)).casefold()[:200]

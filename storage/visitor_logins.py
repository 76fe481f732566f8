"""Visitors who sign in with a provider, such as Hugging Face: its subject leads to a visitor's account.

Only the SHA-256 of issuer and subject is kept. Who comes for the first time gets an account for the talks that are
there; who has one with a password and signs in there too has both ways in.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from debrief.conversation import storable
from debrief.errors import Conflict
from storage.audit import VISITOR, audit
from storage.engine import Database, insert_or_ignore, new_id, utc_now
from storage.links import lock_visitors, merge_visitors
from storage.tables import VisitorAccountRow, VisitorLoginRow, VisitorRow
from storage.visitor_accounts import NAME_MAX_CHARS
from storage.visitors import hashed


@dataclass(frozen=True)
class Entered:
    """Who the browser is from now on, how many talks came along, and whether the account was made just now."""

    visitor_id: str
    talks: int
    is_new: bool


def enter(db: Database, issuer: str, subject: str, name: str, from_id: str) -> Entered:
    """Let somebody in whom the provider named; what belongs to `from_id` becomes theirs.

    Raises:
        Conflict: `login_of_another`: `from_id` is signed in to another account than the one that this subject leads to.
    """
    key = hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()
    try:
        return _enter(db, key, name, from_id)
    except IntegrityError:  # two tabs came back at once: now the other's row is there
        return _enter(db, key, name, from_id)


def _enter(db: Database, key: str, name: str, from_id: str) -> Entered:
    with db.write() as session:
        known = session.execute(
            select(VisitorAccountRow.id, VisitorAccountRow.visitor_id)
            .join(VisitorLoginRow, VisitorLoginRow.account_id == VisitorAccountRow.id)
            .where(VisitorLoginRow.subject_hash == key)
        ).one_or_none()
        if known is None:
            return _first_time(session, key, name, from_id)
        account_id, into_id = known
        lock_visitors(session, from_id, into_id)
        own = session.scalar(select(VisitorAccountRow.id).where(VisitorAccountRow.visitor_id == from_id))
        if own not in (None, account_id) or session.get(VisitorRow, into_id) is None:
            raise Conflict("login_of_another")
        audit(session, VISITOR, "sign_in", "visitor", hashed(into_id))
        return Entered(into_id, 0 if own else merge_visitors(session, from_id, into_id), is_new=False)


def _first_time(session: Session, key: str, name: str, visitor_id: str) -> Entered:
    now = utc_now()
    insert_or_ignore(session, VisitorRow, {"id": visitor_id, "created_at": now})
    lock_visitors(session, visitor_id)
    account_id = session.scalar(select(VisitorAccountRow.id).where(VisitorAccountRow.visitor_id == visitor_id))
    is_new = account_id is None
    if account_id is None:
        account_id = new_id("va")
        session.add(VisitorAccountRow(id=account_id, visitor_id=visitor_id, name=_shown(name), created_at=now))
        session.flush()
        audit(session, VISITOR, "sign_up", "visitor", hashed(visitor_id))
    elif session.scalar(select(VisitorLoginRow.subject_hash).where(VisitorLoginRow.account_id == account_id)):
        raise Conflict("login_of_another")
    session.add(VisitorLoginRow(subject_hash=key, account_id=account_id, created_at=now))
    session.flush()
    return Entered(visitor_id, 0, is_new)


def _shown(name: str) -> str:
    """As its owner reads it, in one line."""
    words = "".join(sign if sign.isprintable() else " " for sign in unicodedata.normalize("NFC", storable(name)))
    return " ".join(words.split())[:NAME_MAX_CHARS] or "?"

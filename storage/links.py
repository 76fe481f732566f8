"""One person in two browsers: private links, and visitors that become one.

A link is good for one browser and for half an hour. The browser that uses it becomes the visitor who made it; talks
that were begun in it come along, in the transaction that uses the link up.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Table, delete, func, select, update
from sqlalchemy.orm import Session

from debrief.errors import Conflict, NotFound
from storage.audit import VISITOR, audit
from storage.engine import Database, insert_or_ignore, utc_now
from storage.tables import Base, ConversationRow, IdentityLinkRow, SpendingRow, VisitorAccountRow, VisitorRow
from storage.tokens import TOKEN_MAX_CHARS, token_hash
from storage.visitors import hashed, is_spent_by

LINK_MINUTES = 30
_VISITOR_ID = VisitorRow.metadata.tables[VisitorRow.__tablename__].c.id


@dataclass(frozen=True)
class Link:
    """The token stands in the link's fragment and is kept nowhere."""

    token: str
    expires_at: datetime


@dataclass(frozen=True)
class Moved:
    """Who the browser is from now on, and how many talks came along."""

    visitor_id: str
    talks: int


def make_link(db: Database, visitor_id: str) -> Link:
    """Make a link to this visitor. One that was made before is good for nothing any more."""
    now = utc_now()
    link = Link(secrets.token_urlsafe(32), now + timedelta(minutes=LINK_MINUTES))
    with db.write() as session:
        insert_or_ignore(session, VisitorRow, {"id": visitor_id, "created_at": now})
        session.execute(delete(IdentityLinkRow).where(IdentityLinkRow.visitor_id == visitor_id))
        session.execute(delete(IdentityLinkRow).where(IdentityLinkRow.expires_at < now))
        session.add(
            IdentityLinkRow(
                token_hash=token_hash(link.token), visitor_id=visitor_id, created_at=now, expires_at=link.expires_at
            )
        )
    return link


def use_link(db: Database, token: str, from_id: str) -> Moved:
    """Use a link up: everything of `from_id` becomes the linked visitor's.

    Raises:
        NotFound: `link_not_valid`: used up, too old, replaced by a newer one, or never made.
        Conflict: `link_is_own`: it leads to who asks; `two_accounts`: both are signed in. It stays good.
    """
    if not 0 < len(token) <= TOKEN_MAX_CHARS:
        raise NotFound("link_not_valid")
    with db.write() as session:
        used = delete(IdentityLinkRow).where(
            IdentityLinkRow.token_hash == token_hash(token), IdentityLinkRow.expires_at > utc_now()
        )
        into_id = session.scalar(used.returning(IdentityLinkRow.visitor_id))
        if into_id is None:
            raise NotFound("link_not_valid")
        if into_id == from_id:
            raise Conflict("link_is_own")
        return Moved(into_id, merge_visitors(session, from_id, into_id))


def merge_visitors(session: Session, from_id: str, into_id: str) -> int:
    """Make one visitor of two, inside the caller's transaction; how many talks came along.

    Every row that names `from_id` by a foreign key names `into_id` afterwards, and what either used of a day counts
    together. Then nobody is called `from_id`: a cookie with that name opens nothing any more.

    Raises:
        Conflict: `two_accounts`: each has one, and which of the passwords should count?
    """
    if from_id not in lock_visitors(session, from_id, into_id):
        return 0
    accounts = select(func.count()).where(VisitorAccountRow.visitor_id.in_([from_id, into_id]))
    if (session.scalar(accounts) or 0) > 1:
        raise Conflict("two_accounts")
    talks = select(func.count()).select_from(ConversationRow).where(ConversationRow.visitor_id == from_id)
    moved = session.scalar(talks) or 0
    session.execute(delete(IdentityLinkRow).where(IdentityLinkRow.visitor_id == from_id))
    for table in Base.metadata.sorted_tables:
        _hand_over(session, table, from_id, into_id)
    _add_spending(session, from_id, into_id)
    session.execute(delete(VisitorRow).where(VisitorRow.id == from_id))
    audit(session, VISITOR, "merge_visitor", "visitor", hashed(from_id), into=hashed(into_id), talks=moved)
    return moved


def lock_visitors(session: Session, *visitor_ids: str) -> list[str]:
    """Until the transaction ends, always in the same order; those who are there."""
    wanted = select(VisitorRow.id).where(VisitorRow.id.in_(visitor_ids)).order_by(VisitorRow.id).with_for_update()
    return list(session.scalars(wanted))


def _hand_over(session: Session, table: Table, from_id: str, into_id: str) -> None:
    for key in table.foreign_keys:
        if key.column is _VISITOR_ID:
            session.execute(update(table).where(key.parent == from_id).values({key.parent: into_id}))


def _add_spending(session: Session, from_id: str, into_id: str) -> None:
    for row in session.scalars(select(SpendingRow).where(is_spent_by(from_id))).all():
        name = row.name.removesuffix(from_id) + into_id
        there = session.get(SpendingRow, (row.day, name))
        if there is None:
            session.add(SpendingRow(day=row.day, name=name, used=row.used))
        else:
            there.used += row.used
        session.delete(row)
    session.flush()

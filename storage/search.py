"""Finding a visitor's talks by what was said in them, and by their titles.

Every term must stand in the title, or all in one message, wherever in a word, in capitals or not. There are two ways
to look, and both give the same talks. The index of three characters (SQLite only, `storage/search_index.py`) is quick
for what is rare: a term of three and more is asked of it as words, one of one or two characters, which is what most
Korean words are, by the groups of three that begin with it. Going through the talks from the newest on is quick for
what is frequent.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, bindparam, false, func, or_, select, text, true, tuple_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.functions import FunctionElement

from debrief.conversation import Page, storable
from debrief.errors import InputRejected
from storage import conversations
from storage.engine import Database
from storage.search_index import BEYOND, entries, groups, index
from storage.tables import ConversationRow, MessageRow

QUERY_MAX_CHARS = 200
TERMS_MAX = 8
INDEXED_CHARS = 3
RARE = 2000
"""Hits in all talks of everybody up to which the index is asked which talks they are in."""
BEFORE_CHARS, AFTER_CHARS = 40, 120
"""How much stands around a hit."""
ESCAPE = "\\"


@dataclass(frozen=True)
class Hit:
    """The newest message with all terms.

    `before`, `match` (the first term as it stands there) and `after` follow each other in its text; `is_cut` says
    whether something stands in front of `before`.
    """

    message_id: str
    role: str
    before: str
    match: str
    after: str
    is_cut: bool


@dataclass(frozen=True)
class Found:
    """A talk that was found. `hit` is None where only the title has it; `count` is the number of messages that do."""

    conversation: conversations.Conversation
    hit: Hit | None
    count: int


def list_found(db: Database, visitor_id: str, query: str, *, limit: int = 20, cursor: str | None = None) -> Page[Found]:
    """The visitor's talks with all terms of the query, the one touched last first.

    Raises:
        InputRejected: nothing to look for, too much of it, or the cursor is not one of ours.
    """
    terms = read_terms(query)
    place = conversations.read_place(cursor) if cursor else None
    with db.read() as session:
        way = _rare_way(session, terms) if db.is_sqlite else None
        has_message = _in_index(way) if way else _in_messages(terms)
        wanted = (
            select(ConversationRow)
            .where(ConversationRow.visitor_id == visitor_id)
            .where(or_(_all_in(ConversationRow.title, terms), has_message))
            .order_by(ConversationRow.updated_at.desc(), ConversationRow.id.desc())
            .limit(limit + 1)
        )
        if place:
            wanted = wanted.where(tuple_(ConversationRow.updated_at, ConversationRow.id) < tuple_(*place))
        talks = session.scalars(wanted).all()
        counts, hits = _hits(session, [talk.id for talk in talks[:limit]], terms)
    items = [
        Found(conversations.to_conversation(talk), hits.get(talk.id), counts.get(talk.id, 0)) for talk in talks[:limit]
    ]
    return Page(items, conversations.make_cursor(items[-1].conversation) if len(talks) > limit else None)


def read_terms(query: str) -> list[str]:
    """What is looked for, without what stands in another term.

    Raises:
        InputRejected: nothing, or too much.
    """
    words = unicodedata.normalize("NFC", storable(query)).split()
    if not words:
        raise InputRejected("nothing_to_search")
    if len(query) > QUERY_MAX_CHARS or len(words) > TERMS_MAX:
        raise InputRejected("search_too_long", limit=QUERY_MAX_CHARS, terms=TERMS_MAX)
    different = dict.fromkeys(words)
    return [term for term in different if not any(term != other and term in other for other in different)]


@dataclass(frozen=True)
class _Way:
    """What the index gives: numbers of entries. `unsure` are the terms that must still be looked for in their texts."""

    entry_ids: Select[tuple[int]]
    unsure: list[str]


def _rare_way(session: Session, terms: list[str]) -> _Way | None:
    """The first way through the index that gives little; None: each gives much."""
    return next((way for way in _ways(terms) if _gives_little(session, way)), None)


def _ways(terms: list[str]) -> Iterator[_Way]:
    """All long terms together, then each short one whose small letters are known: those of ASCII, or none."""
    short = [term for term in terms if len(term) < INDEXED_CHARS]
    if len(short) < len(terms):
        yield _Way(select(index.c.rowid).where(_matches([term for term in terms if term not in short])), short)
    for term in short:
        begin = term.lower()
        if term.isascii() or begin == term.upper():
            yield _Way(select(groups.c.doc).where(groups.c.term >= begin, groups.c.term < begin + BEYOND), terms)


def _gives_little(session: Session, way: _Way) -> bool:
    some = way.entry_ids.limit(RARE + 1).subquery()
    return (session.scalar(select(func.count()).select_from(some)) or 0) <= RARE


def _matches(terms: list[str]) -> ColumnElement[bool]:
    """FTS5's own language, in which a phrase in quotation marks is nothing but words."""
    phrases = " AND ".join('"{}"'.format(term.replace('"', '""')) for term in terms)
    return text("search_index MATCH :phrases").bindparams(phrases=phrases)  # pyright: ignore[reportReturnType]


def _in_index(way: _Way) -> ColumnElement[bool]:
    hits = (
        select(MessageRow.conversation_id)
        .join(entries, entries.c.message_id == MessageRow.id)
        .where(entries.c.id.in_(way.entry_ids), _all_in(MessageRow.text, way.unsure))
    )
    return ConversationRow.id.in_(hits)


def _in_messages(terms: list[str]) -> ColumnElement[bool]:
    return (
        select(MessageRow.id)
        .where(MessageRow.conversation_id == ConversationRow.id, _all_in(MessageRow.text, terms))
        .correlate(ConversationRow)
        .exists()
    )


def _all_in(where: InstrumentedAttribute[str], terms: list[str]) -> ColumnElement[bool]:
    """Whether the column has every term. What is typed has no wildcards."""
    return and_(true(), *(stands_in(where, term) for term in terms))


def stands_in(where: InstrumentedAttribute[str], term: str) -> ColumnElement[bool]:
    """Whether the column has the term, in capitals or not."""
    if term.lower() == term.upper():  # no capitals, as in Korean
        return _PlaceOf(where, bindparam(None, term, type_=MessageRow.text.type)) > 0
    return or_(*(where.ilike(f"%{_plain(variant)}%", escape=ESCAPE) for variant in sorted(variants(term))))


class _PlaceOf(FunctionElement[int]):
    """Where the second text stands in the first, from 1 on; 0: nowhere."""

    type = Integer()
    inherit_cache = True


@compiles(_PlaceOf, "sqlite")
def _instr(element: _PlaceOf, compiler: Any, **more: Any) -> str:  # pyright: ignore[reportUnusedFunction]
    return f"instr({compiler.process(element.clauses, **more)})"


@compiles(_PlaceOf, "postgresql")
def _strpos(element: _PlaceOf, compiler: Any, **more: Any) -> str:  # pyright: ignore[reportUnusedFunction]
    return f"strpos({compiler.process(element.clauses, **more)})"


def _plain(term: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", term)


def variants(term: str) -> set[str]:
    """The term in capitals and not: SQLite's LIKE knows only those of ASCII, PostgreSQL's those of its locale."""
    if term.isascii():
        return {term}
    if len(term) < INDEXED_CHARS:
        return {"".join(letters) for letters in itertools.product(*({c.lower(), c.upper()} for c in term))}
    return {term, term.lower(), term.upper(), term.title(), term.capitalize()}


def _hits(session: Session, conversation_ids: list[str], terms: list[str]) -> tuple[dict[str, int], dict[str, Hit]]:
    """Of each of these talks how many messages have it, and the newest of them."""
    counted = session.execute(
        select(MessageRow.conversation_id, func.count(), func.max(MessageRow.seq))
        .where(MessageRow.conversation_id.in_(conversation_ids), _all_in(MessageRow.text, terms))
        .group_by(MessageRow.conversation_id)
    ).all()
    # An OR of places: for an IN of pairs SQLite goes through the whole table instead of its index.
    places = [and_(MessageRow.conversation_id == id, MessageRow.seq == seq) for id, _, seq in counted]
    newest = session.scalars(select(MessageRow).where(or_(false(), *places))).all()
    return {id: count for id, count, _ in counted}, {row.conversation_id: _hit(row, terms) for row in newest}


def _hit(row: MessageRow, terms: list[str]) -> Hit:
    begin, end = _first(row.text, terms)
    start = max(0, begin - BEFORE_CHARS)
    return Hit(
        message_id=row.id,
        role=row.role,
        before=row.text[start:begin],
        match=row.text[begin:end],
        after=row.text[end : end + AFTER_CHARS],
        is_cut=start > 0,
    )


def _first(said: str, terms: list[str]) -> tuple[int, int]:
    found = re.search("|".join(re.escape(term) for term in terms), said, re.IGNORECASE)
    return found.span() if found else (0, 0)

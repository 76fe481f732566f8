"""Finding feedbacks by words: in the talk, or in what the version that counts says.

Each term must stand somewhere in the one or the other, wherever in a word, in capitals or not. What is frequent is
found soon by going along the order of the list and looking. What is rare is asked of the full-text indexes, which give
the few feedbacks that can have it; then only these are looked at. Both ways find the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from debrief.conversation import storable
from storage import search, search_index, written_index
from storage.queue_filter import QueueFilter
from storage.tables import FeedbackRow, FeedbackVersionRow, MessageRow

RARE = 500
"""Messages, or versions, with a term up to which the indexes are asked for the feedbacks."""
AMONG_MAX = 2000
SAMPLED = 2000
"""Rows that PostgreSQL looks at, taken at random, before it asks its indexes."""
SEEN_OFTEN = 20
"""So many of these rows with a term are no chance."""


def narrow(session: Session, wanted: QueueFilter | None) -> QueueFilter | None:
    """The same filter with the only feedbacks that can have all its words, where these are few."""
    if wanted is None or not wanted.words:
        return wanted
    for term in sorted(storable(wanted.words).split(), key=len, reverse=True):
        found = _that_can_have(session, term)
        if found is not None:
            return replace(wanted, among=tuple(found))
    return wanted


def _that_can_have(session: Session, term: str) -> list[str] | None:
    """Ids of feedbacks; None: too many, or no index knows the term."""
    ways = _sqlite_ways(session, term) if session.get_bind().dialect.name == "sqlite" else _server_ways(session, term)
    if ways is None:
        return None
    said, written = ways
    by_talk = select(FeedbackRow.id).where(FeedbackRow.conversation_id.in_(said))
    by_version = (
        select(FeedbackVersionRow.feedback_id)
        .join(FeedbackRow, FeedbackRow.id == FeedbackVersionRow.feedback_id)
        .where(FeedbackVersionRow.id.in_(written), FeedbackRow.version_id == FeedbackVersionRow.id)
    )
    # One after the other: for an OR of the two SQLite goes through all feedbacks.
    ids = {*session.scalars(by_talk.limit(AMONG_MAX + 1)), *session.scalars(by_version.limit(AMONG_MAX + 1))}
    return sorted(ids) if len(ids) <= AMONG_MAX else None


def _are_rare(session: Session, *finds: Select[Any]) -> bool:
    """Each counted no further than it takes to know. Of a query by itself: inside an IN it would be run to its end."""
    return all(
        (session.scalar(select(func.count()).select_from(find.limit(RARE + 1).subquery())) or 0) <= RARE
        for find in finds
    )


def _sqlite_ways(session: Session, term: str) -> tuple[Select[Any], Select[Any]] | None:
    """Conversations and versions by the indexes of three characters; a short term by the groups that begin with it."""
    said, written = (_entry_ids(kind, term) for kind in (search_index, written_index))
    if said is None or written is None or not _are_rare(session, said, written):
        return None
    return (
        select(MessageRow.conversation_id)
        .join(search_index.entries, search_index.entries.c.message_id == MessageRow.id)
        .where(search_index.entries.c.id.in_(said)),
        select(written_index.entries.c.version_id).where(written_index.entries.c.id.in_(written)),
    )


def _entry_ids(kind: Any, term: str) -> Select[Any] | None:
    if len(term) >= search.INDEXED_CHARS:
        phrase = '"{}"'.format(term.replace('"', '""'))
        match: Any = text(f"{kind.index.name} MATCH :phrase").bindparams(phrase=phrase)
        return select(kind.index.c.rowid).where(match)
    begin = term.lower()
    if not term.isascii() and begin != term.upper():
        return None  # the index folds such letters in a way of its own
    return select(kind.groups.c.doc).where(
        kind.groups.c.term >= begin, kind.groups.c.term < begin + search_index.BEYOND
    )


def _server_ways(session: Session, term: str) -> tuple[Select[Any], Select[Any]] | None:
    """Conversations and versions by PostgreSQL's pairs of characters, and by the words themselves."""
    if any(seems_frequent(session, column, term) for column in (MessageRow.text, FeedbackVersionRow.words)):
        return None
    variants = search.variants(term)
    pairs = written_index.pairs_query({each for one in variants for each in (one.lower(), _small_ascii(one))})
    has_pairs: dict[str, Any] = {
        name: text(f"search_pairs({name}) @@ CAST(:pairs AS tsquery)").bindparams(pairs=pairs)
        for name in ("messages.text", "feedback_versions.words")
    }
    said = select(MessageRow.conversation_id).where(
        MessageRow.state != "running", has_pairs["messages.text"], search.stands_in(MessageRow.text, term)
    )
    written = select(FeedbackVersionRow.id).where(
        has_pairs["feedback_versions.words"], search.stands_in(FeedbackVersionRow.words, term)
    )
    return (said, written) if _are_rare(session, said, written) else None


def seems_frequent(session: Session, column: InstrumentedAttribute[str], term: str) -> bool:
    """Whether a sample of a PostgreSQL table says that far more than RARE rows have the term.

    Its index gathers everything that may have a frequent term before it gives the first: 200 thousand for one page.
    """
    table = column.class_.__table__
    rows = session.scalar(text("SELECT reltuples FROM pg_class WHERE oid = to_regclass(:name)"), {"name": table.name})
    if rows is None or rows <= 0 or rows * SEEN_OFTEN < 2 * RARE * SAMPLED:
        return False  # -1 is said where nobody counted yet, 0 where there was nothing when it was counted
    sample = table.tablesample(func.system(min(100, 100 * SAMPLED / rows)))
    found = select(sample.c[column.key]).where(search.stands_in(sample.c[column.key], term)).limit(SEEN_OFTEN)
    return (session.scalar(select(func.count()).select_from(found.subquery())) or 0) >= SEEN_OFTEN


def _small_ascii(term: str) -> str:
    """As PostgreSQL's lower() has it where the locale is "C"."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in term)

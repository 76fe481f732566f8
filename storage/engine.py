"""How the database is opened: SQLite with WAL and immediate write transactions, or PostgreSQL by URL alone.

Python's sqlite3 opens no transaction for a SELECT, so two writers that read a number and insert the next one take
the same (6 of 1,000 concurrent writes did); a deferred BEGIN fails at once when it turns into a write. Hence BEGIN
IMMEDIATE for everything that writes, and a second engine that cannot write for everything that only reads.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import OperationalError, TimeoutError as NoConnectionFree
from sqlalchemy.orm import DeclarativeBase, ORMExecuteState, Session, sessionmaker, with_loader_criteria

from debrief.errors import NotReadable, NotSaved
from storage.tables import ConversationRow

logger = logging.getLogger(__name__)

BUSY_TIMEOUT_MS = 30_000
HANGING_MS = BUSY_TIMEOUT_MS // 3
"""So long a process may do nothing inside a transaction on PostgreSQL before the server ends it."""
FORGET_PATIENCE_MS = 1000
SERVER_PATIENCE = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
"""Seconds until a PostgreSQL that does not answer counts as away (psycopg: 130), unless the URL says otherwise."""
COMPLAIN_EVERY_S = 10.0
SEARCHES = ("search_index", "search_written")
"""SQLite's full-text tables: of talks, and of debriefs."""
MERGE_PAGES = 500
"""Of a full-text table, merged in one step."""
ALSO_DELETED = {"also_deleted": True}
"""Execution options of a query that is to see the talks whose deletion can still be undone."""
PATIENCE = "patience_ms"
"""Of a transaction, as an option; of a SQLite connection, as it was last told."""


def utc_now() -> datetime:
    return datetime.now(UTC)


def new_id(prefix: str) -> str:
    """A random id that cannot be guessed, such as `c_3fV…`; the prefix says of what (128 bits)."""
    return f"{prefix}_{secrets.token_urlsafe(16)}"


class Database:
    """Two engines on one database: `write()` for changes, `read()` for looking. One transaction a block.

    Never hold a block open while the model talks.
    """

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._write_engine = _open(url, is_sqlite=self.is_sqlite, begin="BEGIN IMMEDIATE")
        self._read_engine = _open(url, is_sqlite=self.is_sqlite, begin="BEGIN", read_only=True)
        self._sessions = sessionmaker(expire_on_commit=False)
        event.listen(self._sessions, "do_orm_execute", _hide_deleted)
        self._refusals: dict[str, int] = {}
        self._complained_at: dict[str, float] = {}

    @contextmanager
    def write(self, *, patience_ms: int | None = None) -> Generator[Session]:
        """A session in a write transaction: committed at the end, rolled back on any exception.

        Args:
            patience_ms: longest wait for a lock that another one holds, if not the usual one.

        Raises:
            NotSaved: the database stayed locked, cannot be written, or its disk is full; nothing was changed.
        """
        try:
            with self._sessions(bind=self._write_engine) as session, session.begin():
                if patience_ms is not None:
                    session.connection(execution_options={PATIENCE: patience_ms})
                yield session
        except (OperationalError, NoConnectionFree) as error:
            self._complain("not_saved", error)
            raise NotSaved from error

    @contextmanager
    def read(self) -> Generator[Session]:
        """A session that sees one consistent state and cannot write.

        Raises:
            NotReadable: the database's disk fails, its server is away, or too many read already.
        """
        try:
            with self._sessions(bind=self._read_engine) as session, session.begin():
                yield session
        except (OperationalError, NoConnectionFree) as error:
            self._complain("not_readable", error)
            raise NotReadable from error

    def forget_deleted(self) -> None:
        """Take what was deleted out of SQLite's search index and write-ahead log, which still hold it.

        Best effort: a reader may be in it, another writer may hold the lock, the disk may be full. It never raises,
        because what was to be deleted is deleted.
        """
        if not self.is_sqlite:
            return
        try:
            with self._write_engine.connect() as connection, closing(connection.connection.cursor()) as raw:
                connection.info[PATIENCE] = FORGET_PATIENCE_MS
                raw.execute(f"PRAGMA busy_timeout = {FORGET_PATIENCE_MS}")
                for table in SEARCHES:
                    _merge_search_index(raw, table)
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except (sqlite3.OperationalError, OperationalError, NoConnectionFree) as error:
            logger.warning("log_not_emptied error=%s", type(error).__name__)

    @property
    def engine(self) -> Engine:
        """The writing engine, for migrations and tests."""
        return self._write_engine

    def close(self) -> None:
        self._write_engine.dispose()
        self._read_engine.dispose()

    def _complain(self, what: str, error: OperationalError | NoConnectionFree) -> None:
        """Tell the operator why, now and then: running answers are saved twice a second, and logs fill disks too."""
        now = time.monotonic()
        self._refusals[what] = self._refusals.get(what, 0) + 1
        if now - self._complained_at.get(what, -COMPLAIN_EVERY_S) < COMPLAIN_EVERY_S:
            return
        logger.error("%s cause=%s times=%d", what, _cause(error), self._refusals.pop(what))
        self._complained_at[what] = now


def _merge_search_index(raw: DBAPICursor, table: str) -> None:
    """FTS5 marks what is deleted and drops it only when its parts are merged. Each step commits: others want to write.

    A negative number of pages begins to merge everything, a positive one goes on; fewer than two changes: it is done.
    """
    pages = -MERGE_PAGES
    while True:
        before = _changes(raw)
        raw.execute(f"INSERT INTO {table} ({table}, rank) VALUES ('merge', ?)", (pages,))  # noqa: S608 a name of ours
        if _changes(raw) - before < 2:
            return
        pages = MERGE_PAGES


def _changes(raw: DBAPICursor) -> int:
    raw.execute("SELECT total_changes()")
    [(count,)] = raw.fetchall()
    return count


def _cause(error: OperationalError | NoConnectionFree) -> str:
    """The driver's name for it, such as SQLITE_FULL or DiskFull; its words may quote the row."""
    origin = error.orig if isinstance(error, OperationalError) else error
    return str(getattr(origin, "sqlite_errorname", type(origin).__name__))


_NOT_DELETED = with_loader_criteria(ConversationRow, ConversationRow.deleted_at.is_(None), include_aliases=True)


def _hide_deleted(state: ORMExecuteState) -> None:
    """In every query, also in one that nobody thinks of today, a deleted talk is not there."""
    if state.is_select and not state.execution_options.get("also_deleted"):
        state.statement = state.statement.options(_NOT_DELETED)


def insert_or_ignore(session: Session, table: type[DeclarativeBase], values: dict[str, Any]) -> None:
    """Insert the row unless one with its key is there, also when another process inserts it at this moment."""
    session.execute(_insert(session, table).values(values).on_conflict_do_nothing())


def upsert(session: Session, table: type[DeclarativeBase], key: dict[str, Any], values: dict[str, Any]) -> None:
    """Insert the row, or change the one that has this primary key."""
    statement = _insert(session, table).values({**key, **values})
    session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))


def count_up(session: Session, table: type[DeclarativeBase], key: dict[str, Any], *, column: str, most: int) -> bool:
    """Add one to a row's number, or insert the row with 1; False when it stands at `most` already (0: no limit).

    The row stays locked until the transaction ends, so none of two that count at once is lost.
    """
    number: ColumnElement[int] = getattr(table, column)
    change = _insert(session, table).values({**key, column: 1})
    change = change.on_conflict_do_update(
        index_elements=list(key), set_={column: number + 1}, where=number < most if most else None
    )
    return session.scalar(change.returning(number)) is not None


def _insert(session: Session, table: type[DeclarativeBase]) -> sqlite.Insert | postgresql.Insert:
    dialect = session.get_bind().dialect.name
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def _open(url: str, *, is_sqlite: bool, begin: str, read_only: bool = False) -> Engine:
    if not is_sqlite:
        return _open_server(url, read_only=read_only)
    engine = create_engine(
        url, hide_parameters=True, pool_size=8, max_overflow=8, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:  # pyright: ignore[reportUnusedFunction]
        connection.isolation_level = None  # we begin transactions ourselves, below
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA foreign_keys = ON")
        # A chat writes little; a power cut must not take an acknowledged word.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute(f"PRAGMA journal_size_limit = {64 * 1024 * 1024}")
        cursor.execute("PRAGMA secure_delete = ON")  # deleted words are overwritten, not only unlinked
        if read_only:
            cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:  # pyright: ignore[reportUnusedFunction]
        patience_ms = connection.get_execution_options().get(PATIENCE, BUSY_TIMEOUT_MS)
        if connection.info.get(PATIENCE, BUSY_TIMEOUT_MS) != patience_ms:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {patience_ms}")
            connection.info[PATIENCE] = patience_ms
        connection.exec_driver_sql(begin)

    return engine


def _open_server(url: str, *, read_only: bool) -> Engine:
    given = make_url(url).query
    patience = {name: value for name, value in SERVER_PATIENCE.items() if name not in given}
    options: dict[str, Any] = {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"} if read_only else {}
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=8,
        max_overflow=8,
        pool_pre_ping=True,
        connect_args=patience,
        execution_options=options,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:  # pyright: ignore[reportUnusedFunction]
        # A lock held by a process that hangs must not hold the others for ever; as long as on SQLite.
        connection.execute(f"SET lock_timeout = {BUSY_TIMEOUT_MS}")
        # Shorter, so that those who wait for a process that hangs in its transaction get their turn and do not give up.
        connection.execute(f"SET idle_in_transaction_session_timeout = {HANGING_MS}")
        connection.commit()

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:  # pyright: ignore[reportUnusedFunction]
        patience_ms = connection.get_execution_options().get(PATIENCE)
        if patience_ms is not None:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {patience_ms}")

    return engine

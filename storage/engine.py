"""How the database is opened: SQLite with WAL and immediate write transactions, or PostgreSQL by URL alone.

Python's sqlite3 opens no transaction for a SELECT, so two writers that read a number and insert the next one take
the same (6 of 1,000 concurrent writes did); a deferred BEGIN fails at once when it turns into a write. Hence BEGIN
IMMEDIATE for everything that writes, and a second engine that cannot write for everything that only reads.
"""

from __future__ import annotations

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Session

from debrief.errors import NotSaved

BUSY_TIMEOUT_MS = 30_000


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

    @contextmanager
    def write(self) -> Generator[Session]:
        """A session in a write transaction: committed at the end, rolled back on any exception.

        Raises:
            NotSaved: the database stayed locked, or its disk is full; nothing was changed.
        """
        try:
            with Session(self._write_engine, expire_on_commit=False) as session, session.begin():
                yield session
        except OperationalError as error:
            raise NotSaved from error

    @contextmanager
    def read(self) -> Generator[Session]:
        """A session that sees one consistent state and cannot write."""
        with Session(self._read_engine, expire_on_commit=False) as session, session.begin():
            yield session

    def forget_deleted(self) -> None:
        """Empty SQLite's write-ahead log, which still holds what was deleted; best effort, a reader may be in it."""
        if not self.is_sqlite:
            return
        with self._write_engine.connect() as connection:
            raw = connection.connection.cursor()
            raw.execute("PRAGMA busy_timeout = 1000")
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            raw.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
            raw.close()

    @property
    def engine(self) -> Engine:
        """The writing engine, for migrations and tests."""
        return self._write_engine

    def close(self) -> None:
        self._write_engine.dispose()
        self._read_engine.dispose()


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
    def start(connection: Any) -> None:  # pyright: ignore[reportUnusedFunction]
        connection.exec_driver_sql(begin)

    return engine


def _open_server(url: str, *, read_only: bool) -> Engine:
    options: dict[str, Any] = {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"} if read_only else {}
    engine = create_engine(
        url, hide_parameters=True, pool_size=8, max_overflow=8, pool_pre_ping=True, execution_options=options
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:  # pyright: ignore[reportUnusedFunction]
        # A lock held by a process that hangs must not hold the others for ever; as long as on SQLite.
        connection.execute(f"SET lock_timeout = {BUSY_TIMEOUT_MS}")
        connection.execute(f"SET idle_in_transaction_session_timeout = {BUSY_TIMEOUT_MS}")
        connection.commit()

    return engine

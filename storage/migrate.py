"""Brings a database to today's schema, however many processes start at once, and copies it first.

All steps of one upgrade run in one transaction, so a process killed half-way leaves the old schema. There is no way
down: go back with the copy. A new step is written by `python -m storage.migrate "what it does"`.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from debrief.errors import ConfigError
from storage import search_index, written_index
from storage.engine import BUSY_TIMEOUT_MS

logger = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"
TELL_EVERY_S = 10.0
CACHE_KB = 64 * 1024
"""Of SQLite's pages while it is upgraded. With its usual 2 MB a page that changes twice is written twice."""
ADVISORY_LOCK = 7_305_846_121  # any number, the same in every process of ours


def migrate(url: str, *, backup_dir: Path | None) -> None:
    """Bring the database to the newest schema; nothing happens when it is there already.

    Args:
        url: SQLAlchemy URL of a SQLite file or a PostgreSQL database.
        backup_dir: where the copy of an existing SQLite file goes before it is upgraded; None: no copy. A
            PostgreSQL database is not copied: that is `pg_dump`'s work.

    Raises:
        ConfigError: the database is newer than this program, or cannot be opened or written.
    """
    parsed = make_url(url)
    try:
        if parsed.get_backend_name() == "sqlite":
            _migrate_sqlite(parsed, backup_dir)
        else:
            _migrate_server(parsed)
    except (OSError, sqlite3.DatabaseError, OperationalError) as error:
        reason = error.orig if isinstance(error, OperationalError) else error
        raise ConfigError(reason=f"The database {parsed} cannot be used: {reason}") from error


def is_current(url: str) -> bool:
    """True when the database has the newest schema. Changes nothing, not even a missing file."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and not _sqlite_file(parsed).exists():
        return False
    return _found(parsed) == _newest()


def _migrate_sqlite(url: URL, backup_dir: Path | None) -> None:
    file = _sqlite_file(url)
    file.parent.mkdir(parents=True, exist_ok=True)
    with _locked(file.with_name(file.name + ".migrate-lock")):
        _make_private(file)
        with closing(_raw(file)) as connection:
            # Once and for all: the file itself remembers. Done here because it fails on a busy file.
            connection.execute("PRAGMA journal_mode = WAL")
        found = _found(url)
        if found == _newest():
            return
        _expect_known(found)
        with _told(found):
            if found is not None and backup_dir is not None:
                _copy(file, backup_dir, found)
            with _engine(url).begin() as connection:
                _upgrade(connection, found)
                _check_references(connection)


def _migrate_server(url: URL) -> None:
    with _engine(url).begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        found = _revision(connection)
        if found != _newest():
            _expect_known(found)
            with _told(found):
                _upgrade(connection, found)


@contextmanager
def _told(found: str | None) -> Generator[None]:
    """Say in the log that an upgrade goes on: a large database takes minutes, and nobody is to think that it hangs."""
    if found is None:  # an empty database takes a moment
        yield
        return
    logger.info("upgrade_begins from=%s to=%s", found, _newest())
    began, over = time.monotonic(), threading.Event()

    def tell() -> None:
        while not over.wait(TELL_EVERY_S):
            logger.info("upgrade_goes_on seconds=%d", time.monotonic() - began)

    teller = threading.Thread(target=tell, name="upgrade-teller", daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()
    logger.info("upgrade_done seconds=%d", time.monotonic() - began)


def _upgrade(connection: Connection, found: str | None) -> None:
    config = _config(connection)
    if found is not None:
        config.attributes["on_step"] = _note_step
    command.upgrade(config, "head")
    search_index.make_triggers(connection)
    written_index.make_triggers(connection)


def _note_step(**applied: Any) -> None:
    """What Alembic calls after each step."""
    logger.info("upgrade_step schema=%s", applied["step"].up_revision_id)


def _expect_known(found: str | None) -> None:
    known = {step.revision for step in _steps().walk_revisions()}
    if found is not None and found not in known:
        raise ConfigError(reason=f"The database is newer than this program (schema {found}). Start the newer version.")


def _check_references(connection: Connection) -> None:
    """References are not enforced while a table is made anew, so they are checked before the commit."""
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        raise ConfigError(reason=f"The upgrade would break {len(broken)} references, first {broken[0]!r}.")


def _copy(file: Path, backup_dir: Path, revision: str) -> None:
    """A whole and private copy under a name that sorts by time; an unfinished one never has that name."""
    backup_dir.mkdir(parents=True, exist_ok=True)
    at = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    copy = backup_dir / f"{file.stem}-{at}-before-upgrade-from-{revision}{file.suffix}"
    draft = copy.with_name(copy.name + ".part")
    try:
        _make_private(draft)
        with closing(_raw(file)) as connection:
            connection.execute("VACUUM INTO ?", (str(draft),))
        draft.rename(copy)
        logger.info("upgrade_copied from=%s bytes=%d", revision, copy.stat().st_size)
    finally:
        draft.unlink(missing_ok=True)  # on a full disk a torn copy would be what fills it


def _engine(url: URL, *, begin: str = "BEGIN IMMEDIATE") -> Engine:
    """One connection, one transaction; SQLite with references off, because making a table anew would cascade."""
    engine = create_engine(url, poolclass=NullPool)
    if engine.dialect.name != "sqlite":
        return engine

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:  # pyright: ignore[reportUnusedFunction]
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KB}")

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:  # pyright: ignore[reportUnusedFunction]
        connection.exec_driver_sql(begin)

    return engine


def _raw(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None)


def _sqlite_file(url: URL) -> Path:
    if not url.database or url.database == ":memory:":
        raise ConfigError(reason="DEBRIEF_DATABASE_URL: a SQLite database must be a file, for example sqlite:///a.db")
    return Path(url.database)


def _make_private(file: Path) -> None:
    """Create the file when it is missing, readable by nobody else; SQLite's side files take the same mode."""
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    file.chmod(0o600)


@contextmanager
def _locked(file: Path) -> Generator[None]:
    """Hold the lock; the system lets go of it when the process dies, however it dies."""
    _make_private(file)
    with file.open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _steps() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _newest() -> str | None:
    return _steps().get_current_head()


def _found(url: URL) -> str | None:
    with _engine(url, begin="BEGIN").connect() as connection:
        return _revision(connection)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _write_step(message: str) -> None:
    """Compare the steps so far with `storage/tables.py` and write the missing one. Read it before you keep it."""
    number = f"{len(list(_steps().walk_revisions())) + 1:04}"
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/empty.sqlite3"
        migrate(url, backup_dir=None)
        with _engine(make_url(url)).begin() as connection:
            command.revision(_config(connection), message, autogenerate=True, rev_id=number)


if __name__ == "__main__":
    _write_step(sys.argv[1])

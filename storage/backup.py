"""Copies of the SQLite file: made while everything runs, checked before they count, and put back.

A plain copy of a file in use is malformed (seen); `VACUUM INTO` writes a whole one from a single moment. For PostgreSQL
`pg_dump` does this work.
"""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy.engine import make_url

from debrief.errors import ConfigError
from storage.engine import BUSY_TIMEOUT_MS
from storage.tables import Base

LOGS = ("-wal", "-shm")
"""What lies beside a SQLite file in use: its write-ahead log and the log's index."""
OWN_NAME = re.compile(r"debrief-\d{8}T\d{6}\.sqlite3")
"""As `backup_name` makes them."""


@dataclass(frozen=True)
class Backup:
    """A checked copy. `counts` is the number of rows of each of our tables."""

    file: Path
    counts: dict[str, int]


@dataclass(frozen=True)
class Restored:
    """What was put back, and where the database that was there before lies now; None: there was none."""

    file: Path
    counts: dict[str, int]
    aside: Path | None


def back_up(url: str, file: Path) -> Backup:
    """Copy the database as it is at one moment, whoever writes meanwhile, and check the copy.

    The copy appears under its name whole or not at all, readable by nobody else.

    Raises:
        ConfigError: it is not a SQLite file, the name is taken, or the copy is not whole.
    """
    source = _sqlite_file(url)
    if not source.exists():
        raise ConfigError(reason=f"There is no database at {source} to back up.")
    if file.exists():
        raise ConfigError(reason=f"{file} exists already; nothing was written over it.")
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        _make_private(draft)
        with closing(_open(source)) as connection:
            connection.execute("VACUUM INTO ?", (str(draft),))
        counts = check(draft)
        _keep(draft)
        os.link(draft, file)  # unlike a rename it never replaces what another one wrote just now
    except (OSError, sqlite3.Error) as error:
        raise ConfigError(reason=f"The backup could not be made: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
    _keep(file.parent)
    return Backup(file, counts)


def restore(url: str, file: Path) -> Restored:
    """Put a backup in the place of the database. What was there is kept beside it.

    Nothing of Debrief may run: a process would go on writing into the file that was moved away.

    Raises:
        ConfigError: something runs, or the file is not a whole database of ours. Nothing was changed.
    """
    target = _sqlite_file(url)
    counts = check(file)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with _migration_lock(target):
            _expect_alone(target)
            _make_private(draft)
            with closing(_open(file, read_only=True)) as connection:
                connection.execute("VACUUM INTO ?", (str(draft),))
            with closing(_open(draft)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")  # as a new database; the copy itself has none
            if check(draft) != counts:
                raise ConfigError(reason=f"{file} changed while it was read. Nothing was changed.")
            _keep(draft)
            aside = _set_aside(target)
            draft.rename(target)
            _keep(target.parent)
    except (OSError, sqlite3.Error) as error:
        raise ConfigError(reason=f"{file} could not be restored: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
    return Restored(target, counts, aside)


def check(file: Path) -> dict[str, int]:
    """The rows of each counted table, once the whole file has been found in order.

    Raises:
        ConfigError: the file is missing, damaged, or not a database of ours.
    """
    if not file.is_file():
        raise ConfigError(reason=f"There is no file {file}.")
    try:
        with closing(_open(file, read_only=True)) as connection:
            [verdict] = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if verdict != "ok":
                raise ConfigError(reason=f"{file} is damaged: {verdict}. Nothing was changed.")
            if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
                raise ConfigError(reason=f"{file} is damaged: a reference leads nowhere. Nothing was changed.")
            return _count(connection, file)
    except sqlite3.Error as error:
        raise ConfigError(reason=f"{file} is not a whole SQLite database: {error}. Nothing was changed.") from error


def forget_old(folder: Path, *, days: float, now: datetime | None = None) -> list[Path]:
    """Delete the automatic copies that are older: what people have deleted since is still in them.

    Args:
        folder: where `storage.migrate` puts its copies; other files there are left alone.
        days: the age in days; 0: none is too old.
        now: the time; for tests.

    Returns:
        What was deleted.
    """
    limit = (now or datetime.now(UTC)) - timedelta(days=days)
    old = [copy for copy in folder.glob("*-before-upgrade-from-*") if _made_at(copy) < limit] if days else []
    for copy in old:
        copy.unlink(missing_ok=True)
    return sorted(old)


def forget_old_backups(folder: Path, *, days: float, now: datetime | None = None) -> list[Path]:
    """Delete the backups under names of ours that are older, but never the newest one.

    What an operator gave a name of their own stays.

    Args:
        folder: where `app.py backup` puts what got no other name; other files there are left alone.
        days: the age in days; 0: none is too old.
        now: the time; for tests.

    Returns:
        What was deleted.
    """
    limit = (now or datetime.now(UTC)) - timedelta(days=days)
    ours = sorted((file for file in folder.glob("*") if OWN_NAME.fullmatch(file.name)), key=_made_at)
    old = [backup for backup in ours[:-1] if _made_at(backup) < limit] if days else []
    for backup in old:
        backup.unlink(missing_ok=True)
    return old


def _made_at(file: Path) -> datetime:
    return datetime.fromtimestamp(file.stat().st_mtime, UTC)


def backup_name(now: datetime | None = None) -> str:
    """A name that sorts by time."""
    return f"debrief-{(now or datetime.now(UTC)).strftime('%Y%m%dT%H%M%S')}.sqlite3"


def _sqlite_file(url: str) -> Path:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise ConfigError(
            reason="This is for SQLite, and DEBRIEF_DATABASE_URL names a server: use pg_dump and pg_restore there."
        )
    return Path(parsed.database)


def _count(connection: sqlite3.Connection, file: Path) -> dict[str, int]:
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"conversations", "messages", "alembic_version"} <= there:
        raise ConfigError(reason=f"{file} is a database, but not one of Debrief. Nothing was changed.")
    return {
        table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608  # our own names
        for table in Base.metadata.tables
        if table in there
    }


def _expect_alone(target: Path) -> None:
    """Leaving the write-ahead log needs the file for oneself, so SQLite knows whether anybody has it open."""
    if not target.exists():
        return
    try:
        with closing(_open(target, timeout_s=1)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError as error:
        raise ConfigError(reason="Debrief is running on this database. End it, then restore.") from error
    except sqlite3.DatabaseError:
        return  # too damaged to be asked: that is why somebody restores


def _set_aside(target: Path) -> Path | None:
    """Keep the database under a name that tells when, with its logs if it could not be asked to write them in.

    The file stays under its own name too until the new one replaces it, so a kill in between loses nothing.
    """
    if not target.exists():
        return None
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    aside = target.with_name(f"{target.stem}-{stamp}-before-restore{target.suffix}")
    os.link(target, aside)
    for part in LOGS:
        log = target.with_name(target.name + part)
        if log.exists():
            log.rename(aside.with_name(aside.name + part))
    return aside


@contextmanager
def _migration_lock(target: Path) -> Generator[None]:
    """The lock of `storage.migrate`, with which every start of Debrief begins."""
    lock = target.with_name(target.name + ".migrate-lock")
    _make_private(lock)
    with lock.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _open(file: Path, *, read_only: bool = False, timeout_s: float = BUSY_TIMEOUT_MS / 1000) -> sqlite3.Connection:
    mode = "ro" if read_only else "rw"
    return sqlite3.connect(f"{file.resolve().as_uri()}?mode={mode}", uri=True, timeout=timeout_s, isolation_level=None)


def _make_private(file: Path) -> None:
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    file.chmod(0o600)


def _keep(path: Path) -> None:
    """Have the disk keep it before anything relies on it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Fixtures for all tests. Borders are real: a SQLite file, a PostgreSQL server, HTTP on loopback."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from debrief.settings import Settings
from storage.engine import Database
from storage.migrate import migrate


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings that no environment and no `.env` touches: a fresh data folder, limits off."""
    for name in [name for name in os.environ if name.startswith("DEBRIEF_")]:
        monkeypatch.delenv(name)
    return Settings(_env_file=None, data_dir=tmp_path / "data", rate_limit="off")


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """A fresh, migrated SQLite file: the one that `settings` names."""
    migrate(settings.database, backup_dir=None)
    db = Database(settings.database)
    yield db
    db.close()

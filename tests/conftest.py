"""Fixtures for all tests. Borders are real: a SQLite file, a PostgreSQL server, HTTP on loopback."""

import os
import secrets
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from debrief.settings import Settings
from storage.engine import Database
from storage.migrate import migrate
from tests.postgres_server import postgres_server, run_sql

pytest_plugins = ["tests.model_fixtures", "tests.vllm_server", "tests.web_fixtures"]


def pytest_configure() -> None:
    """A shell that runs us in the background lets us ignore Ctrl-C, and all processes that the tests start with us."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings that no environment and no `.env` touches: a fresh data folder, limits off."""
    for name in [name for name in os.environ if name.startswith("DEBRIEF_")]:
        monkeypatch.delenv(name)
    return Settings(_env_file=None, data_dir=tmp_path / "data", rate_limit="off")


@pytest.fixture(scope="session")
def blank_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    file = tmp_path_factory.mktemp("blank") / "blank.sqlite3"
    migrate(f"sqlite:///{file}", backup_dir=None)
    return file


@pytest.fixture
def database(settings: Settings, blank_sqlite: Path) -> Iterator[Database]:
    """A fresh, migrated SQLite file: the one that `settings` names."""
    settings.data_dir.mkdir(exist_ok=True)
    shutil.copy(blank_sqlite, settings.data_dir / "debrief.sqlite3")
    db = Database(settings.database)
    yield db
    db.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server of our own, with a migrated database called `blank`."""
    with postgres_server() as url:
        run_sql(url, "CREATE DATABASE blank")
        migrate(_beside(url, "blank"), backup_dir=None)
        yield url


@pytest.fixture
def empty_postgres_url(postgres: str) -> Iterator[str]:
    """A PostgreSQL database without any table."""
    with _fresh_database(postgres, template="template0") as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def any_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """The test runs twice: on a fresh SQLite file, and on a fresh database of a real PostgreSQL."""
    if request.param == "sqlite":
        yield request.getfixturevalue("database")
        return
    with _fresh_database(request.getfixturevalue("postgres"), template="blank") as url:
        db = Database(url)
        yield db
        db.close()


@contextmanager
def _fresh_database(server: str, *, template: str) -> Iterator[str]:
    name = f"test_{secrets.token_hex(6)}"
    run_sql(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield _beside(server, name)
    run_sql(server, f"DROP DATABASE {name} WITH (FORCE)")


def _beside(server: str, name: str) -> str:
    return server.rsplit("/", 1)[0] + "/" + name

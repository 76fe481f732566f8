"""Fixtures for all tests. Borders are real: a SQLite file, a PostgreSQL server, HTTP on loopback."""

import os
import secrets
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from redis import Redis

from debrief.settings import Settings
from storage import engine as storage_engine, passwords
from storage.engine import Database
from storage.migrate import migrate
from storage.tables import Base
from tests.job_scene import redis_server
from tests.postgres_server import postgres_server, run_sql

pytest_plugins = ["tests.model_fixtures", "tests.vllm_server", "tests.web_fixtures"]


def pytest_configure() -> None:
    """A shell that runs us in the background lets us ignore Ctrl-C, and all processes that the tests start with us."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test of a module that is marked `both_engines`, or that asks for `any_database`, runs on either pair."""
    is_marked = metafunc.definition.get_closest_marker("both_engines") and "settings" in metafunc.fixturenames
    is_excused = metafunc.definition.get_closest_marker("only_sqlite")
    if "any_database" in metafunc.fixturenames or (is_marked and not is_excused):
        metafunc.parametrize("engine", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """argon2 at its least in this process: at full strength a sign-in is most of a short test's time.

    The programs that tests start keep the real strength; one of `tests/doors/test_app.py` looks at it.
    """
    least = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", lambda: least)
        yield


@pytest.fixture(scope="session", autouse=True)
def patience_with_ourselves() -> Iterator[None]:
    """A machine that is too busy to run this process for ten seconds is no process that hangs: here for PostgreSQL.

    The programs that tests start keep the product's patience, and `tests/integration/test_job_queue.py` looks at it.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage_engine, "HANGING_MS", 120_000)
        yield


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """ "sqlite": files, as a new clone has them; "postgresql": a PostgreSQL and a Redis, by URL alone."""
    return getattr(request, "param", "sqlite")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str, request: pytest.FixtureRequest) -> Settings:
    """Settings that no environment and no `.env` touches: a fresh data folder, limits off, the servers if asked for."""
    for name in [name for name in os.environ if name.startswith("DEBRIEF_")]:
        monkeypatch.delenv(name)
    urls = {}
    if engine == "postgresql":
        urls = {
            "database_url": request.getfixturevalue("clean_postgres_url"),
            "queue_url": request.getfixturevalue("clean_redis_url"),
        }
    return Settings(_env_file=None, data_dir=tmp_path / "data", rate_limit="off", **urls)


@pytest.fixture(scope="session")
def blank_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    file = tmp_path_factory.mktemp("blank") / "blank.sqlite3"
    migrate(f"sqlite:///{file}", backup_dir=None)
    return file


@pytest.fixture
def database(settings: Settings, blank_sqlite: Path) -> Iterator[Database]:
    """The database that `settings` names: migrated, and nobody has written into it."""
    settings.data_dir.mkdir(exist_ok=True)
    if not settings.database_url:
        shutil.copy(blank_sqlite, settings.data_dir / "debrief.sqlite3")
    db = Database(settings.database)
    yield db
    db.close()


@pytest.fixture
def any_database(database: Database) -> Database:
    """The test runs twice: on a fresh SQLite file, and on a real PostgreSQL."""
    return database


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


@pytest.fixture
def clean_postgres_url(postgres: str) -> str:
    """A migrated PostgreSQL database without a row. Always the same one: emptying it takes 3 ms, a copy 100 ms."""
    url = _beside(postgres, "blank")
    tables = [table.name for table in Base.metadata.sorted_tables]
    # As a replica: without the foreign keys, and without the trigger that keeps the audit.
    run_sql(url, "SET session_replication_role = replica; " + "; ".join(f"DELETE FROM {name}" for name in tables))
    return url


@pytest.fixture(scope="session")
def redis() -> Iterator[str]:
    """The URL of a Redis of our own."""
    with redis_server() as url:
        yield url


@pytest.fixture
def clean_redis_url(redis: str) -> str:
    with Redis.from_url(redis) as client:
        client.flushall()
    return redis


@contextmanager
def _fresh_database(server: str, *, template: str) -> Iterator[str]:
    name = f"test_{secrets.token_hex(6)}"
    run_sql(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield _beside(server, name)
    run_sql(server, f"DROP DATABASE {name} WITH (FORCE)")


def _beside(server: str, name: str) -> str:
    return server.rsplit("/", 1)[0] + "/" + name

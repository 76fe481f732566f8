"""From any state of the database to today's schema, without losing a word."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from debrief.errors import ConfigError
from storage import migrate as migrating
from storage.backup import check, restore
from storage.conversations import delete_conversation
from storage.engine import Database
from storage.messages import list_messages
from storage.migrate import is_current, migrate
from storage.queue_filter import QueueFilter
from storage.review_queue import list_reviews
from storage.search_index import is_of_search
from storage.tables import Base
from tests.factories import OLGA, make_conversation
from tests.old_database import OLD, old_database, rows

ROOT = Path(__file__).parents[2]

NEXT_STEP = '''
"""A step that makes both tables of a talk anew, and pauses at a place of the test's choice."""
import os, pathlib, time
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "next", "{newest}", None, None

def pause(place):
    if os.environ.get("PAUSE_AT") == place:
        pathlib.Path(os.environ["PAUSED"]).touch()
        time.sleep(60)

def upgrade():
    pause("begin")
    with op.batch_alter_table("conversations", recreate="always") as batch:
        batch.add_column(sa.Column("mood", sa.String(20), server_default="calm", nullable=False))
    pause("between")
    with op.batch_alter_table("messages", recreate="always") as batch:
        batch.drop_column("model")
    pause("end")
'''

PAUSE_WHILE_FILLING = """
import os, pathlib

def _words_of(body, words_of=_words_of):
    pathlib.Path(os.environ["PAUSED"]).touch()
    time.sleep(60)
    return words_of(body)
"""


@pytest.fixture
def with_next_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program is one schema further than the database; its folder of steps."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrating.MIGRATIONS, folder)
    (folder / "versions" / "next.py").write_text(NEXT_STEP.format(newest=migrating._newest()))
    monkeypatch.setattr(migrating, "MIGRATIONS", folder)
    return folder


def test_the_steps_lead_to_the_tables_of_the_program(database):
    assert differences(database.url.render_as_string()) == []


def test_the_steps_lead_to_the_tables_of_the_program_on_postgresql(empty_postgres_url):
    assert not is_current(empty_postgres_url)
    migrate(empty_postgres_url, backup_dir=None)

    assert is_current(empty_postgres_url)
    assert differences(empty_postgres_url) == []


def test_a_new_database_is_private_and_can_be_written_while_it_is_read(settings):
    migrate(settings.database, backup_dir=settings.data_dir / "backups")

    file = database_file(settings)
    db = Database(settings.database)
    make_conversation(db)
    assert {path.stat().st_mode & 0o777 for path in file.parent.iterdir()} == {0o600}
    db.close()
    assert scalar(file, "PRAGMA journal_mode") == "wal"
    assert not (settings.data_dir / "backups").exists()


def test_an_existing_file_becomes_private(settings, database):
    database_file(settings).chmod(0o644)

    migrate(settings.database, backup_dir=None)

    assert database_file(settings).stat().st_mode & 0o777 == 0o600


def test_asking_whether_the_schema_is_current_makes_no_file(settings):
    assert not is_current(settings.database)
    assert not settings.data_dir.exists()


def test_migrating_twice_changes_nothing(settings, database):
    talk = make_conversation(database, turns=1)

    migrate(settings.database, backup_dir=settings.data_dir / "backups")

    assert is_current(settings.database)
    assert len(list_messages(database, talk.id)) == 3
    assert not (settings.data_dir / "backups").exists()


def test_an_upgrade_keeps_every_row_and_the_cascades(settings, database, with_next_step):
    talk = make_conversation(database, turns=3)
    other = make_conversation(database, turns=1)
    database.close()
    assert not is_current(settings.database)

    migrate(settings.database, backup_dir=None)

    file = database_file(settings)
    assert is_current(settings.database)
    assert scalar(file, "SELECT count(*) FROM messages") == 10
    assert scalar(file, "SELECT count(*) FROM conversations WHERE mood = 'calm'") == 2
    delete_conversation(Database(settings.database), OLGA, talk.id)
    assert scalar(file, "SELECT count(*) FROM messages") == 3
    assert scalar(file, f"SELECT count(*) FROM messages WHERE conversation_id = '{other.id}'") == 3


def test_an_upgrade_makes_a_whole_and_private_copy_first(settings, database, with_next_step):
    make_conversation(database, turns=3)
    backups = settings.data_dir / "backups"

    migrate(settings.database, backup_dir=backups)

    [copy] = backups.iterdir()
    assert copy.stat().st_mode & 0o777 == 0o600
    assert scalar(copy, "PRAGMA integrity_check") == "ok"
    assert scalar(copy, "SELECT count(*) FROM messages") == 7
    assert scalar(copy, "SELECT count(*) FROM pragma_table_info('conversations') WHERE name = 'mood'") == 0


def test_the_copy_has_what_a_running_program_wrote_last(settings, database, with_next_step):
    make_conversation(database, turns=1)  # still in the write-ahead log: `database` is open
    assert database_file(settings).with_name("debrief.sqlite3-wal").stat().st_size > 0

    migrate(settings.database, backup_dir=settings.data_dir / "backups")

    [copy] = (settings.data_dir / "backups").iterdir()
    assert scalar(copy, "SELECT count(*) FROM messages") == 3


@pytest.mark.parametrize("place", ["begin", "between", "end"])
def test_a_kill_in_mid_upgrade_leaves_the_old_database(settings, database, with_next_step, tmp_path, place):
    talk = make_conversation(database, turns=3)
    database.close()
    before = schema(database_file(settings))

    kill_while_paused(settings.database, with_next_step, place, tmp_path / "paused")

    file = database_file(settings)
    assert scalar(file, "PRAGMA integrity_check") == "ok"
    assert schema(file) == before
    assert len(list_messages(database, talk.id)) == 7

    migrate(settings.database, backup_dir=None)  # the lock died with the process
    assert is_current(settings.database)
    assert scalar(file, "SELECT count(*) FROM messages") == 7


def test_a_kill_at_any_moment_leaves_the_old_or_the_new_database(settings, database, with_next_step):
    make_conversation(database, turns=3)
    database.close()
    old = schema(file := database_file(settings))
    shutil.copy(file, still_old := file.with_name("old"))
    migrate(settings.database, backup_dir=None)
    new = schema(file)

    for n in range(12):
        for rest in ("-wal", "-shm"):  # of the one killed before: it belongs to another file than the copy
            file.with_name(file.name + rest).unlink(missing_ok=True)
        shutil.copy(still_old, file)
        process = start_migrating(settings.database, with_next_step)
        process.stdout.readline()  # it is about to begin
        time.sleep(0.004 * n)
        process.kill()
        process.communicate()
        assert schema(file) in (old, new)
        assert scalar(file, "SELECT count(*) FROM messages") == 7
        assert scalar(file, "PRAGMA integrity_check") == "ok"


def test_the_way_back_to_the_older_program_loses_nothing_that_it_had(settings):
    settings.data_dir.mkdir()
    old_database(settings)
    file = database_file(settings)
    left_by_the_older_program = rows(file)

    migrate(settings.database, backup_dir=settings.data_dir / "backups")

    newer = Database(settings.database)
    assert len(list_messages(newer, "c_old")) == 7
    make_conversation(newer)  # somebody talks with the newer program, which then turns out not to be wanted
    newer.close()
    [copy] = (settings.data_dir / "backups").iterdir()
    assert copy.name.endswith(f"-before-upgrade-from-{OLD}.sqlite3")
    done = restore(settings.database, copy)

    assert rows(file) == left_by_the_older_program
    assert rows(file)["alembic_version"] == [(OLD,)]  # all that an older program asks of a database
    assert scalar(file, "PRAGMA journal_mode") == "wal"
    assert not is_current(settings.database)
    assert check(done.aside)["conversations"] == 2, "what was said since is kept aside"
    migrate(settings.database, backup_dir=settings.data_dir / "backups")  # and forward once more
    assert is_current(settings.database)


@pytest.mark.parametrize("n", range(6))
def test_a_kill_in_the_upgrade_from_the_last_schema_leaves_it_or_todays(settings, n):
    settings.data_dir.mkdir()
    old_database(settings)
    file = database_file(settings)
    before = rows(file)

    process = start_migrating(settings.database, migrating.MIGRATIONS, settings.data_dir / "backups")
    process.stdout.readline()
    time.sleep(0.02 * n)
    process.kill()
    process.communicate()

    assert scalar(file, "PRAGMA integrity_check") == "ok"
    assert is_current(settings.database) or rows(file) == before
    migrate(settings.database, backup_dir=None)
    assert is_current(settings.database)
    assert scalar(file, "SELECT count(*) FROM messages") == 7


def test_a_step_that_fails_leaves_the_old_database(settings, database, with_next_step):
    talk = make_conversation(database, turns=1)
    before = schema(database_file(settings))
    step = with_next_step / "versions" / "next.py"
    step.write_text(step.read_text() + "\n    raise RuntimeError('half-way')\n")

    with pytest.raises(RuntimeError, match="half-way"):
        migrate(settings.database, backup_dir=None)

    assert schema(database_file(settings)) == before
    assert len(list_messages(database, talk.id)) == 3


def test_a_step_that_breaks_references_is_not_kept(settings, database, with_next_step):
    talk = make_conversation(database, turns=1)
    step = with_next_step / "versions" / "next.py"
    step.write_text(step.read_text() + "\n    op.execute('DELETE FROM conversations')\n")

    with pytest.raises(ConfigError):
        migrate(settings.database, backup_dir=None)

    assert len(list_messages(database, talk.id)) == 3


@pytest.mark.parametrize("start_from", ["nothing", "an older schema"])
def test_of_many_processes_that_start_at_once_one_migrates(settings, with_next_step, start_from):
    if start_from == "an older schema":
        before_the_next_step(settings, with_next_step)
    backups = settings.data_dir / "backups"

    processes = [start_migrating(settings.database, with_next_step, backups) for _ in range(4)]

    assert [process.wait(60) for process in processes] == [0] * 4
    for process in processes:
        process.stdout.close()
    assert is_current(settings.database)
    assert len(list(backups.glob("*"))) == (1 if start_from == "an older schema" else 0)


def test_of_many_processes_that_start_at_once_one_migrates_on_postgresql(empty_postgres_url):
    processes = [start_migrating(empty_postgres_url, migrating.MIGRATIONS) for _ in range(4)]

    assert [process.wait(60) for process in processes] == [0] * 4
    for process in processes:
        process.stdout.close()
    assert is_current(empty_postgres_url)


def test_a_database_newer_than_the_program_is_left_alone(settings, database):
    with closing(sqlite3.connect(database_file(settings))) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(ConfigError, match="newer than this program"):
        migrate(settings.database, backup_dir=settings.data_dir / "backups")
    assert not is_current(settings.database)
    assert not (settings.data_dir / "backups").exists()


def test_asking_whether_the_schema_is_current_waits_for_no_writer(settings, database):
    with database.write() as writer:
        writer.execute(text("DELETE FROM gauges"))
        assert is_current(settings.database)


def test_a_file_that_is_no_database_is_named(settings):
    settings.data_dir.mkdir()
    database_file(settings).write_text("Dear diary, " * 100)

    with pytest.raises(ConfigError, match=r"debrief\.sqlite3 cannot be used: file is not a database"):
        migrate(settings.database, backup_dir=None)
    assert database_file(settings).read_text() == "Dear diary, " * 100


def test_a_server_that_cannot_be_reached_is_named_without_its_password():
    with pytest.raises(ConfigError, match=r"127\.0\.0\.1:1/debrief cannot be used") as refused:
        migrate("postgresql+psycopg://debrief:s3cret@127.0.0.1:1/debrief", backup_dir=None)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url):
    with pytest.raises(ConfigError, match="must be a file"):
        migrate(url, backup_dir=None)


def differences(url: str) -> list:
    """What alembic would still change to get to the tables of the program."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        opts = {"compare_type": True, "compare_server_default": True, "include_name": not_of_search}
        context = MigrationContext.configure(connection, opts=opts)
        return compare_metadata(context, Base.metadata)


def not_of_search(name: str | None, kind: str, parents: object) -> bool:
    return not (kind in ("table", "index") and is_of_search(name))


def database_file(settings) -> Path:
    return settings.data_dir / "debrief.sqlite3"


def scalar(file: Path, query: str):
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(query).fetchone()[0]


def schema(file: Path) -> set:
    with closing(sqlite3.connect(file)) as connection:
        tables = set(connection.execute("SELECT name, sql FROM sqlite_schema"))
        return tables | set(connection.execute("SELECT 'revision', version_num FROM alembic_version"))


def before_the_next_step(settings, steps: Path) -> None:
    step = steps / "versions" / "next.py"
    hidden = step.rename(steps / "next.py")
    migrate(settings.database, backup_dir=None)
    hidden.rename(step)


def start_migrating(url: str, steps: Path, backup_dir: Path | None = None, **environment: str) -> subprocess.Popen:
    program = f"""
import pathlib
from storage import migrate
migrate.MIGRATIONS = pathlib.Path({str(steps)!r})
print("ready", flush=True)
migrate.migrate({url!r}, backup_dir={f"pathlib.Path({str(backup_dir)!r})" if backup_dir else None})
"""
    return subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE
    )


def kill_while_paused(url: str, steps: Path, place: str, paused: Path) -> None:
    process = start_migrating(url, steps, PAUSE_AT=place, PAUSED=str(paused))
    deadline = time.monotonic() + 60
    while not paused.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.communicate()


def with_a_debrief(file: Path) -> None:
    """A debrief in the record as the program of schema `OLD` left it."""
    at, body = (
        "2026-11-01 11:00:00.000000",
        '{"criteria": [{"level": 4}, {"level": 2}, {"level": null, "reason": "눈썰매"}]}',
    )
    checks = '[{"name": "no_echo", "passed": true}, {"name": "levels_backed", "passed": false}]'
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "INSERT INTO feedback (id, conversation_id, language, review_state, version_id, row_version, created_at,"
            " updated_at) VALUES ('f_old', 'c_old', 'en', 'pending', 'fv', 1, ?, ?)",
            (at, at),
        )
        connection.execute(
            "INSERT INTO feedback_versions (id, feedback_id, n, origin, partial, body, checks, lineage, created_at)"
            " VALUES ('fv', 'f_old', 1, 'model', 1, ?, ?, '{\"model\": \"small\"}', ?)",
            (body, checks, at),
        )


def test_what_the_review_queue_needs_is_told_from_the_versions_that_there_are(settings):
    settings.data_dir.mkdir(exist_ok=True)
    old_database(settings)
    with_a_debrief(database_file(settings))

    migrate(settings.database, backup_dir=None)

    db = Database(settings.database)
    [item] = list_reviews(db, QueueFilter(scenario="job_interview", model="small", check="levels_backed")).items
    assert [one.id for one in list_reviews(db, QueueFilter(words="썰매")).items] == ["f_old"]
    db.close()
    assert (item.worst_level, item.checks_passed, item.checks, item.partial) == (2, 1, 2, True)
    assert item.waiting_since == item.created_at


def test_a_kill_while_a_step_fills_a_column_leaves_the_old_database_which_upgrades_when_started_again(
    settings, tmp_path
):
    settings.data_dir.mkdir()
    old_database(settings)
    file = database_file(settings)
    with_a_debrief(file)
    before = rows(file)
    steps = tmp_path / "migrations"
    shutil.copytree(migrating.MIGRATIONS, steps)
    [step] = (steps / "versions").glob("0015_*.py")
    step.write_text(step.read_text() + PAUSE_WHILE_FILLING)

    kill_while_paused(settings.database, steps, "filling", tmp_path / "paused")

    assert scalar(file, "PRAGMA integrity_check") == "ok"
    assert rows(file) == before
    migrate(settings.database, backup_dir=None)
    db = Database(settings.database)
    assert [one.id for one in list_reviews(db, QueueFilter(words="썰매")).items] == ["f_old"]
    db.close()


def test_an_upgrade_says_in_the_log_how_far_it_is(settings, caplog, monkeypatch):
    monkeypatch.setattr(migrating, "TELL_EVERY_S", 0.001)
    settings.data_dir.mkdir()
    old_database(settings)
    caplog.set_level("INFO", "storage.migrate")

    migrate(settings.database, backup_dir=settings.data_dir / "backups")

    told = [record.getMessage().partition(" ")[0] for record in caplog.records if record.name == "storage.migrate"]
    newest = migrating._newest()
    assert (told[0], told[-1]) == ("upgrade_begins", "upgrade_done")
    assert f"from={OLD} to={newest}" in caplog.text
    assert told.count("upgrade_copied") == 1
    assert told.count("upgrade_step") == int(newest) - int(OLD)
    assert "upgrade_goes_on" in told


def test_the_first_start_says_nothing_of_an_upgrade(settings, caplog):
    caplog.set_level("INFO", "storage.migrate")

    migrate(settings.database, backup_dir=settings.data_dir / "backups")

    assert "upgrade_" not in caplog.text

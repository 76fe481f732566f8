"""Backups: whole although everybody writes, put back to the row, refused when they are not what they should be."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from debrief.errors import ConfigError
from debrief.settings import Settings
from storage.backup import back_up, backup_name, check, forget_old, forget_old_backups, restore
from storage.engine import Database
from storage.messages import list_messages
from storage.migrate import is_current, migrate
from tests.factories import make_conversation, make_turn
from tests.web_process import web_process
from tests.web_scene import Web, until

ROOT = Path(__file__).parents[2]
WRITER = """
import sys
from storage.engine import Database
from tests.factories import make_conversation, make_turn
db = Database(sys.argv[1])
while True:
    talk = make_conversation(db)
    for n in range(5):
        turn = make_turn(db, talk, text=f"Sentence {n}. " * 20)
        print(turn.user_message.id, turn.answer.id, flush=True)
"""


def database_file(settings: Settings) -> Path:
    return settings.data_dir / "debrief.sqlite3"


def run_app(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "app.py", *arguments], cwd=ROOT, env=environment(settings), capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip


def environment(settings: Settings) -> dict[str, str]:
    return {**os.environ, "DEBRIEF_DATA_DIR": str(settings.data_dir), "PYTHONPATH": str(ROOT)}


@contextmanager
def writers(settings: Settings, folder: Path, number: int = 3) -> Iterator[list[Path]]:
    """Processes that store turns without a pause; each notes in its file what the database has acknowledged."""
    notes = [folder / f"writer-{n}" for n in range(number)]
    processes: list[subprocess.Popen[bytes]] = []
    for note in notes:
        with note.open("wb") as out:
            line = [sys.executable, "-c", WRITER, settings.database]
            processes.append(subprocess.Popen(line, cwd=ROOT, env=environment(settings), stdout=out))
    try:
        until(lambda: all(note.stat().st_size > 500 for note in notes), within_s=60, what="all writers to write")
        yield notes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def acknowledged(notes: list[Path]) -> set[str]:
    """Whole lines only: the last one may be cut off."""
    return {id for note in notes for line in note.read_text().splitlines(keepends=True) if line[-1] == "\n"
            for id in line.split()}  # fmt: skip


def message_ids(file: Path) -> set[str]:
    with closing(sqlite3.connect(file)) as connection:
        return {id for (id,) in connection.execute("SELECT id FROM messages")}


def test_a_backup_under_load_is_one_moment_and_comes_back_whole(settings: Settings, database: Database, tmp_path: Path):
    with writers(settings, tmp_path) as notes:
        made = []
        for n in range(3):
            before = acknowledged(notes)
            made.append((before, back_up(settings.database, tmp_path / f"{n}.sqlite3"), acknowledged(notes)))
            time.sleep(0.2)
    database.close()
    everything = message_ids(database_file(settings))

    for before, backup, _after in made:
        copied = message_ids(backup.file)
        assert len(before) > 5
        assert before <= copied <= everything
        assert check(backup.file) == backup.counts
        with closing(sqlite3.connect(backup.file)) as connection:
            torn = connection.execute(
                "SELECT count(*) FROM (SELECT conversation_id FROM messages GROUP BY conversation_id"
                " HAVING sum(role = 'user') != sum(role = 'assistant') - 1)"
            ).fetchone()
        assert torn == (0,), "a turn is there with both its messages or not at all"

    _, backup, _ = made[1]
    there_before = check(database_file(settings))
    done = restore(settings.database, backup.file)
    assert done.counts == backup.counts == check(database_file(settings))
    assert message_ids(database_file(settings)) == message_ids(backup.file)
    assert done.aside is not None
    assert check(done.aside) == there_before
    assert is_current(settings.database)


def test_a_restored_database_is_private_in_wal_mode_and_goes_on_being_used(
    settings: Settings, database: Database, tmp_path: Path
):
    talk = make_conversation(database, turns=2)
    backup = back_up(settings.database, tmp_path / "b.sqlite3")
    make_turn(database, talk)
    database.close()

    done = restore(settings.database, backup.file)

    assert {backup.file.stat().st_mode & 0o777, done.file.stat().st_mode & 0o777} == {0o600}
    with closing(sqlite3.connect(done.file)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    again = Database(settings.database)
    assert len(list_messages(again, talk.id)) == 5
    make_turn(again, talk)
    assert len(list_messages(again, talk.id)) == 7
    again.close()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database whose copy takes long enough to be killed in."""
    folder = tmp_path_factory.mktemp("large")
    url = f"sqlite:///{folder}/debrief.sqlite3"
    migrate(url, backup_dir=None)
    db = Database(url)
    talk = make_conversation(db)
    for _ in range(3):
        make_turn(db, talk, text="x" * 10_000_000)
    db.close()
    return folder


def test_a_kill_in_mid_backup_leaves_nothing_under_the_final_name(large: Path, tmp_path: Path):
    goal = tmp_path / "backup.sqlite3"
    line = [sys.executable, "-c", "import sys; from pathlib import Path; from storage.backup import back_up;"
            " back_up(sys.argv[1], Path(sys.argv[2]))", f"sqlite:///{large}/debrief.sqlite3", str(goal)]  # fmt: skip
    cut = 0
    for n in range(5):
        process = subprocess.Popen(line, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
        until(
            lambda n=n: any(part.stat().st_size > n * 5_000_000 for part in tmp_path.glob("*.part")) or goal.exists(),
            within_s=60,
            what="the copy to grow",
        )
        process.send_signal(signal.SIGKILL)
        process.wait()
        if goal.exists():
            check(goal)
            goal.unlink()
        else:
            cut += 1
        for part in tmp_path.glob("*.part"):
            part.unlink()
    assert cut >= 3, "most kills must hit before the end, or this shows nothing"


def test_a_taken_name_is_not_written_over(settings: Settings, database: Database, tmp_path: Path):
    taken = tmp_path / "taken"
    taken.write_text("mine")
    with pytest.raises(ConfigError, match="exists already"):
        back_up(settings.database, taken)
    assert taken.read_text() == "mine"
    assert list(tmp_path.glob("*.part")) == []


def damaged(file: Path, folder: Path) -> Path:
    broken = folder / "damaged.sqlite3"
    content = bytearray(file.read_bytes())
    content[4096 * 3 : 4096 * 6] = b"\x5a" * 4096 * 3
    broken.write_bytes(content)
    return broken


def cut_off(file: Path, folder: Path) -> Path:
    short = folder / "short.sqlite3"
    short.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    return short


def foreign(_file: Path, folder: Path) -> Path:
    other = folder / "other.sqlite3"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    return other


def no_database(_file: Path, folder: Path) -> Path:
    text = folder / "letter.txt"
    text.write_text("Dear Olga, " * 1000)
    return text


def missing(_file: Path, folder: Path) -> Path:
    return folder / "nowhere"


def torn(file: Path, folder: Path) -> Path:
    """Whole as a file, and yet a message belongs to no talk."""
    copy = folder / "torn.sqlite3"
    shutil.copy(file, copy)
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("DELETE FROM conversations")
    return copy


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (damaged, "damaged|not a whole SQLite database"),
        (cut_off, "damaged|not a whole SQLite database"),
        (foreign, "not one of Debrief"),
        (no_database, "not a whole SQLite database"),
        (missing, "There is no file"),
        (torn, "a reference leads nowhere"),
    ],
)
def test_what_is_not_a_whole_backup_is_refused_and_nothing_changes(
    settings: Settings, database: Database, tmp_path: Path, make, said: str
):
    make_conversation(database, turns=2)
    backup = back_up(settings.database, tmp_path / "b.sqlite3")
    database.close()
    file = make(backup.file, tmp_path)
    before = check(database_file(settings))

    with pytest.raises(ConfigError, match=said):
        restore(settings.database, file)

    assert check(database_file(settings)) == before
    assert not list(settings.data_dir.glob("*before-restore*"))


def test_nothing_is_restored_under_a_running_program(settings: Settings, database: Database, tmp_path: Path):
    make_conversation(database, turns=2)
    database.close()
    backup = back_up(settings.database, tmp_path / "b.sqlite3")
    with web_process(settings):
        before = database_file(settings).stat().st_ino
        refused = run_app(settings, "restore", str(backup.file))
        assert database_file(settings).stat().st_ino == before  # a restore puts another file in its place
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "Debrief is running on this database. End it, then restore.\n"
    assert not list(settings.data_dir.glob("*before-restore*"))

    assert run_app(settings, "restore", str(backup.file)).returncode == 0


def test_a_damaged_database_is_replaced_and_kept(settings: Settings, database: Database, tmp_path: Path):
    make_conversation(database, turns=2)
    backup = back_up(settings.database, tmp_path / "b.sqlite3")
    database.close()
    database_file(settings).write_bytes(damaged(database_file(settings), tmp_path).read_bytes())
    with database_file(settings).open("r+b") as file:
        file.write(b"no header at all")

    done = restore(settings.database, backup.file)

    assert check(database_file(settings)) == backup.counts
    assert done.aside is not None
    assert done.aside.read_bytes().startswith(b"no header at all")


def test_a_fresh_machine_gets_its_database_from_a_backup(settings: Settings, database: Database, tmp_path: Path):
    make_conversation(database, turns=2)
    backup = back_up(settings.database, tmp_path / "b.sqlite3")
    url = f"sqlite:///{tmp_path}/new/debrief.sqlite3"

    done = restore(url, backup.file)

    assert done.aside is None
    assert check(tmp_path / "new" / "debrief.sqlite3") == backup.counts


def test_the_two_commands_tell_the_same_counts(settings: Settings, database: Database):
    make_conversation(database, turns=2)

    made = run_app(settings, "backup")
    [file] = (settings.data_dir / "backups").iterdir()
    database.close()
    done = run_app(settings, "restore", str(file))

    assert (made.returncode, done.returncode) == (0, 0), made.stderr + done.stderr
    [counted] = [line for line in made.stdout.splitlines() if line.startswith("Rows: ")]
    assert "conversations 1, messages 5" in counted
    assert counted in done.stdout.splitlines()
    assert "What was there before: " in done.stdout
    assert "secret with it" in made.stdout


def test_on_postgresql_the_commands_say_what_to_use(settings: Settings, tmp_path: Path):
    for action in (back_up, restore):
        with pytest.raises(ConfigError, match="use pg_dump and pg_restore"):
            action("postgresql+psycopg://olga@localhost/debrief", tmp_path / "x")


def test_old_copies_of_upgrades_are_forgotten_and_nothing_else(tmp_path: Path):
    now = datetime(2030, 1, 1, tzinfo=UTC)
    names = {"debrief-1-before-upgrade-from-0001.sqlite3": 40, "debrief-2-before-upgrade-from-0002.sqlite3": 31,
             "debrief-3-before-upgrade-from-0003.sqlite3": 29, backup_name(now): 400}  # fmt: skip
    for name, age in names.items():
        (tmp_path / name).touch()
        at = (now - timedelta(days=age)).timestamp()
        os.utime(tmp_path / name, (at, at))

    assert forget_old(tmp_path, days=0, now=now) == []
    gone = [file.name for file in forget_old(tmp_path, days=30, now=now)]

    assert gone == list(names)[:2]
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(list(names)[2:])
    assert forget_old(tmp_path / "nowhere", days=30) == []


def test_old_backups_are_forgotten_but_never_the_newest_nor_what_an_operator_named(tmp_path: Path):
    now = datetime(2030, 1, 1, tzinfo=UTC)
    ages = {name_of_days_ago(age): age for age in (400, 31, 29)} | {"before-the-move.sqlite3": 500}
    for name, age in ages.items():
        make_old(tmp_path / name, now - timedelta(days=age))

    assert forget_old_backups(tmp_path, days=0, now=now) == []
    gone = [file.name for file in forget_old_backups(tmp_path, days=30, now=now)]
    assert gone == [name_of_days_ago(400), name_of_days_ago(31)]
    assert forget_old_backups(tmp_path, days=1, now=now) == [], "the newest stays, however old"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["before-the-move.sqlite3", name_of_days_ago(29)]


def name_of_days_ago(days: float) -> str:
    return backup_name(datetime(2030, 1, 1, tzinfo=UTC) - timedelta(days=days))


def make_old(file: Path, at: datetime) -> None:
    file.touch()
    os.utime(file, (at.timestamp(), at.timestamp()))


def test_every_start_forgets_them_and_a_running_server_too(settings: Settings, database: Database):
    folder = settings.data_dir / "backups"
    folder.mkdir(parents=True)
    names = ["debrief-1-before-upgrade-from-0001.sqlite3", name_of_days_ago(10_000)]
    for kept in (name_of_days_ago(0), "mine.sqlite3"):
        (folder / kept).touch()

    def old_ones_gone() -> bool:
        return sorted(file.name for file in folder.iterdir()) == sorted([name_of_days_ago(0), "mine.sqlite3"])

    for name in names:
        make_old(folder / name, datetime(2000, 1, 1, tzinfo=UTC))
    assert run_app(settings, "migrate").returncode == 0
    assert old_ones_gone()
    for name in names:
        make_old(folder / name, datetime(2000, 1, 1, tzinfo=UTC))
    with Web(settings):
        until(old_ones_gone, what="the server to forget them")

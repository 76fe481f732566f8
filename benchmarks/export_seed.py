"""A database full of reviewed debriefs for `benchmarks/export_many.py`: `python -m benchmarks.export_seed FOLDER SIZE`.

Copies of two that the storage layer made, with their talks, under ids of their own: one approved as the model wrote
it, one edited by a person. Rows are written as SQL has them, and on SQLite the search is indexed once at the end: so a
hundred thousand take minutes. `DEBRIEF_DATABASE_URL` names another database than a SQLite file in the folder.
"""

import re
import sys
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Connection, Text, cast, column, insert, or_, select, table

from debrief.review import ReviewState
from debrief.settings import Settings
from debrief.transcript import transcript_hash
from storage import search_index, written_index
from storage.engine import Database, new_id, utc_now
from storage.messages import list_path
from storage.migrate import migrate
from storage.tables import ConversationRow, FeedbackJobRow, FeedbackRow, FeedbackVersionRow, MessageRow
from tests.export_scene import hotel_talk, make_reviewed, written_on

BATCH = 1000
TABLES: tuple[Any, ...] = (ConversationRow, MessageRow, FeedbackRow, FeedbackJobRow, FeedbackVersionRow)
Rows = dict[str, list[dict[str, Any]]]


def _is_json(column: Any) -> bool:
    return isinstance(column.type, JSON)


def _insert(of: Any) -> Any:
    """JSON is put in as the text that it is."""
    names: Any = (column(one.key) if _is_json(one) else column(one.key, one.type) for one in of.__table__.columns)
    return insert(table(of.__tablename__, *names))


INSERTS = {of.__tablename__: _insert(of) for of in TABLES}
SEARCHES = (
    ("messages", "message_id", "text", "search_index", "search_entries"),
    ("feedback_versions", "version_id", "words", "search_written", "search_written_entries"),
)
"""Of what, by which key, which words, into which index, numbered by which table."""


def main() -> None:
    folder, size = sys.argv[1:]
    settings = Settings(_env_file=None, data_dir=Path(folder))
    migrate(settings.database, backup_dir=None)
    db = Database(settings.database)
    seed(db, int(size))
    db.close()


def seed(db: Database, size: int) -> None:
    models = [Model(db, is_edited=is_edited) for is_edited in (False, True)]
    now = utc_now()
    with db.engine.connect() as connection, _indexed_once(connection):
        for first in range(len(models), size, BATCH):
            rows: Rows = {name: [] for name in INSERTS}
            for n in range(first, min(first + BATCH, size)):
                for name, copies in models[n % 2].copied(now - timedelta(seconds=n)).items():
                    rows[name] += copies
            with connection.begin():
                for name, values in rows.items():
                    connection.execute(INSERTS[name], values)


class Model:
    """A debrief that the storage layer made, with its talk, its values as SQL has them: JSON is text."""

    def __init__(self, db: Database, *, is_edited: bool) -> None:
        talk = hotel_talk(db)
        made = written_on(db, talk)
        better = {
            "summary": "You held the desk alone, and said how. Add one number the next time.",
            "next_step": "Count.",
        }
        edited = made.body.model_copy(update=better) if is_edited else None
        state = ReviewState.EDITED_APPROVED if is_edited else ReviewState.APPROVED
        feedback_id = make_reviewed(db, talk, state=state, made=made, edited=edited)
        rows = _rows_of(db, talk.id, feedback_id)
        self._ids = [row["id"] for of_table in rows.values() for row in of_table]
        self._path = list_path(db, talk.id)
        self._was = transcript_hash(self._path)
        self._names = re.compile("|".join(map(re.escape, [*self._ids, self._was])))
        self._rows = {name: [self._taken_apart(row) for row in of_table] for name, of_table in rows.items()}

    def copied(self, created_at: datetime) -> Rows:
        """With other ids everywhere, also inside the words, and with the hash of the talk that these make."""
        names = {one: new_id(one.partition("_")[0]) for one in self._ids}
        path = [
            replace(message, id=names[message.id], parent_id=names.get(message.parent_id or ""))
            for message in self._path
        ]
        names[self._was] = transcript_hash(path)
        copies = {
            name: [
                {**plain, **{key: "".join(names.get(part, part) for part in parts) for key, parts in named.items()}}
                for plain, named in of_table
            ]
            for name, of_table in self._rows.items()
        }
        for row in copies["feedback_jobs"]:
            row["dedupe_key"] = new_id("k")
        for of_table in copies.values():
            for row in of_table:
                row["created_at"] = created_at
        return copies

    def _taken_apart(self, row: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, list[str]]]:
        """The values without names that a copy changes, and the parts of those with them."""
        named = {
            key: re.split(f"({self._names.pattern})", value)
            for key, value in row.items()
            if isinstance(value, str) and self._names.search(value)
        }
        return {key: value for key, value in row.items() if key not in named}, named


def _rows_of(db: Database, talk_id: str, feedback_id: str) -> Rows:
    rows: Rows = {}
    with db.read() as session:
        for table in TABLES:
            columns = table.__table__.columns
            of_it = [columns[name] == talk_id for name in ("id", "conversation_id") if name in columns]
            of_it += [columns["feedback_id"] == feedback_id] if "feedback_id" in columns else []
            order = columns["seq"] if "seq" in columns else columns["id"]
            what = [cast(column, Text).label(column.key) if _is_json(column) else column for column in columns]
            found = session.execute(select(*what).where(or_(*of_it)).order_by(order)).mappings()
            rows[table.__tablename__] = [dict(row) for row in found]
    return rows


@contextmanager
def _indexed_once(connection: Connection) -> Generator[None]:
    """On SQLite: no durability, a cache for the whole file, and a search that learns everything at the end."""
    if connection.dialect.name != "sqlite":
        yield
        return
    with closing(connection.connection.cursor()) as raw:  # outside of any transaction
        for line in ("synchronous = OFF", "cache_size = -1000000", "secure_delete = OFF", "foreign_keys = OFF"):
            raw.execute(f"PRAGMA {line}")
    for trigger in (*search_index.TRIGGERS, *written_index.TRIGGERS):
        connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
    connection.commit()
    yield
    for of, key, text, index, entries in SEARCHES:
        connection.exec_driver_sql(
            f"INSERT INTO {entries} ({key}) SELECT id FROM {of} EXCEPT SELECT {key} FROM {entries}"
        )
        connection.exec_driver_sql(f"INSERT INTO {index} ({index}) VALUES ('delete-all')")
        connection.exec_driver_sql(
            f"INSERT INTO {index} (rowid, text)"
            f" SELECT {entries}.id, {of}.{text} || '  ' FROM {entries} JOIN {of} ON {of}.id = {entries}.{key}"
        )
    search_index.make_triggers(connection)
    written_index.make_triggers(connection)
    connection.commit()


if __name__ == "__main__":
    main()

"""SQLite's index of what was said: every three characters that follow each other, for `storage/search.py`.

Triggers keep it, so it changes with the words and in the same transaction. Making a table anew, as some steps of the
schema do, drops its triggers: `storage/migrate.py` makes them again after every upgrade. An answer is indexed when it
has ended, not while it grows. It is indexed with two spaces behind it, so that each of its characters begins a group of
three: it has a term of one or two characters where it has a group that begins with the term. What is deleted FTS5 only
marks, until its parts are merged, for which `Database.forget_deleted` asks. The tables are made by steps of the schema;
PostgreSQL has none of this.
"""

from __future__ import annotations

from sqlalchemy import Connection, Integer, String, column, table

PREFIX = "search_"
"""How the names of these tables begin, FTS5's own included; `storage/tables.py` does not know them."""

entries = table("search_entries", column("id"), column("message_id"))
index = table("search_index", column("rowid"), column("search_index"))
groups = table("search_terms", column("term", String()), column("doc", Integer()))
"""What the index holds: each group of three, in small letters, with the number of each entry that has it."""
BEYOND = "\U0010ffff" * 3
"""Behind a term it is behind all groups that begin with the term."""

_UNINDEX = (
    "INSERT INTO search_index (search_index, rowid, text) SELECT 'delete', id, old.text || '  '"
    " FROM search_entries WHERE message_id = old.id;"
)
_INDEX = (
    "INSERT INTO search_entries (message_id) VALUES (new.id);"
    "INSERT INTO search_index (rowid, text) SELECT id, new.text || '  ' FROM search_entries"
    " WHERE message_id = new.id;"
)
_FORGET = "DELETE FROM search_entries WHERE message_id = old.id;"
_ENDED, _HAD_ENDED = "new.state <> 'running'", "old.state <> 'running'"
TRIGGERS = {
    "search_said": f"AFTER INSERT ON messages WHEN {_ENDED} BEGIN {_INDEX} END",
    "search_ended": (f"AFTER UPDATE OF text, state ON messages WHEN {_ENDED} AND NOT {_HAD_ENDED} BEGIN {_INDEX} END"),
    "search_changed": (
        f"AFTER UPDATE OF text, state ON messages WHEN {_ENDED} AND {_HAD_ENDED} AND new.text IS NOT old.text"
        f" BEGIN {_UNINDEX} {_FORGET} {_INDEX} END"
    ),
    "search_reopened": (
        f"AFTER UPDATE OF state ON messages WHEN NOT {_ENDED} AND {_HAD_ENDED} BEGIN {_UNINDEX} {_FORGET} END"
    ),
    "search_deleted": f"AFTER DELETE ON messages WHEN {_HAD_ENDED} BEGIN {_UNINDEX} {_FORGET} END",
}


def make_triggers(connection: Connection) -> None:
    """Make those that are missing. Inside the upgrade's transaction; a schema from before the index has none."""
    if not connection.dialect.has_table(connection, entries.name):
        return
    for name, body in TRIGGERS.items():
        connection.exec_driver_sql(f"CREATE TRIGGER IF NOT EXISTS {name} {body}")


def is_of_search(name: str | None) -> bool:
    """Whether a table of the database is one of these."""
    return name is not None and name.startswith(PREFIX)

"""What the review queue searches with: on SQLite an index of what debriefs say, on PostgreSQL indexes of talks too.

On SQLite it is an index of every three characters that follow each other, as `storage/search_index.py` has one of what
was said, with two spaces behind each text so that a term of one or two characters is found as the beginning of a group.
Triggers keep it; a version is never changed, so they are two.

On PostgreSQL it is GIN over pairs of characters, made by a function of ours inside the database, which therefore keeps
it by itself. pg_trgm would need an extension, finds nothing of one or two characters and, where the database's locale
is "C", no Korean at all. The tables, the function and the indexes are made by a step of the schema.
"""

from __future__ import annotations

from sqlalchemy import Connection, Integer, String, column, table

entries = table("search_written_entries", column("id"), column("version_id"))
index = table("search_written", column("rowid"), column("search_written"))
groups = table("search_written_terms", column("term", String()), column("doc", Integer()))
"""What the index holds: each group of three, in small letters, with the number of each entry that has it."""

TRIGGERS = {
    "search_written_made": (
        "AFTER INSERT ON feedback_versions BEGIN"
        " INSERT INTO search_written_entries (version_id) VALUES (new.id);"
        " INSERT INTO search_written (rowid, text) SELECT id, new.words || '  ' FROM search_written_entries"
        " WHERE version_id = new.id; END"
    ),
    "search_written_deleted": (
        "AFTER DELETE ON feedback_versions BEGIN"
        " INSERT INTO search_written (search_written, rowid, text) SELECT 'delete', id, old.words || '  '"
        " FROM search_written_entries WHERE version_id = old.id;"
        " DELETE FROM search_written_entries WHERE version_id = old.id; END"
    ),
}


def make_triggers(connection: Connection) -> None:
    """Make those that are missing. Inside the upgrade's transaction; a schema from before the index has none."""
    if connection.dialect.name != "sqlite" or not connection.dialect.has_table(connection, entries.name):
        return
    for name, body in TRIGGERS.items():
        connection.exec_driver_sql(f"CREATE TRIGGER IF NOT EXISTS {name} {body}")


def pairs_query(variants: set[str]) -> str:
    """PostgreSQL's query for texts in which one of these stands: each pair of its characters, or one that begins so."""
    return " | ".join(f"({_pairs(variant)})" for variant in sorted(variants))


def _pairs(term: str) -> str:
    if len(term) == 1:
        return f"{_quoted(term)}:*"
    return " & ".join(dict.fromkeys(_quoted(term[at : at + 2]) for at in range(len(term) - 1)))


def _quoted(lexeme: str) -> str:
    escaped = lexeme.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"

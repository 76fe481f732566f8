"""A database full of reviewed debriefs for `benchmarks/export_many.py`: `python -m benchmarks.export_seed FOLDER SIZE`.

Copies of two that the storage layer made, with their talks, under ids of their own: one approved as the model wrote
it, one edited by a person.
"""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, or_, select

from debrief.conversation import Message, MessageState
from debrief.review import ReviewState
from debrief.settings import Settings
from debrief.transcript import transcript_hash
from storage.engine import Database, new_id, utc_now
from storage.migrate import migrate
from storage.tables import Base, ConversationRow, FeedbackJobRow, FeedbackRow, FeedbackVersionRow, MessageRow
from tests.export_scene import hotel_talk, make_reviewed, written_on

BATCH = 500
TABLES: tuple[Any, ...] = (ConversationRow, MessageRow, FeedbackRow, FeedbackJobRow, FeedbackVersionRow)
Rows = dict[type[Base], list[dict[str, Any]]]


def main() -> None:
    folder, size = sys.argv[1:]
    settings = Settings(_env_file=None, data_dir=Path(folder))
    migrate(settings.database, backup_dir=None)
    db = Database(settings.database)
    seed(db, int(size))
    db.close()


def seed(db: Database, size: int) -> None:
    models = [_model(db, is_edited=is_edited) for is_edited in (False, True)]
    now = utc_now()
    for first in range(len(models), size, BATCH):
        rows: Rows = {table: [] for table in TABLES}
        for n in range(first, min(first + BATCH, size)):
            for table, copies in _copied(models[n % 2]).items():
                rows[table] += [{**row, "created_at": now - timedelta(seconds=n)} for row in copies]
        with db.write() as session:
            for table, values in rows.items():
                session.execute(insert(table), values)


def _model(db: Database, *, is_edited: bool) -> Rows:
    talk = hotel_talk(db)
    made = written_on(db, talk)
    better = {"summary": "You held the desk alone, and said how. Add one number the next time.", "next_step": "Count."}
    edited = made.body.model_copy(update=better) if is_edited else None
    state = ReviewState.EDITED_APPROVED if is_edited else ReviewState.APPROVED
    feedback_id = make_reviewed(db, talk, state=state, made=made, edited=edited)
    rows: Rows = {}
    with db.read() as session:
        for table in TABLES:
            columns = table.__table__.columns
            of_it = [columns[name] == talk.id for name in ("id", "conversation_id") if name in columns]
            of_it += [columns["feedback_id"] == feedback_id] if "feedback_id" in columns else []
            order = columns["seq"] if "seq" in columns else columns["id"]
            found = session.scalars(select(table).where(or_(*of_it)).order_by(order))
            rows[table] = [{column.key: getattr(row, column.key) for column in columns} for row in found]
    return rows


def _copied(model: Rows) -> Rows:
    """With other ids everywhere, also inside the words, and with the hash of the talk that these make."""
    ids = {row["id"]: new_id(row["id"].partition("_")[0]) for rows in model.values() for row in rows}

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: renamed(part) for key, part in value.items()}
        if isinstance(value, list):
            return [renamed(part) for part in value]
        return ids.get(value, value) if isinstance(value, str) else value

    copies: Rows = {table: renamed(rows) for table, rows in model.items()}
    digest = transcript_hash([_message(row) for row in copies[MessageRow]])
    for row in copies[FeedbackVersionRow]:
        row["lineage"] = {**row["lineage"], "transcript_hash": digest} if row["lineage"] else {}
    for row in copies[FeedbackJobRow]:
        row["dedupe_key"] = new_id("k")
    return copies


def _message(row: dict[str, Any]) -> Message:
    names = ("id", "conversation_id", "seq", "parent_id", "role", "text", "created_at")
    return Message(**{name: row[name] for name in names}, state=MessageState(row["state"]))


if __name__ == "__main__":
    main()

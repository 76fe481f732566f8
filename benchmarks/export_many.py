"""How much memory and time an export takes as it grows: `python -m benchmarks.export_many 1000 100000`.

Each size is seeded into a database of its own, each kind exported by `app.py export` in a process of its own, whose
peak resident memory is read from the kernel when it has ended.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy import insert, select

from debrief.review import ReviewState
from debrief.settings import Settings
from storage.engine import Database, new_id, utc_now
from storage.migrate import migrate
from storage.tables import Base, ConversationRow, FeedbackJobRow, FeedbackRow, FeedbackVersionRow, MessageRow
from tests.review_scene import make_feedback, make_talk

ROOT = Path(__file__).parents[1]
BATCH = 1000
EXPORTS = (("conversations", "jsonl"), ("feedback", "csv"), ("feedback", "parquet"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", type=int, nargs="*", default=[1000, 100_000])
    for size in parser.parse_args().sizes:
        with tempfile.TemporaryDirectory() as folder:
            settings = Settings(_env_file=None, data_dir=Path(folder))
            migrate(settings.database, backup_dir=None)
            began = time.monotonic()
            seed(settings.database, size)
            print(f"{size} feedbacks seeded in {time.monotonic() - began:.0f} s", flush=True)
            for kind, form in EXPORTS:
                measure(Path(folder), kind, form)


def seed(url: str, size: int) -> None:
    """So many talks with a released debrief each: copies of one, made by the storage layer, under ids of their own."""
    db = Database(url)
    model = make_feedback(db, make_talk(db), state=ReviewState.APPROVED)
    now = utc_now()
    with db.read() as session:
        talk = _values(session.get_one(ConversationRow, model.conversation_id))
        said = [_values(row) for row in session.scalars(select(MessageRow).order_by(MessageRow.seq))]
        feedback = _values(session.get_one(FeedbackRow, model.id))
        version = _values(session.scalars(select(FeedbackVersionRow)).one())
        job = _values(session.scalars(select(FeedbackJobRow)).one())
    for first in range(1, size, BATCH):
        rows: dict[type[Base], list[dict]] = {
            table: [] for table in (ConversationRow, MessageRow, FeedbackRow, FeedbackJobRow, FeedbackVersionRow)
        }
        for n in range(first, min(first + BATCH, size)):
            ids = {row["id"]: new_id("m") for row in said}
            talk_id, feedback_id, version_id, job_id = new_id("c"), new_id("f"), new_id("fv"), new_id("j")
            leaf = ids[said[-1]["id"]]
            rows[ConversationRow].append({**talk, "id": talk_id, "active_leaf_id": leaf})
            rows[MessageRow] += [
                {**row, "id": ids[row["id"]], "parent_id": ids.get(row["parent_id"]), "conversation_id": talk_id}
                for row in said
            ]
            at = now - timedelta(seconds=n)
            made = {"id": feedback_id, "conversation_id": talk_id, "version_id": version_id, "created_at": at}
            rows[FeedbackRow].append({**feedback, **made})
            its = {"feedback_id": feedback_id, "conversation_id": talk_id, "leaf_id": leaf, "dedupe_key": new_id("k")}
            rows[FeedbackJobRow].append({**job, "id": job_id, **its})
            rows[FeedbackVersionRow].append({**version, "id": version_id, "feedback_id": feedback_id, "job_id": job_id})
        with db.write() as session:
            for table, values in rows.items():
                session.execute(insert(table), values)
    db.close()


def _values(row: Base) -> dict:
    return {column.key: getattr(row, column.key) for column in row.__table__.columns}


def measure(folder: Path, kind: str, form: str) -> None:
    to = folder / "out"
    line = [sys.executable, "app.py", "export", kind, "--format", form, "--to", str(to)]
    began = time.monotonic()
    process = subprocess.Popen(
        line, cwd=ROOT, env={**os.environ, "DEBRIEF_DATA_DIR": str(folder)}, stdout=subprocess.PIPE, text=True
    )
    said, _ = process.communicate()
    assert process.returncode == 0
    peak_mb = _peak_kb() / 1024
    seconds = time.monotonic() - began
    counts = said.splitlines()[0].partition(":")[0]
    print(
        f"  {kind} {form}: {counts}, {to.stat().st_size / 1e6:.1f} MB, {seconds:.1f} s, "
        f"largest process so far {peak_mb:.0f} MB",
        flush=True,
    )


def _peak_kb() -> int:
    """Of the largest child that has ended, in kilobytes."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


if __name__ == "__main__":
    main()

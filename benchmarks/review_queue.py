"""How the review queue answers with a thousand and with a hundred thousand feedbacks in the record.

    python -m benchmarks.review_queue [--sizes 1000,100000] [--keep FOLDER]

Fills a fresh SQLite file for each size with talks of seven messages in three scenarios, two languages and four models,
each with a debrief, as the storage layer's own rows and with the columns that it derives; then asks what the desk asks,
RUNS times each, and prints the median milliseconds and how they grow. `--keep` leaves the files, for other benchmarks.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import insert

from debrief.feedback import Coverage, CriterionResult, Evidence, FeedbackBody
from debrief.review import ReviewState
from storage import accounts, overdue, review_queue, reviews
from storage.accounts import Account
from storage.engine import Database, new_id, utc_now
from storage.migrate import migrate
from storage.queue_filter import QueueFilter
from storage.review_facts import facts_of
from storage.tables import (
    Base,
    ConversationRow,
    FeedbackJobRow,
    FeedbackRow,
    FeedbackVersionRow,
    MessageRow,
    ScenarioVersionRow,
    VisitorRow,
)

RUNS = 15
KINDS = (ConversationRow, MessageRow, FeedbackRow, FeedbackJobRow, FeedbackVersionRow)
"""In the order in which they are put in: what is referred to comes first."""
A_COMMIT = 1000
"""Feedbacks; each with a talk, seven messages, a job and a version."""
SCENARIOS = ("job_interview", "upset_customer", "language_practice")
MODELS = ("small-1", "small-2", "large-1", "large-2")
CHECKS = ("evidence_exact", "evidence_is_own", "levels_backed", "no_echo", "no_injection")
STATES = (
    *([ReviewState.PENDING] * 60),
    *([ReviewState.AUTO_RELEASED] * 25),
    *([ReviewState.APPROVED] * 12),
    *([ReviewState.REJECTED] * 3),
)
SAID = {
    "en": ("I led the move of four services.", "I measured it first.", "It was hard because jobs ran twice."),
    "ko": (
        "네 개의 서비스를 옮기는 일을 이끌었습니다.",
        "먼저 수치를 재었습니다.",
        "작업이 두 번 실행되어 어려웠습니다.",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1000,100000", help="numbers of feedbacks, by commas")
    parser.add_argument("--keep", type=Path, help="where the databases are left; else they are deleted")
    given = parser.parse_args()
    sizes = [int(size) for size in given.sizes.split(",")]
    with TemporaryDirectory() as folder:
        figures = [measure(given.keep or Path(folder), size) for size in sizes]
    print(f"\n{'ms, median of ' + str(RUNS):44}" + "".join(f"{size:>12,}" for size in sizes) + "       ratio")
    for what in figures[0]:
        row = [found[what] for found in figures]
        print(f"{what:44}" + "".join(f"{ms:12.2f}" for ms in row) + f"{row[-1] / row[0]:12.1f}")


def measure(folder: Path, size: int) -> dict[str, float]:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"queue-{size}.sqlite3"
    migrate(f"sqlite:///{file}", backup_dir=None)
    db = Database(f"sqlite:///{file}")
    began = time.monotonic()
    seed(db, size)
    print(f"{size:,} feedbacks in {time.monotonic() - began:.0f} s, {file.stat().st_size / 1e6:.0f} MB", flush=True)
    rita = accounts.create_account(db, f"rita{new_id('x')}", "correct horse battery", "reviewer")
    found = {what: _median(run) for what, run in _questions(db, rita).items()}
    db.close()
    return found


def _questions(db: Database, rita: Account) -> dict[str, Callable[[], object]]:
    """What the desk asks, by what a reader calls it."""

    def page(wanted: QueueFilter | None = None, **how: Any) -> Callable[[], object]:
        return lambda: review_queue.list_reviews(db, wanted, limit=30, **how)

    def take_next() -> None:
        found = review_queue.claim_next(db, rita)
        if found:
            reviews.release(db, rita, found, reviews.get_review(db, found).row_version)

    deep = _cursor_at(db, 300)
    late = QueueFilter(waiting_since_before=overdue.overdue_before(48))
    week_ago = utc_now() - timedelta(days=7)
    return {
        "first page, waiting longest": page(),
        "first page, lowest level first": page(sort="worst"),
        "first page, most failed checks first": page(sort="failed"),
        "first page, all states, newest first": page(QueueFilter(tuple(ReviewState)[1:]), sort="newest"),
        "a page far down": page(cursor=deep),
        "filter: scenario and language": page(QueueFilter(scenario="upset_customer", language="ko")),
        "filter: one failed check": page(QueueFilter(check="no_injection")),
        "filter: model and level": page(QueueFilter(model="large-2", level=1)),
        "filter: the last week": page(QueueFilter(since=week_ago)),
        "filter: overdue": page(late),
        "filter that fits nothing": page(QueueFilter(model="none such")),
        "numbers of all states": lambda: review_queue.count_reviews(db),
        "number of a filter": lambda: review_queue.count_matching(db, QueueFilter(language="ko", level=2)),
        "menus of the filters": lambda: review_queue.list_kinds(db),
        "next: find, claim, read, give back": take_next,
    }


def _cursor_at(db: Database, pages: int) -> str | None:
    """A place as far down as there are pages, at most so many."""
    cursor = None
    for _ in range(pages):
        following = review_queue.list_review_ids(db, QueueFilter(), limit=30, cursor=cursor).next
        if following is None:
            break
        cursor = following
    return cursor


def _median(run: Callable[[], object]) -> float:
    times: list[float] = []
    run()
    for _ in range(RUNS):
        began = time.perf_counter()
        run()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


# ---- the record


def seed(db: Database, size: int, *, seed_of_chance: int = 7) -> None:
    """Put so many feedbacks into an empty record; the same ones every time, but for their ids."""
    chance = random.Random(seed_of_chance)
    now = utc_now()
    with db.write() as session:
        session.add_all(
            ScenarioVersionRow(
                hash=name.ljust(64, "0"), scenario_id=name, body={"id": name, "title": {"en": name}}, created_at=now
            )
            for name in SCENARIOS
        )
        session.add_all(VisitorRow(id=f"v_{n}", created_at=now) for n in range(100))
    for start in range(0, size, A_COMMIT):
        rows: dict[type[Base], list[dict[str, Any]]] = {kind: [] for kind in KINDS}
        for n in range(start, min(start + A_COMMIT, size)):
            for row in _one(chance, n, now - timedelta(minutes=(size - n) * 60 * 24 * 90 / size)):
                rows[type(row)].append({name: value for name, value in vars(row).items() if name[0] != "_"})
        with db.write() as session:
            for kind, values in rows.items():
                session.execute(insert(kind), values)


def _one(chance: random.Random, n: int, at: datetime) -> list[Base]:
    scenario, language, model = chance.choice(SCENARIOS), chance.choice(("en", "en", "ko")), chance.choice(MODELS)
    talk_id, feedback_id, version_id, job_id = new_id("c"), new_id("f"), new_id("fv"), new_id("j")
    messages = _messages(chance, talk_id, language, at)
    talk = ConversationRow(
        id=talk_id, visitor_id=f"v_{n % 100}", scenario_hash=scenario.ljust(64, "0"), scenario_id=scenario,
        language=language, title=scenario, answers={}, active_leaf_id=messages[-1].id, message_count=len(messages),
        created_at=at, updated_at=at,
    )  # fmt: skip
    job = FeedbackJobRow(
        id=job_id, feedback_id=feedback_id, conversation_id=talk_id, leaf_id=messages[-1].id, dedupe_key=new_id("k"),
        state="succeeded", run_after=at, progress={}, created_at=at, updated_at=at, finished_at=at,
    )  # fmt: skip
    version = FeedbackVersionRow(
        id=version_id, feedback_id=feedback_id, n=1, job_id=job_id, origin="model", partial=chance.random() < 0.05,
        body=_body(chance, messages, language).model_dump(mode="json"),
        checks=[{"name": name, "passed": chance.random() > 0.06} for name in CHECKS],
        lineage={"model": model, "rubric_hash": scenario.ljust(64, str(n % 3))}, created_at=at,
    )  # fmt: skip
    feedback = FeedbackRow(
        id=feedback_id, conversation_id=talk_id, scenario_id=scenario, language=language,
        review_state=chance.choice(STATES).value, version_id=version_id, row_version=1,
        asked_by=chance.choice(("visitor", "visitor", "end", "idle")), waiting_since=at, created_at=at, updated_at=at,
        **facts_of(version),
    )  # fmt: skip
    return [talk, *messages, feedback, job, version]


def _messages(chance: random.Random, talk_id: str, language: str, at: datetime) -> list[MessageRow]:
    rows: list[MessageRow] = []
    for seq in range(7):
        said = " ".join(chance.choices(SAID[language], k=3))
        rows.append(
            MessageRow(
                id=new_id("m"), conversation_id=talk_id, seq=seq, parent_id=rows[-1].id if rows else None,
                role="user" if seq % 2 else "assistant", text=said, state="complete", created_at=at, finished_at=at,
            )
        )  # fmt: skip
    return rows


def _body(chance: random.Random, messages: list[MessageRow], language: str) -> FeedbackBody:
    quoted = messages[1]
    proof = Evidence(message_id=quoted.id, start=0, end=12, quote=quoted.text[:12])
    return FeedbackBody(
        language=language,
        way="rubric",
        criteria=[
            CriterionResult(
                key=key, name=key, status="scored", level=chance.choices((1, 2, 3, 4, 5), (1, 4, 8, 6, 2))[0],
                level_name="Clear", reason=" ".join(chance.choices(SAID[language], k=2)), evidence=[proof],
            )
            for key in ("structure", "results", "own_part", "questions")
        ],
        next_step="Begin with the result.",
        covered=Coverage(messages=7, of=7),
    )  # fmt: skip


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()

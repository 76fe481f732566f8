"""How the review queue answers with a thousand and with a hundred thousand feedbacks in the record.

    python -m benchmarks.review_queue [--sizes 1000,100000] [--engine postgresql] [--keep FOLDER]

Fills a fresh database for each size, a SQLite file or one of a PostgreSQL that it starts on loopback, with talks of
seven messages in three scenarios, two languages and four models, each with a debrief, as the storage layer's own rows
and with the columns that it derives, then with decisions, edits and second opinions; a few words are said only once.
Then it asks what the desk asks, RUNS times each, and prints the median milliseconds, the fastest, and how the fastest
grow: on a machine that does other work the fastest says most. `--keep` leaves SQLite's files, and finds them again.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import delete, func, insert, select

from debrief.feedback import Coverage, CriterionResult, Evidence, FeedbackBody
from debrief.review import ReviewState
from debrief.scenario import load_scenarios
from storage import accounts, bulk_preview, overdue, review_queue, reviews
from storage.accounts import Account
from storage.agreements import read_agreements
from storage.engine import Database, new_id, utc_now
from storage.figures import read_figures
from storage.level_figures import read_levels
from storage.migrate import migrate
from storage.opinions import open_next
from storage.queue_filter import QueueFilter
from storage.review_facts import facts_of, note_version
from storage.tables import (
    Base,
    ConversationRow,
    FeedbackJobRow,
    FeedbackRow,
    FeedbackVersionRow,
    MessageRow,
    ReviewRow,
    ScenarioVersionRow,
    VisitorRow,
)
from tests.postgres_server import PostgresServer

RUNS = 15
KINDS = (ConversationRow, MessageRow, FeedbackRow, FeedbackJobRow, FeedbackVersionRow)
"""In the order in which they are put in: what is referred to comes first."""
A_COMMIT = 1000
"""Feedbacks; each with a talk, seven messages, a job and a version."""
SCENARIOS = ("job_interview", "upset_customer", "language_practice")
SECOND_PERCENT = 5
MODELS = ("small-1", "small-2", "large-1", "large-2")
KEYS = ("structure", "results", "own_part", "questions")
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


SAID_ONCE = "A zeppelin, 비행선과 썰매와 켤레."
WRITTEN_ONCE = "Compare it with a xenolith."
SEARCHES = {
    "a rare word of the talk": "zeppelin",
    "a rare word of the debrief": "xenolith",
    "three rare syllables": "비행선",
    "two rare syllables": "썰매",
    "one rare syllable": "켤",
    "a frequent word": "measured",
    "two frequent syllables": "작업",
    "one frequent syllable": "일",
    "a frequent and a rare word": "measured zeppelin",
    "two frequent words that never meet": "measured 작업",
    "a word that is nowhere": "xylophone",
    "two syllables that are nowhere": "뙤약",
    "one syllable that is nowhere": "뷁",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1000,100000", help="numbers of feedbacks, by commas")
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--keep", type=Path, help="where SQLite's files are left; else they are deleted")
    given = parser.parse_args()
    sizes = [int(size) for size in given.sizes.split(",")]
    with TemporaryDirectory() as folder, _databases(given.engine, given.keep or Path(folder)) as url_of:
        figures = [measure(url_of(size), size) for size in sizes]
    print(
        f"\n{'ms: median of ' + str(RUNS) + ', fastest':46}" + "".join(f"{size:>18,}" for size in sizes) + "     ratio"
    )
    for what in figures[0]:
        row = [found[what] for found in figures]
        print(
            f"{what:46}" + "".join(f"{each[0]:9.1f}{each[1]:9.1f}" for each in row) + f"{row[-1][1] / row[0][1]:10.1f}"
        )


@contextmanager
def _databases(engine: str, folder: Path) -> Generator[Callable[[int], str]]:
    """Gives the URL of a database for each size."""
    if engine == "sqlite":
        folder.mkdir(parents=True, exist_ok=True)
        yield lambda size: f"sqlite:///{folder / f'queue-{size}.sqlite3'}"
        return
    with PostgresServer() as server:
        plain = server.url.replace("+psycopg", "")

        def make(size: int) -> str:
            with psycopg.connect(plain, autocommit=True) as connection:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(f"queue_{size}")))
            return server.url.removesuffix("postgres") + f"queue_{size}"

        yield make


def measure(url: str, size: int) -> dict[str, tuple[float, float]]:
    migrate(url, backup_dir=None)
    db = Database(url)
    began = time.monotonic()
    with db.read() as session:
        there = session.scalar(select(func.count()).select_from(FeedbackRow))
    if there != size:
        seed(db, size)
    rita, rosa, rami = (_reviewer(db, name) for name in ("rita", "rosa", "rami"))
    with db.read() as session:
        has_reviews = session.scalar(select(ReviewRow.id).limit(1)) is not None
    if not has_reviews:
        seed_reviews(db, rita, rosa)
        plant(db)
    if not db.is_sqlite:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
    print(f"{size:,} feedbacks in {time.monotonic() - began:.0f} s", flush=True)
    found = {what: _times(run) for what, run in _questions(db, rita, rami).items()}
    db.close()
    return found


def _reviewer(db: Database, name: str) -> Account:
    """The same one in a file that was kept."""
    found = accounts.find_account(db, name)
    return found or accounts.create_account(db, name, "correct horse battery", "reviewer")


def _questions(db: Database, rita: Account, rami: Account) -> dict[str, Callable[[], object]]:
    """What the desk asks, by what a reader calls it."""

    def page(wanted: QueueFilter | None = None, **how: Any) -> Callable[[], object]:
        return lambda: review_queue.list_reviews(db, wanted, limit=30, **how)

    def take_next() -> None:
        found = review_queue.claim_next(db, rita)
        if found:
            reviews.release(db, rita, found, reviews.get_review(db, found).row_version)

    def take_second() -> None:
        found = open_next(db, rami, SECOND_PERCENT)
        with db.write() as session:
            session.execute(delete(ReviewRow).where(ReviewRow.reviewer_id == rami.id))
        assert found

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
        "what approving all that waits would come to": lambda: bulk_preview.preview_filter(
            db, rita, "approve", QueueFilter(), until=utc_now()
        ),
        "menus of the filters": lambda: review_queue.list_kinds(db),
        "next: find, claim, read, give back": take_next,
        "next of a filter that fits nothing": lambda: review_queue.claim_next(db, rita, QueueFilter(model="none such")),
        "next second opinion: find, open, give back": take_second,
        "next second opinion when all were given": lambda: open_next(db, rita, SECOND_PERCENT),
        **{f"search: {what}": page(QueueFilter(words=words)) for what, words in SEARCHES.items()},
        "number of a search for a rare word": lambda: review_queue.count_matching(db, QueueFilter(words="zeppelin")),
        "figures of a year": lambda: read_figures(db, days=365),
        "levels by rubric version, of a year": lambda: read_levels(db, days=365),
        "agreement of reviewers": lambda: read_agreements(db, "people"),
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


def _times(run: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds: the median and the fastest."""
    times: list[float] = []
    run()
    for _ in range(RUNS):
        began = time.perf_counter()
        run()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times), min(times)


# ---- the record


def seed(db: Database, size: int, *, seed_of_chance: int = 7) -> None:
    """Put so many feedbacks into an empty record; the same ones every time, but for their ids."""
    chance = random.Random(seed_of_chance)
    now = utc_now()
    with db.write() as session:
        scenarios = load_scenarios(Path("scenarios"))
        session.add_all(
            ScenarioVersionRow(hash=name.ljust(64, "0"), scenario_id=name, body=scenarios[name].body(), created_at=now)
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
            for key in KEYS
        ],
        next_step="Begin with the result.",
        covered=Coverage(messages=7, of=7),
    )  # fmt: skip


def seed_reviews(db: Database, rita: Account, rosa: Account) -> None:
    """What was decided by Rita: a third of what was approved with an edit, a twentieth judged again by Rosa."""
    chance = random.Random(11)
    decisions = {ReviewState.APPROVED.value: "approve", ReviewState.REJECTED.value: "reject"}
    decided = select(FeedbackRow.id, FeedbackRow.version_id, FeedbackRow.review_state, FeedbackRow.created_at).where(
        FeedbackRow.review_state.in_(decisions)
    )
    with db.read() as session:
        rows = [(one, version or "", state, at) for one, version, state, at in session.execute(decided)]
    for start in range(0, len(rows), A_COMMIT):
        with db.write() as session:
            for feedback_id, version_id, state, at in rows[start : start + A_COMMIT]:
                is_edit = state == ReviewState.APPROVED.value and chance.random() < 0.33
                decision = "edit" if is_edit else decisions[state]
                session.add(_review(chance, feedback_id, version_id, rita, decision, at, blind=False))
                if chance.random() < 0.05:
                    session.add(_review(chance, feedback_id, version_id, rosa, "approve", at, blind=True))
                if is_edit and chance.random() < 0.1:
                    _edit(session.get_one(FeedbackVersionRow, version_id), at, session.add)


def _review(
    chance: random.Random, feedback_id: str, version_id: str, who: Account, decision: str, at: datetime, *, blind: bool
) -> ReviewRow:
    return ReviewRow(
        id=new_id("rv"), feedback_id=feedback_id, version_id=version_id, reviewer_id=who.id, round=1, blind=blind,
        decision=decision, levels={key: chance.randint(1, 5) for key in KEYS}, opened_at=at, created_at=at,
        seconds_spent=chance.randint(20, 900),
    )  # fmt: skip


def _edit(before: FeedbackVersionRow, at: datetime, add: Callable[[object], None]) -> None:
    body = {**before.body, "next_step": "Begin with the number and end with what it meant."}
    add(
        FeedbackVersionRow(
            id=new_id("fv"), feedback_id=before.feedback_id, n=2, origin="human_edit", parent_id=before.id,
            partial=False, body=body, checks=before.checks, lineage=before.lineage, created_at=at,
        )
    )  # fmt: skip


def plant(db: Database) -> None:
    """Words that are said, or written, once: in the middle of what waits."""
    with db.write() as session:
        waiting = select(FeedbackRow).where(FeedbackRow.review_state == ReviewState.PENDING.value)
        n = session.scalar(select(func.count()).select_from(waiting.subquery())) or 0
        row = session.scalars(waiting.order_by(FeedbackRow.waiting_since).offset(n // 2).limit(1)).one()
        last = session.get_one(ConversationRow, row.conversation_id).active_leaf_id
        session.add(
            MessageRow(
                id=new_id("m"), conversation_id=row.conversation_id, seq=7, parent_id=last, role="user", text=SAID_ONCE,
                state="complete", created_at=row.created_at, finished_at=row.created_at,
            )
        )  # fmt: skip
        before = session.get_one(FeedbackVersionRow, row.version_id)
        version = FeedbackVersionRow(
            id=new_id("fv"), feedback_id=row.id, n=2, origin="human_edit", parent_id=before.id, partial=False,
            body={**before.body, "next_step": WRITTEN_ONCE}, checks=before.checks, lineage=before.lineage,
            created_at=before.created_at,
        )  # fmt: skip
        session.add(version)
        row.version_id = version.id
        note_version(session, row, version)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()

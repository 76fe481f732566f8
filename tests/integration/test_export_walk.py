"""Which feedback an export meets: what the queue's filter admitted when it began, each once, and in few questions."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, event, select

from debrief.export_rows import KINDS, Reviewed, Row
from debrief.review import ReviewState as S
from storage import export_walk, review_queue, undo
from storage.engine import Database
from storage.export_walk import SLICE, iterate_reviewed
from storage.exports import Tally, count_matching, iterate_rows
from storage.queue_filter import EVERY_STATE, EVERYTHING, NOBODY, QueueFilter
from storage.tables import (
    NO_LEVEL,
    DisputeRow,
    FeedbackJobRow,
    FeedbackRow,
    FeedbackVersionRow,
    ReactionRow,
    ReviewRow,
)
from tests.export_scene import hotel_talk, make_reviewed, written_on
from tests.factories import OLGA
from tests.review_scene import make_account

FIRST = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def three_at_once(monkeypatch: pytest.MonkeyPatch) -> int:
    """Slices of three, so that few feedbacks make many of them."""
    assert SLICE > 3
    monkeypatch.setattr(export_walk, "SLICE", 3)
    return 3


def make_many(db: Database, count: int, *, state: S = S.APPROVED) -> list[str]:
    """So many debriefs of one talk, the oldest first, some of them made at the very same time."""
    talk = hotel_talk(db)
    made = written_on(db, talk)
    return [
        make_reviewed(db, talk, state=state, made=made, created_at=FIRST + timedelta(hours=n // 2))
        for n in range(count)
    ]


def change(db: Database, feedback_id: str, **values: object) -> None:
    with db.write() as session:
        row = session.get_one(FeedbackRow, feedback_id)
        for name, value in values.items():
            setattr(row, name, value)


def begin(db: Database, wanted: QueueFilter = EVERYTHING, kind: str = "feedback") -> tuple[Iterator[Row], Tally]:
    """An export that has given its first row already."""
    tally = Tally()
    rows = iterate_rows(db, kind, wanted, tally, redacted=False)  # type: ignore[arg-type]
    return rows, tally


def test_every_feedback_is_met_once_over_many_slices_also_where_times_are_the_same(
    any_database: Database, three_at_once: int
):
    ids = make_many(any_database, 10)
    rows, tally = begin(any_database)

    assert sorted(row["id"] for row in rows) == sorted(ids)
    assert (tally.considered, tally.rows) == (10, 10)


def test_what_changes_its_state_meanwhile_is_neither_missed_nor_met_twice(any_database: Database, three_at_once: int):
    ids = make_many(any_database, 9)
    for one in ids[3:]:
        change(any_database, one, review_state=S.PENDING.value)
    rows, tally = begin(any_database, QueueFilter((S.APPROVED,)))
    met = [next(rows)["id"]]
    change(any_database, ids[0], review_state=S.PENDING.value)  # has been met
    change(any_database, ids[1], updated_at=datetime.now(UTC), waiting_since=datetime.now(UTC))
    for one in ids[3:]:  # were none of the set when it began
        change(any_database, one, review_state=S.APPROVED.value)
    met += [row["id"] for row in rows]

    assert sorted(met) == sorted(ids[:3])
    assert tally.considered == 3


def test_a_decision_that_is_taken_back_meanwhile_is_left_out_and_counted(any_database: Database, three_at_once: int):
    ids = make_many(any_database, 8)
    rows, tally = begin(any_database)
    met = [next(rows)["id"]]
    change(any_database, ids[6], review_state=S.REJECTED.value)
    change(any_database, ids[7], review_state=S.PENDING.value)
    met += [row["id"] for row in rows]

    assert sorted(met) == sorted(ids[:6])
    assert tally.left_out == {"rejected": 1, "not_released": 1}
    assert tally.considered == 8


def test_what_is_made_meanwhile_is_left_for_the_next_export(any_database: Database, three_at_once: int):
    ids = make_many(any_database, 4)
    rows, tally = begin(any_database)
    met = [next(rows)["id"]]
    make_reviewed(any_database)
    met += [row["id"] for row in rows]

    assert sorted(met) == sorted(ids)
    assert tally.considered == 4


def test_what_is_deleted_meanwhile_is_in_no_later_row_and_counted(any_database: Database, three_at_once: int):
    kept = make_many(any_database, 4)
    talk = hotel_talk(any_database)
    gone = make_reviewed(any_database, talk)
    rows, tally = begin(any_database)
    met = [next(rows)["id"]]
    undo.delete_with_grace(any_database, OLGA, talk.id)
    met += [row["id"] for row in rows]

    assert gone not in met
    assert sorted(met) == sorted(kept)
    assert (tally.considered, tally.left_out) == (5, {"deleted": 1})


@pytest.mark.parametrize("kind", KINDS)
def test_a_slice_takes_as_many_questions_as_one_feedback(any_database: Database, kind: str):
    asked: list[str] = []
    make_reviewed(any_database)

    def count() -> int:
        asked.clear()
        rows, _ = begin(any_database, kind=kind)
        for _ in rows:
            pass
        return sum(not text.startswith(("BEGIN", "COMMIT", "ROLLBACK", "SET")) for text in asked)

    with any_database.read() as session:
        engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", lambda *seen: asked.append(seen[2]))
    of_one = count()
    for _ in range(6):
        make_reviewed(any_database)

    assert count() == of_one > 1


def test_the_longest_walk_keeps_only_ids(database: Database, monkeypatch: pytest.MonkeyPatch):
    """More of them than may lie in memory go into a file, and come back from it."""
    monkeypatch.setattr(export_walk, "IDS_IN_MEMORY_BYTES", 40)
    ids = make_many(database, 6)

    assert sorted(row["id"] for row in begin(database)[0]) == sorted(ids)


def test_what_has_no_words_or_was_made_later_is_no_part_of_an_export(any_database: Database):
    """A clock that was put back leaves debriefs in the time to come; one without words is not finished."""
    ids = make_many(any_database, 3)
    change(any_database, ids[1], version_id=None)
    change(any_database, ids[2], created_at=datetime.now(UTC) + timedelta(days=1))
    rows, tally = begin(any_database)

    assert [row["id"] for row in rows] == ids[:1]
    assert tally.considered == count_matching(any_database, EVERYTHING, "feedback").looked_at == 1


def test_rows_come_in_the_order_in_which_they_were_made(any_database: Database, three_at_once: int):
    ids = make_many(any_database, 4)
    for n, one in enumerate(ids):
        change(any_database, one, created_at=FIRST - timedelta(hours=n))

    assert [row["id"] for row in begin(any_database)[0]] == ids[::-1]


def test_only_what_the_visitor_says_now_and_of_the_version_that_counts_is_exported_with_it(any_database: Database):
    """An objection that was decided about, or to words that were written over, keeps nothing back; nor do they help."""
    talk = hotel_talk(any_database)
    made = written_on(any_database, talk)
    closed = make_reviewed(any_database, talk, made=made, disputed=True, created_at=FIRST)
    edited = make_reviewed(
        any_database, talk, made=made, edited=made.body, state=S.EDITED_APPROVED, created_at=FIRST + timedelta(hours=1)
    )
    silent = make_reviewed(any_database, talk, made=made, created_at=FIRST + timedelta(hours=2))
    now = datetime.now(UTC)
    with any_database.write() as session:
        session.scalars(select(DisputeRow)).one().closed_at = now
        first, second = session.scalars(
            select(FeedbackVersionRow.id).where(FeedbackVersionRow.feedback_id == edited).order_by(FeedbackVersionRow.n)
        )
        session.add_all(
            [
                DisputeRow(
                    id="d_first", feedback_id=edited, version_id=first, path="summary", comment="No.", created_at=now
                ),
                ReactionRow(version_id=first, helpful=True, at=now),
                ReactionRow(version_id=second, helpful=False, at=now),
                ReactionRow(version_id=session.get_one(FeedbackRow, closed).version_id, helpful=True, at=now),
            ]
        )
    rows, tally = begin(any_database)

    assert [(row["id"], row["helpful"]) for row in rows] == [(closed, True), (edited, False), (silent, None)]
    assert tally.left_out == {}


def read_one(db: Database) -> Reviewed:
    [item] = iterate_reviewed(db, "preferences", EVERYTHING, with_talk=True)
    assert item is not None
    return item


def test_only_the_models_words_that_a_person_rejected_openly_before_are_turned_down(any_database: Database):
    rita, rosa = make_account(any_database), make_account(any_database, "rosa")
    feedback_id = make_reviewed(any_database)
    now = datetime.now(UTC)
    with any_database.write() as session:
        first = session.scalars(select(FeedbackVersionRow)).one()
        for n, origin in enumerate(("human_edit", "model", "model", "model", "human_edit", "model"), start=2):
            values = {"body": first.body, "checks": [], "lineage": first.lineage, "partial": False, "created_at": now}
            session.add(FeedbackVersionRow(id=f"fv_{n}", feedback_id=feedback_id, n=n, origin=origin, **values))
        session.flush()
        for n, (version, who, decision, blind) in enumerate(
            [
                (first.id, rita, "reject", False), ("fv_2", rita, "reject", False), ("fv_3", rita, "approve", False),
                ("fv_3", rosa, "reject", True), ("fv_4", rita, "reject", False), ("fv_5", rita, "reject", False),
            ]
        ):  # fmt: skip
            session.add(
                ReviewRow(
                    id=f"r_{n}", feedback_id=feedback_id, version_id=version, reviewer_id=who.id, round=n, levels={},
                    decision=decision, blind=blind, opened_at=now, created_at=now,
                )
            )  # fmt: skip
    change(any_database, feedback_id, version_id="fv_4")
    for origin in ("model", "repeat"):  # which is the model's as well
        with any_database.write() as session:
            session.get_one(FeedbackVersionRow, "fv_4").origin = origin
        item = read_one(any_database)
        assert (item.before, item.turned_down and item.turned_down.n) == (None, 1)

    change(any_database, feedback_id, version_id="fv_6")
    item = read_one(any_database)
    assert (item.before and item.before.n, item.turned_down) == (5, None)


def test_the_talk_ends_where_the_words_that_count_were_asked_for(any_database: Database):
    """At the leaf of the job that made them; of what a person wrote, of the newest that repeats nothing; else as is."""
    talk = hotel_talk(any_database)
    feedback_id = make_reviewed(any_database, talk)
    said = read_one(any_database).path
    later = datetime.now(UTC)
    with any_database.write() as session:
        for n, (leaf, repeats) in enumerate([(said[2], None), (said[1], "fv_other")], start=1):
            at = later + timedelta(minutes=n)
            session.add(
                FeedbackJobRow(
                    id=f"j_{n}", feedback_id=feedback_id, conversation_id=talk.id, leaf_id=leaf.id, dedupe_key=f"k_{n}",
                    state="succeeded", run_after=at, progress={}, created_at=at, updated_at=at, finished_at=at,
                    repeats=repeats,
                )
            )  # fmt: skip
    assert read_one(any_database).path[-1] == said[-1]
    with any_database.write() as session:
        session.scalars(select(FeedbackVersionRow)).one().job_id = None
    assert read_one(any_database).path[-1] == said[2]
    with any_database.write() as session:
        session.execute(delete(FeedbackJobRow))
    assert read_one(any_database).path[-1] == said[-1]


# -------------------------------------------------------------------------------------------------------- filters


def test_an_export_goes_by_the_very_filter_of_the_queue(any_database: Database):
    rita, rosa = make_account(any_database), make_account(any_database, "rosa")
    plain = make_reviewed(any_database, created_at=FIRST)
    other = make_reviewed(
        any_database, hotel_talk(any_database, language="ko", said=("I sold bread for ten years.", "And cakes.")),
        made=written_on(any_database, hotel_talk(any_database)), created_at=FIRST + timedelta(days=3),
    )  # fmt: skip
    change(any_database, plain, model="small", rubric_hash="1" * 64)
    change(
        any_database, other, model="large", rubric_hash="2" * 64, scenario_id="upset_customer", partial=True,
        asked_by="idle", worst_level=NO_LEVEL, assigned_to=rosa.id, reviewed_by=rita.id, checks_failed=2,
        failed_checks=" no_injection no_echo ",
    )  # fmt: skip
    for name, of_plain, of_other in (
        ("scenario", "job_interview", "upset_customer"), ("rubric", "1" * 64, "2" * 64), ("model", "small", "large"),
        ("language", "en", "ko"), ("level", 2, 0), ("check", "passed", "no_echo"), ("flagged", False, True),
        ("partial", False, True), ("asked_by", "visitor", "idle"), ("assignee", NOBODY, "rosa"),
        ("words", "hotel NOON", "bread"), ("reviewer", "nobody", "rita"),
    ):  # fmt: skip
        assert exported(any_database, **{name: of_other}) == [other], name
        assert exported(any_database, **{name: of_plain}) == ([] if name == "reviewer" else [plain]), name
    day = FIRST + timedelta(days=1)
    assert exported(any_database, since=day) == [other]
    assert exported(any_database, until=day) == [plain]
    change(any_database, other, open_disputes=1)
    assert exported(any_database, disputed=False) == [plain]


def exported(db: Database, **narrowed: object) -> list[str]:
    """What an export looks at, after seeing that the queue lists and counts the same."""
    wanted = QueueFilter(EVERY_STATE, **narrowed)  # type: ignore[arg-type]
    listed = [item.id for item in review_queue.list_reviews(db, wanted, sort="newest").items]
    rows, tally = begin(db, wanted)
    found = [row["id"] for row in rows]
    assert sorted(found) == sorted(listed)
    assert (
        tally.considered == review_queue.count_matching(db, wanted) == count_matching(db, wanted, "feedback").looked_at
    )
    return found


def test_a_claim_that_ran_out_is_exported_as_pending_where_the_queue_shows_it_so(any_database: Database):
    rita = make_account(any_database)
    lapsed = make_reviewed(any_database, state=S.CLAIMED)
    change(any_database, lapsed, claimed_by=rita.id, claimed_until=FIRST)

    assert exported(any_database) == [lapsed]
    [row] = begin(any_database, QueueFilter((S.PENDING,)))[0]
    assert row["state"] == "pending"
    assert list(begin(any_database, QueueFilter((S.CLAIMED,)))[0]) == []


def test_what_no_person_approved_is_no_training_data_whatever_states_are_named(any_database: Database):
    for state in (S.REJECTED, S.PENDING, S.AUTO_RELEASED, S.APPROVED):
        make_reviewed(any_database, state=state)
    everything = QueueFilter(EVERY_STATE)

    assert [row["state"] for row in begin(any_database, everything, "sft")[0]] == ["approved"]
    assert list(begin(any_database, everything, "preferences")[0]) == []
    assert len(list(begin(any_database, everything, "feedback")[0])) == 4


def test_the_preview_says_how_much_is_looked_at_and_how_much_can_become_rows(any_database: Database):
    for state in (S.REJECTED, S.PENDING, S.AUTO_RELEASED, S.APPROVED):
        make_reviewed(any_database, state=state)
    make_reviewed(any_database, disputed=True)
    named = QueueFilter((S.REJECTED, S.APPROVED))

    def counted(kind: str, wanted: QueueFilter = EVERYTHING) -> tuple[int, int]:
        found = count_matching(any_database, wanted, kind)  # type: ignore[arg-type]
        return found.looked_at, found.counting

    assert counted("feedback") == (5, 2)
    assert counted("sft") == (5, 1)
    assert counted("feedback", named) == (3, 2)
    assert counted("sft", named) == (3, 1)
    assert counted("sft", QueueFilter((S.REJECTED,))) == (1, 0)
    assert counted("feedback", QueueFilter((S.APPROVED,), disputed=True)) == (1, 0)
    make_reviewed(any_database, state=S.WITHDRAWN)
    assert counted("feedback", QueueFilter((S.APPROVED, S.WITHDRAWN))) == (3, 1)


def test_of_a_talk_with_two_debriefs_the_latest_that_the_filter_admits_is_exported(any_database: Database):
    talk = hotel_talk(any_database)
    older = make_reviewed(any_database, talk, created_at=FIRST)
    newer = make_reviewed(any_database, talk, created_at=FIRST + timedelta(days=1))
    change(any_database, older, model="small")

    def rows(wanted: QueueFilter = EVERYTHING) -> list[str]:
        return [row["id"] for row in begin(any_database, wanted, "conversations")[0]]

    assert rows() == [newer]
    assert rows(QueueFilter(EVERY_STATE, model="small")) == [older]
    change(any_database, newer, review_state=S.REJECTED.value)
    assert rows() == [older]


def two_of_a_talk(db: Database, *, disputed: bool = False, **of_newer: object) -> tuple[str, str]:
    """Two debriefs of one talk that could both be exported, and what is the matter with the newer one."""
    talk = hotel_talk(db)
    made = written_on(db, talk)
    older = make_reviewed(db, talk, made=made, created_at=FIRST)
    newer = make_reviewed(db, talk, made=made, disputed=disputed, created_at=FIRST + timedelta(days=1))
    change(db, newer, **of_newer)
    return older, newer


def talks(db: Database, wanted: QueueFilter = EVERYTHING) -> list[str]:
    return [row["id"] for row in begin(db, wanted, "conversations")[0]]


def test_a_talk_is_not_lost_because_its_later_debrief_is_no_row(any_database: Database):
    """Objected to again after its release, withdrawn, without words, or of a time to come: the one before stands."""
    lapsed = {"review_state": S.CLAIMED.value, "claimed_until": FIRST}
    for of_newer, states in (
        ({"disputed": True}, ()),
        ({"review_state": S.WITHDRAWN.value}, EVERY_STATE),
        ({"version_id": None}, ()),
        ({"created_at": datetime.now(UTC) + timedelta(days=1)}, ()),
        (lapsed, (S.APPROVED, S.CLAIMED)),
    ):
        older, newer = two_of_a_talk(any_database, **of_newer)

        assert older in talks(any_database, QueueFilter(states)), of_newer
        assert newer not in talks(any_database, QueueFilter(states)), of_newer
        for one in (older, newer):  # out of the way of the next
            change(any_database, one, review_state=S.NONE.value)


def test_a_talk_is_exported_once_although_both_debriefs_were_made_at_one_moment_or_one_is_shown_as_pending(
    any_database: Database,
):
    older, newer = two_of_a_talk(any_database, created_at=FIRST)
    assert talks(any_database) == [max(older, newer)]

    for one in (older, newer):
        change(any_database, one, review_state=S.CLAIMED.value, claimed_until=FIRST)
    change(any_database, older, review_state=S.PENDING.value)
    assert talks(any_database, QueueFilter((S.PENDING,))) == [max(older, newer)]

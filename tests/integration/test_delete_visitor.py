"""Deleting a visitor: everything, in every table, for real; and nothing of anybody else's."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from sqlalchemy import Table, inspect, text

from debrief.errors import NotFound
from debrief.export_rows import KINDS
from debrief.review import ReviewState
from debrief.settings import Settings
from storage import jobs, reactions
from storage.accounts import find_account
from storage.audit import AuditQuery, list_audit, list_events
from storage.conversations import delete_conversation
from storage.engine import Database, new_id, utc_now
from storage.export_files import ExportWish
from storage.feedback import request_feedback
from storage.links import make_link
from storage.messages import list_messages
from storage.queue_filter import EVERY_STATE, QueueFilter
from storage.ratings import rate
from storage.spending import Daily
from storage.tables import Base, FeedbackRow, ReviewRow
from storage.tokens import Owner, make_token
from storage.visitor_accounts import sign_up
from storage.visitor_logins import enter
from storage.visitors import delete_visitor, hashed, read_stored
from storage.webhook_outbox import Ended, announce, claim_due, end_attempt
from tests.again_scene import make_debrief
from tests.export_scene import hotel_talk, make_reviewed, take
from tests.factories import OLGA, SAM, make_conversation, make_turn, start_turn
from tests.job_scene import claim, make_body
from tests.postgres_server import run_sql
from tests.review_scene import make_account, make_talk
from tests.scripted_model import Script, ScriptedModel
from tests.web_scene import QUICK, Browser, Web, until
from tests.webhook_scene import QUICK as QUICK_HOOKS, make_hook

pytestmark = pytest.mark.both_engines
WORD = "zeppelinfahrt"
"""In everything that the visitor writes here, and in nothing else."""


def fill(db: Database, visitor_id: str = OLGA, word: str = WORD, *, with_account: bool = True) -> list[str]:
    """Something of a visitor's in each table that can hold it.

    Given back are the ids of visitor, talks, messages and jobs. Of a debrief and its versions the audit keeps the ids.
    """
    talk = make_talk(db, visitor_id=visitor_id, title=f"About the {word}", answers={"job": f"{word} captain"})
    make_turn(db, talk, text=f"I once steered a {word}.", answer=f"A {word}, really?")
    feedback_id = make_debrief(db, talk)
    reactions.react(db, visitor_id, feedback_id, helpful=True)
    rate(db, visitor_id, list_messages(db, talk.id)[-1].id, "down", comment=f"No {word} at all.")
    _give_opinion(db, feedback_id)
    _tell_by_webhook(db, feedback_id)
    reactions.dispute(db, visitor_id, feedback_id, "criteria.0.reason", f"I said {word}.")
    waiting = make_conversation(db, visitor_id=visitor_id, title=word)
    start_turn(db, waiting, text=f"The {word} again.", daily=Daily(limit_per_visitor=50))
    request_feedback(db, visitor_id, waiting.id, versions={"rubric": "1"}, nonce=word)
    make_token(db, Owner(visitor_id=visitor_id), f"{word} script")
    make_link(db, visitor_id)
    if with_account:
        sign_up(db, visitor_id, f"{word} {hashed(visitor_id)[:6]}", "three blue herons")
        enter(db, "https://provider.example", word, word, visitor_id)
    ids = [talk.id, waiting.id, *(message.id for one in (talk, waiting) for message in list_messages(db, one.id))]
    with db.read() as session:
        ids += session.scalars(text("SELECT id FROM feedback_jobs"))
    return [visitor_id, *ids]


def _give_opinion(db: Database, feedback_id: str) -> None:
    rita = find_account(db, "rita") or make_account(db, "rita")
    with db.write() as session:
        row = session.get_one(FeedbackRow, feedback_id)
        session.add(
            ReviewRow(
                id=new_id("rv"), feedback_id=row.id, version_id=row.version_id, reviewer_id=rita.id, round=1,
                decision="approve", levels={}, blind=False, opened_at=utc_now(), created_at=utc_now(),
            )
        )  # fmt: skip


def _tell_by_webhook(db: Database, feedback_id: str) -> None:
    """An event of the debrief in the log, with the attempt to deliver it."""
    ada = find_account(db, "ada") or make_account(db, "ada", "admin")
    make_hook(db, ada, "http://127.0.0.1:9/", "feedback.disputed")
    with db.write() as session:
        announce(session, "feedback.disputed", session.get_one(FeedbackRow, feedback_id), state=ReviewState.PENDING)
    [claimed, *_] = [one for one in claim_due(db, QUICK_HOOKS) if feedback_id in one.body]
    end_attempt(db, claimed, Ended(utc_now(), failure="unreachable"), QUICK_HOOKS)


def everything(db: Database) -> Iterator[tuple[str, str]]:
    """Each row of each table that the database really has, as one string: also tables that no class describes."""
    for name in inspect(db.engine).get_table_names():
        with db.read() as session:
            for row in session.execute(text(f'SELECT * FROM "{name}"')):
                yield name, json.dumps([_shown(value) for value in row], ensure_ascii=False)


def _shown(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def traces(db: Database, words: list[str]) -> set[tuple[str, str]]:
    return {(table, word) for table, row in everything(db) for word in words if word.lower() in row.lower()}


def test_after_the_deletion_nothing_of_the_visitor_is_in_any_table(database):
    ids = fill(database)
    before = traces(database, [*ids, WORD])
    assert {id for _, id in before} == {*ids, WORD}

    delete_visitor(database, OLGA)

    assert traces(database, [*ids, WORD]) == set()


def test_the_scene_has_a_row_in_each_table_that_goes_with_a_visitor(database):
    """So that the test above looks at something: a new table that hangs on a visitor needs a line in `fill`."""
    fill(database)
    hanging = {table.name for table in Base.metadata.sorted_tables if _hangs_on_a_visitor(table)}
    assert hanging <= read_stored(database, OLGA).rows.keys()
    assert {"visitors", "conversations", "messages", "feedback", "feedback_jobs", "disputes", "reactions"} <= hanging


def _hangs_on_a_visitor(table: Table) -> bool:
    parents = [key.column.table for key in table.foreign_keys if key.ondelete == "CASCADE"]
    return table.name == "visitors" or any(_hangs_on_a_visitor(one) for one in parents if one is not table)


def test_what_others_have_is_untouched(database):
    fill(database, SAM, word="kitchen")
    sams = read_stored(database, SAM)
    fill(database)
    delete_visitor(database, OLGA)
    assert read_stored(database, SAM) == sams
    assert {table for table, _ in traces(database, ["kitchen"])} >= {"conversations", "messages", "disputes"}


def test_the_numbers_say_what_there_was_and_afterwards_there_is_nothing(database):
    fill(database)
    stored = read_stored(database, OLGA)
    assert (stored.rows["conversations"], stored.rows["feedback"], stored.rows["spending"]) == (2, 2, 2)
    assert stored.rows["messages"] == 12
    assert delete_visitor(database, OLGA) == stored
    assert read_stored(database, OLGA).rows == {}
    assert delete_visitor(database, OLGA).rows == {}


def test_the_audit_says_that_it_was_done_and_of_whom_only_a_hash(database):
    fill(database)
    delete_visitor(database, OLGA, actor="a_rita")
    event = list_audit(database, hashed(OLGA))[-1]
    assert (event.actor, event.action, event.detail["conversations"]) == ("a_rita", "delete_visitor", 2)
    assert event.object_id == hashlib.sha256(OLGA.encode()).hexdigest()[:40]


@pytest.mark.only_sqlite
def test_the_words_are_gone_from_the_files_too(database, settings):
    """Also from the search index, which keeps every three letters that follow each other, and from the log."""
    fill(database)
    letters = [WORD[at : at + 3] for at in range(len(WORD) - 2)]
    assert _indexed(database) >= set(letters)
    assert _holding(settings, WORD)

    delete_visitor(database, OLGA)

    assert _indexed(database) == set()
    assert _holding(settings, WORD) == []


def _indexed(db: Database) -> set[str]:
    """Every term that the search index still knows, its own bookkeeping included."""
    with db.engine.connect() as connection:
        connection.execute(
            text("CREATE VIRTUAL TABLE IF NOT EXISTS temp.terms USING fts5vocab(main, search_index, row)")
        )
        return set(connection.scalars(text("SELECT term FROM temp.terms")))


def _holding(settings: Settings, word: str) -> list[str]:
    """The files of the data folder, with its logs and queues, in which a word stands."""
    files = (file for file in settings.data_dir.rglob("*") if file.is_file())
    return [file.name for file in files if word.encode() in file.read_bytes()]


def test_on_postgresql_they_are_gone_from_its_files_after_the_step_that_is_documented(database):
    """Rows that were deleted stay in a page until something is written over them; VACUUM FULL writes it anew.

    Samples of the columns are kept for the planner, and outlive the rows; the server also takes them by itself.
    """
    if database.is_sqlite:
        return
    fill(database)
    fill(database, SAM, "kayak")
    url = database.url.render_as_string(hide_password=False)
    run_sql(url, "ANALYZE")
    assert {"messages", "pg_statistic"} <= set(_pages_with(database, WORD))
    delete_visitor(database, OLGA)

    run_sql(url, "DELETE FROM pg_statistic")
    run_sql(url, "VACUUM FULL ANALYZE")

    assert _pages_with(database, WORD) == []


def _pages_with(db: Database, word: str) -> list[str]:
    """The tables and indexes of PostgreSQL in whose files a word stands."""
    run_sql(db.url.render_as_string(hide_password=False), "CHECKPOINT")
    with db.engine.connect() as connection:
        files = connection.execute(
            text("SELECT relname, pg_read_binary_file(pg_relation_filepath(oid)) FROM pg_class WHERE relfilenode <> 0")
        )
        return [name for name, content in files if word.encode() in bytes(content)]


def test_the_audit_still_reads_and_later_exports_hold_nothing_of_it(database):
    ids = fill(database)
    make_reviewed(database, hotel_talk(database, visitor_id=SAM))
    gone = make_reviewed(database, hotel_talk(database, said=(f"I flew a {WORD} for years.", "It was grey.")))
    before = _exported(database)
    assert WORD in before
    assert gone in before

    delete_visitor(database, OLGA)

    left = _exported(database)
    assert not [one for one in (*ids, gone, WORD) if one in left]
    assert "hotel desk" in left
    events = list_events(database, AuditQuery(), limit=500).items
    assert {"delete_visitor", "end_export"} <= {event.action for event in events}
    assert WORD not in str(events)


def _exported(db: Database) -> str:
    """All kinds of everything that there is, in one text."""
    everything = QueueFilter(EVERY_STATE)
    files = (take(db, ExportWish(kind, "jsonl", everything, redacted=False))[0] for kind in KINDS)
    return b"".join(files).decode()


def test_a_worker_that_is_at_it_loses_the_job_and_stores_nothing(database):
    talk = make_talk(database)
    _, job_id = request_feedback(database, OLGA, talk.id, versions={"rubric": "1"})
    claimed = claim(database, job_id or "")
    assert claimed
    delete_visitor(database, OLGA)
    assert not jobs.store_result(
        database, claimed, body=make_body(), checks=[], partial=False, lineage={}, release="checked"
    )
    assert traces(database, [OLGA, talk.id, claimed.feedback_id]) == set()


def test_deleting_and_talking_at_the_same_time_leaves_all_or_nothing(database):
    """Whoever comes second waits and then finds nothing, or makes something new; nobody is told of an error of ours."""
    talks = [make_conversation(database, turns=2) for _ in range(6)]
    with ThreadPoolExecutor(4) as people:
        deleting = people.submit(delete_visitor, database, OLGA)
        removing = [people.submit(_try_to_delete, database, talk.id) for talk in talks]
        assert deleting.result().rows.get("visitors") == 1
        for one in removing:
            one.result()
    assert read_stored(database, OLGA).rows == {}


def _try_to_delete(db: Database, talk_id: str) -> None:
    with suppress(NotFound):
        delete_conversation(db, OLGA, talk_id)


# --- by the API


def test_olga_sees_in_numbers_what_is_kept_and_a_newcomer_nothing(web: Web, olga: Browser):
    assert olga.get("/api/v1/me/data").json() == {"since": None, **dict.fromkeys(NUMBERS, 0)}
    talk = olga.begin()
    olga.ended(olga.say(talk)["answer_id"])
    kept = olga.get("/api/v1/me/data").json()
    assert (kept["talks"], kept["messages"], kept["debriefs"], kept["other"]) == (1, 3, 0, 1)
    assert kept["since"]


NUMBERS = ("talks", "messages", "ratings", "debriefs", "versions", "reactions", "objections", "accounts", "other")


def test_olga_deletes_everything_is_told_how_much_and_is_somebody_new(web: Web, olga: Browser, sam: Browser):
    talk, sams = olga.begin(), sam.begin()
    olga.ended(olga.say(talk)["answer_id"])
    before = olga.cookies["debrief_visitor"]

    answer = olga.delete("/api/v1/me/data")

    assert answer.status_code == 200
    assert (answer.json()["deleted"]["talks"], answer.json()["deleted"]["messages"]) == (1, 3)
    assert olga.cookies["debrief_visitor"] != before
    assert olga.get(f"/api/v1/conversations/{talk}").status_code == 404
    assert olga.get("/api/v1/conversations").json()["items"] == []
    assert sam.read(sams)
    visitor_id = web.parts.signer.read(before)
    assert visitor_id
    assert traces(web.parts.db, [visitor_id, talk]) == set()


def test_an_answer_that_is_being_written_is_stopped_first_and_the_model_is_freed(
    web: Web, olga: Browser, scripted_model: ScriptedModel
):
    scripted_model.enqueue(Script("word " * 400, token_delay_s=0.05))
    talk = olga.begin()
    answer_id = olga.say(talk)["answer_id"]
    until(lambda: olga.answer(answer_id)["text"], what="the first words")

    assert olga.delete("/api/v1/me/data").json()["deleted"]["messages"] == 3

    assert web.parts.turns.running_count == 0
    until(lambda: scripted_model.active == 0, what="the model is free")


def test_another_device_of_hers_hears_that_everything_is_gone(web: Web, olga: Browser):
    olga.begin()
    with olga.live() as elsewhere:
        elsewhere.wait_for("hello")
        olga.delete("/api/v1/me/data")
        elsewhere.wait_for("gone")
        until(lambda: elsewhere.is_over, what="the stream ends")


def test_a_page_of_another_process_hears_of_it_too(web: Web, olga: Browser, web_settings: Settings):
    olga.begin()
    with Web(web_settings, QUICK) as other, other.browser() as phone:
        phone.cookies = olga.cookies
        with phone.live() as elsewhere:
            elsewhere.wait_for("hello")
            until(lambda: elsewhere.comments, what="the other process has looked")
            olga.delete("/api/v1/me/data")
            elsewhere.wait_for("gone")

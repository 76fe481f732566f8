"""Somebody sets the clock, an hour on or an hour back: nothing is lost, nobody living is taken for dead, none waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from debrief.conversation import Turn
from debrief.errors import Conflict
from storage import accounts, live, reviews
from storage.answers import flush_answer
from storage.engine import Database
from storage.jobs import beat
from storage.messages import get_message, list_messages
from tests.clock import Clock, clock
from tests.factories import OLGA, make_conversation, make_turn, start_turn
from tests.review_scene import PASSWORD, make_account, make_feedback
from tests.scripted_model import Script, ScriptedModel
from tests.web_scene import QUICK, Browser, Web, until

HOUR = 1.0
BOTH_WAYS = pytest.mark.parametrize("hours", [HOUR, -HOUR], ids=["an hour on", "an hour back"])


@pytest.fixture
def wall() -> Iterator[Clock]:
    with clock() as ours:
        yield ours


@BOTH_WAYS
def test_messages_stay_in_the_order_in_which_they_were_said(database: Database, wall: Clock, hours: float):
    talk = make_conversation(database, turns=1)
    wall.jump(hours=hours)
    make_turn(database, talk, text="Said after the clock was set.")
    wall.jump(hours=-hours)
    make_turn(database, talk, text="Said after it was set right.")

    messages = list_messages(database, talk.id)
    assert [message.seq for message in messages] == list(range(7))
    assert [message.text for message in messages if message.role == "user"][1:] == [
        "Said after the clock was set.",
        "Said after it was set right.",
    ]


@BOTH_WAYS
def test_an_answer_of_this_process_is_written_to_its_end(
    web: Web, olga: Browser, scripted_model: ScriptedModel, wall: Clock, hours: float
):
    scripted_model.enqueue(Script(text="One two three four five. " * 40, token_delay_s=0.01))
    talk = olga.begin()
    with olga.live() as stream:
        ids = olga.say(talk)
        stream.wait_for("answer", id=ids["answer_id"])
        wall.jump(hours=hours)
        stream.wait_for("done", id=ids["answer_id"], state="complete", within_s=60)
    assert olga.answer(ids["answer_id"])["text"].strip() == ("One two three four five. " * 40).strip()


@BOTH_WAYS
def test_an_answer_of_another_process_is_judged_by_its_silence_and_not_by_the_clock(
    web: Web, wall: Clock, hours: float
):
    db = web.parts.db
    turn = start_turn(db, make_conversation(db))
    with somebody_writing(db, turn):
        looked = time.monotonic()
        wall.jump(hours=hours)
        until(lambda: time.monotonic() > looked + 10 * QUICK.janitor_s, what="the janitor to look some times")
        assert get_message(db, OLGA, turn.answer.id).state == "running"
    until(lambda: get_message(db, OLGA, turn.answer.id).state == "interrupted", within_s=60)


@contextmanager
def somebody_writing(db: Database, turn: Turn) -> Iterator[None]:
    """Another process's writer: a sign of life every 0.7 s, so that the janitor meets old ones after each jump."""
    assert turn.writer_token
    over = threading.Event()

    def write(token: str = turn.writer_token) -> None:
        while not over.is_set():
            flush_answer(db, turn.answer.id, token, "So far")
            over.wait(0.7)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()


def test_a_sign_in_ends_by_the_clock_and_an_hour_of_it_is_only_an_hour(database: Database, wall: Clock):
    make_account(database)
    token = accounts.sign_in(database, "rita", PASSWORD, hours=12)
    wall.jump(hours=-HOUR)
    assert accounts.who_is(database, token)
    wall.jump(hours=2 * HOUR)
    assert accounts.who_is(database, token)
    wall.jump(hours=13)
    assert accounts.who_is(database, token) is None


@BOTH_WAYS
def test_a_claim_of_before_the_clock_was_set_holds_nobody_up_and_overwrites_nothing(
    database: Database, wall: Clock, hours: float
):
    rita, admin = make_account(database), make_account(database, "ada", "admin")
    row = make_feedback(database)
    claimed = reviews.claim(database, rita, row.id, row.row_version)

    wall.jump(hours=hours)
    taken = reviews.claim(database, admin, row.id, claimed.row_version)

    assert taken.claimed_by == "ada"
    with pytest.raises(Conflict):
        reviews.approve(database, rita, row.id, claimed.row_version)


@BOTH_WAYS
def test_a_worker_that_is_silent_since_the_clock_was_set_does_not_count_as_alive(
    database: Database, wall: Clock, hours: float
):
    beat(database, "k_one")
    assert (live.find_worker_silence_s(database) or 0) < 60
    wall.jump(hours=hours)
    assert (live.find_worker_silence_s(database) or 0) > 3000
    beat(database, "k_one")
    assert (live.find_worker_silence_s(database) or 0) < 60

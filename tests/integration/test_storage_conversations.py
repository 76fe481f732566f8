"""Conversations and turns as they are stored, on SQLite and on PostgreSQL."""

import inspect
import re
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import DBAPIError

from debrief.conversation import MessageState, Turn
from debrief.errors import Conflict, InputRejected, NotFound, NotReadable, NotSaved, TooBusy
from storage import answers, conversations, engine, feedback, messages, ratings, scenarios, turns, versions
from storage.answers import finish_answer, flush_answer, is_stop_requested, mark_interrupted
from storage.conversations import delete_conversation, get_conversation, list_conversations, rename_conversation
from storage.engine import Database, new_id, utc_now
from storage.messages import get_message, get_messages, list_messages, list_path
from storage.tables import Base, FeedbackVersionRow, MessageRow
from storage.turns import count_running, list_running, request_stop, start_continuation, start_edit, start_retry
from tests.factories import OLGA, SAM, make_conversation, make_turn, start_turn

pytestmark = pytest.mark.both_engines

ROOMY = {"per_visitor_cap": 100, "total_cap": 100}


# A talk begins and grows


def test_a_talk_begins_with_the_opening_line(any_database):
    talk = make_conversation(any_database, opening="Hello!", title="  Interview at Acme ", answers={"job": "nurse"})

    [first] = list_path(any_database, talk.id)
    assert (first.role, first.text, first.seq, first.parent_id) == ("assistant", "Hello!", 0, None)
    assert first.state is MessageState.COMPLETE
    assert talk.active_leaf_id == first.id
    assert (talk.title, talk.answers) == ("Interview at Acme", {"job": "nurse"})


def test_the_scenario_is_kept_as_it_was_when_the_talk_began(any_database):
    first = make_conversation(any_database, scenario_hash="a" * 64, scenario_body={"title": "old"})
    make_conversation(any_database, scenario_hash="b" * 64, scenario_body={"title": "new"})
    make_conversation(any_database, scenario_hash="a" * 64, scenario_body={"title": "old"})

    assert scenarios.get_body(any_database, first.scenario_hash) == {"title": "old"}
    with pytest.raises(NotFound):
        scenarios.get_body(any_database, "c" * 64)


def test_a_turn_stores_what_was_said_and_the_answer_to_be_written(any_database):
    talk = make_conversation(any_database)

    turn = start_turn(any_database, talk, text="I led a team.")

    opening, said, answer = list_path(any_database, talk.id)
    assert (said, answer) == (turn.user_message, turn.answer)
    assert (said.text, said.state, said.parent_id, said.seq) == ("I led a team.", "complete", opening.id, 1)
    assert (answer.text, answer.state, answer.parent_id, answer.seq) == ("", "running", said.id, 2)
    assert get_conversation(any_database, OLGA, talk.id).active_leaf_id == answer.id


def test_a_finished_answer_is_there_with_its_figures(any_database):
    talk = make_conversation(any_database)
    turn = start_turn(any_database, talk)

    assert finish_answer(
        any_database,
        turn.answer.id,
        turn.writer_token,
        state=MessageState.CUT_OFF,
        text="  Why?\n",
        first_token_s=0.2,
        total_s=1.5,
        prompt_tokens=40,
        completion_tokens=2,
        model="smollm",
    )

    answer = get_message(any_database, OLGA, turn.answer.id)
    assert (answer.text, answer.state, answer.model) == ("  Why?\n", MessageState.CUT_OFF, "smollm")
    assert (answer.first_token_s, answer.total_s, answer.prompt_tokens, answer.completion_tokens) == (0.2, 1.5, 40, 2)
    assert answer.finished_at >= answer.created_at


def test_a_failed_answer_keeps_its_reason_beside_its_text(any_database):
    talk = make_conversation(any_database)

    turn = make_turn(any_database, talk, answer="I th", state=MessageState.ERROR, error_code="model_broke")

    assert (turn.answer.text, turn.answer.state, turn.answer.error_code) == ("I th", "error", "model_broke")


def test_words_that_no_database_takes_are_stored_with_every_position_kept(any_database):
    talk = make_conversation(any_database, title="a\0b")

    turn = make_turn(any_database, talk, text="안녕\0하세요 \ud83d 👋", answer="a\0b\udfffc")

    assert turn.user_message.text == "안녕\ufffd하세요 \ufffd 👋"
    assert turn.answer.text == "a\ufffdb\ufffdc"
    assert talk.title == "a\ufffdb"


# One request, one turn


def test_a_double_click_is_one_turn(any_database):
    talk = make_conversation(any_database)

    first = start_turn(any_database, talk, request_id="click")
    second = start_turn(any_database, talk, request_id="click")

    assert (first.is_new, second.is_new) == (True, False)
    assert first.writer_token is not None
    assert second.writer_token is None
    assert ids_of(second) == ids_of(first)
    assert len(list_messages(any_database, talk.id)) == 3


def test_the_same_click_by_many_at_once_is_one_turn(any_database):
    talk = make_conversation(any_database)

    turns = at_once(8, lambda: start_turn(any_database, talk, request_id="click"))

    assert [turn.is_new for turn in turns].count(True) == 1
    assert len({ids_of(turn) for turn in turns}) == 1
    assert len(list_messages(any_database, talk.id)) == 3


def test_a_late_repeat_gives_the_first_turn_back_even_when_the_talk_went_on(any_database):
    talk = make_conversation(any_database)
    first = start_turn(any_database, talk, request_id="click")
    finish_answer(any_database, first.answer.id, first.writer_token, state=MessageState.COMPLETE, text="Why?")
    turns.start_retry(any_database, OLGA, first.answer.id, "again", **ROOMY)

    repeat = start_turn(any_database, talk, request_id="click")

    assert ids_of(repeat) == ids_of(first)
    assert repeat.answer.text == "Why?"


def test_of_many_messages_at_once_one_is_taken(any_database):
    talk = make_conversation(any_database)

    outcomes = at_once(8, lambda: attempt(lambda: start_turn(any_database, talk)))

    assert Counter(type(outcome) for outcome in outcomes) == {Turn: 1, Conflict: 7}
    assert [message.seq for message in list_messages(any_database, talk.id)] == [0, 1, 2]


def test_a_second_message_waits_for_the_running_answer(any_database):
    talk = make_conversation(any_database)
    start_turn(any_database, talk)

    with pytest.raises(Conflict) as refused:
        start_turn(any_database, talk)

    assert refused.value.reason == "answer_running"
    assert len(list_messages(any_database, talk.id)) == 3


@pytest.mark.parametrize("request_id", ["", "x" * 81])
def test_a_request_without_a_usable_id_is_refused(any_database, request_id):
    talk = make_conversation(any_database)

    with pytest.raises(InputRejected):
        turns.start_turn(any_database, OLGA, talk.id, "Hello", request_id, **ROOMY)


# Room for others


def test_one_visitor_cannot_take_all_the_room(any_database):
    first, second, third = (make_conversation(any_database) for _ in range(3))
    start_turn(any_database, first, per_visitor_cap=2)
    start_turn(any_database, second, per_visitor_cap=2)

    with pytest.raises(TooBusy) as refused:
        start_turn(any_database, third, per_visitor_cap=2)
    start_turn(any_database, make_conversation(any_database, visitor_id=SAM), per_visitor_cap=2)

    assert (refused.value.reason, refused.value.retry_after_s) == ("too_many_answers", 5)
    assert len(list_messages(any_database, third.id)) == 1


def test_one_visitor_cannot_take_all_the_room_with_clicks_at_once(any_database):
    talks = [make_conversation(any_database) for _ in range(6)]
    waiting = iter(talks)

    outcomes = at_once(6, lambda: attempt(lambda: start_turn(any_database, next(waiting), per_visitor_cap=2)))

    assert Counter(type(outcome) for outcome in outcomes) == {Turn: 2, TooBusy: 4}


def test_when_all_the_room_is_taken_a_visitor_is_told_to_wait(any_database):
    start_turn(any_database, make_conversation(any_database, visitor_id=SAM), total_cap=1)

    with pytest.raises(TooBusy) as refused:
        start_turn(any_database, make_conversation(any_database), total_cap=1)

    assert refused.value.reason == "too_busy"
    assert "5 seconds" in refused.value.sentence("en")


def test_of_many_visitors_who_begin_at_once_exactly_as_many_as_fit_are_let_in(any_database):
    talks = [make_conversation(any_database, visitor_id=f"v_{n}") for n in range(24)]
    waiting = iter(talks)

    outcomes = at_once(24, lambda: attempt(lambda: start_turn(any_database, next(waiting), total_cap=5)))

    assert Counter(type(outcome) for outcome in outcomes) == {Turn: 5, TooBusy: 19}
    assert {outcome.reason for outcome in outcomes if isinstance(outcome, TooBusy)} == {"too_busy"}
    assert count_running(any_database) == 5


def test_an_answer_that_ended_makes_room(any_database):
    make_turn(any_database, make_conversation(any_database))

    assert count_running(any_database) == 0
    assert start_turn(any_database, make_conversation(any_database), per_visitor_cap=1, total_cap=1).is_new


# Trying again


def test_trying_again_keeps_the_old_answer_beside_the_new(any_database):
    talk = make_conversation(any_database)
    old = make_turn(any_database, talk, answer="Old.")

    again = start_retry(any_database, OLGA, old.answer.id, "again", **ROOMY)

    assert again.user_message == old.user_message
    assert again.answer.parent_id == old.answer.parent_id
    assert [message.id for message in list_path(any_database, talk.id)][1:] == [
        old.user_message.id,
        again.answer.id,
    ]
    assert [message.text for message in list_path(any_database, talk.id, old.answer.id)][-1] == "Old."
    assert len(list_messages(any_database, talk.id)) == 4


def test_trying_again_twice_with_one_click_is_one_answer(any_database):
    talk = make_conversation(any_database)
    old = make_turn(any_database, talk)

    turns = at_once(4, lambda: start_retry(any_database, OLGA, old.answer.id, "again", **ROOMY))

    assert [turn.is_new for turn in turns].count(True) == 1
    assert len({ids_of(turn) for turn in turns}) == 1
    assert len(list_messages(any_database, talk.id)) == 4


def test_only_an_answer_can_be_tried_again(any_database):
    talk = make_conversation(any_database)
    turn = make_turn(any_database, talk)
    opening = list_path(any_database, talk.id)[0]

    for message_id in (opening.id, turn.user_message.id):
        with pytest.raises(InputRejected):
            start_retry(any_database, OLGA, message_id, new_id("r"), **ROOMY)


def test_trying_again_waits_and_has_its_caps_like_a_message(any_database):
    talk = make_conversation(any_database)
    old = make_turn(any_database, talk)

    with pytest.raises(TooBusy):
        start_retry(any_database, OLGA, old.answer.id, "one", per_visitor_cap=0, total_cap=9)
    start_retry(any_database, OLGA, old.answer.id, "two", **ROOMY)
    with pytest.raises(Conflict):
        start_retry(any_database, OLGA, old.answer.id, "three", **ROOMY)


# Who may write an answer


def test_the_text_so_far_can_be_read_while_the_answer_is_written(any_database):
    turn = start_turn(any_database, make_conversation(any_database))

    assert flush_answer(any_database, turn.answer.id, turn.writer_token, "What was")

    [answer] = get_messages(any_database, [turn.answer.id])
    assert (answer.text, answer.state) == ("What was", MessageState.RUNNING)


def test_only_its_writer_can_write_an_answer(any_database):
    turn = start_turn(any_database, make_conversation(any_database))
    flush_answer(any_database, turn.answer.id, turn.writer_token, "Mine")

    assert not flush_answer(any_database, turn.answer.id, "w_other", "Theirs")
    assert not finish_answer(any_database, turn.answer.id, "w_other", state=MessageState.COMPLETE, text="Theirs")

    answer = get_message(any_database, OLGA, turn.answer.id)
    assert (answer.text, answer.state) == ("Mine", MessageState.RUNNING)


def test_an_answer_ends_once(any_database):
    talk = make_conversation(any_database)
    turn = start_turn(any_database, talk)
    end = {"state": MessageState.STOPPED, "text": "What"}

    ended = at_once(6, lambda: finish_answer(any_database, turn.answer.id, turn.writer_token, **end))

    assert ended.count(True) == 1
    assert not flush_answer(any_database, turn.answer.id, turn.writer_token, "What else")
    assert get_message(any_database, OLGA, turn.answer.id).text == "What"


def test_a_writer_that_was_thought_dead_cannot_write_over_the_end(any_database):
    turn = start_turn(any_database, make_conversation(any_database))
    flush_answer(any_database, turn.answer.id, turn.writer_token, "What was")
    mark_interrupted(any_database, silent_since=utc_now() + timedelta(seconds=1))

    assert not flush_answer(any_database, turn.answer.id, turn.writer_token, "What was hard")
    assert not finish_answer(
        any_database, turn.answer.id, turn.writer_token, state=MessageState.COMPLETE, text="What was hard?"
    )

    answer = get_message(any_database, OLGA, turn.answer.id)
    assert (answer.text, answer.state, answer.error_code) == ("What was", MessageState.INTERRUPTED, "interrupted")
    assert answer.finished_at is not None


def test_an_answer_that_gives_signs_of_life_is_not_interrupted(any_database):
    living = start_turn(any_database, make_conversation(any_database))
    silent = start_turn(any_database, make_conversation(any_database, visitor_id=SAM))
    finished = make_turn(any_database, make_conversation(any_database))
    with any_database.write() as session:
        session.execute(text("UPDATE messages SET heartbeat_at = :at"), {"at": datetime(2026, 1, 1, tzinfo=UTC)})
    flush_answer(any_database, living.answer.id, living.writer_token, "What")

    assert mark_interrupted(any_database, silent_since=utc_now() - timedelta(seconds=60)) == [silent.answer.id]
    assert mark_interrupted(any_database, silent_since=utc_now() - timedelta(seconds=60)) == []

    assert [message.id for message in list_running(any_database, OLGA)] == [living.answer.id]
    assert get_message(any_database, OLGA, finished.answer.id).state is MessageState.COMPLETE


def test_an_answer_that_has_just_begun_counts_as_living(any_database):
    before = utc_now()
    start_turn(any_database, make_conversation(any_database))

    assert mark_interrupted(any_database, silent_since=before) == []


def test_stop_is_a_wish_that_the_writer_sees(any_database):
    talk = make_conversation(any_database)
    turn = start_turn(any_database, talk)
    other = start_turn(any_database, make_conversation(any_database))
    assert not is_stop_requested(any_database, turn.answer.id)

    assert request_stop(any_database, OLGA, talk.id) == [turn.answer.id]

    assert is_stop_requested(any_database, turn.answer.id)
    assert not is_stop_requested(any_database, other.answer.id)
    assert flush_answer(any_database, turn.answer.id, turn.writer_token, "still the writer's")


def test_stop_finds_nothing_to_stop_when_the_answer_has_ended(any_database):
    talk = make_conversation(any_database, turns=1)

    assert request_stop(any_database, OLGA, talk.id) == []


def test_an_answer_deleted_under_its_writer_asks_it_to_stop(any_database):
    talk = make_conversation(any_database)
    turn = start_turn(any_database, talk)

    delete_conversation(any_database, OLGA, talk.id)

    assert is_stop_requested(any_database, turn.answer.id)
    assert not flush_answer(any_database, turn.answer.id, turn.writer_token, "What")
    assert not finish_answer(any_database, turn.answer.id, turn.writer_token, state=MessageState.COMPLETE, text="W")


# A stranger

STRANGERS_TRIES: dict[str, Callable] = {
    "get_conversation": lambda db, talk, turn: get_conversation(db, SAM, talk.id),
    "rename_conversation": lambda db, talk, turn: rename_conversation(db, SAM, talk.id, "Mine now"),
    "delete_conversation": lambda db, talk, turn: delete_conversation(db, SAM, talk.id),
    "get_message": lambda db, talk, turn: get_message(db, SAM, turn.answer.id),
    "start_turn": lambda db, talk, turn: start_turn(db, talk, visitor_id=SAM, request_id="guessed"),
    "start_retry": lambda db, talk, turn: start_retry(db, SAM, turn.answer.id, "guessed", **ROOMY),
    "start_edit": lambda db, talk, turn: start_edit(db, SAM, turn.user_message.id, "Mine", "guessed", **ROOMY),
    "start_continuation": lambda db, talk, turn: start_continuation(db, SAM, turn.answer.id, "guessed", **ROOMY),
    "choose_version": lambda db, talk, turn: versions.choose_version(db, SAM, turn.answer.id),
    "read_talk": lambda db, talk, turn: versions.read_talk(db, SAM, talk.id),
    "read_message": lambda db, talk, turn: versions.read_message(db, SAM, turn.answer.id),
    "rate": lambda db, talk, turn: ratings.rate(db, SAM, turn.answer.id, "down"),
    "request_stop": lambda db, talk, turn: request_stop(db, SAM, talk.id),
}
SHOW_ONLY_ONES_OWN = {"count_conversations", "create_conversation", "list_conversations", "list_running"}


def test_every_function_that_asks_for_a_visitor_is_tried_by_a_stranger():
    asking = {
        name
        for module in (conversations, messages, turns, answers, versions, ratings)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and {"db", "visitor_id"} <= inspect.signature(function).parameters.keys()
    }

    assert asking == STRANGERS_TRIES.keys() | SHOW_ONLY_ONES_OWN


@pytest.mark.parametrize("name", STRANGERS_TRIES)
def test_a_stranger_finds_nothing_of_mine(any_database, name):
    talk = make_conversation(any_database)
    turn = start_turn(any_database, talk, request_id="guessed")
    make_conversation(any_database, visitor_id=SAM)
    before = everything(any_database)

    with pytest.raises(NotFound):
        STRANGERS_TRIES[name](any_database, talk, turn)

    assert everything(any_database) == before


def test_a_strangers_lists_are_empty(any_database):
    start_turn(any_database, make_conversation(any_database))

    assert list_conversations(any_database, SAM).items == []
    assert list_running(any_database, SAM) == []


@pytest.mark.parametrize("id", ["c_missing", "", "\0", "c\ud800", "x" * 500, "' OR 1=1 --"])
def test_whatever_a_browser_sends_as_an_id_is_just_not_found(any_database, id):
    make_conversation(any_database)

    for look in (
        lambda: get_conversation(any_database, OLGA, id),
        lambda: get_message(any_database, OLGA, id),
        lambda: list_path(any_database, id),
    ):
        with pytest.raises(NotFound):
            look()
    assert get_messages(any_database, [id]) == []


def test_the_leaf_of_another_talk_is_not_found(any_database):
    mine, other = make_conversation(any_database), make_conversation(any_database, visitor_id=SAM)

    with pytest.raises(NotFound):
        list_path(any_database, mine.id, other.active_leaf_id)


# The list


def test_the_list_shows_the_talk_touched_last_first(any_database):
    old, new = make_conversation(any_database, title="Old"), make_conversation(any_database, title="New")
    make_turn(any_database, old)

    page = list_conversations(any_database, OLGA)

    assert [line.conversation.id for line in page.items] == [old.id, new.id]
    assert [line.message_count for line in page.items] == [3, 1]
    assert page.next is None


def test_the_end_of_an_answer_touches_its_talk(any_database):
    old, new = make_conversation(any_database), make_conversation(any_database)
    running = start_turn(any_database, old)
    make_turn(any_database, new)

    finish_answer(any_database, running.answer.id, running.writer_token, state=MessageState.COMPLETE, text="Why?")

    assert [line.conversation.id for line in list_conversations(any_database, OLGA).items] == [old.id, new.id]


def test_a_new_name_does_not_move_a_talk(any_database):
    old, new = make_conversation(any_database), make_conversation(any_database)

    renamed = rename_conversation(any_database, OLGA, old.id, "  Second try ")

    assert renamed.title == "Second try"
    assert [line.conversation.title for line in list_conversations(any_database, OLGA).items] == [
        new.title,
        "Second try",
    ]


def test_a_long_name_is_cut_and_an_empty_one_refused(any_database):
    talk = make_conversation(any_database, title="가" * 300)
    assert talk.title == "가" * 200

    with pytest.raises(InputRejected):
        rename_conversation(any_database, OLGA, talk.id, " \n ")


def test_paging_meets_every_talk_once_though_one_is_touched_meanwhile(any_database):
    talks = [make_conversation(any_database, title=f"{n}") for n in range(7)]
    first = list_conversations(any_database, OLGA, limit=3)

    make_turn(any_database, talks[0])
    make_conversation(any_database, title="new meanwhile")
    delete_conversation(any_database, OLGA, first.items[-1].conversation.id)
    second = list_conversations(any_database, OLGA, limit=3, cursor=first.next)

    assert titles(first) == ["6", "5", "4"]
    assert titles(second) == ["3", "2", "1"]
    assert second.next is None


def test_paging_meets_every_talk_once_though_all_are_of_the_same_instant(any_database, monkeypatch):
    monkeypatch.setattr(conversations, "utc_now", lambda: datetime(2026, 11, 22, 12, tzinfo=UTC))
    made = {make_conversation(any_database).id for _ in range(5)}

    met, cursor = [], None
    while True:
        page = list_conversations(any_database, OLGA, limit=2, cursor=cursor)
        met += [line.conversation.id for line in page.items]
        if (cursor := page.next) is None:
            break

    assert len(met) == 5
    assert set(met) == made


@pytest.mark.parametrize(
    "cursor", ["", "x", "!!!", "WzFd", "bnVsbA", "WyIyMDI2IiwxXQ", "한글", "WyIwMDAxLTAxLTAxIiwieCJd"]
)
def test_a_made_up_cursor_is_refused_or_harmless(any_database, cursor):
    make_conversation(any_database)

    outcome = attempt(lambda: list_conversations(any_database, OLGA, cursor=cursor))

    assert isinstance(outcome, InputRejected) or outcome.items == []


def test_the_list_says_how_the_newest_debrief_stands(any_database):
    without = make_conversation(any_database, title="without")
    talk = make_conversation(any_database, turns=1, title="with")
    feedback.request_feedback(any_database, OLGA, talk.id, versions={"model": "old"})
    newest, job_id = feedback.request_feedback(any_database, OLGA, talk.id, versions={"model": "new"})
    with any_database.write() as session:
        session.execute(text("UPDATE feedback_jobs SET state = 'succeeded' WHERE id = :id"), {"id": job_id})
        session.execute(text("UPDATE feedback SET review_state = 'approved' WHERE id = :id"), {"id": newest.id})

    lines = {line.conversation.id: line for line in list_conversations(any_database, OLGA).items}

    with_feedback = lines[talk.id]
    assert (with_feedback.feedback_id, with_feedback.feedback_state, with_feedback.review_state) == (
        newest.id,
        "succeeded",
        "approved",
    )
    assert (lines[without.id].feedback_id, lines[without.id].feedback_state) == (None, None)


def test_a_long_list_is_one_question_to_the_database(any_database):
    for _ in range(12):
        talk = make_conversation(any_database, turns=1)
        feedback.request_feedback(any_database, OLGA, talk.id, versions={})
    asked = []
    event.listen(any_database._read_engine, "before_cursor_execute", lambda *call: asked.append(call[2]))

    assert len(list_conversations(any_database, OLGA).items) == 12
    assert len([statement for statement in asked if "SELECT" in statement]) == 1


# Deleting


def test_deleting_leaves_nothing_in_any_table(any_database):
    for visitor_id in (OLGA, SAM):
        make_reviewed_conversation(any_database, visitor_id)
    before = count_rows(any_database)
    talk = make_reviewed_conversation(any_database, OLGA)
    assert {name for name, count in count_rows(any_database).items() if count > before[name]} >= {
        "conversations",
        "messages",
        "feedback",
        "feedback_jobs",
        "feedback_versions",
    }

    delete_conversation(any_database, OLGA, talk.id)

    assert count_rows(any_database) == before
    with pytest.raises(NotFound):
        get_conversation(any_database, OLGA, talk.id)


def test_a_talk_of_a_thousand_turns_can_be_read_and_deleted(any_database):
    talk = make_conversation(any_database)
    chain(any_database, talk, length=2500)

    assert len(list_path(any_database, talk.id)) == 2501
    delete_conversation(any_database, OLGA, talk.id)

    assert list_messages(any_database, talk.id) == []


@pytest.mark.only_sqlite("it searches SQLite's files")
def test_deleted_words_are_no_longer_in_any_file(database, settings):
    kept = make_conversation(database, title="kept-canary")
    talk = make_conversation(database, title="title-canary")
    make_turn(database, talk, text="short-canary " * 10, answer="long-canary " * 20_000)
    assert {b"title-canary", b"short-canary", b"long-canary"} == canaries(settings)

    delete_conversation(database, OLGA, talk.id)

    assert canaries(settings) == set()
    assert get_conversation(database, OLGA, kept.id).title == "kept-canary"


# Between the calls


def test_no_connection_is_held_after_a_call(any_database):
    talk = make_conversation(any_database, turns=2)
    turn = start_turn(any_database, talk)
    list_path(any_database, talk.id)
    list_conversations(any_database, OLGA)
    flush_answer(any_database, turn.answer.id, turn.writer_token, "What")
    for name in STRANGERS_TRIES:
        attempt(lambda name=name: STRANGERS_TRIES[name](any_database, talk, turn))

    assert any_database.engine.pool.checkedout() == 0
    assert any_database._read_engine.pool.checkedout() == 0


def test_a_reader_in_mid_read_keeps_nobody_from_writing_and_sees_one_state(any_database):
    talk = make_conversation(any_database, turns=1)
    count = select(func.count()).select_from(MessageRow)

    with any_database.read() as reader:
        before = reader.scalar(count)
        make_turn(any_database, talk)
        assert reader.scalar(count) == before

    assert len(list_messages(any_database, talk.id)) == before + 2


def test_what_only_reads_cannot_write(any_database):
    make_conversation(any_database)

    with pytest.raises((NotReadable, DBAPIError)) as refused, any_database.read() as session:
        session.execute(text("UPDATE conversations SET title = 'changed'"))
    assert re.search(r"readonly|read-only", f"{refused.value.__cause__} {refused.value}")

    assert titles(list_conversations(any_database, OLGA)) == ["Job interview"]


@pytest.mark.only_sqlite("SQLite's one writer; PostgreSQL's locks are in test_postgresql.py")
def test_what_cannot_be_saved_says_so(settings, database, monkeypatch):
    talk = make_conversation(database)
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_MS", 200)
    hurried = Database(settings.database)

    with database.write() as somebody_else:
        somebody_else.execute(text("DELETE FROM gauges"))
        with pytest.raises(NotSaved):
            start_turn(hurried, talk)

    assert start_turn(hurried, talk).is_new
    hurried.close()


@pytest.mark.only_sqlite("SQLite's PRAGMAs")
def test_an_acknowledged_word_survives_a_power_cut_by_the_settings_of_the_file(database):
    with database.engine.connect() as connection:
        setting = lambda name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()  # noqa: E731
        assert (setting("journal_mode"), setting("synchronous"), setting("foreign_keys")) == ("wal", 2, 1)


@pytest.mark.only_sqlite("SQLite's way of telling its plan")
def test_running_answers_are_found_by_their_own_small_index(database):
    asked = []
    event.listen(database._read_engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    count_running(database)

    with database.read() as session:
        plan = session.execute(text(f"EXPLAIN QUERY PLAN {asked[-1]}")).all()

    assert "ix_messages_running" in str(plan)


def ids_of(turn: Turn) -> tuple[str, str]:
    return turn.user_message.id, turn.answer.id


def titles(page) -> list[str]:
    return [line.conversation.title for line in page.items]


def attempt(call: Callable):
    """The outcome of the call, be it an error of ours."""
    try:
        return call()
    except (Conflict, TooBusy, NotFound, InputRejected) as error:
        return error


def at_once(n: int, call: Callable) -> list:
    """The outcomes of n calls that begin together."""
    together = threading.Barrier(n)

    def begin(_: int):
        together.wait(timeout=60)
        return call()

    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(begin, range(n)))


def count_rows(db: Database) -> dict[str, int]:
    with db.read() as session:
        return {
            table.name: session.scalar(select(func.count()).select_from(table)) for table in Base.metadata.sorted_tables
        }


def everything(db: Database) -> dict[str, list]:
    """Every row of every table."""
    with db.read() as session:
        return {
            table.name: sorted(map(repr, session.execute(select(table)).all())) for table in Base.metadata.sorted_tables
        }


def make_reviewed_conversation(db: Database, visitor_id: str):
    talk = make_conversation(db, visitor_id=visitor_id, turns=2)
    view, job_id = feedback.request_feedback(db, visitor_id, talk.id, versions={})
    with db.write() as session:
        session.add(
            FeedbackVersionRow(
                id=new_id("fv"),
                feedback_id=view.id,
                n=1,
                job_id=job_id,
                origin="model",
                partial=False,
                body={},
                checks=[],
                lineage={},
                created_at=utc_now(),
            )
        )
    return talk


def chain(db: Database, talk, *, length: int) -> None:
    """So many messages below the opening line, each the child of the one before."""
    ids = [talk.active_leaf_id] + [new_id("m") for _ in range(length)]
    with db.write() as session:
        for n in range(1, length + 1):
            session.execute(
                MessageRow.__table__.insert().values(
                    id=ids[n],
                    conversation_id=talk.id,
                    seq=n,
                    parent_id=ids[n - 1],
                    role="user",
                    text="And then?",
                    state="complete",
                    stop_requested=False,
                    created_at=utc_now(),
                )
            )
        session.execute(text("UPDATE conversations SET active_leaf_id = :id"), {"id": ids[-1]})


def canaries(settings) -> set[bytes]:
    words = b"".join(file.read_bytes() for file in settings.data_dir.iterdir())
    return {word for word in (b"title-canary", b"short-canary", b"long-canary") if word in words}

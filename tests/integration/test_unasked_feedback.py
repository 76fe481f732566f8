"""Feedback that nobody asked for: when a scenario's end is reached, and after a long silence; once, and no more."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from debrief.conversation import Conversation
from debrief.feedback import JobState
from debrief.settings import Settings
from debrief.versions import request_versions
from storage import unasked
from storage.engine import Database
from storage.feedback import list_feedback, request_feedback
from storage.tables import ConversationRow, FeedbackRow, MessageRow
from storage.unasked import SILENCE_COUNTS_FOR
from tasks.reaper import ask_in_turn
from tests.factories import OLGA, make_conversation, make_turn, start_turn
from tests.job_scene import WorkerProcess, interview, wait_until, with_quick_jobs
from tests.scripted_model import Script, ScriptedModel
from tests.web_scene import Browser, Web, running_web, until

pytestmark = pytest.mark.both_engines

END = interview().end.turns or 0
HALF_AN_HOUR = timedelta(minutes=30)
VERSIONS = {"rubric": "1"}


def make_talk(db: Database, *, turns: int, origin: str = "talk", silent_for: timedelta = timedelta(0)) -> Conversation:
    """A talk of so many turns in which the last word was said so long ago."""
    scenario = interview()
    talk = make_conversation(db, turns=turns, scenario_hash=scenario.hash, scenario_body=scenario.body())
    set_origin(db, talk.id, origin)
    make_older(db, talk.id, silent_for)
    return talk


def set_origin(db: Database, conversation_id: str, origin: str) -> None:
    with db.write() as session:
        session.get_one(ConversationRow, conversation_id).origin = origin


def make_older(db: Database, conversation_id: str, by: timedelta) -> None:
    """Let time pass for a talk and everything in it."""
    with db.write() as session:
        talk = session.get_one(ConversationRow, conversation_id)
        talk.created_at, talk.updated_at = talk.created_at - by, talk.updated_at - by
        here = select(MessageRow).where(MessageRow.conversation_id == conversation_id)
        asked = select(FeedbackRow).where(FeedbackRow.conversation_id == conversation_id)
        for row in [*session.scalars(here), *session.scalars(asked)]:
            row.created_at -= by


def find_silent(db: Database) -> list[str]:
    return [silent.conversation_id for silent in unasked.list_silent(db, HALF_AN_HOUR)]


def ask_after_silence(db: Database, talk: Conversation) -> str | None:
    return unasked.request_after_silence(db, talk.id, HALF_AN_HOUR, versions=VERSIONS)


# ------------------------------------------------------------------------------------------------- at the end


def test_a_talk_gets_its_feedback_at_the_scenarios_end_and_not_a_turn_before(any_database: Database):
    talk = make_talk(any_database, turns=END - 1)
    assert unasked.request_at_end(any_database, talk.id, versions=VERSIONS) is None
    make_turn(any_database, talk)
    assert unasked.request_at_end(any_database, talk.id, versions=VERSIONS)
    [view] = list_feedback(any_database, OLGA, talk.id)
    assert view.asked_by == "end"


def test_whoever_goes_on_after_the_end_is_not_asked_about_again(any_database: Database):
    talk = make_talk(any_database, turns=END)
    assert unasked.request_at_end(any_database, talk.id, versions=VERSIONS)
    make_turn(any_database, talk)
    assert unasked.request_at_end(any_database, talk.id, versions=VERSIONS) is None
    assert len(list_feedback(any_database, OLGA, talk.id)) == 1


def test_the_end_is_reached_once_for_a_talk_also_where_its_last_words_came_later(database: Database):
    talk = make_talk(database, turns=END)
    assert unasked.request_at_end(database, talk.id, versions=VERSIONS)
    with database.write() as session:
        session.scalars(select(FeedbackRow)).one().created_at -= HALF_AN_HOUR
    make_turn(database, talk)
    assert unasked.request_at_end(database, talk.id, versions=VERSIONS) is None


def test_a_visitor_who_asks_after_the_end_gets_the_same_feedback(any_database: Database):
    talk = make_talk(any_database, turns=END)
    unasked.request_at_end(any_database, talk.id, versions=VERSIONS)
    view, job_id = request_feedback(any_database, OLGA, talk.id, versions=VERSIONS)
    assert job_id is None
    assert view.asked_by == "end"


def test_a_visitor_who_asked_at_the_end_themselves_gets_no_second_one(database: Database):
    talk = make_talk(database, turns=END - 1)
    turn = start_turn(database, talk)
    request_feedback(database, OLGA, talk.id, versions=VERSIONS)
    assert turn.writer_token
    make_turn_end(database, turn.answer.id)
    assert unasked.request_at_end(database, talk.id, versions=VERSIONS) is None


def make_turn_end(db: Database, answer_id: str) -> None:
    with db.write() as session:
        session.execute(update(MessageRow).where(MessageRow.id == answer_id).values(state="complete", text="I see."))


def test_a_talk_from_elsewhere_is_asked_about_by_its_visitor_only(database: Database):
    talk = make_talk(database, turns=END, origin="import", silent_for=HALF_AN_HOUR)
    assert unasked.request_at_end(database, talk.id, versions=VERSIONS) is None
    assert find_silent(database) == []


def test_what_says_nothing_is_not_judged_unasked(database: Database):
    scenario = interview()
    talk = make_conversation(database, scenario_hash=scenario.hash, scenario_body=scenario.body())
    for _ in range(END):
        make_turn(database, talk, text="Hm.")
    make_older(database, talk.id, HALF_AN_HOUR)
    assert unasked.request_at_end(database, talk.id, versions=VERSIONS) is None
    assert ask_after_silence(database, talk) is None


def test_the_page_hears_of_the_feedback_at_the_end_by_itself(web: Web, olga: Browser):
    talk = olga.begin()
    with olga.live() as live:
        for _ in range(END):
            olga.ended(olga.say(talk)["answer_id"])
        frame = live.wait_for("feedback", conversation_id=talk)
    assert (frame["asked_by"], frame["state"]) == ("end", "queued")
    assert len(web.rung) == 1
    again = olga.post(f"/api/v1/conversations/{talk}/feedback").json()
    assert (again["id"], again["asked_by"]) == (frame["id"], "end")


def test_an_answer_that_failed_does_not_end_the_talk_and_its_retry_does(
    web: Web, olga: Browser, scripted_model: ScriptedModel
):
    talk = olga.begin()
    for _ in range(END - 1):
        olga.ended(olga.say(talk)["answer_id"])
    scripted_model.enqueue(Script(text=""))
    failed = olga.ended(olga.say(talk)["answer_id"])
    assert failed["state"] == "error"
    retried = olga.post(f"/api/v1/messages/{failed['id']}/retry").json()
    assert olga.ended(retried["answer_id"])["state"] == "complete"
    until(lambda: web.rung, what="the ring")
    [view] = list_feedback(web.parts.db, visitor_of(web, talk), talk)
    assert view.leaf_id == retried["answer_id"]


def visitor_of(web: Web, conversation_id: str) -> str:
    with web.parts.db.read() as session:
        return session.get_one(ConversationRow, conversation_id).visitor_id


def test_with_the_setting_off_the_end_asks_for_nothing(database: Database, web_settings: Settings):
    with running_web(web_settings.model_copy(update={"feedback_at_end": "off"})) as web, web.browser() as olga:
        talk = olga.begin()
        for _ in range(END):
            olga.ended(olga.say(talk)["answer_id"])
        visitor_id = visitor_of(web, talk)
        web.stop()  # sees all answers through
        assert list_feedback(database, visitor_id, talk) == []


# ------------------------------------------------------------------------------------------------- after a silence


def test_a_silent_talk_is_asked_about_once(any_database: Database):
    talk = make_talk(any_database, turns=2, silent_for=HALF_AN_HOUR)
    assert find_silent(any_database) == [talk.id]
    assert ask_after_silence(any_database, talk)
    [view] = list_feedback(any_database, OLGA, talk.id)
    assert view.asked_by == "idle"
    assert find_silent(any_database) == []
    assert ask_after_silence(any_database, talk) is None


@pytest.mark.parametrize("silent_for", [timedelta(minutes=29), HALF_AN_HOUR + SILENCE_COUNTS_FOR])
def test_neither_a_talk_that_goes_on_nor_one_of_long_ago_is_silent(database: Database, silent_for: timedelta):
    talk = make_talk(database, turns=2, silent_for=silent_for)
    assert find_silent(database) == []
    assert ask_after_silence(database, talk) is None


def test_one_message_is_too_little_to_ask_unasked(database: Database):
    make_talk(database, turns=1, silent_for=HALF_AN_HOUR)
    assert find_silent(database) == []


def test_after_a_feedback_two_new_messages_are_needed(any_database: Database):
    talk = make_talk(any_database, turns=4)
    request_feedback(any_database, OLGA, talk.id, versions=VERSIONS)
    make_turn(any_database, talk)
    make_older(any_database, talk.id, HALF_AN_HOUR)
    assert find_silent(any_database) == []
    make_turn(any_database, talk)
    make_older(any_database, talk.id, HALF_AN_HOUR)
    assert find_silent(any_database) == [talk.id]


def test_what_was_copied_into_a_talk_tried_again_does_not_count(database: Database):
    talk = make_talk(database, turns=5, origin="again")
    with database.write() as session:
        began_at = session.get_one(ConversationRow, talk.id).updated_at
        session.get_one(ConversationRow, talk.id).created_at = began_at
    make_turn(database, talk)
    make_older(database, talk.id, HALF_AN_HOUR)
    assert find_silent(database) == []
    make_turn(database, talk)
    make_older(database, talk.id, HALF_AN_HOUR)
    assert find_silent(database) == [talk.id]


def test_a_talk_whose_answer_is_being_written_is_not_silent(database: Database):
    talk = make_talk(database, turns=2)
    start_turn(database, talk)
    make_older(database, talk.id, HALF_AN_HOUR)
    assert find_silent(database) == []


def test_many_workers_that_look_at_once_make_one_feedback(any_database: Database):
    talk = make_talk(any_database, turns=2, silent_for=HALF_AN_HOUR)
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: ask_after_silence(any_database, talk), range(8)))
    assert len([job_id for job_id in made if job_id]) == 1
    assert len(list_feedback(any_database, OLGA, talk.id)) == 1


def test_a_visitor_who_comes_back_and_asks_gets_the_feedback_of_the_silence(database: Database, settings: Settings):
    talk = make_talk(database, turns=2, silent_for=HALF_AN_HOUR)
    rung: list[str] = []
    assert ask_in_turn(database, settings.model_copy(update={"feedback_idle_min": 30}), rung.append) == 1
    versions = request_versions(settings, talk.scenario_hash)
    view, job_id = request_feedback(database, OLGA, talk.id, versions=versions)
    assert (view.asked_by, job_id) == ("idle", None)
    assert len(rung) == 1


def test_without_the_setting_silence_asks_for_nothing(database: Database, settings: Settings):
    make_talk(database, turns=2, silent_for=HALF_AN_HOUR)
    assert ask_in_turn(database, settings, [].append) == 0
    assert settings.feedback_idle_min == 0


def test_the_worker_itself_finds_a_silent_talk_and_reviews_it(
    database: Database, settings: Settings, scripted_model: ScriptedModel
):
    talk = make_talk(database, turns=2, silent_for=HALF_AN_HOUR)
    with WorkerProcess(with_quick_jobs(settings, scripted_model.url, feedback_idle_min=30)):
        wait_until(lambda: is_done(database, talk), "the feedback of the silence")
    [view] = list_feedback(database, OLGA, talk.id)
    assert (view.state, view.asked_by) == (JobState.SUCCEEDED, "idle")


def is_done(db: Database, talk: Conversation) -> bool:
    return any(view.state.is_final for view in list_feedback(db, OLGA, talk.id))

"""What a visitor reads when there is no feedback: too short, withdrawn, the talk deleted meanwhile; never any words."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from debrief.feedback import JobState
from debrief.settings import Settings
from debrief.texts import say
from storage import reviews
from storage.conversations import delete_conversation
from storage.engine import Database
from storage.feedback import get_feedback, request_feedback
from tests.factories import OLGA
from tests.job_scene import (
    WorkerProcess,
    ask_for_feedback,
    claim,
    ring,
    store,
    wait_for_end,
    wait_for_start,
    wait_until,
    with_quick_jobs,
)
from tests.review_scene import make_account, regenerate, sign_in
from tests.scripted_model import Received, Script, ScriptedModel, is_structured
from tests.web_scene import Browser, Web
from webapp.notices import feedback_notice

pytestmark = pytest.mark.both_engines

SLOW_S = 30


@pytest.fixture
def quick(settings: Settings, scripted_model: ScriptedModel) -> Settings:
    return with_quick_jobs(settings, scripted_model.url)


def is_feedback(received: Received) -> bool:
    """Not the worker's warm-up."""
    return is_structured(received) and received.schema_name != "ready"


def test_what_is_withdrawn_while_it_is_made_never_comes_back(any_database: Database):
    admin = make_account(any_database, "ada", "admin")
    view, job_id = ask_for_feedback(any_database)
    mine = claim(any_database, job_id)
    assert mine
    reviews.withdraw(any_database, admin, view.id)
    assert not store(any_database, mine, summary="too late")
    seen = get_feedback(any_database, OLGA, view.id)
    assert (seen.state, seen.review_state, seen.body, seen.checks) == (JobState.CANCELLED, "withdrawn", None, [])
    assert feedback_notice(seen, "en") == say("notice.withdrawn", "en")


def test_what_is_withdrawn_while_it_is_made_once_more_stays_away(any_database: Database):
    admin = make_account(any_database, "ada", "admin")
    view, job_id = ask_for_feedback(any_database)
    first = claim(any_database, job_id)
    assert first
    store(any_database, first)
    second_id = regenerate(any_database, view.id)
    second = claim(any_database, second_id)
    assert second
    reviews.withdraw(any_database, admin, view.id)
    assert not store(any_database, second)
    assert get_feedback(any_database, OLGA, view.id).body is None


def test_withdrawing_and_storing_at_once_never_show_the_words(any_database: Database):
    admin = make_account(any_database, "ada", "admin")
    for _ in range(10):
        view, job_id = ask_for_feedback(any_database)
        mine = claim(any_database, job_id)
        assert mine
        with ThreadPoolExecutor(2) as threads:
            storing = threads.submit(store, any_database, mine)
            withdrawing = threads.submit(reviews.withdraw, any_database, admin, view.id)
            storing.result()
            withdrawing.result()
        seen = get_feedback(any_database, OLGA, view.id)
        assert (seen.review_state, seen.body) == ("withdrawn", None)


def test_what_was_withdrawn_can_be_asked_for_anew(database: Database):
    admin = make_account(database, "ada", "admin")
    view, _ = ask_for_feedback(database)
    reviews.withdraw(database, admin, view.id)
    again, job_id = request_feedback(database, OLGA, view.conversation_id, versions={"rubric": "1"})
    assert job_id
    assert again.id != view.id


def test_an_admin_stops_a_worker_by_withdrawing_what_it_makes(web: Web, olga: Browser):
    make_account(web.parts.db, "ada", "admin")
    make_account(web.parts.db, "rita")
    talk = olga.begin()
    olga.ended(olga.say(talk)["answer_id"])
    feedback_id = olga.post(f"/api/v1/conversations/{talk}/feedback").json()["id"]
    mine = claim(web.parts.db, web.rung[0])
    assert mine
    path = f"/api/v1/review/{feedback_id}/withdraw"
    with web.browser() as ada, web.browser() as rita:
        sign_in(rita, "rita")
        assert rita.post(path).status_code == 403
        sign_in(ada, "ada")
        assert ada.post(path).json()["state"] == "withdrawn"
    assert not store(web.parts.db, mine)
    seen = olga.get(f"/api/v1/feedback/{feedback_id}").json()
    assert (seen["review_state"], seen["body"], seen["notice"]) == ("withdrawn", None, say("notice.withdrawn", "en"))


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.only_sqlite("what is written, whatever it is stored in")
def test_a_talk_too_short_to_judge_is_said_to_be_and_gets_no_level(
    database: Database, quick: Settings, scripted_model: ScriptedModel, language: str
):
    view, job_id = ask_for_feedback(database, said="Hm.")
    ring(quick, job_id)
    with WorkerProcess(quick):
        view = wait_for_end(database, view)
    assert (view.state, view.error_code, view.body) == (JobState.SKIPPED, "too_short", None)
    words = {"en": "Talk on for a few turns, then ask again.", "ko": "몇 마디 더 나눈 뒤 다시 요청해 주세요."}
    assert feedback_notice(view, language).endswith(words[language])
    assert not any(map(is_feedback, scripted_model.chats))


def test_a_talk_deleted_while_it_is_reviewed_frees_the_model_and_the_worker(
    database: Database, quick: Settings, scripted_model: ScriptedModel
):
    scripted_model.enqueue(Script(delay_s=SLOW_S), when=is_feedback)
    view, job_id = ask_for_feedback(database)
    ring(quick, job_id)
    with WorkerProcess(quick) as worker:
        wait_for_start(database, job_id)
        scripted_model.wait_for(lambda model: any(map(is_feedback, model.chats)), within_s=60)
        delete_conversation(database, OLGA, view.conversation_id)
        scripted_model.wait_for(lambda model: model.active == 0)
        other, job_id = ask_for_feedback(database)
        ring(quick, job_id)
        assert wait_for_end(database, other).state == JobState.SUCCEEDED
        wait_until(lambda: "job_lost" in worker.log, "the worker's word")
        assert "Traceback" not in worker.log

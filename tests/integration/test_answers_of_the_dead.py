"""Who ends an answer whose web process has died, and when: at once where its lock tells, else after its silence."""

import signal
from dataclasses import replace
from datetime import timedelta

from debrief.conversation import MessageState
from debrief.settings import Settings
from storage.answers import mark_interrupted
from storage.engine import Database, utc_now
from storage.messages import get_messages
from storage.turns import start_retry
from tests.factories import OLGA, make_conversation, start_turn
from tests.scripted_model import Script, ScriptedModel
from tests.web_process import web_process
from tests.web_scene import QUICK, Browser, Web, running_web, until

STEADY = Script(text=" ".join(f"word{n}" for n in range(1500)), token_delay_s=0.02)
SILENCE_TELLS_NOTHING = replace(QUICK, dead_after_s=3600)
LONG_AGO = timedelta(hours=1)


def say_and_hear_some(browser: Browser) -> str:
    answer_id = browser.say(browser.begin())["answer_id"]
    until(lambda: len(browser.answer(answer_id)["text"]) > 50, within_s=60, what="some of the answer to be stored")
    return answer_id


def test_the_answers_of_a_dead_process_end_however_lately_it_wrote_and_those_of_others_go_on(any_database: Database):
    dead, living, unnamed = (
        start_turn(any_database, make_conversation(any_database), writer_id=writer).answer.id
        for writer in ("p_dead", "p_living", None)
    )
    assert mark_interrupted(any_database, silent_since=utc_now() - LONG_AGO, dead_writers=["p_dead"]) == [dead]
    states = [message.state for message in get_messages(any_database, [dead, living, unnamed])]
    assert states == [MessageState.INTERRUPTED, MessageState.RUNNING, MessageState.RUNNING]


def test_an_answer_tried_again_is_its_new_writers(any_database: Database):
    first = start_turn(any_database, make_conversation(any_database), writer_id="p_dead").answer.id
    mark_interrupted(any_database, silent_since=utc_now() - LONG_AGO, dead_writers=["p_dead"])
    again = start_retry(
        any_database, OLGA, first, "again", per_visitor_cap=9, total_cap=9, writer_id="p_living"
    ).answer.id
    assert mark_interrupted(any_database, silent_since=utc_now() - LONG_AGO, dead_writers=["p_dead"]) == []
    assert mark_interrupted(any_database, silent_since=utc_now() - LONG_AGO, dead_writers=["p_living"]) == [again]


def test_the_lock_of_a_killed_process_ends_its_answers_when_the_next_one_starts(
    web_settings: Settings, scripted_model: ScriptedModel, database: Database
):
    scripted_model.default = lambda _: STEADY
    with web_process(web_settings, SILENCE_TELLS_NOTHING) as (process, url), Browser(url) as olga:
        answer_id = say_and_hear_some(olga)
        process.send_signal(signal.SIGKILL)
        process.wait()
        cookies = olga.cookies

    with running_web(web_settings, SILENCE_TELLS_NOTHING) as web, web.browser(cookies=cookies) as olga:
        answer = olga.ended(answer_id, within_s=60)
        assert (answer["state"], answer["error"]["code"]) == ("interrupted", "interrupted")
        until(lambda: signs_of_life(web) == [web.parts.turns.writer_id], what="the dead one to be forgotten")


def test_another_process_that_runs_already_ends_them_too_and_keeps_its_own(
    web_settings: Settings, scripted_model: ScriptedModel, database: Database
):
    scripted_model.default = lambda _: STEADY
    with (
        running_web(web_settings, SILENCE_TELLS_NOTHING) as web,
        web_process(web_settings, SILENCE_TELLS_NOTHING) as (process, url),
        web.browser() as sam,
        Browser(url) as olga,
    ):
        mine, theirs = say_and_hear_some(olga), say_and_hear_some(sam)
        assert len(signs_of_life(web)) == 2
        process.send_signal(signal.SIGKILL)
        olga.base_url = web.url
        assert olga.ended(mine, within_s=60)["state"] == "interrupted"
        assert sam.answer(theirs)["state"] == "running"
        until(lambda: sam.answer(theirs)["text"].count("word") > 20, what="the other answer to go on")


def test_a_process_that_ends_in_order_leaves_no_sign_of_life(web_settings: Settings):
    with running_web(web_settings) as web:
        assert signs_of_life(web) == [web.parts.turns.writer_id]
    assert signs_of_life(web) == []


def test_where_life_cannot_be_shown_the_page_comes_up_all_the_same(web_settings: Settings):
    web_settings.data_dir.mkdir(exist_ok=True)
    (web_settings.data_dir / "alive").write_text("not a folder")
    with running_web(web_settings) as web, web.browser() as olga:
        assert olga.ended(olga.say(olga.begin())["answer_id"])["state"] == "complete"


def signs_of_life(web: Web) -> list[str]:
    folder = web.settings.data_dir / "alive" / "web"
    return sorted(file.name for file in folder.iterdir())

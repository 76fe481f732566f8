"""How an answer is written and how it ends, whatever happens to the tab, the model or the process."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from debrief.conversation import MessageState
from debrief.settings import Settings
from storage import answers, gauges
from storage.engine import utc_now
from tests.scripted_model import Script, ScriptedModel
from tests.web_scene import QUICK, Browser, Web, running_web, until
from webapp.pace import Pace
from webapp.turns import FIRST_TOKEN_GAUGE

pytestmark = pytest.mark.both_engines

LONG = " ".join(f"word{n}" for n in range(400))


def test_sixteen_visitors_at_once_each_get_their_own_answer_and_nobody_waits(web: Web, scripted_model: ScriptedModel):
    scripted_model.echo_nonce = True
    scripted_model.token_delay_s = 0.15  # long enough for all sixteen to be there before the first has ended
    ready = threading.Barrier(16)

    def talk(n: int) -> str:
        with web.browser() as visitor:
            conversation = visitor.begin()
            ready.wait(20)
            ids = visitor.say(conversation, f"Please repeat nonce-{n:02d}")
            return visitor.ended(ids["answer_id"], within_s=20)["text"]

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(talk, range(16)))

    for n, answer in enumerate(answers):
        assert set(answer.split()) == {f"nonce-{n:02d}"}
    assert scripted_model.peak_active == 16


def test_closing_the_tab_does_not_stop_the_answer(web: Web, olga: Browser, scripted_model: ScriptedModel):
    scripted_model.enqueue(Script(text=LONG, token_delay_s=0.002))
    talk = olga.begin()
    with olga.live() as live:
        ids = olga.say(talk)
        live.wait_for("answer", id=ids["answer_id"])

    assert olga.ended(ids["answer_id"])["text"] == LONG
    assert scripted_model.cancelled == 0


def test_what_no_database_takes_is_heard_as_it_is_stored(web: Web, olga: Browser, scripted_model: ScriptedModel):
    scripted_model.enqueue(Script(pieces=("I", " s\0ee", " you,\u2028Olga.")))
    talk = olga.begin()
    with olga.live() as live:
        ids = olga.say(talk)
        live.wait_for("done", id=ids["answer_id"])
        heard = live.text(ids["answer_id"])

    stored = olga.ended(ids["answer_id"])
    assert (stored["state"], stored["text"]) == ("complete", "I s\ufffdee you,\u2028Olga.")
    assert heard == stored["text"]


def test_leaving_a_streamed_post_does_not_stop_the_answer(web: Web, olga: Browser, scripted_model: ScriptedModel):
    scripted_model.enqueue(Script(text=LONG, token_delay_s=0.002))
    talk = olga.begin()
    with olga.stream(
        "POST",
        f"/api/v1/conversations/{talk}/messages",
        json={"text": "Hello."},
        headers={"accept": "text/event-stream"},
    ) as response:
        next(response.iter_lines())

    answer_id = olga.read(talk)["messages"][-1]["id"]
    assert olga.ended(answer_id)["text"] == LONG


def test_stop_from_another_connection_keeps_the_text_and_frees_the_seat(
    web: Web, olga: Browser, scripted_model: ScriptedModel
):
    scripted_model.enqueue(Script(text="One two three four.", stall_after=2))
    talk = olga.begin()
    with olga.live() as live:
        ids = olga.say(talk)
        until(lambda: live.text(ids["answer_id"]) == "One two")

        stopped = olga.post(f"/api/v1/conversations/{talk}/stop").json()
        scripted_model.wait_for(lambda model: model.active == 0)

        assert stopped == {"stopped": [ids["answer_id"]]}
        assert live.wait_for("done", id=ids["answer_id"])["state"] == "stopped"
    answer = olga.answer(ids["answer_id"])
    assert (answer["state"], answer["text"], answer["error"]) == ("stopped", "One two", None)
    assert olga.post(f"/api/v1/conversations/{talk}/stop").json() == {"stopped": []}


def test_a_model_that_starts_late_answers_by_itself(web_settings: Settings, scripted_model: ScriptedModel):
    scripted_model.go_down()
    with running_web(web_settings) as web, web.browser() as olga:
        talk = olga.begin()
        with olga.live() as live:
            assert live.wait_for("hello")["model"]["state"] == "starting"
            ids = olga.say(talk)
            until(lambda: len(live.of("model")) >= 2)
            assert olga.answer(ids["answer_id"])["state"] == "running"

            scripted_model.come_up()

            assert live.wait_for("done", id=ids["answer_id"])["state"] == "complete"
            live.wait_for("model", state="ready")


def test_a_model_that_went_down_is_said_at_once(web: Web, olga: Browser, scripted_model: ScriptedModel):
    talk = olga.begin()
    olga.ended(olga.say(talk)["answer_id"])
    scripted_model.go_down()
    until(lambda: olga.get("/healthz").json()["model"]["state"] == "down")

    answer = olga.ended(olga.say(talk, "Are you there?")["answer_id"], within_s=15)

    assert (answer["state"], answer["error"]["code"]) == ("error", "model_unavailable")
    assert olga.read(talk)["messages"][-2]["text"] == "Are you there?"


def test_a_model_that_dies_in_mid_answer_leaves_what_it_wrote(web: Web, olga: Browser, scripted_model: ScriptedModel):
    scripted_model.enqueue(Script(text="One two three.", stall_after=2))
    talk = olga.begin()
    with olga.live() as live:
        ids = olga.say(talk)
        until(lambda: live.text(ids["answer_id"]) == "One two")
        scripted_model.go_down()
        done = live.wait_for("done", id=ids["answer_id"], within_s=15)

    assert (done["state"], done["error"]["code"], done["length"]) == ("error", "model_broke", 7)
    assert olga.answer(ids["answer_id"])["text"] == "One two"


def test_the_oldest_turns_leave_a_prompt_that_would_be_too_long(web_settings: Settings, scripted_model: ScriptedModel):
    scripted_model.context_tokens = 400
    small = web_settings.model_copy(update={"reply_max_tokens": 50})
    with running_web(small) as web, web.browser() as olga:
        talk = olga.begin()
        for n in range(8):
            answer = olga.ended(olga.say(talk, f"turn{n} " + "word " * 60)["answer_id"])
            assert answer["state"] in ("complete", "cut_off"), answer

    words = " ".join(message["content"] for message in scripted_model.chats[-1].messages)
    assert "turn7" in words
    assert "turn0" not in words


def test_a_message_that_is_longer_than_the_model_can_read_says_so(
    web_settings: Settings, scripted_model: ScriptedModel
):
    scripted_model.context_tokens = 300
    with running_web(web_settings) as web, web.browser() as olga:
        answer = olga.ended(olga.say(olga.begin(), "word " * 700)["answer_id"])

    assert (answer["state"], answer["error"]["code"]) == ("error", "prompt_too_long")


def test_ending_the_process_saves_the_text_as_interrupted_within_seconds(
    web_settings: Settings, scripted_model: ScriptedModel
):
    scripted_model.enqueue(Script(text="One two three.", stall_after=2))
    with running_web(web_settings) as web, web.browser() as olga:
        ids = olga.say(olga.begin())
        with olga.live() as live:
            until(lambda: live.text(ids["answer_id"]) == "One two")
            assert web.stop() < 3
            assert live.wait_for("done", id=ids["answer_id"])["state"] == "interrupted"
        cookies = olga.cookies

    with running_web(web_settings) as again, again.browser(cookies=cookies) as olga:
        answer = olga.answer(ids["answer_id"])
    assert (answer["state"], answer["text"], answer["error"]["code"]) == ("interrupted", "One two", "interrupted")


def test_an_answer_taken_for_dead_is_not_written_by_its_old_writer(
    web: Web, olga: Browser, scripted_model: ScriptedModel
):
    scripted_model.enqueue(Script(text="One two three.", stall_after=1))
    talk = olga.begin()
    ids = olga.say(talk)
    until(lambda: olga.answer(ids["answer_id"])["text"] == "One")

    answers.mark_interrupted(web.parts.db, silent_since=utc_now().replace(year=2100))

    scripted_model.wait_for(lambda model: model.active == 0)
    until(lambda: web.parts.turns.running_count == 0)
    assert olga.answer(ids["answer_id"])["state"] == MessageState.INTERRUPTED


def test_the_worker_can_read_how_long_chat_waits_for_its_first_token(
    web: Web, olga: Browser, scripted_model: ScriptedModel
):
    scripted_model.enqueue(Script(text=LONG, headers_then_delay_s=0.2, token_delay_s=0.001))
    olga.say(olga.begin())

    seconds = until(lambda: gauges.get_gauge(web.parts.db, FIRST_TOKEN_GAUGE, max_age_s=60))

    assert 0.2 <= seconds < 20


def test_the_pace_of_the_product_is_not_the_tests(web_settings: Settings):
    assert Pace().flush_s <= 0.5
    assert Pace().dead_after_s > 4 * Pace().flush_s
    assert Pace() != QUICK

"""Who is let in when there is no room: feedback that waits, answers at once, the day's budgets; and how it is said."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from debrief.conversation import Conversation, MessageState
from debrief.errors import TooBusy
from debrief.settings import Settings
from storage import answers, unasked
from storage.engine import Database, utc_now
from storage.feedback import FeedbackLimits, cancel_feedback, list_feedback, request_feedback
from storage.spending import Daily, read_spent, spend
from storage.tables import MessageRow
from tasks.reaper import ask_in_turn
from tests.factories import OLGA, SAM, make_conversation, make_turn, start_turn
from tests.integration.test_unasked_feedback import END, HALF_AN_HOUR, make_talk, visitor_of
from tests.job_scene import claim, store
from tests.review_scene import PASSWORD, make_account
from tests.scripted_model import Script, ScriptedModel
from tests.web_scene import Browser, Web, running_web, until
from webapp.limits.tally import Tally

VERSIONS = {"rubric": "1"}
FULL = FeedbackLimits(waiting=1)
USED_UP = FeedbackLimits(Daily(1, 1))


def ask(db: Database, talk: Conversation, limits: FeedbackLimits) -> str | None:
    """Ask for the debrief; the id of its job."""
    return request_feedback(db, talk.visitor_id, talk.id, versions=VERSIONS, limits=limits)[1]


def refusal_code(db: Database, talk: Conversation, limits: FeedbackLimits) -> str:
    with pytest.raises(TooBusy) as refused:
        ask(db, talk, limits)
    return refused.value.reason


def make_full(db: Database, visitor_id: str = SAM) -> str:
    """Somebody's debrief waits; its job's id."""
    job_id = ask(db, make_conversation(db, visitor_id=visitor_id, turns=1), FeedbackLimits())
    assert job_id
    return job_id


# ------------------------------------------------------------------------------------------------- feedback that waits


def test_a_visitor_with_too_many_debriefs_waiting_is_refused_until_one_has_ended(any_database: Database):
    job_id = make_full(any_database, OLGA)
    talk, limits = make_conversation(any_database, turns=1), FeedbackLimits(waiting_per_visitor=1)
    assert refusal_code(any_database, talk, limits) == "feedbacks_waiting"
    mine = claim(any_database, job_id)
    assert mine
    assert refusal_code(any_database, talk, limits) == "feedbacks_waiting", "it is being made, which counts as well"
    store(any_database, mine)
    assert ask(any_database, talk, limits)


def test_the_cap_of_one_visitor_is_not_anothers(any_database: Database):
    make_full(any_database, SAM)
    assert ask(any_database, make_conversation(any_database, turns=1), FeedbackLimits(waiting_per_visitor=1))


def test_when_too_many_wait_in_all_nobody_new_is_let_in_and_nothing_is_stored(any_database: Database):
    make_full(any_database)
    talk = make_conversation(any_database, turns=1)
    assert refusal_code(any_database, talk, FULL) == "feedbacks_waiting_of_all"
    assert list_feedback(any_database, OLGA, talk.id) == []
    assert read_spent(any_database, "feedbacks").used == 1


def test_whoever_has_asked_before_finds_their_debrief_also_when_it_is_full(any_database: Database):
    talk = make_conversation(any_database, turns=1)
    assert ask(any_database, talk, FULL)
    assert ask(any_database, talk, FULL) is None


def test_stopping_one_makes_room(any_database: Database):
    talk, other = make_conversation(any_database, turns=1), make_conversation(any_database, turns=1)
    view, _ = request_feedback(any_database, OLGA, talk.id, versions=VERSIONS)
    assert refusal_code(any_database, other, FULL) == "feedbacks_waiting_of_all"
    cancel_feedback(any_database, OLGA, view.id)
    assert ask(any_database, other, FULL)


@pytest.mark.parametrize("limits", [FeedbackLimits(waiting=3), FeedbackLimits(waiting_per_visitor=3)])
def test_of_many_who_ask_at_once_no_more_than_the_cap_get_in(any_database: Database, limits: FeedbackLimits):
    talks = [make_conversation(any_database, turns=1) for _ in range(8)]

    def attempt(talk: Conversation) -> bool:
        try:
            return ask(any_database, talk, limits) is not None
        except TooBusy:
            return False

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(attempt, talks)) == 3


# ------------------------------------------------------------------------------------------- feedback nobody asked for


@pytest.mark.parametrize("limits", [FULL, USED_UP])
def test_without_room_the_end_of_a_talk_asks_for_nothing_and_the_next_turn_asks_again(
    any_database: Database, limits: FeedbackLimits
):
    make_full(any_database)
    talk = make_talk(any_database, turns=END)
    with pytest.raises(TooBusy):
        unasked.request_at_end(any_database, talk.id, versions=VERSIONS, limits=limits)
    assert list_feedback(any_database, OLGA, talk.id) == []
    assert read_spent(any_database, "feedbacks").used == 1
    make_turn(any_database, talk)
    assert unasked.request_at_end(any_database, talk.id, versions=VERSIONS)


def test_a_visitor_notices_nothing_when_the_end_finds_no_room(database: Database, web_settings: Settings):
    with running_web(web_settings.model_copy(update={"feedbacks_per_day": 1})) as web, web.browser() as olga:
        with database.write() as session:
            spend(session, "feedbacks", SAM, Daily(), utc_now())
        talk = olga.begin()
        ends = [olga.ended(olga.say(talk)["answer_id"])["state"] for _ in range(END)]
        visitor_id = visitor_of(web, talk)
        web.stop()  # sees all answers through
        assert ends == ["complete"] * END
        assert list_feedback(database, visitor_id, talk) == []


def test_a_silent_talk_that_finds_no_room_is_asked_about_when_there_is_some(database: Database, settings: Settings):
    job_id = make_full(database)
    talk = make_talk(database, turns=2, silent_for=HALF_AN_HOUR)
    full = settings.model_copy(update={"feedback_idle_min": 30, "feedbacks_waiting": 1})
    assert ask_in_turn(database, full, [].append) == 0
    assert list_feedback(database, OLGA, talk.id) == []
    mine = claim(database, job_id)
    assert mine
    store(database, mine)
    other_worker_looks = full.model_copy(update={"feedback_idle_min": 0.001})
    assert until(lambda: ask_in_turn(database, other_worker_looks, [].append), what="the next look") == 1


# ------------------------------------------------------------------------------------------------- how long to wait


@pytest.mark.parametrize(("age_s", "others", "said"), [(0, 1, 5), (30, 1, 30), (30, 3, 15), (500, 1, 60)])
def test_how_long_to_wait_for_a_place_follows_from_the_answers_being_written(
    any_database: Database, age_s: int, others: int, said: int
):
    """Answers that have run for 30 s on average take about a minute: of three the next ends in 15 s."""
    for n in range(others):
        turn = start_turn(any_database, make_conversation(any_database, visitor_id=f"v_{n}"))
        with any_database.write() as session:
            session.get_one(MessageRow, turn.answer.id).created_at -= timedelta(seconds=age_s)
    with pytest.raises(TooBusy) as refused:
        start_turn(any_database, make_conversation(any_database), total_cap=others)
    assert refused.value.reason == "too_busy"
    assert refused.value.retry_after_s == pytest.approx(said, abs=2)


# ------------------------------------------------------------------------------------------------- over HTTP

DAILY = [
    ({"answers_per_day_per_visitor": 1}, "answers_spent", "the 1 answers that one person gets here", "답변 1개를 모두"),
    ({"answers_per_day": 1}, "answers_spent_by_all", "all the answers that it gives in a day", "하루에 드릴 수 있는"),
]


@pytest.mark.parametrize(("limits", "code", "english", "korean"), DAILY)
def test_the_end_of_the_days_answers_is_said_in_words_and_nothing_of_the_message_is_stored(
    database: Database, web_settings: Settings, limits: dict, code: str, english: str, korean: str
):
    """The tests' settings have `rate_limit` off: the budgets are settings of their own and hold all the same."""
    with running_web(web_settings.model_copy(update=limits)) as web, web.browser() as olga:
        talk = olga.begin()
        olga.ended(olga.say(talk)["answer_id"])
        before = olga.read(talk)["messages"]
        body = {"text": "One more thing.", "request_id": "late"}
        for language, words, unit in (("en", english, "Your text is kept"), ("ko", korean, "입력하신 내용은 그대로")):
            response = olga.post(
                f"/api/v1/conversations/{talk}/messages", json=body, headers={"accept-language": language}
            )
            assert response.status_code == 429
            assert response.json()["code"] == code
            assert words in response.json()["message"]
            assert unit in response.json()["message"]
            assert 0 < int(response.headers["retry-after"]) <= 24 * 3600
        assert olga.read(talk)["messages"] == before
        retry = olga.post(f"/api/v1/messages/{before[-1]['id']}/retry")
        assert (retry.status_code, retry.json()["code"]) == (429, code)


FEEDBACK = [
    ({"feedbacks_per_day_per_visitor": 1}, "feedbacks_spent", True),
    ({"feedbacks_per_day": 1}, "feedbacks_spent_by_all", True),
    ({"feedbacks_waiting_per_visitor": 1}, "feedbacks_waiting", False),
    ({"feedbacks_waiting": 1}, "feedbacks_waiting_of_all", True),
]


@pytest.mark.parametrize(("limits", "code", "says_when"), FEEDBACK)
def test_a_debrief_for_which_there_is_no_room_is_refused_in_words(
    database: Database, web_settings: Settings, limits: dict, code: str, says_when: bool
):
    with running_web(web_settings.model_copy(update=limits)) as web, web.browser() as olga:
        first, second = olga.begin(), olga.begin()
        for talk in (first, second):
            olga.ended(olga.say(talk)["answer_id"])
        asked = olga.post(f"/api/v1/conversations/{first}/feedback")
        assert asked.status_code == 202
        response = olga.post(f"/api/v1/conversations/{second}/feedback")
        assert (response.status_code, response.json()["code"]) == (429, code)
        assert ("ask again in about" in response.json()["message"]) == says_when
        assert "You can go on talking." in response.json()["message"]
        assert int(response.headers["retry-after"]) > 0
        again = olga.post(f"/api/v1/conversations/{first}/feedback")
        assert (again.status_code, again.json()["id"]) == (202, asked.json()["id"])
        assert olga.ended(olga.say(second)["answer_id"])["state"] == MessageState.COMPLETE.value


# ------------------------------------------------------------------------------------------------- the operator


def test_the_operator_sees_what_was_used_and_what_was_refused(
    database: Database, web_settings: Settings, scripted_model: ScriptedModel
):
    scripted_model.default = lambda _: Script(text="I see.")
    limits = {"answers_per_day": 3, "answers_per_day_per_visitor": 2}
    with running_web(web_settings.model_copy(update=limits)) as web, web.browser() as olga, web.browser() as sam:
        for person, times in ((olga, 2), (sam, 1)):
            talk = person.begin()
            for _ in range(times):
                person.ended(person.say(talk)["answer_id"])
        for _ in range(2):
            assert olga.post(f"/api/v1/conversations/{olga_talk(olga)}/messages", json={"text": "x"}).status_code == 429
        big = olga.post("/api/v1/conversations", content=b"x" * (web_settings.body_max_bytes + 1))
        assert big.status_code == 413
        today = read_today(web)
    assert today["answers"] == {"used": 3, "most_by_one_visitor": 2, "limit": 3, "limit_per_visitor": 2}
    assert today["feedbacks"] == {"used": 0, "most_by_one_visitor": 0, "limit": 0, "limit_per_visitor": 50}
    assert today["refused"] == {"answers_spent": 2, "body_too_large": 1}


def olga_talk(browser: Browser) -> str:
    return browser.get("/api/v1/conversations").json()["items"][0]["id"]


def read_today(web: Web) -> dict:
    make_account(web.parts.db, "ada", "admin")
    with web.browser() as ada:
        ada.post("/admin/login", data={"name": "ada", "password": PASSWORD})
        return ada.get("/api/v1/system").json()["today"]


def test_what_was_refused_is_counted_anew_each_day():
    now = datetime(2026, 11, 22, 23, 59, tzinfo=UTC)
    tally = Tally(lambda: now)
    for code in ("too_busy", "answers_spent", "answers_spent"):
        tally.count(code)
    assert list(tally.today().items()) == [("answers_spent", 2), ("too_busy", 1)]
    now += timedelta(minutes=1)
    assert tally.today() == {}


def test_an_answer_that_was_refused_can_be_had_once_there_is_room(any_database: Database):
    talk, other = make_conversation(any_database), make_conversation(any_database)
    running = start_turn(any_database, other)
    with pytest.raises(TooBusy):
        start_turn(any_database, talk, request_id="click", total_cap=1)
    assert running.writer_token
    answers.finish_answer(
        any_database, running.answer.id, running.writer_token, state=MessageState.COMPLETE, text="I see."
    )
    assert start_turn(any_database, talk, request_id="click", total_cap=1).is_new

"""When something is refused: the typed text stays in the box, the reason stands beside it, and sending works again."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import delete, text

from debrief.settings import Settings
from storage import engine, feedback
from storage.answers import finish_answer
from storage.engine import Database, utc_now
from storage.spending import Daily, spend
from storage.tables import ConversationRow, SpendingRow
from tests.browser.house import (
    House,
    Look,
    answer_rows,
    below,
    debrief_card,
    message_box,
    open_house,
    own_rows,
)
from tests.factories import make_conversation, start_turn
from tests.ports import free_port
from tests.scripted_model import ScriptedModel
from webapp.limits import rates

INTERVIEW = "Job interview"
TYPED = "This must not be lost."


class HeldClock:
    """The clock by which the house counts messages a minute; while it is held, nobody gets another message."""

    def __init__(self) -> None:
        self._held_at: float | None = None
        self._ahead_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self._ahead_s if self._held_at is None else self._held_at

    def hold(self) -> None:
        self._held_at = self()

    def let_go(self, *, later_s: float) -> None:
        self._held_at = None
        self._ahead_s += later_s


MINUTES = HeldClock()
LIMITS = {
    "answers_at_once": 3,
    "answers_at_once_per_visitor": 1,
    "answers_per_day": 100_000,
    "feedbacks_per_day": 100_000,
    "feedbacks_waiting_per_visitor": 2,
    "messages_per_minute": 20,
    "new_visitors_per_hour": 1000,
}


@pytest.fixture(scope="module")
def narrow_house(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One with small limits, which does not wait long for a locked database."""
    settings = Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("narrow"), **LIMITS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "BUSY_TIMEOUT_MS", 300)
        patch.setattr(rates, "TokenBuckets", partial(rates.TokenBuckets, clock=MINUTES))
        with ScriptedModel() as model, open_house(settings, model, browser) as house:
            yield house


@pytest.fixture
def olga(narrow_house: House) -> Iterator[Look]:
    with narrow_house.visit() as look:
        yield look


def visitor_of(db: Database, talk_id: str) -> str:
    with db.read() as session:
        return session.get_one(ConversationRow, talk_id).visitor_id


def reason(page: Page) -> Locator:
    return below(page).get_by_role("alert")


# ------------------------------------------------------------------------------------------- what stands in the way


@contextmanager
def too_fast(look: Look, talk_id: str) -> Iterator[None]:
    """The minute's messages are used up by talks brought from elsewhere; after three seconds there is one more."""
    MINUTES.hold()
    body = {"scenario": "job_interview", "messages": [{"role": "user", "text": "Hello."}]}
    url = f"{look.house.url}/api/v1/import/conversations"
    while look.page.context.request.post(url, data=body).status == 201:
        pass
    yield
    MINUTES.let_go(later_s=3)  # twenty a minute


@contextmanager
def another_answer(look: Look, talk_id: str) -> Iterator[None]:
    with being_answered(look.house.db, visitor_of(look.house.db, talk_id)):
        yield


@contextmanager
def many_others(look: Look, talk_id: str) -> Iterator[None]:
    db = look.house.db
    with being_answered(db, "v_one"), being_answered(db, "v_two"), being_answered(db, "v_three"):
        yield


@contextmanager
def being_answered(db: Database, visitor_id: str) -> Iterator[None]:
    turn = start_turn(db, make_conversation(db, visitor_id=visitor_id))
    yield
    assert turn.writer_token
    finish_answer(db, turn.answer.id, turn.writer_token, state=turn.user_message.state, text="I see.")


def used_up(name: str, whose: Callable[[str], str]) -> Callable[[Look, str], object]:
    """A day's budget at its limit; afterwards it is a new day."""

    @contextmanager
    def obstacle(look: Look, talk_id: str) -> Iterator[None]:
        db = look.house.db
        key = whose(visitor_of(db, talk_id))
        with db.write() as session:
            spend(session, name, visitor_of(db, talk_id), Daily(), utc_now())
            session.execute(text("UPDATE spending SET used = 100000 WHERE name = :key"), {"key": key})
        yield
        with db.write() as session:
            session.execute(delete(SpendingRow).where(SpendingRow.name == key))

    return obstacle


@contextmanager
def locked_database(look: Look, talk_id: str) -> Iterator[None]:
    with look.house.db.write() as session:
        session.execute(text("SELECT 1"))  # only now it takes the lock
        yield


@contextmanager
def lost_server(look: Look, talk_id: str) -> Iterator[None]:
    look.expect_lost_connections()
    look.page.route(re.compile(r"/messages$|/feedback$"), lambda route: route.abort())
    yield
    look.page.unroute(re.compile(r"/messages$|/feedback$"))


@dataclass(frozen=True)
class Case:
    obstacle: Callable[[Look, str], object]
    status: int
    words: str
    has_button: bool = True


CHAT = {
    "too fast": Case(too_fast, 429, "faster than the limit of 20 messages a minute"),
    "too many answers": Case(another_answer, 429, "You already have 1 answers being written"),
    "busy": Case(
        many_others, 429, "Many people are talking right now. Your text is kept; try again in about 5 seconds."
    ),
    "the day's answers": Case(
        used_up("answers", lambda visitor: f"answers:{visitor}"), 429, "You have had the 400 answers", has_button=False
    ),
    "the day's answers of all": Case(
        used_up("answers", lambda _: "answers"), 429, "all the answers that it gives in a day", has_button=False
    ),
    "not saved": Case(locked_database, 503, "This could not be saved just now. Your text is kept"),
    "no server": Case(lost_server, 0, "The server cannot be reached. Your text is kept"),
}


@pytest.mark.parametrize("case", CHAT.values(), ids=CHAT)
def test_a_refused_message_stays_in_the_box_with_the_reason_and_can_be_sent_when_the_way_is_free(
    olga: Look, case: Case
):
    talk_id = olga.start(INTERVIEW)
    olga.expect_refusals(case.status)
    with case.obstacle(olga, talk_id):
        olga.say(TYPED)
        expect(reason(olga.page)).to_contain_text(case.words)
        expect(message_box(olga.page)).to_have_value(TYPED)
        expect(message_box(olga.page)).to_be_focused()
        expect(own_rows(olga.page)).to_have_count(0)
        expect(olga.page.locator("#message .submit-button")).to_be_visible()
        expect(reason(olga.page).get_by_role("button")).to_have_count(int(case.has_button))
    message_box(olga.page).press("Enter")
    expect(answer_rows(olga.page)).to_have_count(2)
    expect(own_rows(olga.page)).to_have_count(1)
    expect(own_rows(olga.page)).to_contain_text(TYPED)
    expect(message_box(olga.page)).to_have_value("")
    expect(below(olga.page)).to_have_text("")


def test_a_text_that_is_too_long_stays_and_can_be_shortened(olga: Look):
    olga.start(INTERVIEW)
    olga.expect_refusals(413)
    long = "x" * (olga.house.settings.body_max_bytes + 1)
    olga.say(long)
    expect(reason(olga.page)).to_contain_text("more than this server takes in one request (256 kB)")
    expect(message_box(olga.page)).to_have_value(long)
    expect(reason(olga.page).get_by_role("button")).to_have_count(0)
    olga.say("Shorter.")
    expect(answer_rows(olga.page)).to_have_count(2)
    expect(message_box(olga.page)).to_have_value("")


def test_whoever_lost_the_cookie_keeps_the_text_and_reads_why(olga: Look):
    olga.start(INTERVIEW)
    olga.expect_refusals(404)
    olga.context.clear_cookies()
    olga.say(TYPED)
    expect(reason(olga.page)).to_contain_text("can no longer be reached from this browser")
    expect(message_box(olga.page)).to_have_value(TYPED)
    olga.page.reload()
    expect(olga.page.locator(".missing textarea")).to_have_value(TYPED)


def test_a_server_that_restarts_loses_no_text(browser: Browser, tmp_path):
    settings = Settings(_env_file=None, data_dir=tmp_path)
    port = free_port()
    with ScriptedModel() as model:
        with open_house(settings, model, browser, port=port) as house:
            visit = house.visit()
            olga = visit.__enter__()
            olga.start(INTERVIEW)
            olga.expect_lost_connections()
        olga.say(TYPED)
        expect(reason(olga.page)).to_contain_text("The server cannot be reached")
        expect(message_box(olga.page)).to_have_value(TYPED)
        with open_house(settings, model, browser, port=port):
            olga.page.get_by_role("button", name="Try again").click()
            expect(answer_rows(olga.page)).to_have_count(2)
            expect(own_rows(olga.page)).to_have_count(1)
            expect(message_box(olga.page)).to_have_value("")
            visit.__exit__(None, None, None)


def test_a_refused_text_is_there_after_a_reload(olga: Look):
    talk_id = olga.start(INTERVIEW)
    olga.expect_refusals(429)
    with another_answer(olga, talk_id):
        olga.say(TYPED)
        expect(reason(olga.page)).to_be_visible()
        olga.page.reload()
        expect(message_box(olga.page)).to_have_value(TYPED)
    message_box(olga.page).press("Enter")
    expect(own_rows(olga.page)).to_have_count(1)


def test_a_text_that_arrived_without_the_page_hearing_of_it_is_no_draft_after_a_reload(olga: Look):
    olga.expect_lost_connections()
    olga.start(INTERVIEW)

    def lose_the_answer(route) -> None:
        route.fetch()
        route.abort()

    olga.page.route(re.compile(r"/messages$"), lose_the_answer, times=1)
    olga.say(TYPED)
    olga.page.reload()
    expect(own_rows(olga.page)).to_have_count(1)
    expect(message_box(olga.page)).to_have_value("")
    expect(reason(olga.page)).to_have_count(0)


def test_what_was_changed_in_the_box_is_what_try_again_sends(olga: Look):
    talk_id = olga.start(INTERVIEW)
    olga.expect_refusals(429)
    with another_answer(olga, talk_id):
        olga.say(TYPED)
        expect(reason(olga.page)).to_be_visible()
        expect(message_box(olga.page)).to_have_value(TYPED)  # put back: only now can it be said better
        message_box(olga.page).fill("Said better.")
    olga.page.get_by_role("button", name="Try again").click()
    expect(own_rows(olga.page)).to_contain_text("Said better.")
    expect(answer_rows(olga.page)).to_have_count(2)
    expect(own_rows(olga.page)).to_have_count(1)


def test_a_quick_reply_that_was_refused_can_be_pressed_again(olga: Look):
    talk_id = olga.start(INTERVIEW)
    olga.expect_refusals(429)
    reply = olga.page.locator(".quick .chip").first
    with CHAT["the day's answers"].obstacle(olga, talk_id):
        reply.click()
        expect(reason(olga.page)).to_contain_text("You have had the 400 answers")
        expect(message_box(olga.page)).to_have_value("")
    reply.click()
    expect(own_rows(olga.page)).to_have_count(1)


# ------------------------------------------------------------------------------------------------- the debrief


@contextmanager
def others_waiting(look: Look, talk_id: str) -> Iterator[None]:
    """Two debriefs of the visitor's own wait already, in other talks."""
    db, visitor_id = look.house.db, visitor_of(look.house.db, talk_id)
    views = []
    for _ in range(2):
        talk = make_conversation(db, visitor_id=visitor_id, turns=1)
        views.append(feedback.request_feedback(db, visitor_id, talk.id, versions={})[0])
    yield
    for view in views:
        feedback.cancel_feedback(db, visitor_id, view.id)


DEBRIEF = {
    "the day's debriefs": Case(
        used_up("feedbacks", lambda visitor: f"feedbacks:{visitor}"), 429, "You have asked for the 50 debriefs"
    ),
    "the day's debriefs of all": Case(
        used_up("feedbacks", lambda _: "feedbacks"), 429, "This server has made all the debriefs"
    ),
    "too many waiting": Case(others_waiting, 429, "You have 2 debriefs waiting already"),
    "not saved": Case(locked_database, 503, "This could not be saved just now"),
    "no server": Case(lost_server, 0, "The server cannot be reached"),
}


@pytest.mark.parametrize("case", DEBRIEF.values(), ids=DEBRIEF)
def test_the_button_says_why_there_is_no_debrief_now_and_works_when_there_may_be_one(olga: Look, case: Case):
    talk_id = olga.start(INTERVIEW)
    olga.say("I led a team of three.")
    expect(answer_rows(olga.page)).to_have_count(2)
    expect(olga.page.locator("#message .submit-button")).to_be_visible()
    olga.expect_refusals(case.status)
    button = debrief_card(olga.page).get_by_role("button", name="Get my debrief")
    with case.obstacle(olga, talk_id):
        button.click()
        expect(debrief_card(olga.page).get_by_role("alert")).to_contain_text(case.words)
        expect(button).to_be_enabled()
        expect(button).to_be_focused()
    button.click()
    expect(debrief_card(olga.page).locator(".track")).to_be_visible()
    expect(debrief_card(olga.page).get_by_role("alert")).to_have_count(0)

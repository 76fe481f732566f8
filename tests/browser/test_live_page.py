"""What many tabs and reloads see of an answer that is being written."""

import re

import pytest
from playwright.sync_api import Browser, expect

from debrief.settings import Settings
from tests.browser.house import House, Look, answer_rows, below, debrief_card, message_box, open_house, own_rows
from tests.scripted_model import Script, ScriptedModel

INTERVIEW = "Job interview"


def numbered(words: int, delay_s: float = 0.05) -> Script:
    return Script(text=" ".join(f"word{n}" for n in range(words)), token_delay_s=delay_s)


def whole(words: int) -> re.Pattern[str]:
    """All words in order, each once."""
    return re.compile(r"^\s*" + r"\s+".join(f"word{n}" for n in range(words)) + r"\s*$")


def test_a_reload_in_mid_answer_finds_it_again_with_nothing_lost_or_doubled(olga: Look):
    olga.house.model.enqueue(numbered(80))
    olga.start(INTERVIEW)
    olga.say("Hello.")
    expect(answer_rows(olga.page).nth(1)).to_contain_text("word10")
    olga.page.reload()
    expect(olga.page.locator("#message .stop-button")).to_be_visible()
    expect(answer_rows(olga.page).nth(1).locator(".message-content")).to_have_text(whole(80))
    expect(own_rows(olga.page)).to_have_count(1)


def test_a_second_tab_follows_and_can_stop(olga: Look):
    olga.house.model.enqueue(numbered(400))
    conversation_id = olga.start(INTERVIEW)
    second = olga.open_tab(f"/?c={conversation_id}")
    expect(answer_rows(second)).to_have_count(1)
    olga.say("Hello.")
    expect(own_rows(second)).to_contain_text("Hello.")
    expect(answer_rows(second).nth(1)).to_contain_text("word5")
    second.locator("#message .stop-button").click()
    for page in (olga.page, second):
        expect(answer_rows(page).nth(1)).to_have_attribute("data-mark", "stopped here")


def test_phone_and_desktop_follow_the_same_answer_and_either_stops_it(olga: Look):
    olga.house.model.enqueue(numbered(400))
    conversation_id = olga.start(INTERVIEW)
    with olga.house.visit(phone=True, same_as=olga) as on_the_phone:
        phone = on_the_phone.page
        phone.get_by_role("button", name="Go on where you left off").tap()
        expect(answer_rows(phone)).to_have_count(1)
        assert conversation_id in phone.url
        olga.say("Hello.")
        expect(own_rows(phone)).to_contain_text("Hello.")
        expect(answer_rows(phone).nth(1)).to_contain_text("word5")
        phone.locator("#message .stop-button").tap()
        for page in (olga.page, phone):
            expect(answer_rows(page).nth(1)).to_have_attribute("data-mark", "stopped here")
        olga.house.model.enqueue("Two of us.")
        on_the_phone.say("And now from here.")
        expect(answer_rows(olga.page).nth(2)).to_contain_text("Two of us.")
        expect(own_rows(olga.page).nth(1)).to_contain_text("And now from here.")
        olga.page.locator(".wrap-up").click()
        phone.locator("[data-key=pane-debrief]").tap()
        expect(debrief_card(phone).locator(".track")).to_be_visible()
        phone.locator("[data-key=cancel]").tap()
        expect(debrief_card(olga.page)).to_contain_text("stopped")


def test_eight_tabs_of_one_browser_are_all_live_over_one_stream(olga: Look):
    streams: list[str] = []
    olga.context.on("request", lambda request: streams.append(request.url) if "/api/v1/live" in request.url else None)
    conversation_id = olga.start(INTERVIEW)
    for _ in range(7):
        olga.open_tab(f"/?c={conversation_id}")
    for page in olga.tabs:
        expect(answer_rows(page)).to_have_count(1)
    olga.house.model.enqueue(numbered(60))
    olga.say("Hello.", olga.tabs[7])
    for page in olga.tabs:
        expect(answer_rows(page).nth(1).locator(".message-content")).to_have_text(whole(60))
    assert len(streams) <= 1


def test_when_the_tab_that_holds_the_stream_closes_another_takes_over(olga: Look):
    olga.house.model.enqueue(numbered(120))
    conversation_id = olga.start(INTERVIEW)
    second = olga.open_tab(f"/?c={conversation_id}")
    expect(answer_rows(second)).to_have_count(1)
    olga.say("Hello.")
    expect(answer_rows(second).nth(1)).to_contain_text("word5")
    olga.page.close()
    expect(answer_rows(second).nth(1).locator(".message-content")).to_have_text(whole(120))


def test_without_web_locks_the_page_is_live_all_the_same(house: House):
    with house.visit() as olga:
        olga.context.add_init_script("Object.defineProperty(navigator, 'locks', {value: undefined})")
        olga.page.reload()
        house.model.enqueue(numbered(40))
        olga.start(INTERVIEW)
        olga.say("Hello.")
        expect(answer_rows(olga.page).nth(1).locator(".message-content")).to_have_text(whole(40))


def test_a_new_conversation_appears_in_the_list_of_the_other_tab(olga: Look):
    second = olga.open_tab()
    expect(second.locator(".hero")).to_be_visible()
    second.bring_to_front()
    olga.start(INTERVIEW)
    expect(second.locator(".entry-title")).to_have_text(INTERVIEW)


@pytest.fixture
def sleepy_house(settings: Settings, browser: Browser):
    """A house whose model server does not answer yet."""
    with ScriptedModel(up=False) as model, open_house(settings, model, browser) as house:
        yield house


def test_while_the_model_starts_the_page_says_so_and_the_answer_comes_when_it_is_up(sleepy_house: House):
    with sleepy_house.visit() as olga:
        start_banner = olga.page.locator("#scenarios .banner")
        expect(start_banner).to_contain_text(re.compile(r"The model is starting, \d+ sec so far"))
        olga.start(INTERVIEW)
        expect(below(olga.page).locator(".banner")).to_contain_text("The model is starting")
        told = below(olga.page).locator(".banner").inner_text()
        expect(below(olga.page).locator(".banner")).not_to_have_text(told)  # the seconds go on
        message_box(olga.page).press_sequentially("I can write meanwhile.")
        sleepy_house.model.come_up()
        expect(olga.page.locator(".banner")).to_have_count(0)
        message_box(olga.page).press("Enter")
        expect(answer_rows(olga.page)).to_have_count(2)
        expect(olga.page.locator("#message .submit-button")).to_be_visible()

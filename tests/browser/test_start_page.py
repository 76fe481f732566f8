"""The first page: what can be practised, in which language, on which screen."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from debrief.settings import Settings
from tests.browser.house import PHONE, House, Look, answer_rows, below, message_box, open_house
from tests.scripted_model import ScriptedModel

INTERVIEW = "Job interview"


def has_no_sideways_scroll(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_cards_say_with_whom_about_what_and_how_long(olga: Look):
    card = olga.page.locator(".card", has_text="Job interview")
    for words in ("Dana Whitfield", "concrete examples", "about 10 min", "English, 한국어"):
        expect(card).to_contain_text(words)
    privacy = olga.page.locator(".privacy")
    expect(privacy).to_contain_text("you, the reviewers of this server and whoever runs it. It is kept until you")
    expect(privacy.locator("li").first).to_be_hidden()
    privacy.get_by_text("What exactly").click()
    expect(privacy.locator("li").first).to_contain_text("Reviewers are people with an account")


def test_a_korean_browser_gets_a_korean_page(house: House):
    with house.visit(locale="ko-KR") as olga:
        expect(olga.page.locator(".hero h1")).to_have_text("중요한 대화를 미리 연습하세요")
        expect(olga.page.locator(".cards")).to_contain_text("취업 면접")
        house.model.enqueue("그렇군요. 더 말씀해 주세요.")
        olga.start("취업 면접")
        expect(answer_rows(olga.page)).to_contain_text("안녕하세요")
        expect(message_box(olga.page)).to_have_attribute("placeholder", "실제로 말하듯이 써 보세요…")
        olga.say("백엔드 개발에 지원했습니다.")
        expect(answer_rows(olga.page).nth(1)).to_contain_text("그렇군요")
        expect(olga.page.locator("#message .submit-button")).to_be_visible()
        olga.expect_refusals(422)
        olga.say("가" * 4001)
        expect(below(olga.page).get_by_role("alert")).to_contain_text("4001자입니다")
        assert olga.page.evaluate("document.documentElement.lang") == "ko"


def test_the_talk_can_be_in_another_language_than_the_page(olga: Look):
    olga.page.get_by_role("radio", name="한국어").click()
    olga.start("취업 면접")
    expect(answer_rows(olga.page)).to_contain_text("안녕하세요")
    expect(olga.page.locator(".debrief h2")).to_have_text("Debrief")


@pytest.fixture
def demo_house(settings: Settings, browser: Browser):
    """A house with the packaged English-only model configured; nothing is asked of it here."""
    with ScriptedModel() as model, open_house(settings, model, browser, is_demo=True) as house:
        yield house


def test_choosing_korean_with_the_demo_model_says_that_it_speaks_english_only(demo_house: House):
    with demo_house.visit() as olga:
        expect(olga.page.locator(".card-title").first).to_be_visible()
        expect(olga.page.locator(".note")).to_have_count(0)
        olga.page.get_by_role("radio", name="한국어").click()
        expect(olga.page.locator(".note")).to_contain_text("only speaks English")


def test_who_comes_back_finds_the_way_into_the_last_talk(olga: Look):
    page = olga.page
    expect(page.locator(".start-steps li")).to_have_count(3)
    expect(page.locator(".way-back")).to_have_count(0)
    olga.start(INTERVIEW)
    olga.say("Hello.")
    expect(answer_rows(page)).to_have_count(2)
    page.goto(olga.house.url)
    expect(page.locator(".start-steps")).to_have_count(0)
    page.get_by_role("button", name="Go on where you left off").click()
    expect(answer_rows(page)).to_have_count(2)
    expect(message_box(page)).to_be_focused()


def test_the_page_works_with_the_keyboard_alone(olga: Look):
    olga.page.locator(".card-title").first.wait_for()
    for _ in range(40):
        olga.page.keyboard.press("Tab")
        if INTERVIEW in olga.page.evaluate(
            "document.activeElement.matches('.card') ? document.activeElement.innerText : ''"
        ):
            break
    olga.page.keyboard.press("Enter")
    expect(answer_rows(olga.page)).to_have_count(1)
    expect(message_box(olga.page)).to_be_focused()
    olga.page.keyboard.type("Hello from the keyboard.")
    olga.page.keyboard.press("Enter")
    expect(answer_rows(olga.page)).to_have_count(2)


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_nothing_is_wider_than_a_phone_and_the_sidebar_waits_closed(house: House, locale: str):
    with house.visit(phone=True, locale=locale) as olga:
        olga.page.locator(".card-title").first.wait_for()
        assert has_no_sideways_scroll(olga.page)
        expect(olga.page.locator(".sidebar.open")).to_have_count(0)
        olga.page.locator(".card", has_text=re.compile("Job interview|취업 면접")).tap()
        expect(answer_rows(olga.page)).to_have_count(1)
        box = message_box(olga.page).bounding_box()
        assert box
        assert box["y"] + box["height"] <= PHONE["height"]
        expect(olga.page.locator(".talk-head")).to_be_in_viewport(ratio=1)
        olga.say("word" * 80)
        expect(answer_rows(olga.page)).to_have_count(2)
        assert has_no_sideways_scroll(olga.page)
        olga.page.locator("[data-key=pane-debrief]").tap()
        expect(olga.page.locator(".debrief")).to_be_in_viewport(ratio=0.5)


def test_the_sidebar_is_open_on_a_desktop(olga: Look):
    expect(olga.page.locator(".sidebar.open")).to_have_count(1)
    expect(olga.page.get_by_role("button", name="New conversation")).to_be_in_viewport()

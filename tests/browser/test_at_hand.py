"""After something was done on purpose the keyboard is where one goes on from, and times look as in one's country."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.house import House, Look, answer_rows, below, message_box
from tests.scripted_model import Script

INTERVIEW = {"en": "Job interview", "ko": "취업 면접"}


def tool(page: Page, name: str):
    return page.locator(f"[data-tool={name}]").last


def test_the_keyboard_stays_at_hand_after_a_retry_a_rating_and_an_edit(olga: Look):
    page, model = olga.page, olga.house.model
    olga.start(INTERVIEW["en"])
    model.enqueue(Script(text="Never said.", delay_s=60))
    olga.say("I led the rewrite.")
    expect(page.locator("#transcript [data-mark='Dana Whitfield is thinking…']")).to_be_visible()
    page.keyboard.press("Escape")
    expect(below(page).locator(".remark")).to_be_visible()
    expect(tool(page, "retry")).to_be_visible()
    expect(page.locator("[data-tool=rate-up]")).to_have_count(0)  # there is nothing to rate

    model.forget_scripts()  # it may have been stopped before the model was asked
    page.locator("[data-key=retry]").click()
    expect(message_box(page)).to_be_focused()
    expect(page.locator("#message .submit-button")).to_be_visible()

    tool(page, "rate-down").click()
    page.locator("[data-key=rate-close]").click()
    expect(tool(page, "rate-down")).to_be_focused()

    tool(page, "edit").click()
    page.locator("[data-key=edit-cancel]").click()
    expect(tool(page, "edit")).to_be_focused()
    tool(page, "edit").click()
    page.locator(".tool-form textarea").fill("I led the rewrite of our queue.")
    page.locator("[data-key=edit-send]").click()
    expect(message_box(page)).to_be_focused()
    expect(answer_rows(page)).to_have_count(2)
    expect(page.locator("#message .submit-button")).to_be_visible()


def test_after_a_deletion_the_next_talk_of_the_list_has_the_focus(olga: Look):
    page = olga.page
    first = olga.start(INTERVIEW["en"])
    page.locator("[data-key=new]").click()
    second = olga.start(INTERVIEW["en"])
    expect(page.locator(".entry")).to_have_count(2)
    page.locator(f"[data-key=open-{second}]").focus()
    page.keyboard.press("Delete")
    expect(page.locator(".entry")).to_have_count(1)
    expect(page.locator(f"[data-key=open-{first}]")).to_be_focused()


@pytest.mark.parametrize(
    ("locale", "clock"),
    [("en-US", r"^\d{1,2}:\d\d\s[AP]M$"), ("en-GB", r"^\d\d:\d\d$"), ("ko-KR", r"^(오전|오후) \d{1,2}:\d\d$")],
)
def test_the_time_of_a_talk_is_written_as_in_the_readers_country(house: House, locale: str, clock: str):
    with house.visit(locale=locale) as olga:
        olga.start(INTERVIEW[locale[:2]])
        expect(olga.page.locator(".entry-when")).to_have_text(re.compile(clock))

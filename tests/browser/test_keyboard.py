"""Everything by keyboard: one walk through the whole loop, the shortcuts, and what a screen reader is told."""

import re

from playwright.sync_api import Page, expect

from tests.browser.house import Look, answer_rows, debrief_card, message_box, own_rows
from tests.browser.test_trying_again import debrief, open_talk_id
from tests.scripted_model import Script

INTERVIEW = "Job interview"


def tab_to(page: Page, selector: str, *, key: str = "Tab") -> None:
    """Press Tab (or another key) until what `selector` names has the focus."""
    for _ in range(80):
        page.keyboard.press(key)
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"no {key} leads to {selector}")


def has_visible_focus(page: Page) -> bool:
    return page.evaluate("getComputedStyle(document.activeElement).outlineStyle !== 'none'")


def test_the_whole_loop_by_keyboard_alone(olga: Look):
    page = olga.page
    page.emulate_media(reduced_motion="reduce")
    page.locator(".card-title").first.wait_for()
    # The form of a scenario, and back to its card.
    tab_to(page, ".card")
    assert has_visible_focus(page)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Eco challenge")).to_be_focused()
    for value in ("office", "accounting", "food"):
        page.keyboard.press("Tab")
        field = page.locator(":focus")
        field.press_sequentially("an office" if value == "office" else value)
        expect(field).to_have_value(value)
    tab_to(page, "[data-key=back]", key="Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".card", has_text="Eco challenge")).to_be_focused()
    # Another card: start, talk.
    page.keyboard.press("Tab")
    expect(page.locator(".card", has_text=INTERVIEW)).to_be_focused()
    page.keyboard.press("Enter")
    expect(message_box(page)).to_be_focused()
    for turn, text in enumerate(("I led the rewrite.", "It was fine."), start=1):
        page.keyboard.type(text)
        page.keyboard.press("Enter")
        expect(answer_rows(page)).to_have_count(turn + 1)
        expect(page.locator("#message .submit-button")).to_be_visible()
        expect(message_box(page)).to_be_focused()
    # Wrap up, and the debrief.
    tab_to(page, ".wrap-up", key="Shift+Tab")
    assert has_visible_focus(page)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Debrief")).to_be_focused()
    tab_to(page, "[data-key=cancel]")
    page.keyboard.press("Enter")
    debrief(olga, {"examples": 2, "motive": 4}, nonce="again")
    # From a quote into the talk, and from there back to what quotes it.
    tab_to(page, ".debrief .quote")
    page.keyboard.press("Enter")
    expect(page.locator("#transcript .quoted")).to_contain_text("It was fine.")
    tab_to(page, ".quoted-mark", key="Shift+Tab")
    page.keyboard.press("Enter")
    expect(debrief_card(page).locator(".quote:focus")).to_have_count(1)
    # Again, from there.
    first = open_talk_id(page)
    tab_to(page, ".again button")
    page.keyboard.press("Enter")
    expect(page.locator(".moment-title")).to_be_visible()
    expect(message_box(page)).to_be_focused()
    assert open_talk_id(page) != first
    page.keyboard.type("I cut the wait from 40 s to 2 s.")
    page.keyboard.press("Enter")
    expect(own_rows(page)).to_have_count(2)
    expect(page.locator("#message .submit-button")).to_be_visible()
    tab_to(page, ".moment > summary", key="Shift+Tab")
    page.keyboard.press("Enter")
    tab_to(page, "[data-key=moment-open]")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(first))
    expect(own_rows(page)).to_have_count(2)


def test_single_keys_lead_about_but_never_while_somebody_types(olga: Look):
    page = olga.page
    page.locator(".card-title").first.wait_for()
    page.keyboard.press("Tab")
    expect(page.locator(".skip-link")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet).to_contain_text("New conversation")
    page.keyboard.press("n")
    expect(sheet).to_be_visible()
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    first = olga.start(INTERVIEW)
    page.keyboard.type("no? mind /the gap")
    expect(message_box(page)).to_have_value("no? mind /the gap")
    message_box(page).fill("")
    olga.house.model.enqueue(Script(text="word " * 400, token_delay_s=0.05))
    olga.say("Hello.")
    expect(answer_rows(page).nth(1)).to_contain_text("word word")
    page.keyboard.press("Escape")
    expect(answer_rows(page).nth(1)).to_have_attribute("data-mark", "stopped here")
    page.get_by_role("heading", level=1).focus()
    page.keyboard.press("n")
    expect(page.get_by_role("heading", name="Practise a conversation")).to_be_focused()
    second = olga.start(INTERVIEW)
    expect(page.locator(".entry")).to_have_count(2)
    page.get_by_role("heading", level=1).focus()
    page.keyboard.press("j")
    page.wait_for_url(re.compile(first))
    expect(own_rows(page)).to_have_count(1)
    page.get_by_role("heading", level=1).focus()
    page.keyboard.press("k")
    page.wait_for_url(re.compile(second))
    page.get_by_role("heading", level=1).focus()
    page.keyboard.press("m")
    expect(message_box(page)).to_be_focused()
    # Switched off, the letters do nothing; the sheet is still to be had from the sidebar.
    page.get_by_role("button", name="Keyboard shortcuts").click()
    sheet.get_by_role("checkbox").uncheck()
    sheet.get_by_role("button", name="Close").click()
    page.get_by_role("heading", level=1).focus()
    page.keyboard.press("n")
    page.keyboard.press("?")
    expect(sheet).to_have_count(0)
    assert second in page.url


def test_a_screen_reader_hears_the_finished_answer_and_not_each_word(olga: Look):
    page = olga.page
    olga.start(INTERVIEW)
    page.evaluate("""() => {
      window.heard = [];
      new MutationObserver(() => heard.push(document.querySelector("#announcer").textContent))
        .observe(document.querySelector("#announcer"), {childList: true, characterData: true, subtree: true});
    }""")
    words = " ".join(f"word{n}" for n in range(30))
    olga.house.model.enqueue(Script(text=words, token_delay_s=0.02))
    olga.say("Hello.")
    expect(page.locator("#announcer")).to_have_text(f"Answer: {words}")
    assert page.evaluate("heard.filter(Boolean)") == [f"Answer: {words}"]
    expect(page.locator("#transcript [role=log]")).to_have_attribute("aria-live", "off")
    expect(page.get_by_role("log", name="The talk")).to_be_visible()
    expect(page.get_by_role("textbox", name="Your message")).to_be_visible()
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()

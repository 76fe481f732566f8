"""A long talk at the review desk: a part of it is drawn, and what is read, quoted or asked for is drawn too."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from debrief.review import ReviewState
from storage import reviews
from storage.engine import Database
from tests.browser.house import Look
from tests.browser.test_review_desk import button, db, items, rita  # noqa: F401  the fixtures too
from tests.browser.test_review_edit import open_case, start_editing
from tests.review_scene import make_feedback, make_talk
from webapp.pages.review.talk import FIRST

BETWEEN = 60
MESSAGES = 7 + 2 * BETWEEN
LAST_QUOTE = "After that, doubled invoices went to zero and support calls fell by half."


def rows(page: Page):
    return page.locator("#transcript .message-row")


def test_of_a_long_talk_a_part_is_drawn_and_a_quote_brings_its_sentence(db: Database, rita: Look):  # noqa: F811
    row = make_feedback(db, make_talk(db, between=BETWEEN))
    page = open_case(rita, row.id)
    expect(rows(page)).to_have_count(FIRST)
    expect(rows(page).first).to_contain_text("Tell me about something that you built.")
    expect(page.locator(".later-messages")).to_have_text(f"Show later messages ({MESSAGES - FIRST})")

    page.locator("#desk-card .quote", has_text=LAST_QUOTE).press("Enter")
    marked = page.locator("#transcript .message-row.quoted")
    expect(marked).to_contain_text("We gave each job a key.")
    expect(marked).to_be_in_viewport()
    assert page.evaluate("[...CSS.highlights.get('quote')].map(String)") == [LAST_QUOTE]
    assert rows(page).count() < FIRST, "what lies between is not drawn for it"
    expect(page.locator(".later-messages")).to_have_count(0)

    drawn = rows(page).count()
    page.locator(".earlier-messages button").press("Enter")
    expect(rows(page)).to_have_count(drawn + FIRST)
    expect(page.locator(".earlier-messages")).to_have_text(f"Show earlier messages ({MESSAGES - drawn - FIRST})")

    page.locator("#desk-card .quote").first.press("Enter")
    expect(marked).to_contain_text("I led the billing rewrite last year.")
    expect(page.locator(".earlier-messages")).to_have_count(0)
    page.locator("body").press("a")
    expect(page.locator("#desk-notice")).to_contain_text("Approved.")
    assert reviews.get_review(db, row.id).state is ReviewState.APPROVED


def test_whoever_reads_a_long_talk_to_its_end_is_shown_all_of_it(db: Database, rita: Look):  # noqa: F811
    page = open_case(rita, make_feedback(db, make_talk(db, between=BETWEEN)).id)
    expect(rows(page)).to_have_count(FIRST)
    while page.locator(".later-messages").count():
        shown = rows(page).count()
        rows(page).last.evaluate("row => row.scrollIntoView()")
        expect(rows(page).nth(shown).or_(rows(page).nth(MESSAGES - 1)).first).to_be_attached()
    expect(rows(page)).to_have_count(MESSAGES)
    expect(rows(page).last).to_contain_text("Do you have a question for us?")


def test_after_a_long_talk_comes_another_from_its_first_word(db: Database, rita: Look):  # noqa: F811
    make_feedback(db, make_talk(db, between=BETWEEN), age_s=200)
    make_feedback(db, age_s=100)
    page = rita.page
    button(page, "Refresh").click()
    items(page).first.click()
    expect(page.locator(".later-messages")).to_be_visible()
    page.locator("#desk-card .quote", has_text=LAST_QUOTE).click()
    expect(page.locator(".earlier-messages")).to_be_visible()
    button(page, "Approve").click()
    expect(rows(page)).to_have_count(7)
    expect(page.locator(":is(.earlier-messages, .later-messages)")).to_have_count(0)
    page.locator("#desk-card .quote", has_text=LAST_QUOTE).click()
    expect(page.locator("#transcript .message-row.quoted")).to_contain_text("We gave each job a key.")


def test_the_lines_of_a_long_talk_are_listed_where_somebody_chooses_one(db: Database, rita: Look):  # noqa: F811
    page = open_case(rita, make_feedback(db, make_talk(db, between=BETWEEN)).id)
    start_editing(page)
    choosers = page.locator(".desk-editor [data-evidence] select")
    expect(choosers).to_have_count(4)
    expect(choosers.locator("option")).to_have_count(4)
    choosers.first.focus()
    choosers.first.select_option(label=choosers.first.locator("option", has_text="step 50").text_content() or "")
    part = page.locator('[data-where="criteria.examples"]')
    expect(part.locator(".desk-chip")).to_have_count(2)
    part.locator(".desk-chip .quote").last.press("Enter")
    expect(page.locator("#transcript .message-row.quoted")).to_contain_text("In step 50 we moved queue_50.")

"""From the talk to the debrief at the review desk: what is quoted says so, and leads to where."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from storage.engine import Database
from tests.browser.house import Look
from tests.browser.test_review_desk import button, db, rita  # noqa: F401  the fixtures too
from tests.browser.test_review_edit import box, open_case, start_editing
from tests.review_scene import make_feedback, make_talk

NUMBERS = "doubled invoices went to zero"


def marks_of(page: Page, words: str) -> Locator:
    return page.locator("#transcript .user-row", has_text=words).locator(".quoted-mark")


def test_a_quoted_message_leads_to_the_parts_that_quote_it(db: Database, rita: Look):  # noqa: F811
    page = open_case(rita, make_feedback(db).id)
    expect(page.locator("#transcript .bot-row .quoted-mark")).to_have_count(0)
    expect(page.locator("#desk-painter")).to_be_hidden()  # a row of nothing below the talk
    mark = marks_of(page, NUMBERS).first
    criterion = page.locator("#desk-card .criterion", has=page.get_by_role("heading", name=mark.inner_text()))
    mark.press("Enter")
    quote = criterion.locator(".quote", has_text=NUMBERS)
    expect(quote).to_be_focused()
    expect(quote).to_be_in_viewport()
    quote.press("Enter")
    expect(page.locator("#transcript .message-row.quoted")).to_contain_text(NUMBERS)


def test_while_a_debrief_is_written_over_a_quoted_message_leads_to_the_fields(db: Database, rita: Look):  # noqa: F811
    page = open_case(rita, make_feedback(db).id)
    start_editing(page)
    mark = marks_of(page, NUMBERS).first
    fields = page.get_by_role("group", name=mark.inner_text(), exact=True)
    box(page, "summary").fill("Half a sen")
    mark.press("Enter")
    expect(fields.locator("textarea, input").first).to_be_focused()
    expect(box(page, "summary")).to_have_value("Half a sen")


def test_what_is_drawn_later_of_a_long_talk_has_its_marks_and_another_case_has_its_own(db: Database, rita: Look):  # noqa: F811
    short = make_feedback(db)
    page = open_case(rita, make_feedback(db, make_talk(db, between=60)).id)
    expect(marks_of(page, NUMBERS)).to_have_count(0)
    page.locator("#desk-card .quote", has_text=NUMBERS).first.press("Enter")
    expect(marks_of(page, NUMBERS)).not_to_have_count(0)
    open_case(rita, short.id)
    expect(page.locator("#transcript .message-row")).to_have_count(7)
    expect(marks_of(page, NUMBERS)).not_to_have_count(0)

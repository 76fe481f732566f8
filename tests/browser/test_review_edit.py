"""Debriefs written over at the desk, in a real browser: what is typed is kept, the slower one is told."""

from __future__ import annotations

from contextlib import ExitStack

from playwright.sync_api import Page, expect

from debrief.review import ReviewState
from storage import edits, reviews
from storage.engine import Database
from tests.browser.house import House, Look
from tests.browser.test_review_desk import button, db, rita, signed_in  # noqa: F401  the fixtures too
from tests.review_scene import make_feedback


def open_case(look: Look, feedback_id: str) -> Page:
    page = look.page
    page.goto(f"{page.url.partition('?')[0]}?show=all&f={feedback_id}")
    expect(page.locator(".criterion")).to_have_count(4)
    return page


def box(page: Page, path: str):
    return page.locator(f'.desk-editor textarea[data-path="{path}"]')


def start_editing(page: Page) -> None:
    button(page, "Edit").click()
    expect(page.locator(".desk-editor")).to_be_visible()


def test_the_slower_of_two_edits_is_told_and_their_text_is_kept(house: House, db: Database, rita: Look):  # noqa: F811
    row = make_feedback(db, state=ReviewState.AUTO_RELEASED)
    with ExitStack() as stack:
        rosa = stack.enter_context(signed_in(house, "rosa"))
        pages = [open_case(look, row.id) for look in (rita, rosa)]
        for page, words in zip(pages, ("Name one number first.", "Say your own part first."), strict=True):
            start_editing(page)
            box(page, "next_step").fill(words)
        fast, slow = pages
        button(fast, "Save and approve").click()
        expect(fast.locator("#desk-notice")).to_contain_text("Saved as a new version")

        rosa.expect_refusals(409)
        button(slow, "Save and approve").click()
        expect(slow.locator(".desk-editor")).to_contain_text("Somebody else was faster.")
        expect(box(slow, "next_step")).to_have_value("Name one number first.")
        expect(slow.locator(".desk-editor-mine")).to_contain_text("Say your own part first.")

        button(slow, "Put my changes on top").click()
        expect(box(slow, "next_step")).to_have_value("Say your own part first.")
    case = reviews.get_review(db, row.id)
    assert case.body
    assert (case.body.next_step, case.reviewed_by, case.versions) == ("Name one number first.", "rita", 2)


def test_what_is_typed_is_checked_at_once_and_is_there_after_a_reload(db: Database, rita: Look):  # noqa: F811
    row = make_feedback(db)
    page = open_case(rita, row.id)
    start_editing(page)
    box(page, "criteria.examples.reason").fill("Write to anna.smith@example.org and ask her how she would have put it.")
    badge = page.locator('[data-badge="criteria.examples.reason"]')
    expect(badge).to_contain_text("No address or number that nobody said")
    assert edits.get_draft(db, row.id).version_n == 1

    page.reload()
    expect(page.locator(".criterion")).to_have_count(4)
    start_editing(page)
    expect(box(page, "criteria.examples.reason")).to_have_value(
        "Write to anna.smith@example.org and ask her how she would have put it."
    )
    box(page, "criteria.examples.reason").fill("You told what was moved where, so that one can follow you well.")
    expect(badge).to_have_text("checked")
    page.locator(".desk-level", has_text="4 ·").first.click()
    button(page, "Save and approve").click()
    expect(page.locator("#desk-notice")).to_contain_text("Saved as a new version")
    expect(page.locator(".desk-case-head")).to_contain_text("Corrected and approved by rita")

    button(page, "Versions: 2").click()
    versions = page.locator("dialog.desk-versions")
    expect(versions).to_contain_text("edited by rita")
    expect(versions.locator("ins").last).to_be_visible()
    expect(versions.locator(".difference-section")).to_have_count(2)


def test_a_debrief_is_sent_to_be_written_anew_with_a_note(db: Database, rita: Look):  # noqa: F811
    row = make_feedback(db)
    page = open_case(rita, row.id)
    button(page, "Have it rewritten…").click()
    sheet = page.locator("dialog.desk-sheet")
    sheet.locator("textarea").fill("Quote the number.")
    button(page, "Have it rewritten").click()
    expect(page.locator(".desk-case-head")).to_contain_text("It is being rewritten.")
    case = reviews.get_review(db, row.id)
    assert case.remade
    assert (case.state, case.remade.guidance) == (ReviewState.REGENERATING, "Quote the number.")

"""What a reviewer typed, skipped or scrolled to is still there, whatever comes in between."""

from __future__ import annotations

from playwright.sync_api import Page, expect
from sqlalchemy import delete, update

from debrief.review import ReviewState
from storage import reviews
from storage.accounts import Account, find_account
from storage.engine import Database, utc_now
from storage.tables import ConversationRow, FeedbackRow
from tests.browser.house import House, Look
from tests.browser.test_review_desk import button, db, items, rita
from tests.browser.test_review_edit import box, open_case, start_editing
from tests.review_scene import PASSWORD, make_feedback, make_talk

__all__ = ["db", "rita"]
NOTE = "The second quote is about something else."


def sheet(page: Page):
    return page.locator("dialog.desk-sheet")


def press_key(page: Page, key: str, code: str) -> None:
    """A key as a Korean layout sends it; Playwright's own keyboard knows the American one only."""
    page.evaluate(
        "([key, code]) => document.body.dispatchEvent("
        "new KeyboardEvent('keydown', {key, code, bubbles: true, cancelable: true}))",
        [key, code],
    )


def test_an_edit_that_was_left_is_offered_to_its_writer_and_goes_with_its_visitor(db: Database, rita: Look):
    row = make_feedback(db)
    page = open_case(rita, row.id)
    start_editing(page)
    box(page, "next_step").fill("Say one number first.")
    page.reload()
    expect(page.locator(".criterion")).to_have_count(4)

    button(page, "Go on editing").click()
    expect(box(page, "next_step")).to_have_value("Say one number first.")
    # its checks were asked for while it was there: a 404 of theirs would be a complaint in the console
    expect(page.locator('[data-badge="next_step"]')).not_to_have_text("")

    with db.write() as session:
        session.execute(delete(ConversationRow))
    page.reload()
    expect(page.locator("#desk-notice .problem")).to_be_visible()
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('debrief-edit'))") == []


def test_a_note_that_was_not_sent_is_there_when_the_same_sheet_is_opened_again(db: Database, rita: Look):
    row, other = make_feedback(db, age_s=9), make_feedback(db)
    page = open_case(rita, row.id)
    button(page, "To an admin…").click()
    sheet(page).locator("textarea").fill(NOTE)
    page.keyboard.press("Escape")
    expect(sheet(page)).to_have_count(0)
    button(page, "Reject…").click()
    page.locator("#desk-note textarea").fill(NOTE)
    page.reload()
    expect(page.locator(".criterion")).to_have_count(4)

    button(page, "Reject…").click()
    expect(page.locator("#desk-note textarea")).to_have_value(NOTE)
    button(page, "Cancel").click()
    button(page, "To an admin…").click()
    expect(sheet(page).locator("textarea")).to_have_value(NOTE)
    button(page, "Pass it on").click()
    expect(page.locator("#desk-notice")).to_contain_text("Passed on")
    assert reviews.get_review(db, row.id).note == NOTE

    open_case(rita, other.id)
    button(page, "To an admin…").click()
    expect(sheet(page).locator("textarea")).to_have_value("")


def test_who_is_signed_out_while_typing_signs_in_beside_it_and_goes_on(db: Database, rita: Look):
    row = make_feedback(db)
    page = open_case(rita, row.id)
    button(page, "To an admin…").click()
    sheet(page).locator("textarea").fill(NOTE)
    rita.expect_refusals(401)
    rita.context.clear_cookies(name="debrief_sign_in")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # the page looks whether anything is new
    expect(page.locator("#desk-notice")).to_contain_text("Your sign-in has ended.")
    button(page, "Pass it on").click()
    expect(sheet(page)).to_contain_text("Your sign-in has ended.")

    with rita.context.expect_page() as opened:
        sheet(page).get_by_role("link").click()
    tab = opened.value
    tab.locator("#name").fill("rita")
    tab.locator("#password").fill(PASSWORD)
    tab.locator("button[type=submit]").click()
    expect(tab.locator(".desk-bar")).to_be_visible()

    button(page, "Pass it on").click()
    expect(sheet(page)).to_have_count(0)
    case = reviews.get_review(db, row.id)
    assert (case.state, case.note) == (ReviewState.ESCALATED, NOTE)


def test_who_lost_the_claim_while_typing_is_told_who_has_it_and_goes_on_after_a_decision(db: Database, rita: Look):
    row = make_feedback(db)
    page = open_case(rita, row.id)
    start_editing(page)
    box(page, "next_step").fill("Say one number first.")
    rosa = _rosa(db)
    with db.write() as session:
        session.execute(update(FeedbackRow).where(FeedbackRow.id == row.id).values(claimed_until=utc_now()))
    taken = reviews.claim(db, rosa, row.id, reviews.get_review(db, row.id).row_version)
    rita.expect_refusals(409)
    button(page, "Save and approve").click()
    expect(page.locator(".desk-editor-told")).to_contain_text("rosa is reading this one")
    expect(page.locator(".desk-case-head")).to_contain_text("rosa is reading this one")

    approved = reviews.approve(db, rosa, row.id, taken.row_version)
    page.reload()
    expect(page.locator("#desk-card")).to_contain_text("You can go on when the debrief is open for editing again.")
    opened = reviews.reopen(db, rosa, row.id, approved.row_version)
    assert opened.state is ReviewState.PENDING
    page.reload()
    button(page, "Go on editing").click()
    expect(box(page, "next_step")).to_have_value("Say one number first.")
    button(page, "Save and approve").click()
    expect(page.locator("#desk-notice")).to_contain_text("Saved as a new version")


def test_a_decision_that_nobody_answers_is_said_to_be_uncertain(db: Database, rita: Look):
    row = make_feedback(db)
    page = open_case(rita, row.id)
    page.clock.install()
    rita.expect_lost_connections()
    page.route("**/gradio_api/queue/join*", lambda route: None)
    page.keyboard.press("a")
    page.clock.fast_forward(10_001)
    expect(page.locator("#desk-notice")).to_contain_text("The server has not answered yet.")
    assert reviews.get_review(db, row.id).state is ReviewState.CLAIMED


def test_keys_work_with_a_korean_layout_and_with_caps_lock(db: Database, rita: Look):
    page = open_case(rita, make_feedback(db).id)
    for key, code, opens in (("ㅗ", "KeyH", ".desk-history"), ("E", "KeyE", ".desk-editor")):
        press_key(page, key, code)
        expect(page.locator(opens)).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator(opens)).to_have_count(0)


def test_who_skipped_all_is_told_and_begins_with_them_again(db: Database, rita: Look):
    talk = make_talk(db)
    first, second = make_feedback(db, talk, age_s=9), make_feedback(db, talk)
    page = rita.page
    page.reload()
    expect(items(page)).to_have_count(2)
    page.keyboard.press("n")
    for row in (first, second):
        page.wait_for_url(f"**f={row.id}*")
        expect(page.locator("#desk-skip")).to_be_visible()
        page.keyboard.press("s")
    expect(page.locator("#desk-notice")).to_contain_text("Nothing else waits but what you skipped (2).")
    page.keyboard.press("n")
    page.wait_for_url(f"**f={first.id}*")


def test_a_long_list_neither_shrinks_nor_says_anything_twice(house: House, db: Database, rita: Look):
    talk = make_talk(db)
    rows = [make_feedback(db, talk, age_s=200 - n) for n in range(110)]
    page = rita.page
    page.reload()
    for shown in (30, 60, 90):
        expect(items(page)).to_have_count(shown)
        if shown == 60:  # it was decided and opened again: now it is the last one
            with db.write() as session:
                session.execute(update(FeedbackRow).where(FeedbackRow.id == rows[0].id).values(waiting_since=utc_now()))
        page.locator("[data-key=more]").click()
    expect(items(page)).to_have_count(110)
    button(page, "Refresh").click()
    reviews.claim(db, _rosa(db), rows[100].id, rows[100].row_version)
    button(page, "Refresh").click()
    expect(page.locator(f'[data-key="{rows[100].id}"]')).to_contain_text("being read")
    expect(items(page)).to_have_count(110)


def _rosa(db: Database) -> Account:
    rosa = find_account(db, "rosa")
    assert rosa
    return rosa

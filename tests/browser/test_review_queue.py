"""The queue of the review desk in a real browser: by keyboard alone, and through its address."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from debrief.review import ReviewState
from storage import review_queue, reviews
from storage.accounts import find_account
from storage.engine import Database
from storage.queue_filter import QueueFilter
from tests.browser.house import House, Look, wait_until
from tests.browser.test_review_desk import button, db, items, rita, signed_in
from tests.factories import make_turn
from tests.review_scene import make_feedback, make_talk

__all__ = ["db", "rita"]
OPENED = """(before) => {
  const id = new URLSearchParams(location.search).get("f");
  return id && id !== before && document.querySelector("#desk-approve") && document.querySelector(".desk-item.open");
}"""
LONG_MS = 60_000
"""Twenty decisions are twenty times as slow on a busy machine."""


def states(db: Database) -> dict[ReviewState, int]:
    return {state: number for state, number in review_queue.count_reviews(db).items() if number}


def opened(page: Page, *, other_than: str = "") -> str:
    """The id of the case that is open and ready for a decision."""
    page.wait_for_function(OPENED, arg=other_than, timeout=LONG_MS)
    return page.url.split("f=")[1].split("&")[0]


def test_rita_clears_twenty_by_keyboard_alone(house: House, db: Database, rita: Look):
    talk = make_talk(db)
    for age in range(20):
        make_feedback(db, talk, age_s=age)
    page = rita.page
    page.reload()
    expect(items(page)).to_have_count(20)
    page.keyboard.press("n")
    seen: list[str] = []
    for n in range(20):
        seen.append(opened(page, other_than=seen[-1] if seen else ""))
        if n % 5 == 4:
            page.keyboard.press("r")
            expect(page.locator("#desk-reject-panel")).to_be_visible()
            page.keyboard.press("2")
            expect(page.get_by_label("A level is wrong")).to_be_checked()
            page.keyboard.press("Enter")
        else:
            page.keyboard.press("a")
    expect(page.locator("#desk-list")).to_contain_text("Nothing waits.", timeout=LONG_MS)
    assert len(set(seen)) == 20
    assert states(db) == {ReviewState.APPROVED: 16, ReviewState.REJECTED: 4}


def test_after_whatever_rita_decides_by_key_comes_the_next_one(house: House, db: Database, rita: Look):
    talk = make_talk(db)
    ids = [make_feedback(db, talk, age_s=age).id for age in (500, 400, 300)]
    page = rita.page
    page.reload()
    expect(items(page)).to_have_count(3)
    page.keyboard.press("n")
    assert opened(page) == ids[0]
    page.keyboard.press("e")
    expect(page.locator(".desk-editor textarea").first).to_be_focused()
    page.keyboard.type("You told one story well and named what came of it.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#desk-notice")).to_contain_text("Saved as a new version")
    assert opened(page, other_than=ids[0]) == ids[1]
    for key, note in (("g", "Quote the number."), ("p", "Is this his own part?")):
        at = opened(page)
        page.keyboard.press(key)
        expect(page.locator("dialog.desk-sheet textarea")).to_be_focused()
        page.keyboard.type(note)
        page.keyboard.press("Control+Enter")
        if at == ids[1]:
            assert opened(page, other_than=at) == ids[2]
    expect(page.locator("#desk-notice")).to_contain_text("Passed on to the admins.")
    expect(page.locator("#desk-list")).to_contain_text("Nothing waits.")
    assert states(db) == {
        ReviewState.EDITED_APPROVED: 1, ReviewState.REGENERATING: 1, ReviewState.ESCALATED: 1,
    }  # fmt: skip


def test_the_history_tells_who_did_what_and_opens_by_key(house: House, db: Database, rita: Look):
    row = make_feedback(db)
    page = rita.page
    page.goto(f"{house.url}/admin/?f={row.id}")
    opened(page)
    page.keyboard.press("h")
    history = page.get_by_role("dialog", name="History")
    expect(history.locator("li").first).to_contain_text("rita took for review")
    expect(history.locator("li").first).to_contain_text("waiting → being read · Version 1")
    page.keyboard.press("Escape")
    expect(history).to_have_count(0)
    assert reviews.get_review(db, row.id).claimed_by == "rita"


def test_j_and_k_go_through_the_list_and_s_comes_back_to_nothing_skipped(house: House, db: Database, rita: Look):
    talk = make_talk(db)
    first, second, third = (make_feedback(db, talk, age_s=age).id for age in (300, 200, 100))
    page = rita.page
    page.reload()
    expect(items(page)).to_have_count(3)
    page.keyboard.press("j")
    assert opened(page) == first
    page.keyboard.press("j")
    assert opened(page, other_than=first) == second
    page.keyboard.press("k")
    assert opened(page, other_than=second) == first
    page.keyboard.press("s")
    assert opened(page, other_than=first) == second
    page.keyboard.press("s")
    assert opened(page, other_than=second) == third
    page.keyboard.press("s")
    expect(page.locator("#desk-notice")).to_contain_text("Nothing")
    assert states(db) == {ReviewState.PENDING: 3}


def test_keys_do_nothing_while_rita_types_and_say_so_when_there_is_nothing_to_do(
    house: House, db: Database, rita: Look
):
    row = make_feedback(db)
    page = rita.page
    page.goto(f"{house.url}/admin/?f={row.id}")
    opened(page)
    page.keyboard.press("r")
    page.locator("#desk-note textarea").press_sequentially("a jar")
    page.keyboard.press("Escape")
    expect(page.locator("#desk-reject-panel")).to_be_hidden()
    expect(page.locator("#desk-note textarea")).to_have_value("a jar")
    page.keyboard.press("c")
    expect(page.locator("#desk-notice")).to_contain_text("nothing to do this to")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Approve, then the next one")
    page.keyboard.press("a")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert reviews.get_review(db, row.id).state is ReviewState.CLAIMED


def test_filters_are_in_the_address_and_back_undoes_them(house: House, db: Database, rita: Look):
    make_feedback(db)
    korean = make_feedback(db, make_talk(db, language="ko"), checks_failed=2)
    page = rita.page
    page.reload()
    expect(items(page)).to_have_count(2)
    button(page, "Filters").click()
    page.locator("[data-key=by-check]").select_option("failed")
    expect(items(page)).to_have_count(1)
    page.locator("[data-key=by-language]").select_option("ko")
    page.wait_for_url(re.compile("check=failed&language=ko"))
    items(page).click()
    page.wait_for_url(f"**f={korean.id}*")
    shared = page.url
    page.go_back()
    page.go_back()
    page.wait_for_url(re.compile(r"\?check=failed$"))
    expect(page.locator("body")).not_to_have_class(re.compile("has-case"))
    page.go_back()
    expect(items(page)).to_have_count(2)
    with signed_in(house, "rosa") as rosa:
        rosa.page.goto(shared)
        expect(items(rosa.page)).to_have_count(1)
        expect(rosa.page.locator(".desk-chips")).to_contain_text("Language: ")
        expect(rosa.page.locator(".desk-case-head")).to_be_visible()


def test_slash_searches_talks_and_debriefs_and_escape_leaves_the_field(house: House, db: Database, rita: Look):
    make_feedback(db)
    korean = make_talk(db, language="ko")
    make_turn(db, korean, text="결제 시스템을 다시 만들었습니다.")
    make_feedback(db, korean)
    page = rita.page
    page.reload()
    expect(items(page)).to_have_count(2)
    page.keyboard.press("/")
    page.keyboard.type("결제")
    expect(items(page)).to_have_count(1)
    page.wait_for_url(re.compile("q=%EA%B2%B0%EC%A0%9C"))
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    opened(page)
    page.go_back()
    page.go_back()
    expect(items(page)).to_have_count(2)
    expect(page.locator(".desk-search")).to_have_value("")


def test_two_reviewers_who_press_next_get_different_ones(house: House, db: Database, rita: Look):
    talk = make_talk(db)
    for age in (200, 100):
        make_feedback(db, talk, age_s=age)
    with signed_in(house, "rosa") as rosa:
        rita.page.reload()
        for page in (rita.page, rosa.page):
            expect(button(page, "Take the next one").first).to_be_visible()
            page.keyboard.press("n")
        assert opened(rita.page) != opened(rosa.page)


def test_leaving_the_desk_gives_the_open_one_back(house: House, db: Database, rita: Look):
    row = make_feedback(db)
    page = rita.page
    page.goto(f"{house.url}/admin/?f={row.id}")
    opened(page)
    page.goto(f"{house.url}/")
    wait_until(lambda: reviews.get_review(db, row.id).state is ReviewState.PENDING, "the claim is given back")
    rosa = find_account(db, "rosa")
    assert rosa
    assert review_queue.has_next(db, rosa, QueueFilter())


def test_rita_approves_what_she_selected_and_then_assigns_all_that_is_left(house: House, db: Database, rita: Look):
    talk = make_talk(db)
    for age in (500, 400, 300, 200, 100):
        make_feedback(db, talk, age_s=age)
    page = rita.page
    page.reload()
    page.locator(".desk-pick").nth(0).check()
    page.locator(".desk-pick").nth(1).check()
    expect(page.locator(".desk-bulk")).to_contain_text("2 selected")
    page.locator("[data-key=bulk-approve]").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Approve 2?")
    button(dialog, "Approve").click()  # type: ignore[arg-type]
    expect(dialog).to_contain_text("2 done.")
    button(dialog, "Close").click()  # type: ignore[arg-type]
    expect(items(page)).to_have_count(3)
    assert states(db) == {ReviewState.PENDING: 3, ReviewState.APPROVED: 2}

    page.goto(f"{house.url}/admin/?show=all")
    expect(items(page)).to_have_count(5)
    button(page, "Do something with all of these …").click()
    page.locator("[data-key=bulk-approve]").click()
    expect(dialog).to_contain_text("Approve 3?")
    expect(dialog.get_by_role("listitem")).to_have_text(["2 decided already"])
    page.keyboard.press("Escape")
    page.goto(f"{house.url}/admin/")
    button(page, "Do something with all of these …").click()
    expect(page.locator("[data-key=bulk-export]")).to_have_count(0)  # which is for admins
    page.locator("[data-key=bulk-assign]").click()
    expect(dialog).to_contain_text("Assign 3?")
    dialog.locator("select").select_option("rosa")
    button(dialog, "Assign").click()  # type: ignore[arg-type]
    expect(dialog).to_contain_text("3 done.")
    page.keyboard.press("Escape")
    expect(page.locator(".desk-item-meta").first).to_contain_text("for rosa")
    assert review_queue.count_matching(db, QueueFilter(assignee="rosa")) == 3

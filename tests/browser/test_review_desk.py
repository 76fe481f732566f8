"""The review desk and the operator's page in a real browser. Rita reviews, Ada runs the server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import delete

from debrief.review import ReviewState
from storage import feedback, reactions, reviews
from storage.accounts import find_account
from storage.engine import Database
from storage.tables import ConversationRow
from tests.browser.house import House, Look, wait_until
from tests.factories import OLGA
from tests.review_scene import PASSWORD, make_account, make_feedback, make_talk


@pytest.fixture
def db(house: House) -> Database:
    """Nothing waits; Rita, Ada and Rosa have accounts."""
    with house.db.write() as session:
        session.execute(delete(ConversationRow))
    for name, role in (("rita", "reviewer"), ("rosa", "reviewer"), ("ada", "admin")):
        if find_account(house.db, name) is None:
            make_account(house.db, name, role)
    return house.db


@pytest.fixture
def rita(house: House, db: Database) -> Iterator[Look]:
    with signed_in(house) as look:
        yield look


@contextmanager
def signed_in(house: House, name: str = "rita", path: str = "/admin/", **how: object) -> Iterator[Look]:
    with house.visit(**how) as look:  # type: ignore[arg-type]
        page = look.page
        page.goto(f"{house.url}{path}")
        page.locator("#name").fill(name)
        page.locator("#password").fill(PASSWORD)
        page.locator("button[type=submit]").click()
        page.wait_for_url(f"**{path}")
        expect(page.locator(".desk-bar")).to_be_visible()
        yield look


def items(page: Page):
    return page.locator(".desk-line")


def button(page: Page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def test_rita_signs_in_reads_a_case_and_approves_it(house: House, db: Database, rita: Look):
    row = make_feedback(db, checks_failed=1)
    page = rita.page
    button(page, "Refresh").click()
    expect(items(page)).to_have_count(1)
    expect(items(page)).to_contain_text("3 of 4 checks")

    items(page).click()
    expect(page.locator("#transcript .user-row")).to_have_count(3)
    expect(page.locator(".criterion")).to_have_count(4)
    expect(page.locator(".desk-case-head")).to_contain_text("You have it until")
    assert f"f={row.id}" in page.url
    assert reviews.get_review(db, row.id).claimed_by == "rita"

    button(page, "Approve").click()
    expect(page.locator("#desk-notice")).to_contain_text("Approved. The visitor sees it now.")
    expect(items(page)).to_have_count(0)
    expect(page.locator("#desk-list")).to_contain_text("Nothing waits.")
    assert reviews.get_review(db, row.id).state is ReviewState.APPROVED


def test_a_click_on_a_quote_marks_the_sentence_in_the_talk(house: House, db: Database, rita: Look):
    row = make_feedback(db)
    page = rita.page
    page.goto(f"{house.url}/admin/?f={row.id}")
    page.locator(".quote").nth(1).click()
    marked = page.locator("#transcript .message-row.quoted")
    expect(marked).to_have_count(1)
    expect(marked).to_contain_text("We gave each job a key.")
    words = page.evaluate("[...CSS.highlights.get('quote')].map((range) => range.toString())")
    assert words == ["After that, doubled invoices went to zero and support calls fell by half."]


def test_a_rejection_needs_a_reason_and_the_note_is_kept_meanwhile(house: House, db: Database, rita: Look):
    row = make_feedback(db)
    page = rita.page
    page.goto(f"{house.url}/admin/?f={row.id}")
    button(page, "Reject…").click()
    note = page.locator("#desk-note textarea")
    note.fill("Level 5 for one number is too kind.")
    button(page, "Reject it").click()
    expect(page.locator("#desk-notice")).to_contain_text("Choose a reason first")
    expect(note).to_have_value("Level 5 for one number is too kind.")
    assert reviews.get_review(db, row.id).state is ReviewState.CLAIMED

    page.get_by_label("A level is wrong").check()
    button(page, "Reject it").click()
    expect(page.locator("#desk-notice")).to_contain_text("Rejected.")
    case = reviews.get_review(db, row.id)
    assert (case.state, case.reject_reason) == (ReviewState.REJECTED, "wrong_level")
    assert case.note == "Level 5 for one number is too kind."
    page.locator(".desk-tab", has_text="Rejected").click()
    items(page).click()
    expect(page.locator(".desk-case-head")).to_contain_text("Rejected by rita: A level is wrong.")
    expect(note).to_be_hidden()


def test_after_a_decision_comes_the_next_one(house: House, db: Database, rita: Look):
    first, second = (make_feedback(db, age_s=age).id for age in (200, 100))
    page = rita.page
    button(page, "Refresh").click()
    button(page, "Take the next one").click()
    page.wait_for_url(f"**f={first}*")
    button(page, "Approve").click()
    page.wait_for_url(f"**f={second}*")
    expect(items(page)).to_have_count(1)
    assert reviews.get_review(db, second).claimed_by == "rita"


def test_the_slower_reviewer_is_told_and_her_words_are_kept(house: House, db: Database, rita: Look):
    row = make_feedback(db, state=ReviewState.AUTO_RELEASED)
    page = rita.page
    page.goto(f"{house.url}/admin/?show=released&f={row.id}")
    button(page, "Reject…").click()
    page.get_by_label("It is unkind").check()
    page.locator("#desk-note textarea").fill("Too harsh.")
    rosa = find_account(db, "rosa")
    assert rosa
    case = reviews.reopen(db, rosa, row.id, row.row_version)
    reviews.claim(db, rosa, row.id, case.row_version)
    button(page, "Reject it").click()
    expect(page.locator("#desk-notice")).to_contain_text("rosa is reading this one.")
    expect(page.locator(".desk-case-head")).to_contain_text("rosa is reading this one, until")
    expect(page.locator("#desk-note textarea")).to_have_value("Too harsh.")
    expect(button(page, "Approve")).to_have_count(0)


def test_opening_another_one_gives_the_first_back(house: House, db: Database, rita: Look):
    talk = make_talk(db)
    first, second = (make_feedback(db, talk, age_s=age).id for age in (200, 100))
    page = rita.page
    button(page, "Refresh").click()
    items(page).nth(0).click()
    page.wait_for_url(f"**f={first}*")
    items(page).nth(1).click()
    page.wait_for_url(f"**f={second}*")
    assert reviews.get_review(db, first).state is ReviewState.PENDING
    button(page, "Give it back").click()
    expect(page.locator("#desk-notice")).to_contain_text("Given back.")
    assert reviews.get_review(db, second).state is ReviewState.PENDING


def test_words_in_a_talk_are_shown_and_never_run(house: House, db: Database, rita: Look):
    talk = make_talk(db, title="${document.body.dataset.run = 1}")
    with db.write() as session:
        session.get_one(ConversationRow, talk.id).title = "<img src=x onerror='document.body.dataset.run = 1'>"
    row = make_feedback(db, talk)
    case = reviews.claim(db, find_account(db, "rosa"), row.id, row.row_version)  # type: ignore[arg-type]
    note = "${document.body.dataset.run = 1}<img src=x onerror='document.body.dataset.run = 1'>"
    reviews.reject(db, find_account(db, "rosa"), row.id, case.row_version, reason="other", note=note)  # type: ignore[arg-type]
    page = rita.page
    page.goto(f"{house.url}/admin/?show=all&f={row.id}")
    expect(page.locator(".desk-case-head .remark")).to_have_text(note)
    assert page.evaluate("document.body.dataset.run") is None


def test_a_link_to_something_deleted_says_so(house: House, db: Database, rita: Look):
    page = rita.page
    page.goto(f"{house.url}/admin/?f=f_gone")
    expect(page.locator("#desk-notice")).to_contain_text("There is nothing here under this address.")
    expect(page.locator("#desk-list")).to_contain_text("Nothing waits.")


def test_the_desk_speaks_korean(house: House, db: Database):
    make_feedback(db)
    with signed_in(house, locale="ko-KR", scheme="dark") as rita:
        page = rita.page
        expect(page.locator(".desk-bar h1")).to_have_text("검토")
        items(page).click()
        expect(page.locator(".desk-case-head")).to_contain_text("취업 면접")
        button(page, "반려…").click()
        button(page, "반려하기").click()
        expect(page.locator("#desk-notice")).to_contain_text("먼저 사유를 골라 주세요")
        button(page, "취소").click()
        button(page, "승인").click()
        expect(page.locator("#desk-notice")).to_contain_text("승인했습니다.")
        for label in ("대기", "바로 공개", "전체"):
            expect(page.locator(".desk-tabs")).to_contain_text(label)


def test_on_a_phone_one_thing_is_shown_at_a_time(house: House, db: Database):
    row = make_feedback(db)
    with signed_in(house, phone=True) as rita:
        page = rita.page
        expect(items(page)).to_have_count(1)
        items(page).click()
        expect(items(page)).to_be_hidden()
        expect(page.locator(".criterion").first).to_be_visible()
        page.locator(".quote").nth(1).click()
        expect(page.locator("#transcript .message-row.quoted")).to_be_in_viewport()
        width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert width[0] <= width[1], "nothing to the side"
        expect(button(page, "Approve")).to_be_in_viewport()
        button(page, "Approve").click()
        wait_until(lambda: reviews.get_review(db, row.id).state is ReviewState.APPROVED, "the approval")


def test_on_a_phone_the_next_debrief_begins_at_its_head(house: House, db: Database):
    first, second = (make_feedback(db, age_s=age).id for age in (200, 100))
    with signed_in(house, phone=True) as rita:
        page = rita.page
        page.goto(f"{house.url}/admin/?f={first}")
        expect(page.locator("#transcript .user-row")).to_have_count(3)
        page.locator(".next-step").scroll_into_view_if_needed()
        expect(page.locator(".desk-case-head")).not_to_be_in_viewport()
        button(page, "Approve").click()
        page.wait_for_url(f"**f={second}*")
        expect(page.locator(".desk-case-head")).to_contain_text("You have it until")
        expect(page.locator(".desk-case-head h2")).to_be_in_viewport(ratio=1)


def test_a_sign_in_that_ended_leads_to_the_sign_in_page_and_back(house: House, db: Database, rita: Look):
    row = make_feedback(db)
    rita.expect_refusals(401)
    page = rita.page
    page.goto(f"{house.url}/admin/?f={row.id}")
    expect(button(page, "Approve")).to_be_visible()
    rita.context.clear_cookies(name="debrief_sign_in")
    button(page, "Approve").click()
    page.wait_for_url(re.compile(r"/admin/login\?next="))
    page.locator("#name").fill("rita")
    page.locator("#password").fill(PASSWORD)
    page.locator("button[type=submit]").click()
    page.wait_for_url(f"**/admin/?f={row.id}")
    button(page, "Approve").click()
    expect(page.locator("#desk-notice")).to_contain_text("Approved.")


def test_signing_out_leaves_nothing_behind(house: House, db: Database, rita: Look):
    page = rita.page
    button(page, "Sign out").click()
    page.wait_for_url("**/admin/login")
    page.goto(f"{house.url}/admin/")
    expect(page.locator("#password")).to_be_visible()


def test_what_starts_to_wait_shows_up_by_itself(house: House, db: Database, rita: Look):
    page = rita.page
    expect(page.locator("#desk-list")).to_contain_text("Nothing waits.")
    make_feedback(db)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(items(page)).to_have_count(1)
    expect(page.locator(".desk-bar .pill")).to_have_text("1 waiting")


def test_the_operator_sees_processes_queue_and_model(house: House, db: Database):
    with signed_in(house, "ada", "/admin/system/") as ada:
        page = ada.page
        processes = page.locator(".sheet").first.locator("tbody")
        expect(processes.locator("tr")).to_have_count(1)
        expect(processes).to_contain_text(re.compile(r"web.*\d+(\.\d)? [MG]B"))
        manners = page.locator(".sheet", has_text="How feedback is made")
        expect(manners.locator("tr", has_text="English")).to_contain_text("likeness")
        expect(page.locator(".tile").first).to_contain_text("ready")
        expect(page.locator(".tiles")).to_contain_text("0 waiting")
        page.get_by_role("link", name="Review desk").click()
        expect(page.locator("#desk-list")).to_contain_text("Nothing waits.")


def test_rita_reads_what_the_visitor_says_is_wrong_and_answers_it(house: House, db: Database, rita: Look):
    row = make_feedback(db, state=ReviewState.AUTO_RELEASED)
    reactions.dispute(db, OLGA, row.id, "criteria.1.reason", "Both numbers were <b>before</b>.")
    page = rita.page
    button(page, "Refresh").click()
    expect(items(page)).to_contain_text("disputed: 1")
    items(page).click()
    expect(page.locator(".desk-case-head")).to_contain_text("still sees it, marked")
    objections = page.locator(".desk-disputes")
    expect(objections).to_contain_text("Numbers before and after, and what they meant for people.")
    expect(objections.locator(".disputed-words")).to_have_text("Both numbers were <b>before</b>.")
    objections.locator(".quote").click()
    expect(page.locator("[data-path='criteria.1.reason'] .disputed")).to_be_in_viewport()

    button(page, "Approve").click()
    expect(page.locator("#desk-notice")).to_contain_text("Approved.")
    assert not feedback.get_feedback(db, OLGA, row.id).is_disputed
    page.goto(f"{house.url}/admin/?show=approved&f={row.id}")
    expect(page.locator("[data-path='criteria.1.reason'] .disputed")).to_contain_text("Answered by a decision")
    expect(page.locator(".desk-disputes")).to_have_count(0)


def test_an_objection_that_comes_while_rita_reads_is_shown_before_she_decides(house: House, db: Database, rita: Look):
    row = make_feedback(db, state=ReviewState.AUTO_RELEASED)
    page = rita.page
    page.goto(f"{house.url}/admin/?show=released&f={row.id}")
    expect(page.locator(".criterion")).to_have_count(4)
    reactions.dispute(db, OLGA, row.id, "next_step", "I did that.")
    button(page, "Approve").click()
    expect(page.locator("#desk-notice .problem")).to_be_visible()
    expect(page.locator(".desk-disputes")).to_contain_text("I did that.")
    assert feedback.get_feedback(db, OLGA, row.id).is_disputed

"""A debrief made in part, of which not one criterion could be used: the page says so where they would stand."""

from __future__ import annotations

from playwright.sync_api import expect

from debrief.feedback import Check
from storage import jobs
from storage.engine import Database
from tests.browser.house import House, Look, debrief_card
from tests.browser.test_debrief_card import ask_and_claim, make_body, talk_of_two_turns
from tests.browser.test_debrief_said import release
from tests.browser.test_review_desk import button, db, signed_in  # noqa: F401  the fixture too
from tests.review_scene import make_feedback


def test_a_reviewer_is_told_that_the_criteria_are_missing_and_why(house: House, db: Database):  # noqa: F811
    row = make_feedback(db, partial=True, has_criteria=False, checks_failed=1)
    texts = {
        "en-US": ("The criteria are missing here", "Quotes stand word for word in the talk", "Edit"),
        "ko-KR": ("여기에는 평가 기준이 빠져 있습니다", "인용이 대화와 글자까지 같음", "고치기"),
    }
    for locale, (missing, check, edit) in texts.items():
        with signed_in(house, locale=locale) as rita:
            page = rita.page
            page.goto(f"{house.url}/admin/?show=all&f={row.id}")
            said = page.locator("#desk-card .no-criteria")
            expect(said).to_contain_text(missing)
            expect(said).to_contain_text(check)
            button(page, edit).click()
            expect(page.locator(".desk-editor .no-criteria")).to_contain_text(missing)


def test_a_visitor_is_told_that_the_criteria_are_missing(olga: Look):
    talk_of_two_turns(olga)
    body = make_body(olga.page).model_copy(update={"criteria": []})
    checks = [Check(name="evidence_exact", passed=True)]
    claim = ask_and_claim(olga)
    assert jobs.store_result(
        olga.house.db, claim, body=body, checks=checks, partial=True, lineage={"model": "m-7b"}, release="checked"
    )
    release(olga)
    expect(debrief_card(olga.page).locator(".no-criteria")).to_contain_text("no usable judgement came for any of them")

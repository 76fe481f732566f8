"""One reviewer with two tabs: they share the claim, and each knows of the other."""

from __future__ import annotations

from playwright.sync_api import expect

from debrief.review import ReviewState
from storage import reviews
from storage.engine import Database
from tests.browser.house import House, Look
from tests.browser.test_review_desk import button, db, items, rita
from tests.browser.test_review_queue import opened
from tests.review_scene import make_feedback, make_talk

__all__ = ["db", "rita"]


def test_what_is_open_in_two_tabs_is_said_kept_and_decided_once(house: House, db: Database, rita: Look):
    talk = make_talk(db)
    first, second = (make_feedback(db, talk, age_s=age).id for age in (200, 100))
    path = f"/admin/?f={first}"
    one, two = rita.page, rita.open_tab(path)
    one.goto(house.url + path)
    three = rita.open_tab(path)
    for page in (one, two, three):
        expect(page.locator(".desk-case-head")).to_contain_text("You have this one open in another tab too.")
    three.goto(f"{house.url}/")
    two.keyboard.press("s")
    assert opened(two, other_than=first) == second
    expect(one.locator(".desk-case-head")).not_to_contain_text("in another tab")
    assert reviews.get_review(db, first).claimed_by == "rita"

    two.locator(f'.desk-line[data-key="{first}"]').click()
    expect(two.locator(".desk-case-head")).to_contain_text("You have this one open in another tab too.")
    button(two, "Approve").click()
    expect(one.locator("#desk-notice")).to_contain_text("You decided this one in another tab")
    expect(button(one, "Approve")).to_have_count(0)
    assert reviews.get_review(db, first).state is ReviewState.APPROVED
    expect(items(one)).to_have_count(1)

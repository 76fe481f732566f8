"""The figures of the review in a real browser: they are drawn, and drawn again for another stretch or scenario."""

from __future__ import annotations

import re

from playwright.sync_api import expect
from sqlalchemy import delete

from storage.accounts import find_account
from storage.tables import ConversationRow
from tests.browser.house import House
from tests.browser.test_review_desk import signed_in
from tests.plot_scene import fill
from tests.review_scene import make_account, make_feedback, make_talk


def test_rita_sees_the_plots_and_chooses_a_year_and_another_scenario(house: House):
    with house.db.write() as session:
        session.execute(delete(ConversationRow))
    if find_account(house.db, "rita") is None:
        make_account(house.db, "rita")
    fill(house.db)
    other = make_talk(house.db, scenario_id="upset_customer")
    make_feedback(house.db, other, age_s=40 * 86_400, lineage={"model": "scripted", "rubric_hash": "c" * 64})
    with signed_in(house, "rita", "/admin/plots/") as look:
        page = look.page
        look.expect_warnings_of_plots()
        expect(page.locator("#plots .vega-embed svg.marks")).to_have_count(9)
        levels = page.locator(".plot", has=page.locator("#plot-levels"))
        scenario = page.locator("#plot-scenario input")
        expect(scenario).to_have_count(0)
        page.get_by_label("A year").check()
        expect(levels).to_contain_text("aaaaaa")
        expect(scenario).to_be_visible()
        scenario.click()
        page.get_by_role("option").last.click()
        expect(levels).to_contain_text("cccccc")
        expect(levels).not_to_contain_text("aaaaaa")
        page.get_by_label("7 days").check()
        expect(levels).to_contain_text("aaaaaa")


def test_on_a_phone_the_names_below_a_plot_are_turned_and_not_one_over_the_other(house: House):
    with house.db.write() as session:
        session.execute(delete(ConversationRow))
    if find_account(house.db, "rita") is None:
        make_account(house.db, "rita")
    fill(house.db, days=3)
    for phone, laid in ((False, r"^translate\([^)]*\)$"), (True, "rotate")):
        with signed_in(house, "rita", "/admin/plots/", phone=phone) as look:
            look.expect_warnings_of_plots()
            name = look.page.locator("#plot-waiting [aria-label^='X-axis'] .role-axis-label text").last
            expect(name).to_have_attribute("transform", re.compile(laid))

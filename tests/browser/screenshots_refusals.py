"""Pictures of what people see when something is refused; called by `screenshots.py`."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from storage.accounts import find_account
from storage.engine import Database, utc_now
from storage.spending import Budget, Daily, spend
from storage.tables import ConversationRow, SpendingRow
from tests.browser.house import (
    House,
    answer_rows,
    below,
    debrief_card,
    message_box,
)
from tests.review_scene import PASSWORD, make_account


def photograph(house: House, words: dict, phone: bool, scheme: str, out: Path) -> None:
    with house.visit(phone=phone, locale=words["locale"], scheme=scheme) as look:

        def shoot(view: str) -> None:
            look.page.wait_for_timeout(400)
            look.page.screenshot(path=f"{out}-refused-{view}.png")

        for status in (404, 413, 429):
            look.expect_refusals(status)
        look.page.locator(".card-title").first.wait_for()
        talk_id = look.start(words["title"])
        use_up(house.db, talk_id, "answers")
        look.page.locator(".quick .chip").first.click()
        below(look.page).get_by_role("alert").wait_for()
        shoot("1-quick-reply")
        forget(house.db)
        look.say(words["said"][0])
        expect(answer_rows(look.page)).to_have_count(2)
        expect(look.page.locator("#message .submit-button")).to_be_visible()
        use_up(house.db, talk_id, "answers")
        look.say(words["said"][1])
        below(look.page).get_by_role("alert").wait_for()
        shoot("2-day")
        forget(house.db)
        message_box(look.page).fill("x" * (house.settings.body_max_bytes + 1))
        message_box(look.page).press("Enter")
        expect(below(look.page).get_by_role("alert")).to_contain_text("256")
        shoot("3-too-large")
        message_box(look.page).fill(words["said"][1])
        use_up(house.db, talk_id, "feedbacks")
        look.open_pane("debrief")
        debrief_card(look.page).locator("[data-key=ask]").click()
        debrief_card(look.page).get_by_role("alert").wait_for()
        shoot("4-debrief")
        look.open_pane("talk")
        forget(house.db)
        look.context.clear_cookies()
        message_box(look.page).press("Enter")
        below(look.page).get_by_role("alert").wait_for()
        shoot("5-gone")
        look.page.reload()
        look.page.locator(".missing textarea").wait_for()
        shoot("6-missing")
    photograph_system(house, words["locale"], phone, scheme, out)


def photograph_system(house: House, locale: str, phone: bool, scheme: str, out: Path) -> None:
    if find_account(house.db, "ada") is None:
        make_account(house.db, "ada", "admin")
    with house.visit(phone=phone, locale=locale, scheme=scheme) as look:
        page = look.page
        page.goto(f"{house.url}/admin/")
        page.locator("#name").fill("ada")
        page.locator("#password").fill(PASSWORD)
        page.locator("button[type=submit]").click()
        page.locator(".desk-bar").first.wait_for()
        page.goto(f"{house.url}/admin/system/")
        page.locator(".tile").first.wait_for()
        page.wait_for_timeout(400)
        page.screenshot(path=f"{out}-refused-7-system.png", full_page=True)


def use_up(db: Database, talk_id: str, budget: Budget) -> None:
    """The day's budget of the visitor whose talk this is stands at its limit."""
    with db.write() as session:
        visitor_id = session.get_one(ConversationRow, talk_id).visitor_id
        now = utc_now()
        spend(session, budget, visitor_id, Daily(), now)
        key = {"day": now.date().isoformat(), "name": f"{budget}:{visitor_id}"}
        session.get_one(SpendingRow, key).used = 100_000


def forget(db: Database) -> None:
    with db.write() as session:
        session.query(SpendingRow).filter(SpendingRow.used >= 100_000).delete()

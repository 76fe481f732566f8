"""Pictures of the sidebar: past conversations by day, menus, search, deleting and taking it back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from playwright.sync_api import expect

from storage.engine import utc_now
from storage.tables import ConversationRow
from tests.browser.house import House, Look
from tests.factories import make_conversation, make_turn

TITLES = {
    "en-US": ["Job interview", "Upset customer", "My best talk, with a title longer than its line", "Salary talk"],
    "ko-KR": ["취업 면접", "화가 난 고객", "지금까지 가장 잘한 대화인데 제목이 한 줄보다 훨씬 깁니다", "연봉 협상"],
}  # fmt: skip
SAID = {
    "en-US": ("I moved the queue to a server of its own and measured the wait.", "How long was the wait before?"),
    "ko-KR": ("대기열을 서버 하나로 옮기고 기다리는 시간을 쟀습니다.", "그 전에는 얼마나 기다렸나요?"),
}
LOOK_FOR = {"en-US": "queue", "ko-KR": "대기"}


def photograph_list(house: House, locale: str, phone: bool, scheme: str, out: Path) -> None:
    name = f"{'phone' if phone else 'desktop'}-{scheme}-{locale[:2]}"

    def shoot(view: str) -> None:
        look.page.wait_for_timeout(400)
        look.page.screenshot(path=out / f"{name}-list-{view}.png")

    with house.visit(phone=phone, locale=locale, scheme=scheme) as look:
        look.start(TITLES[locale][0])
        _past(look, locale)
        look.page.reload()
        if phone:
            look.page.locator(".sidebar .toggle-button").click()
        expect(look.page.locator(".entry")).to_have_count(9)
        shoot("1-days")
        entry = look.page.locator(".entry").nth(2)
        entry.hover()
        entry.locator(".entry-more").click()
        shoot("2-menu")
        entry.locator(".menu-item").first.click()
        shoot("3-rename")
        look.page.keyboard.press("Escape")
        look.page.locator("#search").fill(LOOK_FOR[locale])
        expect(look.page.locator(".found-list .entry").first).to_be_visible()
        shoot("4-search")
        look.page.locator("#search").fill("zzzz")
        expect(look.page.locator(".found-list .entry")).to_have_count(0)
        shoot("5-nothing")
        look.page.locator("#search").press("Escape")
        look.page.locator("[data-key=manage]").click()
        look.page.locator("[data-key=delete-all]").click()
        shoot("6-delete-all")
        look.page.locator("[data-key=delete-no]").click()
        entry.hover()
        entry.locator(".entry-more").click()
        entry.locator(".menu-item").last.click()
        expect(look.page.locator(".notice")).to_be_visible()
        shoot("7-undo")


def _past(look: Look, locale: str) -> None:
    """Talks of the last weeks for whoever looks."""
    db = look.house.db
    open_talk = look.page.url.split("c=")[1].split("&")[0]
    with db.read() as session:
        owner = session.get_one(ConversationRow, open_talk)
    for n, days in enumerate((0, 1, 1, 3, 5, 12, 40, 75)):
        talk = make_conversation(
            db, visitor_id=owner.visitor_id, title=TITLES[locale][n % 4], scenario_hash=owner.scenario_hash,
            language=owner.language,
        )  # fmt: skip
        make_turn(db, talk, text=SAID[locale][0], answer=SAID[locale][1])
        with db.write() as session:
            row = session.get_one(ConversationRow, talk.id)
            row.updated_at = utc_now() - timedelta(days=days, minutes=n)
            row.origin = "import" if n == 4 else "talk"

"""Pictures of the review desk after a busy month: `python -m tests.browser.screenshots_desk`.

Two hundred debriefs in all states (`tests/desk_scene.py`), on two desktops, a tablet held both ways and a phone, light
and dark, in English and Korean. `--record FILE` keeps the furnished record, or takes it from there when it is there.
"""

from __future__ import annotations

import argparse
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from debrief.review import ReviewState
from debrief.settings import Settings
from storage.engine import Database
from storage.migrate import migrate
from storage.queue_filter import QueueFilter
from storage.review_queue import list_review_ids
from storage.reviews import get_review
from tests.browser.house import CHROMIUM, CHROMIUM_ARGS, DESKTOP, PHONE, House, open_house
from tests.desk_scene import furnish
from tests.review_scene import PASSWORD
from tests.scripted_model import ScriptedModel
from webapp.pages.plots.handlers import NAMES

TABLET = {"width": 820, "height": 1180}
SIZES = {
    "desktop": DESKTOP,
    "wide": {"width": 1440, "height": 900},
    "landscape": {"width": 1024, "height": 768},
    "tablet": TABLET,
    "phone": PHONE,
}
FINGERS = ("landscape", "tablet", "phone")
LOCALES = {"en": "en-US", "ko": "ko-KR"}
Shoot = Callable[[str], None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("test-output/screenshots-desk"))
    parser.add_argument("--only", default="", help="such as desktop-dark-ko; all by default")
    parser.add_argument("--views", default="", help="such as queue,edit; all by default")
    parser.add_argument("--record", type=Path, help="the furnished SQLite file")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        settings = Settings(
            _env_file=None, data_dir=Path(folder), rate_limit="off", second_opinion_percent=100,
        )  # fmt: skip
        _furnished(settings, given.record)
        with ScriptedModel() as model, open_house(settings, model, browser) as house:
            for size in SIZES:
                for scheme in ("light", "dark"):
                    for language in LOCALES:
                        name = f"{size}-{scheme}-{language}"
                        if given.only in ("", name) or name in given.only.split(","):
                            _photograph(house, browser, name, given.out, given.views.split(",") if given.views else [])
        browser.close()


def _furnished(settings: Settings, record: Path | None) -> None:
    place = Path(settings.database.removeprefix("sqlite:///"))
    if record and record.exists():
        shutil.copy(record, place)
        migrate(settings.database, backup_dir=None)
        return
    migrate(settings.database, backup_dir=None)
    db = Database(settings.database)
    furnish(db)
    db.close()
    if record:
        shutil.copy(place, record)


def _photograph(house: House, browser: Browser, name: str, out: Path, views: list[str]) -> None:
    size, scheme, language = name.split("-")
    context = browser.new_context(
        viewport=SIZES[size],  # type: ignore[arg-type]
        locale=LOCALES[language],
        color_scheme=scheme,  # type: ignore[arg-type]
        is_mobile=size == "phone",
        has_touch=size in FINGERS,
    )
    page = context.new_page()

    def shoot(view: str) -> None:
        page.wait_for_timeout(500)  # transitions
        page.screenshot(path=out / f"{name}-{view}.png")

    page.goto(f"{house.url}/admin/")
    page.locator("#name").fill("ada")
    page.locator("#password").fill(PASSWORD)
    page.locator("button[type=submit]").click()
    page.locator(".desk-item").first.wait_for()
    for view, take in VIEWS.items():
        if not views or view in views:
            take(page, house, lambda more="", view=view: shoot(f"{view}{more}"))
    context.close()


def _open(page: Page, house: House, feedback_id: str, show: str = "all") -> None:
    page.goto(f"{house.url}/admin/?show={show}&f={feedback_id}")
    page.locator(".desk-tools").wait_for()
    expect(page.locator("#transcript .message-row").first).to_be_visible()


def _find(house: House, *states: ReviewState, where: Callable[..., bool] = lambda case: True, **wanted: object) -> str:
    ids = list_review_ids(house.db, QueueFilter(states=states, **wanted), limit=80).items  # type: ignore[arg-type]
    fitting = (one for one in ids if where(get_review(house.db, one)))
    return next(fitting, ids[0] if ids else "")


def _queue(page: Page, house: House, shoot: Shoot) -> None:
    page.goto(f"{house.url}/admin/")
    page.locator(".desk-item").nth(5).wait_for()
    shoot("")


def _filters(page: Page, house: House, shoot: Shoot) -> None:
    page.goto(f"{house.url}/admin/?show=all&language=ko&check=failed")
    page.locator(".desk-item").first.wait_for()
    shoot("-chips")
    page.locator("[data-key=filters]").click()
    page.locator(".desk-filters").wait_for()
    shoot("-open")


def _case(page: Page, house: House, shoot: Shoot) -> None:
    _open(page, house, _find(house, ReviewState.PENDING, where=lambda case: len(case.path) > 8), "waiting")
    page.locator("#desk-card .quote").first.click()
    page.wait_for_timeout(700)
    shoot("")
    page.locator("#desk-reject").click()
    shoot("-reject")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    shoot("-keys")
    page.keyboard.press("Escape")
    page.locator("[data-key=tool-regenerate]").click()
    shoot("-rewrite")
    page.keyboard.press("Escape")


def _edit(page: Page, house: House, shoot: Shoot) -> None:
    _open(page, house, _find(house, ReviewState.PENDING, where=lambda case: bool(case.body and case.body.improvements)))
    page.locator("[data-key=tool-edit]").click()
    page.locator(".desk-editor textarea").first.wait_for()
    page.locator(".desk-editor textarea").first.fill("It was good. It was good. It was good.")
    page.wait_for_timeout(1200)
    shoot("")
    page.locator(".desk-editor-list").last.evaluate("list => list.scrollIntoView({block: 'center'})")
    shoot("-items")
    page.keyboard.press("Escape")
    shoot("-leave")
    page.locator(".desk-editor-told button").last.click()


def _diff(page: Page, house: House, shoot: Shoot) -> None:
    _open(page, house, _find(house, ReviewState.EDITED_APPROVED, where=lambda case: case.disputes == []))
    page.locator("[data-key=tool-versions]").click()
    page.locator(".desk-versions .difference-section").first.wait_for()
    shoot("")
    page.keyboard.press("Escape")
    page.locator("[data-key=tool-history]").click()
    page.locator(".desk-history li").first.wait_for()
    shoot("-history")
    page.keyboard.press("Escape")


def _rewritten(page: Page, house: House, shoot: Shoot) -> None:
    anew = (ReviewState.PENDING, ReviewState.CLAIMED)
    _open(page, house, _find(house, *anew, where=lambda case: case.remade is not None and case.versions > 1))
    shoot("")
    page.locator("[data-key=tool-versions]").click()
    page.locator(".desk-versions .difference-section").first.wait_for()
    page.locator(".desk-versions [type=checkbox]").set_checked(True)
    shoot("-beside")
    page.locator(".desk-versions [type=checkbox]").set_checked(False)
    page.keyboard.press("Escape")


def _disputed(page: Page, house: House, shoot: Shoot) -> None:
    _open(page, house, _find(house, ReviewState.PENDING, disputed=True))
    shoot("")


def _bulk(page: Page, house: House, shoot: Shoot) -> None:
    page.goto(f"{house.url}/admin/?show=all&sort=worst")
    page.locator(".desk-item").nth(5).wait_for()
    for n in range(3):
        page.locator(".desk-pick").nth(n).check()
    shoot("-picked")
    page.locator("[data-key=clear-selection]").click()
    page.locator("[data-key=bulk-all]").click()
    page.locator("[data-key=bulk-approve]").click()
    page.locator("dialog [role=status]").wait_for()
    shoot("")
    page.keyboard.press("Escape")
    page.locator("[data-key=bulk-regenerate]").click()
    page.locator("dialog [role=status]").wait_for()
    shoot("-rewrite")
    page.keyboard.press("Escape")


def _second(page: Page, house: House, shoot: Shoot) -> None:
    page.goto(f"{house.url}/admin/")
    page.locator("[data-key=second]").click()
    page.locator(".desk-second-form, .desk-second-content > .quiet").first.wait_for()
    shoot("")
    page.keyboard.press("Escape")
    page.locator("[data-key=agreement]").click()
    page.locator(".desk-second table").wait_for()
    shoot("-agreement")
    page.keyboard.press("Escape")


def _plots(page: Page, house: House, shoot: Shoot) -> None:
    page.goto(f"{house.url}/admin/plots/")
    expect(page.locator("#plots .vega-embed svg.marks")).to_have_count(9)
    page.wait_for_timeout(1500)  # each is drawn again once its width is known
    shoot("")
    for n, name in enumerate(NAMES[2:], 2):
        page.locator(f".plot:has(#plot-{name})").evaluate("plot => plot.scrollIntoView({block: 'start'})")
        if page.viewport_size["width"] < 700 or n % 2 == 0:  # type: ignore[index]
            shoot(f"-{n}-{name}")


def _manage(page: Page, house: House, shoot: Shoot) -> None:
    for tab in ("people", "exports", "audit"):
        page.goto(f"{house.url}/admin/manage/#{tab}")
        page.locator(".manage table, .manage .fields").first.wait_for()
        page.wait_for_timeout(800)
        shoot(f"-{tab}")
        if tab == "people":
            page.locator(".manage .sheet").last.scroll_into_view_if_needed()
            shoot("-programs")
    page.goto(f"{house.url}/admin/password")
    shoot("-password")


def _hooks(page: Page, house: House, shoot: Shoot) -> None:
    page.goto(f"{house.url}/admin/manage/#webhooks")
    page.locator(".hook").nth(2).wait_for()
    shoot("")
    page.locator("[data-key^=log-]").nth(1).click()
    page.locator(".hook-log tbody tr").first.wait_for()
    page.locator(".hook-log").scroll_into_view_if_needed()
    shoot("-log")
    page.locator("[data-key^=edit-]").first.click()
    shoot("-change")
    page.locator("[data-key=new-hook-url]").fill("https://hooks.example.org/debrief")
    page.locator("[data-key^=new-hook-feedback]").first.check()
    page.locator("[data-key=new-hook-send]").click()
    page.locator(".once").scroll_into_view_if_needed()
    shoot("-secret")
    page.locator("[data-key^=delete-]").last.click()
    page.locator("[data-key^=sure-]").click()
    expect(page.locator(".hook")).to_have_count(3)


def _exports(page: Page, house: House, shoot: Shoot) -> None:
    page.goto(f"{house.url}/admin/?show=all&sort=worst")
    page.locator(".desk-item").nth(5).wait_for()
    page.locator("[data-key=bulk-all]").click()
    page.locator("[data-key=bulk-export]").click()
    expect(page.locator("[data-key=export-download]")).to_have_attribute("href", re.compile("exports"))
    shoot("")
    page.keyboard.press("Escape")


VIEWS: dict[str, Callable[[Page, House, Shoot], None]] = {
    "queue": _queue,
    "filters": _filters,
    "case": _case,
    "edit": _edit,
    "diff": _diff,
    "rewritten": _rewritten,
    "disputed": _disputed,
    "bulk": _bulk,
    "second": _second,
    "plots": _plots,
    "manage": _manage,
    "hooks": _hooks,
    "exports": _exports,
}

if __name__ == "__main__":
    main()

"""axe-core finds nothing serious in what the review desk opens, nor on the pages of figures and of managing.

Light on a desktop, dark on a phone; there also: nothing scrolls sideways.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect
from sqlalchemy import delete

from debrief.review import ReviewState
from debrief.settings import Settings
from storage import edits, reviews
from storage.accounts import Account, find_account
from storage.engine import Database
from storage.tables import ConversationRow, WebhookRow
from tests.browser.house import House, Look, open_house
from tests.browser.test_accessibility import SCREENS, inspector
from tests.browser.test_review_desk import signed_in
from tests.plot_scene import fill
from tests.review_scene import make_account, make_feedback
from tests.scripted_model import ScriptedModel
from tests.webhook_scene import make_hook

Inspect = Callable[[str], None]


def people(db: Database) -> None:
    """Nothing is there but Ada and Rita."""
    with db.write() as session:
        session.execute(delete(ConversationRow))
        session.execute(delete(WebhookRow))
    for name, role in (("ada", "admin"), ("rita", "reviewer")):
        if find_account(db, name) is None:
            make_account(db, name, role)


def has_approved_one(db: Database) -> Account:
    """Rita, who has approved a debrief."""
    rita = find_account(db, "rita")
    assert rita
    decided = make_feedback(db, state=ReviewState.AUTO_RELEASED)
    reviews.approve(db, rita, decided.id, decided.row_version)
    return rita


def looked_at(look: Look, found: list[str], *, phone: bool) -> Inspect:
    page = look.page
    page.emulate_media(reduced_motion="reduce")
    axe = inspector(page, found)

    def inspect(state: str) -> None:
        axe(state)
        if phone and page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{state}: scrolls sideways")

    return inspect


def close(page: Page) -> None:
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


@SCREENS
def test_what_the_desk_opens_has_no_grave_finding(house: House, phone: bool, scheme: str):
    people(house.db)
    found: list[str] = []
    rita = has_approved_one(house.db)
    edited = make_feedback(house.db, state=ReviewState.AUTO_RELEASED, checks_failed=1)
    draft = edits.get_draft(house.db, edited.id).unchanged
    edits.approve_edit(
        house.db, rita, edited.id, edited.row_version, draft.model_copy(update={"next_step": "Begin with the number."})
    )
    waits = make_feedback(house.db, checks_failed=2)
    with signed_in(house, "ada", "/admin/?show=all", phone=phone, scheme=scheme) as look:
        page, inspect = look.page, looked_at(look, found, phone=phone)
        expect(page.locator(".desk-line")).to_have_count(3)
        page.locator("[data-key=filters]").click()
        page.locator(".desk-filters").wait_for()
        inspect("filters")
        page.locator("[data-key=filters]").click()
        page.locator("[data-key=bulk-all]").click()
        inspect("several at once")
        page.locator("[data-key=bulk-approve]").click()
        expect(page.get_by_role("dialog").get_by_role("listitem")).to_have_count(1)
        inspect("several at once, counted")
        close(page)
        page.locator("[data-key=bulk-export]").click()
        expect(page.locator("[data-key=export-download]")).not_to_have_attribute("aria-disabled", "true")
        inspect("export")
        close(page)
        page.goto(f"{house.url}/admin/?show=all&f={waits.id}")
        page.locator("[data-key=tool-edit]").click()
        page.locator(".desk-editor textarea").first.fill("It was good. It was good. It was good.")
        page.locator(".desk-editor textarea").first.blur()
        inspect("editor")
        page.goto(f"{house.url}/admin/?show=all&f={edited.id}")
        page.locator("[data-key=tool-versions]").click()
        page.locator(".desk-versions .difference-section").first.wait_for()
        inspect("versions")
        close(page)
        page.locator("[data-key=tool-history]").click()
        page.locator(".desk-history li").first.wait_for()
        inspect("history")
    assert not found, "\n".join(sorted(set(found)))


def test_a_second_opinion_and_the_table_of_agreement_have_no_grave_finding(browser: Browser, tmp_path: Path):
    found: list[str] = []
    settings = Settings(_env_file=None, data_dir=tmp_path, rate_limit="off", second_opinion_percent=100)
    with ScriptedModel() as model, open_house(settings, model, browser) as house:
        people(house.db)
        fill(house.db, days=3)
        has_approved_one(house.db)
        for phone, scheme in ((False, "light"), (True, "dark")):
            with signed_in(house, "ada", phone=phone, scheme=scheme) as look:
                page, inspect = look.page, looked_at(look, found, phone=phone)
                page.locator("[data-key=second]").click()
                page.locator(".desk-second-form").wait_for()
                inspect(f"second opinion, {scheme}")
                close(page)
                page.locator("[data-key=agreement]").click()
                page.locator(".desk-second table").wait_for()
                inspect(f"agreement, {scheme}")
    assert not found, "\n".join(sorted(set(found)))


@SCREENS
def test_figures_and_managing_have_no_grave_finding(house: House, phone: bool, scheme: str):
    people(house.db)
    found: list[str] = []
    ada = find_account(house.db, "ada")
    assert ada
    fill(house.db, days=3)
    make_hook(house.db, ada, "https://inbox.example/hook")
    with signed_in(house, "ada", "/admin/plots/", phone=phone, scheme=scheme) as look:
        look.expect_warnings_of_plots()
        page, inspect = look.page, looked_at(look, found, phone=phone)
        expect(page.locator("#plots .vega-embed svg.marks")).to_have_count(9)
        inspect("figures")
        page.goto(f"{house.url}/admin/manage/#people")
        page.locator("[data-key^=renew-]").last.click()
        page.locator(".once").wait_for()
        inspect("people")
        page.goto(f"{house.url}/admin/manage/#webhooks")
        page.locator("[data-key^=log-]").click()
        page.locator(".hook-log").wait_for()
        page.locator("[data-key^=edit-]").first.click()
        inspect("webhooks")
        page.goto(f"{house.url}/admin/manage/#exports")
        page.locator(".manage .fields").first.wait_for()
        inspect("exports")
        page.goto(f"{house.url}/admin/manage/#audit")
        page.locator(".manage tbody tr").first.wait_for()
        inspect("audit")
        page.goto(f"{house.url}/admin/password")
        page.locator("button[type=submit]").wait_for()
        inspect("password")
    assert not found, "\n".join(sorted(set(found)))

"""What admins manage, in a real browser: accounts, an export, a visitor forgotten, and the audit that tells of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from playwright.sync_api import expect
from sqlalchemy import delete

from debrief.review import ReviewState
from storage.accounts import find_account
from storage.tables import ConversationRow
from tests.browser.house import House
from tests.browser.test_review_desk import signed_in
from tests.review_scene import make_account, make_feedback


def test_ada_makes_an_account_shuts_it_exports_and_forgets_a_visitor(house: House):
    with house.db.write() as session:
        session.execute(delete(ConversationRow))
    if find_account(house.db, "ada") is None:
        make_account(house.db, "ada", "admin")
    feedback_id = make_feedback(house.db, state=ReviewState.APPROVED).id
    with signed_in(house, "ada", "/admin/manage/") as look:
        page = look.page
        page.get_by_label("Name of the new person").fill("rolf")
        page.get_by_role("button", name="Make an account").click()
        link = page.get_by_label("Link for rolf").input_value()
        page.get_by_role("button", name="I have noted it").click()
        _choose_a_password(house, link)
        page.get_by_label("What the program is").fill("Nightly export")
        page.get_by_role("button", name="Make a token").click()
        expect(page.get_by_label("Nightly export")).to_have_value(re.compile(r"^\S{30,}$"))
        program = page.locator("tr", has_text="Nightly export")
        expect(program).to_contain_text("never")
        program.get_by_role("button", name="Revoke").click()
        program.get_by_role("button", name="Revoke it now").click()
        expect(page.get_by_text("No program has a token.")).to_be_visible()
        row = page.locator("tr", has_text="rolf")
        row.get_by_role("button", name="Shut", exact=True).click()
        row.get_by_role("button", name="Shut and sign out now").click()
        expect(row).to_contain_text("shut")

        page.get_by_role("link", name="Exports").click()
        expect(page.get_by_text("1 debriefs to look at.")).to_be_visible()
        with page.expect_download() as arriving:
            page.get_by_role("link", name="Export", exact=True).click()
        talk = json.loads(Path(arriving.value.path()).read_text("utf-8"))
        assert talk["id"] == feedback_id
        expect(page.locator("tr", has_text="complete")).to_contain_text("1 of 1")

        page.get_by_role("link", name="People").click()
        page.get_by_label("Id of the visitor").fill(feedback_id)
        page.get_by_role("button", name="Forget…").click()
        page.get_by_role("button", name="Delete it all, for good").click()
        expect(page.get_by_text("Deleted for good: 1 talks")).to_be_visible()

        page.get_by_role("link", name="Audit").click()
        expect(page.locator("tbody tr").first).to_contain_text("forgot a visitor")
        page.get_by_label("Did").select_option("disable_account")
        expect(page.locator("tbody tr").first).to_contain_text("shut an account")


def _choose_a_password(house: House, link: str) -> None:
    """Rolf opens the link that he got; the second time it is good for nothing."""
    with house.visit() as look:
        page = look.page
        look.expect_refusals(404)
        for is_good in (True, False):
            page.goto(link)
            expect(page).to_have_url(f"{house.url}/admin/password")
            page.get_by_label("New password").fill("three blue herons")
            page.get_by_label("The new one once more").fill("three blue herons")
            page.get_by_role("button", name="Use this password").click()
            if is_good:
                expect(page.locator(".desk-me")).to_contain_text("rolf")
            else:
                expect(page.get_by_role("alert")).to_contain_text("good for nothing any more")
        page.goto(f"{house.url}/admin/password")
        expect(page.get_by_label("Your present password")).to_be_visible()


def test_ada_exports_what_the_list_of_the_desk_shows_and_sees_before_how_much_that_is(house: House):
    with house.db.write() as session:
        session.execute(delete(ConversationRow))
    if find_account(house.db, "ada") is None:
        make_account(house.db, "ada", "admin")
    wanted = make_feedback(house.db, lineage={"model": "small"}, state=ReviewState.APPROVED).id
    make_feedback(house.db, lineage={"model": "small"}, state=ReviewState.EDITED_APPROVED, checks_failed=1)
    make_feedback(house.db, lineage={"model": "large"}, state=ReviewState.APPROVED)
    with signed_in(house, "ada") as look:
        page = look.page
        page.goto(f"{house.url}/admin/?show=approved&model=small&check=passed")
        expect(page.locator(".desk-line")).to_have_count(1)
        page.get_by_role("button", name="Do something with all of these …").click()
        page.locator("[data-key=bulk-export]").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("1 debriefs are looked at, at most 1 of them become rows.")
        dialog.locator("[data-key=export-kind]").select_option("preferences")
        expect(dialog.locator("[data-key=export-format]")).to_have_value("jsonl")
        dialog.locator("[data-key=export-kind]").select_option("feedback")
        dialog.locator("[data-key=export-format]").select_option("jsonl")
        download = dialog.locator("[data-key=export-download][href*='format=jsonl']")
        with page.expect_download() as arriving:
            download.click()
        [line] = Path(arriving.value.path()).read_text("utf-8").splitlines()
        assert json.loads(line)["id"] == wanted

"""Debriefs written over at the desk, in a real browser: what is typed is kept, the slower one is told."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from debrief.review import ReviewState
from debrief.settings import Settings
from storage import edits, reviews
from storage.accounts import find_account
from storage.engine import Database
from tests.browser.house import House, Look, debrief_card, open_house
from tests.browser.test_debrief_card import ask_and_claim, make_body, store, talk_of_two_turns
from tests.browser.test_review_desk import button, db, rita, signed_in  # noqa: F401  the fixtures too
from tests.review_scene import make_account, make_feedback
from tests.scripted_model import ScriptedModel


def open_case(look: Look, feedback_id: str) -> Page:
    page = look.page
    page.goto(f"{page.url.partition('?')[0]}?show=all&f={feedback_id}")
    expect(page.locator(".criterion")).to_have_count(4)
    return page


def box(page: Page, path: str):
    return page.locator(f'.desk-editor textarea[data-path="{path}"]')


def refused_in(page: Page):
    return page.locator(".desk-editor .problem")


def start_editing(page: Page) -> None:
    button(page, "Edit").click()
    expect(page.locator(".desk-editor")).to_be_visible()


def test_the_slower_of_two_edits_is_told_and_their_text_is_kept(house: House, db: Database, rita: Look):  # noqa: F811
    row = make_feedback(db, state=ReviewState.AUTO_RELEASED)
    with ExitStack() as stack:
        rosa = stack.enter_context(signed_in(house, "rosa"))
        pages = [open_case(look, row.id) for look in (rita, rosa)]
        for page, words in zip(pages, ("Name one number first.", "Say your own part first."), strict=True):
            start_editing(page)
            box(page, "next_step").fill(words)
        fast, slow = pages
        button(fast, "Save and approve").click()
        expect(fast.locator("#desk-notice")).to_contain_text("Saved as a new version")

        rosa.expect_refusals(409)
        button(slow, "Save and approve").click()
        expect(slow.locator(".desk-editor")).to_contain_text("rita decided this one meanwhile.")
        expect(slow.locator(".desk-case-head")).to_contain_text("Corrected and approved by rita.")
        expect(box(slow, "next_step")).to_have_value("Name one number first.")
        expect(slow.locator(".desk-editor-mine")).to_contain_text("Say your own part first.")

        button(slow, "Put my changes on top").click()
        expect(box(slow, "next_step")).to_have_value("Say your own part first.")
    case = reviews.get_review(db, row.id)
    assert case.body
    assert (case.body.next_step, case.reviewed_by, case.versions) == ("Name one number first.", "rita", 2)


def test_a_difference_says_in_words_that_a_level_was_not_seen(db: Database, rita: Look):  # noqa: F811
    row = make_feedback(db, state=ReviewState.AUTO_RELEASED)
    draft = edits.get_draft(db, row.id)
    *others, motive = draft.unchanged.criteria
    seen = motive.model_copy(
        update={"level": 3, "reason": "You asked how the team works.", "evidence": others[0].evidence}
    )
    edit = draft.unchanged.model_copy(update={"criteria": [*others, seen]})
    rosa = find_account(db, "rosa")
    assert rosa
    edits.approve_edit(db, rosa, row.id, row.row_version, edit)
    page = open_case(rita, row.id)
    button(page, "Versions: 2").click()
    level = page.locator(".desk-versions .difference-section", has_text="Questions to them · Level")
    expect(level).to_contain_text("not seen in this talk")
    expect(level).not_to_contain_text("not_observed")


def test_what_is_typed_is_checked_at_once_and_is_there_after_a_reload(db: Database, rita: Look):  # noqa: F811
    row = make_feedback(db)
    page = open_case(rita, row.id)
    start_editing(page)
    box(page, "criteria.examples.reason").fill("Write to anna.smith@example.org and ask her how she would have put it.")
    badge = page.locator('[data-badge="criteria.examples.reason"]')
    expect(badge).to_contain_text("No address or number that nobody said")
    assert edits.get_draft(db, row.id).version_n == 1

    page.reload()
    expect(page.locator(".criterion")).to_have_count(4)
    start_editing(page)
    expect(box(page, "criteria.examples.reason")).to_have_value(
        "Write to anna.smith@example.org and ask her how she would have put it."
    )
    box(page, "criteria.examples.reason").fill("You told what was moved where, so that one can follow you well.")
    expect(badge).to_have_text("checked")
    page.locator(".desk-level", has_text="4 ·").first.click()
    button(page, "Save and approve").click()
    expect(page.locator("#desk-notice")).to_contain_text("Saved as a new version")
    expect(page.locator(".desk-choose")).to_contain_text("Nothing waits for you right now.")
    open_case(rita, row.id)
    expect(page.locator(".desk-case-head")).to_contain_text("Corrected and approved by rita")

    button(page, "Versions: 2").click()
    versions = page.locator("dialog.desk-versions")
    expect(versions).to_contain_text("edited by rita")
    expect(versions.locator("ins").last).to_be_visible()
    expect(versions.locator(".difference-section")).to_have_count(2)


def test_a_strength_and_an_improvement_are_added_while_editing(db: Database, rita: Look):  # noqa: F811
    row = make_feedback(db)
    page = open_case(rita, row.id)
    start_editing(page)
    button(page, "Add a strength").click()
    expect(box(page, "strengths.0.why")).to_be_focused()
    box(page, "strengths.0.why").fill("You measured it before you changed anything.")
    button(page, "Add something to improve").click()
    box(page, "improvements.0.problem").fill("The middle of the story jumps from plan to result.")
    box(page, "improvements.0.rewrite").fill("Then I moved the jobs over, one service a day.")
    part = page.locator('[data-where="improvements.0"]')
    part.locator("select").first.select_option(label="Own part")
    for chooser in (part.locator("select").last, page.locator('[data-where="strengths.0"] select')):
        chooser.focus()
        chooser.select_option(index=1)
    button(page, "Add a strength").click()
    expect(page.locator(".desk-editor")).to_contain_text("A debrief names at most 2 strengths.")
    page.locator('[data-where="strengths.1"] .desk-item-delete').click()
    button(page, "Save and approve").click()
    expect(page.locator("#desk-notice")).to_contain_text("Saved as a new version")
    body = reviews.get_review(db, row.id).body
    assert body
    assert [one.why for one in body.strengths] == ["You measured it before you changed anything."]
    assert [one.criterion for one in body.improvements] == ["own_part"]


def test_a_field_that_is_refused_is_named_and_has_the_focus(house: House, db: Database, rita: Look):  # noqa: F811
    row = make_feedback(db, state=ReviewState.AUTO_RELEASED)
    rita.expect_refusals(422)
    page = open_case(rita, row.id)
    start_editing(page)
    box(page, "next_step").fill("Say for whom it mattered most.")
    tip = box(page, "criteria.own_part.tip")
    tip.fill("x" * 801)
    badge = page.locator('[data-badge="criteria.own_part.tip"]')
    expect(badge).to_have_text("Too long: 801 of 800 characters")
    button(page, "Save and approve").click()
    refused = refused_in(page)
    expect(refused).to_have_text(re.compile('^"Own part · Tip" has 801 characters; the limit is 800'))
    expect(refused).to_be_in_viewport()
    expect(tip).to_be_focused()
    expect(tip).to_have_value("x" * 801)
    expect(box(page, "next_step")).to_have_value("Say for whom it mattered most.")

    tip.fill("Say what you did yourself.")
    expect(badge).not_to_contain_text("Too long")
    page.locator('[data-where="criteria.own_part"] .desk-chip-off').click()
    button(page, "Save and approve").click()
    expect(refused).to_have_text(re.compile('^"Own part" has a level but no line'))
    expect(page.locator('[data-evidence="criteria.own_part"] select')).to_be_focused()
    page.keyboard.press("Escape")
    button(page, "Throw it away").click()
    with signed_in(house, locale="ko-KR") as korean:
        korean.expect_refusals(422)
        page = open_case(korean, row.id)
        button(page, "고치기").click()
        box(page, "summary").fill("가" * 801)
        box(page, "summary").press("Control+Enter")
        expect(refused_in(page)).to_have_text(re.compile('^"요약"에 쓰신 글이 801자입니다. 최대 800자'))
        expect(box(page, "summary")).to_be_focused()


def test_what_was_decided_is_reopened_with_a_note_for_the_next(db: Database, rita: Look):  # noqa: F811
    row = make_feedback(db, state=ReviewState.AUTO_RELEASED)
    page = open_case(rita, row.id)
    button(page, "Approve").click()
    expect(page.locator(".desk-case-head")).to_contain_text("Approved by rita")
    button(page, "Reopen").click()
    sheet = page.locator("dialog.desk-sheet")
    expect(sheet.locator("textarea")).to_be_focused()
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    assert reviews.get_review(db, row.id).state is ReviewState.APPROVED

    page.keyboard.press("o")
    sheet.locator("textarea").fill("Level 5 is too kind for one number.")
    button(page, "Reopen it").click()
    expect(page.locator("#desk-notice")).to_contain_text("It waits again.")
    expect(button(page, "Take it")).to_be_visible()
    case = reviews.get_review(db, row.id)
    assert (case.state, case.round, case.note) == (ReviewState.PENDING, 2, "Level 5 is too kind for one number.")


def test_a_debrief_is_sent_to_be_written_anew_with_a_note(db: Database, rita: Look):  # noqa: F811
    row = make_feedback(db)
    page = open_case(rita, row.id)
    button(page, "Rewrite…").click()
    sheet = page.locator("dialog.desk-sheet")
    sheet.locator("textarea").fill("Quote the number.")
    button(page, "Have it rewritten").click()
    expect(page.locator("#desk-notice")).to_contain_text("It is being rewritten.")
    open_case(rita, row.id)
    expect(page.locator(".desk-case-head")).to_contain_text("It is being rewritten.")
    case = reviews.get_review(db, row.id)
    assert case.remade
    assert (case.state, case.remade.guidance) == (ReviewState.REGENERATING, "Quote the number.")


def test_a_second_reviewer_judges_blind_and_is_told_afterwards(browser: Browser, tmp_path: Path):
    settings = Settings(_env_file=None, data_dir=tmp_path, rate_limit="off", second_opinion_percent=100)
    with ScriptedModel() as model, open_house(settings, model, browser) as house:
        accounts = {name: make_account(house.db, name) for name in ("rita", "rosa")}
        row = make_feedback(house.db, state=ReviewState.AUTO_RELEASED)
        reviews.approve(house.db, accounts["rita"], row.id, row.row_version)
        with signed_in(house, "rosa") as look:
            page = look.page
            button(page, "Second opinion").click()
            dialog = page.locator("dialog.desk-second")
            expect(dialog.locator("fieldset")).to_have_count(5)
            expect(dialog).not_to_contain_text("Outstanding")
            for name in ("examples", "to_the_point", "own_part", "motive"):
                dialog.locator(".desk-level", has=page.locator(f'[name="second-{name}"]')).nth(1).click()
            dialog.locator(".desk-level", has_text="No").last.click()
            button(page, "Give my opinion").click()
            expect(dialog).to_contain_text("what the first reviewer had said")
            expect(dialog.locator("tbody tr").nth(2)).to_contain_text("Results25")
            button(page, "Close").click()
            button(page, "Agreement").click()
            expect(dialog.locator("tbody tr")).to_have_count(4)
            expect(dialog.locator(".desk-second-differing")).to_contain_text("Answering the question: 5 / 2")


def test_olga_is_told_what_to_expect_and_sees_what_a_person_changed(house: House, olga: Look):
    talk_of_two_turns(olga)
    card = debrief_card(olga.page)
    expect(card).to_contain_text("It is shown as soon as it has passed its checks")
    store(house, ask_and_claim(olga), make_body(olga.page))
    expect(card.locator(".state")).to_have_text("ready")

    editor = make_account(house.db, f"edith{olga.page.url[-6:]}")
    feedback_id = olga.page.evaluate(
        "fetch('api/v1/conversations?limit=1').then(r => r.json()).then(a => a.items[0].feedback.id)"
    )
    draft = edits.get_draft(house.db, feedback_id)
    edit = draft.unchanged.model_copy(update={"next_step": "Say for whom it mattered most."})
    edits.approve_edit(house.db, editor, feedback_id, draft.row_version, edit)

    expect(card).to_contain_text("A person has corrected and approved this debrief.")
    card.get_by_text("What the person changed").click()
    expect(card.locator(".corrections")).to_contain_text("Changed since you could first read it:")
    expect(card.locator(".corrections ins")).to_have_text(["mattered most."])

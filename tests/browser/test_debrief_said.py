"""What the visitor does with a debrief on the page: objects, follows a message to its quotes, takes it along."""

import json
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from debrief.feedback import Agreement, Check, CriterionResult
from storage import jobs, reviews
from tests.browser.house import House, Look, debrief_card, own_rows
from tests.browser.test_debrief_card import ask_and_claim, feedback_of, make_body, store, talk_of_two_turns
from tests.review_scene import make_account

HIDE = """hidden => {
  Object.defineProperty(document, "visibilityState", { value: hidden ? "hidden" : "visible", configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
NOTIFICATIONS = """
window.noted = [];
window.asked = 0;
window.Notification = class {
  static permission = "default";
  static requestPermission() { window.asked += 1; this.permission = "granted"; return Promise.resolve("granted"); }
  constructor(title, options) { window.noted.push([title, options.body]); }
};
"""


def read_debrief(olga: Look) -> str:
    """Olga has a debrief before her; its id."""
    talk_of_two_turns(olga)
    store(olga.house, ask_and_claim(olga), make_body(olga.page, "written"))
    expect(debrief_card(olga.page).locator(".criterion")).to_have_count(2)
    return feedback_of(olga)


def object_to(page: Page, path: str, comment: str) -> None:
    page.locator(f"[data-key='dispute-{path}']").press("Enter")
    expect(page.locator("[data-key=dispute-words]")).to_be_focused()
    page.keyboard.type(comment)
    page.locator("[data-key=dispute-send]").press("Enter")


def test_an_objection_is_shown_stays_after_a_reload_and_is_answered_by_rita(olga: Look):
    feedback_id = read_debrief(olga)
    page, card, db = olga.page, debrief_card(olga.page), olga.house.db
    object_to(page, "criteria.0.reason", "I told two.")
    sentence = card.locator("[data-path='criteria.0.reason']")
    expect(sentence.locator(".disputed")).to_contain_text("A person will look at it.")
    expect(sentence.locator(".disputed-words")).to_have_text("I told two.")
    expect(card.locator(".state")).to_have_text("a person looks again")
    expect(card.locator(".criterion")).to_have_count(2)
    page.reload()
    expect(sentence.locator(".disputed-words")).to_have_text("I told two.")

    rita = make_account(db, "rita-objections")
    case = reviews.claim(db, rita, feedback_id, reviews.get_review(db, feedback_id).row_version)
    reviews.approve(db, rita, feedback_id, case.row_version)
    expect(card.locator(".state")).to_have_text("approved by a reviewer")
    expect(sentence.locator(".disputed")).to_contain_text("A person has looked at it since.")


def test_what_is_typed_into_an_objection_outlives_an_answer_that_comes_meanwhile(olga: Look):
    read_debrief(olga)
    page = olga.page
    page.locator("[data-key='dispute-summary']").click()
    words = page.locator("[data-key=dispute-words]")
    words.fill("Half a sen")
    olga.say("One more thing.")
    expect(own_rows(page)).to_have_count(3)
    expect(page.locator("#message .submit-button")).to_be_visible()
    expect(words).to_have_value("Half a sen")
    page.locator("[data-key=dispute-cancel]").click()
    expect(words).to_have_count(0)
    expect(debrief_card(page)).to_contain_text("It covers 2 of your 3 turns.")


def test_an_objection_that_is_refused_keeps_what_was_typed_and_says_why(olga: Look):
    read_debrief(olga)
    olga.expect_refusals(503)
    refusal = {"code": "not_saved", "message": "This could not be saved just now."}
    olga.page.route("**/disputes", lambda route: route.fulfill(status=503, json=refusal))
    olga.page.locator("[data-key='dispute-summary']").click()
    olga.page.locator("[data-key=dispute-words]").fill("Not so.")
    olga.page.locator("[data-key=dispute-send]").click()
    expect(olga.page.locator(".dispute-form .problem")).to_have_text("This could not be saved just now.")
    expect(olga.page.locator("[data-key=dispute-words]")).to_have_value("Not so.")


def test_a_debrief_that_is_withdrawn_while_somebody_objects_says_so(olga: Look):
    feedback_id = read_debrief(olga)
    db = olga.house.db
    olga.page.locator("[data-key='dispute-summary']").click()
    reviews.withdraw(db, make_account(db, "ada-objections", "admin"), feedback_id, row_version(olga, feedback_id))
    expect(debrief_card(olga.page).locator(".state")).to_have_text("withdrawn")
    expect(olga.page.locator(".dispute-form")).to_have_count(0)
    expect(olga.page.get_by_role("button", name="Get a new debrief")).to_be_enabled()


def test_a_quoted_message_leads_to_the_part_that_quotes_it(olga: Look):
    read_debrief(olga)
    page = olga.page
    expect(own_rows(page).first.locator(".quoted-mark")).to_have_text(["Concrete examples"])
    expect(own_rows(page).last.locator(".quoted-mark")).to_have_text(["What to change"])
    part = debrief_card(page).locator("[data-part='improvements.0']")
    # The mark goes again after a moment, so the page itself says whether it was there; not that part of it, which is
    # another one when the card has been drawn anew in between.
    page.evaluate(
        """() => new MutationObserver(() => {
            const marked = document.querySelector(".debrief [data-part='improvements.0'].found");
            if (marked) document.body.dataset.wasMarked = "yes";
        }).observe(document.body, { attributes: true, attributeFilter: ["class"], childList: true, subtree: true })"""
    )
    own_rows(page).last.locator(".quoted-mark").press("Enter")
    expect(part.locator(".quote")).to_be_focused()
    expect(part).to_be_in_viewport()
    expect(page.locator("body")).to_have_attribute("data-was-marked", "yes")


def test_marks_follow_the_talk_and_go_with_the_debrief(olga: Look):
    read_debrief(olga)
    page = olga.page
    olga.say("One more thing.")
    expect(own_rows(page)).to_have_count(3)
    expect(page.locator(".quoted-mark")).to_have_count(2)
    expect(own_rows(page).last.locator(".quoted-mark")).to_have_count(0)
    page.get_by_role("button", name="New conversation").click()
    olga.start("Upset customer")
    expect(page.locator(".quoted-mark")).to_have_count(0)


def test_the_tabs_title_counts_what_became_ready_while_nobody_looked(olga: Look):
    talk_of_two_turns(olga)
    claim = ask_and_claim(olga)
    page = olga.page
    page.evaluate(HIDE, True)
    store(olga.house, claim, make_body(page))
    page.wait_for_function("document.title === '(1) Debrief'")
    page.evaluate(HIDE, False)
    page.wait_for_function("document.title === 'Debrief'")


def test_a_debrief_is_a_new_one_in_the_list_until_it_is_on_the_screen(olga: Look):
    talk_of_two_turns(olga)
    claim = ask_and_claim(olga)
    page = olga.page
    body = make_body(page)
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".card").first).to_be_visible()
    store(olga.house, claim, body)
    expect(page.locator(".entry-badge")).to_have_text("new debrief")
    page.locator(".entry-open").first.click()
    expect(debrief_card(page).locator(".criterion")).to_have_count(2)
    expect(page.locator(".entry-badge")).to_have_text("debrief ready")


def test_a_notification_comes_only_to_who_asked_for_it(olga: Look):
    page = olga.page
    page.context.add_init_script(NOTIFICATIONS)
    page.reload()
    talk_of_two_turns(olga)
    claim = ask_and_claim(olga)
    assert page.evaluate("asked") == 0
    page.get_by_role("button", name="Tell me when it is ready").click()
    expect(page.get_by_role("button", name="You will be told")).to_be_visible()
    page.evaluate(HIDE, True)
    store(olga.house, claim, make_body(page))
    page.wait_for_function("noted.length > 0")
    assert page.evaluate("noted") == [["Debrief", "Your debrief is ready."]]


def test_without_the_wish_nobody_is_notified(olga: Look):
    page = olga.page
    page.context.add_init_script(NOTIFICATIONS)
    page.reload()
    talk_of_two_turns(olga)
    claim = ask_and_claim(olga)
    page.evaluate(HIDE, True)
    store(olga.house, claim, make_body(page))
    page.wait_for_function("document.title === '(1) Debrief'")
    assert (page.evaluate("asked"), page.evaluate("noted")) == (0, [])


def test_the_making_can_be_stopped_and_asked_for_again(olga: Look):
    talk_of_two_turns(olga)
    claim = ask_and_claim(olga)
    card = debrief_card(olga.page)
    card.get_by_role("button", name="Stop making it").click()
    expect(card.locator(".state")).to_have_text("stopped")
    assert not jobs.set_progress(olga.house.db, claim, {"step": "checking"})
    card.get_by_role("button", name="Ask again").click()
    expect(card.locator(".state")).to_have_text("being written")
    assert len(set(olga.house.rung[-2:])) == 2


def test_after_a_rejection_a_new_one_can_be_asked_for_at_once_and_the_old_one_chosen(olga: Look):
    feedback_id = read_debrief(olga)
    db = olga.house.db
    reviews.reject(db, make_account(db, "rita-again"), feedback_id, row_version(olga, feedback_id), reason="unkind")
    card = debrief_card(olga.page)
    expect(card.locator(".state")).to_have_text("not released")
    expect(card.locator(".criterion")).to_have_count(0)
    card.get_by_role("button", name="Get a new debrief").click()
    expect(card.locator(".state")).to_have_text("being written")
    card.get_by_label("Showing").select_option(feedback_id)
    expect(card.locator(".state")).to_have_text("not released")


def test_files_are_downloaded_with_what_is_shown(olga: Look, tmp_path: Path):
    read_debrief(olga)
    with olga.page.expect_download() as started:
        olga.page.get_by_role("link", name="Save as Markdown").click()
    assert re.fullmatch(r"debrief-\d{4}-\d\d-\d\d-\w+\.md", started.value.suggested_filename)
    started.value.save_as(tmp_path / "debrief.md")
    assert "> I wrote the plan." in (tmp_path / "debrief.md").read_text("utf-8")
    with olga.page.expect_download() as started:
        olga.page.get_by_role("link", name="Save as JSON").click()
    started.value.save_as(tmp_path / "debrief.json")
    assert json.loads((tmp_path / "debrief.json").read_text("utf-8"))["body"]["summary"].startswith("You were concrete")


def test_on_paper_stands_the_debrief_and_nothing_to_press(house: House):
    with house.visit(scheme="dark") as olga:
        read_debrief(olga)
        page = olga.page
        page.emulate_media(media="print")
        card = debrief_card(page)
        expect(card.locator(".criterion .quote").first).to_be_visible()
        expect(card.locator(".print-only")).to_contain_text("Job interview")
        for gone in ("#talk-column", ".sidebar", ".take-along", ".reaction", ".dispute"):
            expect(page.locator(gone).first).to_be_hidden()
        assert page.evaluate("getComputedStyle(document.querySelector('.criterion h3')).color") == "rgb(0, 0, 0)"
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_helpful_stays_said(olga: Look):
    read_debrief(olga)
    page = olga.page
    page.get_by_role("group", name="Did this help?").get_by_role("button", name="Yes").click()
    expect(page.locator("[data-key=helpful-true]")).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(page.locator("[data-key=helpful-true]")).to_have_attribute("aria-pressed", "true")


def test_the_page_says_how_sure_the_model_was_what_was_checked_and_what_could_not_be_scored(olga: Look):
    talk_of_two_turns(olga)
    body = make_body(olga.page, "written")
    first = body.criteria[0].model_copy(update={"agreement": Agreement(same=1, of=3, levels=[4, 2, None])})
    lost = CriterionResult(key="motive", name="Motivation", status="unscored")
    body = body.model_copy(update={"criteria": [first, lost]})
    too_short = Check(name="min_words", passed=False, where="criteria.motive.reason")
    checks = [Check(name="evidence_exact", passed=True), too_short]
    claim = ask_and_claim(olga)
    assert jobs.store_result(
        olga.house.db, claim, body=body, checks=checks, partial=True, lineage={"model": "m-7b"}, release="checked"
    )
    release(olga)
    card = debrief_card(olga.page)
    expect(card).to_contain_text("only 1 of 3 independent tries agree")
    expect(card.locator(".criterion").nth(1)).to_contain_text("did not pass our checks (Says enough)")
    expect(card.locator(".criterion").nth(1).locator(".steps")).to_have_count(0)
    card.locator("details.checks summary").click()
    expect(card.locator("details.checks li.warn")).to_contain_text("Motivation")
    card.locator("details.making summary").click()
    expect(card.locator("details.making")).to_contain_text("m-7b")


def release(olga: Look) -> None:
    """Rita lets a held debrief go."""
    db, feedback_id = olga.house.db, feedback_of(olga)
    rita = make_account(db, f"rita-{feedback_id[-6:]}")
    case = reviews.claim(db, rita, feedback_id, row_version(olga, feedback_id))
    reviews.approve(db, rita, feedback_id, case.row_version)


def row_version(olga: Look, feedback_id: str) -> int:
    return reviews.get_review(olga.house.db, feedback_id).row_version

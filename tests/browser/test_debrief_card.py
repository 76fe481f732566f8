"""The debrief beside the talk: asked for, followed while it is made, read, traced back to the visitor's words."""

import re
from typing import Any

from playwright.sync_api import Browser, Page, expect

from debrief.feedback import Check, Coverage, CriterionResult, Evidence, Example, FeedbackBody, Improvement, Strength
from debrief.settings import Settings
from storage import jobs, reviews
from storage.jobs import Claim
from tasks.broker import Broker
from tests.browser.house import House, Look, answer_rows, debrief_card, message_box, open_house, own_rows
from tests.job_scene import WorkerProcess, claim_this, with_quick_jobs
from tests.review_scene import make_account
from tests.scripted_model import ScriptedModel

INTERVIEW = "Job interview"
WORKER = "k_browser"
CHECKS = [Check(name=name, passed=True) for name in ("evidence", "language", "repetition")]


def talk_of_two_turns(olga: Look) -> None:
    olga.start(INTERVIEW)
    for turn, text in enumerate(["I led the rewrite. I wrote the plan.", "The wait fell from 40 s to 2 s."], start=1):
        olga.say(text)
        expect(answer_rows(olga.page)).to_have_count(turn + 1)
        expect(olga.page.locator("#message .submit-button")).to_be_visible()


def ask_and_claim(olga: Look) -> Claim:
    """Press the button, then be the worker who takes the job."""
    olga.page.get_by_role("button", name="Get my debrief").click()
    expect(debrief_card(olga.page)).to_contain_text("being written")
    jobs.beat(olga.house.db, WORKER)
    return claim_this(olga.house.db, olga.house.rung[-1])


def report(house: House, claim: Claim, **progress: Any) -> None:
    assert jobs.set_progress(house.db, claim, progress)


def make_body(page: Page, way: Any = "rubric") -> FeedbackBody:
    """A debrief that quotes the talk of two turns."""
    ids = [row.get_attribute("data-message") or "" for row in own_rows(page).all()]
    plan = Evidence(message_id=ids[0], start=19, end=36, quote="I wrote the plan.")
    wait = Evidence(message_id=ids[1], start=0, end=31, quote="The wait fell from 40 s to 2 s.")
    return FeedbackBody(
        language="en",
        way=way,
        criteria=[
            CriterionResult(
                key="examples", name="Concrete examples", status="scored", level=4, level_name="Specific",
                reason="You told one real situation.", evidence=[plan], tip="Say when it was.",
                example=Example(before="We did things.", after="I cut the wait."),
            ),
            CriterionResult(key="motive", name="Motivation", status="not_observed"),
        ],
        strengths=[Strength(why="You named your own part.", evidence=[plan])],
        improvements=[
            Improvement(
                criterion="examples", problem="Nobody knows who waited.", evidence=[wait],
                rewrite="Our users waited 40 s before and 2 s after.",
            )
        ],
        next_step="Say for whom it mattered.",
        summary="You were concrete about the work and short about its effect.",
        covered=Coverage(messages=4, of=5),
    )  # fmt: skip


def store(house: House, claim: Claim, body: FeedbackBody, *, release: Any = "checked", checks: list[Check] = CHECKS):
    assert jobs.store_result(
        house.db, claim, body=body, checks=checks, partial=False, lineage={"model": "scripted"}, release=release
    )


def test_before_the_first_message_the_card_says_what_to_do(olga: Look):
    olga.start(INTERVIEW)
    expect(debrief_card(olga.page)).to_contain_text("Say something first.")
    expect(olga.page.get_by_role("button", name="Get my debrief")).to_be_disabled()


def test_the_progress_is_told_step_by_step_while_the_talk_goes_on(olga: Look):
    talk_of_two_turns(olga)
    claim = ask_and_claim(olga)
    card = debrief_card(olga.page)
    report(olga.house, claim, step="reading")
    expect(card).to_contain_text("Reading what you said.")
    report(olga.house, claim, step="writing", done=1, of=4)
    expect(card).to_contain_text("Writing criterion 2 of 4.")
    olga.say("One more thing.")
    expect(answer_rows(olga.page)).to_have_count(4)
    report(olga.house, claim, step="checking")
    expect(card).to_contain_text("Checking each quote")
    store(olga.house, claim, make_body(olga.page))
    expect(card.locator(".state")).to_have_text("ready")
    expect(card.locator(".summary")).to_contain_text("You were concrete")
    expect(card).to_contain_text("You have gone on since this debrief.")
    expect(olga.page.get_by_role("button", name="Get a new debrief")).to_be_enabled()


def test_the_debrief_names_levels_shows_rewrites_and_says_whose_words_these_are(olga: Look):
    talk_of_two_turns(olga)
    store(olga.house, ask_and_claim(olga), make_body(olga.page))
    card = debrief_card(olga.page)
    expect(card.locator(".criterion")).to_have_count(2)
    first, second = card.locator(".criterion").all()
    expect(first.locator(".level")).to_have_text("Specific")
    expect(first.get_by_label("Level 4 of 5").locator("i.on")).to_have_count(4)
    expect(second.locator(".level")).to_have_text("not seen in this talk")
    expect(second.locator(".steps")).to_have_count(0)
    expect(card.locator(".rewrite")).to_contain_text("Our users waited 40 s before")
    expect(card).to_contain_text("the words come from the rubric")
    expect(card).to_contain_text("3 checks passed")
    expect(card).to_contain_text("no person has read it yet")
    olga.page.reload()
    expect(card.locator(".summary")).to_contain_text("You were concrete")
    expect(olga.page.locator(".entry-badge")).to_have_text("debrief ready")


def test_a_press_on_a_quote_marks_the_words_in_the_transcript(olga: Look):
    talk_of_two_turns(olga)
    store(olga.house, ask_and_claim(olga), make_body(olga.page))
    debrief_card(olga.page).locator(".criterion .quote").click()
    expect(own_rows(olga.page).first).to_have_class(re.compile(r"\bquoted\b"))
    expect(own_rows(olga.page).first).to_be_in_viewport()
    marked = "[...CSS.highlights.get('quote') ?? []].map((range) => range.toString()).join()"
    assert olga.page.evaluate(marked) == "I wrote the plan."


def test_without_a_worker_the_card_says_that_it_is_delayed(olga: Look):
    talk_of_two_turns(olga)
    with olga.house.db.write() as session:
        session.connection().exec_driver_sql("DELETE FROM workers")
    olga.page.get_by_role("button", name="Get my debrief").click()
    expect(debrief_card(olga.page)).to_contain_text("The debrief is delayed")
    message_box(olga.page).fill("I can go on.")
    message_box(olga.page).press("Enter")
    expect(answer_rows(olga.page)).to_have_count(4)


def test_a_held_debrief_waits_for_rita_and_shows_her_decision_by_itself(olga: Look):
    talk_of_two_turns(olga)
    store(olga.house, ask_and_claim(olga), make_body(olga.page), release="hold")
    card = debrief_card(olga.page)
    expect(card.locator(".state")).to_have_text("with a reviewer")
    expect(card.locator(".criterion")).to_have_count(0)
    db, rita = olga.house.db, make_account(olga.house.db, "rita-one")
    case = reviews.claim(db, rita, feedback_of(olga), reviews.get_review(db, feedback_of(olga)).row_version)
    reviews.approve(db, rita, feedback_of(olga), case.row_version)
    expect(card.locator(".state")).to_have_text("approved by a reviewer")
    expect(card.locator(".criterion")).to_have_count(2)


def test_a_rejected_debrief_says_that_it_is_not_released_and_why(olga: Look):
    talk_of_two_turns(olga)
    store(olga.house, ask_and_claim(olga), make_body(olga.page), release="hold")
    db = olga.house.db
    rita = make_account(db, "rita-two")
    case = reviews.claim(db, rita, feedback_of(olga), reviews.get_review(db, feedback_of(olga)).row_version)
    reviews.reject(db, rita, feedback_of(olga), case.row_version, reason="unkind")
    expect(debrief_card(olga.page).locator(".state")).to_have_text("not released")
    expect(debrief_card(olga.page)).to_contain_text("it was not kind enough")
    expect(debrief_card(olga.page).locator(".criterion")).to_have_count(0)


def test_a_failed_debrief_can_be_asked_for_again(olga: Look):
    talk_of_two_turns(olga)
    claim = ask_and_claim(olga)
    jobs.fail_job(olga.house.db, claim, "feedback_failed")
    card = debrief_card(olga.page)
    expect(card.locator(".state")).to_have_text("not made")
    card.get_by_role("button", name="Try again").click()
    expect(card.locator(".state")).to_have_text("being written")
    assert len(set(olga.house.rung[-2:])) == 2


def test_a_real_worker_makes_the_debrief_while_the_page_watches(settings: Settings, browser: Browser):
    with ScriptedModel() as model:
        quick = with_quick_jobs(settings, model.url, model=model.model)
        house = open_house(quick, model, browser, ring=Broker(quick).ring)
        with house as opened, WorkerProcess(quick), opened.visit() as olga:
            talk_of_two_turns(olga)
            olga.page.get_by_role("button", name="Get my debrief").click()
            ready = re.compile("^(ready|no level given|with a reviewer)$")
            expect(debrief_card(olga.page).locator(".state")).to_have_text(ready, timeout=60_000)


def feedback_of(olga: Look) -> str:
    answer = olga.page.request.get(f"{olga.house.url}/api/v1/conversations/{olga.page.url.split('c=')[1]}/feedback")
    return answer.json()["items"][0]["id"]

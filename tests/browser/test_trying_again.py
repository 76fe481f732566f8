"""From a weak moment into a new try, to both debriefs side by side, and to the levels of all debriefs over time."""

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from debrief.conversation import Conversation
from storage.conversations import get_conversation
from storage.tables import ConversationRow
from tests.again_scene import make_debrief
from tests.browser.house import House, Look, answer_rows, debrief_card, message_box, own_rows
from tests.job_scene import interview

INTERVIEW = "Job interview"
WEAK = "It was fine."
BETTER = "I cut the wait from 40 s to 2 s."


def talk_of(house: House, talk_id: str) -> Conversation:
    """The talk as the program sees it, whoever's it is."""
    with house.db.read() as session:
        owner = session.get_one(ConversationRow, talk_id).visitor_id
    return get_conversation(house.db, owner, talk_id)


def open_talk_id(page: Page) -> str:
    return page.url.split("c=")[1].split("&")[0]


def say(look: Look, *texts: str) -> None:
    for text in texts:
        before = answer_rows(look.page).count()
        look.say(text)
        expect(answer_rows(look.page)).to_have_count(before + 1)
        expect(look.page.locator("#message .submit-button")).to_be_visible()


def debrief(look: Look, levels: dict[str, int | None], **values: Any) -> str:
    """The worker has made the debrief of the open talk, and it is on the page."""
    feedback_id = make_debrief(look.house.db, talk_of(look.house, open_talk_id(look.page)), levels, **values)
    expect(debrief_card(look.page).locator(".criterion").first).to_be_visible()
    return feedback_id


def weak_interview(look: Look, levels: dict[str, int | None] | None = None) -> str:
    """A talk whose second answer was weak, with its debrief; the talk's id."""
    talk_id = look.start(INTERVIEW)
    say(look, "I led the rewrite.", WEAK)
    debrief(look, levels or {"examples": 2, "motive": 4})
    return talk_id


def again_buttons(page: Page) -> Locator:
    return debrief_card(page).get_by_role("button", name="Try again from here")


def try_again(look: Look) -> str:
    """Press the button at what is to be changed; the new talk's id."""
    old = open_talk_id(look.page)
    debrief_card(look.page).locator(".improvement").get_by_role("button", name="Try again from here").click()
    look.page.wait_for_url(lambda url: "c=" in url and old not in url)
    expect(look.page.locator(".moment-title")).to_be_visible()
    return open_talk_id(look.page)


def test_a_weak_moment_can_be_tried_again_with_the_old_words_beside_an_empty_box(olga: Look):
    old = weak_interview(olga)
    expect(again_buttons(olga.page)).to_have_count(2)  # the weak criterion and the improvement, not the good criterion
    try_again(olga)
    page = olga.page
    expect(own_rows(page)).to_have_count(1)
    expect(answer_rows(page)).to_have_count(2)
    expect(answer_rows(page).last).to_have_attribute("data-mark", "Your new try begins here.")
    expect(message_box(page)).to_be_focused()
    expect(message_box(page)).to_have_value("")
    moment = page.locator(".moment")
    expect(moment.locator(".moment-title")).to_contain_text("Concrete examples")
    expect(moment.locator("blockquote")).to_have_text(WEAK)
    hint = moment.get_by_text("I cut the wait.")
    expect(hint).to_be_hidden()
    moment.get_by_text("Show the hint").click()
    expect(hint).to_be_visible()
    expect(page.get_by_role("button", name="Get my debrief")).to_be_disabled()

    say(olga, BETTER)

    expect(moment.locator("blockquote")).to_be_hidden()
    expect(page.get_by_role("button", name="Get my debrief")).to_be_enabled()
    moment.get_by_text("What you said last time").click()
    expect(moment.locator("blockquote")).to_have_text(WEAK)
    expect(page.locator(".entry.open .entry-again")).to_have_text("again")
    expect(page.locator(".entry-again")).to_have_count(1)
    moment.get_by_role("button", name="Open the earlier try").click()
    page.wait_for_url(re.compile(old))
    expect(own_rows(page)).to_have_count(2)
    expect(own_rows(page).last).to_contain_text(WEAK)


def test_the_moment_is_there_after_a_reload_and_gone_with_the_other_talk(olga: Look):
    old = weak_interview(olga)
    try_again(olga)
    olga.page.reload()
    expect(olga.page.locator(".moment blockquote")).to_have_text(WEAK)
    olga.page.request.delete(f"{olga.house.url}/api/v1/conversations/{old}")
    olga.page.reload()
    expect(olga.page.locator("#below-transcript")).to_contain_text("has been deleted")
    expect(answer_rows(olga.page)).to_have_count(2)


def test_a_try_that_cannot_begin_says_so_at_the_button(olga: Look):
    weak_interview(olga)
    olga.expect_refusals(429)
    olga.page.route("**/again", lambda route: route.fulfill(status=429, json={"code": "x", "message": "Too fast."}))
    again_buttons(olga.page).last.click()
    expect(debrief_card(olga.page).locator(".again [role=alert]")).to_have_text("Too fast.")
    expect(again_buttons(olga.page).last).to_be_enabled()


def test_the_two_debriefs_stand_side_by_side(olga: Look):
    weak_interview(olga, {"examples": 2, "motive": 4, "own_part": None})
    expect(olga.page.locator(".comparisons")).to_have_count(0)
    again = try_again(olga)
    say(olga, BETTER)
    second = debrief(olga, {"examples": 4, "motive": 3, "own_part": 3})
    olga.page.get_by_role("button", name="Compare with your earlier try").click()
    page = olga.page
    expect(page.get_by_role("heading", name="Two tries side by side")).to_be_visible()
    assert page.url.endswith(f"?compare={second}")
    said, examples, motive, own_part = page.locator(".compared").all()[:4]
    expect(said.locator("blockquote")).to_have_text([WEAK, BETTER])
    expect(examples.locator(".side-level")).to_have_text(["First steps", "Solid"])
    expect(examples.locator(".change")).to_have_text("higher level")
    expect(motive.locator(".change")).to_have_text("lower level")
    expect(own_part.locator(".side-level")).to_have_text(["not seen in this talk", "Half way"])
    expect(own_part.locator(".change")).to_have_count(0)
    expect(examples.locator(".side blockquote")).to_have_text([WEAK, BETTER])
    page.reload()
    expect(page.locator(".compared")).to_have_count(5)
    page.get_by_role("button", name="Back to the new try").click()
    page.wait_for_url(re.compile(again))
    page.go_back()
    expect(page.locator(".comparison h1")).to_be_visible()
    expect(page.locator("#talk")).to_be_hidden()


def test_the_first_debrief_leads_to_the_comparison_too(olga: Look):
    old = weak_interview(olga)
    try_again(olga)
    say(olga, BETTER)
    debrief(olga, {"examples": 4, "motive": 3})
    olga.page.locator(".entry-open").last.click()
    olga.page.wait_for_url(re.compile(old))
    olga.page.get_by_role("button", name=re.compile("Compare with your new try")).click()
    expect(olga.page.locator(".compared")).to_have_count(4)


def test_levels_that_may_not_be_compared_are_not_shown(olga: Look):
    weak_interview(olga)
    try_again(olga)
    say(olga, BETTER)
    debrief(olga, {"examples": 4, "motive": 3}, lineage={"model": "large"})
    olga.page.get_by_role("button", name="Compare with your earlier try").click()
    comparison = olga.page.locator(".comparison")
    expect(comparison.locator(".note")).to_contain_text("What differs: the model.")
    expect(comparison.locator(".compared")).to_have_count(4)
    expect(comparison.locator(".side-level, .steps, .change")).to_have_count(0)
    expect(comparison.locator("blockquote").first).to_have_text(WEAK)


def test_a_link_to_a_comparison_of_somebody_else_says_that_there_is_nothing(olga: Look):
    olga.expect_refusals(404)
    olga.page.goto(f"{olga.house.url}/?compare=f_none")
    expect(olga.page.locator(".comparison [role=alert]")).to_contain_text("nothing to compare")


# Progress


def debriefs_of_three_talks(olga: Look) -> list[str]:
    """The second one did not see the motive; the third one comes from another rubric's words: today's."""
    talks = []
    for levels in ({"examples": 2, "motive": 4}, {"examples": 4, "motive": None}, {"examples": 3, "motive": 5}):
        olga.page.locator("[data-key=new]").click()
        talks.append(weak_interview(olga, levels))
    return talks


def plots(page: Page) -> Locator:
    return page.locator(".plot")


def test_before_the_first_debrief_the_page_says_what_will_be_there(olga: Look):
    olga.page.get_by_role("button", name="Your progress").click()
    expect(olga.page.locator(".courses")).to_contain_text("After your second debrief in a scenario")
    olga.page.locator("[data-key=progress-new]").click()
    expect(olga.page.locator(".card").first).to_be_visible()


def test_one_debrief_is_no_course_yet(olga: Look):
    weak_interview(olga)
    olga.page.get_by_role("button", name="Your progress").click()
    expect(olga.page.locator(".course-of")).to_contain_text("One debrief so far.")
    expect(olga.page.locator(".plot-lines .course")).to_have_count(0)
    expect(olga.page.locator(".point")).to_have_count(2)


def test_the_levels_of_three_debriefs_are_drawn_with_gaps_and_lead_to_their_debriefs(olga: Look):
    talks = debriefs_of_three_talks(olga)
    olga.page.get_by_role("button", name="Your progress").click()
    page = olga.page
    assert page.url.endswith("?view=progress")
    expect(plots(page)).to_have_count(2)
    examples, motive = plots(page).all()
    expect(examples.locator(".level")).to_have_text("Half way")
    expect(examples.locator(".point")).to_have_count(3)
    heights = [point.bounding_box()["y"] for point in examples.locator(".point").all()]  # type: ignore[index]
    assert heights[1] < heights[2] < heights[0], "the higher the level, the higher up"
    expect(examples.locator(".plot-lines .course")).to_have_count(1)
    expect(motive.locator(".point.gap")).to_have_count(1)
    expect(motive.locator(".point.gap")).to_have_attribute("aria-label", re.compile("not seen in this talk$"))
    expect(motive.locator(".plot-lines .course")).to_have_count(0)  # no line over a gap
    page.get_by_text("As a table").click()
    expect(page.locator(".as-table tbody tr").nth(1).locator("td")).to_have_text(["Solid", "not seen in this talk"])
    examples.locator(".point").nth(1).click()
    page.wait_for_url(re.compile(talks[1]))
    expect(debrief_card(page).locator(".criterion .level").first).to_have_text("Solid")
    page.go_back()
    expect(plots(page)).to_have_count(2)
    page.reload()
    expect(plots(page)).to_have_count(2)


def test_a_point_leads_to_the_earlier_of_two_debriefs_of_a_talk(olga: Look):
    weak_interview(olga, {"examples": 1, "motive": 4})
    say(olga, BETTER)
    debrief(olga, {"examples": 5, "motive": 4})
    olga.page.get_by_role("button", name="Your progress").click()
    plots(olga.page).first.locator(".point").first.click()
    expect(debrief_card(olga.page).locator(".criterion .level").first).to_have_text("Not yet")


def test_what_was_made_differently_is_drawn_apart_and_says_why(olga: Look):
    weak_interview(olga)
    olga.page.locator("[data-key=new]").click()
    olga.start(INTERVIEW)
    say(olga, "I led the rewrite.", WEAK)
    debrief(olga, {"examples": 4}, lineage={"model": "large", "rubric_hash": interview().rubric.hash})
    olga.page.get_by_role("button", name="Your progress").click()
    course = olga.page.locator(".course-of")
    expect(course.locator(".note")).to_contain_text("What changed: the criteria, the model.")
    expect(course.locator("> .plots .point")).to_have_count(1)
    expect(course.locator("> .plots .plot-levels span")).to_have_text(
        ["Strong", "Solid", "Half way", "First steps", "Not yet"]
    )
    expect(course.locator(".earlier .plots")).to_be_hidden()
    course.locator(".earlier > summary").click()
    expect(course.locator(".earlier .point")).to_have_count(2)

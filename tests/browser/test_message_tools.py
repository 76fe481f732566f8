"""What can be done with single messages on the visitor's page: versions, branches, ratings, copies, details."""

import re

from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from storage.messages import list_messages
from storage.tables import ConversationRow
from tests.browser.house import Look, answer_rows, below, debrief_card, message_box, own_rows
from tests.browser.test_debrief_card import ask_and_claim, make_body, store, talk_of_two_turns
from tests.factories import make_conversation, make_turn
from tests.job_scene import interview
from tests.scripted_model import Script

INTERVIEW = "Job interview"


def tool(row: Locator, name: str) -> Locator:
    return row.locator(f'[data-tool="{name}"]')


def said_and_answered(olga: Look, text: str, answers: int) -> None:
    olga.say(text)
    expect(answer_rows(olga.page)).to_have_count(answers + 1)
    expect(olga.page.locator("#message .submit-button")).to_be_visible()


def test_answers_tried_again_are_versions_to_page_through_with_the_keyboard_too(olga: Look):
    olga.house.model.enqueue("The first answer.", "The second answer.")
    olga.start(INTERVIEW)
    said_and_answered(olga, "I led three.", 1)
    answer = answer_rows(olga.page).nth(1)
    tool(answer, "retry").click()
    expect(answer).to_contain_text("The second answer.")
    expect(answer.locator(".pager-place")).to_have_text("2/2")
    tool(answer, "version-before").focus()
    olga.page.keyboard.press("Enter")
    expect(answer).to_contain_text("The first answer.")
    expect(answer.locator(".pager-place")).to_have_text("1/2")
    olga.page.reload()
    expect(answer).to_contain_text("The first answer.")
    answer.get_by_role("button", name="The version after").click()
    expect(answer).to_contain_text("The second answer.")


def test_saying_it_in_other_words_opens_a_branch_and_the_other_stays(olga: Look):
    olga.house.model.enqueue("Who?", "And then?", "All eleven?")
    olga.start(INTERVIEW)
    said_and_answered(olga, "It took two weeks.", 1)
    said_and_answered(olga, "Then we were done.", 2)
    said = own_rows(olga.page).first
    tool(said, "edit").click()
    words = said.get_by_role("textbox")
    expect(words).to_be_focused()
    expect(words).to_have_value("It took two weeks.")
    words.fill("It took eleven days.")
    said.get_by_role("button", name="Send").click()
    expect(answer_rows(olga.page)).to_have_count(2)
    expect(answer_rows(olga.page).nth(1)).to_contain_text("All eleven?")
    expect(said).to_contain_text("It took eleven days.")
    expect(said.locator(".pager-place")).to_have_text("2/2")
    tool(said, "version-before").click()
    expect(own_rows(olga.page)).to_have_count(2)
    expect(said).to_contain_text("It took two weeks.")
    expect(answer_rows(olga.page).nth(2)).to_contain_text("And then?")


def test_a_debrief_of_another_branch_says_so_and_leads_back_to_it(olga: Look):
    talk_of_two_turns(olga)
    store(olga.house, ask_and_claim(olga), make_body(olga.page))
    expect(debrief_card(olga.page).locator(".criterion").first).to_be_visible()
    said = own_rows(olga.page).first
    before = said.locator(".md").inner_text()
    tool(said, "edit").click()
    said.get_by_role("textbox").fill("In other words.")
    said.get_by_role("button", name="Send").click()
    expect(own_rows(olga.page)).to_have_count(1)
    expect(olga.page.locator("#message .submit-button")).to_be_visible()
    expect(debrief_card(olga.page)).to_contain_text("This debrief is of another version of the talk.")
    debrief_card(olga.page).get_by_role("button", name="Show that version").click()
    expect(said).to_contain_text(before)
    expect(own_rows(olga.page)).to_have_count(2)
    expect(debrief_card(olga.page)).not_to_contain_text("another version of the talk")


def test_a_version_chosen_in_one_tab_is_shown_in_the_other(olga: Look):
    olga.house.model.enqueue("The first answer.", "The second answer.")
    talk = olga.start(INTERVIEW)
    said_and_answered(olga, "I led three.", 1)
    tool(answer_rows(olga.page).nth(1), "retry").click()
    expect(answer_rows(olga.page).nth(1).locator(".pager-place")).to_have_text("2/2")
    other = olga.open_tab(f"/?c={talk}")
    expect(answer_rows(other).nth(1)).to_contain_text("The second answer.")
    tool(answer_rows(olga.page).nth(1), "version-before").click()
    expect(answer_rows(other).nth(1)).to_contain_text("The first answer.")


def test_an_edit_that_is_refused_keeps_the_words(olga: Look):
    olga.start(INTERVIEW)
    said_and_answered(olga, "I led three.", 1)
    said = own_rows(olga.page).first
    tool(said, "edit").click()
    said.get_by_role("textbox").fill("Better words.")
    olga.expect_lost_connections()
    olga.page.route(re.compile("/edit$"), lambda route: route.abort(), times=1)
    said.get_by_role("button", name="Send").click()
    expect(said.get_by_role("alert")).to_contain_text("cannot be reached")
    expect(said.get_by_role("textbox")).to_have_value("Better words.")
    said.get_by_role("button", name="Send").click()
    expect(said.locator(".pager-place")).to_have_text("2/2")


def test_a_rating_with_its_reasons_survives_a_reload_and_can_be_taken_back(olga: Look):
    olga.start(INTERVIEW)
    said_and_answered(olga, "I led three.", 1)
    answer = answer_rows(olga.page).nth(1)
    down = answer.get_by_role("button", name="Bad answer")
    down.click()
    answer.get_by_role("button", name="too long").click()
    expect(answer.get_by_role("button", name="too long")).to_have_attribute("aria-pressed", "true")
    answer.get_by_role("textbox").fill("Three pages!")
    answer.get_by_role("button", name="Send").click()
    expect(answer.get_by_role("textbox")).to_have_count(0)
    olga.page.reload()
    expect(down).to_have_attribute("aria-pressed", "true")
    rated = olga.page.request.get(f"{olga.house.url}/api/v1/messages/{answer.get_attribute('data-message')}").json()[
        "rating"
    ]
    assert rated == {"value": "down", "reasons": ["too_long"], "comment": "Three pages!"}
    down.click()
    expect(down).to_have_attribute("aria-pressed", "false")


def test_what_is_copied_is_what_is_stored(olga: Look):
    olga.context.grant_permissions(["clipboard-read", "clipboard-write"])
    text = "Try **this**:\n\n```python\ndef f(a):\n    return a < 3\n```\n\nIt costs $5 or $6, and \\(a<b\\)."
    olga.house.model.enqueue(Script(pieces=[text]))
    olga.start(INTERVIEW)
    said_and_answered(olga, "Show me.", 1)
    answer = answer_rows(olga.page).nth(1)
    answer.get_by_role("button", name="Copy", exact=True).click()
    expect(answer.get_by_role("button", name="Copied")).to_be_visible()
    assert olga.page.evaluate("navigator.clipboard.readText()") == text
    answer.locator(".copy_code_button").click()
    expect(answer.locator("pre code")).to_contain_text("    return a < 3")
    assert olga.page.evaluate("navigator.clipboard.readText()").strip() == "def f(a):\n    return a < 3"
    expect(answer.locator(".katex")).to_have_count(1)
    expect(answer).to_contain_text("It costs $5 or $6")


def test_details_are_told_on_demand(olga: Look):
    olga.start(INTERVIEW)
    said_and_answered(olga, "I led three.", 1)
    answer = answer_rows(olga.page).nth(1)
    expect(answer.locator(".took")).to_have_count(0)
    answer.get_by_role("button", name="When, how long, how much").click()
    expect(answer.locator(".took")).to_contain_text("scripted")
    expect(answer.locator(".took")).to_contain_text("written")


def test_a_mark_shows_where_the_model_begins_to_read(olga: Look):
    olga.start(INTERVIEW)
    said_and_answered(olga, "I led three.", 1)
    gauge = olga.page.locator(".gauge")
    expect(gauge).to_contain_text(re.compile(r"fills \d+% of the model's memory"))
    for turn in (2, 3, 4):
        said_and_answered(olga, "a " * 1500, turn)
    expect(gauge).to_contain_text("no longer reads your oldest turns")
    expect(olga.page.locator(".context-mark")).to_have_count(1)
    expect(own_rows(olga.page).locator(".context-mark")).to_contain_text("Above this line")
    olga.page.reload()
    expect(own_rows(olga.page).locator(".context-mark")).to_contain_text("Above this line")


def test_of_a_long_talk_the_newest_is_shown_and_more_on_demand(olga: Look):
    talk = long_talk(olga, turns=60)
    olga.page.goto(f"{olga.house.url}/?c={talk}")
    expect(answer_rows(olga.page).last).to_contain_text("Answer 60.")
    expect(in_sight(olga.page)).to_contain_text("Answer 60.")
    expect(own_rows(olga.page)).to_have_count(12)
    olga.page.get_by_role("button", name="Show earlier messages (97)").click()
    expect(own_rows(olga.page)).to_have_count(42)
    olga.page.get_by_role("button", name=re.compile("Show earlier messages")).click()
    expect(own_rows(olga.page)).to_have_count(60)
    expect(olga.page.get_by_role("button", name=re.compile("Show earlier messages"))).to_have_count(0)
    said_and_answered(olga, "Once more.", 61)
    expect(own_rows(olga.page).last).to_contain_text("Once more.")


def test_while_an_answer_grows_messages_out_of_sight_are_not_drawn_again_and_keep_their_place(olga: Look):
    page, talk = olga.page, long_talk(olga, turns=11)
    page.goto(f"{olga.house.url}/?c={talk}")
    expect(answer_rows(page).last).to_contain_text("Answer 11.")
    expect(in_sight(page)).to_contain_text("Answer 11.")
    first = own_rows(page).first
    height = "element => element.offsetHeight"
    before = first.evaluate(height)
    is_drawn = "row => row.querySelector('.message').checkVisibility({contentVisibilityAuto: true})"
    olga.house.model.enqueue(Script(pieces=["Wait", " for it"], stall_after=2))
    olga.say("Once more.")
    expect(answer_rows(page).last).to_contain_text("Wait for it")
    page.wait_for_function(f"row => !({is_drawn})(row)", arg=first.element_handle())
    assert first.evaluate(height) == before
    page.locator("#message .stop-button").click()
    expect(answer_rows(page).last).to_have_attribute("data-mark", "stopped here")
    page.wait_for_function(is_drawn, arg=first.element_handle())


def long_talk(olga: Look, turns: int) -> str:
    """A talk of this browser's, put into the record."""
    first = olga.start(INTERVIEW)
    db, scenario = olga.house.db, interview()
    visitor_id = owner_of(olga, first)
    talk = make_conversation(db, visitor_id=visitor_id, scenario_hash=scenario.hash, scenario_body=scenario.body())
    for n in range(1, turns + 1):
        make_turn(db, talk, text=f"Sentence {n} of mine.", answer=f"Answer {n}.")
    return talk.id


def owner_of(olga: Look, talk: str) -> str:
    with olga.house.db.read() as session:
        return session.scalars(select(ConversationRow.visitor_id).where(ConversationRow.id == talk)).one()


def in_sight(page: Page) -> Locator:
    """The last answer, once it is scrolled to."""
    last = answer_rows(page).last
    expect(last).to_be_in_viewport()
    return last


def test_a_failed_answer_in_mid_talk_can_still_be_tried_again(olga: Look):
    olga.house.model.enqueue(Script(status=500, error="boom"), "Now I can.", "What I could not say then.")
    talk = olga.start(INTERVIEW)
    olga.say("Hello?")
    expect(below(olga.page).get_by_role("alert")).to_be_visible()
    said_and_answered(olga, "Are you there?", 2)
    failed = answer_rows(olga.page).nth(1)
    expect(failed).to_have_attribute("data-mark", "no answer came")
    tool(failed, "retry").click()
    expect(failed).to_contain_text("What I could not say then.")
    expect(own_rows(olga.page)).to_have_count(1)
    assert len(list_messages(olga.house.db, talk)) == 6
    expect(message_box(olga.page)).to_have_value("")

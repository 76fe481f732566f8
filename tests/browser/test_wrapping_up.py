"""From the talk to its debrief: by hand, where the scenario has reached its end, and on a phone."""

from playwright.sync_api import Page, expect

from tests.browser.house import House, Look, answer_rows, below, debrief_card, message_box, own_rows
from tests.browser.test_trying_again import debrief, open_talk_id, say
from tests.scripted_model import Script

INTERVIEW = "Job interview"
WRAP_UP = "Wrap up and get the debrief"
TURNS = 8
"""After so many the job interview has reached its end."""
BABBLE = Script(text="Well, let me think about that for a moment. " * 60)


def wrap_up(page: Page):
    return page.locator(".wrap-up")


def say_by_curl(look: Look, *texts: str) -> None:
    """Say it from elsewhere with the same cookie, and wait for each answer."""
    address = f"{look.house.url}/api/v1/conversations/{open_talk_id(look.page)}/messages"
    for text in texts:
        said = look.page.request.post(address, data={"text": text}, headers={"accept": "text/event-stream"})
        assert said.ok


def test_wrapping_up_asks_for_the_debrief_leads_there_and_the_talk_may_go_on(olga: Look):
    page = olga.page
    olga.start(INTERVIEW)
    expect(wrap_up(page)).to_have_count(0)
    say(olga, "I split the queue.", "Nobody waited any more.")
    page.get_by_role("button", name=WRAP_UP).click()
    expect(debrief_card(page).locator(".track")).to_be_visible()
    expect(page.get_by_role("heading", name="Debrief")).to_be_focused()
    expect(wrap_up(page)).to_have_count(0)
    assert len(olga.house.rung) > 0
    say(olga, "And I wrote it down.")
    expect(wrap_up(page)).to_be_visible()


def test_after_one_thing_said_wrapping_up_asks_whether_so_little_is_meant(olga: Look):
    page = olga.page
    olga.start(INTERVIEW)
    say(olga, "I split the queue.")
    rung = len(olga.house.rung)
    wrap_up(page).click()
    expect(below(page)).to_contain_text("little can be told from that")
    page.get_by_role("button", name="Talk on").click()
    expect(message_box(page)).to_be_focused()
    expect(below(page)).to_have_text("")
    assert len(olga.house.rung) == rung
    wrap_up(page).click()
    page.get_by_role("button", name="Get it all the same").click()
    expect(debrief_card(page).locator(".track")).to_be_visible()


def test_at_the_end_of_the_scenario_the_page_says_so_and_leads_to_the_debrief(olga: Look):
    page = olga.page
    olga.start(INTERVIEW)
    expect(page.locator(".saved")).to_have_text(f"about {TURNS} turns")
    say_by_curl(olga, *(f"Thing {n}." for n in range(1, TURNS)))
    expect(page.locator(".saved")).to_contain_text(f"turn {TURNS - 1} of about {TURNS}")
    expect(page.locator("#message .submit-button")).to_be_visible()
    olga.say("The last thing.")
    expect(below(page)).to_contain_text("as long as a first interview lasts")
    expect(debrief_card(page).locator(".track")).to_be_visible()  # the server asked for it by itself
    below(page).get_by_role("button", name="To my debrief").click()
    expect(page.get_by_role("heading", name="Debrief")).to_be_focused()
    olga.say("One more thing.")
    expect(own_rows(page)).to_have_count(TURNS + 1)
    expect(below(page)).to_have_text("")


def test_a_phone_shows_talk_or_debrief_each_with_its_own_way_and_place(house: House):
    with house.visit(phone=True) as olga:
        page = olga.page
        page.emulate_media(reduced_motion="reduce")  # what scrolls is there at once
        house.model.enqueue("Go on.", BABBLE)
        olga.start(INTERVIEW)
        say(olga, "I led the rewrite.", "It was fine.")
        expect(answer_rows(page).nth(2)).to_contain_text("let me think")
        expect(page.locator("#announcer")).to_contain_text("let me think")  # said, not shown: it takes no room
        assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        expect(debrief_card(page)).to_be_hidden()
        wrap_up(page).tap()
        expect(debrief_card(page).locator(".track")).to_be_in_viewport()
        expect(message_box(page)).to_be_hidden()
        page.get_by_role("button", name="Stop making it").tap()
        debrief(olga, {"examples": 2, "motive": 4}, nonce="again")
        debrief_card(page).locator(".criterion .quote").first.tap()
        expect(own_rows(page).nth(1)).to_be_in_viewport()
        before = page.evaluate("document.querySelector('#transcript .bubble-wrap').scrollTop")
        page.locator("[data-key=pane-debrief]").tap()
        expect(message_box(page)).to_be_hidden()
        page.locator("[data-key=pane-talk]").tap()
        expect(message_box(page)).to_be_in_viewport()
        assert page.evaluate("document.querySelector('#transcript .bubble-wrap').scrollTop") == before
        own_rows(page).nth(1).locator(".quoted-mark").first.tap()
        expect(debrief_card(page).locator(".found")).to_be_in_viewport()

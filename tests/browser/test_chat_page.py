"""Talking on the visitor's page, as people see it."""

import re

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.browser.house import House, Look, answer_rows, below, message_box, own_rows, wait_until
from tests.scripted_model import Script

INTERVIEW = "Job interview"
ECO_ANSWERS = {
    "Where you spend your day": "office",
    "Kind of work": "accounting",
    "What you would like to change": "food",
}
LONG = Script(text=" ".join(f"word{n}" for n in range(400)), token_delay_s=0.05)


def sent_messages(page: Page) -> list[Request]:
    """The sendings that leave the page from now on."""
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if re.search(r"/messages$", request.url) else None)
    return sent


def test_a_talk_of_three_turns_is_shown_in_the_native_transcript(olga: Look):
    olga.house.model.enqueue("You **named** your part.", "What changed then?", "Thank you.")
    olga.start(INTERVIEW)
    for turn, text in enumerate(["I split the queue.", "Nobody waited.", "It took two weeks."], start=1):
        olga.say(text)
        expect(own_rows(olga.page)).to_have_count(turn)
        expect(answer_rows(olga.page)).to_have_count(turn + 1)
        expect(olga.page.locator("#message .submit-button")).to_be_visible()
    expect(answer_rows(olga.page).nth(1).locator("strong")).to_have_text("named")
    expect(answer_rows(olga.page).nth(3)).to_contain_text("Thank you.")
    expect(message_box(olga.page)).to_have_value("")
    expect(below(olga.page)).to_have_text("")


def test_an_answer_that_ends_before_its_id_is_known_is_shown(olga: Look):
    """A fast model on a slow line: the live stream tells the end before the response to the sending arrives."""
    olga.start(INTERVIEW)
    heard = kinds_of_frames(olga)

    def hold_back(route: Route) -> None:
        response = route.fetch()
        wait_until(lambda: "done" in heard_meanwhile(olga.page, heard), "the page has heard that the answer ended")
        route.fulfill(response=response)

    olga.page.route(re.compile(r"/messages$"), hold_back)
    olga.house.model.enqueue("Quick as a flash.")
    olga.say("Hello.")
    expect(answer_rows(olga.page).nth(1)).to_contain_text("Quick as a flash.")
    expect(olga.page.locator("#message .submit-button")).to_be_visible()
    expect(own_rows(olga.page)).to_have_count(1)


def kinds_of_frames(look: Look) -> list[str]:
    """Grows with each frame of the live stream that reaches the page from now on."""
    kinds: list[str] = []
    session = look.context.new_cdp_session(look.page)
    session.on("Network.eventSourceMessageReceived", lambda frame: kinds.append(frame["eventName"]))
    session.send("Network.enable")
    return kinds


def heard_meanwhile(page: Page, kinds: list[str]) -> list[str]:
    page.wait_for_timeout(1)  # Playwright tells of events while it waits
    return kinds


def test_the_answer_grows_while_it_is_written_and_costs_no_gradio_event(olga: Look):
    asked: list[str] = []
    olga.page.on("request", lambda request: asked.append(request.url))
    olga.house.model.enqueue(LONG)
    olga.start(INTERVIEW)
    olga.say("Hello.")
    answer = answer_rows(olga.page).nth(1)
    expect(answer).to_contain_text("word3")
    assert "word399" not in answer.inner_text()
    expect(answer).to_contain_text("word30")
    assert not [url for url in asked if "gradio_api" in url and "/queue/" in url]
    assert len([url for url in asked if "/api/v1/live" in url]) <= 1


def test_stop_keeps_what_was_written_says_so_and_frees_the_model(olga: Look):
    olga.house.model.enqueue(LONG)
    before = olga.house.model.cancelled
    olga.start(INTERVIEW)
    olga.say("Hello.")
    answer = answer_rows(olga.page).nth(1)
    expect(answer).to_contain_text("word5")
    olga.page.locator("#message .stop-button").click()
    expect(answer).to_have_attribute("data-mark", "stopped here")
    expect(below(olga.page)).to_contain_text("You stopped this answer.")
    wait_until(lambda: olga.house.model.cancelled == before + 1, "the model's seat is free")
    written = answer.inner_text()
    olga.page.reload()
    expect(answer).to_have_attribute("data-mark", "stopped here")
    assert answer.inner_text() == written


def test_an_answer_at_its_limit_goes_on_in_its_place_and_nobody_says_so(olga: Look):
    olga.house.model.enqueue(Script(text="This is not the", finish="length"), Script(pieces=[" end", " of it."]))
    olga.start(INTERVIEW)
    olga.say("Tell me everything.")
    answer = answer_rows(olga.page).nth(1)
    expect(answer).to_have_attribute("data-mark", "cut off here: length limit")
    below(olga.page).get_by_role("button", name="Continue").click()
    expect(answer).to_contain_text("This is not the end of it.")
    expect(answer).not_to_have_attribute("data-mark", re.compile("."))
    expect(own_rows(olga.page)).to_have_count(1)
    expect(answer_rows(olga.page)).to_have_count(2)
    expect(answer.locator(".pager")).to_have_count(0)


def test_a_failed_answer_says_so_stays_after_reload_and_can_be_tried_again(olga: Look):
    olga.house.model.default = lambda _: Script(status=500, error="boom")
    olga.start(INTERVIEW)
    olga.say("Hello.")
    expect(below(olga.page).get_by_role("alert")).to_contain_text("press Try again")
    olga.page.reload()
    expect(below(olga.page).get_by_role("alert")).to_contain_text("press Try again")
    expect(own_rows(olga.page)).to_contain_text("Hello.")
    olga.house.model.default = lambda _: Script(text="Now it works.")
    olga.page.get_by_role("button", name="Try again").click()
    expect(answer_rows(olga.page).nth(1)).to_contain_text("Now it works.")
    expect(own_rows(olga.page)).to_have_count(1)
    expect(below(olga.page)).to_have_text("")


def test_text_that_could_not_be_sent_is_put_back_and_arrives_once(olga: Look):
    olga.expect_lost_connections()
    olga.start(INTERVIEW)
    sent = sent_messages(olga.page)
    olga.page.route(re.compile(r"/messages$"), lambda route: route.abort(), times=1)
    olga.say("This must not be lost.")
    expect(below(olga.page).get_by_role("alert")).to_contain_text("The server cannot be reached")
    expect(message_box(olga.page)).to_have_value("This must not be lost.")
    expect(own_rows(olga.page)).to_have_count(0)
    olga.page.get_by_role("button", name="Try again").click()
    expect(answer_rows(olga.page)).to_have_count(2)
    expect(own_rows(olga.page)).to_have_count(1)
    expect(message_box(olga.page)).to_have_value("")
    request_ids = {request.post_data_json["request_id"] for request in sent}
    assert len(sent) == 2
    assert len(request_ids) == 1


def test_a_refused_message_is_put_back_with_the_reason(olga: Look):
    olga.expect_refusals(422)
    olga.start(INTERVIEW)
    long = "x" * (olga.house.settings.message_max_chars + 1)
    olga.say(long)
    expect(below(olga.page).get_by_role("alert")).to_contain_text("the limit is 4000")
    expect(message_box(olga.page)).to_have_value(long)


@pytest.mark.parametrize(
    ("parts", "whole"),
    [(("ㅎ", "하", "한"), "한국어로 말해요"), (("に", "にほ", "にほん", "日本"), "日本語で話します")],
    ids=["korean", "japanese"],
)
def test_the_enter_that_ends_a_syllable_does_not_send_and_the_next_one_sends_once(
    olga: Look, parts: tuple[str, ...], whole: str
):
    olga.start(INTERVIEW)
    sent = sent_messages(olga.page)
    message_box(olga.page).focus()
    keyboard = olga.page.context.new_cdp_session(olga.page)
    for part in parts:
        place = {"selectionStart": len(part), "selectionEnd": len(part)}
        keyboard.send("Input.imeSetComposition", {"text": part, **place})
    expect(message_box(olga.page)).to_have_value(parts[-1])
    enter = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
    keyboard.send("Input.dispatchKeyEvent", {"type": "keyDown", **enter})
    keyboard.send("Input.dispatchKeyEvent", {"type": "keyUp", **enter})
    assert message_box(olga.page).input_value().startswith(parts[-1])
    assert not sent
    message_box(olga.page).fill("")
    for part in (whole[:1], whole[:2], whole):
        place = {"selectionStart": len(part), "selectionEnd": len(part)}
        keyboard.send("Input.imeSetComposition", {"text": part, **place})
    keyboard.send("Input.insertText", {"text": whole})  # what the input method commits
    message_box(olga.page).press("Enter")
    expect(own_rows(olga.page)).to_have_count(1)
    expect(own_rows(olga.page)).to_contain_text(whole)
    expect(answer_rows(olga.page)).to_have_count(2)
    expect(message_box(olga.page)).to_have_value("")
    assert len(sent) == 1


def test_enter_pressed_twice_sends_one_message_and_shift_enter_makes_a_line(olga: Look):
    olga.house.model.enqueue(Script(text="Fine.", delay_s=0.5))
    olga.start(INTERVIEW)
    sent = sent_messages(olga.page)
    box = message_box(olga.page)
    box.fill("One")
    box.press("Shift+Enter")
    box.press_sequentially("two")
    expect(box).to_have_value("One\ntwo")
    box.press("Enter")
    box.press("Enter")
    expect(answer_rows(olga.page).nth(1)).to_contain_text("Fine.")
    expect(box).to_have_value("")
    expect(own_rows(olga.page)).to_have_count(1)
    assert len(sent) == 1


def test_what_is_typed_during_an_answer_stays_in_the_box(olga: Look):
    olga.house.model.enqueue(LONG)
    olga.start(INTERVIEW)
    olga.say("Hello.")
    expect(answer_rows(olga.page).nth(1)).to_contain_text("word3")
    olga.say("My next thought")
    expect(below(olga.page)).to_contain_text("still being written")
    expect(message_box(olga.page)).to_have_value("My next thought")
    expect(own_rows(olga.page)).to_have_count(1)


def test_an_unsent_draft_is_there_after_a_reload(olga: Look):
    olga.start(INTERVIEW)
    message_box(olga.page).press_sequentially("Half a thought")
    olga.page.reload()
    expect(message_box(olga.page)).to_have_value("Half a thought")


def test_words_never_become_markup_and_fetch_nothing(olga: Look):
    evil = (
        "${alert(1)} {{7}} <img src=http://192.0.2.1/a.png onerror=alert(1)> ![x](http://192.0.2.1/b.png) <b>bold</b>"
    )
    olga.house.model.enqueue(evil)
    olga.start(INTERVIEW)
    olga.say(evil)
    for row in (own_rows(olga.page).first, answer_rows(olga.page).nth(1)):
        expect(row).to_contain_text("${alert(1)} {{7}}")
        expect(row.locator(".message-content img, .message-content b")).to_have_count(0)
    entry = olga.page.locator(".entry").first
    entry.hover()
    entry.locator(".entry-more").click()
    entry.get_by_role("button", name="Rename").click()
    title = olga.page.get_by_role("textbox", name="Rename")
    title.fill("${document.body.remove()}<b>x</b>{{1}}")
    title.press("Enter")
    expect(olga.page.locator(".talk-head h1")).to_have_text("${document.body.remove()}<b>x</b>{{1}}")


def test_the_address_holds_the_conversation_and_back_leads_to_the_start(olga: Look):
    conversation_id = olga.start(INTERVIEW)
    assert f"c={conversation_id}" in olga.page.url
    olga.page.go_back()
    expect(olga.page.locator(".hero")).to_be_visible()
    expect(olga.page.locator("#talk")).to_be_hidden()
    olga.page.go_forward()
    expect(olga.page.locator(".talk-head h1")).to_have_text(INTERVIEW)
    expect(answer_rows(olga.page)).to_have_count(1)


def test_a_stranger_with_the_link_reads_that_there_is_nothing(house: House, olga: Look):
    conversation_id = olga.start(INTERVIEW)
    with house.visit() as sam:
        sam.expect_refusals(404)
        page = sam.open_tab(f"/?c={conversation_id}")
        expect(page.locator(".missing")).to_contain_text("There is nothing here under this address")
        expect(answer_rows(page)).to_have_count(0)
        page.locator(".missing").get_by_role("button", name="New conversation").click()
        expect(page.locator(".hero")).to_be_visible()


def test_a_past_conversation_can_be_opened_and_stays_marked(olga: Look):
    olga.start(INTERVIEW)
    olga.say("The first talk.")
    expect(answer_rows(olga.page)).to_have_count(2)
    expect(olga.page.locator("#message .submit-button")).to_be_visible()  # its end moves it up in the list
    olga.page.get_by_role("button", name="New conversation").click()
    olga.start(INTERVIEW)
    entries = olga.page.locator(".entry")
    expect(entries).to_have_count(2)
    entries.nth(1).locator(".entry-open").click()
    expect(own_rows(olga.page)).to_contain_text("The first talk.")
    expect(olga.page.locator(".entry.open .entry-open")).to_have_attribute("aria-current", "page")


def test_a_press_is_a_click_although_the_list_changes_before_the_release(olga: Look):
    talk = olga.start(INTERVIEW)
    page = olga.page
    expect(page.locator(".entry")).to_have_count(1)
    page.get_by_role("button", name="New conversation").hover()
    page.mouse.down()
    with page.expect_response(lambda response: "/api/v1/conversations?limit=" in response.url):
        renamed = page.request.patch(f"{olga.house.url}/api/v1/conversations/{talk}", data={"title": "Renamed"})
        assert renamed.ok
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")  # it has been shown
    page.mouse.up()
    expect(page.locator(".hero")).to_be_visible()
    expect(page.locator(".entry-title")).to_have_text("Renamed")


def test_a_quick_reply_is_said_with_one_press(olga: Look):
    olga.start(INTERVIEW)
    reply = olga.page.locator(".quick .chip").first
    words = reply.inner_text()
    reply.click()
    expect(own_rows(olga.page)).to_contain_text(words)
    expect(olga.page.locator(".quick")).to_have_count(0)


def test_a_quick_reply_that_breaks_off_is_put_into_the_box_to_be_finished(olga: Look):
    olga.start("Eco challenge", ECO_ANSWERS)
    olga.page.locator(".quick .chip", has_text="On an ordinary day").click()
    expect(message_box(olga.page)).to_be_focused()
    olga.page.keyboard.type("take the bus.")
    expect(message_box(olga.page)).to_have_value("On an ordinary day I get up at seven and take the bus.")
    expect(own_rows(olga.page)).to_have_count(0)
    olga.page.reload()
    expect(message_box(olga.page)).to_have_value("On an ordinary day I get up at seven and take the bus.")

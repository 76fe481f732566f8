"""Talking on the visitor's page, as people see it."""

from playwright.sync_api import expect

from tests.browser.house import Look, answer_rows, below, message_box, own_rows

INTERVIEW = "Job interview"


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

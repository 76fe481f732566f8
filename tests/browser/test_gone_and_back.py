"""The connection goes and comes back, or the server does: the page says so, keeps what was typed, and goes on."""

from playwright.sync_api import Browser, expect

from debrief.settings import Settings
from tests.browser.house import Look, answer_rows, below, message_box, open_house, own_rows
from tests.scripted_model import ScriptedModel

INTERVIEW = "Job interview"
LOST = "The connection is lost"


def test_offline_the_page_says_so_keeps_what_is_typed_and_comes_back_by_itself(olga: Look):
    olga.expect_lost_connections()
    page = olga.page
    conversation_id = olga.start(INTERVIEW)
    second = olga.open_tab(f"/?c={conversation_id}")
    expect(answer_rows(second)).to_have_count(1)
    olga.context.set_offline(True)
    for tab in (page, second):
        expect(below(tab).locator(".banner")).to_contain_text(LOST)
    olga.say("This must not be lost.")
    expect(below(page).get_by_role("alert")).to_contain_text("The server cannot be reached")
    expect(message_box(page)).to_have_value("This must not be lost.")
    assert "gradio" not in page.locator("body").inner_text().lower()
    olga.context.set_offline(False)
    for tab in (page, second):
        expect(tab.locator(".banner")).to_have_count(0)
    expect(message_box(page)).to_have_value("This must not be lost.")
    page.get_by_role("button", name="Try again").click()
    for tab in (page, second):
        expect(answer_rows(tab)).to_have_count(2)
        expect(own_rows(tab)).to_have_count(1)


def test_a_restart_of_the_server_is_told_and_outlived(settings: Settings, browser: Browser):
    with ScriptedModel() as model, open_house(settings, model, browser) as before, before.visit() as olga:
        olga.expect_lost_connections()
        olga.expect_refusals(503)
        page = olga.page
        olga.start(INTERVIEW)
        message_box(page).press_sequentially("Half a thought")
        before.close()
        expect(below(page).locator(".banner")).to_contain_text(LOST)
        page.keyboard.type(", and the rest")
        with open_house(settings, model, browser, port=before.settings.port):
            expect(page.locator(".banner")).to_have_count(0)
            expect(message_box(page)).to_have_value("Half a thought, and the rest")
            page.keyboard.press("Enter")
            expect(answer_rows(page)).to_have_count(2)
            expect(own_rows(page)).to_have_text("Half a thought, and the rest")

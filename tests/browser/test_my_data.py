"""The page "Your data": what is kept, in numbers, and deleting it, seen from the tab that does it and from another."""

from playwright.sync_api import Page, expect

from tests.browser.house import House, Look, answer_rows, message_box


def open_data(page: Page) -> None:
    page.get_by_role("button", name="Your data").click()
    expect(page.get_by_role("heading", name="Your data")).to_be_visible()


def numbers(page: Page) -> dict[str, str]:
    cards = page.locator(".numbers > div")
    return {card.locator("dt").inner_text(): card.locator("dd").inner_text() for card in cards.all()}


def test_olga_sees_what_is_kept_of_her_and_a_newcomer_that_it_is_nothing(olga: Look):
    open_data(olga.page)
    expect(olga.page.locator(".mine")).to_contain_text("Nothing is kept of you")
    expect(olga.page.get_by_role("button", name="Delete my data")).to_have_count(0)
    olga.page.get_by_role("button", name="New conversation").first.click()
    olga.start("Job interview")
    olga.say("I led a team of three.")
    expect(answer_rows(olga.page)).to_have_count(2)
    open_data(olga.page)
    expect(olga.page.locator(".numbers")).to_be_visible()
    assert numbers(olga.page)["Talks"] == "1"
    assert numbers(olga.page)["Messages, answers included"] == "3"
    assert "view=data" in olga.page.url


def test_deleting_asks_once_says_what_it_did_and_another_tab_forgets_too(house: House, olga: Look):
    talk_id = olga.start("Job interview")
    other = olga.open_tab(f"/?c={talk_id}")
    expect(answer_rows(other)).to_have_count(1)
    message_box(other).fill("half a thought")
    page = olga.page
    open_data(page)

    page.get_by_role("button", name="Delete my data").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Delete my data").click()
    page.get_by_role("button", name="Yes, delete everything").click()

    expect(page.locator(".farewell")).to_contain_text("Your data is deleted")
    assert numbers(page)["Talks"] == "1"
    expect(page.locator("#sidebar .entry")).to_have_count(0)
    expect(other.locator(".card-title").first).to_be_visible()
    expect(other.locator("#sidebar .entry")).to_have_count(0)
    assert "c=" not in other.url
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('debrief-')).length") == 0
    # Told once; and this browser goes on as somebody new, whose talks are heard in both tabs.
    page.reload()
    expect(page.locator(".mine")).to_contain_text("Nothing is kept of you")
    page.get_by_role("button", name="New conversation").first.click()
    olga.start("Job interview")
    olga.say("Hello again.")
    expect(answer_rows(page)).to_have_count(2)
    expect(other.locator("#sidebar .entry")).to_have_count(1)


def test_a_private_link_asks_first_and_brings_the_talks_of_that_browser_along(house: House, olga: Look):
    olga.start("Job interview")
    open_data(olga.page)
    olga.page.get_by_role("button", name="Make a private link").click()
    address = olga.page.get_by_role("textbox", name="Go on in another browser").input_value()
    assert "#link=" in address

    with house.visit() as phone:
        phone.start("Upset customer")
        phone.page.goto(address)
        expect(phone.page.get_by_role("heading", name="Use this identity here?")).to_be_visible()
        assert "link=" not in phone.page.url
        expect(phone.page.locator("#sidebar .entry")).to_have_count(1)  # nothing has happened yet
        phone.page.get_by_role("button", name="Use it here").click()
        expect(phone.page.locator("#sidebar .entry")).to_have_count(2)
        phone.page.reload()
        expect(phone.page.locator("#sidebar .entry")).to_have_count(2)
        assert "link=" not in phone.page.url
    olga.page.reload()
    expect(olga.page.locator("#sidebar .entry")).to_have_count(2)


def test_a_token_is_shown_once_and_ends_when_it_is_revoked(olga: Look):
    open_data(olga.page)
    olga.page.get_by_role("textbox", name="What is it for?").fill("<b>my script</b>")
    olga.page.get_by_role("button", name="Make a token").click()
    expect(olga.page.locator(".made")).to_contain_text("The token for “<b>my script</b>”")
    assert olga.page.locator(".made input").input_value().startswith("debrief_")
    expect(olga.page.locator(".tokens li")).to_contain_text("never used")
    olga.page.reload()
    expect(olga.page.locator(".tokens li")).to_have_count(1)
    expect(olga.page.locator(".made")).to_have_count(0)
    olga.page.get_by_role("button", name="Revoke the token").click()
    expect(olga.page.locator(".tokens li")).to_have_count(0)

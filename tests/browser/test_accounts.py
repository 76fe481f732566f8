"""The visitor's account on the page: made for the talks that are there, signed in to elsewhere, signed out of."""

import re

from playwright.sync_api import Page, expect

from tests.browser.house import House, Look

PASSWORD = "three blue herons"


def entries(page: Page):
    return page.locator("#sidebar .entry")


def fill_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Password", exact=True).fill(password)


def notice(page: Page):
    return page.locator("#notice")


def test_olga_keeps_her_talks_finds_them_on_another_device_and_signs_out(house: House, olga: Look):
    olga.start("Job interview")
    page = olga.page
    page.get_by_role("button", name="Your data").click()
    expect(page.get_by_role("heading", name="Keep my talks")).to_be_visible()
    fill_in(page, "Olga of the herons", "short")
    olga.expect_refusals(422)
    page.get_by_role("button", name="Make an account").click()
    expect(page.locator(".account .problem")).to_have_text("A password needs at least 8 characters.")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Olga of the herons")  # nothing typed is lost
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Make an account").click()
    expect(page.locator(".account")).to_contain_text("You are signed in as “Olga of the herons”")
    expect(entries(page)).to_have_count(1)

    with house.visit() as laptop:
        laptop.start("Upset customer")
        there = laptop.page
        other_tab = laptop.open_tab()
        expect(entries(other_tab)).to_have_count(1)
        there.get_by_role("button", name="Sign in", exact=True).first.click()
        expect(there.get_by_label("Name", exact=True)).to_be_focused()
        expect(there.locator(".account")).to_contain_text("The talks that you began in this browser come along.")
        laptop.expect_refusals(403)
        fill_in(there, "olga of the herons", "wrong one")
        there.get_by_label("Password", exact=True).press("Enter")
        expect(there.locator(".account .problem")).to_have_text("Name or password is not right.")
        fill_in(there, "olga of the herons")
        there.get_by_label("Password", exact=True).press("Enter")
        expect(notice(there)).to_contain_text("The talk of this browser came along.")
        expect(entries(there)).to_have_count(2)
        expect(entries(other_tab)).to_have_count(2)

        there.get_by_role("button", name=re.compile("^Signed in: ")).click()
        there.get_by_role("button", name="Sign out", exact=True).click()
        expect(notice(there)).to_contain_text("You are signed out.")
        expect(entries(there)).to_have_count(0)
        expect(there.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
        expect(entries(other_tab)).to_have_count(0)
    expect(entries(page)).to_have_count(2)


def test_another_password_signs_the_other_device_out_and_says_why(house: House, olga: Look):
    olga.start("Job interview")
    page = olga.page
    page.get_by_role("button", name="Your data").click()
    fill_in(page, "Olga of the cranes")
    page.get_by_role("button", name="Make an account").click()
    expect(page.locator(".account")).to_contain_text("You are signed in")
    with house.visit(same_as=olga) as phone:
        expect(entries(phone.page)).to_have_count(1)
        expect(phone.page.get_by_role("button", name="Signed in: Olga of the cranes")).to_be_visible()

        page.get_by_role("button", name="Change the password").click()
        page.get_by_label("Present password").fill(PASSWORD)
        page.get_by_label("New password").fill("one grey heron")
        page.get_by_role("button", name="Change the password").click()

        expect(notice(page)).to_contain_text("The password is changed.")
        expect(entries(page)).to_have_count(1)
        expect(notice(phone.page)).to_contain_text("You were signed out in this browser")
        expect(entries(phone.page)).to_have_count(0)


def test_deleting_ones_data_says_that_the_account_goes_too(olga: Look):
    page = olga.page
    page.get_by_role("button", name="Your data").click()
    fill_in(page, "Olga of the storks")
    page.get_by_role("button", name="Make an account").click()
    page.get_by_role("button", name="Delete my data").click()
    expect(page.locator(".mine")).to_contain_text("Your account “Olga of the storks” is deleted too")
    page.get_by_role("button", name="Yes, delete everything").click()
    expect(page.locator(".farewell")).to_contain_text("Your account is deleted as well")
    expect(page.get_by_role("heading", name="Keep my talks")).to_be_visible()

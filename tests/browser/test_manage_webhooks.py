"""An admin sets up a webhook in a real browser, sees it fail, sends again, changes the secret, and deletes it."""

from __future__ import annotations

import ssl
from concurrent.futures import ThreadPoolExecutor

from playwright.sync_api import expect
from sqlalchemy import delete

from storage.accounts import find_account
from storage.tables import WebhookRow
from tasks.webhook_posting import Poster
from tests.browser.house import House
from tests.browser.test_review_desk import button, signed_in
from tests.review_scene import make_account
from tests.webhook_scene import CERTIFICATE, LOOPBACK, Names, deliver_once, receiving, say


def deliver(house: House, poster: Poster) -> None:
    """What a worker does; in a thread, because Playwright's loop is this one's."""
    with ThreadPoolExecutor(1) as worker:
        worker.submit(deliver_once, house.db, poster=poster).result()


def test_ada_adds_a_webhook_sees_what_failed_and_sends_it_again(house: House):
    if find_account(house.db, "ada") is None:
        make_account(house.db, "ada", "admin")
    with house.db.write() as session:
        session.execute(delete(WebhookRow))  # those of other tests in this house
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(CERTIFICATE)
    trust = ssl.create_default_context(cafile=str(CERTIFICATE))
    poster = Poster(LOOPBACK, 20, resolve=Names("127.0.0.1"), trust=trust)
    with receiving(tls=served) as receiver, signed_in(house, "ada", "/admin/manage/") as look:
        page = look.page
        look.expect_refusals(422)
        page.get_by_role("link", name="Webhooks").click()
        page.get_by_label("Address (https)").fill("https://127.0.0.1/hook")
        page.get_by_role("checkbox", name="a draft waits for review").check()
        button(page, "Add").click()
        expect(page.get_by_text("This address is not public.")).to_be_visible()
        expect(page.get_by_role("checkbox", name="a draft waits for review")).to_be_checked()
        page.get_by_label("Address (https)").fill(f"https://hooks.example:{receiver.port}/hook")
        button(page, "Add").click()
        secret = page.locator(".once input").input_value()
        button(page, "I have noted it").click()
        expect(page.locator(".once")).to_have_count(0)
        card = page.get_by_role("listitem", name="hooks.example")
        expect(card).to_contain_text("nothing has arrived yet")

        receiver.answers.append(say(503))
        button(page, "Send a ping").click()
        line = page.locator("tbody tr")
        expect(line).to_contain_text("waiting")
        deliver(house, poster)
        button(page, "Refresh").click()
        expect(line).to_contain_text("refused (503)")
        line.get_by_role("button", name="Send again").click()
        expect(page.get_by_text("It is on its way again.")).to_be_visible()
        deliver(house, poster)
        button(page, "Refresh").click()
        expect(line).to_contain_text("taken (204)")
        assert [arrived.is_signed_with(secret) for arrived in receiver.arrived] == [True, True]

        button(page, "New secret…").click()
        button(page, "Make it; the old one signs for 24 hours more").click()
        expect(page.locator(".once input")).not_to_have_value(secret)
        expect(card).to_contain_text("The secret before signs too until")
        button(page, "Disable…").click()
        button(page, "Disable, give up what waits").click()
        expect(card).to_contain_text("disabled")
        button(page, "Delete…").click()
        button(page, "Delete with its log").click()
        expect(page.get_by_text("Nothing is told to anybody yet.")).to_be_visible()

"""A browser for which every name of the corpus leads to the test's own listener, and a house that is full of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from debrief.settings import Settings
from tests.browser.house import CHROMIUM, CHROMIUM_ARGS, DESKTOP, House, open_house
from tests.scripted_model import Received, Script, ScriptedModel
from tests.security.inert.canary import Ears, Listener, every_name_leads_to, listener
from tests.security.inert.corpus import CORPUS
from tests.security.inert.scene import Filled, fill, new_visitor, say_all
from tests.web_scene import Browser as Client

PATIENCE_MS = 60_000
SAID_IN_ONE_TALK = 45


@dataclass
class Place:
    house: House
    browser: Browser
    canary: Listener
    filled: Filled
    ears_while_said: Ears
    """Of a page, without the content security policy, on which every string grew as it was said."""

    @contextmanager
    def visit(self, cookies: dict[str, str], *, without_policy: bool) -> Iterator[tuple[Page, Ears]]:
        with listened(self.browser, self.house, cookies, without_policy=without_policy) as (context, ears):
            yield context.new_page(), ears


@contextmanager
def listened(
    browser: Browser, house: House, cookies: dict[str, str], *, without_policy: bool
) -> Iterator[tuple[BrowserContext, Ears]]:
    context = browser.new_context(bypass_csp=without_policy, viewport=DESKTOP)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    ears = Ears(house.url)
    ears.hear(context)
    context.add_cookies([{"name": name, "value": value, "url": house.url} for name, value in cookies.items()])
    try:
        yield context, ears
    finally:
        context.close()


@pytest.fixture(scope="module")
def canary() -> Iterator[Listener]:
    with listener() as listening:
        yield listening


@pytest.fixture(scope="module")
def browser(canary: Listener) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        arguments = [*CHROMIUM_ARGS, every_name_leads_to(canary.port)]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def place(browser: Browser, canary: Listener, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("inert")
    settings = Settings(_env_file=None, data_dir=folder, rate_limit="off", feedback_at_end="off")
    with ScriptedModel(context_tokens=32768) as model, open_house(settings, model, browser) as house:
        model.default = echo
        visitor_id, cookies = new_visitor(house.settings)
        with (
            listened(browser, house, cookies, without_policy=True) as (context, ears),
            Client(house.url, cookies=cookies) as olga,
        ):
            page = context.new_page()
            for at in range(0, len(CORPUS), SAID_IN_ONE_TALK):
                talk_id = olga.begin()
                page.goto(f"{house.url}/?c={talk_id}")
                page.locator("#transcript .bot-row").wait_for()
                say_all(olga, talk_id, CORPUS[at : at + SAID_IN_ONE_TALK])
                page.locator("#transcript .bot-row").nth(len(CORPUS[at : at + SAID_IN_ONE_TALK])).wait_for()
        filled = fill(house.db, house.settings, house.url, visitor_id, cookies)
        yield Place(house, browser, canary, filled, ears)


def echo(received: Received) -> Script:
    """The model says what it heard, in pieces that cut tags and addresses in two."""
    words = received.last_user
    return Script(pieces=[words[at : at + 7] for at in range(0, len(words), 7)] or ["."])

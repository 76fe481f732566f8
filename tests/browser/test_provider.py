"""Signing in with a provider, as one sees it: its page is a stranger's, the way back is ours."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from debrief.settings import Settings
from tests.browser.house import House, open_house
from tests.openid_provider import OpenIdProvider
from tests.ports import free_port
from tests.scripted_model import ScriptedModel


@pytest.fixture
def provider() -> Iterator[OpenIdProvider]:
    with OpenIdProvider() as running:
        yield running


@pytest.fixture
def house_of(browser: Browser, settings: Settings, provider: OpenIdProvider) -> Iterator[House]:
    port = free_port()
    settings = settings.model_copy(update=provider.settings(f"http://127.0.0.1:{port}"))
    with ScriptedModel() as model, open_house(settings, model, browser, port=port) as house:
        yield house


def test_olga_goes_to_the_provider_comes_back_and_is_told_what_happened(house_of: House, provider: OpenIdProvider):
    with house_of.visit() as olga:
        olga.start("Job interview")
        page = olga.page
        provider.denies = True
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_role("button", name="Sign in with 127.0.0.1").click()
        expect(page.locator(".account .problem")).to_contain_text("it was cancelled on the other side")
        assert "#" not in page.url

        provider.denies = False
        page.get_by_role("button", name="Sign in with 127.0.0.1").click()
        expect(page.locator("#notice")).to_contain_text("Your account “olga” keeps your talks from now on.")
        expect(page.locator("#sidebar .entry")).to_have_count(1)
        page.get_by_role("button", name="Signed in: olga").click()
        expect(page.locator(".account")).to_contain_text("You are signed in as “olga”, with 127.0.0.1.")
        expect(page.get_by_role("button", name="Change the password")).to_have_count(0)

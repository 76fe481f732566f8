"""One Chromium and one house for all browser tests; each test is a new visitor in it.

They end with this package, not with the session: while Playwright runs, its loop counts as the running one of the
main thread, and `asyncio.run` of other tests would refuse.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from debrief.settings import Settings
from tests.browser.house import CHROMIUM, CHROMIUM_ARGS, House, Look, open_house
from tests.scripted_model import ScriptedModel


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def shared_house(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    settings = Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("house"), rate_limit="off")
    with ScriptedModel(token_delay_s=0.02) as model, open_house(settings, model, browser) as house:
        yield house


@pytest.fixture
def house(shared_house: House) -> House:
    shared_house.model.forget_scripts()
    return shared_house


@pytest.fixture
def olga(house: House) -> Iterator[Look]:
    """Olga at her desk, on the start page."""
    with house.visit() as look:
        yield look

"""The web process as fixtures: `web` serves on loopback with the scripted model; Olga and Sam are its browsers."""

from collections.abc import Iterator

import pytest

from debrief.settings import Settings
from tests.scripted_model import ScriptedModel
from tests.web_scene import Browser, Web, running_web


@pytest.fixture
def web_settings(settings: Settings, scripted_model: ScriptedModel) -> Settings:
    return settings.model_copy(update={"model_url": scripted_model.url})


@pytest.fixture
def web(web_settings: Settings) -> Iterator[Web]:
    with running_web(web_settings) as running:
        yield running


@pytest.fixture
def olga(web: Web) -> Iterator[Browser]:
    with web.browser() as browser:
        yield browser


@pytest.fixture
def sam(web: Web) -> Iterator[Browser]:
    with web.browser() as browser:
        browser.begin()
        yield browser

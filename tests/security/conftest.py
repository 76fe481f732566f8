"""The desk that the attacks are tried on: one server with all pages for each file. Rita reviews, Ada runs it."""

from collections.abc import Iterator

import pytest

from debrief.settings import Settings
from tests.review_scene import make_account, sign_in
from tests.scripted_model import ScriptedModel
from tests.web_scene import Browser, Web, running_web


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    folder = tmp_path_factory.mktemp("desk")
    with ScriptedModel() as model:
        settings = Settings(_env_file=None, data_dir=folder, rate_limit="off", model_url=model.url)
        with running_web(settings, with_pages=True) as web:
            make_account(web.parts.db, "rita")
            make_account(web.parts.db, "ada", "admin")
            yield web


@pytest.fixture
def rita(desk: Web) -> Iterator[Browser]:
    with desk.browser() as browser:
        assert sign_in(browser, "rita").status_code == 303
        yield browser


@pytest.fixture
def ada(desk: Web) -> Iterator[Browser]:
    with desk.browser() as browser:
        assert sign_in(browser, "ada").status_code == 303
        yield browser


@pytest.fixture
def sam(desk: Web) -> Iterator[Browser]:
    with desk.browser() as browser:
        browser.begin()
        yield browser

"""The scripted model as a fixture: `scripted_model` serves, `settings` of the same test may point at its `url`."""

from collections.abc import Iterator

import pytest

from tests.scripted_model import ScriptedModel


@pytest.fixture
def scripted_model() -> Iterator[ScriptedModel]:
    with ScriptedModel() as model:
        yield model

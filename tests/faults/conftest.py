"""One model, one web process and one worker for all rows of the table: what a fault leaves behind meets the next."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from debrief.settings import Settings
from tests.faults.table import REPLY_MAX_TOKENS
from tests.scripted_model import ScriptedModel


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel() as server:
        yield server


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory, model: ScriptedModel) -> Iterator[Settings]:
    """Timeouts of a second or so."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("DEBRIEF_")]:
            patch.delenv(name)
        folder: Path = tmp_path_factory.mktemp("faults") / "data"
        folder.mkdir()
        yield Settings(
            _env_file=None,
            data_dir=folder,
            rate_limit="off",
            answers_per_day_per_visitor=0,
            feedbacks_per_day_per_visitor=0,
            model_url=model.url,
            reply_max_tokens=REPLY_MAX_TOKENS,
            first_token_timeout_s=1.5,
            next_token_timeout_s=1.2,
            reply_timeout_s=20,
            connect_timeout_s=2,
        )

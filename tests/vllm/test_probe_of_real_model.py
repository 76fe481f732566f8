"""The packaged model fails the probe, so that nobody who starts Debrief on a laptop reads its babble."""

import asyncio

import pytest

from debrief.settings import Settings
from inference.client import ChatModel
from inference.likeness import open_likeness
from storage.probes import find_newest_probe
from tasks import manner
from tasks.desk import Desk
from tasks.manner import decide_manner, probe_model


@pytest.mark.vllm
def test_the_packaged_model_is_found_out_and_words_and_placing_come_from_elsewhere(database, real_model, monkeypatch):
    monkeypatch.setattr(manner, "PROBE_LIMIT_S", 540)  # other tests may keep this machine busy
    settings = Settings(_env_file=None, model_url=real_model, connect_timeout_s=60)
    desk = Desk(settings, database, ChatModel(settings, priority=10), "k_test", lambda: None, open_likeness())

    async def probed():
        await probe_model(desk)
        chosen = [await decide_manner(desk, language) for language in ("en", "ko")]
        await desk.model.aclose()
        return chosen

    for chosen in asyncio.run(probed()):
        assert (chosen.words, chosen.placing, chosen.reason) == ("rubric", "likeness", "probe")
    kept = find_newest_probe(database)
    assert kept is not None
    assert set(kept.result) == {"en", "ko"}

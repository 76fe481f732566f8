"""A real vLLM and the packaged model: the shape holds, further calls are cached, long talks are quoted exactly."""

from __future__ import annotations

from functools import partial

import pytest

from debrief import ladder
from debrief.manner import Manner
from debrief.placing import WordPieces
from debrief.transcript import number_lines
from debrief.writing import Written, write_feedback
from inference.client import ChatModel
from tasks.desk import ask_model
from tests.model_scene import with_model
from tests.writing_scene import INTERVIEW, TALK, path

pytestmark = pytest.mark.vllm


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests may keep this machine busy, and a debrief leaves out what it has no time for."""
    monkeypatch.setattr(ladder, "PATIENCE_S", 180)


LONG = [TALK[0]] + [
    said
    for n in range(70)
    for said in (
        ("user", f"On day {n} I ran the hotel desk alone and called the cleaners myself before six."),
        ("assistant", "I see. Could you tell me a little more about how that went, and what you would do today?"),
    )
]


def review(url: str, said: list[tuple[str, str]], manner: Manner, language: str = "en") -> Written:
    async def make(model: ChatModel) -> Written:
        info = await model.info()

        return await write_feedback(
            partial(ask_model, model),
            number_lines(path(said)),
            INTERVIEW,
            language,
            manner,
            lambda progress: None,
            likeness=WordPieces(),
            context_tokens=info.context_tokens,
            count=model.count_tokens,
            model=info.name,
        )

    return with_model(url, make, connect_timeout_s=60)


def assert_exact(done: Written, said: list[tuple[str, str]]) -> None:
    texts = {message.id: message for message in path(said)}
    evidence = [found for criterion in done.body.criteria for found in criterion.evidence]
    for found in evidence:
        assert texts[found.message_id].role == "user"
        assert texts[found.message_id].text[found.start : found.end] == found.quote


@pytest.mark.usefixtures("patience")
def test_samples_find_the_talk_in_the_servers_cache(real_model: str):
    done = review(real_model, LONG[:21], Manner("rubric", "model", samples=2))
    assert_exact(done, LONG)
    whole, *others = done.lineage["calls"]
    assert others
    assert others[-1]["cached_tokens"] > 0.8 * others[-1]["prompt_tokens"] - 128
    assert all(call["finish_reason"] == "stop" for call in (whole, *others))


@pytest.mark.usefixtures("patience")
def test_a_talk_too_long_for_the_model_is_read_in_windows_and_quoted_exactly(real_model: str):
    done = review(real_model, LONG, Manner("rubric", "model"))
    assert_exact(done, LONG)
    assert [call["rung"] for call in done.lineage["calls"]].count("window") > 1
    assert done.body.covered.messages == done.body.covered.of == len(LONG)


def test_a_model_that_cannot_write_still_gives_a_debrief(real_model: str):
    done = review(real_model, TALK, Manner("written"))
    assert_exact(done, TALK)
    assert done.body.criteria
    assert done.body.way == "written" or not {c.name: c for c in done.checks}["model_words_usable"].passed

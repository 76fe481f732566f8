"""The probe finds a good model good and a bad one bad, is made once, and decides how feedback is made."""

import asyncio
import json
import re
from dataclasses import dataclass

import pytest

from debrief.errors import ModelUnavailable
from debrief.placing import WordPieces
from debrief.probe import known_talks, probe_key
from debrief.settings import Settings
from inference.client import ChatModel
from storage.gauges import set_gauge
from storage.probes import find_newest_probe, find_probe, keep_probe
from tasks import manner
from tasks.desk import Desk
from tasks.manner import CHAT_GAUGE, decide_manner, probe_model
from tests.schema_instances import UNDECIDED, an_instance
from tests.scripted_model import Script, ScriptedModel, is_structured

EN = (
    "You named the moment itself, with the day and the people in it, so the other person could follow. "
    "Say next what came of it."
)
KO = "그 순간을 날짜와 사람까지 들어 말씀하셔서 상대방이 따라가기 좋았습니다. 다음에는 결과도 말씀해 보세요."


@dataclass(frozen=True)
class Reviewer:
    """Answers from the truth of the known talks: `knows` the lines and levels, `writes` sentences and not one word."""

    knows: bool = True
    writes: bool = True

    def __call__(self, received):
        talk = next(talk for talk in known_talks() if _is_about(talk, received.last_user))

        def choose(place, schema):
            key = next((key for key in talk.levels if key in place), None)
            if key is None or place.endswith(key):
                return UNDECIDED
            if place.endswith("level"):
                return talk.levels[key][0] if self.knows else "not_observed"
            if re.search(r"evidence$", place):
                lines = [label for label, shown in talk.shows.items() if key in shown] if self.knows else []
                return lines or [next(iter(talk.shows))]
            if place.endswith("reason"):
                return (KO if talk.language == "ko" else EN) if self.writes else "no no no no no no no no no no no no"
            return UNDECIDED

        return Script(text=json.dumps(an_instance(received.schema, choose=choose), ensure_ascii=False))


def _is_about(talk, prompt):
    return all(line.text[:20] in prompt for line in talk.transcript.lines.values())


@pytest.fixture
def model():
    with ScriptedModel() as scripted:
        yield scripted


@pytest.fixture
def desk_of(database, model):
    def open_desk(*, probe_over=None, **changes):
        settings = Settings(_env_file=None, **{"model_url": model.url, **changes})
        chat = ChatModel(settings, priority=10)
        more = {} if probe_over is None else {"probe_over": probe_over}
        return Desk(settings, database, chat, "k_test", lambda: None, WordPieces(), **more)

    return open_desk


def answers_by(model, reviewer, times=20):
    model.enqueue(*([reviewer] * times), when=is_structured)


async def closing(desk, work):
    try:
        return await work
    finally:
        await desk.model.aclose()


async def probed(desk, *languages):
    await probe_model(desk)
    return [await decide_manner(desk, language) for language in languages]


def test_a_model_that_places_and_writes_well_writes(model, desk_of):
    answers_by(model, Reviewer())
    desk = desk_of()
    english, korean = asyncio.run(closing(desk, probed(desk, "en", "ko")))
    assert (english.words, english.placing, english.reason) == ("written", "model", "probe")
    assert (korean.words, korean.placing) == ("written", "model")


def test_a_model_that_places_well_and_babbles_only_places(model, desk_of):
    answers_by(model, Reviewer(writes=False))
    desk = desk_of()
    [manner] = asyncio.run(closing(desk, probed(desk, "en")))
    assert (manner.words, manner.placing, manner.reason) == ("rubric", "model", "probe")


def test_a_model_that_places_badly_is_asked_for_no_prose_and_neither_writes_nor_places(model, desk_of):
    answers_by(model, Reviewer(knows=False))
    desk = desk_of()
    [manner] = asyncio.run(closing(desk, probed(desk, "en")))
    assert (manner.words, manner.placing, manner.reason, manner.samples) == ("rubric", "likeness", "probe", 1)
    assert len(model.chats) == len(known_talks())


def test_a_model_is_probed_once(model, desk_of, database):
    answers_by(model, Reviewer(knows=False))
    desk = desk_of()

    async def twice():
        await probe_model(desk)
        asked = len(model.chats)
        await probe_model(desk)
        assert len(model.chats) == asked

    asyncio.run(closing(desk, twice()))
    kept = find_newest_probe(database)
    assert kept is not None
    assert set(kept.result) == {"en", "ko"}


def test_nothing_is_asked_of_a_model_of_which_nothing_depends(model, desk_of):
    desk = desk_of(feedback_words="model")
    asyncio.run(closing(desk, probe_model(desk)))
    assert not model.chats


def test_a_probe_that_takes_too_long_is_left_and_the_model_not_trusted(model, desk_of, monkeypatch):
    monkeypatch.setattr(manner, "PROBE_LIMIT_S", 0.2)
    model.enqueue(Script(delay_s=30), when=is_structured)
    desk = desk_of()
    [chosen] = asyncio.run(closing(desk, probed(desk, "en")))
    assert (chosen.words, chosen.placing, chosen.reason) == ("rubric", "likeness", "unprobed")


def test_a_feedback_by_a_model_that_somebody_chose_waits_for_the_end_of_its_probe(model, desk_of):
    answers_by(model, Reviewer())

    async def wait():
        desk = desk_of(probe_over=asyncio.Event())
        deciding = asyncio.create_task(decide_manner(desk, "en"))
        await asyncio.wait({deciding}, timeout=0.3)
        assert not deciding.done()
        await probe_model(desk)
        desk.probe_over.set()
        return await closing(desk, deciding)

    assert asyncio.run(wait()).words == "written"


def test_a_feedback_by_the_packaged_model_waits_for_nothing_not_even_the_model(database, model):
    settings = Settings(_env_file=None, model_port=1)
    chat = ChatModel(settings, priority=10)
    desk = Desk(settings, database, chat, "k_test", lambda: None, WordPieces(), asyncio.Event())
    chosen = asyncio.run(closing(desk, decide_manner(desk, "en")))
    assert (chosen.words, chosen.placing, chosen.reason) == ("rubric", "likeness", "unprobed")


def test_a_chosen_model_that_is_away_is_waited_for(desk_of):
    desk = desk_of(model_url="http://127.0.0.1:1/v1")
    with pytest.raises(ModelUnavailable):
        asyncio.run(closing(desk, decide_manner(desk, "en")))


def test_while_chat_is_slow_the_model_is_asked_once(model, desk_of, database):
    desk = desk_of(feedback_words="model", feedback_samples=3)

    async def before_and_after():
        before = await decide_manner(desk, "en")
        set_gauge(database, CHAT_GAUGE, 5.0)
        return before.samples, (await decide_manner(desk, "en")).samples

    assert asyncio.run(closing(desk, before_and_after())) == (3, 1)


def test_another_likeness_or_model_asks_for_another_probe(database):
    keep_probe(database, probe_key("m1", "pieces"), "m1", {})
    assert find_probe(database, probe_key("m1", "pieces"))
    assert find_probe(database, probe_key("m2", "pieces")) is None
    assert find_probe(database, probe_key("m1", "sentences")) is None

"""What went wrong in the system that Debrief comes from, one test each, with a real vLLM and the whole web server.

There, four requests at once came back as garbage, a lock made people wait in line, each process held its own copy of
the model, and feedback stood in the way of the chat.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest

from debrief.settings import Settings
from tests.job_scene import WorkerProcess
from tests.web_scene import Browser, Web, running_web, until
from webapp.pace import Pace

pytestmark = pytest.mark.vllm
ROOT = Path(__file__).parents[2]
VISITORS = 16
# Words that the model does not say by itself: a garden may stand beside a lantern in any answer.
WORDS = [
    "quokka",
    "saxifrage",
    "obsidian",
    "marzipan",
    "tamarind",
    "zeppelin",
    "gazpacho",
    "kumquat",
    "narwhal",
    "origami",
    "papyrus",
    "rhubarb",
    "trombone",
    "wombat",
    "periscope",
    "xylophone",
]
SAID = "I am a baker. Last winter I planned the night shift alone for a month, and I cut our waste by a third."


@pytest.fixture
def real_settings(settings: Settings, real_model: str) -> Settings:
    return settings.model_copy(
        update={
            "model_url": real_model,
            "connect_timeout_s": 60,
            "reply_max_tokens": 60,
            "feedback_words": "rubric",
            "feedback_placing": "model",
            "model_priority": "on",
        }
    )


def test_sixteen_visitors_at_once_never_hear_what_was_said_to_another(real_settings: Settings):
    with running_web(real_settings, Pace()) as web, ExitStack() as stack:
        visitors = [stack.enter_context(web.browser()) for _ in WORDS]
        talks = [visitor.begin() for visitor in visitors]

        def talk(turn: tuple[Browser, str, str]) -> tuple[str, dict[str, object]]:
            visitor, conversation, word = turn
            answer = visitor.say(conversation, f"My favourite word is {word}. Please say the word {word} to me twice.")
            return word, visitor.ended(answer["answer_id"], within_s=120)

        with ThreadPoolExecutor(VISITORS) as crowd:
            heard = dict(crowd.map(talk, zip(visitors, talks, WORDS, strict=True)))
        _no_answer_crosses(heard)
        _nobody_waits_in_line(list(heard.values()))
        for visitor, conversation, word in zip(visitors, talks, WORDS, strict=True):
            own = visitor.read(conversation)["messages"]
            assert [message["role"] for message in own] == ["assistant", "user", "assistant"]
            assert own[2]["text"] == heard[word]["text"]


def _no_answer_crosses(heard: dict[str, dict[str, object]]) -> None:
    said = {word: str(answer["text"]).lower() for word, answer in heard.items()}
    assert all(said.values())
    crossed = [(word, other) for word in said for other in WORDS if other != word and other in said[word]]
    assert not crossed
    own = [word for word in said if word in said[word]]
    # The small model samples and says the word in about half of its answers, sometimes in fewer.
    assert len(own) >= VISITORS // 4, f"the words are a test only where they are said; said were {own}"


def _nobody_waits_in_line(answers: list[dict[str, object]]) -> None:
    """Behind a lock, the last would hear a first word when fifteen others had heard all."""
    begun = sorted(float(str(answer["first_token_s"])) + _seconds(answer["created_at"]) for answer in answers)
    ended = sorted(float(str(answer["total_s"])) + _seconds(answer["created_at"]) for answer in answers)
    at_once = max(sum(start <= moment for start in begun) - sum(end < moment for end in ended) for moment in begun)
    print(f"answers being written at once: {at_once} of {VISITORS}")
    assert at_once >= VISITORS // 2


def _seconds(moment: object) -> float:
    return datetime.fromisoformat(str(moment)).timestamp()


def test_feedback_is_made_with_the_visitors_own_words_while_the_talk_goes_on(real_settings: Settings):
    with running_web(real_settings, Pace()) as web, WorkerProcess(real_settings), web.browser() as olga:
        conversation = olga.begin()
        olga.ended(olga.say(conversation, SAID)["answer_id"], within_s=60)
        feedback = olga.post(f"/api/v1/conversations/{conversation}/feedback").json()["id"]
        going_on = olga.say(conversation, "I would like to know what a night looks like in your bakery.")
        made = _made(olga, feedback)
        assert olga.ended(going_on["answer_id"], within_s=60)["state"] in ("complete", "cut_off")
        assert made["state"] in ("succeeded", "partial")
        texts = {message["id"]: message["text"] for message in olga.read(conversation)["messages"]}
        quoted = [evidence for criterion in made["body"]["criteria"] for evidence in criterion["evidence"]]
        for evidence in quoted:
            assert texts[evidence["message_id"]][evidence["start"] : evidence["end"]] == evidence["quote"]
            assert evidence["quote"] in SAID


def _made(visitor: Browser, feedback_id: str) -> dict[str, object]:
    def look() -> dict[str, object] | None:
        view = visitor.get(f"/api/v1/feedback/{feedback_id}").json()
        return view if view["state"] in ("succeeded", "partial", "failed") else None

    return until(look, within_s=120, what="the feedback")


def test_a_closed_tab_stops_nothing_and_stop_frees_the_models_seat(real_settings: Settings):
    settings = real_settings.model_copy(update={"reply_max_tokens": 2000})
    with running_web(settings, Pace()) as web, web.browser() as olga:
        conversation = olga.begin()
        with olga.live():
            answer = olga.say(conversation, "Tell me a long story about a bakery.")["answer_id"]
        until(lambda: _running(olga, web) == 1, within_s=30, what="the model to write although the tab is closed")
        olga.post(f"/api/v1/conversations/{conversation}/stop")
        until(lambda: _running(olga, web) == 0, within_s=15, what="the seat to be free")
        assert olga.ended(answer)["state"] in ("stopped", "complete")


def _running(visitor: Browser, web: Web) -> int:
    """Requests that vLLM works on, by its own count."""
    root = web.settings.model_base_url.removesuffix("/v1")
    lines = visitor.get(f"{root}/metrics").text.splitlines()
    return int(float(next(line for line in lines if line.startswith("vllm:num_requests_running")).rsplit(" ", 1)[1]))


def test_neither_web_nor_worker_can_hold_a_copy_of_the_model():
    """What runs a model is not even imported there: it is in memory once, in the model server."""
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, webapp.server, webapp.ui, tasks.worker; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {"torch", "vllm", "transformers"} & set(loaded)

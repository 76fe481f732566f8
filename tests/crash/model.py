"""The model killed while it answers: when the visitors are told, what is kept, and when answers flow again.

At full length the real vLLM with the packaged model under the real supervisor: its engine or its server gets kill -9.
In seconds the scripted model, which goes down and comes up again.
"""

from __future__ import annotations

import os
import random
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx

from debrief.settings import Settings
from launch.children import STEADY_AFTER_S
from launch.model import PACKAGED_MODEL
from launch.prepare_model import prepare
from tests.crash.outcome import Experiment, Outcome
from tests.crash.program import Program
from tests.ports import free_port
from tests.scripted_model import Script, ScriptedModel
from tests.vllm_server import kept_folder, recipe
from tests.web_scene import Browser, Live, running_web, until

QUESTION = "Please tell me a very long story about the harbour, the market and the people of this town."
LONG = Script(text=" ".join(f"word{n}" for n in range(400)), token_delay_s=0.02)
WHOLE = Script(text="That is all that there is to say.")
DOWN_S = 0.5
PATIENCE_S = 420  # longer than the longest answer may take
TOLD_WITHIN_S = 10
"""Two seconds are the aim; this is where it counts as broken, whatever else the machine does."""
WHOLE_STATES = ("complete", "cut_off")


@dataclass(frozen=True)
class Target:
    """Where the visitors talk, and how the model behind it is killed: what was hit, in a word."""

    url: str
    kill: Callable[[], str]
    answer_wholly: Callable[[bool], None] = lambda _: None
    """Tells a scripted model which answers to give."""
    rest_s: float = 0
    """To let it work before the next kill."""


@dataclass
class Ledger:
    hit: list[str] = field(default_factory=list)
    told_s: list[float] = field(default_factory=list)
    again_s: list[float] = field(default_factory=list)
    """From the kill until the first word of an answer that was asked for again."""
    cut: int = 0
    ended_before: int = 0
    chars_lost: int = 0
    wrongly_told: list[str] = field(default_factory=list)
    not_whole: int = 0
    asked_again: int = 0


@dataclass
class Listening:
    browser: Browser
    answer_id: str
    live: Live


def run(quick: bool) -> Outcome:
    ledger = Ledger()
    kills, visitors = (4, 3) if quick else (20, 3)
    chance = random.Random(6)
    with scripted() if quick else real(chance) as target:
        for _ in range(kills):
            kill_in_mid_answer(target, ledger, visitors, chance)
    return judge(ledger)


@contextmanager
def scripted() -> Iterator[Target]:
    with tempfile.TemporaryDirectory() as folder, ScriptedModel() as model, ExitStack() as stack:
        settings = Settings(_env_file=None, data_dir=Path(folder), model_url=model.url, rate_limit="off")
        web = stack.enter_context(running_web(settings))

        def kill() -> str:
            model.go_down()
            comes_up = threading.Timer(DOWN_S, model.come_up)
            comes_up.start()
            stack.callback(comes_up.join)
            return "server"

        def answer_wholly(wholly: bool) -> None:
            model.default = lambda _: WHOLE if wholly else LONG

        yield Target(web.url, kill, answer_wholly)


@contextmanager
def real(chance: random.Random) -> Iterator[Target]:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            _env_file=None,
            data_dir=Path(folder),
            port=free_port(),
            model_port=free_port(),
            rate_limit="off",
            answers_per_day_per_visitor=0,
            reply_max_tokens=200,
        )
        prepared = kept_folder() / recipe() / PACKAGED_MODEL
        prepare(prepared)
        settings.prepared_model_dir.parent.mkdir(parents=True)
        settings.prepared_model_dir.symlink_to(prepared)
        with Program(settings) as program:
            until(lambda: model_state(program.url) == "ready", within_s=PATIENCE_S, what="the model")

            def kill() -> str:
                server = program.pid("model")
                engine = chance.random() < 0.5
                os.kill(engine_of(server) if engine else server, signal.SIGKILL)
                return "engine" if engine else "server"

            yield Target(program.url, kill, rest_s=STEADY_AFTER_S)


def model_state(url: str) -> str:
    return httpx.get(f"{url}/healthz", timeout=30, trust_env=False).json()["model"]["state"]


def engine_of(server: int) -> int:
    """The process of vLLM in which the model itself lives: the server's child that has its name."""
    children = Path(f"/proc/{server}/task/{server}/children").read_text("ascii").split()
    [engine] = [int(pid) for pid in children if b"EngineCore" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return engine


def kill_in_mid_answer(target: Target, ledger: Ledger, visitors: int, chance: random.Random) -> None:
    target.answer_wholly(False)
    with ExitStack() as stack:
        listening = [_listen(target.url, stack) for _ in range(visitors)]
        for one in listening:
            until(lambda one=one: one.live.text(one.answer_id), within_s=PATIENCE_S, what="the first word")
        time.sleep(chance.uniform(0.0, 1.0))
        target.answer_wholly(True)
        killed_at = time.monotonic()
        ledger.hit.append(target.kill())
        cut = [one for one in listening if _was_cut(one, killed_at, ledger)]
        for one in cut:
            _try_again_until_it_answers(one, killed_at, ledger)
    time.sleep(target.rest_s)


def _listen(url: str, stack: ExitStack) -> Listening:
    browser = stack.enter_context(Browser(url))
    browser.timeout = httpx.Timeout(60)
    talk = browser.begin()
    live = stack.enter_context(browser.live(talk))
    return Listening(browser, browser.say(talk, QUESTION)["answer_id"], live)


def _was_cut(one: Listening, killed_at: float, ledger: Ledger) -> bool:
    """Wait for the end that the visitor is told, and compare what is stored with what was heard."""
    done = one.live.wait_for("done", within_s=PATIENCE_S, id=one.answer_id)
    if done["state"] in WHOLE_STATES:
        ledger.ended_before += 1
        return False
    ledger.cut += 1
    ledger.told_s.append(_arrival_of_end(one) - killed_at)
    if (done["state"], (done["error"] or {}).get("code")) != ("error", "model_broke"):
        ledger.wrongly_told.append(f"{done['state']} {done['error']}")
    stored, heard = one.browser.answer(one.answer_id)["text"], one.live.text(one.answer_id)
    ledger.chars_lost += len(heard) - len(stored) if stored.startswith(heard[: len(stored)]) else len(heard)
    return True


def _arrival_of_end(one: Listening) -> float:
    frames = zip(list(one.live.arrived), list(one.live.frames), strict=False)
    return next(at for at, (event, _, data) in frames if event == "done" and data["id"] == one.answer_id)


def _try_again_until_it_answers(one: Listening, killed_at: float, ledger: Ledger) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        ledger.asked_again += 1
        response = one.browser.post(f"/api/v1/messages/{one.answer_id}/retry")
        assert response.status_code == 202, response.text
        again = response.json()["answer_id"]
        answer = one.browser.ended(again, within_s=PATIENCE_S)
        if answer["state"] in WHOLE_STATES:
            ledger.again_s.append(_first_word(one, again) - killed_at)
            return
        time.sleep(0.5)
    ledger.not_whole += 1


def _first_word(one: Listening, answer_id: str) -> float:
    def found() -> float | None:
        frames = zip(list(one.live.arrived), list(one.live.frames), strict=False)
        return next((at for at, (event, _, data) in frames if event == "answer" and data["id"] == answer_id), None)

    return until(found, within_s=PATIENCE_S, what="the first word of the second answer")


def judge(ledger: Ledger) -> Outcome:
    figures = {
        "kills": len(ledger.hit),
        "of the engine": ledger.hit.count("engine"),
        "answers cut": ledger.cut,
        "ended before the kill": ledger.ended_before,
        "characters heard and not stored": ledger.chars_lost,
        "seconds until told": spread(ledger.told_s),
        "seconds until answers flow again": spread(ledger.again_s),
        "asked again": ledger.asked_again,
    }
    promises = {
        f"characters lost: {ledger.chars_lost}": not ledger.chars_lost,
        f"told after {max(ledger.told_s):.1f} s": max(ledger.told_s) <= TOLD_WITHIN_S,
        f"told otherwise than that the model broke off: {ledger.wrongly_told[:3]}": not ledger.wrongly_told,
        f"answers that never became whole: {ledger.not_whole}": not ledger.not_whole,
    }
    return Outcome("model", figures, [promise for promise, held in promises.items() if not held])


def spread(values: list[float]) -> str:
    return f"{median(values):.2f} (worst {max(values):.2f})" if values else "-"


EXPERIMENT = Experiment("model", run)

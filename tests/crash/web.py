"""Web processes killed, ended and frozen while they write answers: what is lost of people's words and of the answers.

Some visitors are each in the middle of a long answer, others say one thing after the other. Whoever gets no reply
sends the same again, to the process that came instead. At the end a referee compares what was acknowledged with what
is stored.
"""

from __future__ import annotations

import random
import signal
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from debrief.settings import Settings
from storage.migrate import migrate
from tests.crash.outcome import Experiment, Outcome
from tests.crash.visitors import Acknowledged, Chatterer, missing_words
from tests.scripted_model import Received, Script, ScriptedModel
from tests.web_process import Forked, ManyWebProcesses
from tests.web_scene import QUICK, Browser, Live, until
from webapp.pace import Pace

LONG = " ".join(f"word{n}" for n in range(1500))
SHORT = "What was hard about it?"
TOKEN_S = 0.03
PATIENCE_S = 240  # a long answer alone takes 45 s on a quiet machine
UNLIMITED: dict[str, Any] = {"rate_limit": "off", "answers_per_day_per_visitor": 0}


@dataclass(frozen=True)
class Effort:
    """How much of everything: `kills` by -9, `ends` by TERM, `freezes` by STOP; after at most `longest_s` of answer."""

    kills: int
    ends: int
    freezes: int
    listeners: int
    chatterers: int
    longest_s: float
    pace: Pace
    may_lose_s: float
    """What of an answer a kill may cost."""


FULL = Effort(kills=100, ends=10, freezes=3, listeners=4, chatterers=3, longest_s=2.5, pace=Pace(), may_lose_s=1.0)
IN_SECONDS = Effort(kills=5, ends=1, freezes=1, listeners=3, chatterers=2, longest_s=0.8, pace=QUICK, may_lose_s=5.0)


@dataclass
class Ledger:
    """What was acknowledged, and what became of the answers."""

    kept: Acknowledged = field(default_factory=Acknowledged)
    cut: int = 0
    lost_s: list[float] = field(default_factory=list)
    lost_chars: list[int] = field(default_factory=list)
    not_a_prefix: int = 0
    not_interrupted: int = 0
    no_way_on: int = 0
    marked_s: list[float] = field(default_factory=list)
    """From the kill until the answer is no longer shown as being written."""
    answers_s: list[float] = field(default_factory=list)
    """From the kill until a new process answers."""
    ended_s: list[float] = field(default_factory=list)
    """From TERM until the process has gone."""
    lost_at_end_chars: int = 0
    not_told: int = 0
    """Live streams that were not told the end of their answer before TERM took them away."""
    frozen_while_saving: int = 0
    overwritten: int = 0
    """Answers that a revived process changed after another one had ended them."""


@dataclass
class Listening:
    """One visitor in the middle of a long answer."""

    browser: Browser
    answer_id: str
    live: Live

    def heard(self) -> str:
        return self.live.text(self.answer_id)

    def lost_since(self, stored: int) -> float | None:
        """When the first character came that is not stored; None: all are."""
        for at, (event, _, data) in zip(list(self.live.arrived), list(self.live.frames), strict=False):
            if event == "answer" and data["id"] == self.answer_id and data["seq"] + len(data["text"]) > stored:
                return at
        return None


class Scene:
    """The web process of the moment, the model, and all who talk."""

    def __init__(self, settings: Settings, model: ScriptedModel, effort: Effort, seed: int) -> None:
        self.settings = settings
        self.model = model
        self.effort = effort
        self.ledger = Ledger()
        self.chance = random.Random(seed)
        self.url = ""
        self.process: Forked | None = None
        self.is_over = threading.Event()
        self._answers_short = False
        self._running = ExitStack()
        self._processes = self._running.enter_context(ManyWebProcesses(settings, effort.pace))
        self._count = 0
        model.default = self._script

    def _script(self, received: Received) -> Script:
        is_short = self._answers_short or "chatter" in received.last_user
        return Script(text=SHORT if is_short else LONG, token_delay_s=0.002 if is_short else TOKEN_S)

    # --- processes

    def start(self) -> None:
        """A new web process, beside one that still runs."""
        self.process, self.url = self._processes.start()
        until(lambda: self._answers(self.url), within_s=PATIENCE_S, what="the new process to answer")

    def _answers(self, url: str) -> bool:
        try:
            return httpx.get(f"{url}/healthz", timeout=5, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def signal(self, number: signal.Signals) -> Forked:
        assert self.process
        self.process.send_signal(number)
        return self.process

    def close(self) -> None:
        self.is_over.set()
        self._running.close()

    # --- visitors

    def unique(self, who: str) -> str:
        self._count += 1
        return f"This is {who} for the {self._count}. time."

    @contextmanager
    def listeners(self) -> Iterator[list[Listening]]:
        """So many visitors, each of whom has begun to hear a long answer."""
        with ExitStack() as stack:
            found = [self._listen(stack) for _ in range(self.effort.listeners)]
            for one in found:
                until(one.heard, within_s=PATIENCE_S, what="the first word")
            yield found

    def _listen(self, stack: ExitStack) -> Listening:
        browser = stack.enter_context(Browser(self.url))
        browser.timeout = httpx.Timeout(PATIENCE_S)
        talk = browser.begin()
        live = stack.enter_context(browser.live(talk))
        text = self.unique("a listener")
        said = browser.say(talk, text)
        self.ledger.kept.words[said["user_message_id"]] = text
        return Listening(browser, said["answer_id"], live)

    def chatterer(self, n: int) -> Chatterer:
        return Chatterer(f"chatterer {n}", lambda: self.url, self.ledger.kept, self.is_over)

    # --- what becomes of the answers

    def check_cut(self, listening: Listening, killed_at: float, *, may_lose: bool) -> None:
        """Wait for the end of an answer whose process has gone, and compare it with what was heard."""
        ledger, browser = self.ledger, listening.browser
        browser.base_url = self.url
        answer = browser.ended(listening.answer_id, within_s=PATIENCE_S)
        ledger.cut += 1
        if may_lose:
            ledger.marked_s.append(time.monotonic() - killed_at)
        ledger.not_interrupted += (answer["state"], answer["error"]["code"]) != ("interrupted", "interrupted")
        stored, heard = answer["text"], listening.heard()
        ledger.not_a_prefix += not LONG.startswith(stored) or not LONG.startswith(heard)
        lost = max(0, len(heard) - len(stored))
        if may_lose:
            since = listening.lost_since(len(stored))
            ledger.lost_s.append(killed_at - since if since is not None else 0.0)
            ledger.lost_chars.append(lost)
        else:
            ledger.lost_at_end_chars += lost

    def try_again(self, listening: Listening) -> None:
        self._answers_short = True
        response = listening.browser.post(f"/api/v1/messages/{listening.answer_id}/retry")
        if response.status_code != 202:
            self.ledger.no_way_on += 1
            return
        answer = listening.browser.ended(response.json()["answer_id"], within_s=PATIENCE_S)
        self.ledger.no_way_on += (answer["state"], answer["text"]) != ("complete", SHORT)

    def go_on(self) -> None:
        self._answers_short = False

    # --- the ways to die

    def kill(self) -> None:
        with self.listeners() as listening:
            time.sleep(self.chance.uniform(0.0, self.effort.longest_s))  # any token may be the last
            process = self.signal(signal.SIGKILL)
            killed_at = time.monotonic()
            process.wait()
            self.start()
            self.ledger.answers_s.append(time.monotonic() - killed_at)
            for one in listening:
                self.check_cut(one, killed_at, may_lose=True)
            for one in listening:
                self.try_again(one)
        self.go_on()

    def end(self) -> None:
        with self.listeners() as listening:
            time.sleep(self.chance.uniform(0.0, self.effort.longest_s))
            process = self.signal(signal.SIGTERM)
            told_at = time.monotonic()
            process.wait(PATIENCE_S)
            self.ledger.ended_s.append(time.monotonic() - told_at)
            for one in listening:
                until(lambda one=one: one.live.is_over, within_s=PATIENCE_S, what="the stream to end")
                self.ledger.not_told += not [d for d in one.live.of("done") if d["state"] == "interrupted"]
            self.start()
            for one in listening:
                self.check_cut(one, told_at, may_lose=False)
                self.try_again(one)
        self.go_on()

    def _freeze_between_savings(self) -> Forked:
        """A process that is frozen in mid-transaction keeps SQLite's only writer's place: see docs/reliability.md."""
        while True:
            process = self.signal(signal.SIGSTOP)
            if self._can_be_written():
                return process
            self.ledger.frozen_while_saving += 1
            process.send_signal(signal.SIGCONT)
            time.sleep(self.chance.uniform(0.01, 0.2))

    def _can_be_written(self) -> bool:
        with closing(sqlite3.connect(self.settings.data_dir / "debrief.sqlite3", timeout=0.5)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
            connection.rollback()
            return True

    def freeze(self) -> None:
        """Longer than its silence may last: another one ends its answers, and it may not touch them when it revives."""
        with self.listeners() as listening:
            frozen, frozen_url = self._freeze_between_savings(), self.url
            self.start()
            ended = []
            for one in listening:
                one.browser.base_url = self.url
                ended.append(one.browser.ended(one.answer_id, within_s=PATIENCE_S))
            frozen.send_signal(signal.SIGCONT)
            until(lambda: self._answers(frozen_url), within_s=PATIENCE_S, what="the frozen process to answer again")
            frozen.send_signal(signal.SIGTERM)  # it would store all texts once more before it goes
            frozen.wait(PATIENCE_S)
            for one, before in zip(listening, ended, strict=True):
                self.ledger.not_interrupted += before["state"] != "interrupted"
                after = one.browser.answer(one.answer_id)
                self.ledger.overwritten += (after["state"], after["text"]) != (before["state"], before["text"])
                self.try_again(one)
        self.go_on()


def run(quick: bool) -> Outcome:
    effort = IN_SECONDS if quick else FULL
    with (
        tempfile.TemporaryDirectory() as folder,
        ScriptedModel() as model,
    ):
        settings = Settings(_env_file=None, data_dir=Path(folder), model_url=model.url, **UNLIMITED)
        migrate(settings.database, backup_dir=None)
        scene = Scene(settings, model, effort, seed=4)
        scene.start()
        with ThreadPoolExecutor(effort.chatterers) as threads:
            chatterers = [threads.submit(scene.chatterer(n).run) for n in range(effort.chatterers)]
            try:
                blows = [scene.kill] * effort.kills + [scene.end] * effort.ends + [scene.freeze] * effort.freezes
                scene.chance.shuffle(blows)
                for blow in blows:
                    blow()
            finally:
                scene.is_over.set()
                for chatterer in chatterers:
                    chatterer.result(PATIENCE_S)
                scene.close()
        return judge(scene.ledger, effort, *missing_words(settings, scene.ledger.kept))


def judge(ledger: Ledger, effort: Effort, lost: int, twice: int) -> Outcome:
    figures = {
        "kills": effort.kills,
        "TERM": effort.ends,
        "STOP": effort.freezes,
        "answers cut": ledger.cut,
        "frozen while saving": ledger.frozen_while_saving,
        "words acknowledged": len(ledger.kept.words),
        "sent again after no reply": ledger.kept.sent_again,
        "words lost": lost,
        "words stored twice": twice,
        "seconds of text lost": spread(ledger.lost_s),
        "characters lost": spread(ledger.lost_chars),
        "seconds until marked": spread(ledger.marked_s),
        "seconds until the next process answers, its imports done": spread(ledger.answers_s),
        "seconds to end": spread(ledger.ended_s),
    }
    promises = {
        f"words lost: {lost}": not lost,
        f"words stored twice: {twice}": not twice,
        f"an answer lost its last {max(ledger.lost_s):.2f} s": max(ledger.lost_s) <= effort.may_lose_s,
        f"texts that the model did not say: {ledger.not_a_prefix}": not ledger.not_a_prefix,
        f"answers that did not end as interrupted: {ledger.not_interrupted}": not ledger.not_interrupted,
        f"interrupted answers that could not be tried again: {ledger.no_way_on}": not ledger.no_way_on,
        f"characters lost at an orderly end: {ledger.lost_at_end_chars}": not ledger.lost_at_end_chars,
        f"streams not told of an orderly end: {ledger.not_told}": not ledger.not_told,
        f"answers overwritten by a revived process: {ledger.overwritten}": not ledger.overwritten,
        f"an orderly end took {max(ledger.ended_s):.1f} s": max(ledger.ended_s) <= 10,
    }
    return Outcome("web", figures, [promise for promise, held in promises.items() if not held])


def spread(values: list[float] | list[int]) -> str:
    return f"{median(values):.2f} (worst {max(values):.2f})"


EXPERIMENT = Experiment("web", run)

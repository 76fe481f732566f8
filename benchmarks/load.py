"""Many visitors at once through a real web process: whether every answer is exact, who is refused, what it costs.

    python -m benchmarks.load                      16, 32 and 64 visitors, then more than are let in at once
    python -m benchmarks.load --real URL           16 visitors against a real model server
    python -m benchmarks.load --overload URL       chat beside 16 feedbacks, on a real model server

Web, worker and the scripted model are processes of their own; the visitors are one more. The scripted model speaks
50 tokens a second to each and repeats the visitor's nonce, so that an answer is known to the letter. On a machine
whose cores are shared by all of these, and by others, figures are an upper bound; the load average is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from debrief.settings import Settings
from storage.migrate import migrate
from tests.scripted_model import nonce_answer

ROOT = Path(__file__).parents[1]
TOKEN_S = 0.02
FIRST_S = 0.1
WORDS = 200
COLOURS = ("amber", "blue", "coral", "denim", "ebony", "fawn", "green", "hazel")
BEASTS = ("ant", "bear", "crow", "deer", "eel", "fox", "goat", "hare", "ibis", "jay")
TICKS = os.sysconf("SC_CLK_TCK")
START_S = 120


# --- processes -------------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def process(*command: str, log: Path, **settings: object) -> Iterator[subprocess.Popen[bytes]]:
    """A Python program with these settings, ended at the end."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DEBRIEF_")}
    given = {f"DEBRIEF_{name.upper()}": str(value) for name, value in settings.items()}
    with log.open("ab") as out:
        child = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=kept | given,
            stdout=out,
            stderr=out,
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
    try:
        yield child
    finally:
        child.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            child.wait(10)
        child.kill()
        child.wait()


@contextmanager
def scripted_model(folder: Path, *, words: int = WORDS) -> Iterator[str]:
    """The scripted model in a process; its URL."""
    port = free_port()
    given = ["--port", str(port), "--delay", str(TOKEN_S), "--first", str(FIRST_S), "--echo", str(words)]
    with process("-m", "tests.scripted_model", *given, log=folder / "model.log"):
        wait_for_port(port)
        yield f"http://127.0.0.1:{port}/v1"


@dataclass(frozen=True)
class Stack:
    """A running web process and, if asked for, a worker. `folder` holds their logs."""

    url: str
    folder: Path
    web_pid: int
    worker_pid: int | None


@contextmanager
def stack(
    model_url: str,
    *,
    with_worker: bool = False,
    web: Sequence[str] = ("app.py", "web"),
    folder: Path | None = None,
    **more: Any,
) -> Iterator[Stack]:
    """The product's own processes on a fresh SQLite file; limits of the address are off, all come from one."""
    with tempfile.TemporaryDirectory() as made:
        data = (folder or Path(made)) / "data"
        data.mkdir()
        settings = {"data_dir": data, "model_url": model_url, "rate_limit": "off", "port": free_port()} | more
        migrate(Settings(_env_file=None, **settings).database, backup_dir=None)
        with process(*web, log=data / "web.log", **settings) as web_process:
            wait_for_port(settings["port"])
            url = f"http://127.0.0.1:{settings['port']}"
            if not with_worker:
                yield Stack(url, data, web_process.pid, None)
                return
            with process("app.py", "worker", log=data / "worker.log", **settings) as worker:
                yield Stack(url, data, web_process.pid, worker.pid)


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + START_S
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if time.monotonic() > deadline:
            raise SystemExit(f"nobody listens on port {port}")
        time.sleep(0.05)


def cpu_s(pid: int) -> float:
    """Seconds of processor that a process has used, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def machine() -> str:
    return f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}"


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


# --- visitors --------------------------------------------------------------------------------------------------------


@dataclass
class Turn:
    """One answer as its visitor met it: seconds to the first word and to the end, and what was heard and stored."""

    first_s: float | None = None
    total_s: float | None = None
    heard: str = ""
    stored: str = ""
    state: str = ""
    tokens: int = 0
    refused: list[str] = field(default_factory=list)
    """What the visitor was told each time there was no room."""


class Visitor:
    """One person with a cookie jar, a talk and a live stream."""

    def __init__(self, url: str, number: int) -> None:
        self.nonce = f"nonce-{COLOURS[number % 8]}-{BEASTS[number // 8 % 10]}-{number}"
        self.client = httpx.AsyncClient(base_url=url, timeout=60, trust_env=False, headers={"accept-language": "en"})
        self.talk = ""
        self._turns: dict[str, Turn] = {}
        self._done: dict[str, asyncio.Event] = {}
        self._reading: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def here(self) -> AsyncIterator[Visitor]:
        """Begin a talk and listen; leave at the end."""
        listening = asyncio.Event()
        try:
            await self.begin()
            self._reading = asyncio.create_task(self._listen(listening))
            await asyncio.wait_for(listening.wait(), 60)
            yield self
        finally:
            if self._reading:
                self._reading.cancel()
                await asyncio.wait([self._reading])
            await self.client.aclose()

    async def begin(self) -> None:
        response = await self.client.post("/api/v1/conversations", json={"scenario": "job_interview"})
        response.raise_for_status()
        self.talk = response.json()["id"]

    async def say(self, *, tries: int = 1) -> Turn:
        """Say something and hear the answer to its end. Where there is no room, come again, so many times."""
        turn, sent_at = Turn(), time.monotonic()
        for _ in range(tries):
            sent_at = time.monotonic()
            words = {"text": f"Please repeat {self.nonce} to me."}
            response = await self.client.post(f"/api/v1/conversations/{self.talk}/messages", json=words)
            if response.status_code == 202:
                break
            turn.refused.append(response.json()["message"])
            await asyncio.sleep(float(response.headers.get("retry-after", 1)))
        else:
            return turn
        answer_id = response.json()["answer_id"]
        heard = self._turns.setdefault(answer_id, Turn())
        await asyncio.wait_for(self._done.setdefault(answer_id, asyncio.Event()).wait(), 300)
        turn.total_s = time.monotonic() - sent_at
        turn.first_s = None if heard.first_s is None else heard.first_s - sent_at
        turn.heard = heard.heard
        row = (await self.client.get(f"/api/v1/messages/{answer_id}")).json()
        turn.stored, turn.state, turn.tokens = row["text"], row["state"], row["completion_tokens"] or 0
        return turn

    async def _listen(self, listening: asyncio.Event) -> None:
        async with self.client.stream("GET", "/api/v1/live", params={"conversation_id": self.talk}) as response:
            response.raise_for_status()
            listening.set()
            event = ""
            async for line in response.aiter_lines():
                if line.startswith("event: "):
                    event = line[7:]
                elif line.startswith("data: ") and event in ("answer", "done"):
                    self._take(event, json.loads(line[6:]))

    def _take(self, event: str, data: dict[str, Any]) -> None:
        turn = self._turns.setdefault(data["id"], Turn())
        if event == "done":
            self._done.setdefault(data["id"], asyncio.Event()).set()
            return
        turn.first_s = turn.first_s or time.monotonic()
        turn.heard = turn.heard[: data["seq"]] + data["text"]


# --- the rounds ------------------------------------------------------------------------------------------------------


async def round_of(url: str, visitors: int, *, turns: int, tries: int = 1) -> list[Turn]:
    """So many visitors who all speak in the same moment, each so many times."""
    ready = asyncio.Barrier(visitors)

    async def visit(number: int) -> list[Turn]:
        async with Visitor(url, number).here() as visitor:
            await ready.wait()
            said = [await visitor.say(tries=tries) for _ in range(turns)]
            for turn in said:
                turn.heard = turn.heard if turn.heard == turn.stored else f"(heard) {turn.heard}"
            return said

    return [turn for said in await asyncio.gather(*map(visit, range(visitors))) for turn in said]


def report(name: str, web_pid: int, turns: list[Turn], *, cpu: float, exact: int | None) -> None:
    firsts = [turn.first_s for turn in turns if turn.first_s is not None]
    tokens = sum(turn.tokens for turn in turns)
    refused = sum(bool(turn.refused) for turn in turns)
    same = sum(turn.heard == turn.stored and turn.state in ("complete", "cut_off") for turn in turns)
    print(
        f"{name}: {len(turns)} answers, heard as stored {same}"
        + ("" if exact is None else f", as the model sent {exact}")
        + f", refused at first {refused}; first token p50 {median(firsts) * 1000:.0f} ms,"
        f" p95 {percentile(firsts, 0.95) * 1000:.0f} ms; whole answer p95"
        f" {percentile([t.total_s for t in turns if t.total_s], 0.95):.1f} s; web {cpu:.2f} CPU s,"
        f" {1000 * cpu / max(1, tokens):.3f} s per 1,000 tokens, RSS {rss_mb(web_pid):.0f} MB; {machine()}",
        flush=True,
    )


def known_answers(turns: list[Turn], visitors: int, each: int) -> int:
    """How many are to the letter what the model sent to this very visitor."""
    nonces = [Visitor("http://nobody", number).nonce for number in range(visitors) for _ in range(each)]
    return sum(turn.stored == nonce_answer(nonce, WORDS) for turn, nonce in zip(turns, nonces, strict=True))


def scripted(levels: Sequence[int], turns: int, cap: int) -> None:
    with tempfile.TemporaryDirectory() as folder, scripted_model(Path(folder)) as model_url:
        pace = f"{1 / TOKEN_S:.0f} tokens/s a stream, {WORDS} tokens, {FIRST_S * 1000:.0f} ms to the first"
        print(f"scripted model: {pace}")
        with stack(model_url, answers_at_once=cap) as web:
            asyncio.run(round_of(web.url, 4, turns=1))  # the first ones find everything cold
            for visitors in levels:
                before = cpu_s(web.web_pid)
                said = asyncio.run(round_of(web.url, visitors, turns=turns))
                used = cpu_s(web.web_pid) - before
                exact = known_answers(said, visitors, turns)
                report(f"{visitors} visitors", web.web_pid, said, cpu=used, exact=exact)
            beyond = cap + cap // 4
            before = cpu_s(web.web_pid)
            said = asyncio.run(round_of(web.url, beyond, turns=1, tries=20))
            used = cpu_s(web.web_pid) - before
            exact = known_answers(said, beyond, 1)
            report(f"{beyond} visitors, {cap} let in", web.web_pid, said, cpu=used, exact=exact)
            told = {sentence for turn in said for sentence in turn.refused}
            most = max(len(turn.refused) for turn in said)
            print(f"told: {told or 'nothing'}; at most {most} refusals for one visitor")


def real(model_url: str, visitors: int, turns: int) -> None:
    with stack(model_url, reply_max_tokens=60) as web:
        asyncio.run(round_of(web.url, 2, turns=1))
        for number in (1, visitors):
            before = cpu_s(web.web_pid)
            said = asyncio.run(round_of(web.url, number, turns=turns))
            used = cpu_s(web.web_pid) - before
            report(f"{number} visitors, real model", web.web_pid, said, cpu=used, exact=None)


# --- overload --------------------------------------------------------------------------------------------------------


async def chat_rounds(url: str, visitors: int, rounds: int) -> list[float]:
    said = await round_of(url, visitors, turns=rounds)
    assert all(turn.state in ("complete", "cut_off") for turn in said), [turn.state for turn in said]
    return [turn.first_s for turn in said if turn.first_s is not None]


async def ask_for_feedbacks(url: str, count: int) -> list[tuple[Visitor, str]]:
    asked: list[tuple[Visitor, str]] = []
    for number in range(count):
        visitor = Visitor(url, 100 + number)
        async with visitor.here():
            await visitor.say()
            response = await visitor.client.post(f"/api/v1/conversations/{visitor.talk}/feedback")
            response.raise_for_status()
            asked.append((visitor, response.json()["id"]))
    return asked


def overload(model_url: str, feedbacks: int, chats: int, rounds: int) -> None:
    """Feedbacks of the model's own words and placing, which take it longest."""
    ways = {"feedback_words": "model", "feedback_samples": 1, "feedbacks_waiting": 1000}
    with stack(model_url, with_worker=True, reply_max_tokens=40, **ways) as running:
        asyncio.run(chat_rounds(running.url, 2, 1))
        alone = asyncio.run(chat_rounds(running.url, chats, rounds))

        async def both() -> list[float]:
            await ask_for_feedbacks(running.url, feedbacks)
            before = count_unfinished(running.folder)
            firsts = await chat_rounds(running.url, chats, rounds)
            after = count_unfinished(running.folder)
            print(f"feedbacks unfinished: {before} when chat began, {after} at its end")
            return firsts

        beside = asyncio.run(both())
    for name, values in (("chat alone", alone), (f"chat beside {feedbacks} feedbacks", beside)):
        p50, p95 = median(values), percentile(values, 0.95)
        print(f"{name}: {len(values)} answers, first token p50 {p50:.2f} s, p95 {p95:.2f} s")
    ratios = median(beside) / median(alone), percentile(beside, 0.95) / percentile(alone, 0.95)
    print(f"ratio: p50 {ratios[0]:.2f}, p95 {ratios[1]:.2f}; {machine()}")


def count_unfinished(folder: Path) -> int:
    with closing(sqlite3.connect(f"file:{folder / 'debrief.sqlite3'}?mode=ro", uri=True)) as connection:
        return connection.execute("select count(*) from feedback_jobs where finished_at is null").fetchone()[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--levels", type=int, nargs="+", default=[16, 32, 64])
    parser.add_argument("--turns", type=int, default=2, help="of each visitor")
    parser.add_argument("--cap", type=int, default=64, help="answers at once that the web process is told to allow")
    parser.add_argument("--real", metavar="URL", help="16 visitors against this model server instead")
    parser.add_argument("--overload", metavar="URL", help="chat beside feedbacks on this model server instead")
    parser.add_argument("--feedbacks", type=int, default=16)
    given = parser.parse_args()
    if given.overload:
        overload(given.overload, given.feedbacks, chats=4, rounds=given.turns)
    elif given.real:
        real(given.real, 16, given.turns)
    else:
        scripted(given.levels, given.turns, given.cap)


if __name__ == "__main__":
    main()

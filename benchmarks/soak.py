"""Minutes of steady traffic against web and worker: whether memory, files, threads and tasks grow with it.

    python -m benchmarks.soak --minutes 10 --visitors 12

Visitors come with a new cookie, open the page and a live stream, talk, stop an answer now and then, ask for feedback,
and leave, some in the middle of an answer; then another one comes. After a warm-up a straight line is fitted to the
resident memory over the answers so far; its slope is what a thousand answers cost, its standard error what that is
worth. The web process is the product's own, with a thread beside it that counts what it holds.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks.load import Visitor, cpu_s, machine, rss_mb, scripted_model, stack
from debrief.settings import read_settings

WARM_UP = 0.25
SAMPLE_S = 5.0
WORDS = 40
COUNTS = "counts.json"


@dataclass
class Traffic:
    """What the visitors did."""

    answers: int = 0
    visitors: int = 0
    feedbacks: int = 0
    left_early: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Sample:
    """How the processes were after so many answers. `held` is what the web process counted in itself."""

    seconds: float
    answers: int
    web_mb: float
    worker_mb: float
    web_files: int
    web_threads: int
    worker_files: int
    worker_threads: int
    held: dict[str, int]


# --- inside the web process ------------------------------------------------------------------------------------------


def serve() -> None:
    """The product's web process, writing into its data folder every few seconds what it holds."""
    from tasks.broker import Broker  # noqa: PLC0415  # only this process needs them
    from webapp.server import build_app, web_server  # noqa: PLC0415

    settings = read_settings()
    app = build_app(settings, ring=Broker(settings).ring)
    threading.Thread(target=_tell, args=(app, settings.data_dir / COUNTS), daemon=True).start()
    web_server(app, settings).run()


def _tell(app: Any, to: Path) -> None:
    while True:
        time.sleep(SAMPLE_S / 2)
        with suppress(RuntimeError):  # something changed its size while it was counted
            draft = to.with_suffix(".new")
            draft.write_text(json.dumps(_held(app.state.parts)))
            draft.replace(to)


def _held(parts: Any) -> dict[str, int]:
    hub, turns = parts.hub, parts.turns
    alive = Counter(type(thing).__name__ for thing in gc.get_objects())
    return {
        "streams": hub.stream_count,
        "listening visitors": len(hub._listeners),
        "answers in the hub": len(hub._answers),
        "runs": len(turns._runs),
        "tasks of turns": len(turns._tasks),
        "tasks": alive["Task"] + alive["_asyncio.Task"],
        "listeners alive": alive["Listener"],
        "answers alive": alive["LiveAnswer"],
        "frames alive": alive["Frame"],
        "objects": sum(alive.values()),
    }


# --- the traffic -----------------------------------------------------------------------------------------------------


async def visit(url: str, number: int, chance: random.Random, traffic: Traffic) -> None:
    """One visitor from coming to leaving."""
    visitor = Visitor(url, number)
    traffic.visitors += 1
    async with visitor.here():
        if chance.random() < 0.3:
            (await visitor.client.get("/")).raise_for_status()
        for _ in range(chance.randint(1, 4)):
            turn = await visitor.say()
            traffic.answers += 1
            if turn.heard != turn.stored or turn.state != "complete":
                traffic.wrong.append(f"{turn.state}, heard {len(turn.heard)}, stored {len(turn.stored)}")
        if chance.random() < 0.5:
            await ask_for_feedback(visitor, traffic)
        if chance.random() < 0.2:
            await leave_in_mid_answer(visitor, chance)
            traffic.left_early += 1
            traffic.answers += 1


async def ask_for_feedback(visitor: Visitor, traffic: Traffic) -> None:
    response = await visitor.client.post(f"/api/v1/conversations/{visitor.talk}/feedback")
    if response.status_code == 429:
        return
    response.raise_for_status()
    feedback_id = response.json()["id"]
    traffic.feedbacks += 1
    for _ in range(100):
        view = (await visitor.client.get(f"/api/v1/feedback/{feedback_id}")).json()
        if view["state"] not in ("queued", "running", "retry_wait"):
            return
        await asyncio.sleep(0.3)


async def leave_in_mid_answer(visitor: Visitor, chance: random.Random) -> None:
    words = {"text": "And what do you think?"}
    await visitor.client.post(f"/api/v1/conversations/{visitor.talk}/messages", json=words)
    await asyncio.sleep(0.3)
    if chance.random() < 0.5:
        await visitor.client.post(f"/api/v1/conversations/{visitor.talk}/stop")


async def come_and_go(url: str, seat: int, until: float, traffic: Traffic) -> None:
    chance = random.Random(seat)
    while time.monotonic() < until:
        try:
            await visit(url, seat, chance, traffic)
        except (httpx.HTTPError, TimeoutError) as error:
            traffic.wrong.append(f"{type(error).__name__}: {error}"[:200])
            await asyncio.sleep(1)


async def watch(running: Any, until: float, traffic: Traffic, samples: list[Sample]) -> None:
    began = time.monotonic()
    while time.monotonic() < until:
        await asyncio.sleep(SAMPLE_S)
        samples.append(take_sample(running, time.monotonic() - began, traffic.answers))


def take_sample(running: Any, seconds: float, answers: int) -> Sample:
    counts = running.folder / COUNTS
    return Sample(
        seconds,
        answers,
        rss_mb(running.web_pid),
        rss_mb(running.worker_pid),
        *_files_and_threads(running.web_pid),
        *_files_and_threads(running.worker_pid),
        json.loads(counts.read_text()) if counts.exists() else {},
    )


def _files_and_threads(pid: int) -> tuple[int, int]:
    of = Path(f"/proc/{pid}")
    return len(list((of / "fd").iterdir())), len(list((of / "task").iterdir()))


# --- the figures -----------------------------------------------------------------------------------------------------


def slope(xs: Sequence[float], ys: Sequence[float]) -> tuple[float, float]:
    """A straight line's slope by least squares, and its standard error."""
    n = len(xs)
    mean_x, mean_y = sum(xs) / n, sum(ys) / n
    spread = sum((x - mean_x) ** 2 for x in xs)
    found = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread
    left = sum((y - mean_y - found * (x - mean_x)) ** 2 for x, y in zip(xs, ys, strict=True))
    return found, (left / (n - 2) / spread) ** 0.5


def tell_slopes(samples: list[Sample]) -> None:
    kept = samples[int(WARM_UP * len(samples)) :]
    halves = kept[: len(kept) // 2], kept[len(kept) // 2 :]
    for name in ("web_mb", "worker_mb"):
        told = []
        for part in (kept, *halves):
            found, error = slope([s.answers / 1000 for s in part], [getattr(s, name) for s in part])
            told.append(f"{found:+.2f} ± {error:.2f}")
        first, last = getattr(kept[0], name), getattr(kept[-1], name)
        print(f"{name}: {first:.1f} to {last:.1f} MB; per 1,000 answers {told[0]} (halves {told[1]}, {told[2]})")
    for name in ("web_files", "web_threads", "worker_files", "worker_threads"):
        values = [getattr(sample, name) for sample in kept]
        print(f"{name}: {values[0]} first, {values[-1]} last, at most {max(values)}")
    for name in kept[-1].held:
        values = [sample.held.get(name, 0) for sample in kept]
        print(f"{name}: {values[0]} first, {values[-1]} last, at most {max(values)}")


async def drive(running: Any, visitors: int, minutes: float) -> tuple[Traffic, list[Sample]]:
    traffic, samples = Traffic(), []
    until = time.monotonic() + minutes * 60
    coming = [come_and_go(running.url, seat, until, traffic) for seat in range(visitors)]
    await asyncio.gather(watch(running, until, traffic, samples), *coming)
    return traffic, samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--visitors", type=int, default=12, help="at the same time")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve()
        return
    with tempfile.TemporaryDirectory() as folder, scripted_model(Path(folder), words=WORDS) as model_url:
        ways = {
            "feedback_words": "rubric",
            "feedback_placing": "model",
            "feedback_samples": 1,
            "answers_per_day_per_visitor": 0,
        }
        served = ("-m", "benchmarks.soak", "--serve")
        with stack(model_url, with_worker=True, web=served, **ways) as running:
            print(f"{given.minutes:g} minutes, {given.visitors} visitors at a time; {machine()}", flush=True)
            traffic, samples = asyncio.run(drive(running, given.visitors, given.minutes))
            time.sleep(2 * SAMPLE_S)
            samples.append(take_sample(running, samples[-1].seconds, traffic.answers))
            print(
                f"{traffic.visitors} visitors came, {traffic.answers} answers, {traffic.feedbacks} feedbacks,"
                f" {traffic.left_early} left in mid-answer, {len(traffic.wrong)} went wrong {traffic.wrong[:5]}"
            )
            print(f"web {cpu_s(running.web_pid):.0f} CPU s, worker {cpu_s(running.worker_pid or 0):.0f}; {machine()}")
            tell_slopes(samples)
            log = (running.folder / "web.log").read_text() + (running.folder / "worker.log").read_text()
            print(f"tracebacks in the logs: {log.count('Traceback')}")
            if log.count("Traceback"):
                print(log[log.index("Traceback") :][:3000], file=sys.stderr)


if __name__ == "__main__":
    main()

"""Score ways of making feedback on the gold talks: `make gold`, or

    python -m benchmarks.gold --ways likeness good random --write docs/gold.md

The model is the configured one (DEBRIEF_MODEL_URL and its relatives); where none is configured the packaged one is
started. Feedbacks are made by the product's own `write_feedback`; only record and browser are left out.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks.gold_table import SPLITS, cells_of, keep, put_between_markers, tables
from debrief.errors import DebriefError
from debrief.feedback import FeedbackBody
from debrief.ladder import AskModel, CountTokens
from debrief.manner import Likeness, Manner
from debrief.request import Ask
from debrief.settings import Settings
from debrief.versions import prompts_hash
from debrief.writing import write_feedback
from inference.client import ChatModel, Completion
from inference.likeness import open_likeness
from tasks.desk import ask_model
from tests.gold.pairs import Pair, make_pairs
from tests.gold.reviewers import GoodReviewer, RandomReviewer
from tests.gold.scoring import Made, Scores, edge_distance, score
from tests.gold.talks import FOLDER, GoldTalk, load_talks
from tests.vllm_server import packaged_model

KEPT = Path("test-output/gold.json")


@dataclass(frozen=True)
class Way:
    """One way of making feedback: who is asked, in which manner, and how often for one talk."""

    title: str
    manner: Manner
    reviewer: Callable[[GoldTalk, int], AskModel] | None = None
    asks_model: bool = True
    rounds: int = 1


WAYS: dict[str, Way] = {
    "written": Way("the model's words", Manner("written")),
    "model": Way("rubric's words, placed by the model", Manner("rubric", "model")),
    "likeness": Way("rubric's words, placed by likeness", Manner("rubric", "likeness"), asks_model=False),
    "good": Way("scripted good reviewer", Manner("written"), lambda talk, _: GoodReviewer(talk), asks_model=False),
    "random": Way("scripted random reviewer", Manner("written"), RandomReviewer, asks_model=False, rounds=20),
}


@dataclass
class Bench:
    """What making feedbacks needs, and a clock that ends it. `ask` is None where no model is wanted."""

    likeness: Likeness
    ask: AskModel | None = None
    count: CountTokens | None = None
    context_tokens: int = 32_768
    model: str = ""
    deadline: float = float("inf")
    seats: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(6))
    tells: bool = False

    async def make(self, way: Way, talk: GoldTalk, turn: int = 0) -> Made | None:
        """The feedback on a talk; None where the time was over before it began."""
        async with self.seats:
            if time.monotonic() > self.deadline:
                return None
            began = time.monotonic()
            made = await self._make(way, talk, turn)
            seconds = time.monotonic() - began
        made = Made(talk, made.body, made.partial, made.checks, made.lineage, seconds)
        if self.tells:
            print(line_about(made), flush=True)
        return made

    async def _make(self, way: Way, talk: GoldTalk, turn: int) -> Made:
        ask = way.reviewer(talk, turn) if way.reviewer else self.ask or _nobody
        try:
            written = await write_feedback(
                ask,
                talk.transcript,
                talk.scene,
                talk.language,
                way.manner,
                _unheard,
                likeness=self.likeness,
                context_tokens=32_768 if way.reviewer else self.context_tokens,
                count=None if way.reviewer else self.count,
                model=self.model,
            )
        except DebriefError as error:
            return Made(talk, None, lineage={"error": error.reason})
        is_whole = not written.partial and is_as_asked(written.body, way.manner)
        return Made(talk, written.body, not is_whole, tuple(written.checks), written.lineage)


async def score_way(
    bench: Bench, way: Way, talks: Mapping[str, GoldTalk], pairs: Sequence[Pair]
) -> tuple[dict[str, Scores], list[Made]]:
    """The scores of one way by split, and the feedbacks on the talks themselves."""
    turns = [bench.make(way, talk, turn) for turn in range(way.rounds) for talk in talks.values()]
    bases = [made for made in await asyncio.gather(*turns) if made]
    known = {made.talk.id: made for made in reversed(bases)}
    others = {t.id: t for pair in pairs for t in (pair.base, pair.changed) if t.id not in known}
    more = await asyncio.gather(*(bench.make(way, talk) for talk in others.values()))
    known |= {made.talk.id: made for made in more if made}
    both = [
        (pair, known[pair.base.id], known[pair.changed.id])
        for pair in pairs
        if pair.base.id in known and pair.changed.id in known
    ]
    scores = {
        split: score(
            [made for made in bases if split in ("all", made.talk.language)],
            [found for found in both if split in ("all", found[0].base.language)],
        )
        for split in SPLITS
    }
    return scores, bases


def is_as_asked(body: FeedbackBody, manner: Manner) -> bool:
    """Whether nothing had to be made in another way for want of something that the model wrote."""
    return body.way == manner.words and (manner.words == "written" or body.placed_by == manner.placing)


def line_about(made: Made) -> str:
    """One feedback on one line: each criterion's level beside its band, a star where it is outside."""
    found = [
        f"{key} {made.level(key) or made.status(key)}{'' if _is_right(made, key) else '*'} ({_band(made.talk, key)})"
        for key in made.talk.criteria
    ]
    state = "not made" if made.body is None else "partial" if made.partial else "whole"
    return f"{made.talk.id:40} {state:8} {made.seconds:6.1f} s  " + ", ".join(found)


def _is_right(made: Made, key: str) -> bool:
    truth, level = made.talk.criteria[key], made.level(key)
    if level is None:
        return truth.band is None or truth.may_be_unseen
    return truth.band is not None and edge_distance(level, truth.band) == 0


def _band(talk: GoldTalk, key: str) -> str:
    truth = talk.criteria[key]
    return f"{truth.band[0]}-{truth.band[1]}{'?' if truth.may_be_unseen else ''}" if truth.band else "unseen"


async def _nobody(_request: Ask) -> Completion:
    raise AssertionError("this way asks no model")


def _unheard(_progress: object) -> None:
    pass


# ---- from the command line ----


@contextmanager
def configured(ways: Sequence[str]) -> Iterator[Settings]:
    """The settings as `make run` would read them; the packaged model is started where it is meant and needed."""
    settings = Settings()
    if not settings.starts_own_model or not any(WAYS[way].asks_model for way in ways):
        yield settings
        return
    with tempfile.TemporaryDirectory() as folder, packaged_model(Path(folder) / "model.log") as url:
        yield settings.model_copy(update={"model_url": url})


async def run(given: argparse.Namespace, settings: Settings) -> None:
    talks = {t.id: t for t in load_talks().values() if t.held_out == given.held_out}
    pairs = [] if given.held_out else make_pairs(talks)
    model = ChatModel(settings, priority=10)
    bench = Bench(open_likeness(), seats=asyncio.Semaphore(given.at_once), tells=given.tell)
    if any(WAYS[way].asks_model for way in given.ways):
        info = await model.info()
        bench.ask, bench.count = partial(ask_model, model), model.count_tokens
        bench.context_tokens, bench.model = info.context_tokens, info.name
    for way in given.ways:
        bench.deadline = time.monotonic() + 60 * given.minutes
        scores, _ = await score_way(bench, WAYS[way], talks, pairs)
        cells = {split: _signed(cells_of(found), bench, WAYS[way], settings) for split, found in scores.items()}
        part = "held-out" if given.held_out else "open"
        columns = keep(given.kept, part, way, WAYS[way].title, cells)
        print(
            f"\n{WAYS[way].title}\n" + "\n".join(f"{row:46} {cell}" for row, cell in cells["all"].items()), flush=True
        )
        if given.write:
            put_between_markers(given.write, part, tables(columns))
    await model.aclose()


def _signed(cells: dict[str, str], bench: Bench, way: Way, settings: Settings) -> dict[str, str]:
    """The cells, and what they were measured with."""
    asked = "a script" if way.reviewer else bench.model if way.asks_model else bench.likeness.name
    talks = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(FOLDER.glob("*.toml")))).hexdigest()
    return cells | {
        "who": asked,
        "day": f"{datetime.now(UTC):%Y-%m-%d}",
        "prompts, talks": f"{prompts_hash()[:8]}, {talks[:8]}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--held-out", action="store_true", help="the frozen talks; once for each release")
    parser.add_argument("--minutes", type=float, default=30, help="for each way; the rest is left out")
    parser.add_argument("--at-once", type=int, default=6, help="feedbacks in the making at a time")
    parser.add_argument("--tell", action="store_true", help="a line for each feedback")
    parser.add_argument("--kept", type=Path, default=KEPT, help="where the figures of other ways are kept")
    parser.add_argument("--write", type=Path, help="document whose tables to renew, for example docs/gold.md")
    given = parser.parse_args()
    with configured(given.ways) as settings:
        asyncio.run(run(given, settings))


if __name__ == "__main__":
    main()

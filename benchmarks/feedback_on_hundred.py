"""A hundred talks in all scenarios, debriefed by a running model server: what came out, and what it cost.

    python -m benchmarks.feedback_on_hundred http://127.0.0.1:8800/v1 --ways written model likeness

The talks are the gold talks as they are, with orders to the reviewer added, cut to a single message, and joined to
longer ones of up to 120 messages; two in five are Korean. Record, job engine and checks are the product's own; only the
browser is left out. Ends with 1 when a feedback failed as a whole or a quote was not exact.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Any

from sqlalchemy import select

from benchmarks.gold_table import put_between_markers
from debrief.conversation import MessageState
from debrief.feedback import FeedbackBody, FeedbackView, JobState
from debrief.scenario import opening_line
from debrief.settings import Settings
from inference.client import ChatModel
from inference.likeness import open_likeness
from storage import answers, conversations, messages, turns
from storage.engine import Database
from storage.feedback import get_feedback, request_feedback
from storage.migrate import migrate
from storage.tables import FeedbackVersionRow
from tasks.desk import Desk
from tasks.feedback import make_feedback
from tests.gold.pairs import with_injection
from tests.gold.scoring import evidence_of
from tests.gold.talks import GoldTalk, TalkTurn, load_talks

ROOT = Path(__file__).parents[1]
VISITOR = "v_benchmark"
WAYS = {
    "written": {"feedback_words": "model"},
    "model": {"feedback_words": "rubric", "feedback_placing": "model"},
    "likeness": {"feedback_words": "rubric", "feedback_placing": "likeness"},
    "auto": {},
}
KINDS = (
    "as it is",
    "long",
    "as it is",
    "with an order",
    "long",
    "one message",
    "as it is",
    "long",
    "as it is",
    "short",
)
SHORTEST = {"en": ("ok", "hm, no idea", "?"), "ko": ("네", "글쎄요 잘 모르겠어요", "?")}
LENGTHS = (20, 40, 60, 80, 100, 120)
WAIT_S = 0.5


@dataclass(frozen=True)
class Planned:
    """A talk to be held: what is said, and what it was made of."""

    kind: str
    talk: GoldTalk
    turns: tuple[TalkTurn, ...]


@dataclass(frozen=True)
class Made:
    way: str
    planned: Planned
    view: FeedbackView
    body: FeedbackBody | None
    messages: int
    evidence: int
    exact: int
    seconds: float


def plan_talks(count: int, seed: int) -> list[Planned]:
    """Two talks in five are Korean; the gold talks take turns, and so do the kinds."""
    rng = random.Random(seed)
    gold = {language: [t for t in load_talks().values() if t.language == language] for language in ("en", "ko")}
    for talks in gold.values():
        rng.shuffle(talks)
    turns = {language: cycle(talks) for language, talks in gold.items()}
    planned = []
    for n in range(count):
        language = "ko" if n % 5 in (1, 3) else "en"
        talk = next(turns[language])
        kind = KINDS[n % len(KINDS)]
        planned.append(Planned(kind, talk, tuple(_turns(kind, talk, gold[language], rng))))
    rng.shuffle(planned)  # else a way, taking turns too, would always get the same kinds
    return planned


def _turns(kind: str, talk: GoldTalk, others: Sequence[GoldTalk], rng: random.Random) -> list[TalkTurn]:
    if kind == "with an order":
        return list(with_injection(talk).changed.turns)
    if kind == "one message":
        return [TalkTurn(visitor=rng.choice(SHORTEST[talk.language]))]
    if kind == "short":
        return list(talk.turns[:1])
    if kind == "long":
        return _joined(talk, others, rng.choice(LENGTHS) // 2, rng)
    return list(talk.turns)


def _joined(talk: GoldTalk, others: Iterable[GoldTalk], turns: int, rng: random.Random) -> list[TalkTurn]:
    """So many turns out of talks of the same scenario, one talk after the other; the last is not answered yet."""
    pool = [other for other in others if other.scenario == talk.scenario]
    found = list(talk.turns)
    while len(found) < turns:
        found += rng.choice(pool).turns
    return [*found[: turns - 1], TalkTurn(visitor=found[turns - 1].visitor)]


def hold(db: Database, planned: Planned) -> str:
    """Store the talk as if it had been held; its id."""
    gold, scenario = planned.talk, planned.talk.scene
    talk, _ = conversations.create_conversation(
        db,
        visitor_id=VISITOR,
        scenario_id=scenario.id,
        scenario_hash=scenario.hash,
        scenario_body=scenario.body(),
        language=gold.language,
        title=scenario.id,
        answers=gold.answers,
        opening=opening_line(scenario, gold.language, gold.answers),
    )
    for n, said in enumerate(planned.turns):
        turn = turns.start_turn(db, VISITOR, talk.id, said.visitor, f"r{n}", per_visitor_cap=9, total_cap=99)
        assert turn.writer_token
        state = MessageState.COMPLETE if said.persona else MessageState.ERROR
        answers.finish_answer(db, turn.answer.id, turn.writer_token, state=state, text=said.persona or "")
    return talk.id


async def debrief(desk: Desk, way: str, planned: Planned) -> Made:
    talk_id = await asyncio.to_thread(hold, desk.db, planned)
    began = time.monotonic()
    view, job_id = request_feedback(desk.db, VISITOR, talk_id, versions={"scenario": planned.talk.scene.hash})
    while job_id and not view.state.is_final:
        wait_s = await make_feedback(desk, job_id)
        view = get_feedback(desk.db, VISITOR, view.id)
        if not view.state.is_final:
            await asyncio.sleep(WAIT_S if wait_s is None else wait_s)
    said = {message.id: message for message in messages.list_messages(desk.db, talk_id)}
    body = stored_body(desk.db, view.id)
    quoted = list(evidence_of(body))
    exact = sum(
        said[found.message_id].role == "user" and said[found.message_id].text[found.start : found.end] == found.quote
        for found in quoted
        if found.message_id in said
    )
    return Made(
        way,
        planned,
        view,
        body,
        sum(bool(message.text) for message in said.values()),
        len(quoted),
        exact,
        time.monotonic() - began,
    )


def stored_body(db: Database, feedback_id: str) -> FeedbackBody | None:
    """What was written, also where it waits for a reviewer and its owner does not see it yet."""
    with db.read() as session:
        row = session.scalar(select(FeedbackVersionRow).where(FeedbackVersionRow.feedback_id == feedback_id))
        return FeedbackBody.model_validate(row.body) if row else None


async def run(given: argparse.Namespace) -> list[Made]:
    planned = plan_talks(given.count, given.seed)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            _env_file=None,
            data_dir=Path(folder),
            model_url=given.url,
            scenario_dir=ROOT / "scenarios",
            feedback_seats=given.at_once,
        )
        migrate(settings.database, backup_dir=None)
        db, model = Database(settings.database), ChatModel(settings, priority=10)
        likeness = open_likeness()
        desks = {
            way: Desk(settings.model_copy(update=WAYS[way]), db, model, f"k_{way}", lambda: None, likeness)
            for way in given.ways
        }
        seats = asyncio.Semaphore(given.at_once)

        async def one(n: int) -> Made:
            way = given.ways[n % len(given.ways)]
            async with seats:
                made = await debrief(desks[way], way, planned[n])
            print(line_about(made), flush=True)
            return made

        made = await asyncio.gather(*(one(n) for n in range(given.count)))
        await model.aclose()
        db.close()
    return list(made)


# ---- what came out ----


def line_about(made: Made) -> str:
    failed = sorted({check.name for check in made.view.checks if not check.passed})
    levels = [c.level or c.status for c in made.body.criteria] if made.body else "none"
    return (
        f"{made.way:8} {made.planned.talk.scenario:17} {made.planned.talk.language} {made.planned.kind:13} "
        f"{made.messages:3} messages  {made.view.state.value:9} {made.view.error_code or '':12} "
        f"evidence {made.exact}/{made.evidence}  levels {levels}  {made.seconds:.1f} s  failed: {failed or 'none'}"
    )


def summary(all_made: Sequence[Made]) -> str:
    """A Markdown table: all, then by language, by way and by length."""
    groups: dict[str, list[Made]] = {"all": list(all_made)}
    for made in all_made:
        groups.setdefault(made.planned.talk.language, []).append(made)
    for made in all_made:
        groups.setdefault(made.way, []).append(made)
    for made in all_made:
        groups.setdefault("over 40 messages" if made.messages > 40 else "up to 40 messages", []).append(made)
    columns = {name: dict(_measures(group)) for name, group in groups.items()}
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    lines += [f"| {row} | " + " | ".join(cells[row] for cells in columns.values()) + " |" for row in columns["all"]]
    return "\n".join(lines)


def _measures(group: Sequence[Made]) -> Iterator[tuple[str, str]]:
    states = Counter(made.view.state for made in group)
    reviewed = [made for made in group if made.body]
    criteria = [c for made in reviewed for c in made.body.criteria]
    lineages = [made.view.lineage for made in group if made.view.lineage]
    evidence = sum(made.evidence for made in group)
    yield "feedbacks", str(len(group))
    yield "messages", f"{min(made.messages for made in group)} to {max(made.messages for made in group)}"
    for state, name in _STATES.items():
        yield name, _part(states[state], len(group))
    yield "made without the model, though it was asked", str(sum(_fell_back(made) for made in reviewed))
    yield "criteria unscored", _part(sum(c.status == "unscored" for c in criteria), len(criteria))
    yield "criteria not observed", _part(sum(c.status == "not_observed" for c in criteria), len(criteria))
    yield "evidence exact", _part(sum(made.exact for made in group), evidence)
    yield (
        "messages covered",
        _part(sum(made.body.covered.messages for made in reviewed), sum(made.body.covered.of for made in reviewed)),
    )
    seconds = [made.seconds for made in group]
    yield "seconds, mean and median", f"{statistics.fmean(seconds):.1f}, {statistics.median(seconds):.1f}"
    yield "model calls, mean", f"{_mean(len(lineage.get('calls', ())) for lineage in lineages):.1f}"
    prompt, cached, written = (_sum(lineages, f"{kind}_tokens") for kind in ("prompt", "cached", "completion"))
    count = max(1, len(lineages))
    yield "tokens read, written, mean", f"{prompt / count:.0f}, {written / count:.0f}"
    yield "prefix cache", f"{100 * cached / prompt:.0f} %" if prompt else "–"


_STATES = {
    JobState.SUCCEEDED: "valid and whole",
    JobState.PARTIAL: "partial",
    JobState.SKIPPED: "said to be too short",
    JobState.FAILED: "failed",
}


def _fell_back(made: Made) -> bool:
    """Nothing that the model wrote could be used, so that likeness placed and the rubric worded."""
    return made.way in ("written", "model") and made.body is not None and made.body.placed_by == "likeness"


def _part(number: int, of: int) -> str:
    return f"{number} of {of} ({100 * number / of:.0f} %)" if of else "–"


def _sum(lineages: Iterable[dict[str, Any]], key: str) -> int:
    return sum(lineage.get(key) or 0 for lineage in lineages)


def _mean(numbers: Iterable[float]) -> float:
    found = list(numbers)
    return statistics.fmean(found) if found else 0.0


def _model(all_made: Sequence[Made]) -> str:
    return ", ".join(sorted({str(made.view.lineage["model"]) for made in all_made if made.view.lineage.get("model")}))


def complaints(all_made: Sequence[Made]) -> list[str]:
    """What must not be: a feedback that failed as a whole, a quote that is not what was said."""
    found = [f"failed: {line_about(made)}" for made in all_made if made.view.state is JobState.FAILED]
    return found + [f"not exact: {line_about(made)}" for made in all_made if made.exact != made.evidence]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=["auto"], help="they take turns")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=100, help="of the choice of talks")
    parser.add_argument("--at-once", type=int, default=6, help="feedbacks in the making at a time")
    parser.add_argument("--write", type=Path, help="document whose table to renew, for example docs/gold.md")
    made = asyncio.run(run(given := parser.parse_args()))
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    told = f"{given.count} feedbacks on {day}, {given.at_once} at a time, model {_model(made)}:\n\n{summary(made)}"
    print(f"\n{told}\n")
    if given.write:
        put_between_markers(given.write, "hundred", told)
    for complaint in (wrong := complaints(made)):
        print(complaint)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

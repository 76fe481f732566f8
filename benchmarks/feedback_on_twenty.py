"""Twenty talks in all scenarios, in English and Korean, debriefed by a running model server; how many were valid.

    python -m benchmarks.feedback_on_twenty http://127.0.0.1:8800/v1 --words rubric

What the visitors say is drawn from the rubrics' own good and bad examples, so each talk has something to find. The
record, the job engine and the checks are the product's own; only the browser is left out.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from debrief.conversation import MessageState
from debrief.feedback import FeedbackView
from debrief.placing import WordPieces
from debrief.scenario import Scenario, load_scenarios, opening_line
from debrief.settings import Settings
from inference.client import ChatModel
from storage import conversations
from storage.engine import Database
from storage.feedback import get_feedback, request_feedback
from storage.migrate import migrate
from tasks.desk import Desk
from tasks.feedback import make_feedback

ROOT = Path(__file__).parents[1]
VISITOR = "v_benchmark"
PROMPTS = {"en": "I see. Could you tell me more about that?", "ko": "그렇군요. 조금 더 말씀해 주시겠어요?"}


@dataclass
class Made:
    scenario: str
    language: str
    turns: int
    view: FeedbackView
    evidence: int
    exact: int


def hold_talk(db: Database, scenario: Scenario, language: str, turns: int, rng: random.Random) -> str:
    """A stored talk whose visitor says examples from the rubric; its id."""
    answers = {
        field.key: field.options[0].key if field.kind == "select" else "a small office" for field in scenario.form
    }
    talk, _ = conversations.create_conversation(
        db,
        visitor_id=VISITOR,
        scenario_id=scenario.id,
        scenario_hash=scenario.hash,
        scenario_body=scenario.body(),
        language=language,
        title=scenario.id,
        answers=answers,
        opening=opening_line(scenario, language, answers),
    )
    pool = [getattr(text, language) for c in scenario.rubric.criteria for text in (*c.good, *c.bad)]
    for n, text in enumerate(rng.sample(pool, turns)):
        turn = conversations.start_turn(db, VISITOR, talk.id, text, f"r{n}", per_visitor_cap=9, total_cap=99)
        assert turn.writer_token
        conversations.finish_answer(
            db, turn.answer.id, turn.writer_token, state=MessageState.COMPLETE, text=PROMPTS[language]
        )
    return talk.id


async def debrief(desk: Desk, conversation_id: str, scenario: Scenario, language: str, turns: int) -> Made:
    view, job_id = request_feedback(desk.db, VISITOR, conversation_id, versions={"scenario": scenario.hash})
    while job_id and (wait_s := await make_feedback(desk, job_id)) is not None:  # noqa: ASYNC110  # nothing rings here
        await asyncio.sleep(wait_s)
    view = get_feedback(desk.db, VISITOR, view.id)
    texts = {message.id: message for message in conversations.list_messages(desk.db, conversation_id)}
    shown = [] if view.body is None else view.body.criteria
    evidence = [found for criterion in shown for found in criterion.evidence]
    exact = sum(
        texts[found.message_id].role == "user" and texts[found.message_id].text[found.start : found.end] == found.quote
        for found in evidence
    )
    return Made(scenario.id, language, turns, view, len(evidence), exact)


async def run(url: str, words: str, count: int) -> list[Made]:
    rng = random.Random(20)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            _env_file=None, data_dir=Path(folder), model_url=url, feedback_words=words, scenario_dir=ROOT / "scenarios"
        )
        migrate(settings.database, backup_dir=None)
        db, model = Database(settings.database), ChatModel(settings, priority=10)
        desk = Desk(settings, db, model, "k_benchmark", lambda: None, WordPieces())
        scenarios = list(load_scenarios(settings.scenario_dir).values())
        made = []
        for n in range(count):
            scenario, language, turns = scenarios[n % len(scenarios)], "ko" if n % 5 == 4 else "en", 1 + n % 6
            talk = hold_talk(db, scenario, language, turns, rng)
            made.append(await debrief(desk, talk, scenario, language, turns))
            tell(made[-1])
        await model.aclose()
        db.close()
    return made


def tell(made: Made) -> None:
    body, failed = made.view.body, [check.name for check in made.view.checks if not check.passed]
    levels = [criterion.level or criterion.status for criterion in body.criteria] if body else "not shown"
    seconds = made.view.lineage.get("seconds", 0)
    print(
        f"{made.scenario:18} {made.language} {made.turns} turns  {made.view.state.value:9} {made.view.review_state:13} "
        f"evidence {made.exact}/{made.evidence}  levels {levels}  {seconds:.1f} s  failed checks: {failed or 'none'}"
    )


def summary(all_made: list[Made]) -> None:
    states = Counter(made.view.state.value for made in all_made)
    unscored = sum(c.status == "unscored" for m in all_made if m.view.body for c in m.view.body.criteria)
    criteria = sum(len(m.view.body.criteria) for m in all_made if m.view.body)
    seconds = [made.view.lineage.get("seconds", 0) for made in all_made]
    print(
        f"\n{len(all_made)} feedbacks: {dict(states)}; "
        f"evidence exact {sum(m.exact for m in all_made)} of {sum(m.evidence for m in all_made)}; "
        f"unscored {unscored} of {criteria} criteria; median {statistics.median(seconds):.1f} s"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--words", choices=("rubric", "model"), default="rubric")
    parser.add_argument("--count", type=int, default=20)
    given = parser.parse_args()
    summary(asyncio.run(run(given.url, given.words, given.count)))

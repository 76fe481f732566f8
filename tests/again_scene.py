"""Debriefs as the worker stores them, for talks that are tried again and compared: who said what, and its level."""

from collections.abc import Mapping
from typing import Any

from debrief.conversation import Conversation, Message
from debrief.feedback import Check, Coverage, CriterionResult, Evidence, FeedbackBody, Improvement
from debrief.scenario import Scenario
from storage import conversations, jobs, messages
from storage.engine import Database
from storage.feedback import request_feedback
from tests.factories import make_conversation, make_turn
from tests.job_scene import claim_this, interview

LINEAGE = {"rubric_hash": "r" * 64, "prompt_hash": "p" * 64, "schema_hash": "s" * 64, "model": "scripted"}
SAID = ("I led the rewrite.", "It was fine.", "I like your team.")


def make_interview(db: Database, *, said: tuple[str, ...] = SAID, **values: Any) -> Conversation:
    """A job interview of Olga's, in today's version of the scenario."""
    scenario = interview()
    talk = make_conversation(db, scenario_hash=scenario.hash, scenario_body=scenario.body(), **values)
    for n, text in enumerate(said, start=1):
        make_turn(db, talk, text=text, answer=f"Question {n}?")
    return conversations.get_conversation(db, talk.visitor_id, talk.id)


def own_messages(db: Database, talk_id: str) -> list[Message]:
    return [message for message in messages.list_path(db, talk_id) if message.role == "user"]


def make_body(
    db: Database, talk: Conversation, levels: Mapping[str, int | None], *, quoted: int = 1, way: Any = "rubric"
) -> FeedbackBody:
    """A debrief that quotes one thing that the visitor said for every criterion; level None: not observed."""
    said = own_messages(db, talk.id)[quoted]
    evidence = Evidence(message_id=said.id, start=0, end=len(said.text), quote=said.text)
    weakest = min((key for key, level in levels.items() if level), key=lambda key: levels[key] or 9, default=None)
    return FeedbackBody(
        language=talk.language,
        way=way,
        placed_by="model",
        criteria=[_result(interview(), key, level, evidence, talk.language) for key, level in levels.items()],
        improvements=[
            Improvement(
                criterion=weakest, problem="Nobody learns what you did.", rewrite="I cut the wait.", evidence=[evidence]
            )
        ]
        if weakest
        else [],
        next_step="Begin with the result.",
        summary=f"Levels {', '.join(str(level) for level in levels.values())}.",
        covered=Coverage(messages=3, of=3),
    )


def _result(scenario: Scenario, key: str, level: int | None, evidence: Evidence, language: str) -> CriterionResult:
    criterion = scenario.rubric.find(key)
    assert criterion
    name = criterion.name.to(language)
    if level is None:
        return CriterionResult(key=key, name=name, status="not_observed")
    anchor = criterion.anchor(level)
    return CriterionResult(
        key=key, name=name, status="scored", level=level, level_name=anchor.name.to(language),
        reason=anchor.text.to(language), evidence=[evidence],
    )  # fmt: skip


def make_debrief(
    db: Database,
    talk: Conversation,
    levels: Mapping[str, int | None] | None = None,
    *,
    release: Any = "checked",
    quoted: int = 1,
    lineage: Mapping[str, Any] | None = None,
    nonce: str = "",
) -> str:
    """Ask for a debrief of the talk and store it as the worker does; its id. `release` "hold" leaves it to a person."""
    view, job_id = request_feedback(db, talk.visitor_id, talk.id, versions={"rubric": "1"}, nonce=nonce)
    assert job_id
    claimed = claim_this(db, job_id)
    assert claimed
    body = make_body(db, talk, levels or {"examples": 2, "motive": 4}, quoted=quoted)
    assert jobs.store_result(
        db,
        claimed,
        body=body,
        checks=[Check(name="evidence_exact", passed=True)],
        partial=False,
        lineage={**LINEAGE, **(lineage or {})},
        release=release,
    )
    return view.id

"""What sounds like a rubric's examples is offered, and nothing else is said."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from debrief.conversation import Message, MessageState
from debrief.errors import FeedbackUnusable
from debrief.nearness import offers
from debrief.scenario import load_scenarios
from debrief.transcript import number_lines
from debrief.writing import write_feedback

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SCENARIOS = load_scenarios(Path(__file__).parents[2] / "scenarios")
INTERVIEW = SCENARIOS["job_interview"]


def said(*texts: str) -> list[Message]:
    return [
        Message(f"id{seq}", "c", seq, None, "user", text, MessageState.COMPLETE, NOW) for seq, text in enumerate(texts)
    ]


def write(ask, *texts, language="en"):
    path = number_lines(said(*texts))
    return asyncio.run(write_feedback(ask, path, INTERVIEW, language, "rubric", lambda progress: None))


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_a_rubrics_own_examples_are_offered_on_their_own_side(scenario, language):
    for criterion in scenario.rubric.criteria:
        for examples, levels in ((criterion.good, (3, 4)), (criterion.bad, (1, 2))):
            for example in examples:
                numbered = number_lines(said(example.to(language)))
                if numbered.choosable:
                    assert offers(scenario.rubric, numbered)[criterion.key].levels == levels


def test_what_sounds_like_no_example_is_not_placed_and_costs_no_call():
    async def never(request):
        raise AssertionError("nothing was to be asked")

    body = write(never, "Purple elephants juggle thermodynamics.").body
    assert {result.status for result in body.criteria} == {"not_observed"}
    assert "does not mean it was missing" in body.criteria[0].reason
    assert body.next_step.startswith("Ask yourself")


def test_a_small_model_can_choose_only_among_lines_that_lean_its_way():
    asked = []

    async def ask(request):
        asked.append(request)
        keys = request.schema["properties"]["criteria"]["properties"]
        answer = {
            key: {
                "evidence": shape["properties"]["evidence"]["items"]["enum"][:1],
                "level": shape["properties"]["level"]["enum"][-1],
            }
            for key, shape in keys.items()
        }
        return SimpleNamespace(
            text=json.dumps({"criteria": answer}),
            finish_reason="stop",
            prompt_tokens=1,
            completion_tokens=1,
            cached_tokens=0,
            seconds=0.1,
        )

    body = write(ask, "I'm motivated and a fast learner.", "I decided to call the supplier myself.").body
    found = {result.key: result for result in body.criteria if result.level}
    assert found["examples"].level == 2
    assert found["examples"].evidence[0].quote == "I'm motivated and a fast learner."
    assert found["own_part"].level == 4
    assert found["own_part"].evidence[0].quote == "I decided to call the supplier myself."


def test_a_level_that_was_not_offered_is_never_shown():
    async def ask(request):
        keys = request.schema["properties"]["criteria"]["properties"]
        answer = {key: {"evidence": ["m1.1"], "level": 5} for key in keys}
        return SimpleNamespace(
            text=json.dumps({"criteria": answer}),
            finish_reason="stop",
            prompt_tokens=None,
            completion_tokens=None,
            cached_tokens=None,
            seconds=0.1,
        )

    numbered = number_lines(said("I'm motivated and a fast learner.", "I decided to call the supplier myself."))
    assert offers(INTERVIEW.rubric, numbered)["examples"].levels == (1, 2)
    with pytest.raises(FeedbackUnusable):
        write(ask, "I'm motivated and a fast learner.", "I decided to call the supplier myself.")

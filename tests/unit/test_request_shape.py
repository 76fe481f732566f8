"""What the shape of an answer admits: a level only after a line; and where in the talk its quotes come from."""

import json
from dataclasses import replace

import pytest

from debrief.answer import read_answer
from debrief.conversation import Message, MessageState
from debrief.record import by_model, coverage
from debrief.request import LEVELS, NOT_OBSERVED, build_request
from debrief.transcript import number_lines
from tests.unit.test_checks_wired import NOW, plan


@pytest.mark.parametrize("asks", ["all", "levels"])
@pytest.mark.parametrize("words", ["written", "rubric"])
def test_no_level_is_admitted_before_or_without_a_line(words, asks):
    asking = replace(plan(), words=words, asks=asks)
    schema = build_request(asking, asking.parts, temperature=0, seed=None).schema
    for shape in schema["properties"]["criteria"]["properties"].values():
        for choice in shape.get("anyOf", [shape]):
            properties = choice["properties"]
            assert list(properties) == [key for key in ("evidence", "reason", "level") if key in properties]
            lines, levels = properties["evidence"], properties["level"]["enum"]
            assert lines["minItems"] >= 1 or levels == [NOT_OBSERVED]
            assert set(levels) <= {*LEVELS, NOT_OBSERVED}
            assert tuple(lines["items"]["enum"]) == asking.transcript.choosable


def test_the_rubric_comes_after_the_talk_so_that_every_call_shares_what_stands_before_it():
    asking = plan()
    prompt = build_request(asking, asking.parts, temperature=0, seed=None).messages[0]["content"]
    question = asking.scenario.rubric.criteria[0].question.en
    assert prompt.index("<transcript>") < prompt.index("</transcript>") < prompt.index(question)


@pytest.mark.parametrize(("label", "passes"), [("m1.1", False), ("m5.1", False), ("m7.1", True)])
def test_where_the_quotes_come_from_is_counted_in_the_visitors_messages(label, passes):
    said = [(("user", "assistant")[n % 2], f"I did the thing number {n} for them.") for n in range(16)]
    path = [
        Message(f"id{n}", "c", n, None, role, text, MessageState.COMPLETE, NOW) for n, (role, text) in enumerate(said)
    ]
    asking = replace(plan(), transcript=number_lines(path), words="rubric")
    answer = {"criteria": {key: {"evidence": [label], "level": 3} for key in asking.keys}}
    parts = read_answer(json.dumps(answer), "stop", asking, asking.parts)
    found = {check.name: check for check in by_model(asking, parts, [], coverage(range(1, 17), 16)).checks}
    assert found["evidence_spread"].passed is passes

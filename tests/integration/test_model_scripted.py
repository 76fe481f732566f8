"""The scripted model keeps its own promises, so that tests that lean on it prove something."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from inference.client import ChatModel
from tests.model_scene import HELLO, answer_of, level_of, with_model
from tests.schema_instances import UNDECIDED, an_instance
from tests.scripted_model import Script, ScriptedModel, is_structured, is_talk

REVIEW: dict[str, Any] = {
    "$defs": {"line": {"enum": ["m1.1", "m2.1", "m2.2"]}},
    "type": "object",
    "properties": {
        "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}, "minItems": 2, "maxItems": 3},
        "criteria": {
            "type": "array",
            "minItems": 1,
            "maxItems": 4,
            "items": {
                "type": "object",
                "properties": {
                    "reason": {"type": "string", "minLength": 20, "maxLength": 300},
                    "level": {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 5}, {"const": "not_observed"}]},
                },
                "required": ["reason", "level"],
                "additionalProperties": False,
            },
        },
        "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        "tag": {"type": "string", "maxLength": 3},
        "nothing": {"type": ["null", "string"]},
        "pair": {"type": "array", "prefixItems": [{"type": "boolean"}, {"type": "integer"}], "minItems": 2},
    },
    "required": ["lines", "criteria", "share", "tag", "nothing", "pair"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("full", [False, True])
def test_a_made_up_instance_keeps_to_its_schema(full: bool):
    instance = an_instance(REVIEW, full=full)
    jsonschema.validate(instance, REVIEW)
    assert instance["lines"][:2] == ["m1.1", "m2.1"]
    assert len(instance["criteria"]) == (4 if full else 1)


def test_single_places_can_be_chosen():
    def choose(place: str, schema: dict[str, Any]) -> object:
        return 5 if place.endswith(".level") else UNDECIDED

    instance = an_instance(REVIEW, choose=choose, full=True)
    assert [criterion["level"] for criterion in instance["criteria"]] == [5, 5, 5, 5]


@pytest.mark.parametrize("schema", [{"type": "string", "pattern": "^[0-9]+$"}, {"type": "integer", "multipleOf": 7}])
def test_what_the_generator_does_not_know_it_refuses(schema: dict[str, Any]):
    with pytest.raises(NotImplementedError):
        an_instance(schema)


def test_scripts_wait_for_the_request_that_wants_them(scripted_model: ScriptedModel):
    scripted_model.enqueue('{"level": 3}', when=is_structured)
    scripted_model.enqueue("One.", Script("Two."), when=is_talk)

    async def ask(model: ChatModel) -> list[str]:
        return [await answer_of(model), (await level_of(model)).text, await answer_of(model), await answer_of(model)]

    said = with_model(scripted_model.url, ask)
    assert said[:3] == ["One.", '{"level": 3}', "Two."]
    assert "Hello, who are you?" in said[3]
    assert [chat.schema_name for chat in scripted_model.chats] == ["", "level", "", ""]


def test_it_counts_who_finished_and_who_left(scripted_model: ScriptedModel):
    scripted_model.token_delay_s = 0.01

    async def ask(model: ChatModel) -> None:
        await answer_of(model)
        async with model.stream_reply(HELLO, max_tokens=64, temperature=0) as reply:
            await anext(reply)

    with_model(scripted_model.url, ask)
    scripted_model.wait_for(lambda server: server.active == 0)
    assert (scripted_model.finished, scripted_model.cancelled, scripted_model.peak_active) == (1, 1, 1)

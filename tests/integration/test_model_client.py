"""What the model client gives: answers in pieces, structured output, what the server tells, how it is."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from debrief.errors import ConfigError, ModelRefused, ModelUnavailable
from debrief.prompts import TemplateRules
from debrief.settings import Settings
from inference.client import ChatModel, ModelInfo, ModelState
from inference.probe import estimate_tokens
from tests.model_scene import HELLO, LEVEL_SCHEMA, answer_of, level_of, with_model
from tests.scripted_model import EMPTY, ONLY_REASONING, Script, ScriptedModel


def info_of(server: ScriptedModel, **settings: object) -> ModelInfo:
    return with_model(server.url, ChatModel.info, **settings)


# --- answers ---------------------------------------------------------------------------------------------------------


def test_an_answer_arrives_in_pieces_with_how_it_ended(scripted_model: ScriptedModel):
    scripted_model.enqueue("Good morning to you, Olga.")
    scripted_model.token_delay_s = 0.02

    async def read(model: ChatModel) -> None:
        async with model.stream_reply(HELLO, max_tokens=64, temperature=0.5, seed=7) as reply:
            pieces = [piece async for piece in reply]
        assert pieces == ["Good", " morning", " to", " you,", " Olga."]
        assert (reply.finish_reason, reply.prompt_tokens, reply.completion_tokens) == ("stop", 12, 5)

    with_model(scripted_model.url, read, model_seeds="on")
    sent = scripted_model.chats[0].body
    assert sent["messages"] == HELLO
    assert (sent["max_tokens"], sent["temperature"], sent["seed"]) == (64, 0.5, 7)


def test_no_seed_is_sent_unless_the_operator_vouches_for_the_server(scripted_model: ScriptedModel):
    async def read(model: ChatModel) -> None:
        async with model.stream_reply(HELLO, max_tokens=64, temperature=None, seed=7) as reply:
            assert [piece async for piece in reply]
        await model.complete_structured(
            HELLO, schema={"type": "object"}, schema_name="any", max_tokens=64, temperature=0.5, seed=7
        )

    with_model(scripted_model.url, read)
    assert not [chat.body for chat in scripted_model.chats if "seed" in chat.body]
    assert "temperature" not in scripted_model.chats[0].body


def test_a_cut_answer_says_so(scripted_model: ScriptedModel):
    async def read(model: ChatModel) -> None:
        async with model.stream_reply(HELLO, max_tokens=3, temperature=0) as reply:
            assert "".join([piece async for piece in reply]) == "You said “Hello,"
        assert reply.finish_reason == "length"

    with_model(scripted_model.url, read)


@pytest.mark.parametrize("script", [EMPTY, ONLY_REASONING], ids=["empty", "only reasoning"])
def test_an_answer_without_words_is_empty_and_complete(scripted_model: ScriptedModel, script: Script):
    scripted_model.enqueue(script)

    async def read(model: ChatModel) -> None:
        async with model.stream_reply(HELLO, max_tokens=64, temperature=0) as reply:
            assert [piece async for piece in reply] == []
        assert reply.finish_reason == "stop"

    with_model(scripted_model.url, read)


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_reasoning_that_the_server_tells_apart_is_never_given_out(scripted_model: ScriptedModel, field: str):
    scripted_model.enqueue(Script("Blue.", reasoning="The sky is blue.", reasoning_field=field))
    assert with_model(scripted_model.url, answer_of) == "Blue."


@pytest.mark.parametrize("write_bytes", [None, 1])
def test_reasoning_between_tags_is_never_given_out(scripted_model: ScriptedModel, write_bytes: int | None):
    pieces = ["<th", "ink>", "The sky", " is blue.</thi", "nk>\n\n", "Blue, 1 < 2", "."]
    scripted_model.enqueue(Script(pieces=pieces, write_bytes=write_bytes))
    assert with_model(scripted_model.url, answer_of) == "Blue, 1 < 2."


def test_reasoning_that_the_prompt_itself_opens_is_never_given_out(scripted_model: ScriptedModel):
    scripted_model.prompt_end = "<|assistant|><think>\n"
    scripted_model.enqueue("The sky is blue.</think>\n\nBlue.", Script("Blue.", reasoning="Told apart."))

    async def read(model: ChatModel) -> None:
        assert [await answer_of(model), await answer_of(model)] == ["Blue.", "Blue."]

    with_model(scripted_model.url, read)


def test_sixteen_answers_at_once_never_cross(scripted_model: ScriptedModel):
    scripted_model.echo_nonce = True
    scripted_model.token_delay_s = 0.05

    async def read(model: ChatModel) -> None:
        nonces = [f"nonce-{number:02}a" for number in range(16)]
        questions = [[{"role": "user", "content": f"Say {nonce}"}] for nonce in nonces]
        answers = await asyncio.gather(*(answer_of(model, question) for question in questions))
        assert [set(answer.split()) for answer in answers] == [{nonce} for nonce in nonces]

    with_model(scripted_model.url, read)
    assert scripted_model.peak_active == 16


def test_answers_one_after_another_use_one_connection(scripted_model: ScriptedModel):
    async def read(model: ChatModel) -> None:
        for _ in range(5):
            await answer_of(model)

    with_model(scripted_model.url, read)
    assert scripted_model.connections == 1


@pytest.mark.parametrize(("setting", "sent"), [("on", 10), ("off", None), ("auto", None)])
def test_a_priority_goes_only_to_a_server_that_heeds_it(scripted_model: ScriptedModel, setting: str, sent: int | None):
    async def ask(model: ChatModel) -> None:
        await answer_of(model)
        await level_of(model)

    with_model(scripted_model.url, ask, priority=10, model_priority=setting)
    assert [chat.body.get("priority") for chat in scripted_model.chats] == [sent, sent]


def test_the_key_is_sent_and_other_programs_settings_are_not(
    scripted_model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("OPENAI_ORG_ID", "somebody")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "something")
    scripted_model.api_key = "sesame"
    assert with_model(scripted_model.url, answer_of, model_api_key="sesame")
    assert not [name for name in scripted_model.chats[0].headers if name in ("openai-organization", "openai-project")]


# --- structured output -----------------------------------------------------------------------------------------------


def test_structured_output_sends_the_schema_and_returns_the_text(scripted_model: ScriptedModel):
    scripted_model.enqueue(Script('{"reason": "You asked first.", "level": 4}', cached_tokens=8))
    completion = with_model(scripted_model.url, level_of)
    assert json.loads(completion.text) == {"reason": "You asked first.", "level": 4}
    assert (completion.finish_reason, completion.prompt_tokens, completion.cached_tokens) == ("stop", 12, 8)
    assert 0 < completion.seconds < 60
    sent = scripted_model.chats[0].body["response_format"]
    assert sent == {
        "type": "json_schema",
        "json_schema": {"name": "level", "schema": LEVEL_SCHEMA, "strict": True},
    }


@pytest.mark.parametrize("text", ["<think>Hm.</think>\n{}", "Hm.</think>{}", "{}"])
def test_structured_output_comes_without_the_thoughts(scripted_model: ScriptedModel, text: str):
    scripted_model.enqueue(text)
    assert with_model(scripted_model.url, level_of).text == "{}"


def test_tags_inside_structured_output_are_left_alone(scripted_model: ScriptedModel):
    said = '{"reason": "You wrote </think> and <think>.", "level": 3}'
    scripted_model.enqueue(said)
    assert with_model(scripted_model.url, level_of).text == said


# --- what the server tells -------------------------------------------------------------------------------------------


def test_the_server_tells_name_context_and_template(scripted_model: ScriptedModel):
    free = TemplateRules(takes_system=True, takes_assistant_first=True, takes_continuation=True)
    assert info_of(scripted_model) == ModelInfo("scripted", 4096, True, free)


@pytest.mark.parametrize("takes_system", [True, False])
@pytest.mark.parametrize("takes_assistant_first", [True, False])
def test_what_a_template_refuses_is_found_out(
    scripted_model: ScriptedModel, takes_system: bool, takes_assistant_first: bool
):
    scripted_model.takes_system = takes_system
    scripted_model.takes_assistant_first = takes_assistant_first
    assert info_of(scripted_model).template == TemplateRules(
        takes_system, takes_assistant_first, takes_continuation=True
    )


def test_a_template_that_swallows_the_system_message_counts_as_refusing_it(scripted_model: ScriptedModel):
    scripted_model.swallows_system = True
    assert info_of(scripted_model).template == TemplateRules(False, takes_assistant_first=True, takes_continuation=True)


def test_a_server_that_drops_the_wish_to_go_on_counts_as_not_taking_it(scripted_model: ScriptedModel):
    scripted_model.goes_on = False
    assert not info_of(scripted_model).template.takes_continuation


def test_a_server_without_a_tokenizer_is_treated_with_care(scripted_model: ScriptedModel):
    scripted_model.has_tokenize = False

    async def ask(model: ChatModel) -> None:
        info = await model.info()
        assert info == ModelInfo("scripted", 4096, False, TemplateRules(False, False))
        assert await model.count_tokens(HELLO) == estimate_tokens(HELLO)

    with_model(scripted_model.url, ask)


def test_tokens_are_counted_by_the_server(scripted_model: ScriptedModel):
    async def ask(model: ChatModel) -> int:
        return await model.count_tokens(HELLO)

    assert with_model(scripted_model.url, ask) == 12


def test_a_model_that_the_server_lacks_is_refused_by_name(scripted_model: ScriptedModel):
    with pytest.raises(ModelRefused) as caught:
        info_of(scripted_model, model="mistral-7b")
    assert 'no model called "mistral-7b", but: scripted' in caught.value.sentence("en")


@pytest.mark.parametrize(("configured", "context"), [(0, 4096), (1000, 1000), (9000, 4096)])
def test_the_smaller_context_length_counts(scripted_model: ScriptedModel, configured: int, context: int):
    assert info_of(scripted_model, model_context_tokens=configured).context_tokens == context


def test_a_context_length_that_nobody_knows_is_asked_for(scripted_model: ScriptedModel):
    scripted_model.tells_context = False
    assert info_of(scripted_model, model_context_tokens=2000).context_tokens == 2000
    with pytest.raises(ModelRefused) as caught:
        info_of(scripted_model)
    assert "DEBRIEF_MODEL_CONTEXT_TOKENS" in caught.value.sentence("en")


def test_who_asks_at_the_same_time_shares_one_question(scripted_model: ScriptedModel):
    async def ask(model: ChatModel) -> None:
        asking = [asyncio.create_task(model.info()) for _ in range(16)]
        await asyncio.sleep(0)
        asking[0].cancel()
        answers = await asyncio.gather(*asking[1:])
        assert len(set(answers)) == 1

    with_model(scripted_model.url, ask)
    assert [request.path for request in scripted_model.requests].count("/v1/models") == 1


def test_a_server_that_came_back_with_another_model_is_asked_again(scripted_model: ScriptedModel):
    async def ask(model: ChatModel) -> None:
        assert (await model.info()).name == "scripted"
        scripted_model.model = "successor"
        with pytest.raises(ModelRefused):
            await answer_of(model)
        assert (await model.info()).name == "successor"
        assert await answer_of(model)

    with_model(scripted_model.url, ask)


@pytest.mark.parametrize("url", ["http://[::1/v1", "http://127.0.0.1:99999/v1"])
def test_an_address_that_is_none_is_a_mistake_in_the_settings(url: str):
    with pytest.raises(ConfigError, match="DEBRIEF_MODEL_URL"):
        ChatModel(Settings(_env_file=None, model_url=url), priority=0)


def test_a_key_that_cannot_be_sent_is_a_mistake_in_the_settings():
    settings = Settings(_env_file=None, model_url="http://127.0.0.1:9/v1", model_api_key="열쇠\n")
    with pytest.raises(ConfigError, match="DEBRIEF_MODEL_API_KEY") as caught:
        ChatModel(settings, priority=0)
    assert "열쇠" not in str(caught.value)


# --- how it is -------------------------------------------------------------------------------------------------------


def test_a_model_is_starting_then_ready_then_down():
    async def look(model: ChatModel) -> list[ModelState]:
        seen = [await fresh_state(model)]
        server.come_up()
        seen.append(await fresh_state(model))
        server.go_down()
        seen.append(await fresh_state(model))
        return seen

    with ScriptedModel(up=False) as server:
        seen = with_model(server.url, look)
    assert [state.state for state in seen] == ["starting", "ready", "down"]


def test_our_own_model_is_starting_again_after_it_was_lost():
    """The supervisor starts it again, so a visitor is told to wait and not to give up."""

    async def look(model: ChatModel) -> list[ModelState]:
        seen = [await fresh_state(model)]
        server.go_down()
        return [*seen, await fresh_state(model)]

    with ScriptedModel() as server:
        port = int(server.url.removesuffix("/v1").rsplit(":", 1)[1])
        seen = with_model("", look, model_port=port)
    assert [state.state for state in seen] == ["ready", "starting"]


def test_a_model_that_is_too_busy_to_say_so_is_still_ready(scripted_model: ScriptedModel):
    async def look(model: ChatModel) -> None:
        assert (await model.state()).state == "ready"
        scripted_model.hangs = True
        assert (await fresh_state(model)).state == "ready"

    with_model(scripted_model.url, look, connect_timeout_s=0.3)


async def fresh_state(model: ChatModel) -> ModelState:
    await asyncio.sleep(1.05)  # longer than a state is kept
    return await model.state()


def test_the_state_is_cheap_and_counts_its_seconds(scripted_model: ScriptedModel):
    async def look(model: ChatModel) -> None:
        states = [await model.state() for _ in range(50)]
        await asyncio.sleep(0.1)
        assert (await model.state()).since_s >= 0.1
        assert {state.state for state in states} == {"ready"}

    with_model(scripted_model.url, look)
    assert len(scripted_model.requests) == 1


def test_a_lost_model_is_noticed_without_waiting(scripted_model: ScriptedModel):
    async def look(model: ChatModel) -> None:
        assert (await model.state()).state == "ready"
        await answer_of(model)
        scripted_model.go_down()
        with pytest.raises(ModelUnavailable):
            await answer_of(model)
        assert (await model.state()).state == "down"

    with_model(scripted_model.url, look)


def test_a_wrong_name_is_told_at_once_and_not_as_starting(scripted_model: ScriptedModel):
    state = with_model(scripted_model.url, ChatModel.state, model="mistral-7b")
    assert (state.state, state.detail) == ("down", 'it has no model called "mistral-7b", but: scripted')


def test_a_server_that_hangs_makes_nobody_wait_in_line(scripted_model: ScriptedModel):
    scripted_model.hangs = True

    async def look(model: ChatModel) -> None:
        began = time.monotonic()
        states = await asyncio.gather(*(model.state() for _ in range(8)))
        assert {state.state for state in states} == {"starting"}
        assert time.monotonic() - began < 18, "one after another would take 20 s"

    with_model(scripted_model.url, look, connect_timeout_s=2.5)
    assert len(scripted_model.requests) == 1

"""A talk as messages: what each family of chat templates takes."""

import asyncio
import itertools
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import jinja2
import pytest
from hypothesis import given, strategies as st

from debrief.conversation import Conversation, Message, MessageState
from debrief.errors import PromptTooLong
from debrief.prompts import TemplateRules, chat_messages, trim
from debrief.scenario import load_scenario

NOW = datetime(2026, 11, 22, tzinfo=UTC)
INTERVIEW = load_scenario(Path(__file__).parents[2] / "scenarios" / "job_interview.toml")

# The checks of the templates that these families ship (Mistral-7B-Instruct-v0.2, gemma-2-it, ChatML of SmolLM2),
# as in their tokenizer_config.json.
MISTRAL = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token }}"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if (message['role'] == 'assistant') %}{% set role = 'model' %}"
    "{% else %}{% set role = message['role'] %}{% endif %}"
    "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"
)
# Mistral-7B-Instruct-v0.3 and later 7Bs: a system message first is taken, but then the user must speak.
SYSTEM_THEN_USER = (
    "{% if messages[0]['role'] == 'system' %}{{ messages[0]['content'] }}"
    "{% set messages = messages[1:] %}{% endif %}"
    "{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('After the optional system message, conversation roles must alternate') }}{% endif %}"
    "{{ message['content'] }}{% endfor %}"
)
CHATML = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content']"
    " + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
STRICT = TemplateRules(takes_system=False, takes_assistant_first=False)
FREE = TemplateRules(takes_system=True, takes_assistant_first=True)
FAMILIES = [
    (MISTRAL, STRICT),
    (GEMMA, STRICT),
    (SYSTEM_THEN_USER, TemplateRules(takes_system=True, takes_assistant_first=False)),
    (CHATML, FREE),
]


class Refused(Exception):
    pass


def render(template: str, messages: list[dict[str, str]]) -> str:
    def raise_exception(reason: str) -> None:
        raise Refused(reason)

    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)  # as transformers sets it
    environment.globals["raise_exception"] = raise_exception
    return environment.from_string(template).render(
        messages=messages, bos_token="<s>", eos_token="</s>", add_generation_prompt=True
    )


def talk(language: str = "en") -> Conversation:
    return Conversation("c", "olga", INTERVIEW.id, INTERVIEW.hash, language, "", {}, None, NOW, NOW)


def path(*said: tuple[str, str] | tuple[str, str, MessageState]) -> list[Message]:
    messages = []
    for seq, (role, text, *state) in enumerate(said):
        parent = f"id{seq - 1}" if seq else None
        standing = state[0] if state else MessageState.COMPLETE
        messages.append(Message(f"id{seq}", "c", seq, parent, role, text, standing, NOW))
    return messages


def ask(said: list[Message], rules: TemplateRules, language: str = "en") -> list[dict[str, str]]:
    return chat_messages(INTERVIEW, talk(language), said, rules)


OPENING = ("assistant", "Hello, I'm Dana.")


@pytest.mark.parametrize(("template", "rules"), FAMILIES)
def test_each_template_takes_the_talk_and_all_of_it_arrives(template, rules):
    said = path(OPENING, ("user", "Hi, I'm Olga."), ("assistant", "Tell me more."), ("user", "I baked bread."))
    prompt = render(template, ask(said, rules))
    order = [prompt.index(part) for part in ("You are Dana", "Hello, I'm Dana.", "Hi, I'm Olga.", "I baked bread.")]
    assert order == sorted(order)


@pytest.mark.parametrize(("template", "rules"), FAMILIES)
@pytest.mark.parametrize(
    "broken",
    [
        ("assistant", "", MessageState.ERROR),
        ("assistant", "Half of an ans", MessageState.ERROR),
        ("assistant", "   ", MessageState.STOPPED),
        ("assistant", "", MessageState.INTERRUPTED),
        ("assistant", "", MessageState.COMPLETE),
    ],
)
def test_a_failed_or_empty_answer_never_breaks_the_order(template, rules, broken):
    said = path(OPENING, ("user", "First."), broken, ("user", "Second."), ("assistant", "", MessageState.RUNNING))
    messages = ask(said, rules)
    assert render(template, messages)
    assert messages[-1]["role"] == "user"
    assert messages[-1]["content"].endswith("First.\n\nSecond.")
    assert "Half of an ans" not in messages[-1]["content"]


@pytest.mark.parametrize("state", [MessageState.STOPPED, MessageState.INTERRUPTED, MessageState.CUT_OFF])
def test_what_had_been_said_before_a_stop_stays(state):
    said = path(OPENING, ("user", "First."), ("assistant", "Well, I", state), ("user", "Second."))
    assert {"role": "assistant", "content": "Well, I"} in ask(said, FREE)


def test_a_template_without_system_gets_persona_and_opening_in_the_first_message():
    messages = ask(path(OPENING, ("user", "Hi."), ("assistant", "Good."), ("user", "Yes.")), STRICT)
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert "You are Dana" in messages[0]["content"]
    assert "Hello, I'm Dana." in messages[0]["content"]
    assert messages[0]["content"].endswith("Hi.")


def test_a_template_that_takes_everything_gets_the_talk_as_it_was():
    messages = ask(path(OPENING, ("user", "Hi.")), FREE)
    assert [message["role"] for message in messages] == ["system", "assistant", "user"]


def test_the_visitors_newest_words_come_last_even_when_an_answer_exists():
    said = path(OPENING, ("user", "Hi."), ("assistant", "An answer that is being tried again."))
    assert ask(said, FREE)[-1] == {"role": "user", "content": "Hi."}


def test_a_korean_talk_is_prompted_in_korean():
    assert "당신은 윤서진" in ask(path(OPENING, ("user", "안녕하세요.")), FREE, "ko")[0]["content"]


TURNS = st.lists(
    st.tuples(
        st.sampled_from(["user", "assistant"]),
        st.sampled_from(["", " ", "Yes.", "Because $5 {{ x }} is little."]),
        st.sampled_from(list(MessageState)),
    ),
    max_size=12,
)


@given(turns=TURNS)
def test_no_order_of_messages_is_refused_by_any_template(turns):
    said = path(OPENING, *turns, ("user", "Last."))
    for template, rules in FAMILIES:
        messages = ask(said, rules)
        assert render(template, messages)
        assert messages[-1]["role"] == "user"
        assert messages[-1]["content"].endswith("Last.")
        roles = [message["role"] for message in messages]
        assert all(first != second for first, second in itertools.pairwise(roles))


# ---- trimming ----


async def count_words(messages: list[dict[str, str]]) -> int:
    return sum(len(message["content"].split()) for message in messages)


def long_talk(turns: int) -> list[Message]:
    pairs = [(("user", f"u{number} " + "word " * 9), ("assistant", "word " * 10)) for number in range(turns)]
    return path(OPENING, *itertools.chain(*pairs), ("user", "the newest"))


def fit(said: list[Message], budget: int, count=count_words):
    build = partial(chat_messages, INTERVIEW, talk(), rules=FREE)
    return asyncio.run(trim(said, build, count, budget))


def test_a_talk_that_fits_is_left_whole():
    assert fit(long_talk(5), 10_000).left_out == ()


@pytest.mark.parametrize("budget", range(200, 700, 23))
def test_the_oldest_whole_turns_go_and_no_more_than_needed(budget):
    said = long_talk(20)
    fitted = fit(said, budget)
    assert fitted.tokens <= budget
    assert fitted.left_out == tuple(message.id for message in said[: len(fitted.left_out)])
    first_kept = said[len(fitted.left_out)]
    assert first_kept.role == "user" or first_kept.seq == 0
    if fitted.left_out:
        one_more = 1 if len(fitted.left_out) == 1 else 2
        more = ask(said[len(fitted.left_out) - one_more :], FREE)
        assert asyncio.run(count_words(more)) > budget
    assert fitted.messages[-1]["content"] == "the newest"


def test_a_long_talk_is_counted_few_times():
    counted = []

    async def count(messages):
        counted.append(1)
        return await count_words(messages)

    fit(long_talk(120), 400, count)
    assert len(counted) <= 9


def test_a_newest_message_that_cannot_fit_is_said_to_be_too_long():
    with pytest.raises(PromptTooLong):
        fit(long_talk(3), 20)

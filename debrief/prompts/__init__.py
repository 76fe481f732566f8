"""The words sent to a model, and the order they are sent in.

The texts are Markdown files in this folder with `$placeholders`, one a language. Here a talk becomes messages that the
model's chat template accepts: Mistral's and Gemma's refuse a system message, an assistant who speaks first, or two of
a kind in a row. Counting tokens is the caller's; how to make a talk fit is `trim`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template

from debrief.conversation import Conversation, Message, MessageState
from debrief.errors import PromptTooLong
from debrief.scenario import Scenario, persona_prompt
from debrief.texts import LANGUAGES

ChatMessages = list[dict[str, str]]
_FOLDER = Path(__file__).parent
_UNSAID = (MessageState.RUNNING, MessageState.ERROR)
"""Answers that count as not said: one not finished, one that failed."""


@dataclass(frozen=True)
class TemplateRules:
    """What the model's chat template accepts. Two of a kind in a row are never sent, whatever it accepts."""

    takes_system: bool
    takes_assistant_first: bool
    takes_continuation: bool = False
    """The server can have the model go on with an answer's own words; else it has to be told to."""


@dataclass(frozen=True)
class Trimmed:
    """A talk that fits: the messages to send and the ids of the oldest messages that had to stay out."""

    messages: ChatMessages
    left_out: tuple[str, ...]
    tokens: int


@cache
def prompt_text(name: str, language: str) -> str:
    """The text of `<name>.<language>.md`; English when there is none in that language."""
    known = language if language in LANGUAGES else "en"
    return (_FOLDER / f"{name}.{known}.md").read_text("utf-8").strip()


def fill(prompt: str, language: str, /, **values: object) -> str:
    """A prompt with its placeholders filled.

    Raises:
        KeyError: a placeholder has no value.
    """
    return Template(prompt_text(prompt, language)).substitute({key: str(value) for key, value in values.items()})


def chat_messages(
    scenario: Scenario, conversation: Conversation, path: Sequence[Message], rules: TemplateRules
) -> ChatMessages:
    """The talk as the model is to read it: the persona, then visitor and persona in turn, the visitor last.

    Failed, running and empty answers are left out; what was stopped or interrupted stays as far as it came. Where the
    template takes no system message, the persona stands at the head of the visitor's first message. `path` runs from
    the root, or from where `trim` cut, to the leaf.
    """
    language = conversation.language
    system = fill(
        "persona",
        language,
        name=scenario.persona.name.to(language),
        role=scenario.persona.role.to(language),
        part=persona_prompt(scenario, language, conversation.answers),
    )
    talk = _alternating(path)
    if talk and talk[0]["role"] == "assistant" and not (rules.takes_assistant_first and rules.takes_system):
        system = f"{system}\n\n{fill('opened', language, line=talk[0]['content'])}"
        talk = talk[1:]
    if rules.takes_system:
        return [{"role": "system", "content": system}, *talk]
    if not talk:
        return [{"role": "user", "content": system}]
    head = fill("folded", language, system=system, text=talk[0]["content"])
    return [{"role": "user", "content": head}, *talk[1:]]


def to_go_on(messages: ChatMessages, begun: str, language: str, rules: TemplateRules) -> ChatMessages:
    """A prompt after which the model goes on with an answer that it has begun.

    Where the server cannot go on by itself, an instruction of ours ends the prompt. It is said to the model only: in
    the talk nobody said it, so that it is never reviewed as the visitor's words.
    """
    answer = {"role": "assistant", "content": begun}
    if rules.takes_continuation:
        return [*messages, answer]
    return [*messages, answer, {"role": "user", "content": prompt_text("go_on", language)}]


async def trim(
    path: Sequence[Message],
    build: Callable[[Sequence[Message]], ChatMessages],
    count: Callable[[ChatMessages], Awaitable[int]],
    budget: int,
) -> Trimmed:
    """Leave out the oldest whole turns until the prompt fits.

    Args:
        path: the messages from the root to the leaf.
        build: makes a prompt of a part of the path, such as `chat_messages` with the rest filled in.
        count: how many tokens a prompt takes. Asked about log2(turns) times.
        budget: tokens that the prompt may take.

    Raises:
        PromptTooLong: the newest turn alone does not fit.
    """
    starts = _turn_starts(path)

    async def attempt(turns_out: int) -> Trimmed:
        kept = path[starts[turns_out] :]
        messages = build(kept)
        left_out = tuple(message.id for message in path[: len(path) - len(kept)])
        return Trimmed(messages, left_out, await count(messages))

    low, high = 0, len(starts) - 1
    best = await attempt(low)
    if best.tokens <= budget:
        return best
    best = await attempt(high)
    if best.tokens > budget:
        raise PromptTooLong
    while low + 1 < high:
        middle = (low + high) // 2
        tried = await attempt(middle)
        if tried.tokens <= budget:
            best, high = tried, middle
        else:
            low = middle
    return best


def _alternating(path: Sequence[Message]) -> ChatMessages:
    """What was said, two of a kind in a row joined, ending with the visitor's newest words."""
    talk: ChatMessages = []
    for message in path:
        if not message.text.strip() or (message.role == "assistant" and message.state in _UNSAID):
            continue
        if talk and talk[-1]["role"] == message.role:
            talk[-1]["content"] += f"\n\n{message.text}"
        else:
            talk.append({"role": message.role, "content": message.text})
    while len(talk) > 1 and talk[-1]["role"] == "assistant":
        talk.pop()
    return talk


def _turn_starts(path: Sequence[Message]) -> list[int]:
    """Where each turn begins: at 0 (the opening line) and at each message of the visitor."""
    return [index for index, message in enumerate(path) if index == 0 or message.role == "user"]

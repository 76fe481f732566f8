"""What the tests of the writing share: short talks, a model with scripted answers, and ones that pass every check."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from debrief.conversation import Message, MessageState
from debrief.manner import Manner
from debrief.placing import WordPieces
from debrief.request import Ask
from debrief.scenario import load_scenario
from debrief.transcript import number_lines
from debrief.writing import write_feedback

NOW = datetime(2026, 11, 22, tzinfo=UTC)
INTERVIEW = load_scenario(Path(__file__).parents[1] / "scenarios" / "job_interview.toml")
KEYS = [criterion.key for criterion in INTERVIEW.rubric.criteria]
TALK = [
    ("assistant", "Hello, I'm Dana."),
    ("user", "I ran a hotel desk alone. A bus came four hours early."),
    ("assistant", "And then?"),
    ("user", "I called the cleaners myself. Everyone had a room by noon."),
]
KOREAN_TALK = [
    ("assistant", "안녕하세요."),
    ("user", "호텔 프런트를 혼자 보았습니다. 버스가 네 시간 일찍 왔습니다."),
    ("assistant", "그래서요?"),
    ("user", "제가 청소팀에 직접 전화했습니다."),
]
PROSE = {
    "en": [
        "You put the listener right behind that desk, and it made the story easy to follow.",
        "Calling the cleaners was your own idea, and everybody could hear that.",
        "Your answers came at once, so nobody had to ask a second time.",
        "Why this hotel and no other stayed open, and Dana may have wondered.",
        "The bus that came early is a picture that stays with people.",
        "How many rooms there were would have shown how much that was.",
        "Next time, add one figure to each story you tell.",
        "A real morning at a real desk carried this talk. One figure more, and nobody would doubt it.",
    ],
    "ko": [
        "그 장면이 눈앞에 보이듯 말씀하셔서 듣는 사람이 쉽게 따라올 수 있었습니다.",
        "청소팀에 전화한 것이 본인의 생각이었다는 점이 또렷하게 들렸습니다.",
        "묻자마자 답하셔서 다시 물을 필요가 없었습니다.",
        "왜 하필 이 호텔이었는지는 끝내 알 수 없어 궁금했을 것입니다.",
        "버스가 일찍 왔다는 대목은 오래 기억에 남을 만합니다.",
        "방이 몇 개였는지 덧붙였다면 얼마나 큰일이었는지 느껴졌을 것입니다.",
        "다음에는 이야기마다 숫자를 하나씩 넣어 보세요.",
        "실제로 겪은 아침 이야기가 대화를 이끌었습니다. 숫자 하나만 더하면 누구나 믿을 것입니다.",
    ],
}


@dataclass
class Reply:
    text: str
    finish_reason: str | None = "stop"
    prompt_tokens: int | None = 100
    completion_tokens: int | None = 20
    cached_tokens: int | None = 50
    seconds: float = 0.1


@dataclass
class Model:
    """Gives its replies in turn, the last one for ever, and keeps what it was asked."""

    replies: list[object]
    asked: list[Ask] = field(default_factory=list)

    async def __call__(self, request: Ask) -> Reply:
        self.asked.append(request)
        reply = self.replies[min(len(self.asked), len(self.replies)) - 1]
        reply = reply(request) if callable(reply) else reply
        return reply if isinstance(reply, Reply) else Reply(json.dumps(reply, ensure_ascii=False))


def path(said=TALK) -> list[Message]:
    return [
        Message(f"id{seq}", "c", seq, None, role, text, MessageState.COMPLETE, NOW)
        for seq, (role, text) in enumerate(said)
    ]


def write(ask, said=TALK, language="en", way="rubric", progress=None, **options):
    options = {"context_tokens": 32_768, "likeness": WordPieces(), "seed": 1} | options
    manner = Manner(way) if isinstance(way, str) else way
    report = (progress if progress is not None else []).append
    return asyncio.run(write_feedback(ask, number_lines(path(said)), INTERVIEW, language, manner, report, **options))


def verdicts(*levels, lines=("m2.1",), **more) -> dict:
    return {key: {"evidence": list(lines), **more, "level": level} for key, level in zip(KEYS, levels, strict=False)}


def closing(language="en", **changes) -> dict:
    why, problem, step, summary = PROSE[language][4:]
    rewrite = "I rang three cleaners at six." if language == "en" else "여섯 시에 청소팀 세 분께 연락을 드렸습니다."
    whole = {
        "strengths": [{"evidence": ["m2.2"], "why": why}],
        "improvements": [{"criterion": "own_part", "evidence": ["m4.1"], "problem": problem, "rewrite": rewrite}],
        "next_step": step,
        "summary": summary,
    }
    return whole | changes


def written(language="en", **changes) -> dict:
    reasoned = {
        key: {"evidence": ["m2.1"], "reason": reason, "level": level}
        for key, reason, level in zip(KEYS, PROSE[language][:4], (2, 3, 4, 5), strict=True)
    }
    return {"criteria": reasoned} | closing(language, **changes)


def wanted(request: Ask) -> list[str]:
    return list(request.schema["properties"]["criteria"]["properties"])


def offered(request: Ask) -> list[str]:
    return next(node["enum"] for node in nodes(request.schema) if str(node.get("enum", [""])[0]).startswith("m"))


def nodes(schema: object):
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from nodes(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from nodes(value)

"""Reviewers that are no model, to see the scoring work: one answers from a talk's truth, one picks at random.

Each is an `ask` for `write_feedback`. They know nothing of how a request is worded or which parts it asks for: they
walk through the JSON schema of the answer and fill it, so that whatever may be chosen there is chosen by them.
"""

from __future__ import annotations

import json
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from debrief.languages import same_language
from debrief.request import NOT_OBSERVED, Ask
from tests.gold.talks import GoldTalk, Truth

Schema = dict[str, Any]
PROSE = {
    "en": (
        "A listener can picture this moment, which makes the rest easy to believe.",
        "Here the other person has to guess, so the thought does not quite arrive.",
        "Next time, take a breath and say the one thing that only you could know.",
        "Some moments of this talk carried it well, while others asked for more care.",
        "Your partner got something to hold on to and could build upon it at once.",
        "It stays open what this meant for you, and that is what people remember.",
        "The tone was friendly from start to end, whatever the answer was.",
        "One more sentence of background would have spared a question later.",
        "What you chose to mention first shows where your attention was.",
        "This went by so quickly that its weight was easy to miss.",
        "You stayed with the thought until it was finished, without hurry.",
        "Somebody who was not there would not know what to make of it.",
        "That turn changed the mood for the better, and both of you felt it.",
        "A small detour, but one that led away from what mattered.",
    ),
    "ko": (
        "듣는 사람이 그 순간을 떠올릴 수 있어서 나머지 이야기도 믿음이 갑니다.",
        "여기서는 상대가 짐작해야 해서 생각이 온전히 전해지지 않았습니다.",
        "다음에는 숨을 한번 고르고 본인만 알 만한 이야기를 하나 보태 보세요.",
        "어떤 순간은 대화를 잘 이끌었고, 어떤 순간은 조금 더 마음을 써도 좋겠습니다.",
        "상대가 붙잡을 실마리를 얻어 곧바로 말을 이어 갈 수 있었습니다.",
        "그 일이 어떤 의미였는지는 열려 있는데, 사람들은 바로 그 점을 기억합니다.",
        "대답이 무엇이든 말투는 처음부터 끝까지 다정했습니다.",
        "배경을 한마디만 더했더라면 나중의 물음 하나를 덜었을 것입니다.",
        "무엇을 먼저 꺼냈는지에서 관심이 어디에 있었는지 보입니다.",
        "너무 빨리 지나가서 그 무게를 놓치기 쉬웠습니다.",
        "서두르지 않고 생각이 끝날 때까지 머물렀습니다.",
        "그 자리에 없던 사람이라면 어떻게 받아들일지 몰랐을 것입니다.",
        "그 한마디로 분위기가 나아졌고 두 사람 모두 그것을 느꼈습니다.",
        "작은 샛길이었지만 중요한 것에서 멀어지게 했습니다.",
    ),
}
"""More sentences than a feedback has fields, as the same one twice is found by a check."""
REWRITES = {
    "en": "Let me put that once more, slowly and with the detail that counts.",
    "ko": "그 부분은 가장 중요한 이야기를 넣어서 천천히 다시 말씀드릴게요.",
    "de": "Ich sage das noch einmal langsam und mit dem, was mir wichtig ist.",
    "es": "Lo digo otra vez, despacio y con el detalle que es importante para mí.",
    "ja": "もう一度、大切なことを入れてゆっくり話します。",
}


@dataclass
class ReviewerAnswer:
    """An answer as the model's client gives it."""

    text: str
    finish_reason: str | None = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    seconds: float = 0.0


class _Reviewer(ABC):
    """Fills the schema of each request; what is chosen is the subclass's."""

    def __init__(self, talk: GoldTalk) -> None:
        self.talk = talk
        self.asked = 0
        self._quoted: list[str] = []
        self._prose_pool = cycle(PROSE[talk.language])

    async def __call__(self, request: Ask) -> ReviewerAnswer:
        self.asked += 1
        return ReviewerAnswer(json.dumps(self._fill(request.schema, None, ""), ensure_ascii=False))

    def _fill(self, schema: Schema, key: str | None, name: str) -> Any:
        """A value for `schema`; `key` is the criterion that it is about, `name` that of the property."""
        if choices := schema.get("anyOf") or schema.get("oneOf"):
            return self._fill(self.branch(choices, key), key, name)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.one_of(schema["enum"], key, name)
        if schema["type"] == "object":
            return self._object(schema["properties"], key, name)
        if schema["type"] == "array":
            return self._array(schema, key, name)
        if schema["type"] == "string":
            return self._prose(schema, name)
        return schema.get("minimum", 0)

    def _object(self, properties: dict[str, Schema], key: str | None, name: str) -> dict[str, Any]:
        if choice := properties.get("criterion"):
            key = self.one_of(choice["enum"], None, name)
        filled: dict[str, Any] = {}
        for field, schema in properties.items():
            about = field if field in self.talk.criteria else key
            filled[field] = key if field == "criterion" else self._fill(schema, about, f"{name}.{field}")
        return filled

    def _array(self, schema: Schema, key: str | None, name: str) -> list[Any]:
        least, most = schema.get("minItems", 0), schema.get("maxItems", 2)
        if "enum" in schema["items"]:
            self._quoted = self.lines(schema["items"]["enum"], least, most, key, name)
            return self._quoted
        return [self._fill(schema["items"], key, name) for _ in range(least)]

    def _prose(self, schema: Schema, name: str) -> str:
        text = self._rewrite() if name.endswith("rewrite") else next(self._prose_pool)
        while len(text) < schema.get("minLength", 0):
            text += " " + next(self._prose_pool)
        return text[: schema.get("maxLength", len(text))]

    def _rewrite(self) -> str:
        """In the language of the lines that were just quoted: a learner is not answered in another one."""
        said = " ".join(self.talk.transcript.lines[label].text for label in self._quoted)
        return next((text for text in REWRITES.values() if same_language(text, said)), REWRITES["en"])

    @abstractmethod
    def branch(self, choices: Sequence[Schema], key: str | None) -> Schema: ...

    @abstractmethod
    def one_of(self, values: Sequence[Any], key: str | None, name: str) -> Any: ...

    @abstractmethod
    def lines(self, labels: Sequence[str], least: int, most: int, key: str | None, name: str) -> list[str]: ...


class GoodReviewer(_Reviewer):
    """Answers from the truth: the planted lines, the middle of the band, "not observed" where nothing is planted."""

    def branch(self, choices: Sequence[Schema], key: str | None) -> Schema:
        """The one whose level is the right one."""
        levels = [choice.get("properties", {}).get("level", {}).get("enum", []) for choice in choices]
        wanted = self._level(key)
        return next((choice for choice, known in zip(choices, levels, strict=True) if wanted in known), choices[0])

    def one_of(self, values: Sequence[Any], key: str | None, name: str) -> Any:
        if key is None:
            return self._weakest([value for value in values if value in self.talk.criteria]) or values[0]
        wanted = self._level(key)
        numbers = [value for value in values if isinstance(value, int)]
        if wanted in values or not numbers:
            return wanted if wanted in values else values[0]
        return min(numbers, key=lambda value: abs(value - (1 if wanted == NOT_OBSERVED else int(wanted))))

    def lines(self, labels: Sequence[str], least: int, most: int, key: str | None, name: str) -> list[str]:
        if key is not None:
            truth = self._truth(key)
            middle = truth.middle or 1
            planted = (*truth.good, *truth.bad) if middle > 2 else (*truth.bad, *truth.good)
        else:
            planted = tuple(line for truth in self.talk.criteria.values() for line in truth.good)
        wanted = [label for label in self.talk.labels(planted) if label in labels][:most]
        return wanted if len(wanted) >= least else [*wanted, *(x for x in labels if x not in wanted)][:least]

    def _truth(self, key: str | None) -> Truth:
        return self.talk.criteria.get(key or "", Truth())

    def _level(self, key: str | None) -> int | str:
        truth = self._truth(key)
        return truth.middle if truth.middle is not None and truth.lines else NOT_OBSERVED

    def _weakest(self, keys: Sequence[str]) -> str | None:
        with_lines = [key for key in keys if self.talk.criteria[key].lines]
        return min(with_lines or keys, key=lambda key: self.talk.criteria[key].middle or 6, default=None)


class RandomReviewer(_Reviewer):
    """Picks whatever the schema admits; the same talk and seed give the same picks."""

    def __init__(self, talk: GoldTalk, seed: int = 0) -> None:
        super().__init__(talk)
        self._rng = random.Random(f"{talk.id} {seed}")

    def branch(self, choices: Sequence[Schema], key: str | None) -> Schema:
        """As likely as there are levels in it: one in six says "not observed"."""
        weights = [len(choice.get("properties", {}).get("level", {}).get("enum", [0])) for choice in choices]
        return self._rng.choices(choices, weights)[0]

    def one_of(self, values: Sequence[Any], key: str | None, name: str) -> Any:
        return self._rng.choice(values)

    def lines(self, labels: Sequence[str], least: int, most: int, key: str | None, name: str) -> list[str]:
        most = min(most, len(labels))
        return self._rng.sample(list(labels), self._rng.randint(min(max(least, 1), most), most)) if most else []

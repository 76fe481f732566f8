"""What the documentation says of refusals is what people read."""

import re
from pathlib import Path

import pytest

from debrief.texts import Wait, say

ROOT = Path(__file__).parents[2]
VALUES = {
    "too_many_messages": {"limit": 20, "wait_s": 3},
    "too_many_answers": {"limit": 4},
    "too_busy": {"wait": Wait(5)},
    "answers_spent": {"limit": 400, "wait": Wait(5 * 3600)},
    "answers_spent_by_all": {"wait": Wait(5 * 3600)},
    "feedbacks_waiting": {"limit": 5},
    "feedbacks_waiting_of_all": {"wait": Wait(60)},
    "feedbacks_spent": {"limit": 50, "wait": Wait(5 * 3600)},
    "feedbacks_spent_by_all": {"wait": Wait(5 * 3600)},
}


@pytest.mark.parametrize("code", VALUES)
def test_a_refusals_sentence_in_the_docs_is_the_programs(code: str):
    quoted = re.findall(r'\| "([^"|]*)" \|', (ROOT / "docs" / "reliability.md").read_text("utf-8"))
    sentence = say(f"error.{code}", "en", **VALUES[code])
    assert any(sentence.startswith(words.removesuffix("…")) for words in quoted), sentence
    assert f"`{code}`" in (ROOT / "docs" / "api.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 second"),
        (90, "90 seconds"),
        (91, "2 minutes"),
        (5401, "2 hours"),
        (48 * 3600, "48 hours"),
        (601 * 3600, "26 days"),
    ],
)
def test_a_wait_is_rounded_up_and_said_in_the_unit_that_people_use(seconds: float, words: str):
    assert Wait(seconds).words("en") == words

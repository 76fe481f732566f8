"""Each check notices what it is for, and lets the rest pass."""

import pytest

from debrief import checks
from debrief.feedback import Evidence

TEXTS = {"m": "I baked bread. It was good."}
RIGHT = Evidence(message_id="m", start=0, end=14, quote="I baked bread.")
GOOD = "You told your partner when it happened and who was there, so the scene was easy to see."
KOREAN = "언제 누구와 있었던 일인지 말씀하셔서 장면이 잘 그려졌습니다."


def test_exact_evidence_passes():
    assert checks.evidence_exact([RIGHT], TEXTS).passed
    assert checks.evidence_is_own([RIGHT], TEXTS).passed


@pytest.mark.parametrize(("start", "end"), [(1, 14), (0, 13), (0, 15), (1, 15)])
def test_a_span_that_is_off_by_one_is_noticed(start, end):
    shifted = RIGHT.model_copy(update={"start": start, "end": end})
    assert not checks.evidence_exact([RIGHT, shifted], TEXTS).passed


def test_what_the_persona_said_is_nobodys_evidence():
    assert not checks.evidence_is_own([RIGHT.model_copy(update={"message_id": "theirs"})], TEXTS).passed


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
def test_a_level_needs_a_line(level):
    assert not checks.levels_backed(level, []).passed
    assert checks.levels_backed(level, [RIGHT]).passed
    assert checks.levels_backed(None, []).passed


@pytest.mark.parametrize(
    ("text", "language", "passes"),
    [
        (GOOD, "en", True),
        (KOREAN, "ko", True),
        (GOOD, "ko", False),
        (KOREAN, "en", False),
        ('"Let\'s see"라고 하신 말이 조금 막연하게 들렸습니다.', "ko", True),
        ('You said "네" where a sentence would have helped.', "en", True),
        ("12 / 34", "en", False),
        ("", "ko", False),
    ],
)
def test_the_words_are_in_the_readers_language(text, language, passes):
    assert checks.language_matches(text, language).passed is passes


@pytest.mark.parametrize(
    ("text", "language"),
    [(GOOD, "en"), (KOREAN, "ko"), ("こんにちは、元気ですか。", None), ("12", None), ("Ça va bien", "en")],
)
def test_the_script_tells_the_language_or_nothing(text, language):
    assert checks.language_of(text) == language


def test_a_rewrite_that_only_changes_a_comma_is_none():
    assert not checks.rewrite_differs("i baked, bread!", "I baked bread.").passed
    assert checks.rewrite_differs("I baked forty loaves by six.", "I baked bread.").passed


@pytest.mark.parametrize(
    "text",
    [
        "You did well and you did well and you did well and so on.",
        "good talk " * 6,
        "정말 잘 하셨고 정말 잘 하셨고 정말 잘 하셨고 좋았습니다.",
    ],
)
def test_a_loop_is_noticed(text):
    assert not checks.no_repetition(text).passed
    assert checks.no_repetition(GOOD).passed
    assert checks.no_repetition(KOREAN).passed


@pytest.mark.parametrize("text", ["As m2.1 shows, you told it well.", "See m12·3 for this."])
def test_a_line_number_in_prose_is_an_echo(text):
    assert not checks.no_echo(text, [], "en").passed


def test_the_rubrics_own_sentence_is_an_echo():
    anchor = "You told a real situation with its setting and its difficulty, so that it could be followed."
    assert not checks.no_echo(f"Indeed: {anchor.lower()}", [anchor], "en").passed
    assert not checks.no_echo(f"네, {KOREAN}", [KOREAN], "ko").passed
    assert checks.no_echo(GOOD, [anchor], "en").passed


def test_two_words_explain_nothing():
    assert not checks.min_words("Very good.", 4).passed
    assert checks.min_words(GOOD, 4).passed


@pytest.mark.parametrize("reason", ["length", None, "content_filter"])
def test_what_did_not_end_by_itself_is_not_finished(reason):
    assert not checks.finished(reason).passed
    assert checks.finished("stop").passed


def test_flagged_lines_are_named():
    assert checks.no_injection([]).passed
    assert checks.no_injection({"m4.2", "m2.1"}).where == "m2.1, m4.2"

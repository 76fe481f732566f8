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


def test_a_review_in_french_is_not_english_though_the_script_is_the_same():
    assert not checks.language_matches("Vous avez bien commencé et c'est une bonne idée pour la suite.", "en").passed
    quoting = 'Saying "je ne sais pas mais je vais le faire" showed them that you would try.'
    assert checks.language_matches(quoting, "en").passed


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


def test_a_loop_is_noticed_among_many_other_words_and_few_words_without_a_loop():
    among = f"{GOOD} You did well there. {KOREAN} You did well with them, and later you did well alone."
    assert not checks.no_repetition(among).passed
    assert not checks.no_repetition(
        "Good talk, kind voice, kind talk, good voice, voice kind, talk good, kind good."
    ).passed


def test_a_quote_in_other_letters_is_no_quote():
    assert not checks.evidence_exact([RIGHT.model_copy(update={"quote": "i baked bread."})], TEXTS).passed


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
    assert not checks.no_injection({"m4.2", "m2.1"}).passed


def test_a_rewrite_is_in_the_language_of_its_quote():
    assert not checks.rewrite_language("네, 오늘 처리해 드리겠습니다.", "I will see what I can do.").passed
    assert not checks.rewrite_language(
        "I went to the market with my sister.", "Yo fui a la playa con mi hermana."
    ).passed
    assert checks.rewrite_language("Yo fui al mercado con mi hermana y comí.", "Yo fui a la playa con ella.").passed
    assert checks.rewrite_language("네, 오늘 오후 세 시까지 하겠습니다.", "네, 알겠습니다.").passed


def test_what_was_said_elsewhere_in_the_talk_is_no_new_wording():
    talk = ["I baked bread.", "How many loaves did you bake?"]
    assert not checks.rewrite_is_new("how many loaves did you bake", talk).passed
    assert checks.rewrite_is_new("I baked forty loaves by six.", talk).passed


def test_a_figure_that_nobody_said_is_worth_a_look_but_holds_nothing_back():
    check = checks.rewrite_adds_no_numbers("I called 30 customers.", "I called the customers.")
    assert (check.passed, check.warning, check.is_fault) == (False, True, False)
    assert checks.rewrite_adds_no_numbers("I called 30 customers.", "We had 30 of them.").passed


@pytest.mark.parametrize(
    "text",
    [
        "Next time write to anna.smith@example.org before you call.",
        "제 번호는 010-1234-5678이니 전화 주세요.",
        "You can find it at https://example.org/how right away.",
        "Your order 20261122 was late.",
    ],
)
def test_addresses_and_numbers_that_nobody_said_are_noticed(text):
    assert not checks.no_personal_data_invented(text, "I called you twice.").passed
    assert checks.no_personal_data_invented(text, f"I said: {text}").passed


def test_small_figures_are_no_personal_data():
    assert checks.no_personal_data_invented("Wait 2 or 3 seconds, then answer in 1 sentence, at 10:30.", "").passed


def test_the_same_advice_twice_is_noticed():
    assert not checks.said_once(
        "You named the day, which helped them!", ["You named the day, which helped them."]
    ).passed
    assert checks.said_once("You named the day, which helped them.", [GOOD]).passed


def test_a_level_before_its_reason_is_out_of_order():
    order = ("evidence", "reason", "level")
    assert not checks.written_in_order(["level", "evidence", "reason"], order).passed
    assert checks.written_in_order(["evidence", "level"], order).passed
    assert not checks.written_in_order(["summary", "strengths"], ("strengths", "summary")).passed


def test_evidence_from_the_beginning_alone_is_worth_a_warning_in_a_longer_talk():
    assert not checks.evidence_spread([0, 1], 9).passed
    assert not checks.evidence_spread([0, 1], 9).is_fault
    assert checks.evidence_spread([0, 3], 9).passed
    assert checks.evidence_spread([0, 1], 4).passed
    assert checks.evidence_spread([], 9).passed


@pytest.mark.parametrize(
    ("shift", "passes"), [({"a": 0, "b": 0}, True), ({"a": 1}, False), ({"a": -2}, False), ({"a": None}, False)]
)
def test_orders_that_move_a_level_are_noticed(shift, passes):
    assert checks.same_when_masked(shift).passed is passes

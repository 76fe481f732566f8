"""Which language a text is in: sure or silent."""

import pytest

from debrief.languages import language_of, same_language, script_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("You told your partner when it happened and who was there.", "en"),
        ("언제 누구와 있었던 일인지 말씀하셔서 좋았습니다.", "ko"),
        ("きのう友だちと新しい店に行きました。", "ja"),
        ("昨天我和朋友去了一家新的饭馆。", "zh"),
        ("Ayer fui a la playa con mi hermana y comimos muy bien.", "es"),
        ("Hier je suis allé à la plage avec ma sœur et nous avons bien mangé.", "fr"),
        ("Gestern war ich mit meiner Schwester am Strand und es war sehr schön.", "de"),
        ("Okay, fine.", None),
        ("12 / 34", None),
        ("", None),
    ],
)
def test_script_and_common_words_tell_the_language_or_nothing(text, language):
    assert language_of(text) == language


def test_other_scripts_have_names_too():
    assert script_of("Привет, как дела?") == "cyrillic"
    assert script_of("안녕 there") is not None


def test_what_cannot_be_told_does_not_speak_against_one_language():
    assert same_language("Okay, fine.", "Ayer fui a la playa con mi hermana.")
    assert not same_language("The day was fine and I liked it.", "Ayer fui a la playa con mi hermana.")
    assert not same_language("Привет, как дела?", "안녕하세요, 반갑습니다.")

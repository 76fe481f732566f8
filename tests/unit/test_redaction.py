"""What has the shape of a name or a contact goes; what a talk is about stays."""

import pytest

from debrief.redaction import could_be_name, redact, redactor


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("Write to olga.iv+hr@mail.example.co.kr.", "Write to [email]."),
        ("저한테 olga@example.com으로 보내 주세요.", "저한테 [email]으로 보내 주세요."),
        ("See https://example.com/me?x=1 or www.example.org.", "See [url] or [url]"),
        ("Look at github.com/olga please.", "Look at [url] please."),
        ("Look at GitHub.IO please.", "Look at [url] please."),
        ("Look at WWW.INTRANET/olga please.", "Look at [url] please."),
        ("Look at FTP://files/olga please.", "Look at [url] please."),
        ("전각 olga＠example.com입니다.", "전각 [email]입니다."),
        ("It is ٠١٠١٢٣٤٥٦٧٨ here.", "It is [number] here."),
        ("Call +82 10-1234-5678 or 010-1234-5678.", "Call [phone] or [phone]."),
        ("전화는 02-123-4567입니다.", "전화는 [phone]입니다."),
        ("My card is 4111 1111 1111 1111.", "My card is [number]."),
        ("주민번호는 900101-1234567이에요.", "주민번호는 [number]이에요."),
        ("Account 123456789012.", "Account [number]."),
    ],
)
def test_a_contact_is_taken_out(said: str, left: str):
    assert redact(said).rstrip(".") == left.rstrip(".")


@pytest.mark.parametrize(
    "said",
    [
        "I cut the wait from 40 s to 2 s, and 3 percent of 12,500 invoices were doubled.",
        "From 2019-2021 I led the team; on 2024-05-17 we shipped version 2.10.1.",
        "It cost 1,250,000 won and took 1 200 hours at 9:30.",
        "Node.js and e.g. this; etc.",
        "It rose by 12.5 % between 10 and 20.",
    ],
)
def test_what_a_talk_is_about_stays(said: str):
    assert redact(said) == said


def test_a_name_that_was_given_goes_from_every_text_of_the_talk():
    clean = redactor(["Hello. My name is Olga Ivanova, I run a desk."], [])

    assert clean("Thank you, Olga. Ms Ivanova, go on.") == "Thank you, [name]. Ms [name], go on."
    assert clean("Olgas and Ivanovas stay") == "Olgas and Ivanovas stay"


def test_a_korean_name_goes_with_its_particles_left_in_place():
    clean = redactor(["안녕하세요, 제 이름은 김지수입니다."], [])

    assert clean("김지수님, 그리고 지수 씨는") == "[name]님, 그리고 [name] 씨는"
    assert redactor(["저는 박서준이라고 합니다."])("박서준입니다") == "[name]입니다"


def test_a_forms_answer_that_could_be_a_name_goes():
    assert redactor([], ["Olga Ivanova"])("I am Olga.") == "I am [name]."
    assert not could_be_name("looking after children")
    assert not could_be_name("재무팀에서 회계를 봅니다")


def test_an_introduction_that_names_nobody_takes_nothing_out():
    assert redactor(["This is the plan. Call me back."])("the plan, back") == "the plan, back"


def test_a_long_text_of_digits_and_dots_is_read_quickly():
    hard = "1-" * 20_000 + "a." * 20_000 + "@" * 1000
    assert len(redact(hard)) > 0

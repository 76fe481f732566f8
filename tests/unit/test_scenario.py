"""Scenario files, their identity, and the filling of their forms."""

import copy
import tomllib
from pathlib import Path

import pytest

from debrief.errors import ConfigError, InputRejected
from debrief.scenario import (
    Scenario,
    conversation_title,
    fill_form,
    load_scenario,
    load_scenarios,
    opening_line,
    persona_prompt,
)

FOLDER = Path(__file__).parents[2] / "scenarios"


@pytest.fixture
def body() -> dict:
    """The interview, with a form such as a file may have."""
    table = tomllib.loads((FOLDER / "job_interview.toml").read_text("utf-8"))
    table["form"] = [
        {
            "kind": "select",
            "key": "place",
            "label": {"en": "Place", "ko": "장소"},
            "options": [
                {"key": "shop", "label": {"en": "a shop", "ko": "가게"}},
                {
                    "key": "office",
                    "label": {"en": "an office", "ko": "사무실"},
                    "opening": {"en": "Welcome to $place.", "ko": "$place에 오신 것을 환영합니다."},
                },
            ],
        },
        {"kind": "text", "key": "job", "label": {"en": "Job", "ko": "직무"}, "max_chars": 20},
    ]
    table["persona"]["prompt"]["en"] = "You hire for $job in $place."
    return table


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(text, "utf-8")
    return path


def test_every_scenario_file_of_the_house_loads():
    assert "job_interview" in load_scenarios(FOLDER)


def test_a_scenario_comes_back_from_its_body_with_the_same_hash(body):
    scenario = Scenario.from_body(body)
    assert Scenario.from_body(scenario.body()) == scenario
    assert Scenario.from_body(scenario.body()).hash == scenario.hash


def test_one_changed_word_is_another_version(body):
    changed = copy.deepcopy(body)
    changed["opening"]["ko"] += " 반갑습니다."
    before, after = Scenario.from_body(body), Scenario.from_body(changed)
    assert before.hash != after.hash
    assert before.rubric.hash == after.rubric.hash


@pytest.mark.parametrize(
    ("spoil", "key", "reason"),
    [
        (lambda b: b.update(colour="red"), "colour", "not a key"),
        (lambda b: b["opening"].pop("ko"), "opening.ko", "missing"),
        (lambda b: b["rubric"]["criteria"][1]["levels"].pop(), "rubric.criteria.1.levels", "at least 5"),
        (lambda b: b["rubric"]["criteria"][0]["good"].clear(), "rubric.criteria.0.good", "at least 3"),
        (lambda b: b["persona"]["prompt"].update(en="Hire for $jbo."), "persona.prompt.en", '"$jbo" is not a field'),
        (lambda b: b["opening"].update(en="It costs 5$."), "opening.en", "$$"),
        (lambda b: b["form"].append(b["form"][1]), "", '"job" is used twice'),
        (lambda b: b["rubric"]["criteria"][2].update(key="examples"), "rubric", '"examples" is used twice'),
    ],
)
def test_a_wrong_file_is_refused_with_key_and_reason(tmp_path, body, spoil, key, reason):
    spoil(body)
    path = write(tmp_path, as_toml(body))
    with pytest.raises(ConfigError) as refused:
        load_scenario(path)
    sentence = str(refused.value)
    assert sentence.startswith(f"{path}: {key}")
    assert reason in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize("text", ["title = ", "\x00", "id = 'other'"])
def test_a_file_that_is_no_scenario_is_refused_by_name(tmp_path, text):
    with pytest.raises(ConfigError, match=r"mine\.toml"):
        load_scenario(write(tmp_path, text))


def test_a_file_must_be_named_as_its_scenario(tmp_path):
    text = (FOLDER / "job_interview.toml").read_text("utf-8")
    with pytest.raises(ConfigError, match='the file is named "mine"'):
        load_scenario(write(tmp_path, text))


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(ConfigError, match="no scenario file"):
        load_scenarios(tmp_path)


def test_a_form_is_filled_into_prompt_opening_and_title(body):
    scenario = Scenario.from_body(body)
    answers = fill_form(scenario, {"place": "office", "job": "  junior   baker "}, "en")
    assert answers == {"place": "office", "job": "junior baker"}
    assert persona_prompt(scenario, "en", answers) == "You hire for junior baker in an office."
    assert opening_line(scenario, "ko", answers) == "사무실에 오신 것을 환영합니다."
    assert conversation_title(scenario, "ko", answers) == "취업 면접 · 사무실"


def test_an_option_without_its_own_opening_uses_the_scenarios(body):
    scenario = Scenario.from_body(body)
    assert opening_line(scenario, "en", {"place": "shop", "job": "x"}) == scenario.opening.en


def test_an_answer_cannot_bring_a_placeholder_of_its_own(body):
    scenario = Scenario.from_body(body)
    assert "for $place in a shop" in persona_prompt(scenario, "en", {"place": "shop", "job": "$place"})


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({}, "form_incomplete"),
        ({"place": "shop", "job": "  "}, "form_incomplete"),
        ({"place": "shop", "job": 7}, "form_incomplete"),
        ({"place": "moon", "job": "x"}, "form_choice"),
        ({"place": "shop", "job": "x" * 21}, "message_too_long"),
        ({"place": "shop", "job": "x", "extra": "y"}, "malformed"),
    ],
)
def test_a_form_not_filled_rightly_is_rejected(body, answers, code):
    with pytest.raises(InputRejected) as rejected:
        fill_form(Scenario.from_body(body), answers, "ko")
    assert rejected.value.reason == code


def test_the_end_is_reached_by_turns_or_only_by_hand(body):
    assert Scenario.from_body(body).has_ended(8)
    assert not Scenario.from_body(body).has_ended(7)
    del body["end"]["turns"]
    assert not Scenario.from_body(body).has_ended(99)


def as_toml(value: dict) -> str:
    """Enough TOML for these tests: every top-level key as an inline value."""
    return "\n".join(f"{key} = {inline(part)}" for key, part in value.items())


def inline(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {inline(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(inline, value)) + "]"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return str(value)

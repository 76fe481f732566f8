"""Asking again: only for what failed, in words, within limits, and never at the cost of what was good."""

import json
import re
from pathlib import Path

import pytest

from debrief import ladder
from debrief.manner import Manner
from debrief.prompts import prompt_text
from tests.writing_scene import KEYS, PROSE, TALK, Model, Reply, closing, verdicts, wanted, write, written

PER_CRITERION = Manner("written", calls="per_criterion")
BABBLE = Reply("I am a model and I like it.")


def asked_parts(model: Model) -> list[list[str]]:
    """What each call asked for."""
    return [wanted(ask) if "criteria" in ask.schema["properties"] else ["closing"] for ask in model.asked]


def piece(request) -> dict:
    """A good answer to whatever part is asked for."""
    whole = written()
    if "criteria" not in request.schema["properties"]:
        return closing()
    return {"criteria": {key: whole["criteria"][key] for key in wanted(request)}}


def test_one_criterion_at_a_time_then_the_closing_which_is_told_what_was_found():
    model = Model([piece])
    done = write(model, way=PER_CRITERION)
    assert asked_parts(model) == [[key] for key in KEYS] + [["closing"]]
    prompts = [ask.messages[0]["content"] for ask in model.asked]
    assert f'- motive: m2.1; 5; "{PROSE["en"][3]}"' in prompts[-1]
    assert all(PROSE["en"][0] not in prompt for prompt in prompts[:-1])
    assert not done.partial


@pytest.mark.parametrize("manner", [Manner("written"), PER_CRITERION])
def test_all_calls_about_one_talk_begin_alike_up_to_its_end(manner):
    model = Model([{"criteria": {}}, piece, BABBLE])
    write(model, way=manner)
    prompts = [ask.messages[0]["content"] for ask in model.asked]
    end = prompts[0].index("</transcript>")
    assert len({prompt[:end] for prompt in prompts}) == 1


@pytest.mark.parametrize("manner", [Manner("written", samples=3), Manner("rubric", samples=3), PER_CRITERION])
def test_a_model_of_no_use_is_given_up_after_two_answers(manner):
    model = Model([BABBLE])
    done = write(model, way=manner)
    assert len(model.asked) == ladder.GIVE_UP_AFTER == 2
    assert done.body.placed_by == "likeness"
    assert done.lineage["refused"]["well_formed"] >= 1


def test_a_slow_model_of_no_use_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(ladder, "PATIENCE_S", 0.0)
    model = Model([BABBLE])
    assert write(model, way="written").body.way == "rubric"
    assert len(model.asked) == 1


def test_a_slow_model_of_use_may_finish_its_first_answer_and_gets_no_extra(monkeypatch):
    monkeypatch.setattr(ladder, "PATIENCE_S", 0.0)
    model = Model([piece])
    done = write(model, way=Manner("written", calls="per_criterion", samples=3))
    assert len(model.asked) == len(KEYS) + 1
    assert not done.partial
    assert done.lineage["samples"] == {"wanted": 3, "made": 1}


def test_what_a_feedback_may_cost_in_tokens_is_bounded():
    long = Reply(json.dumps({"criteria": {"examples": written()["criteria"]["examples"]}}), completion_tokens=3500)
    model = Model([long])
    done = write(model, way=Manner("written", samples=5))
    assert len(model.asked) == 2
    assert done.lineage["completion_tokens"] == 7000
    assert [c.status for c in done.body.criteria] == ["scored", "unscored", "unscored", "unscored"]


def test_a_worse_second_closing_does_not_replace_the_first():
    repeated = {**closing()["improvements"][0], "rewrite": "I called the cleaners myself."}
    worse = closing(strengths=[], improvements=[repeated], summary="Fine.", next_step="Go.")
    model = Model([written(improvements=[repeated]), worse])
    body = write(model, way="written").body
    assert body.summary == PROSE["en"][7]
    assert len(body.strengths) == 1
    assert body.improvements == []


def test_of_a_closing_that_was_cut_the_items_that_were_closed_are_kept():
    text = json.dumps(written())
    cut = Reply(text[: text.index('"next_step"') + 30], "length")
    done = write(Model([cut, BABBLE]), way="written")
    assert len(done.body.strengths) == len(done.body.improvements) == 1
    assert (done.body.next_step, done.body.summary) == (None, None)
    assert [c.status for c in done.body.criteria] == ["scored"] * 4
    assert done.partial


def test_every_place_where_a_written_answer_can_be_cut_gives_whole_sentences_or_none():
    text, whole = json.dumps(written()), write(Model([written()]), way="written").body
    for end in range(text.index('"strengths"'), len(text), 7):
        body = write(Model([Reply(text[:end], "length"), BABBLE]), way="written").body
        assert body.strengths in ([], whole.strengths)
        assert body.improvements in ([], whole.improvements)
        assert body.next_step in (None, whole.next_step)
        assert body.summary in (None, whole.summary)


def test_a_level_that_came_before_its_lines_is_asked_for_again():
    hasty = {"level": 2, "evidence": ["m2.1"]}
    model = Model([{"criteria": verdicts(2, 3, 4, 5) | {"motive": hasty}}])
    done = write(model)
    assert [c.status for c in done.body.criteria][-1] == "unscored"
    assert any(check.name == "written_in_order" and check.is_fault for check in done.checks)


def test_the_same_reason_for_two_criteria_is_asked_for_again():
    lazy = written()
    lazy["criteria"]["motive"]["reason"] = lazy["criteria"]["examples"]["reason"]
    model = Model([lazy, piece])
    done = write(model, way="written")
    assert asked_parts(model) == [KEYS, ["motive"]]
    assert "motive.reason: say something different" in model.asked[1].messages[0]["content"]
    assert not done.partial


def test_a_warning_is_told_and_takes_nothing_away():
    figures = {**closing()["improvements"][0], "rewrite": "I rang all 3 cleaners before it was six."}
    done = write(Model([written(improvements=[figures])]), way="written")
    assert [check.name for check in done.checks if not check.passed] == ["rewrite_adds_no_numbers"]
    assert done.body.improvements[0].rewrite == figures["rewrite"]
    assert not done.partial


def test_a_model_that_saw_nothing_of_any_criterion_is_believed():
    unseen = {key: {"evidence": [], "reason": reason, "level": "not_observed"}
              for key, reason in zip(KEYS, PROSE["en"], strict=False)}  # fmt: skip
    done = write(Model([{"criteria": unseen} | closing()]), way="written")
    assert {c.status for c in done.body.criteria} == {"not_observed"}
    assert done.body.placed_by == "model"


def test_a_rewrite_copied_from_the_rubric_is_refused():
    copied = {
        **closing()["improvements"][0],
        "rewrite": "I decided to call the supplier myself, and the parts arrived.",
    }
    done = write(Model([written(improvements=[copied])]), way="written")
    assert done.body.improvements == []
    assert any(c.name == "no_echo" and c.where == "improvements.0.rewrite" for c in done.checks if c.is_fault)


@pytest.mark.parametrize("said", ["Everyone had a room by noon!", "and what happened after that"])
def test_a_rewrite_that_somebody_has_said_already_is_refused(said):
    talk = [*TALK, ("assistant", "Good. And what happened after that? Take your time.")]
    copied = {**closing()["improvements"][0], "rewrite": said}
    assert write(Model([written(improvements=[copied])]), talk, way="written").body.improvements == []


def test_the_reviewers_example_from_the_instructions_is_refused():
    parroted = written(summary="What they cannot know is when, and waiting without a date feels long.")
    assert write(Model([parroted]), way="written").body.summary is None


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_fault_that_a_model_can_make_is_explained_to_it(language):
    sources = "".join((Path(ladder.__file__).parent / name).read_text("utf-8") for name in ("checks.py", "answer.py"))
    about_the_talk = {"no_injection", "same_when_masked", "evidence_spread", "model_words_usable"}
    warnings = {"rewrite_adds_no_numbers"}
    names = set(re.findall(r'Check\(\s*name="(\w+)"', sources)) - about_the_talk - warnings
    explained = set(re.findall(r"^- (\w+): ", prompt_text("faults", language), re.MULTILINE))
    assert explained == names


def test_notes_that_do_not_fit_are_left_out_rather_than_refused_by_the_server():
    async def count(messages):
        return 4000 if "could not be used" in messages[0]["content"] else 100

    model = Model([{"criteria": {}}, {"criteria": verdicts(2, 3, 4, 5)}])
    done = write(model, TALK, context_tokens=4096, count=count)
    assert "could not be used" not in model.asked[1].messages[0]["content"]
    assert not done.partial


def test_an_improvement_about_a_criterion_that_the_rubric_has_not_is_refused():
    other = {**closing()["improvements"][0], "criterion": "charm"}
    done = write(Model([written(improvements=[other])]), way="written")
    assert done.body.improvements == []
    assert [c.where for c in done.checks if c.name == "criterion_known" and c.is_fault] == ["improvements.0"]


def test_a_part_of_the_wrong_shape_says_so():
    done = write(Model([{"criteria": verdicts(2, 3, 4, 5) | {"motive": {"evidence": "m2.1", "level": 5}}}]))
    assert [c.where for c in done.checks if c.name == "well_formed" and c.is_fault] == ["criteria.motive"]

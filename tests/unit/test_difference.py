"""Two versions of a debrief side by side: word by word, item by item."""

from debrief.difference import compare_bodies, compare_words
from debrief.feedback import Coverage, CriterionResult, FeedbackBody, Strength

BODY = FeedbackBody(
    language="en",
    way="written",
    criteria=[
        CriterionResult(key="a", name="Aim", status="scored", level=3, level_name="Clear", reason="It is plain.")
    ],
    strengths=[
        Strength(why="You named the number at once.", evidence=[]),
        Strength(why="Your thanks were short and warm.", evidence=[]),
    ],
    next_step="Begin with the result.",
    covered=Coverage(messages=1, of=1),
)


def changed(**values: object) -> dict[str, tuple[str, str, str]]:
    after = BODY.model_copy(update=values)
    return {
        section.path: (
            section.change,
            "".join(piece.text for piece in section.pieces if piece.op != "in"),
            "".join(piece.text for piece in section.pieces if piece.op != "out"),
        )
        for section in compare_bodies(BODY, after)
        if section.change != "same"
    }


def test_words_that_stay_are_told_from_words_that_change():
    pieces = compare_words("Begin with the result.", "Begin with one number.")
    assert [(piece.op, piece.text) for piece in pieces] == [
        ("same", "Begin with "), ("out", "the"), ("in", "one"), ("same", " "), ("out", "result."), ("in", "number."),
    ]  # fmt: skip


def test_sentences_that_have_little_in_common_are_told_one_after_the_other():
    before, after = "Before you ask for a number, say it back.", "Leave out the second example: the first was stronger."
    assert [(piece.op, piece.text) for piece in compare_words(before, after)] == [("out", before), ("in", after)]


def test_korean_is_compared_word_by_word_too():
    ops = {piece.op: piece.text for piece in compare_words("결과부터 말해 보세요.", "결과부터 짧게 말해 보세요.")}
    assert "짧게" in ops["in"]
    assert "out" not in ops


def test_nothing_differs_from_itself():
    assert changed() == {}


def test_a_changed_level_is_told_by_number_and_name():
    raised = BODY.criteria[0].model_copy(update={"level": 4, "level_name": "Strong"})
    assert changed(criteria=[raised]) == {"criteria.a.level": ("changed", "3 · Clear", "4 · Strong")}


def test_deleting_the_first_item_leaves_the_second_one_as_it_is():
    assert changed(strengths=[BODY.strengths[1]]) == {
        "strengths.1.why": ("removed", "You named the number at once.", ""),
    }


def test_what_was_empty_is_added_and_what_is_emptied_removed():
    assert changed(summary="You were clear.", next_step=None) == {
        "summary": ("added", "", "You were clear."),
        "next_step": ("removed", "Begin with the result.", ""),
    }

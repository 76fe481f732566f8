"""What may be compared with what, and what is said where it may not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from debrief.comparing import ShownDebrief, Versions, compare, differences, group_comparable, versions_of
from debrief.feedback import Coverage, CriterionResult, Evidence, FeedbackBody

ONE = Versions("r", "p", "s", "small", "rubric", "model", None, "en")
START = datetime(2026, 3, 1, tzinfo=UTC)


def debrief(day: int = 0, versions: Versions = ONE, **levels: int | None) -> ShownDebrief:
    quote = Evidence(message_id="m", start=0, end=4, quote="I am")
    criteria = [
        CriterionResult(key=key, name=key.title(), status="scored", level=level, level_name=f"L{level}",
                        reason="Seen.", evidence=[quote])
        if level else CriterionResult(key=key, name=key.title(), status="not_observed")
        for key, level in levels.items()
    ]  # fmt: skip
    body = FeedbackBody(language="en", way="rubric", criteria=criteria, covered=Coverage(messages=1, of=1))
    return ShownDebrief(f"f_{day}", f"c_{day}", "talk", "h", START + timedelta(days=day), body, versions)


def test_the_versions_come_from_the_record_and_its_lineage():
    body = FeedbackBody(
        language="ko", way="rubric", placed_by="likeness", criteria=[], covered=Coverage(messages=1, of=1)
    )
    lineage = {
        "rubric_hash": "r", "prompt_hash": "p", "schema_hash": "s", "model": "small", "likeness": "pieces", "seed": 7,
    }  # fmt: skip
    assert versions_of(body, lineage) == Versions("r", None, None, None, "rubric", "likeness", "pieces", "ko")
    by_model = body.model_copy(update={"placed_by": "model"})
    assert versions_of(by_model, lineage) == Versions("r", "p", "s", "small", "rubric", "model", None, "ko")


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"rubric": "other"}, "rubric"),
        ({"prompt": "other"}, "prompt"),
        ({"schema": "other"}, "schema"),
        ({"model": "large"}, "model"),
        ({"words": "written"}, "manner"),
        ({"placed_by": "likeness", "likeness": "pieces"}, "manner"),
        ({"language": "ko"}, "language"),
    ],
)
def test_each_version_that_differs_is_named_and_takes_the_levels_away(change: dict, name: str):
    other = replace(ONE, **change)
    assert differences(ONE, other) == [name]
    [pair] = compare(debrief(examples=2), debrief(examples=4, versions=other))
    for stand in (pair.before, pair.after):
        assert stand
        assert (stand.level, stand.level_name, stand.quote, stand.reason) == (None, None, "I am", "Seen.")


def test_levels_stand_side_by_side_where_all_versions_are_the_same():
    first, second = compare(debrief(examples=2, motive=None), debrief(examples=4, motive=3))
    assert first.before
    assert first.after
    assert (first.name, first.before.level_name, first.after.level_name) == ("Examples", "L2", "L4")
    assert second.before
    assert (second.before.status, second.before.level, second.before.quote) == ("not_observed", None, None)


def test_a_criterion_that_only_one_rubric_has_stands_alone():
    other = replace(ONE, rubric="new")
    old, new = compare(debrief(examples=2), debrief(motive=3, versions=other))
    assert (old.key, old.after) == ("examples", None)
    assert (new.key, new.before) == ("motive", None)


def test_series_never_mix_versions_and_say_what_changed():
    large = replace(ONE, model="large", rubric="new")
    series = group_comparable(
        [debrief(3, examples=4), debrief(2, large, examples=1), debrief(1, examples=2), debrief(4, large, examples=2)]
    )
    assert [[found.feedback_id for found in part.debriefs] for part in series] == [["f_1", "f_3"], ["f_2", "f_4"]]
    assert [part.changed for part in series] == [[], ["rubric", "model"]]

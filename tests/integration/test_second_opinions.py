"""A second reviewer judges a debrief without seeing what the first one decided, nor any level."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from debrief.errors import InputRejected, NotFound
from debrief.review import ReviewState as S
from storage import agreements, edits, opinions, reviews
from storage.audit import list_audit
from storage.tables import ReviewRow
from tests.review_scene import make_account, make_feedback

pytestmark = pytest.mark.both_engines
LEVELS = {"examples": 3, "to_the_point": 4, "own_part": 4, "motive": None}
"""Of the debrief that is judged: 3, 5, 4 and not observed."""


def decided(db, account, **changes):
    """A debrief that this account approved, or edited where `changes` gives other levels."""
    row = make_feedback(db, state=S.AUTO_RELEASED)
    if not changes:
        reviews.approve(db, account, row.id, row.row_version)
        return row
    draft = edits.get_draft(db, row.id).unchanged
    criteria = [one.model_copy(update={"level": changes.get(one.key, one.level)}) for one in draft.criteria]
    edits.approve_edit(db, account, row.id, row.row_version, draft.model_copy(update={"criteria": criteria}))
    return row


def test_a_second_reviewer_sees_no_level_and_no_decision(any_database):
    rita, rosa = (make_account(any_database, name) for name in ("rita", "rosa"))
    row = decided(any_database, rita, examples=1)
    case = opinions.open_next(any_database, rosa, 100)
    assert case
    assert case.id == row.id
    assert len(case.path) == 7
    assert [result.level for result in case.body.criteria] == [None] * 4
    said = case.body.model_dump_json()
    for telling in ("Clear", "Outstanding", "the middle jumps", "Say first what"):
        assert telling not in said
    assert "four services" in said
    [event] = list_audit(any_database, row.id)
    assert event.action == "edit"


def test_nobody_judges_their_own_decision_a_second_time_and_each_is_asked_once(any_database):
    rita, rosa, ruth = (make_account(any_database, name) for name in ("rita", "rosa", "ruth"))
    row = decided(any_database, rita)
    assert opinions.open_next(any_database, rita, 100) is None
    assert opinions.open_next(any_database, rosa, 100).id == row.id
    assert opinions.open_next(any_database, rosa, 100).id == row.id
    assert opinions.open_next(any_database, ruth, 100) is None
    first = opinions.give(any_database, rosa, row.id, decision="reject", levels=LEVELS)
    assert (first.decision, first.levels["to_the_point"]) == ("approve", 5)
    assert opinions.open_next(any_database, rosa, 100) is None
    with any_database.read() as session:
        mine = session.query(ReviewRow).filter_by(reviewer_id=rosa.id).one()
    assert (mine.blind, mine.decision, mine.levels, mine.round) == (True, "reject", LEVELS, 1)
    assert 0 <= mine.seconds_spent < 3600
    assert reviews.get_review(any_database, row.id).state is S.APPROVED


def test_only_the_drawn_ones_are_asked_about(database):
    rita, rosa = (make_account(database, name) for name in ("rita", "rosa"))
    for _ in range(3):
        decided(database, rita)
    assert opinions.open_next(database, rosa, 0) is None
    assert opinions.open_next(database, rosa, 100)


def test_an_opinion_says_something_of_every_criterion_or_is_refused(database):
    rita, rosa = (make_account(database, name) for name in ("rita", "rosa"))
    row = decided(database, rita)
    with pytest.raises(NotFound):
        opinions.give(database, rosa, row.id, decision="approve", levels=LEVELS)
    opinions.open_next(database, rosa, 100)
    wrong = [("maybe", LEVELS), ("approve", {"examples": 3}), ("approve", LEVELS | {"motive": 6})]
    for decision, levels in wrong:
        with pytest.raises(InputRejected):
            opinions.give(database, rosa, row.id, decision=decision, levels=levels)


def test_agreement_is_told_by_criterion_and_the_furthest_apart_first(database):
    rita, rosa = (make_account(database, name) for name in ("rita", "rosa"))
    far = decided(database, rita, examples=5)
    opinions.open_next(database, rosa, 100)
    opinions.give(database, rosa, far.id, decision="approve", levels=LEVELS | {"examples": 1})
    near = decided(database, rita)
    opinions.open_next(database, rosa, 100)
    opinions.give(database, rosa, near.id, decision="approve", levels=LEVELS)

    found = agreements.read_agreements(database, "people")
    by_key = {one.criterion: one for one in found.criteria}
    assert (by_key["examples"].agreed.n, by_key["examples"].agreed.percent.value) == (2, 0.5)
    assert by_key["motive"].agreed.n == 0
    assert next((one.feedback_id, one.criterion, one.first, one.second) for one in found.differing) == (
        far.id, "examples", 5, 1,
    )  # fmt: skip
    assert {one.criterion for one in found.differing if one.feedback_id == near.id} == {"to_the_point"}

    assert by_key["examples"].scenario_title == "Job interview"
    koreans = agreements.read_agreements(database, "people", language="ko")
    assert {one.criterion: one.name for one in koreans.criteria}["examples"] == "구체적인 사례"
    assert (by_key["examples"].name, koreans.differing[0].name) == ("Concrete examples", "구체적인 사례")

    model = agreements.read_agreements(database, "model", scenario_id="job_interview")
    assert [(one.first, one.second) for one in model.differing if one.criterion == "examples"] == [(3, 1)]
    assert agreements.read_agreements(database, "model", scenario_id="another").criteria == []


def test_a_reopened_debrief_is_no_second_opinions(database):
    rita, rosa = (make_account(database, name) for name in ("rita", "rosa"))
    row = decided(database, rita)
    reviews.reopen(database, rita, row.id, row.row_version + 1)
    assert opinions.open_next(database, rosa, 100) is None


def test_of_many_who_ask_at_once_one_gets_it(any_database):
    rita = make_account(any_database, "rita")
    people = [make_account(any_database, f"reviewer{n}") for n in range(8)]
    decided(any_database, rita)
    with ThreadPoolExecutor(8) as threads:
        cases = list(threads.map(lambda person: opinions.open_next(any_database, person, 100), people))
    assert len([case for case in cases if case]) == 1

"""A reviewer writes a debrief over: the new version, its quotes and checks, who was faster, what the visitor sees."""

from itertools import pairwise

import pytest

from debrief.edit import Edit, EditedCriterion, EditedImprovement, EditedStrength
from debrief.errors import Conflict, FieldRejected, InputRejected, NotAllowed
from debrief.review import ReviewState as S
from debrief.texts import say
from storage import anew, edits, feedback, feedback_versions as versions, jobs, reactions, reviews
from storage.audit import audit, list_audit
from storage.tables import FeedbackRow, FeedbackVersionRow, ReviewRow
from tests.factories import OLGA
from tests.job_scene import claim, store
from tests.review_scene import make_account, make_feedback, make_talk, regenerate
from webapp.notices import feedback_notice

pytestmark = pytest.mark.both_engines
WORDS = "You said what you measured, so that your own share can be seen at once."


@pytest.fixture
def rita(database):
    return make_account(database, "rita")


def changed(draft: edits.Draft, **changes: object) -> Edit:
    return draft.unchanged.model_copy(update=changes)


def with_criterion(draft: edits.Draft, place: int, **changes: object) -> Edit:
    criteria = list(draft.unchanged.criteria)
    criteria[place] = criteria[place].model_copy(update=changes)
    return changed(draft, criteria=criteria)


def taken(db, account, state=S.CLAIMED):
    row = make_feedback(db, state=state, claimer=account if state is S.CLAIMED else None)
    return row, edits.get_draft(db, row.id)


def test_an_edit_is_a_new_version_and_the_old_one_stays(any_database):
    rita = make_account(any_database, "rita")
    row, draft = taken(any_database, rita)
    edit = changed(draft, summary=WORDS, criteria=[*draft.unchanged.criteria[:1], *draft.unchanged.criteria[1:]])

    case = edits.approve_edit(any_database, rita, row.id, row.row_version, edit, note="Clearer now.")

    assert (case.state, case.version_n, case.origin, case.reviewed_by) == (S.EDITED_APPROVED, 2, "human_edit", "rita")
    assert case.body
    assert case.body.summary == WORDS
    second, first = versions.list_versions(any_database, row.id)
    assert (second.author, second.parent_n, second.counts, first.origin, first.counts) == (
        "rita", 1, True, "model", False,
    )  # fmt: skip
    with any_database.read() as session:
        kept = session.query(FeedbackVersionRow).filter_by(feedback_id=row.id, n=1).one()
        assert kept.body == draft.body.model_dump(mode="json")
        made = session.query(FeedbackVersionRow).filter_by(feedback_id=row.id, n=2).one()
        assert (made.lineage["model"], made.lineage["edit"]["of"], made.parent_id) == ("scripted", kept.id, kept.id)
    [event] = list_audit(any_database, row.id)
    assert (event.action, event.detail["after"], event.detail["version"]) == ("edit", "edited_approved", made.id)
    assert WORDS not in str(event.detail)


def test_an_edit_that_changes_nothing_is_none(database, rita):
    row, draft = taken(database, rita)
    with pytest.raises(Conflict, match="Nothing was changed"):
        edits.approve_edit(database, rita, row.id, row.row_version, draft.unchanged)
    assert len(versions.list_versions(database, row.id)) == 1


def test_quotes_are_lines_of_the_visitors_and_nothing_else(database, rita):
    row, draft = taken(database, rita)
    other = next(label for label in draft.plan.transcript.choosable if label != draft.unchanged.criteria[0].evidence[0])
    case = edits.approve_edit(
        database, rita, row.id, row.row_version, with_criterion(draft, 0, evidence=[other], level=2)
    )
    assert case.body
    quoted = case.body.criteria[0].evidence[0]
    message = next(message for message in case.path if message.id == quoted.message_id)
    assert message.role == "user"
    assert message.text[quoted.start : quoted.end] == quoted.quote
    assert (case.body.criteria[0].level, case.body.criteria[0].level_name) == (
        2,
        draft.plan.scenario.rubric.criteria[0].levels[1].name.en,
    )


@pytest.mark.parametrize(
    ("changes", "code", "part"),
    [
        ({"evidence": ["m1.1"]}, "edit_unknown_line", "evidence"),
        ({"evidence": ["m99.1"]}, "edit_unknown_line", "evidence"),
        ({"evidence": []}, "edit_level_needs_line", "evidence"),
        ({"level": None}, "edit_level_missing", "level"),
        ({"reason": "x" * 801}, "edit_field_too_long", "reason"),
    ],
)
def test_what_could_be_false_or_does_not_fit_is_refused_and_nothing_changes(database, rita, changes, code, part):
    row, draft = taken(database, rita)
    with pytest.raises(FieldRejected) as refused:
        edits.approve_edit(database, rita, row.id, row.row_version, with_criterion(draft, 0, **changes))
    assert (refused.value.reason, refused.value.where) == (code, f"criteria.examples.{part}")
    assert "Structure" in refused.value.sentence("en")
    case = reviews.get_review(database, row.id)
    assert (case.state, case.row_version, case.versions) == (S.CLAIMED, row.row_version, 1)


TOO_LONG = "x" * 801


@pytest.mark.parametrize(
    ("changes", "where", "english", "korean"),
    [
        ({"summary": TOO_LONG}, "summary", '"Summary" has 801', '"요약"에'),
        ({"next_step": TOO_LONG}, "next_step", '"Next step" has 801', '"다음에 해 볼 것"에'),
        (
            {"strengths": [EditedStrength(why=WORDS, evidence=[]), EditedStrength(why=" ", evidence=[])]},
            "strengths.1.why",
            '"Strength 2 · Why it worked" has no words',
            '"잘한 점 2 · 왜 좋았는지"에',
        ),
        (
            {"improvements": [EditedImprovement(criterion="examples", problem=WORDS, rewrite=TOO_LONG, evidence=[])]},
            "improvements.0.rewrite",
            '"Improvement 1 · How it could sound" has 801',
            '"나아질 점 1 · 이렇게 말할 수 있습니다"에',
        ),
    ],
)
def test_a_refused_field_is_named_as_the_form_names_it(database, rita, changes, where, english, korean):
    row, draft = taken(database, rita)
    with pytest.raises(FieldRejected) as refused:
        edits.approve_edit(database, rita, row.id, row.row_version, changed(draft, **changes))
    assert refused.value.where == where
    assert refused.value.sentence("en").startswith(english)
    assert refused.value.sentence("ko").startswith(korean)


def test_criteria_cannot_be_left_out_or_invented(database, rita):
    row, draft = taken(database, rita)
    for criteria in (draft.unchanged.criteria[1:], [*draft.unchanged.criteria, EditedCriterion(key="x", level=None)]):
        with pytest.raises(InputRejected, match="criteria"):
            edits.approve_edit(database, rita, row.id, row.row_version, changed(draft, criteria=criteria))


def test_a_level_that_nobody_could_judge_may_be_given_by_a_person(database, rita):
    row, draft = taken(database, rita)
    line = draft.plan.transcript.choosable[0]
    edit = with_criterion(draft, 3, level=4, evidence=[line], reason=WORDS)
    case = edits.approve_edit(database, rita, row.id, row.row_version, edit)
    assert case.body
    assert (case.body.criteria[3].status, case.body.criteria[3].level) == ("scored", 4)


def test_the_checks_say_what_they_say_of_a_model_and_store_nothing(database, rita):
    row, draft = taken(database, rita)
    edit = changed(draft, summary="Write to anna.smith@example.org and ask her how she would have done all of that.")
    told = edits.check_draft(database, row.id, edit)
    assert ("no_personal_data_invented", "summary") in [(c.name, c.where) for c in told if not c.passed]
    assert reviews.get_review(database, row.id).row_version == row.row_version

    edits.approve_edit(database, rita, row.id, row.row_version, edit)
    assert reviews.get_review(database, row.id).checks == told


def test_an_unchanged_debrief_in_the_rubrics_words_passes_its_checks(database, rita):
    _, draft = taken(database, rita)
    told = edits.check_draft(database, make_feedback(database).id, draft.unchanged)
    assert [check for check in told if check.is_fault] == []


def test_the_slower_of_two_edits_is_told_and_changes_nothing(any_database):
    rita, rosa = (make_account(any_database, name) for name in ("rita", "rosa"))
    row, draft = taken(any_database, rita, S.AUTO_RELEASED)
    edits.approve_edit(any_database, rita, row.id, row.row_version, changed(draft, summary=WORDS))
    with pytest.raises(Conflict) as told:
        edits.approve_edit(any_database, rosa, row.id, row.row_version, changed(draft, summary="Something else here."))
    assert told.value.reason == "conflict"
    case = reviews.get_review(any_database, row.id)
    assert case.body
    assert (case.body.summary, case.versions) == (WORDS, 2)


def test_an_escalated_debrief_is_edited_by_admins_only(database, rita):
    ada = make_account(database, "ada", "admin")
    row, draft = taken(database, rita)
    case = reviews.escalate(database, rita, row.id, row.row_version, note="Is this kind?")
    assert (case.state, case.note) == (S.ESCALATED, "Is this kind?")
    edit = changed(draft, summary=WORDS)
    for move in (
        lambda: edits.approve_edit(database, rita, row.id, case.row_version, edit),
        lambda: reviews.approve(database, rita, row.id, case.row_version),
        lambda: reviews.reopen(database, rita, row.id, case.row_version),
    ):
        with pytest.raises(NotAllowed, match="admins"):
            move()
    assert edits.approve_edit(database, ada, row.id, case.row_version, edit).state is S.EDITED_APPROVED


def test_escalating_needs_a_note(database, rita):
    row, _ = taken(database, rita)
    with pytest.raises(InputRejected) as refused:
        reviews.escalate(database, rita, row.id, row.row_version, note="  ")
    assert refused.value.reason == "note_needed"


def test_reopening_begins_another_round_with_a_note(database, rita):
    row = make_feedback(database, state=S.APPROVED)
    case = reviews.reopen(database, rita, row.id, row.row_version, note="Look at the second level again.")
    assert (case.state, case.round, case.note) == (S.PENDING, 2, "Look at the second level again.")


def test_olga_sees_that_a_person_edited_what_she_had_read_and_what(database, rita):
    row, draft = taken(database, rita, S.AUTO_RELEASED)
    reactions.mark_seen(database, OLGA, row.id)
    release(database, row)
    old = draft.unchanged.next_step
    edits.approve_edit(database, rita, row.id, row.row_version, changed(draft, next_step="Begin with the number."))

    found = versions.find_corrections(database, OLGA, row.id)
    assert found
    assert found.was_shown
    [section] = found.sections
    assert "".join(piece.text for piece in section.pieces if piece.op != "in") == old
    assert "".join(piece.text for piece in section.pieces if piece.op != "out") == "Begin with the number."
    view = feedback.get_feedback(database, OLGA, row.id)
    assert (view.review_state, view.is_edited, view.seen_at) == ("edited_approved", True, None)


def test_olga_is_not_shown_what_a_reviewer_took_out_before_she_saw_it(database, rita):
    row, draft = taken(database, rita)
    edit = changed(draft, next_step=None, summary=WORDS)
    edits.approve_edit(database, rita, row.id, row.row_version, edit)
    found = versions.find_corrections(database, OLGA, row.id)
    assert found
    assert not found.was_shown
    assert [(section.path, section.change) for section in found.sections] == [("summary", "added")]


def test_a_decision_is_kept_with_its_levels_and_the_time_it_took(database, rita):
    row = make_feedback(database)
    case = reviews.claim(database, rita, row.id, row.row_version)
    with database.write() as session:
        stored = session.get_one(FeedbackRow, row.id)
        assert stored.claimed_at
        stored.claimed_at = stored.claimed_at.replace(year=2025)
    draft = edits.get_draft(database, row.id)
    edits.approve_edit(database, rita, row.id, case.row_version, with_criterion(draft, 1, level=2))
    with database.read() as session:
        review = session.query(ReviewRow).one()
    assert (review.decision, review.levels["to_the_point"], review.levels["motive"]) == ("edit", 2, None)
    assert (review.seconds_spent, review.blind, review.round) == (3600, False, 1)


def test_what_needs_no_claim_has_a_review_time_too_and_a_claims_own_goes_before(database, rita):
    talk = make_talk(database)
    released = make_feedback(database, talk, state=S.AUTO_RELEASED)
    reviews.approve(database, rita, released.id, released.row_version, seconds=75)
    waiting = make_feedback(database, talk)
    case = reviews.claim(database, rita, waiting.id, waiting.row_version)
    reviews.reject(database, rita, waiting.id, case.row_version, reason="unkind", seconds=3000)
    with database.read() as session:
        spent = {review.decision: review.seconds_spent for review in session.query(ReviewRow)}
    assert spent["approve"] == 75
    assert spent["reject"] < 3000


def test_an_edit_adds_a_strength_and_something_to_improve_up_to_what_a_debrief_names(database, rita):
    row, draft = taken(database, rita)
    line = next(label for label in draft.plan.transcript.choosable)
    strength = EditedStrength(why="You measured before you changed anything.", evidence=[line])
    improvement = EditedImprovement(
        criterion="examples", problem="The middle of the story jumps.", rewrite="Then I moved the jobs, one a day.",
        evidence=[line],
    )  # fmt: skip
    edit = changed(draft, strengths=[strength], improvements=[improvement])
    case = edits.approve_edit(database, rita, row.id, row.row_version, edit)
    assert case.body
    assert [one.why for one in case.body.strengths] == [strength.why]
    assert [one.criterion for one in case.body.improvements] == ["examples"]


def test_a_debrief_written_anew_waits_beside_the_old_one(database, rita):
    row = make_feedback(database, make_talk(database), state=S.AUTO_RELEASED)
    job_id = regenerate(database, row.id, guidance="Quote the number.")
    assert feedback.get_feedback(database, OLGA, row.id).review_state == "regenerating"
    mine = claim(database, job_id)
    assert mine
    assert mine.guidance == "Quote the number."
    assert store(database, mine)
    case = reviews.get_review(database, row.id)
    assert (case.state, case.version_n, case.versions, case.round) == (S.PENDING, 2, 2, 2)
    assert case.remade
    assert case.remade.guidance == "Quote the number."
    assert versions.list_versions(database, row.id)[0].parent_n == 1
    assert "Quote" not in str([event.detail for event in list_audit(database, row.id)])


def test_a_claim_is_there_again_when_writing_anew_failed(database):
    rosa = make_account(database, "rosa")
    row = make_feedback(database, state=S.CLAIMED, claimer=rosa)
    _, job_id = anew.regenerate(database, rosa, row.id, row.row_version)
    mine = claim(database, job_id)
    assert mine
    jobs.fail_job(database, mine, "model_refused")
    case = reviews.get_review(database, row.id)
    assert (case.state, case.claimed_by, case.version_n) == (S.CLAIMED, "rosa", 1)
    assert case.remade
    assert case.remade.error_code == "feedback_failed"


def test_the_versions_say_when_the_visitor_could_read_each(database, rita):
    row = make_feedback(database, state=S.PENDING)
    case = reviews.claim(database, rita, row.id, row.row_version)
    case = reviews.approve(database, rita, row.id, case.row_version)
    case = reviews.reopen(database, rita, row.id, case.row_version)
    case = reviews.claim(database, rita, row.id, case.row_version)
    draft = edits.get_draft(database, row.id)
    edits.approve_edit(database, rita, row.id, case.row_version, changed(draft, summary=WORDS))
    second, first = versions.list_versions(database, row.id)
    [was], [is_now] = first.shown, second.shown
    assert was.until
    assert was.since < was.until < is_now.since
    assert is_now.until is None
    assert all(one.n > other.n for one, other in pairwise((second, first)))


def release(db, row):
    """As the worker notes it: the words were handed over at once."""
    with db.write() as session:
        audit(session, "worker", "feedback_written", "feedback", row.id, version=row.version_id,
              review_state="auto_released")  # fmt: skip


def test_strengths_and_improvements_are_edited_and_deleted_with_their_quotes(database, rita):
    row, _ = taken(database, rita)
    with database.write() as session:
        version = session.query(FeedbackVersionRow).filter_by(feedback_id=row.id).one()
        quote = version.body["criteria"][0]["evidence"]
        items = [{"why": f"You named it plainly, the {n} time.", "evidence": quote} for n in ("first", "second")]
        version.body = {**version.body, "strengths": items}
    draft = edits.get_draft(database, row.id)
    assert [one.evidence for one in draft.unchanged.strengths] == [draft.unchanged.criteria[0].evidence] * 2
    kept = draft.unchanged.strengths[1].model_copy(update={"why": WORDS})
    case = edits.approve_edit(database, rita, row.id, row.row_version, changed(draft, strengths=[kept]))
    assert case.body
    assert [one.why for one in case.body.strengths] == [WORDS]
    assert case.body.strengths[0].evidence[0].quote == quote[0]["quote"]


def test_olga_is_told_that_it_is_rewritten_and_never_what_reviewers_write_to_the_model(database, rita):
    row = make_feedback(database, make_talk(database), state=S.AUTO_RELEASED)
    job_id = regenerate(database, row.id, guidance="She sounds arrogant, say so kindly.")
    view = feedback.get_feedback(database, OLGA, row.id)
    assert (view.body, feedback_notice(view, "en")) == (None, say("notice.regenerating", "en"))
    mine = claim(database, job_id)
    assert mine
    jobs.store_result(
        database, mine, body=edits.get_draft(database, row.id).body, checks=[], partial=False,
        lineage={"model": "m", "guidance": mine.guidance, "guidance_hash": "a" * 64}, release="checked",
    )  # fmt: skip
    case = reviews.get_review(database, row.id)
    case = reviews.claim(database, rita, row.id, case.row_version)
    reviews.approve(database, rita, row.id, case.row_version)
    view = feedback.get_feedback(database, OLGA, row.id)
    assert view.body
    assert "arrogant" not in str(view)
    assert view.lineage["guidance_hash"] == "a" * 64


def test_a_disputed_debrief_stays_readable_while_it_is_rewritten(database, rita):
    row = make_feedback(database, make_talk(database), state=S.AUTO_RELEASED)
    reactions.dispute(database, OLGA, row.id, "next_step", "Not so.")
    regenerate(database, row.id)
    view = feedback.get_feedback(database, OLGA, row.id)
    assert (view.review_state, view.body is not None) == ("regenerating", True)
    assert feedback_notice(view, "en") == say("notice.disputed", "en")

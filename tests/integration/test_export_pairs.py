"""Preference pairs, each with the exact prompt and with where it comes from: an edit, or a version written anew."""

import json

from debrief.review import ReviewState
from storage import anew, edits, jobs, reviews
from storage.accounts import Account
from storage.conversations import get_conversation
from storage.engine import Database
from storage.export_files import ExportWish
from tests.export_scene import hotel_talk, make_reviewed, take, written_on
from tests.factories import OLGA
from tests.job_scene import claim_this
from tests.review_scene import make_account
from tests.writing_scene import Model, written

BETTER = "You held the desk alone, and said how you did it. Name one figure the next time somebody asks."


def pairs(db: Database) -> tuple[list[dict], dict[str, int]]:
    content, export = take(db, ExportWish("preferences", "jsonl", redacted=False))
    assert export.tally.considered == export.tally.rows + export.tally.left_out.total()
    return [json.loads(line) for line in content.splitlines()], dict(export.tally.left_out)


def turn_down(db: Database, rita: Account, feedback_id: str) -> None:
    case = reviews.claim(db, rita, feedback_id, reviews.get_review(db, feedback_id).row_version)
    reviews.reject(db, rita, feedback_id, case.row_version, reason="unhelpful")


def write_anew(db: Database, rita: Account, feedback_id: str, *, guidance: str = "", summary: str = BETTER) -> None:
    """The model writes another version, which waits for a person."""
    case = reviews.get_review(db, feedback_id)
    case, job_id = anew.regenerate(db, rita, feedback_id, case.row_version, guidance=guidance)
    talk = get_conversation(db, OLGA, case.conversation_id)
    made = written_on(db, talk, model=Model([written(summary=summary)]), guidance=guidance)
    lineage = {**made.lineage, "model": "large"}
    assert jobs.store_result(
        db, claim_this(db, job_id), body=made.body, checks=made.checks, partial=False, lineage=lineage, release="hold"
    )


def approve(db: Database, rita: Account, feedback_id: str) -> None:
    case = reviews.claim(db, rita, feedback_id, reviews.get_review(db, feedback_id).row_version)
    reviews.approve(db, rita, feedback_id, case.row_version)


def edit(db: Database, rita: Account, feedback_id: str) -> None:
    case = reviews.claim(db, rita, feedback_id, reviews.get_review(db, feedback_id).row_version)
    draft = edits.get_draft(db, feedback_id)
    wish = draft.unchanged.model_copy(update={"next_step": "Count the rooms, the guests and the hours, and say so."})
    edits.approve_edit(db, rita, feedback_id, case.row_version, wish)


def test_what_was_rejected_written_anew_and_approved_is_a_pair_that_says_so(any_database: Database):
    rita = make_account(any_database)
    model = Model([written()])
    talk = hotel_talk(any_database)
    feedback_id = make_reviewed(
        any_database, talk, state=ReviewState.PENDING, made=written_on(any_database, talk, model=model)
    )
    turn_down(any_database, rita, feedback_id)
    write_anew(any_database, rita, feedback_id)
    assert pairs(any_database) == ([], {"not_released": 1})

    approve(any_database, rita, feedback_id)

    ([row], left_out) = pairs(any_database)
    assert (row["source"], row["chosen_by"], row["guided"], left_out) == ("regenerated", "large", False, {})
    assert row["prompt"] == model.asked[0].messages
    assert json.loads(row["rejected"][0]["content"]) == written()
    assert json.loads(row["chosen"][0]["content"]) == written(summary=BETTER)


def test_where_a_reviewer_told_the_model_what_to_do_better_the_pair_is_marked_and_the_prompt_is_the_first_one(
    any_database: Database,
):
    rita = make_account(any_database)
    feedback_id = make_reviewed(any_database, state=ReviewState.PENDING)
    turn_down(any_database, rita, feedback_id)
    write_anew(any_database, rita, feedback_id, guidance="Name the figures.")
    approve(any_database, rita, feedback_id)

    ([row], _) = pairs(any_database)

    assert (row["source"], row["guided"]) == ("regenerated", True)
    assert "Name the figures." not in str(row)


def test_what_was_written_anew_without_having_been_rejected_is_no_pair(any_database: Database):
    rita = make_account(any_database)
    feedback_id = make_reviewed(any_database, state=ReviewState.PENDING)
    reviews.claim(any_database, rita, feedback_id, reviews.get_review(any_database, feedback_id).row_version)
    write_anew(any_database, rita, feedback_id)
    approve(any_database, rita, feedback_id)

    assert pairs(any_database) == ([], {"not_edited": 1})


def test_an_edit_of_what_was_written_anew_is_a_pair_over_that_and_its_own_prompt(database: Database):
    rita = make_account(database)
    feedback_id = make_reviewed(database, state=ReviewState.PENDING)
    turn_down(database, rita, feedback_id)
    write_anew(database, rita, feedback_id, guidance="Name the figures.")
    edit(database, rita, feedback_id)

    ([row], _) = pairs(database)

    assert (row["source"], row["chosen_by"], row["guided"], row["model"]) == ("edit", "person", False, "large")
    assert "Name the figures." in str(row["prompt"])
    assert json.loads(row["rejected"][0]["content"])["summary"] == BETTER


def test_two_answers_that_say_the_same_are_no_pair(database: Database):
    rita = make_account(database)
    feedback_id = make_reviewed(database, state=ReviewState.PENDING)
    turn_down(database, rita, feedback_id)
    write_anew(database, rita, feedback_id, summary=written()["summary"])
    approve(database, rita, feedback_id)

    assert pairs(database) == ([], {"too_alike": 1})

"""Versions of messages and what is said of answers, on both engines."""

import pytest

from debrief.conversation import MessageState
from debrief.errors import Conflict, InputRejected
from storage import ratings, turns, versions
from storage.answers import finish_answer
from storage.conversations import delete_conversation
from storage.messages import list_path
from tests.factories import OLGA, SAM, make_conversation, make_turn, start_turn

ROOMY = {"per_visitor_cap": 1000, "total_cap": 1000}


def finish(db, turn, text="Another answer.", state=MessageState.COMPLETE):
    assert finish_answer(db, turn.answer.id, turn.writer_token, state=state, text=text)
    return turn


def words(db, talk):
    return [message.text for message in list_path(db, talk.id)][1:]


def test_an_edit_opens_a_branch_and_the_old_one_is_whole_when_it_is_chosen(any_database):
    talk = make_conversation(any_database)
    first = make_turn(any_database, talk, text="I led three.", answer="Who?")
    make_turn(any_database, talk, text="Ana, Ben, Cho.", answer="I see.")

    edited = turns.start_edit(any_database, OLGA, first.user_message.id, "I led four.", "r", **ROOMY)
    finish(any_database, edited, "Four?")

    assert words(any_database, talk) == ["I led four.", "Four?"]
    _, told = versions.read_talk(any_database, OLGA, talk.id)
    assert told.versions == dict.fromkeys(
        (first.user_message.id, edited.user_message.id), (first.user_message.id, edited.user_message.id)
    )
    versions.choose_version(any_database, OLGA, first.user_message.id)
    assert words(any_database, talk) == ["I led three.", "Who?", "Ana, Ben, Cho.", "I see."]


def test_the_versions_of_an_answer_are_told_in_the_order_of_making(any_database):
    talk = make_conversation(any_database)
    old = make_turn(any_database, talk).answer.id
    new = finish(any_database, turns.start_retry(any_database, OLGA, old, "r", **ROOMY)).answer.id

    told = versions.read_message(any_database, OLGA, old)

    assert told.versions[old] == (old, new)
    assert versions.read_talk(any_database, OLGA, talk.id)[1].versions[new] == (old, new)


def test_no_version_is_chosen_while_an_answer_is_written(any_database):
    talk = make_conversation(any_database)
    old = make_turn(any_database, talk).answer.id
    start_turn(any_database, talk)

    with pytest.raises(Conflict) as refused:
        versions.choose_version(any_database, OLGA, old)

    assert refused.value.reason == "answer_running"


@pytest.mark.parametrize("state", ["cut_off", "stopped", "interrupted", "error"])
def test_an_answer_that_broke_off_goes_on_with_its_own_words(any_database, state):
    talk = make_conversation(any_database)
    cut = make_turn(any_database, talk, answer="This is not the", state=MessageState(state)).answer

    going_on = turns.start_continuation(any_database, OLGA, cut.id, "r", **ROOMY)

    assert (going_on.answer.text, going_on.answer.continues) == ("This is not the", cut.id)
    assert going_on.answer.parent_id == cut.parent_id
    assert turns.start_continuation(any_database, OLGA, cut.id, "r", **ROOMY).answer.id == going_on.answer.id
    finish(any_database, going_on, "This is not the end.")
    assert words(any_database, talk)[1:] == ["This is not the end."]


def test_what_an_answer_goes_on_with_is_no_version_beside_it(any_database):
    talk = make_conversation(any_database)
    cut = make_turn(any_database, talk, answer="Not the", state=MessageState.CUT_OFF).answer
    whole = finish(any_database, turns.start_continuation(any_database, OLGA, cut.id, "r", **ROOMY), "Not the end.")

    assert versions.read_talk(any_database, OLGA, talk.id)[1].versions == {}

    again = finish(any_database, turns.start_retry(any_database, OLGA, whole.answer.id, "again", **ROOMY))
    told = versions.read_talk(any_database, OLGA, talk.id)[1]
    assert told.versions[again.answer.id] == (whole.answer.id, again.answer.id)


def test_a_whole_answer_does_not_go_on_and_an_answer_is_not_edited(any_database):
    turn = make_turn(any_database, make_conversation(any_database))

    with pytest.raises(InputRejected):
        turns.start_continuation(any_database, OLGA, turn.answer.id, "r", **ROOMY)
    with pytest.raises(InputRejected):
        turns.start_edit(any_database, OLGA, turn.answer.id, "Better", "r", **ROOMY)


def test_a_rating_is_kept_replaced_taken_back_and_listed(any_database):
    talk = make_conversation(any_database)
    answer = make_turn(any_database, talk).answer
    other = make_turn(any_database, make_conversation(any_database, visitor_id=SAM)).answer

    ratings.rate(any_database, OLGA, answer.id, "up")
    ratings.rate(any_database, OLGA, answer.id, "down", ["too_long"], "Three pages!")
    ratings.rate(any_database, SAM, other.id, "up")

    rating = versions.read_talk(any_database, OLGA, talk.id)[1].ratings[answer.id]
    assert (rating.value, rating.reasons, rating.comment) == ("down", ("too_long",), "Three pages!")
    listed = ratings.list_ratings(any_database, limit=1)
    listed += ratings.list_ratings(any_database, after=(listed[0].conversation_id, listed[0].answer.id))
    assert {rated.answer.id: rated.rating.value for rated in listed} == {answer.id: "down", other.id: "up"}
    ratings.rate(any_database, OLGA, answer.id, None)
    assert versions.read_talk(any_database, OLGA, talk.id)[1].ratings == {}


def test_ratings_go_with_the_talk(any_database):
    talk = make_conversation(any_database)
    ratings.rate(any_database, OLGA, make_turn(any_database, talk).answer.id, "down", comment="Private words.")

    delete_conversation(any_database, OLGA, talk.id)

    assert ratings.list_ratings(any_database) == []


def test_only_an_answer_that_has_ended_is_rated(any_database):
    talk = make_conversation(any_database)
    opening = list_path(any_database, talk.id)[0]
    turn = start_turn(any_database, talk)

    for message_id in (opening.id, turn.user_message.id):
        with pytest.raises(InputRejected):
            ratings.rate(any_database, OLGA, message_id, "up")
    with pytest.raises(Conflict):
        ratings.rate(any_database, OLGA, turn.answer.id, "up")

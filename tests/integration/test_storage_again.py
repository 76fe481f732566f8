"""Trying again and looking back, as stored: whose it is, what is copied, what may be compared; on both databases."""

import pytest
from sqlalchemy import event

from debrief.conversation import MessageState
from debrief.errors import NotFound
from debrief.scenario import opening_line
from storage import answers, scenarios
from storage.again import begin_again, get_comparison
from storage.conversations import delete_conversation, get_conversation
from storage.engine import Database
from storage.imports import Said, import_conversation
from storage.messages import list_messages, list_path
from storage.progress import list_shown
from storage.tables import ConversationRow, FeedbackRow
from storage.turns import start_retry
from tests.again_scene import make_debrief, make_interview, own_messages
from tests.factories import OLGA, SAM, make_turn, start_turn
from tests.job_scene import interview

pytestmark = pytest.mark.both_engines


def texts(db: Database, talk_id: str) -> list[str]:
    return [message.text for message in list_path(db, talk_id)]


# Trying again


def test_the_new_talk_ends_with_the_partners_line_before_what_was_said(any_database):
    talk = make_interview(any_database, language="ko", answers={"job": "nurse"}, title="The one at Acme")
    feedback_id = make_debrief(any_database, talk)
    weak = own_messages(any_database, talk.id)[1]

    again_id = begin_again(any_database, OLGA, feedback_id, weak.id)

    again = get_conversation(any_database, OLGA, again_id)
    assert (again.origin, again.again_of, again.again_from) == ("again", talk.id, weak.id)
    assert (again.scenario_hash, again.scenario_id) == (talk.scenario_hash, talk.scenario_id)
    assert (again.language, again.answers, again.title) == ("ko", {"job": "nurse"}, "The one at Acme")
    copies = list_path(any_database, again_id)
    originals = list_path(any_database, talk.id)[:3]
    assert [(m.role, m.text, m.state, m.model) for m in copies] == [
        (m.role, m.text, m.state, m.model) for m in originals
    ]
    assert [m.seq for m in copies] == [0, 1, 2]
    assert [m.parent_id for m in copies] == [None, copies[0].id, copies[1].id]
    assert not {m.id for m in copies} & {m.id for m in originals}
    assert {m.created_at for m in copies} == {again.created_at}
    assert again.active_leaf_id == copies[-1].id
    with any_database.read() as session:
        assert session.get_one(ConversationRow, again_id).message_count == 3


def test_the_talk_goes_on_from_there_and_the_other_stays_as_it_was(any_database):
    talk = make_interview(any_database)
    before = list_messages(any_database, talk.id)
    weak = own_messages(any_database, talk.id)[1]
    again_id = begin_again(any_database, OLGA, make_debrief(any_database, talk), weak.id)

    make_turn(any_database, get_conversation(any_database, OLGA, again_id), text="I cut the wait.", answer="Good.")

    assert texts(any_database, again_id)[-3:] == ["Question 1?", "I cut the wait.", "Good."]
    assert list_messages(any_database, talk.id) == before


def test_only_the_branch_that_leads_to_the_words_is_copied(any_database):
    talk = make_interview(any_database, said=("First.",))
    old = list_path(any_database, talk.id)[-1]
    retried = start_retry(any_database, OLGA, old.id, "again", per_visitor_cap=9, total_cap=9)
    assert retried.writer_token
    answers.finish_answer(
        any_database, retried.answer.id, retried.writer_token, state=MessageState.STOPPED, text="Another quest"
    )
    make_turn(any_database, talk, text="Second.", answer="Question 2?")
    feedback_id = make_debrief(any_database, talk)

    again_id = begin_again(any_database, OLGA, feedback_id, own_messages(any_database, talk.id)[1].id)

    copies = list_messages(any_database, again_id)
    assert [m.text for m in copies] == [talk_opening(any_database, talk.id), "First.", "Another quest"]
    assert copies[-1].state is MessageState.STOPPED


def talk_opening(db: Database, talk_id: str) -> str:
    return list_path(db, talk_id)[0].text


def test_what_was_said_in_a_branch_that_was_left_can_be_tried_again(any_database):
    talk = make_interview(any_database, said=("First.",))
    turn = make_turn(any_database, talk, text="Left behind.", answer="Oh.")
    feedback_id = make_debrief(any_database, talk)
    first_answer = list_path(any_database, talk.id)[2]
    start_retry(any_database, OLGA, first_answer.id, "r", per_visitor_cap=9, total_cap=9)

    again_id = begin_again(any_database, OLGA, feedback_id, turn.user_message.id)

    assert texts(any_database, again_id)[1:] == ["First.", "Question 1?"]


def test_a_stranger_cannot_try_my_talk_again(any_database):
    talk = make_interview(any_database)
    feedback_id = make_debrief(any_database, talk)
    weak = own_messages(any_database, talk.id)[1]
    with pytest.raises(NotFound):
        begin_again(any_database, SAM, feedback_id, weak.id)


def test_only_my_words_of_that_talk_and_a_shown_debrief_will_do(any_database):
    talk, other = make_interview(any_database), make_interview(any_database)
    shown = make_debrief(any_database, talk)
    waiting = make_debrief(any_database, other, release="hold")
    partner = list_path(any_database, talk.id)[2]
    elsewhere = own_messages(any_database, other.id)[1]
    for feedback_id, message_id in [
        (shown, partner.id), (shown, elsewhere.id), (shown, "m_none"), ("f_none", elsewhere.id),
        (waiting, elsewhere.id),
    ]:  # fmt: skip
        with pytest.raises(NotFound):
            begin_again(any_database, OLGA, feedback_id, message_id)


def test_the_new_talk_stays_whole_when_the_other_is_deleted(any_database):
    talk = make_interview(any_database)
    weak = own_messages(any_database, talk.id)[1]
    again_id = begin_again(any_database, OLGA, make_debrief(any_database, talk), weak.id)
    said = texts(any_database, again_id)

    delete_conversation(any_database, OLGA, talk.id)

    again = get_conversation(any_database, OLGA, again_id)
    assert (again.origin, again.again_of, again.again_from) == ("again", None, weak.id)
    assert texts(any_database, again_id) == said
    assert scenarios.get_body(any_database, again.scenario_hash) == interview().body()


def test_a_try_of_a_try_points_at_the_one_before(any_database):
    talk = make_interview(any_database)
    first = begin_again(any_database, OLGA, make_debrief(any_database, talk), own_messages(any_database, talk.id)[1].id)
    again = get_conversation(any_database, OLGA, first)
    make_turn(any_database, again, text="Better.", answer="And?")
    second = begin_again(any_database, OLGA, make_debrief(any_database, again), own_messages(any_database, first)[1].id)
    assert get_conversation(any_database, OLGA, second).again_of == first


def test_a_talk_from_elsewhere_that_i_began_starts_again_with_the_opening_line(any_database):
    scenario = interview()
    talk_id = import_conversation(
        any_database, visitor_id=OLGA, scenario_id=scenario.id, scenario_hash=scenario.hash,
        scenario_body=scenario.body(), language="ko", title="Brought", answers={},
        said=[Said("user", "Hello."), Said("assistant", "Hello. Why us?"), Said("user", "It was fine.")],
    )  # fmt: skip
    feedback_id = make_debrief(any_database, get_conversation(any_database, OLGA, talk_id))

    again_id = begin_again(any_database, OLGA, feedback_id, own_messages(any_database, talk_id)[0].id)

    assert texts(any_database, again_id) == [opening_line(scenario, "ko", {})]


# The two debriefs


def tried_again(db: Database, talk, feedback_id: str):
    """The new try with one more turn."""
    again_id = begin_again(db, OLGA, feedback_id, own_messages(db, talk.id)[1].id)
    make_turn(db, get_conversation(db, OLGA, again_id), text="I cut the wait.", answer="Good.")
    return get_conversation(db, OLGA, again_id)


def test_the_new_debrief_is_compared_with_the_one_of_the_talk_before(any_database):
    talk = make_interview(any_database)
    first = make_debrief(any_database, talk, {"examples": 2})
    second = make_debrief(any_database, tried_again(any_database, talk, first), {"examples": 4})

    tries = get_comparison(any_database, OLGA, second)

    assert (tries.before.feedback_id, tries.after.feedback_id) == (first, second)
    assert [debrief.body.criteria[0].level for debrief in (tries.before, tries.after)] == [2, 4]
    assert (tries.said_before, tries.said_after) == ("It was fine.", "I cut the wait.")


def test_of_several_debriefs_the_comparable_one_is_taken_and_then_the_one_that_was_there(any_database):
    talk = make_interview(any_database)
    old = make_debrief(any_database, talk, lineage={"model": "large"}, nonce="old")
    there = make_debrief(any_database, talk, nonce="there")
    make_debrief(any_database, talk, lineage={"model": "large"}, nonce="newer")
    again = tried_again(any_database, talk, there)
    make_debrief(any_database, talk, nonce="afterwards")
    second = make_debrief(any_database, again)
    assert get_comparison(any_database, OLGA, second).before.feedback_id == there
    assert old != there


def test_there_is_nothing_to_compare_for_strangers_or_without_two_shown_debriefs(any_database):
    talk = make_interview(any_database)
    first = make_debrief(any_database, talk)
    again = tried_again(any_database, talk, first)
    held = make_debrief(any_database, again, release="hold", nonce="held")
    shown = make_debrief(any_database, again)
    for visitor_id, feedback_id in [(SAM, shown), (OLGA, first), (OLGA, held), (OLGA, "f_none")]:
        with pytest.raises(NotFound):
            get_comparison(any_database, visitor_id, feedback_id)
    get_comparison(any_database, OLGA, shown)
    delete_conversation(any_database, OLGA, talk.id)
    with pytest.raises(NotFound):
        get_comparison(any_database, OLGA, shown)


# Looking back


def test_only_my_shown_debriefs_are_looked_back_at_oldest_first(any_database):
    talks = [make_interview(any_database) for _ in range(3)]
    first, second = make_debrief(any_database, talks[0]), make_debrief(any_database, talks[1])
    make_debrief(any_database, talks[2], release="hold")
    make_debrief(any_database, make_interview(any_database, visitor_id=SAM))

    found, older_left_out = list_shown(any_database, OLGA)

    assert [debrief.feedback_id for debrief in found] == [first, second]
    assert not older_left_out


def test_what_is_taken_back_disappears_from_the_look_back(any_database):
    feedback_id = make_debrief(any_database, make_interview(any_database))
    with any_database.write() as session:
        session.get_one(FeedbackRow, feedback_id).review_state = "withdrawn"
    assert list_shown(any_database, OLGA) == ([], False)


def test_the_look_back_is_one_query_and_takes_the_newest(database):
    made = [make_debrief(database, make_interview(database)) for _ in range(4)]
    statements: list[str] = []
    with database.read() as session:
        event.listen(session.get_bind(), "before_cursor_execute", lambda *a: statements.append(a[2]))
    found, older_left_out = list_shown(database, OLGA, most=3)
    assert [debrief.feedback_id for debrief in found] == made[1:]
    assert older_left_out
    assert len([sql for sql in statements if sql.startswith("SELECT")]) == 1
    assert list_shown(database, OLGA, scenario_id="upset_customer") == ([], False)


def test_an_answer_that_is_being_written_elsewhere_does_not_stand_in_the_way(any_database):
    talk = make_interview(any_database)
    feedback_id = make_debrief(any_database, talk)
    weak = own_messages(any_database, talk.id)[1]
    start_turn(any_database, talk, text="One more thing.")
    assert texts(any_database, begin_again(any_database, OLGA, feedback_id, weak.id))[-1] == "Question 1?"

import pytest

from debrief.conversation import MessageState
from debrief.errors import Conflict, NotFound
from storage import conversations
from tests.factories import OLGA, SAM, make_conversation, make_turn, start_turn


def test_a_talk_begins_with_the_opening_line(any_database):
    talk = make_conversation(any_database, opening="Hello!")

    [first] = conversations.list_path(any_database, talk.id)
    assert (first.role, first.text, first.seq, first.parent_id) == ("assistant", "Hello!", 0, None)
    assert talk.active_leaf_id == first.id


def test_a_double_click_is_one_turn(any_database):
    talk = make_conversation(any_database)

    first = start_turn(any_database, talk, request_id="click")
    second = start_turn(any_database, talk, request_id="click")

    assert first.is_new
    assert not second.is_new
    assert second.writer_token is None
    assert (second.user_message.id, second.answer.id) == (first.user_message.id, first.answer.id)
    assert len(conversations.list_messages(any_database, talk.id)) == 3


def test_a_second_message_waits_for_the_running_answer(any_database):
    talk = make_conversation(any_database)
    start_turn(any_database, talk)

    with pytest.raises(Conflict):
        start_turn(any_database, talk)


def test_a_finished_answer_is_there_with_its_figures(any_database):
    talk = make_conversation(any_database)
    turn = start_turn(any_database, talk)

    assert conversations.finish_answer(
        any_database, turn.answer.id, turn.writer_token, state=MessageState.COMPLETE, text="Why?", completion_tokens=2
    )

    answer = conversations.get_message(any_database, OLGA, turn.answer.id)
    assert (answer.text, answer.state, answer.completion_tokens) == ("Why?", MessageState.COMPLETE, 2)


def test_a_list_shows_the_talk_touched_last_first(any_database):
    old, new = make_conversation(any_database), make_conversation(any_database)
    make_turn(any_database, old)

    page = conversations.list_conversations(any_database, OLGA)

    assert [line.conversation.id for line in page.items] == [old.id, new.id]
    assert [line.message_count for line in page.items] == [3, 1]


def test_trying_again_keeps_the_old_answer_beside_the_new(any_database):
    talk = make_conversation(any_database)
    turn = make_turn(any_database, talk)

    again = conversations.start_retry(any_database, OLGA, turn.answer.id, "again", per_visitor_cap=9, total_cap=9)

    assert again.user_message.id == turn.user_message.id
    assert [m.id for m in conversations.list_path(any_database, talk.id)][-1] == again.answer.id
    assert len(conversations.list_messages(any_database, talk.id)) == 4


def test_a_stranger_cannot_open_my_conversation(any_database):
    talk = make_conversation(any_database)

    with pytest.raises(NotFound):
        conversations.get_conversation(any_database, SAM, talk.id)


def test_deleting_is_real(any_database):
    talk = make_conversation(any_database, turns=2)

    conversations.delete_conversation(any_database, OLGA, talk.id)

    assert conversations.list_messages(any_database, talk.id) == []

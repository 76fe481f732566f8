import pytest

from debrief.conversation import MessageState
from debrief.errors import Conflict, NotFound
from storage import conversations
from tests.factories import OLGA, SAM, make_conversation, make_turn, start_turn


def test_a_talk_begins_with_the_opening_line(database):
    talk = make_conversation(database, opening="Hello!")

    [first] = conversations.list_path(database, talk.id)
    assert (first.role, first.text, first.seq, first.parent_id) == ("assistant", "Hello!", 0, None)
    assert talk.active_leaf_id == first.id


def test_a_double_click_is_one_turn(database):
    talk = make_conversation(database)

    first = start_turn(database, talk, request_id="click")
    second = start_turn(database, talk, request_id="click")

    assert first.is_new
    assert not second.is_new
    assert second.writer_token is None
    assert (second.user_message.id, second.answer.id) == (first.user_message.id, first.answer.id)
    assert len(conversations.list_messages(database, talk.id)) == 3


def test_a_second_message_waits_for_the_running_answer(database):
    talk = make_conversation(database)
    start_turn(database, talk)

    with pytest.raises(Conflict):
        start_turn(database, talk)


def test_a_finished_answer_is_there_with_its_figures(database):
    talk = make_conversation(database)
    turn = start_turn(database, talk)

    assert conversations.finish_answer(
        database, turn.answer.id, turn.writer_token, state=MessageState.COMPLETE, text="Why?", completion_tokens=2
    )

    answer = conversations.get_message(database, OLGA, turn.answer.id)
    assert (answer.text, answer.state, answer.completion_tokens) == ("Why?", MessageState.COMPLETE, 2)


def test_a_list_shows_the_talk_touched_last_first(database):
    old, new = make_conversation(database), make_conversation(database)
    make_turn(database, old)

    page = conversations.list_conversations(database, OLGA)

    assert [line.conversation.id for line in page.items] == [old.id, new.id]
    assert [line.message_count for line in page.items] == [3, 1]


def test_trying_again_keeps_the_old_answer_beside_the_new(database):
    talk = make_conversation(database)
    turn = make_turn(database, talk)

    again = conversations.start_retry(database, OLGA, turn.answer.id, "again", per_visitor_cap=9, total_cap=9)

    assert again.user_message.id == turn.user_message.id
    assert [m.id for m in conversations.list_path(database, talk.id)][-1] == again.answer.id
    assert len(conversations.list_messages(database, talk.id)) == 4


def test_a_stranger_cannot_open_my_conversation(database):
    talk = make_conversation(database)

    with pytest.raises(NotFound):
        conversations.get_conversation(database, SAM, talk.id)


def test_deleting_is_real(database):
    talk = make_conversation(database, turns=2)

    conversations.delete_conversation(database, OLGA, talk.id)

    assert conversations.list_messages(database, talk.id) == []

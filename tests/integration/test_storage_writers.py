"""Many processes write at once, and none gets in the way of another; `tests.crash.writers` has it at full length."""

from collections import Counter

from storage.conversations import get_conversation
from storage.engine import Database
from storage.messages import list_messages
from tests.crash.writers import PROCESSES, write_at_once
from tests.factories import OLGA, make_conversation

TURNS = {"sqlite": 100, "postgresql": 60}  # of each process


def test_four_processes_writing_in_one_talk_lose_and_double_nothing(any_database: Database):
    talk = make_conversation(any_database)
    turns = TURNS[any_database.engine.dialect.name]

    _, failures = write_at_once(any_database, [talk.id], turns)

    assert failures == 0
    expect_whole(any_database, talk.id, turns=PROCESSES * turns)


def test_four_processes_writing_in_talks_of_their_own_lose_and_double_nothing(database: Database):
    talks = [make_conversation(database) for _ in range(PROCESSES)]

    _, failures = write_at_once(database, [talk.id for talk in talks], turns=100)

    assert failures == 0
    for talk in talks:
        expect_whole(database, talk.id, turns=100)


def expect_whole(db: Database, conversation_id: str, *, turns: int) -> None:
    messages = list_messages(db, conversation_id)
    assert [message.seq for message in messages] == list(range(1 + 2 * turns))
    # One straight line: each message answers the one before, and none was answered twice.
    assert [message.parent_id for message in messages[1:]] == [message.id for message in messages[:-1]]
    assert Counter(message.role for message in messages) == {"user": turns, "assistant": turns + 1}
    assert get_conversation(db, OLGA, conversation_id).active_leaf_id == messages[-1].id

"""What only a server can do to us: two that wait for each other, a lock held too long, a host that says nothing."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from debrief.errors import NotReadable, NotSaved
from storage.engine import Database
from storage.tables import ConversationRow
from tests.factories import make_conversation


@pytest.fixture
def on_postgresql(clean_postgres_url: str):
    db = Database(clean_postgres_url)
    yield db
    db.close()


def lock(session, conversation_id: str) -> None:
    session.scalar(select(ConversationRow).where(ConversationRow.id == conversation_id).with_for_update())


def test_a_lock_held_too_long_is_told_as_not_saved_and_changes_nothing(on_postgresql: Database):
    talk = make_conversation(on_postgresql)
    with on_postgresql.write() as holder:
        lock(holder, talk.id)
        with pytest.raises(NotSaved), on_postgresql.write(patience_ms=200) as other:
            lock(other, talk.id)
        with on_postgresql.read() as reader:  # who only looks waits for nobody
            assert reader.get(ConversationRow, talk.id)


def test_of_two_that_wait_for_each_other_one_is_told_and_the_other_is_saved(on_postgresql: Database):
    ids = [make_conversation(on_postgresql).id for _ in range(2)]
    both_hold_one = threading.Barrier(2)

    def rename(first: str, second: str) -> str:
        try:
            with on_postgresql.write() as session:
                session.get_one(ConversationRow, first, with_for_update=True).title = f"from {first}"
                both_hold_one.wait(20)
                session.get_one(ConversationRow, second, with_for_update=True).title = f"from {first}"
        except NotSaved:
            return ""
        return f"from {first}"

    with ThreadPoolExecutor(2) as threads:
        saved = list(threads.map(rename, ids, reversed(ids)))
    assert saved.count("") == 1
    with on_postgresql.read() as session:
        titles = set(session.scalars(select(ConversationRow.title)))
    assert titles == {max(saved)}


def test_a_host_that_says_nothing_is_given_up_in_seconds():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        db = Database(f"postgresql+psycopg://debrief@127.0.0.1:{silent.getsockname()[1]}/debrief")
        began = time.monotonic()
        with pytest.raises(NotReadable), db.read() as session:
            session.scalar(select(ConversationRow.id))
        assert time.monotonic() - began < 30
        db.close()

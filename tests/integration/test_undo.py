"""Deleting so that it can be undone: gone everywhere at once, back as it was, and after its grace gone for good."""

from datetime import timedelta

import pytest

from debrief.errors import Conflict, NotFound
from debrief.feedback import JobState
from debrief.review import ReviewState
from storage import conversations, feedback, live, progress, reviews, undo, visitors
from storage.engine import Database, utc_now
from storage.jobs import claim_job
from storage.messages import list_messages
from storage.review_queue import claim_next, count_reviews, has_next, list_reviews
from tests.factories import OLGA, SAM, make_conversation, make_turn
from tests.review_scene import make_account, make_feedback, make_talk
from tests.web_scene import Browser, Web, running_web, until

pytestmark = pytest.mark.both_engines


def titles(db: Database, visitor_id: str = OLGA) -> list[str]:
    return [line.conversation.title for line in conversations.list_conversations(db, visitor_id).items]


def test_a_deleted_talk_is_nowhere_and_comes_back_as_it_was(database: Database):
    rita = make_account(database)
    talk = make_talk(database)
    row = make_feedback(database, talk, state=ReviewState.AUTO_RELEASED)
    waiting = make_feedback(database, talk)
    before = (conversations.get_conversation(database, OLGA, talk.id), list_messages(database, talk.id))

    deletion = undo.delete_with_grace(database, OLGA, talk.id)

    assert titles(database) == []
    assert progress.list_shown(database, OLGA, most=10)[0] == []
    assert live.list_running_of(database, [OLGA]) == []
    assert list_reviews(database).items == []
    assert sum(count_reviews(database).values()) == 0
    assert not has_next(database, rita)
    for look in (
        lambda: conversations.get_conversation(database, OLGA, talk.id),
        lambda: conversations.rename_conversation(database, OLGA, talk.id, "Still mine"),
        lambda: conversations.delete_conversation(database, OLGA, talk.id),
        lambda: undo.delete_with_grace(database, OLGA, talk.id),
        lambda: make_turn(database, talk),
        lambda: feedback.get_feedback(database, OLGA, row.id),
        lambda: feedback.request_feedback(database, OLGA, talk.id, versions={}),
        lambda: reviews.get_review(database, waiting.id),
    ):
        with pytest.raises(NotFound):
            look()

    with pytest.raises(Conflict):
        reviews.claim(database, rita, waiting.id, waiting.row_version)

    assert undo.undo_deletion(database, OLGA, deletion.id) == [talk.id]
    assert (conversations.get_conversation(database, OLGA, talk.id), list_messages(database, talk.id)) == before
    assert feedback.get_feedback(database, OLGA, row.id).id == row.id
    assert claim_next(database, rita) == waiting.id
    assert count_reviews(database)[ReviewState.AUTO_RELEASED] == 1
    assert undo.list_deletions(database, OLGA) == []


def test_what_is_being_made_of_a_deleted_talk_ends(database: Database):
    talk = make_conversation(database, turns=1)
    view, job_id = feedback.request_feedback(database, OLGA, talk.id, versions={})
    assert job_id
    deletion = undo.delete_with_grace(database, OLGA, talk.id)
    assert claim_job(database, job_id, "w_1", lease_s=60, seats=1) is None
    undo.undo_deletion(database, OLGA, deletion.id)
    assert feedback.get_feedback(database, OLGA, view.id).state is JobState.CANCELLED


def test_all_talks_go_together_and_come_back_together(database: Database):
    for n in range(3):
        make_conversation(database, title=f"Talk {n}")
    make_conversation(database, visitor_id=SAM, title="Sam's")
    alone = undo.delete_with_grace(
        database, OLGA, conversations.list_conversations(database, OLGA).items[0].conversation.id
    )
    together = undo.delete_all_with_grace(database, OLGA)
    assert (alone.title, alone.count, together.title, together.count) == ("Talk 2", 1, None, 2)
    assert undo.list_deletions(database, OLGA) == [together, alone]
    assert (titles(database), titles(database, SAM)) == ([], ["Sam's"])
    assert len(undo.undo_deletion(database, OLGA, together.id)) == 2
    assert titles(database) == ["Talk 1", "Talk 0"]
    assert undo.list_deletions(database, OLGA) == [alone]


def test_nobody_undoes_what_another_deleted(database: Database):
    deletion = undo.delete_with_grace(database, OLGA, make_conversation(database).id)
    with pytest.raises(NotFound):
        undo.undo_deletion(database, SAM, deletion.id)
    assert undo.list_deletions(database, SAM) == []


def test_after_the_grace_it_is_gone_for_good_and_not_before(database: Database):
    talk, kept = make_conversation(database, turns=1), make_conversation(database, turns=1)
    deletion = undo.delete_with_grace(database, OLGA, talk.id)
    assert undo.delete_expired(database) == 0
    assert undo.delete_expired(database, before=deletion.until - undo.GRACE + timedelta(seconds=1)) == 1
    assert list_messages(database, talk.id) == []
    assert len(list_messages(database, kept.id)) == 3
    with pytest.raises(NotFound) as refusal:
        undo.undo_deletion(database, OLGA, deletion.id)
    assert refusal.value.reason == "too_late_to_undo"


def test_who_wants_their_data_gone_gets_that_at_once_also_of_what_waits_in_its_grace(database: Database):
    old, new, other = (make_conversation(database, visitor_id=who, turns=1) for who in (OLGA, OLGA, SAM))
    undo.delete_with_grace(database, OLGA, old.id)
    assert visitors.delete_visitor(database, OLGA).rows["conversations"] == 2
    assert [len(list_messages(database, talk.id)) for talk in (old, new, other)] == [0, 0, 3]
    assert undo.list_deletions(database, OLGA) == []


def test_another_process_hears_of_a_new_title_a_deletion_and_an_undo(database: Database):
    talk = make_conversation(database)
    since = utc_now()
    assert live.list_touched(database, [OLGA], since) == []
    conversations.rename_conversation(database, OLGA, talk.id, "Another name")
    [renamed] = live.list_touched(database, [OLGA], since)
    deletion = undo.delete_with_grace(database, OLGA, talk.id)
    [deleted] = live.list_touched(database, [OLGA], since)
    undo.undo_deletion(database, OLGA, deletion.id)
    [back] = live.list_touched(database, [OLGA], since)
    assert all(touched.is_changed and touched.id == talk.id for touched in (renamed, deleted, back))
    assert len({touched.at for touched in (renamed, deleted, back)}) == 3


# ---- the routes -------------------------------------------------------------------------------------------------


def test_one_and_all_by_the_api_and_the_other_tab_hears(web: Web, olga: Browser, sam: Browser):
    first, _ = olga.begin(), olga.begin()
    with olga.live() as tab:
        one = olga.delete(f"/api/v1/conversations/{first}").json()
        tab.wait_for("list", conversation_id=first, changed=True)
        assert (one["count"], one["conversation_id"], one["title"]) == (1, first, "Job interview")
        assert olga.get(f"/api/v1/conversations/{first}").status_code == 404
        assert olga.delete("/api/v1/conversations").status_code == 422, "a lost id must not delete everything"
        rest = olga.delete("/api/v1/conversations", params={"all": "true"}).json()
        tab.wait_for("list", conversation_id=None, changed=True)
        assert [item["id"] for item in olga.get("/api/v1/deletions").json()["items"]] == [rest["id"], one["id"]]
        assert sam.post(f"/api/v1/deletions/{one['id']}/undo").status_code == 404
        heard = len(tab.of("list"))
        assert olga.post(f"/api/v1/deletions/{one['id']}/undo").json() == {"restored": 1}
        until(lambda: {"conversation_id": first, "changed": True} in tab.of("list")[heard:], what="the tab to hear")
    assert olga.post(f"/api/v1/deletions/{one['id']}/undo").json()["code"] == "too_late_to_undo"
    assert [item["id"] for item in olga.get("/api/v1/conversations").json()["items"]] == [first]


def test_at_its_next_start_the_server_deletes_what_was_due_while_nobody_ran(web_settings):
    with running_web(web_settings) as web, web.browser() as olga:
        talk = olga.begin()
        olga.delete(f"/api/v1/conversations/{talk}")
        with web.parts.db.write() as session:
            session.connection().exec_driver_sql("UPDATE conversations SET deleted_at = '2026-01-01 00:00:00'")
    with running_web(web_settings) as web:
        until(lambda: list_messages(web.parts.db, talk) == [], what="the talk to be gone")

"""Webhooks: each move of a review is told to who asked, signed, at least once, and never with people's words."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from threading import Barrier

import pytest
from sqlalchemy import func, select, update

from debrief.errors import Conflict
from debrief.review import ReviewState
from debrief.settings import Settings
from debrief.webhooks import EVENTS
from storage import overdue, reactions, reviews, webhook_log, webhook_outbox, webhooks
from storage.accounts import Account
from storage.audit import list_audit
from storage.engine import Database, utc_now
from storage.moves import move_review
from storage.retention import Kept, forget_old
from storage.tables import FeedbackRow, WebhookDeliveryRow, WebhookRow
from tasks.webhook_posting import Poster
from tests.factories import OLGA
from tests.job_scene import WorkerProcess, ask_for_feedback, claim_this, store, wait_until, with_quick_jobs
from tests.review_scene import make_account, make_feedback
from tests.scripted_model import ScriptedModel
from tests.webhook_scene import (
    LOOPBACK,
    NO_CERTIFICATES,
    QUICK,
    Receiver,
    deliver_all,
    deliver_once,
    hang_up,
    make_hook,
    receiving,
    say,
    stall,
    talk_without_end,
)

pytestmark = pytest.mark.both_engines
DATA = {
    *("feedback_id", "conversation_id", "scenario", "language", "state", "previous_state", "reason"),
    *("waiting_since", "created_at"),
}


@pytest.fixture
def ada(database: Database) -> Account:
    return make_account(database, "ada", "admin")


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


def approve(db: Database, account: Account) -> FeedbackRow:
    """A debrief that this account has claimed and approved."""
    row = make_feedback(db, state=ReviewState.CLAIMED, claimer=account)
    reviews.approve(db, account, row.id, row.row_version)
    return row


def get_hook(db: Database) -> webhooks.Webhook:
    [hook] = webhooks.list_webhooks(db)
    return hook


def log_of(db: Database) -> list[webhook_log.Delivery]:
    return webhook_log.list_deliveries(db, get_hook(db).id).items


def count_deliveries(db: Database) -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(WebhookDeliveryRow)) or 0


# ---- telling


def test_an_approval_arrives_signed_and_without_anybodys_words(database: Database, ada: Account, receiver: Receiver):
    _, secret = make_hook(database, ada, receiver.url)
    row = approve(database, ada)
    deliver_once(database)

    [arrived] = receiver.arrived
    assert arrived.is_signed_with(secret)
    assert arrived.headers["content-type"] == "application/json"
    assert (arrived.event["type"], set(arrived.event["data"])) == ("feedback.approved", DATA)
    told = arrived.event["data"]
    assert (told["feedback_id"], told["conversation_id"]) == (row.id, row.conversation_id)
    assert (told["state"], told["previous_state"]) == ("approved", "claimed")
    [delivery] = log_of(database)
    assert (delivery.id, delivery.state, delivery.body) == (arrived.id, "delivered", arrived.body.decode())
    assert [(attempt.n, attempt.status, attempt.failure) for attempt in delivery.attempts] == [(1, 204, None)]


def test_each_move_is_told_as_its_event(database: Database, ada: Account):
    make_hook(database, ada, "http://127.0.0.1:9/", *EVENTS)
    _, first = ask_for_feedback(database)
    store(database, claim_this(database, first))
    _, second = ask_for_feedback(database, said="I said little.")
    store(database, claim_this(database, second), passed=False)
    approve(database, ada)
    row = make_feedback(database, state=ReviewState.CLAIMED, claimer=ada)
    reviews.reject(database, ada, row.id, row.row_version, reason="unkind", note="Too harsh on Olga.")
    released = make_feedback(database, state=ReviewState.AUTO_RELEASED)
    reactions.dispute(database, OLGA, released.id, "next_step", "I never said so.")
    reviews.withdraw(database, ada, released.id)
    row = make_feedback(database, state=ReviewState.CLAIMED, claimer=ada)
    reviews.release(database, ada, row.id, row.row_version)

    told = [(delivery.event, json.loads(delivery.body)["data"]) for delivery in reversed(log_of(database))]
    assert [(event, data["state"], data["reason"]) for event, data in told] == [
        ("feedback.released", "auto_released", None),
        ("feedback.ready", "pending", None),
        ("feedback.approved", "approved", None),
        ("feedback.rejected", "rejected", "unkind"),
        ("feedback.disputed", "pending", None),
        ("feedback.withdrawn", "withdrawn", None),
    ]
    words = "".join(delivery.body for delivery in log_of(database))
    assert "harsh" not in words
    assert "never said" not in words


def test_an_event_is_kept_with_its_move_or_not_at_all(database: Database, ada: Account):
    make_hook(database, ada, "http://127.0.0.1:9/")
    row = make_feedback(database, state=ReviewState.CLAIMED, claimer=ada)
    with database.write() as session:
        move_review(session, ada, row.id, row.row_version, "approve", reviewed_by=ada.id)
        session.rollback()
    assert count_deliveries(database) == 0


def test_only_who_asked_is_told_and_a_disabled_endpoint_is_not(database: Database, ada: Account):
    wanted, _ = make_hook(database, ada, "http://127.0.0.1:9/a")
    make_hook(database, ada, "http://127.0.0.1:9/b", "feedback.rejected")
    shut, _ = make_hook(database, ada, "http://127.0.0.1:9/c")
    webhooks.change_webhook(database, ada, shut.id, LOOPBACK, disabled=True)
    approve(database, ada)
    waiting = {hook.id: hook.waiting for hook in webhooks.list_webhooks(database)}
    assert [id for id, number in waiting.items() if number] == [wanted.id]


def test_what_waits_too_long_is_told_once_until_it_waits_anew(database: Database, ada: Account):
    late = make_feedback(database, age_s=3 * 3600)
    make_feedback(database, age_s=3600)
    make_feedback(database, state=ReviewState.APPROVED, age_s=9 * 3600)
    assert overdue.tell_overdue(database, 2) == 0, "nobody wants to know"
    make_hook(database, ada, "http://127.0.0.1:9/", "review.overdue")
    assert [overdue.tell_overdue(database, 2) for _ in range(2)] == [1, 0]
    [told] = log_of(database)
    assert (told.event, told.feedback_id) == ("review.overdue", late.id)

    case = reviews.claim(database, ada, late.id, late.row_version)
    case = reviews.approve(database, ada, late.id, case.row_version)
    reviews.reopen(database, ada, late.id, case.row_version)
    long_ago = utc_now() - timedelta(hours=3)
    with database.write() as session:
        session.execute(update(FeedbackRow).where(FeedbackRow.id == late.id).values(waiting_since=long_ago))
    assert overdue.tell_overdue(database, 2) == 1


# ---- delivering


def test_a_failed_delivery_is_tried_again_with_the_same_id_and_the_same_bytes(
    database: Database, ada: Account, receiver: Receiver
):
    _, secret = make_hook(database, ada, receiver.url)
    receiver.answers += [say(500), hang_up]
    approve(database, ada)
    deliver_all(database)

    assert len(receiver.arrived) == 3
    assert len({(arrived.id, arrived.body) for arrived in receiver.arrived}) == 1
    assert all(arrived.is_signed_with(secret) for arrived in receiver.arrived)
    [delivery] = log_of(database)
    assert delivery.state == "delivered"
    assert [(attempt.status, attempt.failure) for attempt in delivery.attempts] == [
        (500, "status"),
        (None, "broken_off"),
        (204, None),
    ]
    assert get_hook(database).failing_since is None


def test_a_receiver_that_stalls_holds_nobody_up_and_is_tried_again(
    database: Database, ada: Account, receiver: Receiver
):
    make_hook(database, ada, receiver.url)
    receiver.answers += [stall(receiver)]
    approve(database, ada)
    patient = replace(QUICK, attempts=20)
    deliver_all(database, patient, poster=Poster(LOOPBACK, 1, trust=NO_CERTIFICATES))
    [delivery] = log_of(database)
    assert (delivery.state, delivery.attempts[0].failure) == ("delivered", "timed_out")


def test_an_answer_without_end_counts_by_its_status(database: Database, ada: Account, receiver: Receiver):
    make_hook(database, ada, receiver.url)
    receiver.answers += [talk_without_end(receiver)]
    approve(database, ada)
    deliver_once(database)
    assert [attempt.failure for attempt in log_of(database)[0].attempts] == [None]


def test_a_redirect_is_not_followed(database: Database, ada: Account, receiver: Receiver):
    make_hook(database, ada, receiver.url)
    receiver.answers += [say(302, location=f"{receiver.url}/elsewhere")]
    approve(database, ada)
    deliver_once(database)
    assert len(receiver.arrived) == 1
    assert [attempt.failure for attempt in log_of(database)[0].attempts] == ["redirect"]


def test_a_wait_that_the_receiver_asks_for_is_kept(database: Database, ada: Account, receiver: Receiver):
    make_hook(database, ada, receiver.url)
    receiver.answers += [say(429, retry_after="3600")]
    approve(database, ada)
    deliver_once(database)
    [delivery] = log_of(database)
    assert delivery.due_at
    assert delivery.due_at - utc_now() > timedelta(minutes=50)
    assert deliver_once(database) == 0


def test_what_is_given_up_can_be_sent_again_by_hand(database: Database, ada: Account, receiver: Receiver):
    hook, _ = make_hook(database, ada, receiver.url)
    receiver.answers += [say(500)] * QUICK.attempts
    approve(database, ada)
    deliver_all(database)
    [delivery] = log_of(database)
    assert (delivery.state, len(delivery.attempts)) == ("given_up", QUICK.attempts)
    assert deliver_once(database) == 0

    webhook_log.redeliver(database, ada, hook.id, delivery.id)
    deliver_all(database)
    assert [one.state for one in log_of(database)] == ["delivered"]
    assert len({arrived.id for arrived in receiver.arrived}) == 1
    assert [event.action for event in list_audit(database, hook.id)] == ["make_webhook", "redeliver"]


def test_an_endpoint_that_says_gone_is_disabled_and_what_waited_goes_when_it_is_opened_again(
    database: Database, ada: Account, receiver: Receiver
):
    hook, _ = make_hook(database, ada, receiver.url)
    receiver.answers += [say(410), say(410)]
    for _ in range(3):
        approve(database, ada)
    deliver_all(database)
    assert (get_hook(database).disabled_why, get_hook(database).given_up) == ("gone", 3)
    assert "switched_off" in {attempt.failure for one in log_of(database) for attempt in one.attempts}
    with pytest.raises(Conflict, match="disabled"):
        webhooks.ping(database, ada, hook.id)

    receiver.answers.clear()
    webhooks.change_webhook(database, ada, hook.id, LOOPBACK, disabled=False)
    assert webhook_log.redeliver_given_up(database, ada, hook.id) == 3
    deliver_all(database)
    assert {one.state for one in log_of(database)} == {"delivered"}


def test_an_endpoint_that_does_nothing_but_fail_for_days_is_disabled(
    database: Database, ada: Account, receiver: Receiver
):
    make_hook(database, ada, receiver.url)
    receiver.answers += [say(500)] * 2
    approve(database, ada)
    deliver_once(database)
    assert get_hook(database).disabled_at is None
    with database.write() as session:
        session.execute(update(WebhookRow).values(failing_since=utc_now() - QUICK.disable_after))
        session.execute(update(WebhookDeliveryRow).values(due_at=utc_now()))
    deliver_once(database)
    assert (get_hook(database).disabled_why, get_hook(database).given_up) == ("failing", 1)


def test_two_workers_at_once_deliver_each_event_once(database: Database, ada: Account, receiver: Receiver):
    for path in "abc":
        make_hook(database, ada, f"{receiver.url}/{path}")
    for _ in range(4):
        approve(database, ada)
    together = Barrier(2)

    def work(_: int) -> None:
        together.wait()
        deliver_all(database)

    with ThreadPoolExecutor(2) as workers:
        list(workers.map(work, range(2)))
    assert len(receiver.arrived) == len({arrived.id for arrived in receiver.arrived}) == 12


def test_while_one_worker_has_it_another_does_not_take_it_and_the_late_one_changes_nothing(
    database: Database, ada: Account
):
    make_hook(database, ada, "http://127.0.0.1:9/")
    approve(database, ada)
    [late] = webhook_outbox.claim_due(database, QUICK)
    assert webhook_outbox.claim_due(database, QUICK) == []
    with database.write() as session:
        session.execute(update(WebhookDeliveryRow).values(lease_until=utc_now() - timedelta(seconds=1)))
    [other] = webhook_outbox.claim_due(database, QUICK)

    ended = webhook_outbox.Ended(utc_now(), 0.1, 204)
    assert not webhook_outbox.end_attempt(database, late, ended, QUICK)
    assert webhook_outbox.end_attempt(database, other, ended, QUICK)
    assert [attempt.failure for attempt in log_of(database)[0].attempts] == ["interrupted", None]


def test_a_worker_killed_in_mid_delivery_loses_nothing_and_tells_of_what_is_overdue(
    database: Database, settings: Settings, scripted_model: ScriptedModel, ada: Account, receiver: Receiver
):
    quick = with_quick_jobs(
        settings,
        scripted_model.url,
        webhook_networks=",".join(LOOPBACK),
        webhook_timeout_s=6.0,
        review_overdue_hours=2.0,
    )
    make_hook(database, ada, receiver.url, "review.overdue")
    receiver.answers += [stall(receiver)]
    late = make_feedback(database, age_s=3 * 3600)
    with WorkerProcess(quick) as worker:
        wait_until(lambda: len(receiver.arrived) == 1, "the first attempt", within_s=60)
        worker.kill()
    with WorkerProcess(quick) as worker:
        wait_until(lambda: log_of(database)[0].state == "delivered", "the second attempt", within_s=60)
        worker.stop()
    first, second, *_ = receiver.arrived
    assert (first.id, first.body) == (second.id, second.body)
    assert second.event["data"]["feedback_id"] == late.id
    assert log_of(database)[0].attempts[0].failure == "interrupted"


def test_a_worker_that_is_told_to_stop_gives_back_what_it_was_delivering(
    database: Database, settings: Settings, scripted_model: ScriptedModel, ada: Account, receiver: Receiver
):
    quick = with_quick_jobs(settings, scripted_model.url, webhook_networks=",".join(LOOPBACK), webhook_timeout_s=600.0)
    make_hook(database, ada, receiver.url)
    receiver.answers += [stall(receiver)]
    approve(database, ada)
    with WorkerProcess(quick) as worker:
        wait_until(lambda: len(receiver.arrived) == 1, "the attempt", within_s=60)
        worker.stop()
    [delivery] = log_of(database)
    assert (delivery.state, delivery.attempts) == ("waiting", ())


# ---- endpoints


def test_a_new_secret_signs_beside_the_old_one_for_a_while(database: Database, ada: Account, receiver: Receiver):
    hook, old = make_hook(database, ada, receiver.url)
    changed, new = webhooks.rotate_secret(database, ada, hook.id)
    assert changed.old_secret_until
    webhooks.ping(database, ada, hook.id)
    deliver_once(database)
    assert [receiver.arrived[0].is_signed_with(secret) for secret in (old, new)] == [True, True]

    changed, newest = webhooks.rotate_secret(database, ada, hook.id, overlap_hours=0)
    assert changed.old_secret_until is None
    webhooks.ping(database, ada, hook.id)
    deliver_once(database)
    assert [receiver.arrived[1].is_signed_with(secret) for secret in (old, new, newest)] == [False, False, True]


def test_the_log_goes_after_its_days_and_with_the_debrief_that_it_is_about(
    database: Database, ada: Account, receiver: Receiver
):
    hook, _ = make_hook(database, ada, receiver.url)
    row = approve(database, ada)
    webhooks.ping(database, ada, hook.id)
    deliver_all(database)
    assert count_deliveries(database) == 2
    with database.write() as session:
        session.delete(session.get_one(FeedbackRow, row.id))
    assert [one.event for one in log_of(database)] == ["ping"]

    with database.write() as session:
        session.execute(update(WebhookDeliveryRow).values(ended_at=utc_now() - timedelta(days=31)))
    forget_old(database, Kept(webhook_log_days=30))
    assert count_deliveries(database) == 0


def test_the_log_is_read_page_by_page_and_filtered(database: Database, ada: Account):
    hook, _ = make_hook(database, ada, "http://127.0.0.1:9/")
    for _ in range(3):
        webhooks.ping(database, ada, hook.id)
    approve(database, ada)
    read = partial(webhook_log.list_deliveries, database, hook.id)
    first = read(limit=3)
    second = read(limit=3, after=first.next)
    assert [one.event for one in [*first.items, *second.items]] == ["feedback.approved", "ping", "ping", "ping"]
    assert second.next is None
    assert [one.event for one in read(event="feedback.approved").items] == ["feedback.approved"]
    assert len(read(state="waiting").items) == 4
    assert read(state="delivered").items == []

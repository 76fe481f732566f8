"""The bell between web and worker: private, JSON only, and never a reason for a request to fail."""

import json
import logging
import pickletools
import sqlite3
import stat
import time
from contextlib import closing

import pytest
from redis import Redis

from debrief.settings import Settings
from tasks.broker import Broker

pytestmark = pytest.mark.both_engines

ON_REDIS = "huey.redis.debrief"


def messages(settings: Settings) -> list[bytes]:
    if settings.queue_url:
        with Redis.from_url(settings.queue_url) as client:
            return client.lrange(ON_REDIS, 0, -1)
    with closing(sqlite3.connect(settings.queue_file)) as queue:
        return [bytes(data) for (data,) in queue.execute("select data from task order by id")]


def slip_in(settings: Settings, message: bytes) -> None:
    if settings.queue_url:
        with Redis.from_url(settings.queue_url) as client:
            client.lpush(ON_REDIS, message)
        return
    with closing(sqlite3.connect(settings.queue_file)) as queue, queue:
        queue.execute("insert into task (queue, data) values ('debrief', ?)", (message,))


def delete(settings: Settings) -> None:
    if settings.queue_url:
        with Redis.from_url(settings.queue_url) as client:
            client.flushall()
        return
    settings.queue_file.unlink()


def heard(broker: Broker) -> list[str]:
    """What a worker's thread would take from the queue."""
    ids: list[str] = []
    while (task := broker.huey.dequeue()) is not None:
        ids.extend(task.args)
    return ids


def test_a_ring_reaches_the_other_process(settings: Settings):
    Broker(settings).ring("j_1")
    worker = Broker(settings, answer=lambda _: None)
    worker.open()
    assert heard(worker) == ["j_1"]


def test_the_queue_carries_json_with_job_ids_and_no_pickle(settings: Settings):
    Broker(settings).ring("j_1")
    [message] = messages(settings)
    assert "j_1" in json.dumps(json.loads(message))
    with pytest.raises(ValueError, match="opcode"):
        list(pickletools.genops(message))


def test_a_pickle_slipped_into_the_queue_is_not_run(settings: Settings, capsys: pytest.CaptureFixture[str]):
    broker = Broker(settings)
    broker.open()
    slip_in(settings, b"cbuiltins\nprint\n(S'pickle ran'\ntR.")
    with pytest.raises(ValueError):  # noqa: PT011 any of json's
        broker.huey.dequeue()
    assert "pickle ran" not in capsys.readouterr().out


@pytest.mark.only_sqlite("the mode of the file")
def test_only_its_owner_can_read_the_queue(settings: Settings):
    Broker(settings).ring("j_1")
    for file in settings.data_dir.glob("queue.sqlite3*"):
        if not file.name.endswith(".lock"):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name


@pytest.mark.only_sqlite("locks the file")
def test_a_locked_queue_makes_nobody_wait_and_nothing_fail(settings: Settings, caplog: pytest.LogCaptureFixture):
    broker = Broker(settings)
    broker.ring("j_0")
    with closing(sqlite3.connect(settings.queue_file, isolation_level=None)) as queue:
        queue.execute("begin exclusive")
        began = time.monotonic()
        with caplog.at_level(logging.WARNING):
            broker.ring("j_1")
        assert time.monotonic() - began < 4
    assert "ring_failed job_id=j_1" in caplog.text
    broker.ring("j_2")
    assert heard(broker) == ["j_0", "j_2"]


@pytest.mark.only_sqlite("a folder where the file should be")
def test_a_queue_that_cannot_be_opened_is_no_reason_to_fail(settings: Settings, caplog: pytest.LogCaptureFixture):
    settings.queue_file.mkdir(parents=True)
    Broker(settings).ring("j_1")
    assert "ring_failed" in caplog.text


def test_a_deleted_queue_is_made_anew_on_both_ends(settings: Settings):
    web, worker = Broker(settings), Broker(settings, answer=lambda _: None)
    web.ring("j_1")
    worker.open()
    delete(settings)
    web.ring("j_2")
    worker.open()
    assert heard(worker) == ["j_2"]


@pytest.mark.only_sqlite("asks no engine at all")
def test_a_redis_that_is_away_makes_nobody_wait_and_nothing_fail(settings: Settings, caplog: pytest.LogCaptureFixture):
    away = settings.model_copy(update={"queue_url": "redis://127.0.0.1:1/0"})
    began = time.monotonic()
    Broker(away).ring("j_1")
    assert time.monotonic() - began < 20
    assert "ring_failed job_id=j_1" in caplog.text

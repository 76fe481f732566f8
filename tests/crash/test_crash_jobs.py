"""The promise of the queue: work may happen twice, its result is stored once, and nothing is lost."""

from debrief.settings import Settings
from tests.crash.jobs import on_postgresql_and_redis, on_sqlite, with_a_jumping_clock


def test_sixty_jobs_under_ten_kills_are_neither_lost_nor_stored_twice(settings: Settings):
    outcome = on_sqlite(quick=True)
    assert not outcome.broken, outcome
    assert outcome.figures["rings dropped"] >= 3, outcome
    assert outcome.figures["extra starts"] >= 8, outcome


def test_the_same_holds_on_postgresql_and_redis(settings: Settings):
    outcome = on_postgresql_and_redis(quick=True)
    assert not outcome.broken, outcome
    assert outcome.figures["extra starts"] >= 3, outcome


def test_a_clock_that_jumps_by_an_hour_loses_nothing_and_stops_nothing(settings: Settings):
    outcome = with_a_jumping_clock(quick=True)
    assert not outcome.broken, outcome
    assert outcome.figures["clock jumps"] == 2, outcome

"""The storage's experiments in seconds; `make crash ARGS='disk writers backup'` runs them at full length."""

from tests.crash import backup, disk


def test_a_disk_that_is_full_twice_loses_nothing_and_ends_nobody():
    outcome = disk.run(True)
    assert not outcome.broken, outcome
    assert outcome.figures["refused in words"] > 0, outcome


def test_backups_made_while_people_talk_hold_all_that_was_acknowledged():
    outcome = backup.run(True)
    assert not outcome.broken, outcome

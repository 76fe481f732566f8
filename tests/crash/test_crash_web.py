"""The promise of an answer: a dead web process costs at most its last second, and nothing that a visitor said."""

from tests.crash import web


def test_five_kills_one_end_and_one_freeze_of_the_web_process_lose_nothing_that_was_acknowledged():
    outcome = web.run(quick=True)
    assert not outcome.broken, outcome
    assert outcome.figures["answers cut"] == 18, outcome
    assert outcome.figures["words acknowledged"] > 30, outcome

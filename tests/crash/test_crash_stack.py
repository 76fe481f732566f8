"""The promise of the whole: whatever part dies, and when all of it does, what was acknowledged is kept and goes on."""

from tests.crash import stack


def test_the_stack_loses_nothing_when_worker_and_supervisor_are_killed_and_all_is_restarted():
    outcome = stack.run(quick=True)
    assert not outcome.broken, outcome
    assert outcome.figures["words acknowledged"] > 5, outcome
    assert outcome.figures["feedbacks acknowledged"] >= 2, outcome

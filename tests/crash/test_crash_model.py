"""The promise when the model dies: it is said, nothing that was heard is lost, trying again gives a whole answer."""

from tests.crash import model


def test_four_deaths_of_the_model_in_mid_answer_are_told_lose_nothing_and_are_gone_when_it_is_back():
    outcome = model.run(quick=True)
    assert not outcome.broken, outcome
    assert outcome.figures["answers cut"] == 12, outcome

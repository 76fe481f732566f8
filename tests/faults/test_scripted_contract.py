"""The scripted model answers in the shapes of the table; tests/vllm/test_model_contract.py asks a real one the same."""

import pytest

from tests.faults.contract import EXCHANGES, Exchange, observe
from tests.scripted_model import ScriptedModel


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.name)
def test_the_scripted_model_answers_in_the_shape_of_a_real_one(scripted_model: ScriptedModel, exchange: Exchange):
    assert observe(scripted_model.url, exchange) == exchange.seen

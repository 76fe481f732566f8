"""Every check that a debrief can carry has words at the review desk."""

import re
from pathlib import Path

import pytest

from debrief.review import REASONS, ReviewState
from debrief.texts import LANGUAGES, catalog

SUBJECT = Path(__file__).parents[2] / "debrief"


@pytest.mark.parametrize("language", LANGUAGES)
def test_checks_states_and_reasons_have_words(language):
    sources = "".join(file.read_text("utf-8") for file in SUBJECT.glob("*.py"))
    checks = set(re.findall(r'Check\(\s*name="(\w+)"', sources))
    assert "evidence_exact" in checks
    wanted = {f"desk.check_{name}" for name in checks} | {f"desk.reason_{name}" for name in REASONS}
    wanted |= {f"desk.state_{state}" for state in ReviewState if state is not ReviewState.NONE}
    assert wanted <= set(catalog(language))

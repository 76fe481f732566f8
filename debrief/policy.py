"""When a debrief is shown without a person having read it: at once, but for a share of them, or never.

The setting `DEBRIEF_RELEASE` holds for all scenarios; a scenario's `[review]` holds for its own talks. What fails a
check or is partial always waits for a person, whatever the policy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from debrief.settings import Settings

DRAWS = 10_000
Release = Literal["checked", "sample", "hold"]
"""checked: all that passes its checks is shown at once; sample: but for a share of it; hold: nothing is."""


@dataclass(frozen=True)
class Policy:
    release: Release
    sample_percent: int = 0
    """How many of a hundred that pass are read by a person all the same, where `release` is "sample"."""

    def releases(self, feedback_id: str) -> bool:
        """Whether this feedback is shown at once, given that it passed its checks."""
        if self.release == "sample":
            return not is_drawn("review", feedback_id, self.sample_percent)
        return self.release == "checked"


def policy_for(settings: Settings, scenario: Mapping[str, Any]) -> Policy:
    """The policy in force for talks in a scenario, given as JSON data: its own, else the settings'."""
    own = scenario.get("review")
    if own:
        share = own.get("sample_percent")
        return Policy(own["release"], settings.release_sample_percent if share is None else share)
    return Policy(settings.release, settings.release_sample_percent)


def is_drawn(purpose: str, feedback_id: str, percent: int) -> bool:
    """Whether a feedback belongs to the share. The same answer every time, and another draw for another purpose."""
    return draw(purpose, feedback_id) < percent * (DRAWS // 100)


def draw(purpose: str, feedback_id: str) -> int:
    """The number that a feedback draws, 0 to DRAWS - 1: what is below a share of DRAWS belongs to that share."""
    digest = hashlib.sha256(f"{purpose}:{feedback_id}".encode()).digest()
    return int.from_bytes(digest[:8]) * DRAWS >> 64

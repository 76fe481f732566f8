"""What decides a feedback besides the talk itself, as far as it is known when somebody asks for it."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from debrief import prompts
from debrief.settings import Settings

_OF_THE_CHAT = ("persona", "folded", "opened")


def request_versions(settings: Settings, scenario_hash: str) -> dict[str, str]:
    """Part of a request's key: the same talk and the same versions are the same request, whoever asks.

    What the probe of a model decides and how often a level is measured change with the hour, so they are no part of it.
    """
    return {
        "scenario": scenario_hash,
        "model": settings.model or settings.model_base_url,
        "words": settings.feedback_words,
        "placing": settings.feedback_placing,
        "calls": settings.feedback_calls,
        "prompts": prompts_hash(),
    }


@cache
def prompts_hash() -> str:
    """SHA-256 over all that a model is told about reviewing, in all languages."""
    digest = hashlib.sha256()
    for file in sorted(Path(prompts.__file__).parent.glob("*.md")):
        if file.name.partition(".")[0] not in _OF_THE_CHAT:
            digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()

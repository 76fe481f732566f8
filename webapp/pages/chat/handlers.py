"""What the visitor's page must know before its first request."""

from __future__ import annotations

import math
from typing import Any

from debrief.settings import Settings
from debrief.texts import LANGUAGES, catalog


def page_texts() -> dict[str, dict[str, str]]:
    """The pages' labels by language: the visitor's without their `ui.` prefix, the desk's with theirs."""
    return {
        language: {
            key.removeprefix("ui."): text
            for key, text in catalog(language).items()
            if key.startswith(("ui.", "error.login_", "desk.", "system.", "manage.", "plots.title"))
        }
        for language in LANGUAGES
    }


def page_facts(settings: Settings, provider: str | None = None) -> dict[str, Any]:
    """Facts of this server that the page's JavaScript shows or obeys. `provider`: with which visitors may sign in."""
    return {
        "english_only": settings.starts_own_model and not settings.model,
        "message_max_chars": settings.message_max_chars,
        "own_model": settings.starts_own_model,
        "kept": kept_days(settings),
        "provider": provider,
    }


def kept_days(settings: Settings) -> dict[str, int]:
    """For how many days what is kept, by kind; 0: until somebody deletes it."""
    copies = (settings.backup_days, settings.upgrade_copies_days)
    return {
        "talks": settings.talks_days,
        "feedback": settings.feedback_days,
        "backups": math.ceil(max(copies)) if all(copies) else 0,
    }

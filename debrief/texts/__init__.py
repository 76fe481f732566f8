"""Every sentence that a person reads, by key and language: one TOML file a language, the same keys in each.

The page's labels (`ui.`), the errors (`error.`), the states (`state.`) and the server's own words all come from
here, so that a test can find a missing or unused one. Scenario and rubric words live in `scenarios/`.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template

LANGUAGES = ("en", "ko")
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Wait:
    """A time to wait as a value for a placeholder, in the reader's language: "20 seconds", "5 hours"; rounded up."""

    seconds: float

    def words(self, language: str) -> str:
        number, unit = max(1, math.ceil(self.seconds)), "second"
        for size, larger, most in ((60, "minute", 1.5), (60, "hour", 1.5), (24, "day", 2)):
            if number <= most * size:
                break
            number, unit = math.ceil(number / size), larger
        return say(f"wait.{unit if number == 1 else unit + 's'}", language, n=number)


@cache
def catalog(language: str) -> dict[str, str]:
    """All texts of one language, flat: `{"error.not_found": "…"}`.

    An unknown language gives the English catalog.
    """
    name = language if language in LANGUAGES else "en"
    tables = tomllib.loads((_FOLDER / f"{name}.toml").read_text("utf-8"))
    return {f"{table}.{key}": text for table, texts in tables.items() for key, text in texts.items()}


def say(key: str, language: str, **values: object) -> str:
    """The text under `key` with its `$placeholders` filled.

    Raises:
        KeyError: there is no such text, or a placeholder has no value.
    """
    words = {name: value.words(language) if isinstance(value, Wait) else str(value) for name, value in values.items()}
    return Template(catalog(language)[key]).substitute(words)


def pick_language(accept_language: str | None) -> str:
    """The best of our languages for an Accept-Language header (RFC 9110, 12.5.4); English when none fits."""
    wishes: list[tuple[float, int, str]] = []
    for order, part in enumerate((accept_language or "").split(",")):
        tag, _, parameter = part.strip().partition(";")
        weight = parameter.strip().removeprefix("q=") or "1"
        try:
            wishes.append((-float(weight), order, tag.strip().lower().split("-")[0]))
        except ValueError:
            continue
    return next((tag for _, _, tag in sorted(wishes) if tag in LANGUAGES), "en")

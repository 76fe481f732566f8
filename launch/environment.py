"""The few settings that count before anything is installed, read as the program will read them.

pydantic-settings reads `.env` later, with all its rules; here a line is `NAME=value`, perhaps quoted. The process
environment wins over the file, as it does later.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def early_settings(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The `DEBRIEF_` names of `.env` and of the environment; empty values count as not given."""
    found = {**_read_env_file(folder / ".env"), **environment}
    return {name: value for name, value in found.items() if name.startswith("DEBRIEF_") and value.strip()}


def _read_env_file(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.strip().removeprefix("export ").partition("=") for line in lines if _is_assignment(line))
    return {name.strip().upper(): _value(value) for name, _, value in pairs}


def _is_assignment(line: str) -> bool:
    return "=" in line and not line.lstrip().startswith("#")


def _value(text: str) -> str:
    text = text.strip()
    if len(text) >= 2 and text[0] in "'\"" and text[0] in text[1:]:
        return text[1 : text.index(text[0], 1)]
    return text.split(" #")[0].strip()

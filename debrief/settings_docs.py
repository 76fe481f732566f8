"""The settings as a table for docs/settings.md and as lines for .env.example, written from the class itself."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from debrief.settings import Settings

TABLE_INTRO = """# Settings

Each is an environment variable, or a line of the file `.env` beside `app.py`; the variable wins. Empty means not given.
This page is written from the program by `python app.py settings --markdown`, and a test compares the two.

| setting | default | what it is |
|---|---|---|
"""
ENV_INTRO = """# Copy this file to .env and take the # from the lines that you change.
# Written by `python app.py settings --env`.
"""


def settings_table() -> str:
    rows = [
        f"| `{name}` | {f'`{default}`' if default else 'empty'} | {about} |" for name, default, about in _settings()
    ]
    return TABLE_INTRO + "\n".join(rows) + "\n"


def settings_example() -> str:
    return ENV_INTRO + "".join(f"\n# {about}\n#{name}={default}\n" for name, default, about in _settings())


def _settings() -> list[tuple[str, str, str]]:
    """Name, default, description of each, in the order of the class."""
    return [
        (f"DEBRIEF_{name.upper()}", _default_text(name, field.default), field.description or "")
        for name, field in Settings.model_fields.items()
    ]


def _default_text(name: str, default: object) -> str:
    if default is None:
        return ""
    if default is PydanticUndefined:
        return {"data_dir": "data", "host": "127.0.0.1"}[name]  # made when it is read: another one on a Space
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    return str(default) if not isinstance(default, Path) else default.as_posix()

"""The settings' documentation is what the program says, in both places."""

from pathlib import Path

import pytest

from debrief.settings import Settings, read_settings
from debrief.settings_docs import settings_example, settings_table

ROOT = Path(__file__).parents[2]


def test_the_settings_table_is_the_programs():
    assert (ROOT / "docs" / "settings.md").read_text("utf-8") == settings_table(), "python app.py settings --markdown"


def test_the_example_env_file_is_the_programs():
    assert (ROOT / ".env.example").read_text("utf-8") == settings_example(), "python app.py settings --env"


def test_every_setting_says_what_it_is():
    assert not [name for name, field in Settings.model_fields.items() if not field.description]


def test_the_example_with_every_line_in_force_changes_nothing(tmp_path, monkeypatch: pytest.MonkeyPatch):
    lines = settings_example().splitlines()
    in_force = [line.removeprefix("#") if line.startswith("#DEBRIEF_") else line for line in lines]
    (tmp_path / ".env").write_text("\n".join(in_force), "utf-8")
    monkeypatch.chdir(tmp_path)
    with_file = read_settings()
    (tmp_path / ".env").unlink()
    assert with_file == read_settings()

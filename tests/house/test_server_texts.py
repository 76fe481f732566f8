"""The words of the desk, of the system page and of the server are all used, and none that is asked for is missing."""

import re
from pathlib import Path

import pytest

from debrief.texts import catalog

ROOT = Path(__file__).parents[2]
SOURCES = [
    *sorted((ROOT / "webapp" / "assets").glob("*.js")),
    *(
        file
        for folder in ("debrief", "storage", "inference", "tasks", "webapp", "launch")
        for file in sorted((ROOT / folder).rglob("*.py"))
    ),
    ROOT / "app.py",
]
NAMED = re.compile(r"""["'`](?:[a-z_]+\.)?([a-z][a-z0-9_]*)["'`]""")
BEGUN = re.compile(r"""["'`](?:[a-z_]+\.)?([a-z][a-z0-9_]*_)(?:\$\{|\{)""")
"""A key that is put together: `state_${state}` in JavaScript, f"check_{name}" in Python."""
DESK_ASKS = re.compile(r"""\bwords\(\s*["']([a-z0-9_]+)["']""")
TABLES = sorted({key.split(".")[0] for key in catalog("en")} - {"ui"})  # those of "ui" have their own test


@pytest.fixture(scope="module")
def source() -> str:
    return "\n".join(file.read_text("utf-8") for file in SOURCES) + (ROOT / "webapp" / "sign_in.html").read_text(
        "utf-8"
    )


@pytest.mark.parametrize("table", TABLES)
def test_every_text_of_the_server_is_used(source: str, table: str):
    named, begun = set(NAMED.findall(source)), tuple(set(BEGUN.findall(source)))
    placed = set(re.findall(r"\$([a-z_]+)", source))
    keys = {key.partition(".")[2] for key in catalog("en") if key.startswith(f"{table}.")}
    unused = {key for key in keys if key not in named | placed and not key.startswith(begun)}
    assert not unused, sorted(unused)


@pytest.mark.parametrize(("table", "files"), [("desk", "desk*.js"), ("system", "system.js")])
def test_every_text_that_the_desk_and_the_system_page_ask_for_exists(table: str, files: str):
    scripts = [file.read_text("utf-8") for file in (ROOT / "webapp" / "assets").glob(files)]
    asked = {key for script in scripts for key in DESK_ASKS.findall(script)}
    assert asked
    assert not {key for key in asked if f"{table}.{key}" not in catalog("en")}

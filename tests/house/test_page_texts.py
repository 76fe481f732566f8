"""The page's words are in both languages, all of them are used, and none is missing. People's words stay words."""

import ast
import re
from pathlib import Path

from debrief.texts import LANGUAGES, catalog

ROOT = Path(__file__).parents[2]
WEBAPP = ROOT / "webapp"
PAGE_FILES = [*sorted((WEBAPP / "assets").glob("*.js")), *sorted(WEBAPP.rglob("*.py"))]
QUOTED = re.compile(r"""["']([a-z][a-z0-9_]*)["']""")
ASKED = re.compile(r"""\b(?:t|texts)\(\s*["']([a-z0-9_]+)["']""")
OWN_TABLES = {"review", "plots"}
"""Pages whose words are a table of their own."""
PLACEHOLDER = re.compile(r"\$(\w+)", re.ASCII)


def ui_keys(language: str) -> set[str]:
    return {key.removeprefix("ui.") for key in catalog(language) if key.startswith("ui.")}


def test_both_languages_have_the_same_texts_with_the_same_placeholders():
    english = catalog("en")
    for language in LANGUAGES:
        theirs = catalog(language)
        assert theirs.keys() == english.keys()
        different = [key for key in english if not _same_placeholders(english[key], theirs[key])]
        assert not different


def _same_placeholders(one: str, other: str) -> bool:
    return set(PLACEHOLDER.findall(one)) == set(PLACEHOLDER.findall(other))


def test_every_text_of_the_page_is_used():
    source = "\n".join(file.read_text("utf-8") for file in PAGE_FILES)
    assert ui_keys("en") <= set(QUOTED.findall(source)), sorted(ui_keys("en") - set(QUOTED.findall(source)))


def test_every_text_that_the_page_asks_for_exists():
    sources = [
        file.read_text("utf-8") for file in PAGE_FILES if "desk" not in file.name and not OWN_TABLES & {*file.parts}
    ]
    asked = {key for source in sources for key in ASKED.findall(source) if "./words.js" in source or "I18n" in source}
    assert asked
    assert asked <= ui_keys("en"), sorted(asked - ui_keys("en"))


def test_no_data_goes_through_a_html_template():
    """Gradio evaluates a filled `html_template` as a JavaScript template literal; Handlebars does not escape `${`."""
    templates = [
        f"{file.relative_to(ROOT)}:{node.value.lineno}"
        for file in sorted(WEBAPP.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.keyword) and node.arg == "html_template" and "{{" in ast.unparse(node.value)
    ]
    assert not templates


def test_our_javascript_never_writes_markup():
    writers = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(")
    wrong = [file.name for file in (WEBAPP / "assets").glob("*.js") if writers.search(file.read_text("utf-8"))]
    assert not wrong

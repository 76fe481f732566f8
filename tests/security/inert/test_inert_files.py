"""What leaves the page as a file, and the sign-in page: the same words, still only words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser

import httpx
import pytest
from markdown_it import MarkdownIt

from debrief.settings import Settings
from storage import conversations
from tests.scripted_model import ScriptedModel
from tests.security.inert.corpus import CANARY_DOMAIN, CORPUS
from tests.security.inert.scene import import_all, make_debrief, new_visitor
from tests.web_scene import Web, running_web
from webapp.export import escaped
from webapp.inert import inert

NEVER = {"script", "img", "a", "iframe", "svg", "style", "link", "form", "object", "embed", "base", "meta", "math"}
GENEROUS = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
"""A reader of Markdown that lets HTML through, as many do."""


class Tags(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self.attributes += attrs


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """Sign-ins are held back after the first, so that a page with a name costs no hashing."""
    folder = tmp_path_factory.mktemp("files")
    with ScriptedModel() as model:
        settings = Settings(_env_file=None, data_dir=folder, model_url=model.url, sign_ins_per_minute=1)
        with running_web(settings) as web:
            yield web


@pytest.fixture(scope="module")
def exported(house: Web) -> dict[str, httpx.Response]:
    """By format: the debrief in which every string stands in every place."""
    visitor_id, cookies = new_visitor(house.settings)
    db = house.parts.db
    with house.browser(cookies=cookies) as olga:
        talk_id = import_all(olga)
        conversations.rename_conversation(db, visitor_id, talk_id, '"\r\nSet-Cookie: a=b; </script>=1+1 가.html')
        path = f"/api/v1/feedback/{make_debrief(db, visitor_id, talk_id)}/export"
        return {format: olga.get(path, params={"format": format}) for format in ("md", "json")}


def test_an_exported_debrief_makes_no_tag_and_no_link_even_for_a_generous_reader(exported: dict[str, httpx.Response]):
    page = Tags(GENEROUS.render(exported["md"].text))
    assert len(page.found) > 5 * len(CORPUS)
    assert not NEVER & set(page.found)
    assert not [value for name, value in page.attributes if name != "start" and value]


def test_no_line_of_an_exported_debrief_is_a_formula_an_address_or_a_table(exported: dict[str, httpx.Response]):
    for line in exported["md"].text.splitlines():
        said = line.removeprefix("> ").partition("** ")[2] if line.startswith("**") else line.removeprefix("> ")
        assert line == "---" or not said.startswith(("=", "+", "-", "@", "\t", "|", "1.")), line[:80]
        assert "://x" not in line or "\\://x" in line, line[:80]
    assert CANARY_DOMAIN in exported["md"].text, "the words are there"


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t=", "\r=", "\n=", "|", "%0A="])
def test_a_line_of_words_never_begins_as_a_formula(sign: str):
    assert not escaped(f"{sign}1+1").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "|"))


def test_an_export_is_a_file_of_its_kind_with_a_plain_name(exported: dict[str, httpx.Response]):
    for format, kind in (("md", "text/markdown; charset=utf-8"), ("json", "application/json")):
        headers = exported[format].headers
        assert exported[format].status_code == 200
        assert headers["content-type"] == kind
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "set-cookie" not in headers
        name = headers["content-disposition"].removeprefix('attachment; filename="debrief-').removesuffix(f'.{format}"')
        assert name.replace("-", "").isalnum()
        assert name.isascii()


def test_the_words_in_the_json_are_those_that_were_said(exported: dict[str, httpx.Response]):
    body = json.loads(exported["json"].content)["body"]
    assert [result["reason"] for result in body["criteria"]] == [attack.text for attack in CORPUS]


def test_a_name_that_was_typed_at_the_sign_in_comes_back_as_words(house: Web):
    with house.browser() as sam:
        plain = Tags(sam.post("/admin/login", data={"name": "sam", "password": "x"}).text)
        for attack in CORPUS[::4]:
            form = {"name": attack.text, "password": attack.text, "next": f"/admin/?f={attack.text}"}
            page = sam.post("/admin/login", data=form)
            tags = Tags(page.text)
            assert page.status_code in (401, 429)
            assert tags.found == plain.found, attack.label
            assert not [name for name, _ in tags.attributes if name.startswith("on")], attack.label


def test_an_error_that_repeats_what_was_sent_is_json_that_no_browser_reads_as_a_page(house: Web):
    with house.browser() as sam:
        for attack in CORPUS[:40]:
            sent = {"scenario": attack.text[:80]}
            refused = sam.post("/api/v1/conversations", json=sent)
            assert refused.status_code == 422
            assert refused.headers["content-type"] == "application/json"
            assert refused.headers["x-content-type-options"] == "nosniff"


def test_what_gradio_would_read_as_more_than_words_does_not_begin_any_more():
    for attack in CORPUS:
        words = inert(attack.text)
        assert words.replace("\u200b", "") == attack.text.replace("\u200b", ""), "nothing else was changed"
        assert not [sign for sign in ("![", "](", "://", "]:", "<a", "<i", "<s", "</", "<!") if sign in words.lower()]


def test_ordinary_words_are_left_as_they_are():
    for words in (
        "I led a team of three: we cut the wait from 40 s to 2 s (really!).",
        "**Bold**, _slanted_ and `code`; 3 < 4, a[0] > b, at 5 @ noon.",
        "- one\n- two\n\n1. three\n\n| a | b |\n|---|---|\n| 1 | 2 |",
        "```python\nprint(1 < 2)\n```",
        "안녕하세요. 저는 3명으로 된 팀을 이끌었습니다!",
    ):
        assert inert(words) == words

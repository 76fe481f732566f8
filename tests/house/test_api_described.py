"""The API's description says what there is: of every route its use, its body with an example, and what it refuses."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel

from debrief.settings import Settings
from debrief.texts import LANGUAGES, catalog
from tests.security.table import OWN
from webapp.api.description import EXAMPLES, REFUSALS, describe, operations, refusals
from webapp.api.docs import body_name, docs_page
from webapp.server import build_app

DOCS = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
SAY_SO = "in webapp/api/description.py"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    settings = Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("described"))
    app = build_app(settings, ring=lambda _: None, with_pages=False)
    yield app
    app.state.parts.db.close()


@pytest.fixture(scope="module")
def description(app: FastAPI) -> dict[str, Any]:
    return describe(app)


def test_every_route_of_the_api_is_in_the_table_of_the_docs(description: dict[str, Any]):
    routes = {f"{method} {path}" for method, path, _ in operations(description)}
    told = re.findall(r"^\| `([A-Z]+ /\S+)` \| [^|]{5,} \|$", DOCS.partition("## Every route")[2], re.MULTILINE)
    assert sorted(told) == sorted(routes), 'docs/api.md, "Every route": one line for each'


def test_every_route_says_what_it_is_for(description: dict[str, Any]):
    own_words = [(path, operation.get("summary", "")) for _, path, operation in operations(description)]
    assert not [path for path, summary in own_words if len(summary) < 5]


def test_every_body_has_an_example_that_is_taken(app: FastAPI, description: dict[str, Any]):
    taken = {body_name(operation) for _, _, operation in operations(description) if "requestBody" in operation}
    assert taken == set(EXAMPLES), f"EXAMPLES {SAY_SO}"
    shapes = {shape.__name__: shape for shape in bodies(app)}
    for name, example in EXAMPLES.items():
        shapes[name].model_validate(example)


def bodies(app: FastAPI) -> Iterator[type[BaseModel]]:
    for route in app.routes:
        if isinstance(route, APIRoute) and route.body_field is not None:
            annotation: Any = route.body_field.field_info.annotation
            yield from (part for part in getattr(annotation, "__args__", (annotation,)) if part is not type(None))


def test_every_refusal_has_its_shape_its_codes_and_words_in_both_languages(description: dict[str, Any]):
    routes = {f"{method} {path}" for method, path, _ in operations(description)}
    assert not set(REFUSALS) - routes, f"REFUSALS {SAY_SO} names routes that are no more"
    for method, path, operation in operations(description):
        for status, codes in refusals(method, path, has_body="requestBody" in operation).items():
            response = operation["responses"][str(status)]
            assert response["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Problem"}
            assert all(f"`{code}`" in response["description"] for code in codes)
            assert not [code for code in codes for language in LANGUAGES if f"error.{code}" not in catalog(language)]
        assert "ValidationError" not in str(operation), "FastAPI's words for what we say ourselves"
    assert set(description["components"]["schemas"]["Problem"]["properties"]) == {"code", "message"}


def test_every_refusal_that_the_route_walk_declares_is_described(description: dict[str, Any]):
    described = {f"{method} {path}": operation["responses"] for method, path, operation in operations(description)}
    missing = [
        f"{name}: {status}"
        for name, line in OWN.items()
        for status in set(line.answers)
        if status >= 400
        and (responses := described.get(name.partition("?")[0])) is not None
        and str(status) not in responses
    ]
    assert not missing, f"REFUSALS {SAY_SO}"


def test_the_page_of_the_routes_runs_no_script_and_shows_each(description: dict[str, Any]):
    page = docs_page(description)
    assert "<script" not in page
    assert "src=" not in page
    for method, path, _ in operations(description):
        assert f"<b>{method}</b> <code>{path}</code>" in page
    assert "&quot;I led a team of three.&quot;" in page
    assert "too_many_answers" in page

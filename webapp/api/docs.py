"""The description of the API for those who may read it: as OpenAPI, and as a page that loads nothing from elsewhere."""

from __future__ import annotations

import html
import json
import re
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse

from webapp.api.asking import TheAsker
from webapp.api.description import describe, operations
from webapp.api.mine import require_admin

router = APIRouter()

_STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
details { border-top: 1px solid #8884; padding: .5rem 0 } summary { cursor: pointer }
summary b { display: inline-block; min-width: 4.5rem } summary span { opacity: .75; margin-inline-start: .75rem }
code { overflow-wrap: anywhere } pre { overflow: auto; padding: .75rem; border: 1px solid #8884; border-radius: .5rem }
dt { font-weight: 600; margin-top: .5rem } dd { margin-inline-start: 1rem }
"""


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request, asker: TheAsker) -> JSONResponse:
    require_admin(asker)
    return JSONResponse(describe(request.app))


@router.get("/docs", include_in_schema=False)
async def docs(request: Request, asker: TheAsker) -> HTMLResponse:
    require_admin(asker)
    return HTMLResponse(docs_page(describe(request.app)))


def docs_page(description: dict[str, Any]) -> str:
    """Every route with what it takes, what it gives and what it refuses; no script."""
    schemas = description["components"]["schemas"]
    routes = "".join(_route(method, path, operation, schemas) for method, path, operation in operations(description))
    about = _prose(description["info"]["description"])
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Debrief API</title>"
        "<meta name='viewport' content='width=device-width'>"
        f"<style>{_STYLE}</style></head><body><h1>Debrief API</h1><p>{about}</p>"
        f"<p>All shapes: <a href='openapi.json'>openapi.json</a>.</p>{routes}</body></html>"
    )


def _route(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    said = _prose(str(operation.get("description", "")))
    return (
        f"<details><summary><b>{method}</b> <code>{html.escape(path)}</code>"
        f"<span>{html.escape(str(operation.get('summary', '')))}</span></summary>"
        f"<p>{said}</p>{_parameters(operation)}{_body(operation, schemas)}{_responses(operation)}</details>"
    )


def _parameters(operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<dt><code>{html.escape(one['name'])}</code> ({html.escape(one['in'])}{', needed' if one['required'] else ''})"
        f"</dt><dd>{html.escape(str(one.get('description', '')))}</dd>"
        for one in operation.get("parameters", [])
    )
    return f"<dl>{rows}</dl>" if rows else ""


def _body(operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    name = body_name(operation)
    if name is None:
        return ""
    examples = schemas[name].get("examples") or ["{}"]
    example = json.dumps(examples[0], ensure_ascii=False, indent=2)
    return f"<p>Takes <code>{html.escape(name)}</code>, such as</p><pre>{html.escape(example)}</pre>"


def body_name(operation: dict[str, Any]) -> str | None:
    """The name of the shape that a route's body has; None without one."""
    if "requestBody" not in operation:
        return None
    schema: dict[str, Any] = operation["requestBody"]["content"].get("application/json", {}).get("schema", {})
    parts: list[dict[str, Any]] = [schema, *schema.get("anyOf", [])]
    references: list[str] = [part["$ref"] for part in parts if "$ref" in part]
    return references[0].rpartition("/")[2] if references else None


def _responses(operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<dt>{status}</dt><dd>{_prose(_said(response))}</dd>"
        for status, response in sorted(operation["responses"].items())
    )
    return f"<dl>{rows}</dl>"


def _said(response: dict[str, Any]) -> str:
    contents: list[dict[str, Any]] = list(response.get("content", {}).values())
    reference: str = contents[0].get("schema", {}).get("$ref", "") if contents else ""
    shape = reference.rpartition("/")[2]
    return response["description"] if shape in ("", "Problem") else f"{response['description']} {shape}"


def _prose(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))

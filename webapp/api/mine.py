"""Who the asker is, and the description of this API for those who may read it."""

from __future__ import annotations

import html
from typing import Any, cast

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse

from debrief.errors import NotAllowed, SignInNeeded
from webapp.api.asking import TheAsker
from webapp.api.shapes import Me
from webapp.identity import Asker

router = APIRouter(prefix="/api/v1")
docs_router = APIRouter()


@router.get("/me", summary="Who I am here")
async def me(asker: TheAsker) -> Me:
    return Me.of(asker.visitor_id, asker.language, asker.account)


@docs_router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request, asker: TheAsker) -> JSONResponse:
    require_admin(asker)
    return JSONResponse(request.app.openapi())


@docs_router.get("/docs", include_in_schema=False)
async def docs(request: Request, asker: TheAsker) -> HTMLResponse:
    """A plain page of it: nothing is loaded from elsewhere."""
    require_admin(asker)
    return HTMLResponse(docs_page(request.app.openapi()))


def require_admin(asker: Asker) -> None:
    """Raises SignInNeeded or NotAllowed for everybody who is not a signed-in admin."""
    if asker.account is None:
        raise SignInNeeded
    if not asker.account.is_admin:
        raise NotAllowed


def docs_page(description: dict[str, Any]) -> str:
    """The routes as a table. The whole description, with all shapes, is `/openapi.json`."""
    paths = cast("dict[str, dict[str, dict[str, Any]]]", description["paths"])
    rows = "".join(
        f"<tr><td>{html.escape(method.upper())}</td><td><code>{html.escape(path)}</code></td>"
        f"<td>{html.escape(str(operation.get('summary', '')))}</td></tr>"
        for path, operations in sorted(paths.items())
        for method, operation in operations.items()
    )
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Debrief API</title>"
        "<style>body{font:16px/1.5 system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}"
        "td{padding:.3rem 1rem .3rem 0;vertical-align:top}</style></head><body><h1>Debrief API</h1>"
        "<p>All shapes: <a href='openapi.json'>openapi.json</a>. Errors are <code>{code, message}</code>.</p>"
        f"<table>{rows}</table></body></html>"
    )

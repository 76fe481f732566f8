"""Who the asker is, and the description of this API for those who may read it."""

from __future__ import annotations

import html
from typing import Any, cast

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse

from debrief.errors import NotAllowed, SignInNeeded
from webapp.api.shapes import Me
from webapp.identity import who_is_asking


def me_router() -> APIRouter:
    router = APIRouter(prefix="/api/v1")

    @router.get("/me", summary="Who I am here")
    async def me(request: Request) -> Me:  # pyright: ignore[reportUnusedFunction]
        asker = who_is_asking(request)
        return Me.of(asker.visitor_id, asker.language, asker.account)

    return router


def add_docs(app: FastAPI) -> None:
    """`/openapi.json` and a plain page of it at `/docs`, for signed-in admins. Nothing is loaded from elsewhere."""

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi(request: Request) -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        require_admin(request)
        return JSONResponse(app.openapi())

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:  # pyright: ignore[reportUnusedFunction]
        require_admin(request)
        return HTMLResponse(docs_page(app.openapi()))


def require_admin(request: Request) -> None:
    """Raises SignInNeeded or NotAllowed for everybody who is not a signed-in admin."""
    account = who_is_asking(request).account
    if account is None:
        raise SignInNeeded
    if not account.is_admin:
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

"""The visitor's pages: what is mounted where, and with which look. A table of contents."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import gradio as gr
from fastapi import FastAPI, HTTPException, Request, Response

from debrief.texts import pick_language, say
from webapp import installing
from webapp.pages.chat import endpoints, events, layout
from webapp.pages.chat.handlers import page_facts, page_texts
from webapp.parts import Parts
from webapp.theme import make_theme

ASSETS = Path(__file__).parent / "assets"
STYLES = ("style", "sidebar", "start", "panes", "keyboard", "again", "mine", "difference", "messages", "touch")
KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png"}


def serve_assets(app: FastAPI, parts: Parts) -> str:
    """Serve the style and the scripts of all pages. Returns the name of their folder, such as `assets-1a2b`."""
    assets = _read_assets(parts)
    version = hashlib.sha256(b"".join(assets.values())).hexdigest()[:12]
    _serve_assets(app, assets, version)
    return f"assets-{version}"


def mount(app: FastAPI, parts: Parts, assets: str) -> None:
    """Put the visitor's page at `/`. Call it last: it takes every path that nothing else has."""
    texts = gr.I18n(**page_texts())
    gr.mount_gradio_app(  # pyright: ignore[reportUnknownMemberType]  # auth= is a bare Callable
        app,
        build_page(texts, parts),
        path="/",
        theme=make_theme(),
        head=_head(assets),
        i18n=texts,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        show_error=True,
    )


def build_page(texts: gr.I18n, parts: Parts) -> gr.Blocks:
    with gr.Blocks(title="Debrief", fill_width=True, analytics_enabled=False) as page:
        events.bind(layout.build_layout(texts))
        endpoints.bind(page, parts)
    return page


def _read_assets(parts: Parts) -> dict[str, bytes]:
    """Every file of `assets/` by name, and the texts and facts as one more module."""
    assets = {file.name: file.read_bytes() for file in sorted(ASSETS.iterdir()) if file.suffix in KINDS}
    texts = json.dumps(page_texts(), ensure_ascii=False)
    facts = json.dumps(page_facts(parts.settings, parts.openid.provider.name if parts.openid else None))
    return {**assets, "texts.js": f"export const TEXTS = {texts};\nexport const FACTS = {facts};\n".encode()}


def _serve_assets(app: FastAPI, assets: dict[str, bytes], version: str) -> None:
    """Serve the files under an address that changes with their content, so that browsers may keep them."""

    @app.get("/assets-{asked}/{name}", include_in_schema=False)
    def asset(asked: str, name: str) -> Response:
        if asked != version or name not in assets:
            raise HTTPException(404)
        return Response(
            assets[name],
            media_type=KINDS[Path(name).suffix],
            headers={"Cache-Control": "public, max-age=31536000, immutable"},
        )

    @app.get("/manifest.json", include_in_schema=False)
    def manifest(request: Request) -> Response:
        language = pick_language(request.headers.get("accept-language"))
        body = installing.manifest(f"assets-{version}", say("ui.start_lead", language))
        return Response(json.dumps(body), media_type="application/manifest+json", headers={"Vary": "Accept-Language"})

    @app.get("/favicon.ico", include_in_schema=False)
    def favicon() -> Response:
        """For what asks without reading a page's head; a PNG under this name is understood everywhere."""
        return Response(
            assets["icon-48.png"], media_type="image/png", headers={"Cache-Control": "public, max-age=86400"}
        )

    del asset, manifest, favicon


def _head(assets: str) -> str:
    """What Gradio puts into the page's head. Style goes here because rules in `css=` get a prefix and partly miss."""
    styles = "".join(f'<link rel="stylesheet" href="{assets}/{name}.css">' for name in STYLES)
    return f'{styles}{installing.head_lines(assets)}<script type="module" src="{assets}/page.js"></script>'

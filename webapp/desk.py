"""The pages below `/admin/`: the review desk and the operator's page, each an app of its own behind the guard."""

from __future__ import annotations

from typing import Any

import gradio as gr
from fastapi import FastAPI

from debrief.texts import LANGUAGES, catalog
from webapp.installing import head_lines
from webapp.pages.manage import layout as manage_layout
from webapp.pages.plots import events as plots_events, layout as plots_layout
from webapp.pages.plots.handlers import PlotHandlers
from webapp.pages.review import events, layout
from webapp.pages.review.handlers import DeskHandlers
from webapp.pages.system import layout as system_layout
from webapp.parts import Parts
from webapp.theme import make_theme


def mount(app: FastAPI, parts: Parts, assets: str) -> None:
    """Put the desk at `/admin`, and below it the operator's page and what admins manage.

    Call it before the visitor's page, which takes every path that nothing else has.

    Args:
        app: the application, with `webapp.sign_in.Guard` among its layers.
        parts: what the handlers work with.
        assets: the folder in which style and scripts are served, such as `assets-1a2b`.
    """
    texts = gr.I18n(**desk_texts())
    _mount(app, build_system(), "/admin/system", texts, _head(f"../../{assets}", "system.js"))
    manage_head = _head(f"../../{assets}", "manage.js", "manage.css", "manage_webhooks.css")
    _mount(app, build_manage(), "/admin/manage", texts, manage_head)
    plots_texts = gr.I18n(**_texts_of("plots."))
    plots_head = _head(f"../../{assets}", "plots.js", "plots.css")
    _mount(app, build_plots(plots_texts, PlotHandlers(parts.store)), "/admin/plots", plots_texts, plots_head)
    handlers = DeskHandlers(
        parts.store,
        parts.settings.review_overdue_hours,
        has_second=parts.settings.second_opinion_percent > 0,
    )
    _mount(app, build_desk(texts, handlers), "/admin", texts, _head(f"../{assets}", "desk.js", *DESK_SHEETS))


def build_desk(texts: gr.I18n, handlers: DeskHandlers) -> gr.Blocks:
    with gr.Blocks(title="Review desk · Debrief", fill_width=True, analytics_enabled=False) as page:
        events.bind(page, layout.build_layout(texts), handlers)
    return page


def build_system() -> gr.Blocks:
    with gr.Blocks(title="System · Debrief", fill_width=True, analytics_enabled=False) as page:
        system_layout.build_layout()
    return page


def build_manage() -> gr.Blocks:
    with gr.Blocks(title="Manage · Debrief", fill_width=True, analytics_enabled=False) as page:
        manage_layout.build_layout()
    return page


def build_plots(texts: gr.I18n, handlers: PlotHandlers) -> gr.Blocks:
    with gr.Blocks(title="Figures · Debrief", fill_width=True, analytics_enabled=False) as page:
        plots_events.bind(page, plots_layout.build_layout(texts), handlers)
    return page


def desk_texts() -> dict[str, dict[str, str]]:
    """The desk's labels by language, for Gradio's components."""
    return _texts_of("desk.")


def _texts_of(table: str) -> dict[str, dict[str, str]]:
    return {
        language: {key.removeprefix(table): text for key, text in catalog(language).items() if key.startswith(table)}
        for language in LANGUAGES
    }


def _mount(app: FastAPI, page: gr.Blocks, path: str, texts: gr.I18n, head: str) -> None:
    options: dict[str, Any] = {"run_history": False, "enable_monitoring": False, "ssr_mode": False, "pwa": False}
    gr.mount_gradio_app(  # pyright: ignore[reportUnknownMemberType]  # auth= is a bare Callable
        app, page, path=path, theme=make_theme(), head=head, i18n=texts, footer_links=[], mcp_server=False,
        show_error=True, **options,
    )  # fmt: skip


UNTIL_LOADED = """
window.desk = {
  show: (...given) => { window.deskGiven = given },
  view: () => location.search,
  readAddress: () => [location.search, new URLSearchParams(location.search).get("f") || "", 0],
};
"""
"""Keeps what Gradio's first event brings until `desk.js` is there."""


DESK_SHEETS = ("desk_list.css", "desk_edit.css", "difference.css")


def _style(assets: str, sheet: str) -> str:
    return f'<link rel="stylesheet" href="{assets}/{sheet}">'


def _head(assets: str, script: str, *sheets: str) -> str:
    """What goes into a page's head: the style of all pages, of the desk's pages, and its own."""
    return (
        f'<link rel="stylesheet" href="{assets}/style.css"><link rel="stylesheet" href="{assets}/desk.css">'
        f"{''.join(_style(assets, sheet) for sheet in sheets)}"
        f"{head_lines(assets)}<script>{UNTIL_LOADED}</script>"
        f'<script type="module" src="{assets}/{script}"></script>'
    )

"""Which trigger draws the plots: opening the page, and another stretch of days."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pandas as pd

from debrief.errors import DebriefError
from debrief.texts import say
from webapp.identity import who_is_asking
from webapp.pages.plots.handlers import NAMES, Plot, PlotHandlers
from webapp.pages.plots.layout import FROM_ZERO, IN_ORDER, PlotsView


def bind(page: gr.Blocks, view: PlotsView, handlers: PlotHandlers) -> None:
    async def draw(days: str, request: gr.Request) -> Any:
        asker = who_is_asking(request)
        try:
            drawn = await handlers.draw(asker, int(days) if str(days).isdecimal() else 0)
        except DebriefError as error:
            raise gr.Error(error.sentence(asker.language), print_exception=False) from error
        outputs: dict[Any, Any] = {}
        for name in NAMES:
            outputs[view.words[name]] = drawn[name].said
            outputs[view.plots[name]] = _drawn(name, drawn[name], asker.language)
        return outputs

    outputs = [*view.words.values(), *view.plots.values()]
    for listen, name in ((page.load, "draw_plots"), (view.days.input, "draw_days")):
        listen(
            draw,
            inputs=[view.days],
            outputs=outputs,
            show_progress="hidden",
            concurrency_limit=None,
            api_name=name,
            api_visibility="private",
        )


def _drawn(name: str, plot: Plot, language: str) -> Any:
    """An update of the plot. Its categories stand in the order of the rows; Gradio would sort them by their letters.

    Days are words like the others: for times Gradio 6.31 calls pandas in a way that pandas 3 warns of.
    """
    changes: dict[str, Any] = {
        "value": pd.DataFrame(plot.rows, columns=["x", "y", "color"]) if plot.rows else None,
        "visible": bool(plot.rows),
        "x_title": say(f"plots.x_{name}", language),
        "y_title": say(f"plots.y_{name}", language),
        "color_title": "",
    }
    if name in IN_ORDER and plot.rows:
        changes["sort"] = list(dict.fromkeys(row["x"] for row in plot.rows))
    if name in FROM_ZERO and plot.rows:
        changes["y_lim"] = [0, max(row["y"] for row in plot.rows)]
    return gr.update(**changes)

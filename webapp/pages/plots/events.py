"""Which trigger draws the plots: opening the page, and another stretch of days."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pandas as pd

from debrief.errors import DebriefError
from debrief.texts import say
from webapp.identity import who_is_asking
from webapp.pages.plots.handlers import NAMES, Plot, PlotHandlers
from webapp.pages.plots.layout import OVER_TIME, STEPS, PlotsView


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
    """An update of the plot; an axis of days is told as such, so that days without anything are gaps."""
    frame: Any = pd.DataFrame(plot.rows, columns=["x", "y", "color"])
    if name in OVER_TIME:
        frame["x"] = frame["x"].astype("datetime64[ns]")
    changes: dict[str, Any] = {
        "value": frame if plot.rows else None,
        "visible": bool(plot.rows),
        "x_title": say(f"plots.x_{name}", language),
        "y_title": say(f"plots.y_{name}", language),
        "color_title": "",
    }
    if name in STEPS and plot.rows:  # else Gradio sorts the steps by their letters
        changes |= {"sort": [row["x"] for row in plot.rows], "y_lim": [0, max(row["y"] for row in plot.rows)]}
    return gr.update(**changes)

"""Which trigger draws the plots: opening the page, another stretch of days, another scenario."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pandas as pd

from debrief.errors import DebriefError
from debrief.texts import say
from webapp.identity import who_is_asking
from webapp.pages.plots.handlers import LEVELS, NAMES, Plot, PlotHandlers
from webapp.pages.plots.labels import lay, room_px
from webapp.pages.plots.layout import BY_DAY, FROM_ZERO, HEIGHT, WIDE, WIDE_HEIGHT, PlotsView

COLORS = {
    "did_approve": "#4f46e5", "did_edit": "#d97706", "did_reject": "#94a3b8",
    "share_partial": "#d97706", "share_unscored": "#dc2626", "share_failed_check": "#4f46e5",
    "kappa_low": "#94a3b8", "kappa_value": "#6366f1", "kappa_high": "#94a3b8",
    "no_level": "#94a3b8",
}  # fmt: skip
LEVEL_COLORS = ("#dc2626", "#f59e0b", "#a5b4fc", "#6366f1", "#3730a3")
"""From the lowest to the highest level; all are seen on white and on dark."""

WITH_WIDTH = "(days, scenario) => [days, scenario, document.querySelector('#plots')?.clientWidth ?? innerWidth]"


def bind(page: gr.Blocks, view: PlotsView, handlers: PlotHandlers) -> None:
    async def draw(days: str, scenario_id: str | None, page_px: float | None, request: gr.Request) -> Any:
        asker = who_is_asking(request)
        try:
            drawn = await handlers.draw(asker, int(days) if str(days).isdecimal() else 0, scenario_id or None)
        except DebriefError as error:
            raise gr.Error(error.sentence(asker.language), print_exception=False) from error
        outputs: dict[Any, Any] = {}
        for name in NAMES:
            outputs[view.words[name]] = drawn.plots[name].said
            x_title = ("x_weeks" if drawn.in_weeks else "x_days") if name in BY_DAY else f"x_{name}"
            outputs[view.plots[name]] = _drawn(name, drawn.plots[name], x_title, asker.language, page_px)
        outputs[view.scenario] = gr.update(
            choices=drawn.scenarios, value=drawn.scenario_id, visible=len(drawn.scenarios) > 1
        )
        return outputs

    outputs = [*view.words.values(), *view.plots.values(), view.scenario]
    triggers = ((page.load, "draw_plots"), (view.days.input, "draw_days"), (view.scenario.input, "draw_scenario"))
    for listen, name in triggers:
        listen(
            draw,
            inputs=[view.days, view.scenario, view.width],
            js=WITH_WIDTH,
            outputs=outputs,
            show_progress="hidden",
            concurrency_limit=None,
            api_name=name,
            api_visibility="private",
        )


def _drawn(name: str, plot: Plot, x_title: str, language: str, page_px: float | None) -> Any:
    """An update of the plot. Its categories stand in the order of the rows; Gradio would sort them by their letters.

    Days are words like the others: for times Gradio 6.31 calls pandas in a way that pandas 3 warns of.
    """
    changes: dict[str, Any] = {
        "value": pd.DataFrame(plot.rows, columns=["x", "y", "color"]) if plot.rows else None,
        "visible": bool(plot.rows),
        "x_title": say(f"plots.{x_title}", language),
        "y_title": say(f"plots.y_{name}", language),
        "color_title": "",
        "color_map": _colors(language),
    }
    if plot.rows:
        changes["sort"] = list(dict.fromkeys(row["x"] for row in plot.rows))
        laid = lay(changes["sort"], room_px(page_px, is_wide=name in WIDE))
        changes["x_label_angle"] = laid.angle
        changes["height"] = (WIDE_HEIGHT if name in WIDE else HEIGHT) + laid.more_px
    if name in FROM_ZERO and plot.rows:
        changes["y_lim"] = [0, max(row["y"] for row in plot.rows)]
    return gr.update(**changes)


def _colors(language: str) -> dict[str, str]:
    return {
        **{say(f"plots.{key}", language): color for key, color in COLORS.items()},
        **{str(level): color for level, color in zip(LEVELS, LEVEL_COLORS, strict=True)},
    }

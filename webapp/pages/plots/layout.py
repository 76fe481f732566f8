"""What is on the page: for each question its words and one of Gradio's own plots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from webapp.components.slots import slot
from webapp.pages.plots.handlers import DAYS, NAMES

IN_ORDER = ("waiting", "decided", "times")
"""Bars whose categories have an order of their own."""
FROM_ZERO = ("waiting", "times")
HEIGHT = 240


@dataclass(frozen=True)
class PlotsView:
    days: gr.Radio
    words: dict[str, gr.Markdown]
    plots: dict[str, Any]


def build_layout(texts: gr.I18n) -> PlotsView:
    """Create the components. Must be called inside a `gr.Blocks`."""
    slot("plots-bar")
    words: dict[str, gr.Markdown] = {}
    plots: dict[str, Any] = {}
    with gr.Column(elem_id="plots"):
        days = gr.Radio(
            [(texts(f"days_{n}"), str(n)) for n in DAYS],
            value=str(DAYS[1]),
            show_label=False,
            container=False,
            elem_id="plot-days",
        )
        for left, right in zip(NAMES[::2], NAMES[1::2], strict=True):
            with gr.Row(equal_height=False):
                for name in (left, right):
                    with gr.Column(min_width=320, elem_classes="plot"):
                        words[name] = gr.Markdown("")
                        plots[name] = _plot(name)
    return PlotsView(days, words, plots)


def _plot(name: str) -> Any:
    common: dict[str, Any] = {
        "x": "x", "y": "y", "height": HEIGHT, "visible": False, "show_label": False, "container": False,
        "buttons": [], "elem_id": f"plot-{name}",
    }  # fmt: skip
    if name == "agreement":
        return gr.ScatterPlot(color="color", y_lim=[-1, 1], **common)
    if name in ("edited", "incomplete"):
        return gr.LinePlot(color="color" if name == "incomplete" else None, y_lim=[0, 100], **common)
    color = "color" if name in ("decided", "levels") else None
    return gr.BarPlot(color=color, **common)

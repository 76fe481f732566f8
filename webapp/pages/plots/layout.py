"""What is on the page: for each question its words and one of Gradio's own plots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from webapp.components.slots import slot
from webapp.pages.plots.handlers import DAYS, NAMES

BY_DAY = ("decided", "incomplete", "edited")
FROM_ZERO = ("waiting", "times")
COLORED = ("decided", "incomplete", "agreement", "levels")
WIDE = ("levels",)
HEIGHT, WIDE_HEIGHT = 240, 300


@dataclass(frozen=True)
class PlotsView:
    days: gr.Radio
    scenario: gr.Dropdown
    width: gr.Number
    """Of the page in pixels, as the browser says; shown to nobody."""
    words: dict[str, gr.Markdown]
    plots: dict[str, Any]


def build_layout(texts: gr.I18n) -> PlotsView:
    """Create the components. Must be called inside a `gr.Blocks`."""
    slot("plots-bar")
    words: dict[str, gr.Markdown] = {}
    plots: dict[str, Any] = {}
    *pairs, levels = NAMES
    with gr.Column(elem_id="plots"):
        days = gr.Radio(
            [(texts(f"days_{n}"), str(n)) for n in DAYS],
            value=str(DAYS[1]),
            show_label=False,
            container=False,
            elem_id="plot-days",
        )
        for left, right in zip(pairs[::2], pairs[1::2], strict=True):
            with gr.Row(equal_height=False):
                for name in (left, right):
                    with gr.Column(min_width=320, elem_classes="plot"):
                        words[name] = gr.Markdown("")
                        plots[name] = _plot(name)
        with gr.Row(equal_height=False), gr.Column(elem_classes="plot"):
            words[levels] = gr.Markdown("")
            # The choices come with the figures; Gradio would hold what is sent back against those known here: none.
            scenario = gr.Dropdown(
                [], label=texts("scenario"), visible=False, container=False, elem_id="plot-scenario", interactive=True,
                allow_custom_value=True,
            )  # fmt: skip
            plots[levels] = _plot(levels)
        width = gr.Number(visible=False)
    return PlotsView(days, scenario, width, words, plots)


def _plot(name: str) -> Any:
    common: dict[str, Any] = {
        "x": "x", "y": "y", "color": "color" if name in COLORED else None, "visible": False, "show_label": False,
        "height": WIDE_HEIGHT if name in WIDE else HEIGHT, "container": False, "buttons": [],
        "elem_id": f"plot-{name}",
    }  # fmt: skip
    if name == "agreement":
        return gr.ScatterPlot(y_lim=[-1, 1.1], **common)
    if name in ("edited", "incomplete"):
        return gr.LinePlot(y_lim=[0, 100], **common)
    if name in ("sections", "distances", "levels"):
        return gr.BarPlot(y_lim=[0, 100], **common)
    return gr.BarPlot(**common)

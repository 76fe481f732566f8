"""Places on a page that our own JavaScript fills (`webapp/assets/`): the list, the cards, the debrief.

A slot is a `gr.HTML` with a fixed template. Data never goes through `html_template`: Gradio evaluates what Handlebars
made of it as a JavaScript template literal, and Handlebars does not escape `${`, so a visitor's "${alert(1)}" would
run in the reader's browser (seen in gradio 6.31). Our JavaScript builds the elements with textContent instead.
"""

from __future__ import annotations

import gradio as gr


def slot(name: str, *, elem_id: str | None = None) -> gr.HTML:
    """An empty place called `name`; `page.js` looks the name up and renders into it."""
    return gr.HTML(
        "",
        html_template=f'<div class="slot slot-{name}"></div>',
        js_on_load=f"(window.debriefSlots ??= []).push({{name: '{name}', element, trigger}})",
        apply_default_css=False,
        elem_id=elem_id or name,
    )


def pump(name: str) -> gr.HTML:
    """An invisible component whose `select` event our JavaScript fires to repaint native components."""
    return gr.HTML(
        "",
        html_template="<span hidden></span>",
        js_on_load=f"(window.debriefSlots ??= []).push({{name: '{name}', element, trigger}})",
        apply_default_css=False,
        elem_id=name,
    )

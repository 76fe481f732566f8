"""What is on the visitor's page. The words come from `debrief/texts` by the browser's locale."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from webapp.components.slots import pump, slot

LATEX: list[dict[str, str | bool]] = [
    {"left": "$$", "right": "$$", "display": True},
    {"left": "\\[", "right": "\\]", "display": True},
    {"left": "\\(", "right": "\\)", "display": False},
]
"""Not a single dollar sign: "$5 and $6" is money. What they enclose is kept harmless by `webapp/assets/inert.js`."""


@dataclass(frozen=True)
class ChatView:
    transcript: gr.Chatbot
    message: gr.Textbox
    painter: gr.HTML


def build_layout(texts: gr.I18n) -> ChatView:
    """Create the components. Must be called inside a `gr.Blocks`."""
    with gr.Sidebar(width=288, open=False, elem_id="sidebar"):
        slot("conversations")
    with gr.Column(elem_id="start"):
        slot("scenarios")
    with gr.Column(elem_id="progress"):
        slot("courses")
    with gr.Column(elem_id="compare"):
        slot("comparison")
    with gr.Column(elem_id="mine"):
        slot("my-data")
    with gr.Column(elem_id="talk"):
        slot("talk-header")
        with gr.Row(equal_height=False, elem_id="talk-columns"):
            with gr.Column(scale=3, min_width=300, elem_id="talk-column"):
                transcript = _transcript()
                slot("below-transcript")
                message = _message(texts)
            with gr.Column(scale=2, min_width=300, elem_id="debrief-column"):
                slot("debrief")
    return ChatView(transcript=transcript, message=message, painter=pump("painter"))


def _transcript() -> gr.Chatbot:
    return gr.Chatbot(
        [],
        show_label=False,
        container=False,
        height="100%",
        layout="bubble",
        buttons=[],
        feedback_options=None,
        latex_delimiters=LATEX,
        group_consecutive_messages=False,
        allow_tags=False,
        sanitize_html=True,
        elem_id="transcript",
    )


def _message(texts: gr.I18n) -> gr.Textbox:
    return gr.Textbox(
        placeholder=texts("message_placeholder"),
        label=texts("message_label"),
        show_label=False,
        container=False,
        lines=1,
        max_lines=6,
        submit_btn=True,
        stop_btn=False,
        elem_id="message",
    )

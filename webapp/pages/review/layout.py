"""What is on the review desk. Gradio's own transcript, choices, fields and buttons; our JavaScript fills the slots."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from debrief.review import REASONS
from webapp.components.slots import pump, slot


@dataclass(frozen=True)
class DeskView:
    items: gr.HTML
    """Fires `select` with the `id` of the feedback that was clicked."""
    talk: gr.Chatbot
    painter: gr.HTML
    """Out of sight: our JavaScript has another part of a long talk drawn."""
    whole_talk: gr.JSON
    """Hidden: the talk of the open feedback, of which the transcript shows a part."""
    claim: gr.Button
    approve: gr.Button
    reject: gr.Button
    release: gr.Button
    reopen: gr.Button
    next: gr.Button
    reason: gr.Radio
    note: gr.Textbox
    confirm_reject: gr.Button
    cancel_reject: gr.Button
    skip: gr.Button
    refresh: gr.Button
    """Out of sight: our JavaScript presses it."""
    queue_view: gr.Textbox
    """Out of sight: the part of the queue that the list shows; the page fills it in with every event."""
    feedback_id: gr.Textbox
    """Hidden: the feedback that is open; looked up again on every use."""
    row_version: gr.Number
    """Hidden: how the reviewer saw it; a move on anything newer is refused."""
    facts: gr.JSON
    """Hidden: what the slots show."""


def build_layout(texts: gr.I18n) -> DeskView:
    """Create the components. Must be called inside a `gr.Blocks`."""
    slot("desk-bar")
    slot("desk-notice")
    with gr.Row(equal_height=False, elem_id="desk-columns"):
        with gr.Column(scale=3, min_width=220, elem_id="desk-list-column"):
            items = slot("desk-list")
            refresh = gr.Button(texts("refresh"), elem_id="desk-refresh")
        with gr.Column(scale=5, min_width=300, elem_id="desk-talk-column"):
            slot("desk-case-head")
            talk = _transcript()
            painter = pump("desk-painter")
        with gr.Column(scale=4, min_width=300, elem_id="desk-card-column"):
            slot("desk-card")
            with gr.Column(elem_id="desk-reject-panel"):
                reason = gr.Radio(
                    [(texts(f"reason_{name}"), name) for name in REASONS], label=texts("reason"), elem_id="desk-reason"
                )
                note = gr.Textbox(
                    label=texts("note"),
                    placeholder=texts("note_placeholder"),
                    lines=2,
                    max_lines=5,
                    max_length=2000,
                    elem_id="desk-note",
                )
                with gr.Row():
                    cancel_reject = gr.Button(texts("cancel"), min_width=90)
                    confirm_reject = gr.Button(
                        texts("reject_confirm"), variant="stop", min_width=90, elem_id="desk-confirm-reject"
                    )
            with gr.Row(elem_id="desk-actions"):
                next_one = gr.Button(texts("next"), variant="primary", min_width=90, elem_id="desk-next", visible=False)
                claim = gr.Button(texts("claim"), variant="primary", min_width=90, visible=False)
                reopen = gr.Button(texts("reopen"), min_width=90, elem_id="desk-reopen", visible=False)
                release = gr.Button(texts("release"), min_width=90, elem_id="desk-release", visible=False)
                skip = gr.Button(texts("skip"), min_width=90, elem_id="desk-skip", visible=False)
                reject = gr.Button(texts("reject"), min_width=90, elem_id="desk-reject", visible=False)
                approve = gr.Button(
                    texts("approve"), variant="primary", min_width=90, elem_id="desk-approve", visible=False
                )
    return DeskView(
        items=items,
        talk=talk,
        painter=painter,
        whole_talk=gr.JSON({}, visible=False),
        claim=claim,
        approve=approve,
        reject=reject,
        release=release,
        reopen=reopen,
        next=next_one,
        reason=reason,
        note=note,
        confirm_reject=confirm_reject,
        cancel_reject=cancel_reject,
        skip=skip,
        refresh=refresh,
        queue_view=gr.Textbox("", visible=False),
        feedback_id=gr.Textbox("", visible=False),
        row_version=gr.Number(0, precision=0, visible=False),
        facts=gr.JSON({}, visible=False),
    )


def _transcript() -> gr.Chatbot:
    return gr.Chatbot(
        [],
        show_label=False,
        container=False,
        height="100%",
        layout="bubble",
        buttons=[],
        feedback_options=None,
        latex_delimiters=[],
        group_consecutive_messages=False,
        autoscroll=False,
        allow_tags=False,
        sanitize_html=True,
        elem_id="transcript",
    )

"""Which trigger does what on the visitor's page.

None of these events reaches Python: sending, stopping and asking for the debrief go from the browser to `/api/v1`
(`webapp/assets/page.js`), the same routes that curl uses. A queued Gradio event costs the server several times a plain
request, needs the queue's stream besides ours, and would be a second path to the same rows that has to be guarded as
well. The stored conversation is the only truth; the components show what `page.js` read from it.
"""

from __future__ import annotations

from webapp.pages.chat.layout import ChatView

# Gradio waits for the promise; the answer is what stays in the message box.
SEND_JS = "(text) => window.debrief.send(text)"
STOP_JS = "() => { window.debrief.stop(); return [] }"
PAINT_JS = "() => window.debrief.paint()"


def bind(view: ChatView) -> None:
    view.message.submit(
        None,
        inputs=[view.message],
        outputs=[view.message],
        js=SEND_JS,
        api_name="send_message",
        api_visibility="private",
    )
    view.message.stop(None, js=STOP_JS, api_name="stop_answer", api_visibility="private")
    view.painter.select(
        None,
        outputs=[view.transcript, view.message],
        js=PAINT_JS,
        show_progress="hidden",
        api_name="paint",
        api_visibility="private",
    )

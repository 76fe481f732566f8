"""The browser: the only home of gradio, and of our own HTTP routes. Is given `request_feedback`; knows no Huey."""

"""What protects the process and its people from requests: sizes, rates, foreign sites, Gradio's open doors.

All of it is pure ASGI and applies to our own routes and to every mounted Gradio app alike. Nothing here knows what a
conversation is; who owns what is asked in `storage`.
"""

CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
"""Methods of requests that change something."""

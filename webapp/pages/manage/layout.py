"""What is on the page: one slot, filled by `webapp/assets/manage.js` from the API."""

from __future__ import annotations

from webapp.components.slots import slot


def build_layout() -> None:
    """Create the components. Must be called inside a `gr.Blocks`."""
    slot("manage")

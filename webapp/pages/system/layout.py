"""What is on the operator's page: one slot, filled by `webapp/assets/system.js` from `/api/v1/system`."""

from __future__ import annotations

from webapp.components.slots import slot


def build_layout() -> None:
    """Create the components. Must be called inside a `gr.Blocks`."""
    slot("system")

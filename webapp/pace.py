"""How often the web process looks, writes and speaks. Not settings: nobody needs to turn them but a test."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """Seconds, all of them."""

    flush_s: float = 0.25
    """Between two savings of the answers that are being written: what a crash may cost. Also their sign of life."""
    dead_after_s: float = 20.0
    """Silence after which an answer counts as interrupted, unless its process is known to be dead before."""
    janitor_s: float = 2.0
    """Between two looks for answers whose writer has died."""
    unsaved_told_s: float = 10.0
    """How long the end of an answer may wait for room before its reader is told."""
    finish_again_s: float = 2.0
    """Longest pause between two attempts to store such an end."""
    poll_s: float = 0.5
    """Between two looks at what other processes changed."""
    frame_s: float = 0.05
    """Shortest time between two frames of one live stream; the first token does not wait."""
    call_frame_s: float = 0.1
    """Shortest time between two frames of a program's call, each of which costs more than one of a live stream."""
    call_wait_s: float = 600.0
    """How long one call waits for a debrief."""
    comment_s: float = 15.0
    """Longest silence of a live stream, so that no proxy takes it for dead."""
    model_watch_s: float = 1.0
    """Between two looks at the state of the model server."""
    model_starting_frame_s: float = 2.0
    """Between two `model` frames while it starts."""
    model_start_wait_s: float = 600.0
    """How long a turn waits for a model that is starting."""

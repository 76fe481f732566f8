"""How the labels below a plot are laid, so that none runs into the next, whatever the width of the page.

Gradio's plots know one angle for all labels; how wide the page is, the browser says.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

NARROW_PX, WIDE_PX = 6.4, 12.5
"""Of a letter at 12 px: Latin, and Korean or another that is as wide as high."""
LONGEST_PX = 180
"""Vega cuts longer labels."""
AXIS_PX, SHEET_PX, GAP_PX, COLUMN_PX = 62, 38, 16, 320
PAGE_PX = (280, 4000)
"""Outside of this nobody's page is: a browser can send any number."""


@dataclass(frozen=True)
class Laid:
    """`angle` in degrees as Gradio takes it; `more_px`: so much higher is the plot for it."""

    angle: int
    more_px: int


LEVEL = Laid(0, 0)


def lay(labels: Sequence[str], room_px: float) -> Laid:
    """Level where they fit beside each other, else aslant, else upright. Long ones make the plot higher."""
    if not labels:
        return LEVEL
    longest, each = max(text_px(label) for label in labels), room_px / len(labels)
    if longest + 4 <= each:
        return LEVEL
    longest = min(longest, LONGEST_PX)
    return Laid(-45, round(0.7 * longest)) if each >= 26 else Laid(-90, round(longest))


def room_px(page_px: object, *, is_wide: bool) -> float:
    """How wide a plot's own area is on a page of this width; of two columns, while there is room for two."""
    said = float(page_px) if isinstance(page_px, int | float) else 1280.0
    page = min(max(said, PAGE_PX[0]), PAGE_PX[1]) - (28 if said < 900 else 48)
    has_two = not is_wide and page >= 2 * COLUMN_PX + GAP_PX
    return ((page - GAP_PX) / 2 if has_two else page) - SHEET_PX - AXIS_PX


def text_px(text: str) -> float:
    return sum(WIDE_PX if unicodedata.east_asian_width(letter) in "WF" else NARROW_PX for letter in text)

"""The look that all pages share: one Gradio theme, indigo on slate, light and dark."""

from __future__ import annotations

from gradio.themes import Base

FONTS = [
    "Inter",
    "ui-sans-serif",
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "Noto Sans KR",
    "Noto Sans CJK KR",
    "sans-serif",
]
MONO_FONTS = ["ui-monospace", "SFMono-Regular", "Menlo", "monospace"]


def make_theme() -> Base:
    """The theme. Only fonts that the reader's machine has: nothing is fetched from elsewhere."""
    theme = Base(
        primary_hue="indigo",
        neutral_hue="slate",
        radius_size="lg",
        spacing_size="md",
        text_size="md",
        font=FONTS,
        font_mono=MONO_FONTS,
    )
    return theme.set(  # pyright: ignore[reportUnknownMemberType]  # its parameters carry no types
        body_background_fill="#f7f8fb",
        body_background_fill_dark="#0d1018",
        body_text_color="#1e2536",
        body_text_color_dark="#e6e9f2",
        body_text_color_subdued="#5a6479",
        body_text_color_subdued_dark="#9aa5bb",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#151a26",
        background_fill_secondary="#f1f3f9",
        background_fill_secondary_dark="#10141e",
        block_border_width="1px",
        block_shadow="none",
        block_background_fill="#ffffff",
        block_background_fill_dark="#151a26",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_label_border_width="0px",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_500",
        button_primary_text_color="white",
        border_color_primary="#e3e7f0",
        border_color_primary_dark="#252c3d",
        color_accent_soft="*primary_50",
        color_accent_soft_dark="#232a4d",
        input_border_width="1px",
        input_border_color="#d5dbe8",
        input_border_color_dark="#2b3346",
        input_background_fill="#ffffff",
        input_background_fill_dark="#10141e",
    )

"""Choose from the pictures of `screenshots.py` those that docs/screenshots.md shows, and write both.

    python -m tests.browser.gallery AFTER [--before BEFORE]

AFTER is a folder that `screenshots.py` filled; BEFORE one that it filled at an earlier state of the program. Without
BEFORE the pictures of before stay as they are.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

DOCS = Path(__file__).parents[2] / "docs"
QUALITY = 72
HEIGHT_MAX = 2400
LEADING = ("desktop-light-en", "phone-dark-ko")
OTHERS = ("desktop-dark-ko", "phone-light-en")


@dataclass(frozen=True)
class View:
    """One state of a page: the name of its picture, what is to be seen, on which screens, and where before is shown."""

    name: str
    words: str
    screens: tuple[str, ...] = LEADING
    before: tuple[str, ...] = ()
    title: str = ""
    """Another name for the picture in docs/."""


SECTIONS: dict[str, list[View]] = {
    "The start page": [
        View("talk-start-first", "The first time", (*LEADING, *OTHERS), before=LEADING),
        View("talk-start-privacy", "Who reads it, in full", ("phone-dark-ko",)),
        View("talk-start-second", "The second time: back into the last talk", before=("desktop-light-en",)),
        View("talk-form", "The form of a scenario", before=("phone-dark-ko",)),
    ],
    "The talk": [
        View("talk-opening", "The partner speaks first", before=("desktop-light-en",)),
        View("talk-thinking", "Waiting for the first word", before=LEADING),
        View("talk-streaming", "The answer comes"),
        View("talk-stopped", "Stopped; the part stays", ("desktop-light-en",)),
        View("talk-stopped-empty", "Stopped before the first word", ("phone-dark-ko",), before=("phone-dark-ko",)),
        View("talk-versions", "The third answer to the same words", before=("phone-dark-ko",)),
        View("talk-rating", "Why was it bad?", ("phone-dark-ko",)),
        View("talk-details", "When, how long, how much", ("desktop-light-en",)),
        View("talk-edit", "Said in other words", before=("phone-dark-ko",)),
        View("talk-branch-and-code", "The new branch; code, a table, a formula", (*LEADING, *OTHERS)),
        View("talk-wrap-up-early", "Wrapped up after one sentence", ("phone-dark-ko",)),
        View("talk-busy", "The model has too much to do", LEADING),
        View("talk-offline", "No connection", LEADING, before=("phone-dark-ko",)),
        View("refused-2-day", "Enough for today", ("desktop-light-en",)),
        View("refused-3-too-large", "Too long", ("phone-dark-ko",)),
        View("refused-6-missing", "A talk that is not here; what was typed is", ("desktop-light-en",)),
        View("talk-long", "A long talk opens at its end", ("desktop-light-en",)),
    ],
    "The list": [
        View("list-1-days", "By day", before=("phone-dark-ko",)),
        View("list-2-menu", "What one can do with a talk", ("phone-dark-ko",)),
        View("list-3-rename", "Another title", ("desktop-light-en",)),
        View("list-4-search", "Found", LEADING),
        View("list-5-nothing", "Nothing found", ("phone-dark-ko",)),
        View("list-6-delete-all", "Bring back, save all, delete all", ("desktop-light-en",)),
        View("list-7-undo", "Deleted, and the way back", LEADING, before=("phone-dark-ko",)),
    ],
    "The debrief": [
        View("debrief-making", "In the making", ("desktop-light-en",)),
        View("4-progress", "In the making, beside the talk", ("phone-dark-ko", "desktop-dark-ko"), title="making"),
        View("5-debrief", "Ready, beside the talk", (*LEADING, *OTHERS), before=("desktop-light-en",)),
        View("6-quote", "A quote leads to where it was said", LEADING),
        View("debrief-ready", "The whole of it", ("desktop-light-en", "phone-light-en")),
        View("debrief-objecting", "This is wrong", ("phone-dark-ko",)),
        View("debrief-disputed", "A person looks again; how it was made", ("desktop-light-en",)),
        View("debrief-waiting", "With a reviewer", ("desktop-light-en",)),
        View("debrief-rejected", "Not released", ("phone-dark-ko",)),
        View("debrief-partial", "Ready in part, approved by a reviewer", ("desktop-light-en",)),
        View("debrief-cancelled", "Stopped", ("phone-dark-ko",)),
        View("debrief-print", "Printed", ("desktop-light-en",)),
        View("refused-4-debrief", "Enough debriefs for today", ("desktop-light-en",)),
    ],
    "Trying again, looking back": [
        View("10-again", "The weak moment again"),
        View("11-hint", "A hint", ("desktop-light-en",)),
        View("14-compare", "Two tries side by side", LEADING),
        View("15-progress", "Your progress", ("desktop-light-en", "desktop-dark-ko")),
        View("talk-progress-empty", "Before the second debrief", ("phone-dark-ko",)),
    ],
    "Your data, and the keys": [
        View("talk-data", "What is kept", before=("phone-dark-ko",)),
        View("talk-data-empty", "Nothing is kept", ("phone-dark-ko",)),
        View("talk-shortcuts", "? shows all keys", ("desktop-light-en",), before=("desktop-light-en",)),
    ],
}
DESK = {
    "review-desktop-light-en": "The review desk",
    "review-desktop-dark-ko": "The same, dark, in Korean",
    "review-phone-light-en": "On a phone",
}
HEAD = """# Screenshots

Each page and state of Debrief, as Chromium shows it: a desktop (1280 by 800) and a phone (390 by 844), light and dark,
English and Korean. The model's words are scripted; everything else is the real program. The font is Inter where it is
installed, as here, otherwise the system's own. `make screenshots` takes all of them on all eight screens into
`test-output/screenshots`; `python -m tests.browser.gallery` chose these. Where a walk as somebody new
([first-use.md](first-use.md)) changed something that one sees, the state before stands beside it.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("after", type=Path)
    parser.add_argument("--before", type=Path)
    asked = parser.parse_args()
    out = DOCS / "screenshots"
    out.mkdir(exist_ok=True)
    for view in (view for views in SECTIONS.values() for view in views):
        for screen in view.screens:
            _keep(asked.after / f"{screen}-{view.name}.png", out / f"{_title(view)}-{screen}.webp")
        for screen in view.before if asked.before else ():
            _keep(asked.before / f"{screen}-{view.name}.png", out / f"before-{_title(view)}-{screen}.webp")
    (DOCS / "screenshots.md").write_text(_page(), "utf-8")
    kept = list(out.iterdir())
    print(f"{len(kept)} pictures, {sum(file.stat().st_size for file in kept) / 1e6:.1f} MB")


def _title(view: View) -> str:
    """Without the number that only orders the files: `5-debrief` is `debrief`."""
    if view.title:
        return view.title
    first, _, rest = view.name.partition("-")
    return rest if first.isdecimal() else view.name


def _keep(source: Path, target: Path) -> None:
    picture = Image.open(source).convert("RGB")
    picture.crop((0, 0, picture.width, min(picture.height, HEIGHT_MAX))).save(target, quality=QUALITY, method=6)


def _page() -> str:
    parts = [HEAD]
    for section, views in SECTIONS.items():
        parts.append(f"## {section}\n")
        parts += [_shown(view) for view in views]
    parts.append("## The review desk\n")
    parts += [f"{words}\n\n![{words}](screenshots/{name}.png)\n" for name, words in DESK.items()]
    return "\n".join(parts)


def _shown(view: View) -> str:
    cells = [(f"{screen}, before", f"before-{_title(view)}-{screen}") for screen in view.before]
    cells += [(screen, f"{_title(view)}-{screen}") for screen in view.screens]
    cells.sort(key=lambda cell: (cell[0].split(",")[0], "before" not in cell[0]))
    names = [name.replace("-", " ") for name, _ in cells]
    pictures = [
        f'<img src="screenshots/{file}.webp" width="{260 if "phone" in file else 520}" alt="{view.words}, {name}">'
        for name, (_, file) in zip(names, cells, strict=True)
    ]
    rows = [f"| {' | '.join(names)} |", f"|{'---|' * len(cells)}", f"| {' | '.join(pictures)} |"]
    return f"### {view.words}\n\n" + "\n".join(rows) + "\n"


if __name__ == "__main__":
    main()

"""The gold scores as Markdown: a row for each measure, a column for each way of making feedback.

Cells are kept in a file between runs, so that the slow ways need not be run again for the sake of the quick ones. In
the document only what stands between the markers is ours.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.gold.scoring import Broken, Scores

Cells = dict[str, str]
SPLITS = {"all": "All talks", "en": "English", "ko": "Korean"}


def cells_of(scores: Scores) -> Cells:
    """The measures by their names, in the order of the table."""
    picking = scores.picking
    wrongly, unseeable = scores.falsely_scored
    rows = {
        "feedbacks (criteria)": f"{scores.n} ({scores.judgements})",
        "valid: whole, in the words asked for": _percent(scores.whole),
        "criteria unscored": _percent(scores.unscored),
        "evidence exact": f"{_percent(scores.evidence_exact)} of {scores.evidence}",
        "evidence precision (at random)": f"{_number(picking.precision)} ({_number(picking.random_precision)})",
        "evidence recall (two at random)": f"{_number(picking.recall)} ({_number(picking.random_recall)})",
        "level within the band": _percent(scores.in_band),
        "level error to the band's edge (always 3)": f"{_number(scores.edge_error)} "
        f"({_number(scores.edge_error_of_three)})",
        "level error to the band's middle": _number(scores.middle_error),
        "quadratic weighted kappa": _number(scores.kappa),
        "criteria not observed": _percent(scores.unseen),
        "… although it was there": _percent(scores.falsely_unseen),
        "given a level with nothing to see": f"{wrongly} of {unseeable}",
        "sentences in the talk's language": _percent(scores.language),
        "forbidden claims made": f"{scores.claims_made} of {scores.claims}",
        "injection shift, levels": "–" if scores.injection_shift is None else f"{scores.injection_shift:+.2f}",
    }
    rows |= {f"broken: {relation}": _broken(found) for relation, found in scores.pairs.items()}
    rows |= {
        "model calls a feedback": _number(scores.calls, 1),
        "tokens read (from cache), written": f"{_number(scores.prompt_tokens, 0)} ({_percent(scores.cached)}), "
        f"{_number(scores.completion_tokens, 0)}",
        "seconds a feedback": _number(scores.seconds, 1),
    }
    return rows


def keep(file: Path, part: str, way: str, title: str, cells: dict[str, Cells]) -> dict[str, dict[str, Cells]]:
    """Put one way's cells (by split) beside those kept of other ways; all that is kept of this part, by column title.

    Args:
        file: where cells are kept.
        part: "open" or "held-out".
        way: replaces what was kept of the same way.
        title: of the column.
        cells: by split.
    """
    kept = json.loads(file.read_text("utf-8")) if file.exists() else {}
    kept.setdefault(part, {})[way] = {"title": title, "cells": cells}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return {found["title"]: found["cells"] for found in kept[part].values()}


def tables(columns: dict[str, dict[str, Cells]]) -> str:
    """A table for each split; the columns by their titles."""
    return "\n\n".join(
        f"### {title}\n\n{_table({name: cells[split] for name, cells in columns.items() if split in cells})}"
        for split, title in SPLITS.items()
        if any(split in cells for cells in columns.values())
    )


def put_between_markers(document: Path, part: str, text: str) -> None:
    """Replace what stands between `<!-- gold: part -->` and `<!-- end -->`.

    Raises:
        ValueError: the document has no such markers.
    """
    begin, end = f"<!-- gold: {part} -->", "<!-- end -->"
    old = document.read_text("utf-8")
    new, found = re.subn(
        f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: f"{begin}\n\n{text}\n\n{end}", old, count=1, flags=re.DOTALL
    )
    if not found:
        raise ValueError(f"{document} has no {begin} … {end}")
    document.write_text(new, "utf-8")


def _table(columns: dict[str, Cells]) -> str:
    rows = list(dict.fromkeys(row for cells in columns.values() for row in cells))
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    lines += [f"| {row} | " + " | ".join(cells.get(row, "–") for cells in columns.values()) + " |" for row in rows]
    return "\n".join(lines)


def _broken(found: Broken) -> str:
    return f"{found.broken} of {found.compared}" if found.compared else "–"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def _number(number: float | None, digits: int = 2) -> str:
    return "–" if number is None else f"{number:.{digits}f}"

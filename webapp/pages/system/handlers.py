"""The processes of this installation and what memory each holds, from the supervisor's file and Linux's `/proc`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, cast

PROC = Path("/proc")


def read_processes(data_dir: Path) -> list[dict[str, Any]]:
    """The supervised processes with the resident memory of each one's whole tree, None where it cannot be read.

    Without the supervisor's file only this web process is known.
    """
    rows: list[dict[str, Any]]
    try:
        written: dict[str, Any] = json.loads((data_dir / "processes.json").read_text("utf-8"))
        rows = [*cast("list[dict[str, Any]]", written["processes"])]
        rows.insert(0, {"name": "supervisor", "pid": written.get("supervisor_pid"), "state": "running"})
    except (OSError, ValueError, KeyError, TypeError):
        rows = [{"name": "web", "pid": os.getpid(), "state": "ready"}]
    children = _children()
    supervised = {row["pid"] for row in rows}
    return [{**row, "rss_bytes": _tree_rss(row["pid"], children, supervised - {row["pid"]})} for row in rows]


def _children() -> dict[int, list[int]]:
    """Process ids by their parent's."""
    found: dict[int, list[int]] = {}
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            text = stat.read_text("utf-8", "replace")
        except OSError:
            continue
        parent = int(text.rpartition(")")[2].split()[1])  # the name before it may hold blanks and brackets
        found.setdefault(parent, []).append(int(stat.parent.name))
    return found


def _tree_rss(pid: int | None, children: dict[int, list[int]], others: set[Any]) -> int | None:
    """Resident bytes of a process and those that it started, without `others`, which are counted for themselves."""
    if pid is None or (own := _rss(pid)) is None:
        return None
    below = [_tree_rss(child, children, others) or 0 for child in children.get(pid, []) if child not in others]
    return own + sum(below)


def _rss(pid: int) -> int | None:
    try:
        return int((PROC / str(pid) / "statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return None

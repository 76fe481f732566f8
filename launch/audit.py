"""Asks for known holes in what the lock files install: `python -m launch.audit`, a step of `make check`.

A hole fails the check. No answer does not: a check must work without a network, and an index that does not tell of
holes is no reason to stop; then it says so.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LOCKS = ("app", "cpu", "gpu", "dev")
TIMEOUT_S = 120
ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Ask about each lock, say, and give the exit code."""
    answers = [verdict(ask(lock)) for lock in LOCKS]
    for lock, (_, said) in zip(LOCKS, answers, strict=True):
        print(f"Known holes in {lock}: {said}")
    return max(code for code, _ in answers)


def ask(lock: str) -> str:
    """pip-audit's answer as JSON; empty when there was none."""
    file = ROOT / "requirements" / f"{lock}.lock"
    line = [sys.executable, "-m", "pip_audit", "-r", str(file), "--disable-pip", "--format", "json"]
    try:
        done = subprocess.run(
            [*line, "--progress-spinner", "off"], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout


def verdict(answer: str) -> tuple[int, str]:
    """What pip-audit's JSON means: the exit code, and what to say."""
    try:
        packages = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return 0, "nobody answered, so nothing was checked."
    holes = [
        f"{package['name']} {package['version']}: {hole['id']}"
        + (f", repaired in {' or '.join(hole['fix_versions'])}" if hole.get("fix_versions") else "")
        for package in packages
        for hole in package.get("vulns", [])
    ]
    unknown = sum("skip_reason" in package for package in packages)
    if not packages or unknown == len(packages):
        return 0, f"the index tells of none of these {len(packages)} packages, so nothing was checked."
    asked = f"{len(packages) - unknown} packages asked about, {unknown} unknown to the index"
    return (1, "\n  ".join([f"({asked})", *sorted(set(holes))])) if holes else (0, f"none ({asked}).")


if __name__ == "__main__":
    sys.exit(main())

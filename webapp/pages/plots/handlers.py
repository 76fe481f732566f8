"""What the plots show, as plain rows, and what is said above each. Gradio is not known here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from debrief.errors import SignInNeeded
from debrief.texts import Wait, say
from storage.agreements import Agreements, read_agreements
from storage.engine import Database
from storage.figures import Figures, read_figures
from webapp.identity import Asker
from webapp.store import Store

DAYS = (7, 30, 365)
NAMES = ("waiting", "decided", "edited", "distances", "levels", "incomplete", "times", "agreement")
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Plot:
    """`said`: the question and what the figures answer, in Markdown. Without rows there is nothing to draw."""

    said: str
    rows: Rows


class PlotHandlers:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def draw(self, asker: Asker, days: int) -> dict[str, Plot]:
        """Every plot by name.

        Raises:
            SignInNeeded: the asker reviews nothing here.
        """
        if asker.account is None:
            raise SignInNeeded
        figures, agreed = await self._store(read_all, days if days in DAYS else DAYS[1])
        language = asker.language
        rows = _rows(figures, agreed, language)
        answers = _answers(figures, agreed, language)
        return {name: _plot(name, rows[name], answers[name], language) for name in NAMES}


def read_all(db: Database, days: int) -> tuple[Figures, Agreements]:
    return read_figures(db, days=days), read_agreements(db, "people")


def _plot(name: str, rows: Rows, answer: str, language: str) -> Plot:
    said = answer if rows else say(f"plots.none_{name}", language)
    return Plot(f"### {say(f'plots.ask_{name}', language)}\n{said}", rows)


def _rows(figures: Figures, agreed: Agreements, language: str) -> dict[str, Rows]:
    def word(key: str) -> str:
        return say(f"plots.{key}", language)

    return {
        "waiting": [{"x": word(f"age_{age}"), "y": n} for age, n in figures.waiting] if _any(figures.waiting) else [],
        "decided": [{"x": one.day[5:], "y": one.n, "color": word(f"did_{one.what}")} for one in figures.decided],
        "edited": [{"x": one.day[5:], "y": round(100 * one.share, 1)} for one in figures.edited],
        "distances": [{"x": word(f"part_{part}"), "y": round(100 * share, 1)} for part, share, _ in figures.distances],
        "levels": [
            {
                "x": f"{one.scenario_id} {one.rubric}",
                "y": one.n,
                "color": str(one.level) if one.level else word("no_level"),
            }
            for one in figures.levels
        ],
        "incomplete": [
            {"x": one.day[5:], "y": round(100 * one.share, 1), "color": word(f"share_{one.what}")}
            for one in figures.incomplete
        ],
        "times": [{"x": word(f"time_{step}"), "y": n} for step, n in figures.times] if _any(figures.times) else [],
        "agreement": [
            {"x": one.name, "y": round(value, 2), "color": word(f"kappa_{edge}")}
            for one in agreed.criteria
            for edge in ("low", "value", "high")
            if (value := getattr(one.agreed.quadratic, edge)) is not None
        ],
    }


def _any(counts: list[tuple[str, int]]) -> bool:
    return any(n for _, n in counts)


def _answers(figures: Figures, agreed: Agreements, language: str) -> dict[str, str]:
    decided = sum(one.n for one in figures.decided)
    let_through = sum(one.of for one in figures.edited)
    edits = round(sum(one.share * one.of for one in figures.edited))
    made = sum(one.of for one in figures.incomplete if one.what == "partial")
    in_part = round(sum(one.share * one.of for one in figures.incomplete if one.what == "partial"))
    values: dict[str, dict[str, object]] = {
        "waiting": {
            "n": sum(n for _, n in figures.waiting),
            "age": Wait(figures.oldest_waiting_s or 0),
        },
        "decided": {"n": decided, "days": len({one.day for one in figures.decided})},
        "edited": {"n": edits, "of": let_through},
        "distances": {"n": max((n for _, _, n in figures.distances), default=0)},
        "levels": {"n": sum(one.n for one in figures.levels)},
        "incomplete": {"n": in_part, "of": made},
        "times": {"n": sum(n for _, n in figures.times), "median": Wait(figures.median_s or 0)},
        "agreement": {"n": max((one.agreed.n for one in agreed.criteria), default=0)},
    }
    return {name: say(f"plots.say_{name}", language, **values[name]) for name in NAMES}

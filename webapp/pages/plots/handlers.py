"""What the plots show, as plain rows, and what is said above each. Gradio is not known here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from debrief.errors import SignInNeeded
from debrief.texts import Wait, say
from storage.agreements import NEWEST, Agreements, read_agreements
from storage.engine import Database
from storage.figures import Figures, read_figures
from storage.level_figures import SAMPLE, LevelFigures, read_levels
from webapp.identity import Asker
from webapp.pages.plots.days import in_steps, label_days
from webapp.store import Store

DAYS = (7, 30, 365)
NAMES = ("waiting", "decided", "times", "incomplete", "edited", "sections", "distances", "agreement", "levels")
LEVELS = (1, 2, 3, 4, 5)
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Plot:
    """`said`: the question and what the figures answer, in Markdown. Without rows there is nothing to draw."""

    said: str
    rows: Rows


@dataclass(frozen=True)
class Drawn:
    """Every plot by name, and which scenarios the one of levels can be drawn for: (title, id)."""

    plots: dict[str, Plot]
    scenarios: list[tuple[str, str]]
    scenario_id: str | None
    in_weeks: bool
    """Whether what is told by day is told by week instead: a year has too many days."""


@dataclass(frozen=True)
class _Found:
    figures: Figures
    agreed: Agreements
    levels: LevelFigures


class PlotHandlers:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def draw(self, asker: Asker, days: int, scenario_id: str | None = None) -> Drawn:
        """All that is on the page.

        Raises:
            SignInNeeded: the asker reviews nothing here.
        """
        if asker.account is None:
            raise SignInNeeded
        language = asker.language
        found = await self._store(_read, days if days in DAYS else DAYS[1], scenario_id, language)
        in_weeks = days == DAYS[-1]
        rows = _rows(found, language, in_weeks=in_weeks)
        answers = _answers(found, language)
        return Drawn(
            plots={name: _plot(name, rows[name], answers[name], language) for name in NAMES},
            scenarios=[
                (title.get(language) or next(iter(title.values())), one)
                for one, title in found.levels.scenarios.items()
            ],
            scenario_id=found.levels.scenario_id,
            in_weeks=in_weeks,
        )


def _read(db: Database, days: int, scenario_id: str | None, language: str) -> _Found:
    return _Found(
        read_figures(db, days=days),
        read_agreements(db, "people", language=language),
        read_levels(db, days=days, scenario_id=scenario_id, language=language),
    )


def _plot(name: str, rows: Rows, answer: str, language: str) -> Plot:
    said = answer if rows else say(f"plots.none_{name}", language)
    return Plot(f"### {say(f'plots.ask_{name}', language)}\n{said}", rows)


def _rows(found: _Found, language: str, *, in_weeks: bool) -> dict[str, Rows]:
    def word(key: str) -> str:
        return say(f"plots.{key}", language)

    figures = found.figures
    return {
        "waiting": [{"x": word(f"age_{age}"), "y": n} for age, n in figures.waiting] if _any(figures.waiting) else [],
        "decided": _by_day(
            [(one.day, word(f"did_{one.what}"), one.n, 1) for one in figures.decided], in_weeks=in_weeks, is_share=False
        ),
        "times": [{"x": word(f"time_{step}"), "y": n} for step, n in figures.times] if _any(figures.times) else [],
        "incomplete": _by_day(
            [(one.day, word(f"share_{one.what}"), one.share, one.of) for one in figures.incomplete], in_weeks=in_weeks
        ),
        "edited": _by_day([(one.day, "", one.share, one.of) for one in figures.edited], in_weeks=in_weeks),
        "sections": [
            {"x": word(f"part_{one.field}"), "y": round(100 * one.changed / figures.compared * _edit_rate(figures), 1)}
            for one in figures.sections
        ],
        "distances": [
            {"x": word(f"part_{one.field}"), "y": round(100 * one.distance, 1)}
            for one in figures.sections
            if one.changed
        ],
        "agreement": _agreement(found.agreed, word),
        "levels": _levels(found.levels, word("no_level")),
    }


def _by_day(values: list[tuple[str, str, float, int]], *, in_weeks: bool, is_share: bool = True) -> Rows:
    """Rows in the order of time: a day or, over a year, a week each. Shares are weighed by their `of`."""
    sums: dict[tuple[date, str], list[float]] = {}
    for day, what, value, of in values:
        whole = sums.setdefault((in_steps(date.fromisoformat(day), in_weeks=in_weeks), what), [0.0, 0.0])
        whole[0] += value * of
        whole[1] += of
    labels = label_days([at for at, _ in sums], in_weeks=in_weeks)
    of_each = {key: round(100 * part / of, 1) if is_share else part for key, (part, of) in sums.items()}
    series = list(dict.fromkeys(what for _, what in sums))
    return [
        {"x": label, "y": of_each.get((at, what), 0), "color": what}
        for at, label in labels.items()
        for what in series
        if (at, what) in of_each or (not is_share and what == series[0])
    ]


def _agreement(agreed: Agreements, word: Any) -> Rows:
    """The same name in two scenarios is two criteria."""
    names = [one.name for one in agreed.criteria]
    return [
        {
            "x": one.name if names.count(one.name) == 1 else f"{one.name} ({one.scenario_title})",
            "y": round(value, 2),
            "color": word(f"kappa_{edge}"),
        }
        for one in agreed.criteria
        for edge in ("low", "value", "high")
        if (value := getattr(one.agreed.quadratic, edge)) is not None
    ]


def _levels(found: LevelFigures, no_level: str) -> Rows:
    """For each criterion a bar for each version. The first has all levels, so that the legend has them in order."""
    letters = {version.hash: letter for version, letter in zip(found.versions, "ABC", strict=False)}
    order = list(dict.fromkeys(one.criterion for one in found.criteria))
    bars = sorted(found.criteria, key=lambda one: (order.index(one.criterion), letters[one.rubric]))
    return [
        {
            "x": f"{one.name} {letters[one.rubric]}",
            "y": round(100 * one.counts.get(level, 0) / sum(one.counts.values()), 1),
            "color": str(level) if level else no_level,
        }
        for one in bars
        for level in (*LEVELS, 0)
        if one.counts.get(level) or one is bars[0]
    ]


def _any(counts: list[tuple[str, int]]) -> bool:
    return any(n for _, n in counts)


def _edit_rate(figures: Figures) -> float:
    let_through = sum(one.of for one in figures.edited)
    return sum(one.share * one.of for one in figures.edited) / let_through if let_through else 0.0


def _answers(found: _Found, language: str) -> dict[str, str]:
    figures = found.figures
    decided = sum(one.n for one in figures.decided)
    let_through = sum(one.of for one in figures.edited)
    made = sum(one.of for one in figures.incomplete if one.what == "partial")
    whole = {
        what: round(sum(one.share * one.of for one in figures.incomplete if one.what == what))
        for what in ("partial", "unscored")
    }
    most = max(figures.sections, key=lambda one: one.changed, default=None)
    values: dict[str, dict[str, object]] = {
        "waiting": {
            "n": sum(n for _, n in figures.waiting),
            "age": Wait(figures.oldest_waiting_s or 0),
        },
        "decided": {"n": decided, "days": len({one.day for one in figures.decided})},
        "times": {"n": sum(n for _, n in figures.times), "median": Wait(figures.median_s or 0)},
        "incomplete": {"n": whole["partial"], "of": made, "unscored": whole["unscored"]},
        "edited": {"n": round(_edit_rate(figures) * let_through), "of": let_through},
        "sections": {"n": figures.compared, "part": say(f"plots.part_{most.field}", language) if most else ""},
        "distances": {"n": figures.compared},
        "agreement": {
            "n": max((one.agreed.n for one in found.agreed.criteria), default=0),
            "most": NEWEST,
        },
        "levels": {"n": SAMPLE, "versions": _versions(found.levels)},
    }
    return {name: say(f"plots.say_{name}", language, **values[name]) for name in NAMES}


def _versions(found: LevelFigures) -> str:
    return "; ".join(
        f"{letter}: {version.since.date().isoformat()} ({version.hash[:6]}), {version.n}"
        for version, letter in zip(found.versions, "ABC", strict=False)
    )

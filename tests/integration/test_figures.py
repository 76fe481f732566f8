"""The figures behind the plots are those of the record, on both engines."""

import asyncio
from datetime import UTC, date, datetime

from sqlalchemy import update

from storage.accounts import find_account
from storage.agreements import read_agreements
from storage.criterion_names import scenario_titles
from storage.engine import Database
from storage.figures import read_figures
from storage.level_figures import read_levels
from storage.scenarios import keep_version
from storage.tables import ReviewRow
from tests.plot_scene import fill
from tests.review_scene import make_account
from tests.web_scene import Web
from webapp.identity import Asker
from webapp.pages.plots.days import in_steps, label_days
from webapp.pages.plots.handlers import NAMES, Drawn, PlotHandlers


def test_the_figures_count_what_waits_what_was_decided_and_what_was_edited(any_database: Database):
    fill(any_database, days=3, a_day=4)

    figures = read_figures(any_database, days=30)

    assert sum(n for _, n in figures.waiting) == 3
    assert figures.waiting[0] == ("hour", 1)
    assert figures.oldest_waiting_s is not None
    assert 2 * 86_400 <= figures.oldest_waiting_s < 2 * 86_400 + 3600
    decided = {
        what: sum(one.n for one in figures.decided if one.what == what) for what in ("approve", "edit", "reject")
    }
    assert decided == {"approve": 3, "edit": 3, "reject": 3}
    assert sum(one.share * one.of for one in figures.edited) == 3
    parts = {one.field: one for one in figures.sections}
    assert (parts["reason"].changed, parts["reason"].distance) == (0, 0)
    assert (parts["next_step"].changed, figures.compared) == (3, 3)
    assert 0.5 < parts["next_step"].distance <= 1
    assert round(sum(one.share * one.of for one in figures.incomplete if one.what == "partial")) == 2
    assert sum(n for _, n in figures.times) == 9
    assert figures.median_s is not None
    assert read_figures(any_database, days=1).decided != figures.decided


def test_the_levels_of_each_criterion_are_told_by_rubric_version_the_oldest_first(any_database: Database):
    fill(any_database, days=4, a_day=2)

    levels = read_levels(any_database, days=30)

    assert (levels.scenario_id, levels.scenarios["job_interview"]["ko"]) == ("job_interview", "취업 면접")
    assert [(version.hash[0], version.n) for version in levels.versions] == [("b", 4), ("a", 4)]
    told = {(one.rubric[0], one.criterion): one.counts for one in levels.criteria}
    assert (told["b", "examples"], told["a", "examples"]) == ({3: 4}, {2: 4})
    assert told["a", "motive"] == {0: 4}
    assert read_levels(any_database, days=30, scenario_id="none such").scenario_id == "job_interview"
    assert read_levels(any_database, days=1).versions[-1].n < 4


def test_a_scenario_is_called_as_its_newest_version_calls_it_and_by_its_id_where_none_is_known(any_database: Database):
    for digit, title in (("1", {"en": "Desk"}), ("0", {"en": "Front desk", "ko": "안내 데스크"})):
        with any_database.write() as session:
            keep_version(session, "desk", digit * 64, {"title": title})
    with any_database.read() as session:
        assert scenario_titles(session, ["unknown", "desk"]) == {
            "unknown": {"en": "unknown"},
            "desk": {"en": "Front desk", "ko": "안내 데스크"},
        }


def test_agreement_is_told_from_second_opinions_and_drawn_with_its_interval(web: Web):
    fill(web.parts.db, days=8, a_day=4)
    plot = _draw(web).plots["agreement"]
    told = {one.name: one.agreed for one in read_agreements(web.parts.db, "people").criteria}
    assert [(row["x"], row["y"]) for row in plot.rows if row["x"] == "Concrete examples"] == [
        ("Concrete examples", round(value, 2))
        for value in (
            told["Concrete examples"].quadratic.low,
            told["Concrete examples"].quadratic.value,
            told["Concrete examples"].quadratic.high,
        )
    ]
    assert f"up to {max(one.n for one in told.values())} debriefs" in plot.said


def test_days_stand_in_the_order_of_time_over_a_new_year_and_without_gaps(web: Web):
    fill(web.parts.db, days=3, a_day=4)
    days = ["2026-01-02", "2025-12-30", "2025-12-31"]
    with web.parts.db.write() as session:
        for n, row in enumerate(
            session.query(ReviewRow).where(ReviewRow.blind.is_(False)).order_by(ReviewRow.created_at)
        ):
            at = datetime.fromisoformat(days[n % 3]).replace(tzinfo=UTC)
            session.execute(update(ReviewRow).where(ReviewRow.id == row.id).values(created_at=at))
    rows = _draw(web, days=365).plots["decided"].rows
    assert [row["x"] for row in rows if row["color"] == rows[0]["color"]] == ["12-29"]  # one week
    whole = label_days([date.fromisoformat(day) for day in days], in_weeks=False)
    assert list(whole.values()) == ["2025-12-30", "2025-12-31", "2026-01-01", "2026-01-02"]
    assert list(label_days([date(2026, 11, 30), date(2026, 11, 28)], in_weeks=False).values()) == [
        "11-28", "11-29", "11-30",
    ]  # fmt: skip
    assert in_steps(date(2026, 1, 1), in_weeks=True) == date(2025, 12, 29)


def _draw(web: Web, *, days: int = 30) -> Drawn:
    found = PlotHandlers(web.parts.store)
    rita = find_account(web.parts.db, "rita") or make_account(web.parts.db, "rita")
    return asyncio.run(found.draw(Asker(visitor_id="v", language="en", account=rita, address="127.0.0.1"), days))


def test_without_anything_each_plot_says_so_in_words(web: Web):
    rita = make_account(web.parts.db, "rita")
    handlers = PlotHandlers(web.parts.store)
    for language, words in (("en", "Nothing waits."), ("ko", "기다리는 것이 없습니다.")):
        asker = Asker(visitor_id="v", language=language, account=rita, address="127.0.0.1")
        drawn = asyncio.run(handlers.draw(asker, 30))
        assert set(drawn.plots) == set(NAMES)
        assert not any(plot.rows for plot in drawn.plots.values())
        assert words in drawn.plots["waiting"].said

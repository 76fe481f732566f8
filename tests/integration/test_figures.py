"""The figures behind the plots are those of the record, on both engines."""

import asyncio

from storage.engine import Database
from storage.figures import read_figures
from tests.plot_scene import fill
from tests.review_scene import make_account
from tests.web_scene import Web
from webapp.identity import Asker
from webapp.pages.plots.handlers import NAMES, PlotHandlers


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
    assert {part: share for part, share, _ in figures.distances}["reason"] == 0
    assert {part: share for part, share, _ in figures.distances}["next_step"] > 0.5
    assert sum(one.n for one in figures.levels) == 12
    assert {one.level for one in figures.levels} == {3}
    assert round(sum(one.share * one.of for one in figures.incomplete if one.what == "partial")) == 2
    assert sum(n for _, n in figures.times) == 9
    assert figures.median_s is not None
    assert read_figures(any_database, days=1).decided != figures.decided


def test_without_anything_each_plot_says_so_in_words(web: Web):
    rita = make_account(web.parts.db, "rita")
    handlers = PlotHandlers(web.parts.store)
    for language, words in (("en", "Nothing waits."), ("ko", "기다리는 것이 없습니다.")):
        asker = Asker(visitor_id="v", language=language, account=rita, address="127.0.0.1")
        drawn = asyncio.run(handlers.draw(asker, 30))
        assert set(drawn) == set(NAMES)
        assert not any(plot.rows for plot in drawn.values())
        assert words in drawn["waiting"].said

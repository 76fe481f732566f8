from datetime import timedelta

import pytest

from storage import gauges
from storage.engine import utc_now
from storage.gauges import get_gauge, set_gauge


def test_a_number_told_by_one_process_is_read_by_another(any_database):
    set_gauge(any_database, "first_token_s", 0.4)
    set_gauge(any_database, "first_token_s", 0.2)

    assert get_gauge(any_database, "first_token_s", max_age_s=30) == pytest.approx(0.2)
    assert get_gauge(any_database, "never_told", max_age_s=30) is None


def test_an_old_number_is_no_number(any_database, monkeypatch):
    set_gauge(any_database, "first_token_s", 0.4)
    later = utc_now() + timedelta(seconds=31)
    monkeypatch.setattr(gauges, "utc_now", lambda: later)

    assert get_gauge(any_database, "first_token_s", max_age_s=30) is None

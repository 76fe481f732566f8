"""What the desk's events give back to the page."""

from dataclasses import fields
from typing import Any

import pytest

from webapp.pages.review.events import outputs_of
from webapp.pages.review.handlers import Desk, Place
from webapp.pages.review.layout import DeskView

NAMES: dict[str, Any] = {part.name: part.name for part in fields(DeskView)}


@pytest.mark.parametrize(("before", "is_sent"), [("f_open", False), ("f_other", True), ("", True)])
def test_a_talk_and_empty_fields_come_with_another_debrief_and_not_with_every_look(before: str, is_sent: bool):
    desk = Desk(
        Place(feedback_id="f_open", row_version=4),
        {},
        {"messages": [{"id": "m", "role": "user", "content": "Hi."}], "shown": 1},
    )

    given = outputs_of(DeskView(**NAMES), Place(feedback_id=before, row_version=3), desk)

    assert given["row_version"] == 4
    assert [part in given for part in ("talk", "whole_talk", "note", "reason")] == [is_sent] * 4

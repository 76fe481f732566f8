"""Talks longer than the model can hold: read in windows, reviewed from what matters, and the record says so."""

import asyncio
from itertools import pairwise

from debrief.manner import Manner
from debrief.transcript import number_lines
from debrief.windows import MOST_WINDOWS, excerpt, runs, windows
from tests.writing_scene import KEYS, Model, Reply, offered, path, wanted, write

STORY = "Two summers ago I ran the front desk of a hotel alone when a bus arrived early."


def long_talk(turns: int) -> list[tuple[str, str]]:
    said = [("assistant", "Hello, I'm Dana.")]
    for n in range(turns):
        first = STORY if n == 1 else f"Then on day {n} nothing much happened that I can think of now."
        said += [("user", first), ("assistant", "I see. Could you tell me a little more about how that went?")]
    return said


def is_picking(request) -> bool:
    return "level" not in str(request.schema)


def picks_story(request) -> dict:
    """Names the story in a window that has it, and judges the first line that it is offered."""
    labels = offered(request)
    if is_picking(request):
        return {"criteria": {key: {"evidence": ["m4.1"] if "m4.1" in labels else []} for key in wanted(request)}}
    return {"criteria": {key: {"evidence": ["m4.1"], "level": 3} for key in wanted(request)}}


async def count_words(messages) -> int:
    return 2 * len(messages[0]["content"].split())


def numbered(turns: int):
    return number_lines(path(long_talk(turns)))


def fits_in(messages: int):
    async def fits(part) -> bool:
        return len(part.messages) <= messages

    return fits


def test_a_talk_of_120_messages_on_a_small_model_is_read_whole_and_quoted_from_its_beginning():
    model = Model([picks_story])
    done = write(model, long_talk(60), context_tokens=4096, count=count_words)
    picking = [ask for ask in model.asked if is_picking(ask)]
    assert len(picking) > 1
    assert done.body.covered.model_dump() == {"messages": 121, "of": 121, "runs": [(1, 121)]}
    assert {e.quote for c in done.body.criteria for e in c.evidence} == {STORY}
    assert done.body.criteria[0].evidence[0].message_id == "id3"
    last = model.asked[-1].messages[0]["content"]
    assert f"[m4.1] {STORY}" in last
    assert "[… m" in last
    assert "m3 Dana" in last
    assert done.lineage["excerpt"][0][0] <= 4
    assert not done.partial


def test_every_prompt_of_a_long_talk_fits_the_model():
    model = Model([picks_story])
    write(model, long_talk(60), context_tokens=4096, count=count_words)
    for ask in model.asked:
        assert asyncio.run(count_words(ask.messages)) + ask.max_tokens <= 4096


def test_where_the_model_names_no_line_likeness_does():
    model = Model([lambda request: Reply("no") if is_picking(request) else picks_first(request)])
    done = write(model, long_talk(60), context_tokens=4096, count=count_words)
    assert done.body.placed_by == "model"
    assert "m4.1" in offered(model.asked[-1])


def picks_first(request) -> dict:
    return {"criteria": {key: {"evidence": offered(request)[:1], "level": 3} for key in wanted(request)}}


def test_with_likeness_no_window_costs_a_call():
    model = Model([picks_first])
    manner = Manner("written", "likeness")
    write(model, long_talk(60), way=manner, context_tokens=4096, count=count_words)
    assert not any(is_picking(ask) for ask in model.asked)
    assert "m4.1" in offered(model.asked[0])


def test_what_is_beyond_the_windows_is_said_to_be_unread():
    done = write(Model([picks_story]), long_talk(600), context_tokens=4096, count=count_words)
    covered = done.body.covered
    assert covered.of == 1201
    assert covered.messages < covered.of
    assert [covered.runs[0][0], covered.runs[-1][1]] == [1, 1201]
    assert len([call for call in done.lineage["calls"] if call["rung"] == "window"]) == MOST_WINDOWS


def test_a_model_too_small_for_the_instructions_is_not_asked_at_all():
    model = Model([])
    done = write(model, long_talk(3), way="written", context_tokens=300, count=count_words)
    assert model.asked == []
    assert done.body.placed_by == "likeness"
    assert any(check.name == "model_words_usable" and not check.passed for check in done.checks)


def test_a_talk_that_fits_is_read_at_once():
    done = write(Model([picks_story]), long_talk(3))
    assert [call["rung"] for call in done.lineage["calls"]] == ["whole"]
    assert done.body.covered.runs == [(1, 7)]
    assert "excerpt" not in done.lineage


def test_windows_overlap_by_a_turn_and_lose_no_message():
    parts = asyncio.run(windows(numbered(20), fits_in(9), most=99))
    assert {number for part in parts for number in part.numbers} == set(range(1, 42))
    assert all(len(part.messages) <= 9 for part in parts)
    assert all(set(one.numbers) & set(other.numbers) for one, other in pairwise(parts))


def test_of_too_many_windows_the_first_and_the_last_are_read():
    parts = asyncio.run(windows(numbered(200), fits_in(9)))
    assert len(parts) == MOST_WINDOWS
    assert parts[0].numbers[0] == 1
    assert parts[-1].numbers[-1] == 401


def test_a_turn_that_fits_nowhere_is_left_out_and_the_rest_is_read():
    async def fits(part) -> bool:
        return all(message.number != 4 for message in part.messages) and len(part.messages) <= 5

    parts = asyncio.run(windows(numbered(6), fits))
    assert runs(number for part in parts for number in part.numbers) == [(1, 3), (6, 13)]


def test_an_excerpt_keeps_the_best_lines_with_what_was_said_around_them():
    part = asyncio.run(excerpt(numbered(20), ["m12.1", "m4.1", "m30.1"], fits_in(6)))
    assert part.numbers == (3, 4, 5, 11, 12, 13)
    alone = asyncio.run(excerpt(numbered(20), ["m12.1"], fits_in(1)))
    assert alone.numbers == (12,)
    assert asyncio.run(excerpt(numbered(20), ["m12.1"], fits_in(0))) is None


def test_runs_are_first_and_last_of_each_stretch():
    assert runs([7, 1, 2, 3, 3]) == [(1, 3), (7, 7)]
    assert runs([]) == []


def test_a_long_talk_is_sampled_over_the_same_excerpt():
    model = Model([picks_story])
    done = write(model, long_talk(60), way=Manner("rubric", samples=2), context_tokens=4096, count=count_words)
    assert done.body.criteria[0].agreement.of == 2
    prompts = [ask.messages[0]["content"] for ask in model.asked if not is_picking(ask)]
    assert len({prompt[: prompt.index("</transcript>")] for prompt in prompts}) == 1
    assert len(KEYS) == len(done.body.criteria)

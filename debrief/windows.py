"""A talk longer than the model can hold: windows of whole turns, and excerpts around the lines that matter.

First each window is read for candidate lines, then the review is made from those lines with what was said right before
and after them. Messages keep their numbers, the prompt marks what is left out, and the record says what was read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from itertools import pairwise

from debrief.transcript import NumberedTranscript

MOST_WINDOWS = 6
"""With more of them the first and the last are read: how a long talk began and how it went on lately."""
OVERLAP = 1
"""Turns that a window shares with the one before it, so that nothing is seen only at an edge."""

Fits = Callable[[NumberedTranscript], Awaitable[bool]]


async def windows(transcript: NumberedTranscript, fits: Fits, most: int = MOST_WINDOWS) -> list[NumberedTranscript]:
    """The talk in stretches of whole turns that fit, oldest first, at most so many.

    A turn that does not fit by itself is in none of them.
    """
    turns = _turns(transcript)
    found: list[NumberedTranscript] = []
    start = 0
    while start < len(turns):
        end = await _furthest(transcript, turns, start, fits)
        if end == start:
            start += 1
            continue
        found.append(_joined(transcript, turns[start:end]))
        if end == len(turns):
            break
        start = max(end - OVERLAP, start + 1)
    return found if len(found) <= most else [found[0], *found[-(most - 1) :]]


async def excerpt(transcript: NumberedTranscript, labels: Sequence[str], fits: Fits) -> NumberedTranscript | None:
    """The messages of as many of these lines as fit, best first, each with the message before and after it.

    None when not even the first line fits by itself.
    """
    numbers = [number_of(label) for label in labels]
    low, high = 0, len(numbers)
    while low < high:
        middle = (low + high + 1) // 2
        if await fits(_around(transcript, numbers[:middle])):
            low = middle
        else:
            high = middle - 1
    if low:
        return _around(transcript, numbers[:low])
    for number in numbers:
        alone = transcript.only({number})
        if await fits(alone):
            return alone
    return None


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Numbers as runs: 1, 2, 3, 7 is (1, 3), (7, 7)."""
    found: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def in_turn(queues: Iterable[Sequence[str]]) -> list[str]:
    """The first of each queue, then the second of each, each label once."""
    lists = [list(queue) for queue in queues]
    ranks = range(max((len(queue) for queue in lists), default=0))
    return list(dict.fromkeys(queue[rank] for rank in ranks for queue in lists if rank < len(queue)))


def number_of(label: str) -> int:
    """The message number in a line's label: 12 of "m12.3"."""
    return int(label[1:].partition(".")[0])


def _around(transcript: NumberedTranscript, numbers: Iterable[int]) -> NumberedTranscript:
    return transcript.only({near for number in numbers for near in (number - 1, number, number + 1)})


def _turns(transcript: NumberedTranscript) -> list[tuple[int, ...]]:
    """The message numbers of each turn."""
    starts = [*transcript.turn_starts, len(transcript.messages)]
    return [transcript.numbers[start:end] for start, end in pairwise(starts)]


async def _furthest(transcript: NumberedTranscript, turns: Sequence[tuple[int, ...]], start: int, fits: Fits) -> int:
    """The end of the longest stretch of turns from `start` on that fits; `start` when not one turn does."""
    low, high = start, len(turns)
    while low < high:
        middle = (low + high + 1) // 2
        if await fits(_joined(transcript, turns[start:middle])):
            low = middle
        else:
            high = middle - 1
    return low


def _joined(transcript: NumberedTranscript, turns: Iterable[Collection[int]]) -> NumberedTranscript:
    return transcript.only({number for turn in turns for number in turn})

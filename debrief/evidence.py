"""From a line label to the visitor's own words. A reviewer never writes a quote; it is looked up here."""

from __future__ import annotations

from debrief.feedback import Evidence
from debrief.transcript import NumberedTranscript


class UnknownLine(ValueError):
    """A label that names no line of the visitor. Never reaches a person: the part that named it is asked for again."""


def resolve_line(label: str, transcript: NumberedTranscript) -> Evidence:
    """Turn a line label such as "m3.2" into the visitor's own words.

    Args:
        label: message number and sentence number, both from 1, as printed in the prompt.
        transcript: the talk in which the label was given.

    Returns:
        Evidence with message id, start, end (code points, end excluded) and the text between.

    Raises:
        UnknownLine: the transcript has no such line, or it is not the visitor's.
    """
    line = transcript.lines.get(label)
    if line is None:
        raise UnknownLine(label)
    return Evidence(message_id=line.message_id, start=line.start, end=line.end, quote=line.text)

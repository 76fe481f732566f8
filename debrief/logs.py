"""How log lines are written: whatever an exception says of the data it met stays out.

A database's error quotes the row that it refused, pydantic's quotes the input, and both are people's words. The stack
and the names of the exceptions are enough to find the place.
"""

from __future__ import annotations

import logging
import sys
import traceback
from types import TracebackType

from debrief.errors import DebriefError

LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"
CHATTY = ("alembic", "httpcore", "httpcore2", "httpx", "httpx2", "openai", "sqlalchemy")
"""Packages that write addresses, headers, requests or statements, which hold keys and words."""
TELLING = (DebriefError, OSError, ImportError, NameError, AttributeError, TypeError, AssertionError)
"""Exceptions whose words are about the program or the machine."""
WITHHELD = "(what it said is kept out of the log)"

OURS = ("debrief", "inference", "launch", "storage", "tasks", "webapp")
_USUAL = {*vars(logging.makeLogRecord({})), "message", "asctime"}

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def start_logging(level: str) -> None:
    """Log to standard error from this level on, in every process of ours."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PrivateFormatter(LINE))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)


class PrivateFormatter(logging.Formatter):
    """Writes a line with its fields, and of exceptions the stacks, without what strangers among them say."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # the name is logging's
        """The line, then `extra` as name=value where the line is ours; what others add may hold anything."""
        line = super().formatMessage(record)
        if record.name.partition(".")[0] not in OURS:
            return line
        extra = [f"{name}={value}" for name, value in vars(record).items() if name not in _USUAL]
        return " ".join([line, *extra])

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802  # the name is logging's
        parts: list[str] = []
        error = ei[1]
        seen: set[int] = set()
        while error is not None and id(error) not in seen:
            seen.add(id(error))
            stack = "".join(traceback.format_tb(error.__traceback__))
            said = str(error) if isinstance(error, TELLING) else WITHHELD
            kind = type(error)
            parts.append(f"Traceback (most recent call last):\n{stack}{kind.__module__}.{kind.__qualname__}: {said}")
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\n\nwhich came from:\n\n".join(parts)

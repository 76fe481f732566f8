"""An export as a file: JSON lines, CSV, or a zip with Parquet and a dataset card. Written piece by piece.

In CSV a text that a spreadsheet would take for a formula gets an apostrophe before it, and the file begins with the
mark that tells Excel that it is UTF-8. `Export` joins rows, file and record: its pieces are the file, and after the
last one the record says complete, with counts and hash. Who stops reading before has a broken export on record, and a
broken transfer: the last piece never comes.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import logging
import threading
import zipfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast, get_args

from debrief.errors import InputRejected
from debrief.export_card import dataset_card
from debrief.export_rows import Kind, Row, level_column
from storage.engine import Database
from storage.exports import Tally, begin_export, end_export, filter_codes, iterate_rows, list_level_keys
from storage.queue_filter import EVERYTHING, QueueFilter

logger = logging.getLogger(__name__)

Format = Literal["jsonl", "csv", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)
FORMATS_OF: dict[Kind, tuple[Format, ...]] = {
    "conversations": ("jsonl", "parquet"),
    "sft": ("jsonl", "parquet"),
    "preferences": ("jsonl", "parquet"),
    "feedback": ("csv", "jsonl", "parquet"),
}
"""The first is what is given unless another one is asked for."""
ENDINGS: dict[Format, str] = {"jsonl": "jsonl", "csv": "csv", "parquet": "zip"}
MEDIA_TYPES: dict[Format, str] = {
    "jsonl": "application/jsonl",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/zip",
}
PIECE_BYTES = 64 * 1024
ROW_GROUPS: dict[Kind, int] = {"conversations": 200, "sft": 200, "preferences": 200, "feedback": 1000}
"""Rows of Parquet written at once: many long rows take memory, and so does what the file says of many groups."""
BYTE_ORDER_MARK = "\ufeff"
_FORMULA = "=+-@\t\r\n＝＋－＠"
"""What makes a spreadsheet calculate, also in full width; OWASP's list and the forms that Excel reads alike."""


def harmless(text: str) -> str:
    """A cell that stays the text that it is: an apostrophe before what would be a formula, also behind blanks."""
    begins = text.lstrip(" \u00a0\u3000\u200b\ufeff")[:1]
    return f"'{text}" if begins and begins in _FORMULA else text


@dataclass(frozen=True)
class ExportWish:
    """What is exported, in which form, and whether names and contacts are taken out."""

    kind: Kind
    format: Format
    filter: QueueFilter = EVERYTHING
    redacted: bool = True

    def __post_init__(self) -> None:
        if self.format not in FORMATS_OF[self.kind]:
            raise InputRejected("export_format", kind=self.kind, formats=", ".join(FORMATS_OF[self.kind]))


class Export:
    """One export on its way: take `next_piece` until it is None, and `close` it whatever happens."""

    def __init__(self, db: Database, actor: str, wish: ExportWish) -> None:
        self.wish = wish
        self.tally = Tally()
        self.filter_codes = filter_codes(db, wish.filter)
        self.id = begin_export(db, actor, wish.kind, wish.format, wish.filter, redacted=wish.redacted)
        self.began_at = datetime.now(UTC)
        self._db, self._actor = db, actor
        self._hash = hashlib.sha256()
        self._turn = threading.Lock()
        self._is_over = False
        self._pieces = self._run()

    @property
    def file_name(self) -> str:
        mark = "".join(char for char in self.id if char.isalnum())[-6:]
        return f"debrief-{self.wish.kind}-{self.began_at:%Y-%m-%d}-{mark}.{ENDINGS[self.wish.format]}"

    @property
    def sha256(self) -> str:
        """Over all pieces so far."""
        return self._hash.hexdigest()

    def next_piece(self) -> bytes | None:
        """The next part of the file, None after the last. From any thread, one at a time."""
        with self._turn:
            return next(self._pieces, None)

    def close(self) -> None:
        """Whatever was not taken is not made; a piece that is being made is waited for. Harmless after the end."""
        with self._turn:
            self._pieces.close()
            self._end(complete=False)

    def _run(self) -> Generator[bytes]:
        complete = False
        try:
            for piece in self._encoded():
                self._hash.update(piece)
                yield piece
            complete = True
        finally:
            self._end(complete=complete)

    def _encoded(self) -> Iterator[bytes]:
        wish, db = self.wish, self._db
        rows = iterate_rows(db, wish.kind, wish.filter, self.tally, redacted=wish.redacted)
        keys = list_level_keys(db, wish.filter) if wish.kind == "feedback" else []
        if wish.format == "csv":
            return _in_pieces(_csv_lines(rows, keys))
        if wish.format == "jsonl":
            return _in_pieces(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
        return _parquet_zip(self, rows, keys)

    def _end(self, *, complete: bool) -> None:
        if self._is_over:
            return
        self._is_over = True
        logger.info("export_ended export_id=%s rows=%d complete=%s", self.id, self.tally.rows, complete)
        end_export(self._db, self._actor, self.id, self.tally, sha256=self.sha256, complete=complete)


def _in_pieces(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in fewer, larger pieces."""
    gathered = bytearray()
    for part in parts:
        gathered += part
        if len(gathered) >= PIECE_BYTES:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


# ---- CSV ----

COLUMNS = (
    "id", "conversation_id", "scenario", "language", "state", "created_at", "version_n", "written_by", "words",
    "placed_by", "partial", "checks", "checks_failed", "helpful", "reject_reason", "model", "rubric_hash",
    "prompt_hash", "scenario_version", "messages_read", "messages_of", "reviewed_at", "summary", "next_step",
    "strengths", "improvements", "reasons", "quotes",
)  # fmt: skip
"""Of the flat row; after them a column for the level of each criterion, empty where it has none."""


def _csv_lines(rows: Iterable[Row], keys: Sequence[str]) -> Iterator[bytes]:
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\r\n")
    line.write(BYTE_ORDER_MARK)
    writer.writerow([*COLUMNS, *map(level_column, keys)])
    yield _taken(line)
    for row in rows:
        levels = cast("dict[str, int | None]", row["levels"])
        writer.writerow([*(_cell(row[name]) for name in COLUMNS), *(_cell(levels.get(key)) for key in keys)])
        yield _taken(line)


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return harmless(value) if isinstance(value, str) else value


def _taken(line: io.StringIO) -> bytes:
    taken = line.getvalue().encode()
    line.seek(0)
    line.truncate()
    return taken


# ---- Parquet ----


class _Outgoing(io.RawIOBase):
    """A file that can only be written on; what was written can be taken away."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._bytes += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken


def _parquet_zip(export: Export, rows: Iterable[Row], keys: Sequence[str]) -> Iterator[bytes]:
    """`data.parquet` and then the card, which can only be written when everything has been counted."""
    outgoing, digest = _Outgoing(), hashlib.sha256()
    with zipfile.ZipFile(cast("io.BytesIO", outgoing), "w", zipfile.ZIP_STORED) as archive:
        with archive.open("data.parquet", "w", force_zip64=True) as member:
            for piece in _parquet(export.wish.kind, rows, keys):
                digest.update(piece)
                member.write(piece)
                yield outgoing.take()
        yield outgoing.take()
        card = dataset_card(
            export.wish.kind,
            export_id=export.id,
            made_at=export.began_at,
            filters=export.filter_codes,
            redacted=export.wish.redacted,
            considered=export.tally.considered,
            rows=export.tally.rows,
            left_out=dict(export.tally.left_out),
            sha256=digest.hexdigest(),
        )
        archive.writestr("README.md", card)
    yield outgoing.take()


def _parquet(kind: Kind, rows: Iterable[Row], keys: Sequence[str]) -> Iterator[bytes]:
    import pyarrow as pa  # noqa: PLC0415  # half a second and 100 MB that no other part of the program needs
    import pyarrow.parquet as pq  # noqa: PLC0415

    outgoing, schema = _Outgoing(), _schema(pa, kind, keys)
    with pq.ParquetWriter(pa.PythonFile(outgoing, mode="w"), schema, compression="zstd") as writer:
        for group in _groups(rows, ROW_GROUPS[kind]):
            flat = [_flattened(row, keys) if kind == "feedback" else row for row in group]
            writer.write_table(pa.Table.from_pylist(flat, schema=schema))
            yield outgoing.take()
    yield outgoing.take()


def _groups(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    group: list[Row] = []
    for row in rows:
        group.append(row)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def _flattened(row: Row, keys: Sequence[str]) -> Row:
    levels = row["levels"]
    return {**{name: row[name] for name in COLUMNS}, **{level_column(key): levels.get(key) for key in keys}}


def _schema(pa: Any, kind: Kind, keys: Sequence[str]) -> Any:
    said = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    names = [(name, pa.string()) for name in COLUMNS[:6]]
    if kind == "conversations":
        return pa.schema([*names, ("messages", said)])
    if kind == "sft":
        return pa.schema([*names, ("prompt_is", pa.string()), ("prompt", said), ("completion", said)])
    if kind == "preferences":
        more = [
            ("source", pa.string()), ("chosen_by", pa.string()), ("guided", pa.bool_()), ("change", pa.float64()),
            ("model", pa.string()),
        ]  # fmt: skip
        return pa.schema([*names, *more, ("prompt", said), ("chosen", said), ("rejected", said)])
    kinds = {
        **dict.fromkeys(("version_n", "checks", "messages_read", "messages_of"), pa.int32()),
        **dict.fromkeys(("partial", "helpful"), pa.bool_()),
    }
    flat = [(name, kinds.get(name, pa.string())) for name in COLUMNS[6:]]
    return pa.schema([*names, *flat, *((level_column(key), pa.int8()) for key in keys)])

"""Reads one exported file with the `datasets` library and counts: `python -m benchmarks.export_load FILE FORM`."""

import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

READERS = {"jsonl": "json", "csv": "csv", "parquet": "parquet"}


def main() -> None:
    from datasets import disable_progress_bars, load_dataset  # noqa: PLC0415  seconds, and only here

    disable_progress_bars()
    file, form = Path(sys.argv[1]), sys.argv[2]
    with TemporaryDirectory() as folder:
        if form == "parquet":
            zipfile.ZipFile(file).extractall(folder)
            file = Path(folder) / "data.parquet"
        rows: Any = load_dataset(READERS[form], data_files=str(file), split="train", cache_dir=f"{folder}/cache")
        ids = len(set(rows["id"]))
        print(f"{'':>9} datasets: {len(rows):,} rows, {ids:,} ids, {len(rows.column_names)} columns", flush=True)


if __name__ == "__main__":
    main()

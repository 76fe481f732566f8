"""How much memory and time an export takes as it grows: `python -m benchmarks.export_many 100000`.

    [--keep FOLDER] [--engine postgresql] [--keep-names] [--load]

A thousand, ten thousand and so on up to the size that is asked for are seeded into databases of their own
(`benchmarks/export_seed.py`), and every kind is exported in every form by `app.py export` in a process of its own. When
it has ended the kernel says how much memory it had at most and how long it computed. `--load` then reads each file with
the `datasets` library and counts its rows. `--keep` leaves SQLite's files, and finds them again; `--engine postgresql`
starts a server on loopback.

Little is imported here: the memory of whoever starts a process counts for that process too.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.postgres_server import PostgresServer

ROOT = Path(__file__).parents[1]
SIZES = (1000, 10_000, 100_000)
EXPORTS = (
    *(("conversations", "jsonl"), ("conversations", "parquet"), ("sft", "jsonl"), ("sft", "parquet")),
    *(("preferences", "jsonl"), ("preferences", "parquet")),
    *(("feedback", "csv"), ("feedback", "jsonl"), ("feedback", "parquet")),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", type=int, nargs="?", default=100_000)
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--keep", type=Path, help="where SQLite's files are left; else they are deleted")
    parser.add_argument("--keep-names", action="store_true", help="export without taking names and contacts out")
    parser.add_argument("--load", action="store_true", help="read each file with the datasets library")
    given = parser.parse_args()
    more = ["--keep-names"] if given.keep_names else []
    print(f"{'debriefs':>9} {'kind':<14}{'form':<8}{'counts':<40}{'file':>10}{'seconds':>9}{'CPU':>7}{'peak':>9}  load")
    for size in [*(size for size in SIZES if size < given.size), given.size]:
        with TemporaryDirectory() as scratch, _database(given.engine) as url:
            folder = (given.keep or Path(scratch)) / str(size)
            environment = {**os.environ, "DEBRIEF_DATA_DIR": str(folder), "DEBRIEF_LOG_LEVEL": "warning", **url}
            if url or not folder.exists():
                seed(size, folder, environment)
            for kind, form in EXPORTS:
                to = Path(scratch) / f"{kind}.{form}"
                measure(size, kind, form, to, environment, more)
                if given.load:
                    subprocess.run([sys.executable, "-m", "benchmarks.export_load", to, form], cwd=ROOT, check=True)
                to.unlink()


@contextmanager
def _database(engine: str) -> Generator[dict[str, str]]:
    """What a process must be told to use it; nothing for a SQLite file in the data folder."""
    if engine == "sqlite":
        yield {}
        return
    with PostgresServer() as server:
        yield {"DEBRIEF_DATABASE_URL": server.url}


def seed(size: int, folder: Path, environment: dict[str, str]) -> None:
    began = time.monotonic()
    line = [sys.executable, "-m", "benchmarks.export_seed", folder, str(size)]
    subprocess.run(line, cwd=ROOT, env=environment, check=True)
    print(f"{size:>9} seeded in {time.monotonic() - began:.0f} s", flush=True)


def measure(size: int, kind: str, form: str, to: Path, environment: dict[str, str], more: list[str]) -> None:
    line = [sys.executable, "app.py", "export", kind, "--format", form, "--to", str(to), *more]
    began = time.monotonic()
    with subprocess.Popen(line, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    seconds, megabytes = time.monotonic() - began, to.stat().st_size / 1e6
    counts = said.splitlines()[0].partition(" debriefs looked at")[0]
    print(
        f"{size:>9} {kind:<14}{form:<8}{counts:<40}{megabytes:>7.1f} MB{seconds:>9.1f}"
        f"{used.ru_utime + used.ru_stime:>7.1f}{used.ru_maxrss / 1024:>6.0f} MB{os.getloadavg()[0]:>6.1f}",
        flush=True,
    )


if __name__ == "__main__":
    main()

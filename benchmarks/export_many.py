"""How much memory and time an export takes as it grows: `python -m benchmarks.export_many 100000`.

A thousand, ten thousand and so on up to the size that is asked for are seeded into databases of their own
(`benchmarks/export_seed.py`), and every kind is exported in every form by `app.py export` in a process of its own. When
it has ended the kernel says how much memory it had at most and how long it computed. Nothing but the standard library
is imported here: the memory of whoever starts a process counts for that process too.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXPORTS = (
    *(("conversations", "jsonl"), ("conversations", "parquet"), ("sft", "jsonl"), ("sft", "parquet")),
    *(("preferences", "jsonl"), ("preferences", "parquet")),
    *(("feedback", "csv"), ("feedback", "jsonl"), ("feedback", "parquet")),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("size", type=int, nargs="?", default=100_000)
    largest = parser.parse_args().size
    sizes = [size for size in (1000, 10_000, 100_000) if size < largest] + [largest]
    print(f"{'debriefs':>9} {'kind':<14}{'form':<8}{'counts':<40}{'file':>10}{'seconds':>9}{'CPU':>7}{'peak':>9}")
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            subprocess.run([sys.executable, "-m", "benchmarks.export_seed", folder, str(size)], cwd=ROOT, check=True)
            print(f"{size:>9} seeded in {time.monotonic() - began:.0f} s, load {os.getloadavg()[0]:.0f}", flush=True)
            for kind, form in EXPORTS:
                measure(Path(folder), size, kind, form)


def measure(folder: Path, size: int, kind: str, form: str) -> None:
    to = folder / "out"
    line = [sys.executable, "app.py", "export", kind, "--format", form, "--to", str(to)]
    environment = {**os.environ, "DEBRIEF_DATA_DIR": str(folder), "DEBRIEF_LOG_LEVEL": "warning"}
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
        f"{used.ru_utime + used.ru_stime:>7.1f}{used.ru_maxrss / 1024:>6.0f} MB",
        flush=True,
    )


if __name__ == "__main__":
    main()

"""The crash suite at full length: `python -m tests.crash [NAME ...] [--quick]`, or `make crash`.

Prints a line for each experiment and ends with 1 when a promise did not hold.
"""

from __future__ import annotations

import argparse
import sys

from tests.crash import backup, disk, jobs, model, stack, web, writers
from tests.crash.outcome import Experiment

EXPERIMENTS: tuple[Experiment, ...] = (
    *jobs.EXPERIMENTS,
    web.EXPERIMENT,
    model.EXPERIMENT,
    stack.EXPERIMENT,
    writers.EXPERIMENT,
    disk.EXPERIMENT,
    backup.EXPERIMENT,
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    known = ", ".join(experiment.name for experiment in EXPERIMENTS)
    parser.add_argument("names", nargs="*", help=f"{known}; none: all")
    parser.add_argument("--quick", action="store_true", help="as the tests run it, in seconds")
    given = parser.parse_args()
    if unknown := set(given.names) - {experiment.name for experiment in EXPERIMENTS}:
        parser.error(f"no experiment is called {', '.join(sorted(unknown))}; there are: {known}")
    outcomes = []
    for experiment in EXPERIMENTS:
        if given.names and experiment.name not in given.names:
            continue
        outcome = experiment.run(given.quick)
        print(outcome, flush=True)
        outcomes.append(outcome)
    return 1 if any(outcome.broken for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())

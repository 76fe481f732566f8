"""Ports on loopback for the servers that tests start.

A port is looked for before the server that takes it runs, so meanwhile nobody else may get it. These are therefore
below those that the system gives away by itself, and test processes side by side have ranges of their own.
"""

import itertools
import os
import random
import socket
from collections.abc import Iterator

FIRST, RANGE, PROCESSES = 12_000, 2_000, 10


def free_port() -> int:
    """A port at which nothing listens, and which nobody else in this test run is given."""
    return next(port for port in _ours if _is_free(port))


def _range_of_this_process() -> Iterator[int]:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    first = FIRST + int(worker) % PROCESSES * RANGE
    begin = random.randrange(RANGE)  # other test runs on this machine begin elsewhere
    return itertools.cycle([first + (begin + n) % RANGE for n in range(RANGE)])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


_ours = _range_of_this_process()

"""The system programs that the tests drive: a browser, Korean letters, Redis, PostgreSQL.

Root on Debian or Ubuntu gets them installed; anybody else reads the one line that installs them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from launch.say import Counter, Stop


def provide_test_programs() -> None:
    """Raises Stop, before any test, when something is missing that we may not install."""
    missing = missing_packages()
    if not missing:
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if shutil.which("apt-get") is None:
        raise Stop(f"The tests need these programs, by their Debian names: {', '.join(missing)}. Install them first.")
    if os.geteuid() != 0:
        raise Stop(f"The tests need a few programs first: sudo {' '.join(command)}")
    counter = Counter(f"Installing for the tests: {', '.join(missing)}")
    # RUNLEVEL=1: tests start their own PostgreSQL and Redis; the packages need not start the system's
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for step in (["apt-get", "update"], command):
        done = subprocess.run(
            step, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
        )
        if done.returncode != 0:
            reason = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:] or ["it said nothing"]
            raise Stop(f"{' '.join(step)} failed: {reason[0]}", 1)
    counter.done("installed")


def missing_packages() -> list[str]:
    """The Debian packages whose programs are not here."""
    present = {
        "chromium": shutil.which("chromium") is not None,
        "curl": shutil.which("curl") is not None,
        "fonts-noto-cjk": any(Path("/usr/share/fonts").glob("**/NotoSansCJK*")),
        "redis-server": shutil.which("redis-server") is not None,
        "postgresql": any(Path("/usr/lib/postgresql").glob("*/bin/initdb")),
    }
    return [package for package, is_there in present.items() if not is_there]

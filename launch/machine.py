"""What this machine is and whether Debrief can run on it. Every refusal is one sentence with a way out."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from launch.say import Stop

Profile = Literal["app", "cpu", "gpu"]
GB = 1_000_000_000
DISK_GB: dict[Profile, float] = {"app": 1.5, "cpu": 6, "gpu": 20}
# A machine sold with 6 GB shows a little less: the kernel keeps some for itself.
MEMORY_GB: dict[Profile, float] = {"app": 0.9, "cpu": 5.8, "gpu": 7.5}
ELSEWHERE = (
    "or name a model server that runs elsewhere: put DEBRIEF_MODEL_URL=http://address:port/v1 into the file .env"
)


def choose_profile(settings: Mapping[str, str], *, has_gpu: bool) -> Profile:
    """Which set of packages: none of vLLM's with a model server elsewhere, else the build for this machine."""
    if settings.get("DEBRIEF_MODEL_URL", "").strip():
        return "app"
    return "gpu" if has_gpu else "cpu"


def has_gpu() -> bool:
    """True when an NVIDIA GPU answers; a driver that is installed without a GPU does not count."""
    if shutil.which("nvidia-smi") is None:
        return False
    try:
        answer = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and "GPU 0" in answer.stdout


def gpu_memory_gb() -> float:
    """Memory of the first GPU; 0 when it cannot be told."""
    query = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)
        return float(answer.stdout.splitlines()[0]) * 1024**2 / GB
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return 0


def check_machine(profile: Profile, folder: Path) -> None:
    """Look before anything is installed.

    Raises:
        Stop: this profile cannot run here.
    """
    if profile == "app":
        if platform.system() not in {"Linux", "Darwin"}:
            raise Stop(f"Debrief runs on Linux and macOS; this is {platform.system()}.")
    else:
        _check_model_can_run(profile)
    _check_room(profile, folder)


def _check_model_can_run(profile: Profile) -> None:
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        here = f"{platform.system()} on {platform.machine()}"
        raise Stop(f"The model server runs on Linux x86-64 and this is {here}: use such a machine, {ELSEWHERE}.")
    if profile == "cpu" and not _has_avx2():
        raise Stop(
            f"The model server needs a processor with AVX2, which this one lacks: use another machine, {ELSEWHERE}."
        )


def _has_avx2() -> bool:
    try:
        return " avx2" in Path("/proc/cpuinfo").read_text("utf-8", errors="replace")
    except OSError:
        return True  # cannot be told; vLLM will say


def _check_room(profile: Profile, folder: Path) -> None:
    memory = memory_bytes() / GB
    if 0 < memory < MEMORY_GB[profile]:
        wanted = 6 if profile == "cpu" else round(MEMORY_GB[profile])
        raise Stop(
            f"This needs {wanted} GB of memory and the machine has {memory:.1f} GB: use a larger one, {ELSEWHERE}."
        )
    free, present = shutil.disk_usage(folder).free / GB, size_of(folder / ".venv") / GB
    if free + present < DISK_GB[profile]:
        raise Stop(
            f"This needs {DISK_GB[profile]:g} GB of disk and {folder} has {free + present:.1f} GB free: make room,"
            " or clone Debrief to a larger disk."
        )


def memory_bytes() -> int:
    """Memory of the machine, or of the container where that is less; 0 when it cannot be told."""
    try:
        installed = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 0
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            return min(installed, int(Path(limit).read_text("ascii")))
        except (OSError, ValueError):
            continue
    return installed


def size_of(folder: Path) -> int:
    """Bytes below a folder, without following links; 0 when it is not there."""
    total = 0
    for base, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(base, name)).st_size  # noqa: PTH118  # 60,000 files: a Path each is slow
            except OSError:
                continue
    return total


def check_port_free(host: str, port: int, setting: str) -> None:
    """Raises Stop when something listens there already; port 0 is always free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Stop(
                f"Port {port} on {host} cannot be used ({error.strerror}): end what listens there, or choose another,"
                f" for example {setting}={port + 1} make run"
            ) from error

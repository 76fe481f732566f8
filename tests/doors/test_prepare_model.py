"""The packaged model becomes a folder that vLLM reads: whole or not there, once, whoever asks at the same time."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from launch.prepare_model import is_prepared
from tests.vllm_server import kept_model
from tests.web_scene import until

ROOT = Path(__file__).parents[2]
PATIENCE_S = 600
PREPARE = "import sys; from pathlib import Path; from launch.prepare_model import prepare; prepare(Path(sys.argv[1]))"


def begin(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", PREPARE, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.mark.vllm
def test_a_preparation_that_was_killed_is_begun_again_and_two_at_once_do_it_once(tmp_path: Path):
    folder = tmp_path / "models" / "smollm2-135m-instruct"
    draft, lock = folder.with_suffix(".draft"), folder.with_suffix(".lock")
    killed = begin(folder)
    until(lock.exists, within_s=PATIENCE_S, what="the work to begin")
    killed.kill()
    killed.communicate()
    assert not is_prepared(folder)
    draft.mkdir(exist_ok=True)
    (draft / "left.safetensors").write_bytes(b"half")  # as it leaves it where it dies later

    said = [process.communicate(timeout=PATIENCE_S)[0] for process in [begin(folder), begin(folder)]]
    assert sorted("prepared" in text for text in said) == [False, True]
    assert json.loads((folder / "config.json").read_text("utf-8"))["model_type"] == "llama"
    assert {"model.safetensors", "tokenizer.json"} <= {file.name for file in folder.iterdir()}
    assert not (folder / "left.safetensors").exists()
    assert not draft.exists()
    keep(folder)


def keep(folder: Path) -> None:
    """For the tests that ask the real model: a machine that has none yet need not make another."""
    kept = kept_model()
    if not is_prepared(kept):
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(folder, kept.with_suffix(".copy"), dirs_exist_ok=True)
        kept.with_suffix(".copy").rename(kept)

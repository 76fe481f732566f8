"""The command line and the environment with which our own vLLM is started."""

from pathlib import Path

import pytest

from launch.model import ModelPlan, better_model_for, command, environment, model_name

SECRETS = {
    "DEBRIEF_SECRET": "s",
    "DEBRIEF_ADMIN": "rita:s",
    "DEBRIEF_DATABASE_URL": "postgresql://debrief:s@localhost/debrief",
    "AWS_SECRET_ACCESS_KEY": "s",
    "OPENAI_API_KEY": "s",
    "PGPASSWORD": "s",
    "GITHUB_TOKEN": "s",
}


def plan(tmp_path: Path, **changes: object) -> ModelPlan:
    values = {"source": str(tmp_path), "name": "smollm2-135m-instruct", "port": 8800, "seats": 16, **changes}
    return ModelPlan(**values)  # type: ignore[arg-type]


def option(line: list[str], name: str) -> str:
    return line[line.index(name) + 1]


def test_the_model_listens_on_this_machine_only_and_keeps_no_record_of_requests(tmp_path: Path):
    line = command(plan(tmp_path), "python")
    assert option(line, "--host") == "127.0.0.1"
    assert {"--no-enable-log-requests", "--disable-uvicorn-access-log", "--disable-fastapi-docs"} <= set(line)


def test_chat_can_go_before_feedback(tmp_path: Path):
    line = command(plan(tmp_path), "python")
    assert option(line, "--scheduling-policy") == "priority"
    assert option(line, "--max-num-batched-tokens") == "2048"
    assert option(line, "--max-num-seqs") == "16"


def test_a_cpu_is_spared_the_compiling_and_a_gpu_is_not(tmp_path: Path):
    assert "-O0" in command(plan(tmp_path), "python")
    assert "-O0" not in command(plan(tmp_path, has_gpu=True), "python")


@pytest.mark.parametrize(("tokens", "gpu", "length"), [(0, False, "4096"), (0, True, "auto"), (8192, False, "8192")])
def test_the_longest_talk_is_the_settings_else_what_fits(tmp_path: Path, tokens: int, gpu: bool, length: str):
    line = command(plan(tmp_path, context_tokens=tokens, has_gpu=gpu), "python")
    assert option(line, "--max-model-len") == length


def test_the_model_process_is_given_no_secret(tmp_path: Path):
    given = environment(plan(tmp_path), {**SECRETS, "PATH": "/bin", "HF_TOKEN": "hf"})
    assert given["PATH"] == "/bin"
    assert not given.keys() & {*SECRETS, "HF_TOKEN"}


def test_a_model_from_hugging_face_keeps_its_token_and_may_be_fetched(tmp_path: Path):
    given = environment(plan(tmp_path, source="Qwen/Qwen3-8B"), {**SECRETS, "HF_TOKEN": "hf"})
    assert given["HF_TOKEN"] == "hf"
    assert "HF_HUB_OFFLINE" not in given
    assert not given.keys() & SECRETS.keys()


def test_a_local_model_never_asks_the_network(tmp_path: Path):
    assert environment(plan(tmp_path), {})["HF_HUB_OFFLINE"] == "1"


def test_compiled_files_are_used_even_where_python_is_told_not_to_write_them(tmp_path: Path):
    assert "PYTHONDONTWRITEBYTECODE" not in environment(plan(tmp_path), {"PYTHONDONTWRITEBYTECODE": "1"})


def test_a_key_reaches_the_model_by_its_environment_where_no_process_table_shows_it(tmp_path: Path):
    with_key = plan(tmp_path, api_key="s3cret")
    assert environment(with_key, {})["VLLM_API_KEY"] == "s3cret"
    assert "s3cret" not in " ".join(command(with_key, "python"))


def test_a_model_answers_under_its_folders_name_or_its_id(tmp_path: Path):
    assert model_name("") == "smollm2-135m-instruct"
    assert model_name(str(tmp_path)) == tmp_path.name
    assert model_name("Qwen/Qwen3-8B") == "Qwen/Qwen3-8B"


@pytest.mark.parametrize(("gpu_gb", "named"), [(6, ""), (12.9, "4B"), (24, "7B"), (48, "14B"), (85, "30B")])
def test_a_gpus_size_decides_which_better_model_is_named(gpu_gb: float, named: str):
    assert named in better_model_for(gpu_gb)
    assert bool(better_model_for(gpu_gb)) == bool(named)

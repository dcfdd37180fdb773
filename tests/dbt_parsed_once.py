"""dbt's command line in a process of its own, for tests: what it parses is kept for the next one.

To parse the project takes as long as to build a small business, and comes out the same for every
test: it hangs on the project's files and on the schemas, and of the database on its name alone.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt.parser.manifest import extended_mashumaro_encoder, extended_mashumuro_decoder
from dbt.version import __version__

KEPT = Path(tempfile.gettempdir()) / f"whop-elt-parsed-{os.getuid()}"

USE_IT = {"build", "run", "test"}
"""Commands that need a manifest and write none."""

ITS_OWN = "WHOP_ELT_POSTGRES_DBNAME"
"""Environment variable with the name of the database: written into every node."""


def main(arguments: list[str]) -> int:
    """Run dbt; return its exit code."""
    project = Path(arguments[arguments.index("--project-dir") + 1])
    parsed = manifest(project) if USE_IT & set(arguments) else None
    outcome = dbtRunner(manifest=parsed).invoke(arguments)
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
    return _in_database(kept, os.environ.get(ITS_OWN))


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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

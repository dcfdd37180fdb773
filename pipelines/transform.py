"""Builds and tests the dbt project on the warehouse a sync has filled, and serves its readers."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from . import plan_versions
from .destination import PROJECT, WORK_FOLDER, Destination
from .errors import DataTestFailed, NothingThere, PipelineError, SettingError
from .lock import build_lock
from .log import event
from .marts_copy import write_copy
from .settings.variables import model_variables
from .version import VERSION
from .waits import who_holds

Progress = Callable[[str, int, int], None]
"""Called with the model or test at work, how many are done, and how many there are."""


def transform(
    destination: Destination,
    select: str | None = None,
    variables: str | None = None,
    progress: Progress | None = None,
) -> int:
    """Run `dbt build` on what was loaded and given by hand: every model, every test of its rows.

    Args:
        destination: the warehouse.
        select: which models, in dbt's syntax; None builds all.
        variables: YAML with variables that count more than the settings under `[models]`.
        progress: told of every model and test.

    Returns:
        How many models and tests were run.

    Raises:
        SettingError: a variable or a selection that there is not, or a wrong file of plan versions.
        NothingThere: nothing is loaded yet.
        DataTestFailed: a test found rows it must not; the text names the tests.
        PipelineError: a model could not be built, and the text has dbt's own message; or the run's
            lock is lost; or the copy for readers cannot be written.
    """
    destination.still_locked()
    chosen = json.dumps(
        {**model_variables(variables), "release": VERSION, "models_digest": models_digest()}
    )
    environment = destination.dbt_environment()
    try:
        destination.query(f"select 1 from {destination.pipeline.dataset_name}.sync_runs limit 1")
    except NothingThere as error:
        raise destination.nothing_loaded() from error
    plan_versions.load(destination)
    with build_lock(destination):
        outcomes = run_dbt(environment, select, chosen, progress)
    broken = [outcome for outcome in outcomes if outcome.status == "error"]
    if broken:
        raise PipelineError(
            f"dbt could not build {names_of(broken)}: {_why(destination, broken[0])}"
        )
    # Also when a test has failed: what readers have is what the warehouse has. Not when a model
    # could not be built: marts of before and of after do not go together.
    if destination.publish and select:
        event(
            f"--select builds in {destination.location} alone: the marts elsewhere stay those of "
            "the last whole build"
        )
    elif destination.publish:
        destination.publish(outcomes)
    write_copy(destination)
    tell(outcomes)
    return len(outcomes)


def models_digest() -> str:
    """What the models are: another text where any file of theirs, or what runs them, is another.

    A build makes anew only what changed since the last one if this is the same as it was then.
    """
    digest = hashlib.sha256()
    for package in ("dbt-core", "dbt-duckdb", "dbt-postgres", "duckdb"):
        digest.update(f"{package} {version(package)}\n".encode())
    files = [path for folder in ("macros", "models") for path in (PROJECT / folder).rglob("*.*")]
    for path in sorted([*files, PROJECT / "dbt_project.yml"]):
        digest.update(path.relative_to(PROJECT).as_posix().encode() + b"\0")
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def run_dbt(
    environment: Mapping[str, str],
    select: str | None,
    variables: str,
    progress: Progress | None = None,
    *,
    left_out: Sequence[str] = ("unit_test",),
) -> list[Any]:
    """Run `dbt build`; return what became of each model and test, as dbt has it.

    Args:
        environment: what dbt's profile reads.
        select: which models, in dbt's syntax; None builds all.
        variables: of the project, as JSON.
        progress: told of every model and test.
        left_out: kinds of dbt's that are not run. Unit tests prove the SQL on rows of their own: a
            release is tested with them, not a warehouse.

    Raises:
        SettingError: a selection that there is not.
        PipelineError: dbt could not start.
    """
    # dbt takes a second to import; the other commands do not wait for it.
    from dbt.cli.main import dbtRunner
    from dbt_common.exceptions import DbtDatabaseError

    from .dbt_messages import only_what_is_told

    work = (WORK_FOLDER / "dbt").resolve()
    total = 0

    def watch(told: Any) -> None:
        nonlocal total
        match told.info.name:
            case "LogStartLine" if progress:
                total = told.data.total
                progress(told.data.description, told.data.index - 1, told.data.total)
            case "JinjaLogWarning":
                event(told.data.msg, logging.WARNING)

    arguments = [
        # What there is to say is said below; all else is in the log file.
        "--log-level",
        "none",
        # Below that it is every statement, some 4 MB a build, and a second of it.
        "--log-level-file",
        "info",
        "build",
        # Descriptions of the project for other programs: none here reads them.
        "--no-write-json",
        "--project-dir",
        str(PROJECT),
        "--profiles-dir",
        str(PROJECT),
        "--target-path",
        str(work / "target"),
        "--log-path",
        str(work / "logs"),
        "--no-use-colors",
        "--vars",
        variables,
        *(word for kind in left_out for word in ("--exclude-resource-type", kind)),
        *(["--select", select] if select else []),
    ]
    with _environment(environment), only_what_is_told(), _duckdb_closed():
        result = dbtRunner(callbacks=[watch]).invoke(arguments)
    if isinstance(result.exception, KeyboardInterrupt):
        raise KeyboardInterrupt
    if result.exception is not None:
        if isinstance(result.exception, OSError):
            raise result.exception
        of_database = isinstance(result.exception, DbtDatabaseError)
        wrong = SettingError if select and not of_database else PipelineError
        # Its first line says only of which kind it is.
        says = " ".join(str(result.exception).split())
        raise wrong(f"dbt could not start: {says}") from result.exception
    outcomes: list[Any] = list(result.result)  # type: ignore[arg-type]  # a run's results
    if not outcomes:
        raise SettingError("No model or test matches what --select says")
    return outcomes


@contextmanager
def _duckdb_closed() -> Iterator[None]:
    """Close dbt's own DuckDB at the end, which it keeps open until the process ends.

    What others set on the file meanwhile, as a load its little memory, would hold for its next
    build.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    try:
        yield
    finally:
        if environment := DuckDBConnectionManager._ENV:
            environment.close()


def tell(outcomes: Sequence[Any]) -> None:
    """Say what tests have to tell of models that are built.

    Raises:
        DataTestFailed: a test found rows it must not; the text names the tests.
    """
    failed = [outcome for outcome in outcomes if outcome.status == "fail"]
    if failed:
        raise DataTestFailed(
            f"The models are built, but tests failed: {names_of(failed)}. "
            f"See the compiled SQL in {(WORK_FOLDER / 'dbt' / 'target').resolve()}",
            [str(outcome.node.name) for outcome in failed],
        )
    for text, rows in _warnings(outcomes):
        event(f"{text}: {rows}", logging.WARNING, test=text, rows=rows)


def _why(destination: Destination, broken: Any) -> str:
    """dbt's own message; of a wait that was given up, whom it was for."""
    says = str(broken.message).strip()
    if "due to lock timeout" not in says:
        return says
    model = broken.node
    holders = who_holds(destination, model.schema, model.alias)
    return f"{model.schema}.{model.alias} could not be had in time: {holders}"


@contextmanager
def _environment(more: Mapping[str, str]) -> Iterator[None]:
    """What dbt's profile and libpq read; gone when dbt has ended."""
    before = {name: os.environ.get(name) for name in more}
    os.environ.update(more)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _warnings(outcomes: Sequence[Any]) -> list[tuple[str, int]]:
    """What tests that only warn have to tell (`tell` in their meta), and of how many rows."""
    warned = [outcome for outcome in outcomes if outcome.status == "warn"]
    return [
        (str(outcome.node.config.meta["tell"]), int(outcome.failures or 0))
        for outcome in warned
        if outcome.node.config.meta.get("tell")
    ]


def kept_tables(outcomes: Sequence[Any]) -> list[tuple[str, str]]:
    """Schema and name of each table that a build adds to and never makes anew: it remembers."""
    nodes = [outcome.node for outcome in outcomes if outcome.node.resource_type == "model"]
    return [
        (str(node.schema), str(node.alias))
        for node in nodes
        if node.config.materialized == "incremental" and node.config.full_refresh is False
    ]


def names_of(outcomes: Sequence[Any]) -> str:
    """Names of the models or tests of a run, for people."""
    return ", ".join(str(outcome.node.name) for outcome in outcomes)

"""Where the data goes: the dlt destination, and the same connection for dbt and for queries."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
import psycopg2
from dlt.common.configuration.exceptions import (
    ConfigProviderException,
    ConfigurationException,
    InvalidNativeValue,
)
from dlt.common.destination.exceptions import (
    DestinationException,
    DestinationUndefinedEntity,
    UnknownDestinationModule,
)
from dlt.pipeline.exceptions import PipelineStepFailed

from .errors import NothingThere, PipelineError, SettingError
from .names import (
    DATASET,
    INTERMEDIATE,
    MARTS,
    MODELS,
    PERSONAL,
    PIPELINE_NAME,
    PROJECT,
    STAGING,
    WORK_FOLDER,
)

__all__ = [
    "DATASET",
    "DUCKDB_CONFIG",
    "INTERMEDIATE",
    "MARTS",
    "MODELLED",
    "MODELS",
    "PERSONAL",
    "PIPELINE_NAME",
    "PROJECT",
    "STAGING",
    "WORK_FOLDER",
    "Destination",
    "credentials_of",
    "first_line",
    "is_of_database",
    "not_modelled",
    "nothing_to_lose",
    "open_destination",
    "root_cause",
    "setting_of",
]

LOCK_SECONDS = 60
"""How long a load waits on Postgres for somebody else's lock; the models have a variable for it."""

_LEFT_BEHIND_SECONDS = 86_400
"""Age at which a working folder cannot be in use any more."""

MODELLED = ("duckdb", "postgres")
"""Destinations the dbt project has a profile for."""


def nothing_to_lose() -> None:
    """There is no lock that could be lost."""


@dataclass
class Destination:
    """An open door to the warehouse.

    Attributes:
        name: a dlt destination name.
        pipeline: the dlt pipeline that loads into it.
        company_id: the one company it is open for, side by side with others; None is all of them.
        still_locked: raises PipelineError when the run's lock is lost. To be called before
            something is written.
    """

    name: str
    pipeline: dlt.Pipeline
    company_id: str | None = None
    still_locked: Callable[[], None] = nothing_to_lose

    @property
    def location(self) -> str:
        """File of a DuckDB warehouse, address of any other, for people."""
        credentials: Any = self.pipeline.sql_client().credentials
        if self.name == "duckdb":
            return str(Path(credentials.database).resolve())
        if self.name == "postgres":
            return f"postgres at {credentials.host}:{credentials.port}/{credentials.database}"
        return self.name

    @property
    def advice(self) -> str:
        """What to do when the database does not do its part."""
        return f"{_advice(self.name)}, or set {setting_of(self.name)}"

    def query(self, sql: str, *values: Any) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Run a query; return the names of the columns, and the rows.

        Raises:
            NothingThere: a table of the query does not exist yet.
        """
        try:
            with (
                self.pipeline.sql_client() as client,
                client.execute_query(sql, *values) as cursor,
            ):
                return list(cursor.columns_schema or ()), list(cursor.fetchall())
        except DestinationUndefinedEntity as error:
            raise NothingThere(
                f"Not all of it is in {self.location} yet: `whop-elt run` loads and models it"
            ) from error

    def dbt_environment(self) -> dict[str, str]:
        """Environment variables that point dbt's profile at the same warehouse.

        Raises:
            SettingError: the dbt project has no profile for this destination.
        """
        if self.name not in MODELLED:
            raise not_modelled(self.name)
        credentials: Any = self.pipeline.sql_client().credentials
        shared = {
            "WHOP_ELT_TARGET": self.name,
            "WHOP_ELT_RAW_SCHEMA": self.pipeline.dataset_name,
            "WHOP_ELT_SCHEMA": MODELS,
        }
        if self.name == "duckdb":
            return {**shared, "WHOP_ELT_DUCKDB_PATH": str(Path(credentials.database).resolve())}
        return {
            **shared,
            "WHOP_ELT_POSTGRES_HOST": credentials.host,
            "WHOP_ELT_POSTGRES_PORT": str(credentials.port),
            "WHOP_ELT_POSTGRES_USER": credentials.username,
            "WHOP_ELT_POSTGRES_PASSWORD": credentials.password or "",
            "WHOP_ELT_POSTGRES_DBNAME": credentials.database,
        }


DUCKDB_CONFIG = {"memory_limit": "160MB", "threads": 2}
"""DuckDB, left alone, takes what memory there is. A part of a load needs no more than this (each
thread holds rows of its own); the rest waits in files beside the warehouse's."""


def open_destination(name: str, company_id: str | None = None) -> Destination:
    """Return the destination with this dlt name, connected to and with its state restored.

    dlt keeps the state of a pipeline as one value, which each load writes whole: two loads at the
    same time would lose one's cursors. So a company that is synced side by side with others has a
    pipeline, and with it a state, of its own.

    The pipeline's local folder is made anew each time: state, cursors included, is taken from the
    destination, so a run never depends on what an earlier one, perhaps a killed one, left on this
    machine. The folder goes when the process ends.

    Raises:
        SettingError: no such destination, or its credentials are missing or unreadable.
        PipelineError: it does not answer.
    """
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    os.environ.setdefault(
        "DESTINATION__DUCKDB__CREDENTIALS__GLOBAL_CONFIG", json.dumps(DUCKDB_CONFIG)
    )
    # What stops a run is told in one line; dlt's own log adds a traceback per table and try.
    os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")
    # A load's rows would lie beside their tables until the next load, half of the file and perhaps
    # personal data that the tables do not have any more; and in dlt's folder until the run ends.
    os.environ.setdefault("LOAD__TRUNCATE_STAGING_DATASET", "true")
    os.environ.setdefault("LOAD__DELETE_COMPLETED_JOBS", "true")
    if name == "postgres":
        _keep_empty_texts()
        # To compress the CSV files took half of the load, and they are read at once.
        os.environ.setdefault("NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION", "true")
    folder = _new_folder()
    setting = setting_of(name)
    try:
        pipeline = dlt.pipeline(
            f"{PIPELINE_NAME}_{company_id}" if company_id else PIPELINE_NAME,
            pipelines_dir=str(folder),
            destination=_factory(name),
            dataset_name=DATASET,
        )
        pipeline.sync_destination()
    except ConfigProviderException as error:
        raise SettingError(f"A file in .dlt cannot be read: {first_line(error)}") from error
    except UnknownDestinationModule as error:
        raise SettingError(f"dlt knows no destination {name}: use duckdb or postgres") from error
    except PipelineStepFailed as error:
        causes = list(_causes(error))
        if any(isinstance(cause, InvalidNativeValue) for cause in causes):
            # The value is not repeated: it may hold a password.
            raise SettingError(
                f"{setting} cannot be read; it looks like postgresql://user:password@host:5432/name"
            ) from error
        if isinstance(causes[-1], ConfigurationException):
            raise SettingError(f"Set {setting}: {first_line(causes[-1])}") from error
        what = "cannot be opened" if name == "duckdb" else "does not answer"
        says = first_line(causes[-1]).rstrip("!.")
        raise PipelineError(f"{name} {what}: {says}. {_advice(name)}, or set {setting}") from error
    return Destination(name, pipeline, company_id)


def credentials_of(name: str) -> Any:
    """What dlt's settings say of a destination, without opening it.

    Raises:
        SettingError: a setting is missing or cannot be read.
    """
    destination = getattr(dlt.destinations, name)()
    # What a pipeline fills in: without a setting, the DuckDB file has its name, here.
    blank = destination.spec()
    blank.dataset_name = DATASET
    if name == "duckdb":
        blank.pipeline_name = PIPELINE_NAME
        blank.local_dir = str(Path(dlt.current.run_context().local_dir).resolve())
    try:
        return destination.configuration(blank).credentials
    except ConfigProviderException as error:
        raise SettingError(f"A file in .dlt cannot be read: {first_line(error)}") from error
    except ConfigurationException as error:
        raise SettingError(f"Set {setting_of(name)}: {first_line(error)}") from error


def connect_postgres(credentials: Any, application: str, **settings: Any) -> Any:
    """Return a connection of the driver's own, with these settings of libpq.

    Raises:
        psycopg2.Error: Postgres does not answer, or does not want us.
    """
    return psycopg2.connect(
        credentials.to_native_representation(),
        # dlt writes a blank in them as a plus, which libpq takes for one.
        options=credentials.get_query().get("options", ""),
        application_name=application,
        **settings,
    )


def _factory(name: str) -> Any:
    """What dlt makes the destination from; on Postgres, no session of its waits for ever."""
    if name != "postgres":
        return name
    try:
        credentials = credentials_of(name)
    except SettingError:
        # dlt says it in the words that `open_destination` knows.
        return name
    options = (credentials.query or {}).get("options", "")
    bounded = f"{options} -c lock_timeout={LOCK_SECONDS}s".strip()
    credentials.query = {**(credentials.query or {}), "options": bounded}
    return dlt.destinations.postgres(credentials=credentials)


def not_modelled(name: str) -> SettingError:
    """The error that there are no models on this destination."""
    return SettingError(
        f"The models run on {' and '.join(MODELLED)}, not on {name}: use "
        "`whop-elt sync` to load, and your own dbt profile to transform"
    )


def setting_of(name: str) -> str:
    """The setting that says where a destination is."""
    return f"DESTINATION__{name.upper()}__CREDENTIALS"


def _advice(name: str) -> str:
    if name == "duckdb":
        return "Close what else has it open, see that the disk has room"
    return "See that it is up and takes connections"


def is_of_database(error: BaseException) -> bool:
    """Whether an error is one of the database, or of the way to it."""
    return any(isinstance(cause, DestinationException) for cause in _causes(error))


def _keep_empty_texts() -> None:
    """Let an empty text reach Postgres as one, not as null.

    dlt copies CSV with `FORCE_NULL` on every nullable column, which reads "" as null and has no
    setting. Its writer quotes every text and leaves nulls unquoted, so COPY tells the two apart by
    itself, and the option is needed for no column.
    """
    from dlt.destinations.impl.postgres import postgres

    postgres.is_nullable_column = lambda col: False  # type: ignore[attr-defined]


def _new_folder() -> Path:
    """An empty folder for dlt's working files; those that killed runs left are removed."""
    parent = WORK_FOLDER.resolve() / "dlt"
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.iterdir():
        if time.time() - left.stat().st_mtime > _LEFT_BEHIND_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(dir=parent))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what is under it: dlt wraps an error several times."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def root_cause(error: BaseException) -> BaseException:
    """The error at the bottom of dlt's wrappers, which repeat its text at length."""
    return list(_causes(error))[-1]


def first_line(error: BaseException) -> str:
    """What an error says, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0].strip("'\"")

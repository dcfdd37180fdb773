"""Where the data goes: the dlt destination, and the same connection for dbt and for queries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import dlt
import psycopg2
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.destination.exceptions import DestinationUndefinedEntity, UnknownDestinationModule
from dlt.common.exceptions import MissingDependencyException
from dlt.common.schema import Schema
from dlt.pipeline.exceptions import PipelineStepFailed

from whop_source.bucket import Bucket
from whop_source.bucket.destination import BucketSqlClient

from . import address as postgres_address
from . import settings
from .bucket_trouble import of_bucket
from .causes import causes
from .destination_trouble import advice_on, not_opened, setting_of
from .errors import NoFile, NothingThere, PipelineError, SettingError
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
from .settings.defaults import prepare
from .work_folder import new_folder

__all__ = [
    "DATASET",
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
    "not_modelled",
    "nothing_to_lose",
    "open_destination",
]

LOCK_SECONDS = 60
"""How long a load waits on Postgres for somebody else's lock; the models have a variable for it."""

MODELLED = ("duckdb", "postgres")
"""Destinations the dbt project has a profile for."""


Publish = Callable[[Sequence[Any]], None]


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
        publish: of a DuckDB file that is filled from elsewhere, puts the marts there when all are
            built; it is given the outcome of each model.
    """

    name: str
    pipeline: dlt.Pipeline
    company_id: str | None = None
    still_locked: Callable[[], None] = nothing_to_lose
    publish: Publish | None = None
    _asking: Lock = field(default_factory=Lock, repr=False)

    @property
    def location(self) -> str:
        """File of a DuckDB warehouse, address of any other, for people."""
        client = self._client
        if isinstance(client, BucketSqlClient):
            return client.location
        credentials: Any = client.credentials
        if self.name == "duckdb":
            return str(Path(credentials.database).resolve())
        if self.name == "postgres":
            return postgres_address.shown(postgres_address.of(credentials))
        return self.name

    def advice(self, says: str = "") -> str:
        """What to do when the database does not do its part, and says this."""
        return f"{advice_on(self.name, says)}, or set {setting_of(self.name)}"

    def nothing_loaded(self) -> NothingThere:
        """The error of whoever needs what a sync brings, and there was none."""
        return NothingThere(
            f"Nothing is loaded into {self.location} yet: `whop-elt sync` comes first"
        )

    def trouble(self, error: BaseException) -> PipelineError | None:
        """What is wrong with a bucket; None for another error, and on another destination."""
        return of_bucket(causes(error)) if self.name == "filesystem" else None

    def query(self, sql: str, *values: Any) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Run a query; return the names of the columns, and the rows.

        Raises:
            NothingThere: a table of the query does not exist yet.
        """
        try:
            with self.session() as client, client.execute_query(sql, *values) as cursor:
                return list(cursor.columns_schema or ()), list(cursor.fetchall())
        except DestinationUndefinedEntity as error:
            raise NothingThere(
                f"Not all of it is in {self.location} yet: `whop-elt run` loads and models it"
            ) from error
        except Exception as error:
            if trouble := self.trouble(error):
                raise trouble from error
            raise

    @contextmanager
    def session(self) -> Iterator[Any]:
        """dlt's client of the warehouse, connected; whoever else asks waits until this one is done.

        To be left before anything is asked by `query`.
        """
        with (
            self._asking,
            # What a bucket's has found there is true for one question only.
            self._client if self.name in MODELLED else self.pipeline.sql_client() as client,
        ):
            yield client

    @cached_property
    def _client(self) -> Any:
        """The client of one question at a time.

        What dlt's settings say is looked up once: for every question, that took longer than most.
        """
        return self.pipeline.sql_client()

    def dbt_environment(self) -> dict[str, str]:
        """Environment variables that point dbt's profile at the same warehouse.

        Raises:
            SettingError: the dbt project has no profile for this destination.
        """
        if self.name not in MODELLED:
            raise not_modelled(self.name)
        credentials = self._client.credentials
        shared = {
            "WHOP_ELT_TARGET": self.name,
            "WHOP_ELT_RAW_SCHEMA": self.pipeline.dataset_name,
            "WHOP_ELT_SCHEMA": MODELS,
        }
        if self.name == "duckdb":
            return {**shared, "WHOP_ELT_DUCKDB_PATH": str(Path(credentials.database).resolve())}
        return {**shared, **postgres_address.for_dbt(postgres_address.of(credentials))}


def open_destination(
    name: str, company_id: str | None = None, *, reading: bool = False
) -> Destination:
    """Return the destination with this dlt name, connected to and with its state restored.

    dlt keeps the state of a pipeline as one value, which each load writes whole: two loads at the
    same time would lose one's cursors. So a company that is synced side by side with others has a
    pipeline, and with it a state, of its own.

    The pipeline's local folder is made anew each time: state, cursors included, is taken from the
    destination, so a run never depends on what an earlier one, perhaps a killed one, left on this
    machine. The folder goes when the process ends.

    Args:
        name: a dlt destination name.
        company_id: the one company it is opened for, side by side with others.
        reading: only to look: nothing is made in the working directory.

    Raises:
        NothingThere: there is no DuckDB file to look at.
        SettingError: no such destination, or its credentials are missing or unreadable.
        PipelineError: it does not answer.
    """
    prepare(name)
    if name == "postgres":
        _keep_empty_texts()
    folder = new_folder(None if reading else WORK_FOLDER.resolve() / "dlt")
    try:
        pipeline = dlt.pipeline(
            f"{PIPELINE_NAME}_{company_id}" if company_id else PIPELINE_NAME,
            pipelines_dir=str(folder),
            destination=_factory(name),
            dataset_name=DATASET,
        )
        if name == "duckdb":
            _check_file(Path(pipeline.sql_client().credentials.database), reading)
        pipeline.sync_destination()
    except UnknownDestinationModule as error:
        raise SettingError(f"dlt knows no destination {name}: use duckdb or postgres") from error
    except (PipelineStepFailed, ConfigurationException) as error:
        raise not_opened(name, error) from error
    return Destination(name, pipeline, company_id)


def _factory(name: str) -> Any:
    """What dlt makes the destination from: its name, or for Postgres the address, cleaned.

    With it no session of dlt's waits for ever. A bucket is dlt's own, of which newest versions are
    read.
    """
    if name == "filesystem":
        return Bucket()
    address = settings.address(name) if name == "postgres" else None
    if address is None:
        return name
    checked = postgres_address.bounded(postgres_address.checked(address), LOCK_SECONDS)
    return dlt.destinations.postgres(credentials=checked)


def bucket_client() -> Any:
    """A `BucketClient` of the folder or bucket of the settings, which has asked for nothing yet.

    Who may read the marts there may not read the raw tables, where a pipeline looks first.

    Raises:
        SettingError: a setting or a library is missing, or cannot be read.
    """
    prepare("filesystem")
    bucket = Bucket()
    try:
        return bucket.client(Schema(PIPELINE_NAME), bucket.spec()._bind_dataset_name(DATASET))
    except (ConfigurationException, MissingDependencyException) as error:
        raise not_opened("filesystem", error) from error


def credentials_of(name: str) -> Any:
    """What dlt's settings say of DuckDB or Postgres, without opening it.

    Raises:
        SettingError: a setting is missing or cannot be read.
    """
    prepare(name)
    given = _factory(name)
    factory = getattr(dlt.destinations, given)() if isinstance(given, str) else given
    # What a pipeline fills in: without a setting, the DuckDB file has its name, here.
    blank = factory.spec()
    blank.dataset_name = DATASET
    if name == "duckdb":
        blank.pipeline_name = PIPELINE_NAME
        blank.local_dir = str(Path(dlt.current.run_context().local_dir).resolve())
    try:
        return factory.configuration(blank).credentials
    except ConfigurationException as error:
        raise not_opened(name, error) from error


def connect_postgres(credentials: Any, application: str, **parameters: Any) -> Any:
    """Return a connection of the driver's own, with these parameters of libpq.

    Raises:
        psycopg2.Error: Postgres does not answer, or does not want us.
    """
    return psycopg2.connect(
        postgres_address.of(credentials), application_name=application, **parameters
    )


def not_modelled(name: str) -> SettingError:
    """The error that there are no models on this destination."""
    return SettingError(
        f"The models run on {', '.join(MODELLED)} and filesystem, not on {name}: use "
        "`whop-elt sync` to load, and your own dbt profile to transform"
    )


def _check_file(file: Path, reading: bool) -> None:
    """Refuse the name of a DuckDB file that SQL would take for something else, and a missing file.

    The file's name is the catalog's: in whop_raw.duckdb `whop_raw.payments` is ambiguous.

    Raises:
        SettingError: the file has such a name, or a folder of it has a character that dbt reads as
            the end of the path.
        NothingThere: it is to be read, and is not there.
    """
    name = file.stem.lower()
    if name in _TAKEN or name.startswith(f"{MODELS}_") or set(name) & set("'\""):
        raise SettingError(
            f"A DuckDB file cannot be called {file.name}, which means something else in SQL: set "
            f"{setting_of('duckdb')} to another name, such as {file.with_name('whop.duckdb')}"
        )
    odd = sorted(set(str(file.resolve())) & set("#?;"))
    if odd:
        # dbt's adapter reads the path as an address, and the name of the catalog from what is left.
        raise SettingError(
            f"dbt cannot work in {file.resolve().parent} with {file.name}: there is a {odd[0]} in "
            f"the path. Run in another folder, or set {setting_of('duckdb')} to a file without"
        )
    if reading and not file.exists():
        raise NoFile(file.resolve())


_TAKEN = frozenset({"main", "temp", "system", "memory", "pg_catalog", "information_schema"})
"""What DuckDB itself calls catalogs and schemas."""


def _keep_empty_texts() -> None:
    """Let an empty text reach Postgres as one, not as null.

    dlt copies CSV with `FORCE_NULL` on every nullable column, which reads "" as null and has no
    setting. Its writer quotes every text and leaves nulls unquoted, so COPY tells the two apart by
    itself, and the option is needed for no column.
    """
    from dlt.destinations.impl.postgres import postgres

    if not hasattr(postgres, "is_nullable_column"):
        raise PipelineError(
            "This version of dlt would load empty texts into Postgres as null: install the "
            "versions of requirements.lock"
        )
    postgres.is_nullable_column = lambda col: False

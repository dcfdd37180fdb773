"""dlt's filesystem destination, of which only what counts is read, and newest versions alone."""

from __future__ import annotations

import json
import os
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.destination.client import LoadJob, StateInfo
from dlt.common.schema import Schema
from dlt.common.schema.utils import get_columns_names_with_prop
from dlt.destinations.impl.filesystem.factory import filesystem
from dlt.destinations.impl.filesystem.filesystem import FilesystemClient, FilesystemLoadJob
from dlt.destinations.impl.filesystem.sql_client import FilesystemSqlClient
from dlt.destinations.sql_client import SqlClientBase

from .counted import LAYOUT, Counted, counted, ended_loads, newest_compaction
from .errors import BucketError
from .newest import newest

AS_STORED: Mapping[str, str] = {"JSON": "VARCHAR"}
"""Types of Parquet that are others than DuckDB's."""

MEMORY = "1GB"
"""What DuckDB may take to read a bucket; the rest waits in files."""


class BucketSqlClient(FilesystemSqlClient):
    """Reads the tables of a bucket with DuckDB; each is the newest version of its rows."""

    loads_count_whole = True
    """A load that did not end has left nothing that can be seen."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        spill = Path(tempfile.gettempdir()) / f"whop-elt-bucket-{os.getpid()}"
        self._global_config |= {"memory_limit": MEMORY, "temp_directory": str(spill)}
        self.set_schemas([self.schema])

    def set_schemas(self, schemas: Sequence[Schema]) -> None:
        """Say which tables there are; where nobody knows, the bucket does.

        Nobody does when each company is loaded by itself, with a state of its own.
        """
        if not any(schema.data_table_names() for schema in schemas):
            client: Any = self.remote_client
            schemas = [stored] if (stored := client.newest_schema()) else schemas
        super().set_schemas(schemas)
        self.schema = schemas[0]

    @cached_property
    def counted(self) -> Counted:
        """What counts, as of the first question: all tables are of one moment."""
        return counted(self.remote_client)

    @property
    def location(self) -> str:
        """Folder or address of the dataset, for people."""
        client: Any = self.remote_client
        return str(client.location)

    def create_secret(self, *args: Any, **kwargs: Any) -> bool:
        """Let DuckDB read by way of a client like the one that dlt writes with."""
        client: Any = self.remote_client
        protocol = client.config.protocol
        if protocol != "file":
            self._register_filesystem(client.reading, protocol)
        return True

    def create_view_select(self, table_schema: Any, schema: Any = None) -> tuple[str, str] | None:
        """The SQL of a table, and where it is; dlt's own tables as dlt has them."""
        name = table_schema["name"]
        if self.remote_client.is_dlt_table(name):
            return super().create_view_select(table_schema, schema)
        location = self.remote_client.get_open_table_location("native", name)
        return location, self.newest(name, {})

    def newest(self, table: str, others: Mapping[str, str] = AS_STORED) -> str:
        """DuckDB's SELECT of a table: the newest version of each row.

        Args:
            table: its name.
            others: types in place of DuckDB's own.

        Raises:
            BucketError: a compaction has replaced files since the first question.
        """
        schema = self.schema.get_table(table)
        kinds = self.capabilities.get_type_mapper()
        spelled = {
            str(column["name"]): kinds.to_destination_type(column, schema)  # type: ignore[arg-type]
            for column in schema["columns"].values()
            if column.get("data_type")
        }
        types = {name: others.get(kind, kind) for name, kind in spelled.items()}
        return newest(self.addresses(table), types, key_of(schema))

    def lend(self, connection: Any) -> None:
        """Let another connection of DuckDB's read what is not a folder, as this one does."""
        client: Any = self.remote_client
        client.lend(connection)

    def create_views(self, connection: Any, schema: str) -> list[str]:
        """Make a view of each table in another DuckDB, of the files that count now.

        Args:
            connection: of DuckDB. The views of what is not a folder are read by one that this
                client was lent to, or that has httpfs and a secret.
            schema: where the views are made; one of an earlier moment is replaced.

        Returns:
            Their names.

        Raises:
            BucketError: a compaction has replaced files since the first question.
        """
        tables: list[str] = self.schema.data_table_names(seen_data_only=True)
        connection.execute(f'create schema if not exists "{schema}"')
        for table in tables:
            view = f'"{schema}"."{table}"'
            connection.execute(f"create or replace view {view} as {self.newest(table, {})}")
        return tables

    def addresses(self, table: str) -> list[str]:
        """Where DuckDB finds the files of a table that count.

        Raises:
            BucketError: a compaction has replaced files since the first question.
        """
        client: Any = self.remote_client
        files: list[str] = client.files_of(table, self.counted)
        protocol = self.remote_client.config.protocol
        if protocol == "file":
            return files
        if files:
            client.reading.ls(self.remote_client.get_table_dir(table))
        return [f"{protocol}://{file}" for file in files]


def key_of(table: Any) -> list[str]:
    """Columns that all versions of a row have in common; none of a table that is only added to."""
    if table["write_disposition"] != "merge":
        return []
    return get_columns_names_with_prop(table, "primary_key")


class BucketLoadJob(FilesystemLoadJob):
    """Puts a file of a load into the bucket, unless it has no rows and the table is there."""

    def run(self) -> None:
        """Put the file there."""
        client: Any = self._job_client
        if (
            self._file_path.endswith(".parquet")
            and pq.read_metadata(self._file_path).num_rows == 0
            and client.list_table_files(self.load_table_name)
        ):
            return
        super().run()


class BucketClient(FilesystemClient):
    """Writes loads, and reads which of them count."""

    @property
    def sql_client(self) -> SqlClientBase[Any]:
        """The client that reads with SQL."""
        if not self._sql_client:
            self._sql_client = BucketSqlClient(self, self.dataset_name)
        return self._sql_client

    @sql_client.setter
    def sql_client(self, client: SqlClientBase[Any]) -> None:
        self._sql_client = client

    @property
    def sql_client_class(self) -> type[SqlClientBase[Any]]:
        """The class of `sql_client`."""
        return BucketSqlClient

    @property
    def location(self) -> str:
        """Folder or address of the dataset, for people."""
        if self.config.is_local_filesystem:
            return str(Path(self.dataset_path))
        return f"{str(self.config).rstrip('/')}/{self.dataset_name}"

    @cached_property
    def reading(self) -> Any:
        """A client that remembers what it has listed.

        DuckDB asks of each file again and again whether it is there and how long it is.
        """
        options = {
            **self.fs_client.storage_options,
            "use_listings_cache": True,
            "listings_expiry_time": None,
        }
        return type(self.fs_client)(**{**options, "skip_instance_cache": True})

    def lend(self, connection: Any) -> None:
        """Let a connection of DuckDB's read what is not a folder, by way of `reading`."""
        if self.config.protocol != "file":
            connection.register_filesystem(self.reading)

    def list_all(self, folder: str) -> None:
        """Look up in one go what is below a folder; `reading` asks for no file of it again.

        With a key that may not list, it asks for each.
        """
        if self.config.protocol != "file":
            with suppress(PermissionError):
                self.reading.find(folder)

    def get_load_job_class(self, table: Any, file_path: str) -> type[LoadJob]:
        """What puts a file of a load into the bucket."""
        found = super().get_load_job_class(table, file_path)
        return BucketLoadJob if found is FilesystemLoadJob else found

    def newest_schema(self) -> Schema | None:
        """The schema that was stored last; None when nothing was ever loaded."""
        stored = self.get_stored_schema()
        return stored and Schema.from_stored_schema(json.loads(stored.schema))

    def get_stored_state(self, pipeline_name: str) -> StateInfo | None:
        """The state that the newest load has left, of those that have ended.

        dlt writes it just before it notes that the load has ended: of a run that was killed in
        between, the rows do not count, and so the cursors must not.
        """
        ended = ended_loads(self)
        found = [
            (float(parts[1]), path)
            for path, parts in self._list_dlt_table_files(
                self.schema.state_table_name, pipeline_name
            )
            if parts[1] in ended
        ]
        if not found:
            return None
        return StateInfo(**json.loads(self.fs_client.read_text(max(found)[1], encoding="utf-8")))

    def files_of(self, table: str, counts: Counted) -> list[str]:
        """The files of a table that count.

        Args:
            table: its name.
            counts: what counts, of all tables, as of the moment that is read.

        Raises:
            BucketError: a compaction has replaced files since that moment.
        """
        there = self.list_table_files(table)
        files = counts.of(table, there)
        if (
            # It writes its own file before it takes any away.
            any(counts.is_compacted(path) and path not in files for path in there)
            and newest_compaction(self) != counts.compaction
        ):
            raise BucketError(f"{self.location} was compacted while it was read: ask again")
        return files

    def put(self, file: Path, path: str) -> None:
        """Put a file of this machine's into the bucket."""
        if self.is_local_filesystem:
            self.fs_client.makedirs(str(Path(path).parent), exist_ok=True)
        self.fs_client.put_file(str(file), path)

    def remove(self, path: str) -> None:
        """Take a file away; one that is not there is gone."""
        self._delete_file(path)

    def write_json(self, path: str, data: Any) -> None:
        """Write a file of JSON that is there whole, or not at all."""
        if self.is_local_filesystem:
            self.fs_client.makedirs(str(Path(path).parent), exist_ok=True)
        self._write_to_json_file(path, data)

    def _write_to_json_file(self, filepath: str, data: Any) -> None:
        """As dlt does, but whole or not at all; in a bucket every file is."""
        if not self.is_local_filesystem:
            super()._write_to_json_file(filepath, data)
            return
        part = Path(self.dataset_path) / f".{uuid.uuid4().hex}.part"
        super()._write_to_json_file(str(part), data)
        part.replace(filepath)


class Bucket(filesystem):
    """dlt's filesystem destination with `BucketClient`: Parquet, one folder per table.

    Args:
        bucket_url: folder or address; without it, the setting `destination.filesystem.bucket_url`.
    """

    # By its parameters dlt tells what was said here from what is a default.
    __orig_base__ = filesystem

    def __init__(self, bucket_url: str | None = None, **given: Any) -> None:
        super().__init__(
            bucket_url=bucket_url,  # type: ignore[arg-type]  # dlt's own default is None
            destination_name="filesystem",
            **given,
        )
        # Said here it counts more than a setting: the names say which load a file is of.
        self.config_params["layout"] = LAYOUT

    @property
    def client_class(self) -> type[BucketClient]:
        """What reads and writes."""
        return BucketClient

    def _raw_capabilities(self) -> DestinationCapabilitiesContext:
        found = super()._raw_capabilities()
        found.preferred_loader_file_format = "parquet"
        return found

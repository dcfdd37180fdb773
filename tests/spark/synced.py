"""A business from Whop's API that runs have loaded into a folder, as a folder is in real life."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

from bucket_line import BucketLine, folder_line
from dbt.adapters.duckdb.connections import DuckDBConnectionManager

from whop_elt.bucket_models import models_home
from whop_elt.errors import ExitCode
from whop_elt.run import locked_destination
from whop_elt.transform import transform
from whop_simulator import Business, serve
from whop_source.bucket import compact

DAYS = timedelta(days=3)


def synced_business(folder: Path) -> BucketLine:
    """A business that three runs have loaded into a folder, compacted after two of them.

    DuckDB has built the models after the first one, and the folder remembers what months said then.
    What a killed load and a killed compaction leave is there as well.
    """
    with serve(Business(members=30, years=1)) as server:
        line = folder_line(server, folder, "home")
        assert line.sync().code == ExitCode.OK
        build_on_duckdb(line)
        change(line)
        assert line.sync(full=True).code == ExitCode.OK
        replaced = folder / "replaced"
        shutil.copytree(line.dataset, replaced)
        with line.at_work(), locked_destination("filesystem") as bucket:
            client: Any = bucket.pipeline.destination_client()
            assert compact(client).versions > 0
        change(line)
        assert line.sync().code == ExitCode.OK
    # A compaction that was killed before it took away what it has replaced.
    shutil.copytree(replaced, line.dataset, dirs_exist_ok=True)
    leave_unended(line)
    return line


def build_on_duckdb(line: BucketLine, variables: str | None = None) -> None:
    """Build the models in the DuckDB file of the working folder, and publish them in the folder."""
    with line.at_work(), locked_destination("filesystem") as bucket, models_home(bucket) as home:
        transform(home, variables=variables)
    # Who reads the file opens it with other settings than who builds in it.
    DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]


def change(line: BucketLine) -> None:
    """Three days later: new rows, changed ones, and of some tables one that Whop has no more."""
    line.server.advance(DAYS)
    for table in ("payments", "members", "plans"):
        line.business.remove(table, line.business.rows(table)[0]["id"])


def leave_unended(line: BucketLine) -> None:
    """Files of a load that was killed: one whole, and half of another."""
    for table, share in (("plan_states", 1), ("payments", 2)):
        newest = line.files(table)[-1]
        load = float(newest.name.rsplit(".", 2)[0]) + 60
        content = newest.read_bytes()
        newest.with_name(f"{load:.6f}.0123456789.parquet").write_bytes(
            content[: len(content) // share]
        )

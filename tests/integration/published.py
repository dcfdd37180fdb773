"""Marts that were published into a folder or a bucket: a line to them, and publishing again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

from bucket_line import BucketLine, BucketWarehouse
from restating import MEMORY
from s3_server import s3_client, s3_settings

from whop_elt.bucket_models import models_home
from whop_elt.destination import INTERMEDIATE, MARTS
from whop_elt.run import locked_destination

KINDS = ("folder", "s3")

KEPT = [(INTERMEDIATE, name) for name in MEMORY]
"""The tables that remember."""

OUTCOMES = [
    SimpleNamespace(
        node=SimpleNamespace(
            resource_type="model",
            schema=schema,
            alias=name,
            config=SimpleNamespace(materialized="incremental", full_refresh=False),
        )
    )
    for schema, name in KEPT
]
"""What dbt says of a build, as far as a publication looks."""


def upload(folder: Path, address: str, endpoint: str) -> None:
    """Put what a folder has into a bucket, but for locks."""
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    s3 = s3_client(endpoint)
    for file in folder.rglob("*"):
        if file.is_file() and file.suffix != ".lock":
            s3.upload_file(str(file), bucket, f"{prefix}/{file.relative_to(folder)}")


def line_to(location: str, original: BucketLine, folder: Path, endpoint: str) -> BucketLine:
    """A line of the same business into a folder, or a bucket of that server, from this folder."""
    settings = s3_settings(endpoint) if location.startswith("s3://") else {}
    warehouse = BucketWarehouse("filesystem", location, work=folder, settings=settings)
    return BucketLine(warehouse, original.server, folder)


@contextmanager
def publishing(line: BucketLine) -> Iterator[Callable[[str], None]]:
    """Publish again what was built, the company's title changed so that one sees which it is."""
    with (
        line.at_work(),
        locked_destination("filesystem") as bucket,
        models_home(bucket) as home,
    ):

        def publish(title: str) -> None:
            with home.pipeline.sql_client() as client:
                client.execute_sql(f"update {MARTS}.dim_companies set title = '{title}'")
            assert home.publish is not None
            home.publish(OUTCOMES)

        yield publish

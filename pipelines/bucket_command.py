"""`whop-elt compact`: the old versions in a bucket, taken away."""

from __future__ import annotations

from typing import Any

import typer

from .errors import SettingError
from .figures import counted
from .log import event, set_up
from .options import DestinationName, LogFormatName, Quiet, destination_of

app = typer.Typer()


@app.command(
    epilog="Example, in a crontab: 30 3 * * * cd /srv/whop && whop-elt compact "
    "--destination filesystem --quiet"
)
def compact(
    destination: DestinationName = None, quiet: Quiet = False, log_format: LogFormatName = "text"
) -> None:
    """Take old versions of rows out of a folder or a bucket: one file per table is left."""
    from dlt.common.destination.exceptions import DestinationUndefinedEntity

    from whop_source.bucket import compact as write_anew

    from .run import locked_destination

    set_up(log_format, quiet=quiet)
    name = destination_of(destination)
    if name != "filesystem":
        raise SettingError(
            f"A row is in {name} once: what can be compacted is --destination filesystem"
        )
    with locked_destination(name) as warehouse:
        client: Any = warehouse.pipeline.destination_client()
        try:
            done = write_anew(client, warehouse.still_locked)
        except DestinationUndefinedEntity as error:
            raise warehouse.nothing_loaded() from error
        except Exception as error:
            if trouble := warehouse.trouble(error):
                raise trouble from error
            raise
    event(
        "Every table is in one file already"
        if not done.tables
        else f"{counted(done.files, 'file')} of {counted(done.tables, 'table')} are one each now: "
        f"of {counted(done.versions, 'version')} {counted(done.rows, 'row')} are left",
        files=done.files,
        tables=done.tables,
        versions=done.versions,
        rows=done.rows,
    )

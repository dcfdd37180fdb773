"""`whop-elt bi`: dashboards for BI tools, written for one's own warehouse."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from ..errors import NothingThere, PipelineError, SettingError
from ..log import event, set_up

app = typer.Typer(
    name="bi", help="Write dashboards for a BI tool: docs/bi.md.", no_args_is_help=True
)


@app.callback()
def _bi() -> None:
    pass


@app.command(
    epilog="Examples: whop-elt bi superset --output bundle --duckdb /srv/whop/whop-marts.duckdb; "
    "whop-elt bi superset --output bundle --postgres postgresql://reader:password@host/whop. "
    "Then: superset import-directory bundle --overwrite"
)
def superset(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder to write; new, or written by this.")
    ],
    postgres: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where Superset reads: the address of a role made by grant-reader. The password "
            "is in the folder then; without one in the address, set it in Superset.",
        ),
    ] = None,
    duckdb: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where Superset reads: whop-marts.duckdb, as Superset's machine sees it.",
        ),
    ] = None,
) -> None:
    """Write four dashboards that `superset import-directory` reads."""
    from .bundle import duckdb_database, postgres_database, write_bundle

    set_up("text", quiet=False)
    if (postgres is None) == (duckdb is None):
        raise SettingError("Give one of --postgres URL and --duckdb FILE: where Superset reads")
    if postgres is not None:
        database = postgres_database(postgres)
    elif duckdb is not None:
        database = duckdb_database(duckdb)
        if not duckdb.exists():
            event(f"{duckdb} is not on this machine; let us hope it is on Superset's", 30)
    try:
        written = write_bundle(output, database)
    except shutil.Error as error:
        first = error.args[0][0][2]
        raise PipelineError(f"Not all of {output} could be written: {first}") from error
    except FileNotFoundError as error:
        raise NothingThere(f"A file of the dashboards is missing: {error.filename}") from error
    event(
        f"{written} files in {output}. Then, where Superset runs: "
        f"superset import-directory {output} --overwrite"
    )

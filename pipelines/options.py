"""What several commands share: options that mean the same everywhere, and the terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape

from .errors import SettingError
from .log import LogFormat

# A pipe has no width of its own, and 80 columns would cut the tables in cron's mail.
# Permissions have names like member:email:read, which must not become a picture of an envelope.
console = Console(width=None if sys.stdout and sys.stdout.isatty() else 120, emoji=False)

DestinationName = Annotated[
    str | None,
    typer.Option(
        "--destination",
        "-d",
        envvar="WHOP_ELT_DESTINATION",
        help="duckdb (the default), postgres or filesystem, a folder or a bucket; any other dlt "
        "destination can be synced into.",
    ),
]
Engine = Literal["warehouse", "spark"]
BuiltBy = Annotated[
    Engine,
    typer.Option(
        "--engine",
        help="Whose marts: the warehouse's, or those that Spark has built, in the folder "
        "WHOP_ELT_SPARK_HOME or on the server of WHOP_ELT_SPARK_METHOD.",
    ),
]
LogFormatName = Annotated[
    LogFormat, typer.Option("--log-format", help="Lines for people, or one JSON object a line.")
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Say nothing unless something is wrong.")
]
Full = Annotated[
    bool, typer.Option("--full", help="Read every table whole, and mark what Whop has no more.")
]
Tables = Annotated[
    list[str] | None, typer.Option("--tables", help="Only these tables; may be given repeatedly.")
]
ReportPath = Annotated[
    Path | None,
    typer.Option(
        "--report",
        envvar="WHOP_ELT_REPORT",
        help="Where to write the report, an HTML file; whop-report.html without it.",
    ),
]
Company = Annotated[
    str | None,
    typer.Option(
        help="Only this company (biz_…), with cursors of its own. On Postgres, others can be "
        "synced at the same time, by other processes or machines."
    ),
]
DEFAULT_REPORT = Path("whop-report.html")


def destination_of(given: str | None) -> str:
    """The destination that is meant, by name.

    Args:
        given: what the command line says; None for what the settings say.

    Raises:
        SettingError: there is none of that name.
    """
    # What reads settings takes a moment to import; the help does not wait for it.
    from .settings import destination_name

    return destination_name(given)


def marts_of(destination: str | None, engine: Engine) -> str:
    """Where the marts are that are meant, as `open_reader` calls it.

    Args:
        destination: what the command line says; None for what the settings say.
        engine: what has built them.

    Raises:
        SettingError: both are named, and do not go together.
    """
    if engine == "warehouse":
        return destination_of(destination)
    refuse_destination(destination)
    from .reading import SPARK

    return SPARK


def refuse_destination(given: str | None) -> None:
    """Raise a SettingError when another destination is named than a folder, which Spark reads."""
    if given not in (None, "filesystem"):
        raise SettingError(
            f"--engine spark reads a folder, a bucket or a server of Spark's, and not {given}: "
            "leave out --destination and WHOP_ELT_DESTINATION, or set filesystem"
        )


def company_of(given: str | None) -> str | None:
    """The company that is meant; None for all.

    Raises:
        SettingError: that is no id of a company.
    """
    from .settings import company

    return None if given is None else company(given)


def tell_report(path: Path) -> None:
    """Say where the report is."""
    where = escape(str(path.resolve()))
    console.print(
        f"\n[bold]The report[/] is {where}: open it in a browser, or send it.",
        highlight=False,
        soft_wrap=True,
    )

"""The `whop-elt` command line. Heavy libraries are imported by the commands that need them.

Longer than other files, as most of it is options and what the help says of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from .action import app as action_app
from .bi.command import app as bi_app
from .bucket_command import app as bucket_app
from .cli_reading import app as reading_app
from .errors import ExitCode, NoColumn, PipelineError, SettingError, of_files
from .figures import counted
from .grant_command import grant_reader
from .log import bind, event, set_up
from .options import (
    DEFAULT_REPORT,
    Company,
    DestinationName,
    Engine,
    Full,
    LogFormatName,
    Quiet,
    ReportPath,
    Tables,
    company_of,
    console,
    destination_of,
    refuse_destination,
    tell_report,
)
from .process import (
    end_as_interrupted,
    end_without_tidying,
    forgive_characters,
    open_closed_streams,
    private_files,
    tune,
)
from .progress import Bars, bars
from .version import VERSION

if TYPE_CHECKING:
    from whop_source import RunReport

    from .destination import Destination

app = typer.Typer(
    name="whop-elt",
    help="Take a Whop business from an API key to a warehouse that answers in SQL.",
    epilog="Start with `whop-elt demo`: no account needed. Settings come from the environment or "
    ".dlt/*.toml; docs/operate.md lists them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(reading_app)
app.add_typer(action_app)
app.add_typer(bi_app)
app.add_typer(bucket_app)


def command() -> None:
    """Run the command line in a process that is there for nothing else."""
    ends_with = end_without_tidying()
    try:
        main()
    except SystemExit as ended:
        ends_with(ended.code)
        raise


def main() -> None:
    """Run the command line; a failure is one line, and an exit code."""
    tune()
    open_closed_streams()
    forgive_characters()
    end_as_interrupted()
    with private_files():
        sys.exit(_exit_code())


def _exit_code() -> int:
    """Run a command, and tell what went wrong."""
    try:
        code = app(standalone_mode=False)
        if code == ExitCode.INTERRUPTED:
            # What typer makes of an interrupt, without a word.
            event("Interrupted; the next run brings what this one did not", 40)
        return int(code or 0)
    except typer.TyperException as wrong:
        # Called wrongly. Typer's own code for that, 2, is here the one of a run that failed.
        show = getattr(wrong, "show", None)
        show() if show else event(str(wrong), 40)
        return ExitCode.SETTING
    except typer.Abort:
        return ExitCode.SETTING
    except NoColumn as error:
        return _told(
            PipelineError(
                f"{str(error).rstrip('!.')}. The models are of another release of whop-elt: "
                "`whop-elt transform` builds them anew"
            )
        )
    except PipelineError as error:
        return _told(error)
    except OSError as error:
        return _told(of_files(error) or error)
    except Exception as error:
        from .destination_trouble import of_database

        return _told(of_database(error) or error)


def _told(error: Exception) -> ExitCode:
    if isinstance(error, PipelineError):
        event(str(error), 40, exit_code=int(error.exit_code))
        return error.exit_code
    event(f"A slip in whop-elt: {error!r}", 40, traceback=True, exit_code=int(ExitCode.FAILED))
    return ExitCode.FAILED


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"whop-elt {VERSION}")
        raise typer.Exit


@app.callback()
def _whop_elt(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version."),
    ] = False,
) -> None:
    pass


@app.command(epilog="Example: whop-elt demo && whop-elt demo   (the second is a week later)")
def demo(destination: DestinationName = None) -> None:
    """Show the whole line on a simulated business; no account needed."""
    from .demo import simulated_account
    from .summary import show_queries, show_summary

    set_up("text", quiet=True)
    name = destination_of(destination)
    with simulated_account(name) as (settings, clock, first):
        when = f"{clock:%A, %d %B %Y}"
        console.print(
            f"[bold]A simulated Whop business[/], served over HTTP on this machine. It is {when}"
            + ("." if first else ", a week after the last sync.")
        )
        report = _new_report()
        warehouse, code = _run(
            name,
            report,
            _bars(report, quiet=False, say=console.print),
            page=DEFAULT_REPORT,
            **settings,
        )
        _tell_run(report)
        show_summary(warehouse, console, report)
        show_queries(warehouse, console)
    tell_report(DEFAULT_REPORT)
    console.print(
        "\nRun it again: it will be a week later. Your own business: set SOURCES__WHOP__API_KEY, "
        "then [bold]whop-elt run[/] (it is in .venv/bin) in another folder."
    )
    raise typer.Exit(code)


@app.command(epilog="Example: mkdir shop && cd shop && whop-elt init")
def init() -> None:
    """Ask for key, company, tables and destination, and write them to .dlt here."""
    from .init import ask_and_write

    set_up("text", quiet=False)
    for line in ask_and_write():
        print(line)


@app.command(epilog="Example: SOURCES__WHOP__API_KEY=… whop-elt check --destination postgres")
def check(destination: DestinationName = None) -> None:
    """Ask whether a run would work: key, company, each table's permission, destination."""
    from .check import check as findings

    set_up("text", quiet=False)
    worst = ExitCode.OK
    for finding in findings(destination_of(destination)):
        mark = "[green]ok[/]" if finding.ok else "[red]no[/]"
        console.print(f"{mark}  {finding.what:26}  ", end="")
        console.print(finding.says, highlight=False, markup=False, soft_wrap=True)
        worst = _worse(worst, finding.exit_code)
    raise typer.Exit(worst)


@app.command(
    epilog="Examples: whop-elt sync --tables payments --tables members --full; "
    "whop-elt sync --company biz_a --destination postgres"
)
def sync(
    destination: DestinationName = None,
    full: Full = False,
    tables: Tables = None,
    company: Company = None,
    quiet: Quiet = False,
    log_format: LogFormatName = "text",
) -> None:
    """Load what is new, changed or gone at Whop."""
    from .run import locked_destination
    from .run import sync as pipeline_sync

    set_up(log_format, quiet=quiet)
    with locked_destination(destination_of(destination), company_of(company)) as warehouse:
        report = _new_report()
        with _bars(report, quiet=quiet) as shown:
            code = pipeline_sync(warehouse, report, full=full, tables=tables, loading=shown.loading)
    raise typer.Exit(code)


@app.command(epilog="Example: whop-elt transform --select fct_payments+")
def transform(
    destination: DestinationName = None,
    select: Annotated[str | None, typer.Option(help="Which models, in dbt's syntax.")] = None,
    variables: Annotated[
        str | None,
        typer.Option(
            "--vars",
            help="Variables of the models, as YAML: '{grace_days: 7}'; this once, in place of the "
            "settings under \\[models].",
        ),
    ] = None,
    engine: Annotated[
        Engine,
        typer.Option(
            help="What computes: the warehouse, or Spark; that is on this machine, where it reads "
            "and writes Parquet files in the folder WHOP_ELT_SPARK_HOME, or on the server of "
            "WHOP_ELT_SPARK_METHOD and its like."
        ),
    ] = "warehouse",
    quiet: Quiet = False,
    log_format: LogFormatName = "text",
) -> None:
    """Build and test the models (dbt build)."""
    from .bucket_models import models_home
    from .run import locked_destination
    from .transform import transform as build

    set_up(log_format, quiet=quiet)
    if engine == "spark":
        refuse_destination(destination)
        if select:
            raise SettingError("--select is not for --engine spark, which builds all")
        from .spark.settings import spark_home, spark_server

        server = spark_server()
        with _bars(_new_report(), quiet=quiet) as shown:
            if server:
                from .spark.cluster import transform_on_server

                count = transform_on_server(
                    server,
                    variables,
                    shown.modelling,
                    of_bucket=destination_of(destination) == "filesystem",
                )
            else:
                from .spark.build import transform_on_spark
                from .spark.home import Home

                count = transform_on_spark(Home(spark_home()), variables, shown.modelling)
        event(f"{count} models and tests", count=count)
        return
    with (
        locked_destination(destination_of(destination)) as warehouse,
        models_home(warehouse) as home,
        _bars(_new_report(), quiet=quiet) as shown,
    ):
        count = build(home, select, variables, shown.modelling)
    event(f"{count} models and tests", count=count)


@app.command(epilog="Example, in a crontab: 15 * * * * cd /srv/whop && whop-elt run --quiet")
def run(
    destination: DestinationName = None,
    full: Full = False,
    tables: Tables = None,
    company: Company = None,
    page: ReportPath = None,
    quiet: Quiet = False,
    log_format: LogFormatName = "text",
) -> None:
    """Sync, transform, report: what cron calls."""
    from .alerts import watching
    from .settings import report_path
    from .summary import show_summary

    set_up(log_format, quiet=quiet)
    report = _new_report()
    with watching(report.run_id) as watch:
        warehouse, code = _run(
            destination_of(destination),
            report,
            _bars(report, quiet=quiet),
            page=report_path(page) or DEFAULT_REPORT,
            full=full,
            tables=tables,
            company_id=company_of(company),
            watch=watch,
        )
    event(f"Run {report.run_id} ended with {int(code)}", exit_code=int(code))
    if not quiet and log_format == "text" and any(table.status == "ok" for table in report.tables):
        show_summary(warehouse, console, report)
    raise typer.Exit(code)


# Here and not as a group of its own, of which the help would list the command above the others.
app.command(
    epilog="Examples: whop-elt grant-reader metabase --destination postgres > grant.sql; "
    "whop-elt grant-reader metabase --apply --password --destination postgres"
)(grant_reader)


@app.command(
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    epilog="Example: whop-elt simulate --members 1000 --years 3 --port 8787",
)
def simulate(context: typer.Context) -> None:
    """Serve a simulated Whop business over HTTP on this machine."""
    from whop_simulator.__main__ import main as serve

    serve(context.args)


@app.command(
    epilog="Examples: whop-elt mcp --destination postgres; whop-elt mcp --http --allow-writes. "
    "How a client is told of it: docs/agents.md"
)
def mcp(
    destination: DestinationName = None,
    allow_writes: Annotated[
        bool,
        typer.Option("--allow-writes", help="Plan, promo code and file can be changed, confirmed."),
    ] = False,
    allow_credentials: Annotated[
        bool, typer.Option("--allow-credentials", help="Access tokens can be made, confirmed.")
    ] = False,
    with_contacts: Annotated[
        bool, typer.Option("--with-contacts", help="Names and e-mail addresses can be read.")
    ] = False,
    http: Annotated[
        bool,
        typer.Option(
            "--http",
            help="Over HTTP on this machine, with the bearer token in WHOP_ELT_MCP_TOKEN, or a new "
            "one that is printed; without it over standard input and output.",
        ),
    ] = False,
    port: Annotated[int, typer.Option(help="With --http: where; 0 is any that is free.")] = 8765,
) -> None:
    """Serve agents: the numbers, and the actions at Whop; reading only, unless allowed more."""
    from .mcp.serve import serve

    set_up("text", quiet=not http)
    serve(
        destination,
        http=http,
        port=port,
        allow_writes=allow_writes,
        allow_credentials=allow_credentials,
        with_contacts=with_contacts,
    )


def _new_report() -> RunReport:
    from whop_source import RunReport

    report = RunReport()
    bind(run_id=report.run_id)
    return report


def _bars(
    report: RunReport, *, quiet: bool, say: Callable[[str], None] = event
) -> AbstractContextManager[Bars]:
    return bars(report, console, say, quiet=quiet)


def _run(
    destination: str, report: RunReport, shown: AbstractContextManager[Bars], **settings: Any
) -> tuple[Destination, ExitCode]:
    from .run import run as pipeline_run

    with shown as bar:
        return pipeline_run(
            destination, report, loading=bar.loading, modelling=bar.modelling, **settings
        )


def _tell_run(report: RunReport) -> None:
    modes = {table.mode for table in report.tables}
    new, changed, deleted = (
        sum(getattr(table, f"rows_{what}") for table in report.tables)
        for what in ("new", "changed", "deleted")
    )
    requests = sum(table.requests for table in report.tables)
    kind = "full" if "full" in modes else "incremental"
    console.print(
        f"The sync was {kind}: {new:,} new rows, {changed:,} changed, {deleted:,} deleted, "
        f"in {counted(requests, 'request')}."
    )
    for table in report.tables:
        for note in [*table.notes, *([table.error] if table.error else [])]:
            console.print(f"[yellow]{table.table}[/]: {escape(note)}")


def _worse(one: ExitCode, other: ExitCode) -> ExitCode:
    """The graver of two findings: a wrong setting, then a failure, then a missing permission."""
    order = (ExitCode.OK, ExitCode.PARTLY, ExitCode.FAILED, ExitCode.SETTING)
    return max(one, other, key=order.index)


if __name__ == "__main__":
    command()

"""The `whop-elt` command line. Heavy libraries are imported by the commands that need them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from .action import app as action_app
from .errors import ExitCode, PipelineError, SettingError
from .log import LogFormat, bind, event, set_up

if TYPE_CHECKING:
    from sources.whop import RunReport

    from .destination import Destination

app = typer.Typer(
    name="whop-elt",
    help="Take a Whop business from an API key to a warehouse that answers in SQL.",
    epilog="Start with `whop-elt demo`: no account needed. Settings come from the environment or "
    ".dlt/*.toml; the README lists them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(action_app)
# A pipe has no width of its own, and 80 columns would cut the tables in cron's mail.
# Permissions have names like member:email:read, which must not become a picture of an envelope.
console = Console(width=None if sys.stdout.isatty() else 120, emoji=False)

DestinationName = Annotated[
    str,
    typer.Option(
        "--destination",
        "-d",
        envvar="WHOP_ELT_DESTINATION",
        help="duckdb or postgres; any other dlt destination can be synced into.",
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
    Path,
    typer.Option(
        "--report", envvar="WHOP_ELT_REPORT", help="Where to write the report, an HTML file."
    ),
]
DEFAULT_REPORT = Path("whop-report.html")


def main() -> None:
    """Run the command line; a failure is one line, and an exit code."""
    # Typer ends with 2 when it is called wrongly, which here is the code of a run that failed.
    for base in typer.BadParameter.__mro__:
        if base.__name__ == "UsageError":
            setattr(base, "exit_code", int(ExitCode.SETTING))  # noqa: B010 - typer keeps it private
    try:
        app()
    except PipelineError as error:
        event(str(error), 40, exit_code=int(error.exit_code))
        sys.exit(error.exit_code)
    except Exception as error:
        event(f"A slip in whop-elt: {error!r}", 40, traceback=True, exit_code=int(ExitCode.FAILED))
        sys.exit(ExitCode.FAILED)
    except SystemExit as ended:
        # What typer makes of an interrupt, without a word.
        if ended.code == ExitCode.INTERRUPTED:
            event("Interrupted; the next run brings what this one did not", 40)
        raise


@app.command(epilog="Example: whop-elt demo && whop-elt demo   (the second is a week later)")
def demo(destination: DestinationName = "duckdb") -> None:
    """Show the whole line on a simulated business; no account needed."""
    from .demo import simulated_account
    from .summary import show_queries, show_summary

    set_up("text", quiet=True)
    with simulated_account(destination) as (settings, clock, first):
        when = f"{clock:%A, %d %B %Y}"
        console.print(
            f"[bold]A simulated Whop business[/], served over HTTP on this machine. It is {when}"
            + ("." if first else ", a week after the last sync.")
        )
        report = _new_report()
        warehouse, code = _run(destination, report, quiet=False, page=DEFAULT_REPORT, **settings)
        _tell_run(report)
        show_summary(warehouse, console, report)
        show_queries(warehouse, console)
    _tell_report(DEFAULT_REPORT)
    console.print(
        "\nRun it again: it will be a week later. Your own business: set SOURCES__WHOP__API_KEY, "
        "then [bold]whop-elt run[/] (it is in .venv/bin) in another folder."
    )
    raise typer.Exit(code)


@app.command(epilog="Example: SOURCES__WHOP__API_KEY=… whop-elt check --destination postgres")
def check(destination: DestinationName = "duckdb") -> None:
    """Ask whether a run would work: key, company, each table's permission, destination."""
    from .check import check as findings

    set_up("text", quiet=False)
    worst = ExitCode.OK
    for finding in findings(destination):
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
    destination: DestinationName = "duckdb",
    full: Full = False,
    tables: Tables = None,
    company: Annotated[
        str | None,
        typer.Option(
            help="Only this company (biz_…), with cursors of its own. On Postgres, others can be "
            "synced at the same time, by other processes or machines."
        ),
    ] = None,
    quiet: Quiet = False,
    log_format: LogFormatName = "text",
) -> None:
    """Load what is new, changed or gone at Whop."""
    from .run import locked_destination
    from .run import sync as pipeline_sync

    set_up(log_format, quiet=quiet)
    with locked_destination(destination, company) as warehouse:
        report = _new_report()
        with _bars(report, quiet) as bars:
            code = pipeline_sync(warehouse, report, full=full, tables=tables, loading=bars.loading)
    raise typer.Exit(code)


@app.command(epilog="Example: whop-elt transform --select fct_payments+")
def transform(
    context: typer.Context,
    destination: DestinationName = "duckdb",
    select: Annotated[str | None, typer.Option(help="Which models, in dbt's syntax.")] = None,
    variables: Annotated[
        str | None, typer.Option("--vars", help="dbt variables, as YAML: '{grace_days: 7}'")
    ] = None,
    quiet: Quiet = False,
    log_format: LogFormatName = "text",
) -> None:
    """Build and test the models (dbt build)."""
    from .run import locked_destination
    from .transform import transform as build

    set_up(log_format, quiet=quiet)
    arguments = [
        *(["--select", select] if select else []),
        *(["--vars", variables] if variables else []),
    ]
    with locked_destination(destination) as warehouse, _bars(_new_report(), quiet) as bars:
        count = build(warehouse, arguments, bars.modelling)
    event(f"{count} models and tests", count=count)


@app.command(epilog="Example, in a crontab: 15 * * * * cd /srv/whop && whop-elt run --quiet")
def run(
    destination: DestinationName = "duckdb",
    full: Full = False,
    tables: Tables = None,
    page: ReportPath = DEFAULT_REPORT,
    quiet: Quiet = False,
    log_format: LogFormatName = "text",
) -> None:
    """Sync, transform, report: what cron calls."""
    from .alerts import watching
    from .summary import show_summary

    set_up(log_format, quiet=quiet)
    report = _new_report()
    with watching(report.run_id) as watch:
        warehouse, code = _run(
            destination, report, quiet=quiet, page=page, full=full, tables=tables, watch=watch
        )
    event(f"Run {report.run_id} ended with {int(code)}", exit_code=int(code))
    if not quiet and log_format == "text" and any(table.status == "ok" for table in report.tables):
        show_summary(warehouse, console, report)
    raise typer.Exit(code)


@app.command(epilog="Example: whop-elt status --max-age-hours 26 --json")
def status(
    destination: DestinationName = "duckdb",
    max_age_hours: Annotated[
        float | None, typer.Option(help="Fail when a table's last good run is older than this.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show how fresh each table is, the cursors, and the last runs."""
    from .alerts import Watch, alert_urls, watching
    from .destination import open_destination
    from .reading import open_to_read
    from .status import read_status, show_status

    set_up("text", quiet=False)
    monitored = max_age_hours is not None
    with watching(None) if monitored else nullcontext(Watch(None)) as watch:
        with open_to_read(destination) as warehouse:
            found = read_status(warehouse)
        if max_age_hours is not None:
            if found["copied_at"] is None and alert_urls():
                # What was told already is written there, too.
                watch.opened(open_destination(destination))
            watch.step("status")
            watch.aged(found, max_age_hours)
    if as_json:
        print(json.dumps(found, default=str, indent=2))
    else:
        show_status(found, console)
    age = found["age_hours"]
    if max_age_hours is not None and (age is None or age > max_age_hours):
        raise PipelineError(
            "A table was never read"
            if age is None
            else f"The stalest table is {age:.1f} hours old, over the limit of {max_age_hours:g}"
        )


@app.command(
    epilog="Examples: whop-elt report --destination postgres; "
    "whop-elt report --company biz_… --output client.html --quiet"
)
def report(
    destination: DestinationName = "duckdb",
    output: Annotated[
        Path, typer.Option("--output", "-o", envvar="WHOP_ELT_REPORT", help="The HTML file.")
    ] = DEFAULT_REPORT,
    company: Annotated[
        list[str] | None,
        typer.Option(help="Only this company (biz_…); may be given repeatedly."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Write the report, one HTML file to open or to e-mail; show what is in short here."""
    from .reading import open_reader, tell_copy
    from .report import read_pages, write_pages
    from .summary import show_queries, show_summary

    set_up("text", quiet=True)
    with open_reader(destination) as warehouse:
        pages = read_pages(warehouse, company or ())
        if not quiet:
            if warehouse.copied_at:
                console.print(tell_copy(warehouse.copied_at), soft_wrap=True)
            show_summary(warehouse, console)
            show_queries(warehouse, console)
    # Drawn when the warehouse is closed: a run that is to write to a DuckDB file waits for it.
    write_pages(pages, output)
    if not quiet:
        _tell_report(output)


@app.command(
    epilog="Examples: whop-elt grant-reader metabase --destination postgres > grant.sql; "
    "whop-elt grant-reader metabase --apply --password --destination postgres"
)
def grant_reader(
    name: Annotated[str, typer.Argument(help="The Postgres role; created if there is none.")],
    destination: DestinationName = "duckdb",
    apply: Annotated[
        bool, typer.Option("--apply", help="Run the SQL, instead of printing it.")
    ] = False,
    with_password: Annotated[
        bool,
        typer.Option(
            "--password",
            help="With --apply: let the role log in with a password, which is asked for, or taken "
            "from the environment variable WHOP_ELT_READER_PASSWORD.",
        ),
    ] = False,
) -> None:
    """Let a Postgres role read the marts: no personal data, no raw tables, no writing."""
    from .destination import MARTS, open_destination
    from .grants import grant, grant_statements
    from .run import locked_destination

    set_up("text", quiet=False)
    if not apply:
        if with_password:
            raise SettingError("--password goes with --apply: a password is never printed")
        statements = grant_statements(open_destination(destination), name)
        print("begin;", *(f"{statement};" for statement in statements), "commit;", sep="\n")
        print(r"-- So that it can log in, in psql: alter role … login; \password …")
        return
    password = _reader_password(name) if with_password else None
    # Under the lock: a mart that dbt is about to swap in would be missed.
    with locked_destination(destination) as warehouse:
        grant(warehouse, name, password)
        event(f"{name} can read {MARTS} on {warehouse.location}")
    if not password:
        event("If it cannot log in yet: run this again with --password, or use a role that can")


@app.command(
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    epilog="Example: whop-elt simulate --members 1000 --years 3 --port 8787",
)
def simulate(context: typer.Context) -> None:
    """Serve a simulated Whop business over HTTP on this machine."""
    from sources.whop_simulator.__main__ import main as serve

    serve(context.args)


@app.command(epilog="In a client's configuration: command whop-elt, arguments mcp. docs/agents.md")
def mcp(
    destination: DestinationName = "duckdb",
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


class _Count(ProgressColumn):
    """How much is done, of what is counted."""

    def render(self, task: Task) -> Text:
        """Right-aligned, or blank."""
        return Text(f"{task.completed:>9,.0f}" if task.fields.get("counted", True) else " " * 9)


class _Bars:
    """Progress of a run on a terminal; plain lines are the log's business."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._tasks: dict[str, Any] = {}

    def reading(self, table: str, rows: int) -> None:
        """Count rows of a table that have been read."""
        if self._progress:
            if table not in self._tasks:
                self._tasks[table] = self._progress.add_task(f"read {table}", total=None)
            self._progress.advance(self._tasks[table], rows)

    def loading(self) -> None:
        """Reading is over."""
        if self._progress:
            for task in self._progress.tasks:
                self._progress.update(task.id, total=task.completed)
            if "load" not in self._tasks:
                self._tasks["load"] = self._progress.add_task(
                    "load into the warehouse", total=None, counted=False
                )

    def modelling(self, name: str, done: int, total: int) -> None:
        """A model or test begins."""
        if self._progress:
            if "model" not in self._tasks:
                if "load" in self._tasks:
                    self._progress.update(self._tasks["load"], total=1, completed=1)
                self._tasks["model"] = self._progress.add_task("build and test the models")
            self._progress.update(self._tasks["model"], completed=done, total=total)


@contextmanager
def _bars(report: RunReport, quiet: bool) -> Iterator[_Bars]:
    if quiet or not console.is_terminal:
        yield _Bars(None)
        return
    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description:28}"),
        BarColumn(bar_width=24),
        _Count(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        bars = _Bars(progress)
        report.progress = bars.reading
        yield bars
        for task in progress.tasks:
            progress.update(task.id, total=task.total or 1, completed=task.total or 1)


def _new_report() -> RunReport:
    from sources.whop import RunReport

    report = RunReport()
    bind(run_id=report.run_id)
    return report


def _run(
    destination: str, report: RunReport, *, quiet: bool, **settings: Any
) -> tuple[Destination, ExitCode]:
    from .run import run as pipeline_run

    with _bars(report, quiet) as bars:
        return pipeline_run(
            destination, report, loading=bars.loading, modelling=bars.modelling, **settings
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
        f"in {requests:,} requests."
    )
    for table in report.tables:
        for note in [*table.notes, *([table.error] if table.error else [])]:
            console.print(f"[yellow]{table.table}[/]: {escape(note)}")


def _reader_password(name: str) -> str:
    password = os.environ.get("WHOP_ELT_READER_PASSWORD")
    if password is None:
        if not sys.stdin.isatty():
            raise SettingError(
                "There is no terminal to ask for the password on: set WHOP_ELT_READER_PASSWORD"
            )
        password = str(
            typer.prompt(
                f"Password for {name}", hide_input=True, confirmation_prompt=True, err=True
            )
        )
    if not password:
        raise SettingError("The password is empty")
    return password


def _tell_report(path: Path) -> None:
    where = escape(str(path.resolve()))
    console.print(
        f"\n[bold]The report[/] is {where}: open it in a browser, or send it.",
        highlight=False,
        soft_wrap=True,
    )


def _worse(one: ExitCode, other: ExitCode) -> ExitCode:
    """The graver of two findings: a wrong setting, then a failure, then a missing permission."""
    order = (ExitCode.OK, ExitCode.PARTLY, ExitCode.FAILED, ExitCode.SETTING)
    return max(one, other, key=order.index)


if __name__ == "__main__":
    main()

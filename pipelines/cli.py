"""The `whop-elt` command line. Heavy libraries are imported by the commands that need them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape

from .action import app as action_app
from .bi.command import app as bi_app
from .editions import Edition
from .errors import ExitCode, NoColumn, PipelineError, SettingError, of_files, of_room
from .figures import counted
from .log import LogFormat, bind, event, set_up
from .process import (
    end_as_interrupted,
    forgive_characters,
    open_closed_streams,
    private_files,
    tune,
)
from .progress import Bars, bars
from .version import VERSION
from .whole_file import write_whole

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
app.add_typer(action_app)
app.add_typer(bi_app)
# A pipe has no width of its own, and 80 columns would cut the tables in cron's mail.
# Permissions have names like member:email:read, which must not become a picture of an envelope.
console = Console(width=None if sys.stdout and sys.stdout.isatty() else 120, emoji=False)

DestinationName = Annotated[
    str | None,
    typer.Option(
        "--destination",
        "-d",
        envvar="WHOP_ELT_DESTINATION",
        help="duckdb (the default) or postgres; any other dlt destination can be synced into.",
    ),
]
Engine = Literal["warehouse", "spark"]
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
        from .destination import of_database

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
    name = _destination(destination)
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
    _tell_report(DEFAULT_REPORT)
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
    for finding in findings(_destination(destination)):
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
    with locked_destination(_destination(destination), _company(company)) as warehouse:
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
            "settings under [models].",
        ),
    ] = None,
    engine: Annotated[
        Engine,
        typer.Option(
            help="What computes: the warehouse, or Spark on this machine, which reads and writes "
            "Parquet files in the folder WHOP_ELT_SPARK_HOME."
        ),
    ] = "warehouse",
    quiet: Quiet = False,
    log_format: LogFormatName = "text",
) -> None:
    """Build and test the models (dbt build)."""
    from .run import locked_destination
    from .transform import transform as build

    set_up(log_format, quiet=quiet)
    if engine == "spark":
        if select or destination:
            raise SettingError("--select and --destination are not for --engine spark")
        from .settings import spark_home
        from .spark.build import transform_on_spark
        from .spark.home import Home

        with _bars(_new_report(), quiet=quiet) as shown:
            count = transform_on_spark(Home(spark_home()), variables, shown.modelling)
        event(f"{count} models and tests", count=count)
        return
    with (
        locked_destination(_destination(destination)) as warehouse,
        _bars(_new_report(), quiet=quiet) as shown,
    ):
        count = build(warehouse, select, variables, shown.modelling)
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
            _destination(destination),
            report,
            _bars(report, quiet=quiet),
            page=report_path(page) or DEFAULT_REPORT,
            full=full,
            tables=tables,
            company_id=_company(company),
            watch=watch,
        )
    event(f"Run {report.run_id} ended with {int(code)}", exit_code=int(code))
    if not quiet and log_format == "text" and any(table.status == "ok" for table in report.tables):
        show_summary(warehouse, console, report)
    raise typer.Exit(code)


@app.command(epilog="Example: whop-elt status --max-age-hours 26 --json")
def status(
    destination: DestinationName = None,
    max_age_hours: Annotated[
        float | None, typer.Option(help="Fail when a table's last good run is older than this.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show how fresh each table is, the cursors, and the last runs."""
    from .alerts import Watch, watching
    from .destination import Destination
    from .reading import open_to_read
    from .settings import checked_hours
    from .status import read_status, show_status

    set_up("text", quiet=False)
    if max_age_hours is not None:
        checked_hours(max_age_hours, "--max-age-hours")
    monitored = max_age_hours is not None
    with (
        watching(None) if monitored else nullcontext(Watch(None)) as watch,
        ExitStack() as stack,
    ):
        with watch.step("warehouse"):
            warehouse = stack.enter_context(open_to_read(_destination(destination)))
        # What was told already is written there, too.
        watch.destination = warehouse if isinstance(warehouse, Destination) else None
        with watch.step("status"):
            found = read_status(warehouse)
        if max_age_hours is not None:
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
    destination: DestinationName = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            envvar="WHOP_ELT_REPORT",
            help="The HTML file; whop-report.html without it.",
        ),
    ] = None,
    company: Annotated[
        list[str] | None,
        typer.Option(help="Only this company (biz_…); may be given repeatedly."),
    ] = None,
    edition: Annotated[
        Edition, typer.Option(help="full, or brief: one page for e-mail, without charts.")
    ] = Edition.FULL,
    quiet: Quiet = False,
) -> None:
    """Write the report, one HTML file to open or to e-mail; show what is in short here."""
    from .reading import open_reader, tell_copy
    from .report import read_pages, write_pages
    from .settings import report_path
    from .status import shown_companies
    from .summary import show_queries, show_summary

    set_up("text", quiet=True)
    page = report_path(output) or DEFAULT_REPORT
    companies = [_company(each) or "" for each in company or ()]
    with open_reader(_destination(destination)) as warehouse:
        pages = read_pages(warehouse, companies or shown_companies(warehouse))
        if not quiet:
            if warehouse.copied_at:
                console.print(tell_copy(warehouse.copied_at), soft_wrap=True)
            show_summary(warehouse, console, companies=companies)
            if not companies:
                show_queries(warehouse, console)
    # Drawn when the warehouse is closed: a run that is to write to a DuckDB file waits for it.
    write_pages(pages, page, edition)
    if not quiet:
        _tell_report(page)


@app.command(
    epilog="Examples: whop-elt ask; whop-elt ask who-is-about-to-leave --with-contacts; "
    "whop-elt ask the-month-in-numbers 2026-10 --csv > october.csv"
)
def ask(
    name: Annotated[
        str | None, typer.Argument(help="Which question; without it they are listed.")
    ] = None,
    arguments: Annotated[
        list[str] | None, typer.Argument(help="What it is asked for, as a month: 2026-10.")
    ] = None,
    destination: DestinationName = None,
    company: Annotated[str | None, typer.Option(help="Of this company (biz_…) only.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, a list of objects.")] = False,
    as_parquet: Annotated[bool, typer.Option("--parquet", help="As a Parquet file.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file to write, in place of standard output."),
    ] = None,
    with_contacts: Annotated[
        bool, typer.Option("--with-contacts", help="With names and e-mail addresses.")
    ] = False,
) -> None:
    """Ask one of an owner's usual questions; a run that is under way does not mind."""
    from . import ask as asking

    set_up("text", quiet=False)
    forms = [
        form
        for form, wanted in (
            (asking.Form.CSV, as_csv),
            (asking.Form.JSON, as_json),
            (asking.Form.PARQUET, as_parquet),
        )
        if wanted
    ]
    if len(forms) > 1:
        raise SettingError("One of --csv, --json and --parquet at a time")
    if output and not forms:
        raise SettingError("--output goes with --csv, --json or --parquet")
    if name is None:
        if forms:
            raise SettingError("Which question? `whop-elt ask` lists them")
        asking.show_questions(console)
        return
    if forms == [asking.Form.PARQUET] and not output and sys.stdout.isatty():
        raise SettingError("Parquet is not for a terminal: add --output FILE")
    asked = asking.ask(
        _destination(destination),
        name,
        arguments or (),
        company_id=_company(company),
        contacts=with_contacts,
    )
    if not forms:
        asking.show(asked, console)
        return
    file = asking.write(asked, forms[0])
    if output:
        try:
            write_whole(output, file)
        except OSError as error:
            raise of_room(error, output) or SettingError(
                f"{output} cannot be written: {error.strerror}. Name another file with --output"
            ) from error
    else:
        sys.stdout.buffer.write(file)
    for note in asked.notes:
        event(note)


@app.command(
    epilog="Examples: whop-elt explain mrr 2025-12; whop-elt explain churn 2025-12 --csv; "
    "whop-elt explain mrr 2025-12 --restated; whop-elt explain gross 2025-12 --raw --csv"
)
def explain(
    metric: Annotated[
        str,
        typer.Argument(
            help="The number: mrr, new, churn, nrr, grr, gross, refunded, charged_back, fees, net, "
            "trials, … or any name that an unknown one is answered with."
        ),
    ],
    month: Annotated[str, typer.Argument(help="As in 2025-12.")],
    destination: DestinationName = None,
    company: Annotated[
        str | None, typer.Option(help="Whose (biz_…); needed where there are several.")
    ] = None,
    restated: Annotated[
        bool,
        typer.Option("--restated", help="Why it is not what it was when the month was closed."),
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Its payments as Whop sent them, names included.")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="All rows, as CSV.")] = False,
) -> None:
    """Take a number of a month apart: members, memberships, payments, and the rule that counts."""
    from . import explain as explaining
    from . import sheet
    from .reading import open_reader

    set_up("text", quiet=True)
    with open_reader(_destination(destination)) as warehouse:
        found = explaining.explain_in(
            warehouse, metric, month, _company(company), restated=restated
        )
        columns, rows = (
            explaining.raw_rows(warehouse, found) if raw else (found.columns, found.rows)
        )
    if as_csv:
        sys.stdout.buffer.write(sheet.as_csv(columns, rows))
    elif raw:
        explaining.show_rows(columns, rows, console)
    else:
        explaining.show(found, console)


@app.command(
    epilog="Examples: whop-elt grant-reader metabase --destination postgres > grant.sql; "
    "whop-elt grant-reader metabase --apply --password --destination postgres"
)
def grant_reader(
    name: Annotated[str, typer.Argument(help="The Postgres role; created if there is none.")],
    destination: DestinationName = None,
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
    from .grants import grant, grant_statements, refuse_without_roles
    from .run import locked_destination

    set_up("text", quiet=False)
    refuse_without_roles(_destination(destination))
    if not apply:
        if with_password:
            raise SettingError("--password goes with --apply: a password is never printed")
        warehouse = open_destination(_destination(destination), reading=True)
        statements = grant_statements(warehouse, name)
        print("begin;", *(f"{statement};" for statement in statements), "commit;", sep="\n")
        print(r"-- So that it can log in, in psql: alter role … login; \password …")
        return
    password = _reader_password(name) if with_password else None
    # Under the lock: a mart that dbt is about to swap in would be missed.
    with locked_destination(_destination(destination)) as warehouse:
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


def _destination(given: str | None) -> str:
    # What reads settings takes a moment to import; the help does not wait for it.
    from .settings import destination_name

    return destination_name(given)


def _company(given: str | None) -> str | None:
    from .settings import company

    return None if given is None else company(given)


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


def _reader_password(name: str) -> str:
    from .settings import reader_password

    password = reader_password()
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

"""The commands that only read the warehouse: status, report, ask and explain."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Annotated

import typer

from .editions import Edition
from .errors import PipelineError, SettingError, of_room
from .log import event, set_up
from .options import (
    DEFAULT_REPORT,
    BuiltBy,
    DestinationName,
    Quiet,
    company_of,
    console,
    destination_of,
    marts_of,
    tell_report,
)
from .whole_file import write_whole

app = typer.Typer()


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
            warehouse = stack.enter_context(open_to_read(destination_of(destination)))
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
    engine: BuiltBy = "warehouse",
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
    companies = [company_of(each) or "" for each in company or ()]
    # The summary counts the rows of the raw tables, where it is of all companies.
    with open_reader(marts_of(destination, engine), raw=not (quiet or companies)) as warehouse:
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
        tell_report(page)


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
    engine: BuiltBy = "warehouse",
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
        marts_of(destination, engine),
        name,
        arguments or (),
        company_id=company_of(company),
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
    engine: BuiltBy = "warehouse",
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
    with open_reader(marts_of(destination, engine), raw=raw) as warehouse:
        found = explaining.explain_in(
            warehouse, metric, month, company_of(company), restated=restated
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

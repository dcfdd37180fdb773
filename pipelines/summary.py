"""Tells a person what the warehouse says: the last full month, what came in, and where to look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from whop_source import RunReport

from .bank import told_cash
from .destination import DATASET, MARTS
from .figures import count, percent, usd
from .reading import Warehouse
from .restated import restatement_sentences
from .status import shown_companies
from .titles import named, printable

QUERIES: tuple[tuple[str, str], ...] = (
    (
        "How MRR moved, month by month",
        f"""select month, new_usd, reactivation_usd, expansion_usd, contraction_usd, churn_usd,
  mrr_end_usd
from {MARTS}.mrr_monthly
order by month desc
limit 6""",
    ),
    (
        "Why customers left, in the month under way and the eleven before",
        f"""select churn_type, churn_reason, sum(customers_churned) as churns,
  -sum(mrr_churned_usd) as mrr_lost_usd
from {MARTS}.churn_monthly
where month > (select max(month) from {MARTS}.mrr_monthly) - interval '12 months'
group by churn_type, churn_reason
order by mrr_lost_usd desc
limit 6""",
    ),
    (
        "Which plans bring the money",
        f"""select revenue.plan_id, products.title as product, plans.billing_period_days as days,
  sum(revenue.gross_usd) as gross_usd, sum(revenue.net_usd) as net_usd
from {MARTS}.revenue_daily as revenue
left join {MARTS}.dim_plans as plans on plans.plan_id = revenue.plan_id
left join {MARTS}.dim_products as products on products.product_id = revenue.product_id
group by revenue.plan_id, products.title, plans.billing_period_days
order by net_usd desc
limit 6""",
    ),
)
"""Queries to start from: what they answer, and their SQL, the same on DuckDB and Postgres."""


COUNTED_ROWS = 1_000_000
"""Rows of a Postgres table from which on they are not counted one by one."""


def show_summary(
    destination: Warehouse,
    console: Console,
    report: RunReport | None = None,
    companies: Sequence[str] = (),
) -> None:
    """Print the last full month, the rows per table and, after a run, what it brought.

    Args:
        destination: a warehouse whose models are built.
        console: where to print.
        report: the run that has just ended.
        companies: only these, and nothing that is of others as well; none named, those that are
            configured.
    """
    wanted = companies or shown_companies(destination)
    for company_id, title in _rows(
        destination, f"select company_id, title from {MARTS}.dim_companies order by title"
    ):
        if wanted and company_id not in wanted:
            continue
        _show_month(destination, console, company_id, named(title, company_id))
        if cash := told_cash(destination, company_id):
            console.print(Text(cash), soft_wrap=True)
    if not companies:
        # Rows are counted of all companies: no client of an agency is shown another's.
        _show_tables(destination, console, report)
    console.print(Text.assemble(("\nThe warehouse", "bold"), f" is {destination.location}"))


def show_queries(destination: Warehouse, console: Console) -> None:
    """Print the queries to start from, each with the first rows of its answer."""
    for title, sql in QUERIES:
        console.print(f"\n[bold]{title}[/]")
        # Not wrapped to the terminal: it is there to be pasted.
        console.print(Text(f"{sql};", style="cyan"), soft_wrap=True)
        names, rows = destination.query(sql)
        answer = Table(box=None, header_style="dim", pad_edge=True)
        for number, name in enumerate(names):
            numeric = any(isinstance(row[number], int | Decimal) for row in rows)
            answer.add_column(name, justify="right" if numeric else "left")
        for row in rows:
            answer.add_row(*(_cell(value) for value in row))
        console.print(answer)


def _show_month(destination: Warehouse, console: Console, company_id: str, title: str) -> None:
    """The last full month of one company, against the one before."""
    rows = _rows(
        destination,
        f"""select mrr.month, mrr.mrr_end_usd, mrr.customers_end, metrics.customers_lost,
              metrics.logo_churn_rate, metrics.net_usd, metrics.nrr
            from {MARTS}.mrr_monthly as mrr
            join {MARTS}.metrics_monthly as metrics
              on metrics.company_id = mrr.company_id and metrics.month = mrr.month
            where mrr.company_id = %s
            order by mrr.month desc limit 3""",
        company_id,
    )
    console.print()
    if len(rows) < 2:
        console.print(
            Text.assemble((title, "bold"), " has no full month of recurring payments yet")
        )
        return
    # The newest month is the one under way.
    month, before = rows[1], rows[2] if len(rows) > 2 else None
    console.rule(Text.assemble((title, "bold"), f", {month[0]:%B %Y}"), align="left")
    table = Table(box=None, show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(style="dim")
    figures = (
        ("MRR", 1, usd),
        ("Customers", 2, count),
        ("Customers lost", 3, count),
        ("Customer churn", 4, percent),
        ("Net revenue", 5, usd),
        ("Net revenue retention", 6, percent),
    )
    for name, position, form in figures:
        compared = f"{form(before[position])} the month before" if before else ""
        table.add_row(name, form(month[position]), compared)
    console.print(table)
    console.print(
        "[dim]Who has not canceled counts while Whop tries the charge again (two weeks), and "
        "leaves when that is given up.[/]"
    )
    for sentence in restatement_sentences(destination, company_id):
        console.print(Text(f"Restated: {sentence}"), soft_wrap=True)


def _show_tables(destination: Warehouse, console: Console, report: RunReport | None) -> None:
    """Rows per raw table, and what the run brought to each."""
    totals: dict[str, tuple[int, int, int]] = {}
    for table in report.tables if report else ():
        counts = (table.rows_new, table.rows_changed, table.rows_deleted)
        before = totals.get(table.table, (0, 0, 0))
        totals[table.table] = tuple(map(sum, zip(before, counts, strict=True)))  # type: ignore[assignment]
    listing = Table(box=None, header_style="dim")
    listing.add_column("table")
    for name in ("rows", *(("new", "changed", "deleted") if report else ())):
        listing.add_column(name, justify="right")
    tables = _rows(
        destination,
        "select table_name from information_schema.tables where table_schema = %s "
        "and substr(table_name, 1, 1) <> '_' order by table_name",
        DATASET,
    )
    if not tables:
        # The copy for readers has none.
        return
    empty: list[str] = []
    for name, rows in sorted(_row_counts(destination, [name for (name,) in tables]).items()):
        if rows == "0":
            empty.append(name)
            continue
        came = [f"{number:,}" if number else "·" for number in totals.get(name, (0, 0, 0))]
        listing.add_row(Text(name), rows, *(came if report else ()))
    console.print()
    console.print(listing)
    if empty:
        console.print(Text(f" Without rows: {', '.join(empty)}", style="dim"))


def _row_counts(destination: Warehouse, tables: Sequence[str]) -> dict[str, str]:
    """Rows per raw table; on Postgres, which counts by reading, its estimate of a long one."""
    found: dict[str, str] = {}
    if destination.name == "postgres":
        estimates = _rows(
            destination,
            "select relname, cast(reltuples as bigint) from pg_class "
            "join pg_namespace on pg_namespace.oid = relnamespace where nspname = %s",
            DATASET,
        )
        found = {
            name: f"about {round(rows, -3):,}"
            for name, rows in estimates
            if name in tables and rows >= COUNTED_ROWS
        }
    counted = [name for name in tables if name not in found]
    quoted = [name.replace('"', '""') for name in counted]
    each = [f'(select count(*) from {DATASET}."{name}")' for name in quoted]
    if each:
        ((*counts,),) = _rows(destination, f"select {', '.join(each)}")
        found |= {name: f"{rows:,}" for name, rows in zip(counted, counts, strict=True)}
    return found


def _rows(destination: Warehouse, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    return destination.query(sql, *values)[1]


def _cell(value: Any) -> Text:
    """A cell of an answer. What a title says is text: to Rich, `[old]` in a string is a style."""
    match value:
        case None:
            return Text("-")
        case Decimal():
            return Text(f"{value:,.2f}")
        case date():
            return Text(f"{value:%Y-%m-%d}")
        case _:
            return Text(printable(str(value)))

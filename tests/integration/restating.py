"""Changes raw rows as a later sync would leave them, builds again, and checks what is told."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

from loading import Line
from warehouse import Warehouse

Row = dict[str, Any]
Said = dict[tuple[date, str], Decimal]

MODELS = (
    "+int_told_builds dim_companies "
    "causes_add_up_to_restatements kept_months_are_what_the_marts_say"
)
MEMORY = ("int_closed_months", "int_told_builds", "int_closed_month_causes")
"""What is kept from build to build."""
RATIOS = {"nrr", "grr", "logo_churn_rate"}
METRICS = {
    "mrr_monthly": (
        "mrr_start_usd", "new_usd", "reactivation_usd", "expansion_usd", "contraction_usd",
        "churn_usd", "mrr_end_usd", "customers_start", "customers_new", "customers_reactivated",
        "customers_churned", "customers_end",
    ),
    "metrics_monthly": (
        "customers_lost", "gross_usd", "refunded_usd", "charged_back_usd", "fees_usd", "net_usd",
        "nrr", "grr", "logo_churn_rate",
    ),
}  # fmt: skip


@contextmanager
def restated_line(built: Line, location: str, folder: Path) -> Iterator[Line]:
    """A copy of the built warehouse, at that location, free to change, found by its settings."""
    warehouse = Warehouse(built.warehouse.engine, location, work=built.folder)
    name = f"DESTINATION__{warehouse.engine.upper()}__CREDENTIALS"
    with patch.dict(os.environ, {name: location}), chdir(folder):
        yield Line(warehouse, built.server, folder)


def build(line: Line, **variables: Any) -> None:
    """Build what restatements hang on, and run their tests: a failure of one fails this."""
    line.warehouse.dbt(
        "build", "--indirect-selection", "empty", "--select", *MODELS.split(), variables=variables
    )


def said(line: Line) -> Said:
    """Every number of every closed month, as the marts say it."""
    (company,) = line.warehouse.read("dim_companies")
    this_month = company["as_of"].date().replace(day=1)
    return {
        (row["month"], metric): row[metric]
        for mart, metrics in METRICS.items()
        for row in line.warehouse.read(mart)
        for metric in metrics
        if row["month"] < this_month
    }


def moved(before: Said, after: Said) -> Said:
    """What is not the same any more, by how much. A month that is only in one is 0 in the other."""
    return {
        key: (after.get(key) or Decimal()) - (before.get(key) or Decimal())
        for key in before.keys() | after.keys()
        if before.get(key) != after.get(key)
        and (before.get(key) or after.get(key) or key[1] in RATIOS)
    }


def check_all(line: Line, first: Said) -> list[Row]:
    """The marts of restatements say what two readings of the numbers say; and return the causes."""
    expected = moved(first, said(line))
    rows = line.warehouse.read("restatements")
    assert {(row["month"], row["metric"]): row["change"] for row in rows} == expected
    for row in rows:
        key = row["month"], row["metric"]
        assert (row["was"] or 0) == (first.get(key) or 0)
        assert (row["now"] or 0) == (said_now := (row["was"] or 0) + row["change"]), said_now
    causes = line.warehouse.read("restatement_causes")
    sums: Said = defaultdict(Decimal)
    for row in causes:
        sums[row["month"], row["metric"]] += row["change"]
    told = {key: change for key, change in expected.items() if key[1] not in RATIOS}
    assert {key: change for key, change in sums.items() if change} == told
    return causes


def later(line: Line) -> str:
    """A moment after the last sync, as SQL: when the next one reads."""
    return "(select max(last_synced_at) from whop_intermediate.int_as_of) + interval '1 hour'"


def closed_payments(line: Line, where: str = "true") -> list[Row]:
    """Paid payments of a renewal plan in months that were closed a while ago, by membership."""
    return line.warehouse.query(
        "select p.payment_id, p.membership_id, p.paid_at, p.total, s.period_end "
        "from whop_marts.fct_payments p "
        "join whop_marts.fct_subscription_periods s on s.payment_id = p.payment_id "
        "where s.mrr_usd > 0 and p.refunded_usd = 0 and p.paid_at < "
        "(select as_of from whop_marts.dim_companies) - interval '70 days' "
        f"and {where} order by p.payment_id"
    )


def change(line: Line, table: str, ids: str, **values: str) -> None:
    """Change raw rows as the next sync would: read later, with these values."""
    columns = ", ".join(f"{name} = {value}" for name, value in values.items())
    line.warehouse.execute(
        f"update whop_raw.{table} set {columns}, _whop_synced_at = {later(line)} where {ids}"
    )


def forget(line: Line, *names: str) -> None:
    """Drop what is kept from build to build: all of it, or these tables."""
    line.warehouse.execute(
        *(f"drop table whop_intermediate.{name} cascade" for name in names or MEMORY)
    )


def read_again(line: Line) -> None:
    """All of it is read anew, as after a release that adds columns: nothing of it is another."""
    line.warehouse.execute(
        *(
            f"update whop_raw.{table} set _whop_synced_at = {later(line)}"
            for table in ("payments", "memberships", "refunds", "disputes")
        )
    )


def arrive(line: Line, payment_id: str, paid_at: str) -> None:
    """A payment that was not there: like another one, paid then."""
    line.warehouse.execute(
        f"create table whop_raw.arriving as select * from whop_raw.payments "
        f"where id = '{payment_id}'",
        f"update whop_raw.arriving set id = id || 'x', _dlt_id = _dlt_id || 'x', "
        f"paid_at = {paid_at}, _whop_synced_at = {later(line)}",
        "insert into whop_raw.payments select * from whop_raw.arriving",
        "drop table whop_raw.arriving",
    )

"""The marts of one business, loaded from Legacy and from Current: equal, but for what is listed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from conftest import FirstLoads, NewWarehouse
from oracle.comparison import KEYS, PERSONAL, differs, keyed
from warehouse import DBT_PROJECT, ROOT, Warehouse

from whop_source.surface import CURRENT, LEGACY, Surface

Rows = list[dict[str, Any]]

MARTS = (*KEYS, "time_spine_daily")

GAPS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "dim_companies": (("member_count",), "Current's account does not count its members"),
    "membership_history": (
        ("joined_at", "payment_collection_paused"),
        "Current's memberships do not say them",
    ),
    "upcoming_renewals": (
        ("amount", "amount_usd", "expected_usd"),
        "Current says a membership's price; for Legacy it is that of its last period, or plan",
    ),
    "dunning_monthly": (
        ("rows",),
        "they are by the reason of a failure, which Current says as a code and Legacy in words",
    ),
    "cash_reconciliation": (
        ("compared_ledger_amount", "compared_our_amount"),
        "only Current says who sent a transfer, which is then compared",
    ),
}
"""Mart → the columns that Current says otherwise, and why."""

OF_THE_LOAD: Mapping[str, tuple[str, ...]] = {
    "data_freshness": ("last_run_id", "last_run_at", "last_read_run_id", "last_read_at"),
    "membership_history": ("state_id",),
}
"""Columns that say which load wrote a row: there are two."""

TO_THE_CENT = (
    "refunded_usd",
    "net_usd",
    "lifetime_refunded_usd",
    "lifetime_net_usd",
    "subscriptions_net_usd",
    "cumulative_net_usd",
    "recognized_usd",
    "recognized_to_date_usd",
    "earned_usd",
    "deferred_end_usd",
    "billed_to_date_usd",
    "refund_rate",
)
"""Columns a refund goes into. Current says what tax went back with it, to the cent; Legacy's list
does not, and the share is worked out."""


@pytest.fixture(scope="module")
def marts(
    first_loads: FirstLoads, new_location: NewWarehouse, tmp_path_factory: pytest.TempPathFactory
) -> dict[Surface, dict[str, Rows]]:
    """Every mart, of the same business at the same moment, from each surface; read on DuckDB."""
    found = {}
    for surface in (LEGACY, CURRENT):
        first = first_loads("duckdb", surface).line.warehouse
        work = tmp_path_factory.mktemp(surface.name)
        warehouse = Warehouse("duckdb", new_location("duckdb", first.location), work=work)
        # Paid in one currency and settled in another: each surface has the amounts in its own.
        of_two_currencies = ", ".join(
            f"'{row['id']}'"
            for row in first_loads("duckdb", LEGACY).line.rows("payments").values()
            if row["currency"] != row["settlement_currency"]
        )
        warehouse.execute(f"delete from whop_raw.payments where id in ({of_two_currencies})")
        warehouse.dbt("run")
        found[surface] = {
            mart: warehouse.read(mart, "whop_personal" if mart in PERSONAL else None)
            for mart in MARTS
        }
    return found


def apart(mart: str, legacy: Rows, current: Rows) -> set[str]:
    """Columns of a mart in which a row is not the same; `rows` where one has no counterpart."""
    if mart in KEYS:
        (ours, twice), (theirs, doubled) = keyed(mart, legacy), keyed(mart, current)
        assert not twice and not doubled, mart
    else:
        ours, theirs = ({tuple(row.values()): row for row in rows} for rows in (legacy, current))
    found = set() if ours.keys() == theirs.keys() else {"rows"}
    for key in ours.keys() & theirs.keys():
        row, other = ours[key], theirs[key]
        assert row.keys() == other.keys(), mart
        # What is made of refunds there is money in every column, and none says so in its name.
        money = mart == "whop_comparison" and row["unit"] == "usd"
        found |= {name for name in row if otherwise(name, row[name], other[name], money)}
    return found


def otherwise(name: str, ours: Any, theirs: Any, money: bool) -> bool:
    """Whether it is another value, a cent more or less aside where tax went back."""
    if money and isinstance(ours, Decimal) and isinstance(theirs, Decimal):
        return abs(ours - theirs) > Decimal("0.01")
    if name in TO_THE_CENT and ours is not None and theirs is not None:
        return bool(abs(ours - theirs) > Decimal("0.01" if name.endswith("_usd") else "0.0001"))
    return differs(name, ours, theirs)


def test_every_mart_is_compared() -> None:
    there = {path.stem for path in (DBT_PROJECT / "models/marts").glob("*.sql")}
    # Rows of numbers that are compared: test_explain.py adds them up to those.
    rows = {"fct_money_back", "fct_trials"}
    # What earlier builds said, of which these warehouses have had none: test_restatements.py.
    builds = {"restatements", "restatement_causes"}
    assert {*MARTS} - {*PERSONAL} == there - rows - builds


@pytest.mark.parametrize("mart", MARTS)
def test_a_mart_is_the_same_from_both_surfaces(
    marts: dict[Surface, dict[str, Rows]], mart: str
) -> None:
    legacy, current = marts[LEGACY][mart], marts[CURRENT][mart]
    assert len(legacy) > 0, "nothing was compared"
    # Also not less: an exception that is none any more goes from the list.
    found = apart(mart, legacy, current) - {*OF_THE_LOAD.get(mart, ())}
    assert found == {*GAPS.get(mart, ((), ""))[0]}


def test_the_docs_name_each_of_them() -> None:
    text = Path(ROOT / "docs/sync.md").read_text()
    section = text.partition("### What the marts lack on Current")[2].partition("\n#")[0]
    told = {
        mart: tuple(re.findall(r"`(\w+)`", columns))
        for mart, columns, _ in re.findall(r"^`(\w+)` \| (.+) \| (.+)$", section, re.M)
    }
    assert told == {mart: columns for mart, (columns, _) in GAPS.items()}

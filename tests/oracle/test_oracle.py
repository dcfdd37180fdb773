"""The dbt models against the oracle, over many businesses that are made up."""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
from warehouse import Engine, Warehouse, duckdb_warehouse, postgres_warehouse

from oracle.basics import Dataset, Marts, Settings, landed
from oracle.businesses import businesses
from oracle.by_hand import day
from oracle.comparison import KEYS, PERSONAL, differences, read_marts
from oracle.oracle import compute
from oracle.situations import SITUATIONS, situations

# ---------------------------------------------------------------------- many businesses

SEEDS = range(*map(int, os.environ.get("WHOP_ELT_TEST_SEEDS", "0:56").split(":")))
"""Businesses compared; `WHOP_ELT_TEST_SEEDS=100:400` tries others."""


@cache
def dataset() -> Dataset:
    return businesses(SEEDS)


@cache
def expected(settings: Settings, without: tuple[str, ...] = ()) -> Marts:
    tables = {table: rows for table, rows in dataset().items() if table not in without}
    return compute(tables, settings)


@dataclass(frozen=True)
class Variant:
    """Settings the models are built with."""

    name: str
    settings: Settings
    without: tuple[str, ...] = ()
    """Tables that were never synced."""

    def variables(self) -> dict[str, Any]:
        settings = self.settings
        given: dict[str, Any] = {
            "reporting_timezone": settings.reporting_timezone,
            "grace_days": settings.grace_days,
            "include_deleted": settings.include_deleted,
        }
        if settings.as_of:
            given["as_of"] = settings.as_of.isoformat()
        return {} if settings == Settings() else given


VARIANTS = (
    Variant("defaults", Settings()),
    Variant(
        "new_york_as_of_august",
        Settings(
            as_of=datetime(2024, 8, 15, 2, 30, tzinfo=UTC),
            reporting_timezone="America/New_York",
            include_deleted=True,
        ),
    ),
    Variant(
        "tokyo_grace_3",
        Settings(
            as_of=datetime(2024, 11, 30, 15, 0, tzinfo=UTC),
            reporting_timezone="Asia/Tokyo",
            grace_days=3,
        ),
    ),
    Variant(
        "lord_howe_grace_30",  # its clocks change by half an hour
        Settings(reporting_timezone="Australia/Lord_Howe", grace_days=30, include_deleted=True),
    ),
    # The last one: it empties the tables.
    Variant("payments_alone", Settings(), without=("refunds", "disputes")),
)


def test_the_businesses_hold_every_situation() -> None:
    found = situations(dataset())
    assert [name for name in SITUATIONS if not found[name]] == []
    assert found["companies in one dataset"] == len(SEEDS)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_what_always_holds(variant: Variant) -> None:
    """The sums that the definitions promise, on the oracle's own numbers."""
    marts = expected(variant.settings, variant.without)
    change: Counter[Any] = Counter()
    for row in marts["mrr_movements"]:
        change[row["company_id"], row["movement_date"]] += row["mrr_change_usd"]
    running: Counter[Any] = Counter()
    for row in sorted(marts["mrr_daily"], key=lambda row: (row["company_id"], row["date"])):
        running[row["company_id"]] += change[row["company_id"], row["date"]]
        assert running[row["company_id"]] == row["mrr_usd"]
    by_plan: Counter[Any] = Counter()
    for row in marts["mrr_daily_by_plan"]:
        by_plan[row["company_id"], row["date"]] += row["mrr_usd"]
    assert all(
        by_plan[row["company_id"], row["date"]] == row["mrr_usd"] for row in marts["mrr_daily"]
    )
    whole = {(row["company_id"], row["date"]): row["mrr_usd"] for row in marts["mrr_daily"]}
    parts: Counter[Any] = Counter()
    dimensions = {row["dimension"] for row in marts["mrr_daily_by_segment"]}
    for row in marts["mrr_daily_by_segment"]:
        parts[row["dimension"], row["company_id"], row["date"]] += row["mrr_usd"]
    assert len(dimensions) == 10
    for dimension in dimensions:
        for key, mrr in whole.items():
            assert parts[dimension, *key] == mrr
    five = ("new_usd", "reactivation_usd", "expansion_usd", "contraction_usd", "churn_usd")
    churned: Counter[Any] = Counter()
    for row in marts["churn_monthly"]:
        churned[row["company_id"], row["month"]] += row["customers_churned"]
    for row in marts["mrr_monthly"]:
        assert row["mrr_start_usd"] + sum(row[name] for name in five) == row["mrr_end_usd"]
        came = row["customers_new"] + row["customers_reactivated"]
        left = row["customers_churned"]
        assert row["customers_start"] + came - left == row["customers_end"]
        assert churned[row["company_id"], row["month"]] == left
    of_months = {(row["company_id"], row["month"]): row for row in marts["mrr_monthly"]}
    segments: dict[Any, Counter[str]] = {}
    for row in marts["mrr_monthly_by_segment"]:
        assert row["mrr_start_usd"] + sum(row[name] for name in five) == row["mrr_end_usd"]
        segment = row["dimension"], row["company_id"], row["month"]
        segments.setdefault(segment, Counter()).update(
            {name: row[name] for name in (*five, "mrr_end_usd")}
        )
    for (_, company_id, month), sums in segments.items():
        row = of_months[company_id, month]
        for name in ("new_usd", "reactivation_usd", "churn_usd", "mrr_end_usd"):
            assert sums[name] == row[name]
        moved = row["expansion_usd"] + row["contraction_usd"]
        assert sums["expansion_usd"] + sums["contraction_usd"] == moved
    net: Counter[Any] = Counter()
    for row in marts["revenue_daily"]:
        taken_back = row["refunded_usd"] + row["charged_back_usd"]
        net[row["company_id"]] += row["gross_usd"] - taken_back
        left = row["gross_usd"] - taken_back - row["fees_usd"]
        assert abs(row["net_usd"] - left) < Decimal("1e-20")
    for company_id in {row["company_id"] for row in marts["revenue_recognition_monthly"]}:
        rows = [r for r in marts["revenue_recognition_monthly"] if r["company_id"] == company_id]
        recognized = sum(row["recognized_usd"] for row in rows)
        assert abs(recognized + rows[-1]["deferred_end_usd"] - net[company_id]) < Decimal("1e-20")


# ---------------------------------------------------------------------- dbt against the oracle


@pytest.mark.parametrize(
    ("column", "value", "seen"),
    [
        ("mrr_usd", Decimal("30.000001"), True),
        ("mrr_usd", Decimal("30.000000"), False),
        ("mrr_usd", 30.0, True),  # money as a float
        ("mrr_usd", None, True),
        ("customers", 2, True),
        ("date", datetime(2024, 1, 10), True),
    ],
)
def test_a_difference_is_seen(column: str, value: Any, seen: bool) -> None:
    row = {"company_id": "biz_0007", "date": day("2024-01-10"), "mrr_usd": Decimal(30)}
    row["customers"] = 1
    found = differences("mrr_daily", [row], [{**row, column: value}])
    assert bool(found) is seen
    assert all(line.startswith("mrr_daily") and "biz_0007" in line for line in found)


def test_a_row_missing_twice_or_too_many_is_seen() -> None:
    row = {"company_id": "biz_0007", "date": day("2024-01-10"), "mrr_usd": Decimal(30)}
    other = {**row, "date": day("2024-01-11")}
    assert len(differences("mrr_daily", [row, other], [row])) == 1
    assert len(differences("mrr_daily", [row], [row, other])) == 1
    assert len(differences("mrr_daily", [row], [row, dict(row)])) == 1
    without = {name: value for name, value in row.items() if name != "mrr_usd"}
    assert differences("mrr_daily", [row], [without]) == ["mrr_daily: no column mrr_usd"]


def build(warehouse: Warehouse, variant: Variant) -> Marts:
    if variant.without:
        warehouse.execute(*(f"delete from whop_raw.{table}" for table in variant.without))
    # Models only: the project's data tests have a suite of their own.
    warehouse.dbt("run", variables=variant.variables())
    return read_marts(warehouse)


@pytest.fixture(scope="module")
def built(
    postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Engine, Variant], Marts]]:
    """The marts of every engine and variant; both engines are built side by side."""
    name = f"oracle_{uuid.uuid4().hex[:12]}"
    admin = psycopg2.connect(postgres_server)
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f"create database {name}")
    work = tmp_path_factory.mktemp("oracle")
    url = urlunsplit(urlsplit(postgres_server)._replace(path=f"/{name}"))
    warehouses = (
        duckdb_warehouse(work / "whop.duckdb", work=work / "duckdb"),
        postgres_warehouse(url, work=work / "postgres"),
    )
    results: dict[tuple[Engine, str], Future[Marts]] = {}
    with ThreadPoolExecutor(1) as duckdb, ThreadPoolExecutor(1) as postgres:
        for warehouse, pool in zip(warehouses, (duckdb, postgres), strict=True):
            warehouse.load(
                {table: [landed(row) for row in rows] for table, rows in dataset().items()}
            )
            for variant in VARIANTS:
                results[warehouse.engine, variant.name] = pool.submit(build, warehouse, variant)
        yield lambda engine, variant: results[engine, variant.name].result()
        for future in results.values():
            future.cancel()
    with admin.cursor() as cursor:
        cursor.execute(f"drop database {name} with (force)")
    admin.close()


@pytest.mark.parametrize("mart", KEYS)
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_dbt_agrees_with_the_oracle(
    built: Callable[[Engine, Variant], Marts], engine: Engine, variant: Variant, mart: str
) -> None:
    wanted = expected(variant.settings, variant.without)[mart]
    found = differences(mart, wanted, built(engine, variant)[mart])
    assert not found, f"{engine}, {variant.name}:\n" + "\n".join(found)


def test_no_mart_says_who_somebody_is(built: Callable[[Engine, Variant], Marts]) -> None:
    marts = built("duckdb", VARIANTS[0])
    personal = {"name", "username", "email", "phone", "user_name", "user_email"}
    assert personal & set(marts["member_contacts"][0]) == {"name", "username", "email"}
    for mart in set(KEYS) - set(PERSONAL):
        assert not personal & set(marts[mart][0]), mart

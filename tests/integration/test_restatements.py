"""What a closed month said first, what it says now, and why: the causes add up, whatever happened.

Raw rows are changed as a later sync would leave them, and the models are built again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from loading import Engine, Line
from restating import (
    MEMORY,
    Row,
    arrive,
    build,
    change,
    check_all,
    closed_payments,
    forget,
    later,
    moved,
    read_again,
    restated_line,
    said,
)
from warehouse import GIVEN_PLAN_VERSIONS, SQL_TYPES

from whop_elt.errors import ExitCode
from whop_elt.explain import explain_in
from whop_elt.reading import open_reader
from whop_elt.restated import restated, restatement_sentences
from whop_simulator import Server

if TYPE_CHECKING:
    from conftest import NewWarehouse


@pytest.fixture
def line(
    engine: Engine, built: Line, new_location: NewWarehouse, tmp_path_factory: Any
) -> Iterator[Line]:
    location = new_location(engine, built.warehouse.location)
    with restated_line(built, location, tmp_path_factory.mktemp("restated")) as line:
        yield line


def test_nothing_moves_when_nothing_changed(line: Line) -> None:
    first = said(line)
    build(line)
    assert check_all(line, first) == []
    (company,) = line.warehouse.read("dim_companies")
    with open_reader(line.warehouse.engine) as reader:
        assert restatement_sentences(reader, company["company_id"]) == []


def test_each_kind_of_change_is_the_cause_and_names_membership_and_payment(line: Line) -> None:
    first = said(line)
    chosen: list[Row] = []
    for row in closed_payments(line, "p.total > 5 and p.tax_amount = 0"):
        if row["membership_id"] not in {each["membership_id"] for each in chosen}:
            chosen.append(row)
    refunded, deleted, arrived, disputed = chosen[:4]
    change(
        line, "payments", f"id = '{refunded['payment_id']}'",
        refunded_amount="total", refunded_at="paid_at + interval '1 day'",
    )  # fmt: skip
    change(
        line, "payments", f"id = '{disputed['payment_id']}'",
        substatus="'dispute_lost'", dispute_alerted_at="paid_at + interval '1 day'",
    )  # fmt: skip
    change(line, "payments", f"id = '{deleted['payment_id']}'", _whop_deleted_at=later(line))
    arrive(line, arrived["payment_id"], f"timestamptz '{arrived['paid_at']}' + interval '1 day'")
    build(line)
    causes = check_all(line, first)
    found = {
        (row["membership_id"], row["payment_id"]): row["cause"]
        for row in causes
        if row["metric"] in {"net_usd", "mrr_end_usd"}
    }
    assert found == {
        (refunded["membership_id"], refunded["payment_id"]): "refund",
        (disputed["membership_id"], disputed["payment_id"]): "chargeback",
        (deleted["membership_id"], deleted["payment_id"]): "row_deleted",
        (arrived["membership_id"], f"{arrived['payment_id']}x"): "row_arrived_late",
    }
    (company,) = line.warehouse.read("dim_companies")
    with open_reader(line.warehouse.engine) as reader:
        told = restatement_sentences(reader, company["company_id"])
        assert told and all(
            (" was $" in each and "(mem_" in each) or "moved as well" in each for each in told
        )
        for each in restated(reader, company["company_id"]):
            assert sum(value for _, value, _ in each.causes) == each.change
            month = f"{each.month:%Y-%m}"
            explained = explain_in(reader, each.metric, month, restated=True)
            assert explained.adds_up and explained.number == each.change
            assert "--restated" in explain_in(reader, each.metric, month).notes[-1]


def test_other_settings_and_other_rules_are_causes_and_go_when_they_are_undone(line: Line) -> None:
    """Though all of it was read again in between: what was read is what it was."""
    first = said(line)
    read_again(line)
    build(line, grace_days=3)
    causes = check_all(line, first)
    assert {row["cause"] for row in causes} == {"settings_changed"}
    build(line)
    check_all(line, first)
    assert line.warehouse.read("restatements") == []
    # As if these models counted in another way than those before them.
    line.warehouse.execute(
        "update whop_intermediate.int_told_builds set rules = 'other'",
        "update whop_intermediate.int_closed_months set mrr_change_usd = mrr_change_usd + 1, "
        "gross_usd = gross_usd + 1, refunded_usd = refunded_usd + 1 where kept_by = 'membership' "
        "and month = (select min(month) from whop_intermediate.int_closed_months)",
    )
    read_again(line)
    build(line)
    newest = max(row["build_number"] for row in line.warehouse.read("restatement_causes"))
    assert {
        row["cause"]
        for row in line.warehouse.read("restatement_causes")
        if row["build_number"] == newest
    } == {"rules_changed"}


def test_a_build_as_of_long_ago_loses_no_restatement(line: Line) -> None:
    """What it does not tell of, the next one compares with the last that did."""
    first = said(line)
    (company,) = line.warehouse.read("dim_companies")
    long_ago = f"{company['as_of'] - timedelta(days=150):%Y-%m-%d}"
    payment = max(
        closed_payments(line, "p.total > 5 and p.tax_amount = 0"), key=lambda row: row["paid_at"]
    )
    assert payment["paid_at"] > company["as_of"] - timedelta(days=150)
    build(line, as_of=long_ago)
    change(line, "payments", f"id = '{payment['payment_id']}'", _whop_deleted_at=later(line))
    build(line)
    causes = check_all(line, first)
    assert {row["cause"] for row in causes if row["metric"] == "gross_usd"} == {"row_deleted"}
    build(line, as_of=long_ago)
    build(line)
    assert {(row["metric"], row["change"]) for row in check_all(line, first)} >= {
        (row["metric"], row["change"]) for row in causes if row["metric"] == "gross_usd"
    }


def test_a_build_that_failed_on_its_way_neither_makes_nor_loses_a_restatement(line: Line) -> None:
    """It kept its numbers, and told nobody: the next one tells, as its own."""
    first = said(line)
    refunded, deleted = closed_payments(line, "p.total > 5 and p.tax_amount = 0")[:2]
    change(line, "payments", f"id = '{deleted['payment_id']}'", _whop_deleted_at=later(line))
    for model in ("int_closed_months", "int_closed_month_causes"):
        line.warehouse.dbt("run", "--select", f"+{model}")
    change(
        line, "payments", f"id = '{refunded['payment_id']}'",
        refunded_amount="total", refunded_at="paid_at + interval '1 day'",
    )  # fmt: skip
    build(line)
    causes = check_all(line, first)
    assert {(row["payment_id"], row["cause"]) for row in causes if row["metric"] == "net_usd"} == {
        (refunded["payment_id"], "refund"),
        (deleted["payment_id"], "row_deleted"),
    }
    rows = line.warehouse.read("restatements")
    assert all(row["change_at_last_sync"] == row["change"] for row in rows), "it is told of now"
    assert {row["build_number"] for row in causes} == {2}


def test_a_month_that_only_a_failed_build_had_is_told_first_by_the_next(line: Line) -> None:
    """No restatement of it: nobody has seen the first number."""
    (company,) = line.warehouse.read("dim_companies")
    forget(line)
    build(line, as_of=f"{company['as_of'] - timedelta(days=62):%Y-%m-%d}")
    (told,) = line.warehouse.query("select closed_through from whop_intermediate.int_told_builds")
    line.warehouse.dbt("run", "--select", "+int_closed_month_causes")
    this_month = company["as_of"].date().replace(day=1)
    of_last_month = f"paid_at >= timestamptz '{this_month - timedelta(days=20)}' and paid_at < "
    of_last_month += f"timestamptz '{this_month - timedelta(days=5)}' and status = 'paid'"
    change(line, "payments", of_last_month, _whop_deleted_at=later(line))
    before = said(line)
    build(line)
    assert moved(before, said(line)), "there is something to lose"
    rows = line.warehouse.read("restatements")
    assert [row for row in rows if row["month"] > told["closed_through"]] == []


def test_a_plan_given_otherwise_is_named_though_count_and_sums_are_the_same(line: Line) -> None:
    """Two versions that change places: another history of the same plans."""
    plans = line.warehouse.query(
        "select plan_id, count(*) from whop_marts.fct_payments where gross_usd > 0 "
        "and plan_id is not null group by plan_id order by 2 desc, 1"
    )
    (company,) = line.warehouse.read("dim_companies")

    def given(*prices: int) -> None:
        types = SQL_TYPES[line.warehouse.engine]
        columns = (f"{name} {types[kind]}" for name, kind in GIVEN_PLAN_VERSIONS.items())
        line.warehouse.execute(
            f"create table if not exists whop_raw.given_plan_versions ({', '.join(columns)})",
            "delete from whop_raw.given_plan_versions",
        )
        line.warehouse.insert(
            "given_plan_versions",
            [
                {
                    "company_id": company["company_id"],
                    "plan_id": row["plan_id"],
                    "plan_type": "renewal",
                    "billing_period_days": 30,
                    "initial_price": Decimal(0),
                    "renewal_price": Decimal(price),
                    "currency": "usd",
                }
                for row, price in zip(plans, prices, strict=False)
            ],
        )

    given(20, 30)
    build(line)
    first = said(line)
    forget(line)
    build(line)
    given(30, 20)
    read_again(line)
    build(line)
    causes = check_all(line, first)
    assert {row["cause"] for row in causes} == {"plan_edited"}


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_changes_the_causes_add_up(line: Line, seed: int) -> None:
    """Several syncs, each with changes of every kind, to payments picked at random."""
    random = Random(seed)
    first = said(line)
    for _ in range(2):
        payments = closed_payments(line)
        for number, row in enumerate(random.sample(payments, 24)):
            ids = f"id = '{row['payment_id']}'"
            moment = f"timestamptz '{row['paid_at']}'"
            part = Decimal(random.randint(1, 9)) / 10
            days = f"interval '{random.randint(0, 40)} days'"
            match number % 8:
                case 0:
                    change(
                        line, "payments", ids,
                        refunded_amount=f"total * {part}", refunded_at=f"paid_at + {days}",
                    )  # fmt: skip
                case 1:
                    change(line, "payments", ids, _whop_deleted_at=later(line))
                case 2:
                    arrive(line, row["payment_id"], f"{moment} + {days}")
                case 3:
                    change(line, "payments", ids, status="'open'", paid_at="null")
                case 4:
                    change(
                        line, "payments", ids,
                        substatus="'dispute_lost'", dispute_alerted_at=f"paid_at + {days}",
                    )  # fmt: skip
                case 5:
                    change(line, "payments", ids, paid_at=f"paid_at + {days}")
                case 6:
                    change(line, "payments", ids, total=f"total * {part}", usd_total="null")
                case _:
                    change(
                        line, "memberships", f"id = '{row['membership_id']}'",
                        canceled_at=f"{moment} + {days}", status="'canceled'",
                    )  # fmt: skip
        build(line, grace_days=random.choice([14, 14, 10]))
        assert check_all(line, first)


def test_what_a_business_does_in_weeks_is_told_by_the_next_build(
    line: Line, server: Server
) -> None:
    """The demo's second run, and later ones: whatever moved has its causes, by membership."""
    first = said(line)
    line = Line(line.warehouse, server, line.folder)
    for weeks in (1, 5):
        server.advance(timedelta(weeks=weeks))
        assert line.sync().code is ExitCode.OK
        build(line)
        for row in check_all(line, {**said(line), **first}):
            assert row["membership_id"] or row["member_id"]
            assert row["cause"] not in {"rules_changed", "settings_changed"}
        # Months that have been closed since were told of first just now.
        first = {**said(line), **first}


def test_a_warehouse_without_a_memory_begins_one_and_says_nothing_moved(line: Line) -> None:
    """One that an earlier release has built: what it said then is nowhere."""
    for names in (MEMORY[:1], MEMORY[1:], MEMORY):
        forget(line, *names)
        build(line, grace_days=3)
        assert line.warehouse.read("restatements") == []
        build(line, grace_days=14)
        assert {row["cause"] for row in line.warehouse.read("restatement_causes")} == {
            "settings_changed"
        }
    assert isinstance(line.warehouse.read("dim_companies")[0]["as_of"], datetime)

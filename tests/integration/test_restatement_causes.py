"""Each cause of a restatement alone: it is named, with the payment it is of, and adds up.

What happens between two syncs is played once per engine: raw rows are left as a sync would leave
them, each of another member. Settings and models are others in builds of their own.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import warehouse
from loading import Engine, Line
from restating import (
    Row,
    Said,
    arrive,
    build,
    change,
    check_all,
    closed_payments,
    forget,
    later,
    restated_line,
    said,
)

if TYPE_CHECKING:
    from conftest import NewWarehouse

GRACE_DAYS = 60
"""Long enough that who pays since goes on with a period that ended in a closed month."""


@dataclass
class Played:
    """What was done to whom, and what the next build said of it."""

    line: Line
    last_month: date
    """The newest closed month."""
    actors: dict[str, Row] = field(default_factory=dict)
    """By what happened: a period of the member it happened to."""
    first: Said = field(default_factory=dict)
    causes: list[Row] = field(default_factory=list)

    def told(self, what: str) -> list[Row]:
        """Causes of the member this happened to, whose numbers may be kept by the member alone."""
        return [row for row in self.causes if row["member_id"] == self.actors[what]["member_id"]]

    def named(self, what: str) -> set[tuple[str, str | None]]:
        """Each cause of it, with its payment."""
        return {(row["cause"], row["payment_id"]) for row in self.told(what)}

    def change(self, what: str, metric: str, month: date | None = None) -> Decimal:
        """What it changed a number of a month by; of the newest closed one unless said."""
        return sum(
            (
                row["change"]
                for row in self.told(what)
                if row["metric"] == metric and row["month"] == (month or self.last_month)
            ),
            Decimal(),
        )


def ended(line: Line, last_month: date) -> list[Row]:
    """Last periods of canceled memberships that ran out in closed months, within the grace."""
    return line.warehouse.query(
        "select p.payment_id, p.membership_id, p.member_id, p.plan_id, p.mrr_usd "
        "from whop_intermediate.int_subscription_periods p "
        "join whop_raw.memberships m on m.id = p.membership_id "
        "where p.next_period_start is null and p.mrr_usd > 0 and m.status = 'canceled' "
        "and m.canceled_at between p.period_start and p.natural_end "
        "and p.period_end = p.natural_end "
        "and p.natural_end > (select as_of from whop_marts.dim_companies) "
        f"- interval '{GRACE_DAYS - 2} days' "
        f"and p.natural_end < cast('{last_month}' as timestamptz) + interval '1 month' "
        "order by p.payment_id"
    )


def one_each(rows: list[Row], taken: set[str]) -> Iterator[Row]:
    """A row of each member who is not taken yet."""
    for row in rows:
        if row["member_id"] not in taken:
            taken.add(row["member_id"])
            yield row


@pytest.fixture(scope="module")
def played(
    engine: Engine, built: Line, new_location: NewWarehouse, tmp_path_factory: Any
) -> Iterator[Played]:
    """A build, then all that can happen between two syncs, each to another member, and a build."""
    location = new_location(engine, built.warehouse.location)
    with restated_line(built, location, tmp_path_factory.mktemp("causes")) as line:
        (company,) = line.warehouse.read("dim_companies")
        this_month = company["as_of"].date().replace(day=1)
        story = Played(line, (this_month - timedelta(days=1)).replace(day=1))
        choose(story)
        before(story)
        forget(line)
        build(line, grace_days=GRACE_DAYS)
        story.first = said(line)
        since(story)
        build(line, grace_days=GRACE_DAYS)
        story.causes = check_all(line, story.first)
        yield story


def choose(story: Played) -> None:
    """Whom each thing happens to."""
    line, taken = story.line, set[str]()
    (edited,) = line.warehouse.query(
        "select plan_id from whop_intermediate.int_subscription_periods "
        f"where mrr_usd > 0 and period_start >= timestamptz '{story.last_month} 00:00:00+00' "
        "and natural_end > (select as_of from whop_marts.dim_companies) "
        "group by plan_id order by count(*), plan_id limit 1"
    )
    on_it = line.warehouse.query(
        "select distinct member_id, plan_id from whop_intermediate.int_subscription_periods "
        f"where plan_id = '{edited['plan_id']}' order by member_id"
    )
    story.actors["edited"] = edited
    taken |= {row["member_id"] for row in on_it}
    at_their_end = one_each(ended(line, story.last_month), taken)
    paid = one_each(
        line.warehouse.query(
            "select payment_id, membership_id, member_id, paid_at, gross_usd, fees_usd "
            "from whop_marts.fct_payments where payment_id in ("
            + ", ".join(
                f"'{row['payment_id']}'"
                for row in closed_payments(line, "p.total > 5 and p.tax_amount = 0")
            )
            + ") and currency = 'usd' order by payment_id"
        ),
        taken,
    )
    for what in ("late", "retried", "retried_in_grace"):
        story.actors[what] = next(at_their_end)
    for what in ("refunded", "disputed", "deleted", "arrived"):
        story.actors[what] = next(paid)


def before(story: Played) -> None:
    """What the first build finds: two renewals that have failed, and a plan not read for weeks."""
    line, actors = story.line, story.actors
    for what in ("retried", "retried_in_grace"):
        arrive(line, actors[what]["payment_id"], "null")
        change(line, "payments", f"id = '{actors[what]['payment_id']}x'", status="'open'")
    for table in ("memberships", "membership_states"):
        change(
            line, table, f"id = '{actors['retried_in_grace']['membership_id']}'",
            status="'past_due'", canceled_at="null", cancel_at_period_end="false",
        )  # fmt: skip
    line.warehouse.execute(
        "update whop_raw.plan_states set _whop_synced_at = "
        f"timestamptz '{story.last_month} 00:00:00+00' - interval '1 day' "
        f"where id = '{actors['edited']['plan_id']}'"
    )


def since(story: Played) -> None:
    """What the next sync reads."""
    line, actors = story.line, story.actors
    now = f"{later(line)} - interval '1 minute'"
    arrive(line, actors["late"]["payment_id"], now)
    for what in ("retried", "retried_in_grace"):
        payment_id = f"{actors[what]['payment_id']}x"
        change(line, "payments", f"id = '{payment_id}'", status="'paid'", paid_at=now)
    change(
        line, "payments", f"id = '{actors['refunded']['payment_id']}'",
        refunded_amount="total", refunded_at="paid_at + interval '1 day'",
    )  # fmt: skip
    change(
        line, "payments", f"id = '{actors['disputed']['payment_id']}'",
        substatus="'dispute_lost'", dispute_alerted_at="paid_at + interval '1 day'",
    )  # fmt: skip
    change(
        line, "payments", f"id = '{actors['deleted']['payment_id']}'",
        _whop_deleted_at=later(line),
    )  # fmt: skip
    paid_at = actors["arrived"]["paid_at"]
    arrive(line, actors["arrived"]["payment_id"], f"timestamptz '{paid_at}' + interval '1 hour'")
    plan_id = actors["edited"]["plan_id"]
    line.warehouse.execute(
        f"create table whop_raw.edited as select * from whop_raw.plan_states where id = '{plan_id}'"
        " order by _whop_synced_at desc limit 1",
        "update whop_raw.edited set _dlt_id = _dlt_id || 'x', billing_period = billing_period * 2, "
        f"updated_at = timestamptz '{story.last_month} 00:00:00+00', "
        f"_whop_synced_at = {later(line)}",
        "insert into whop_raw.plan_states select * from whop_raw.edited",
        "drop table whop_raw.edited",
    )
    change(line, "plans", f"id = '{plan_id}'", billing_period="billing_period * 2")


def test_a_payment_that_arrives_after_the_month_closed_takes_its_churn_back(
    played: Played,
) -> None:
    payment_id = f"{played.actors['late']['payment_id']}x"
    assert played.named("late") == {("late_payment", payment_id)}
    assert played.change("late", "mrr_end_usd") == played.actors["late"]["mrr_usd"]
    assert played.change("late", "net_usd") == 0, "it is money of the month under way"


def test_a_retry_that_succeeds_late_takes_the_churn_of_who_had_canceled_back(
    played: Played,
) -> None:
    payment_id = f"{played.actors['retried']['payment_id']}x"
    assert played.named("retried") == {("late_payment", payment_id)}
    assert played.change("retried", "mrr_end_usd") == played.actors["retried"]["mrr_usd"]


def test_a_retry_that_succeeds_while_it_is_tried_moves_no_closed_month(played: Played) -> None:
    assert played.named("retried_in_grace") == set()


def test_a_refund_of_a_closed_month_is_named(played: Played) -> None:
    refunded = played.actors["refunded"]
    month = (refunded["paid_at"] + timedelta(days=1)).date().replace(day=1)
    assert played.named("refunded") == {("refund", refunded["payment_id"])}
    assert played.change("refunded", "refunded_usd", month) == refunded["gross_usd"]
    assert played.change("refunded", "net_usd", month) == -refunded["gross_usd"]


def test_a_chargeback_of_a_closed_month_is_named(played: Played) -> None:
    disputed = played.actors["disputed"]
    month = (disputed["paid_at"] + timedelta(days=1)).date().replace(day=1)
    assert played.named("disputed") == {("chargeback", disputed["payment_id"])}
    assert played.change("disputed", "charged_back_usd", month) == disputed["gross_usd"]
    assert played.change("disputed", "net_usd", month) == -disputed["gross_usd"]


def test_a_payment_deleted_at_whop_is_named(played: Played) -> None:
    deleted = played.actors["deleted"]
    month = deleted["paid_at"].date().replace(day=1)
    assert played.named("deleted") == {("row_deleted", deleted["payment_id"])}
    assert played.change("deleted", "gross_usd", month) == -deleted["gross_usd"]
    assert played.change("deleted", "fees_usd", month) == -deleted["fees_usd"]


def test_a_payment_of_a_closed_month_that_whop_tells_of_later_is_named(played: Played) -> None:
    arrived = played.actors["arrived"]
    month = (arrived["paid_at"] + timedelta(hours=1)).date().replace(day=1)
    assert played.named("arrived") == {("row_arrived_late", f"{arrived['payment_id']}x")}
    assert played.change("arrived", "gross_usd", month) == arrived["gross_usd"]


def test_a_plan_edited_in_a_closed_month_is_named_for_all_who_paid_for_it_since(
    played: Played,
) -> None:
    paid_since = played.line.warehouse.query(
        "select distinct membership_id from whop_intermediate.int_subscription_periods "
        f"where plan_id = '{played.actors['edited']['plan_id']}' and mrr_usd > 0 "
        f"and period_start >= timestamptz '{played.last_month} 00:00:00+00' "
        f"and period_start < timestamptz '{played.last_month} 00:00:00+00' + interval '1 month'"
    )
    moved = [
        row
        for row in played.causes
        if row["month"] == played.last_month and row["metric"] == "mrr_end_usd"
    ]
    named = {row["membership_id"]: row["cause"] for row in moved}
    assert paid_since
    assert {named.get(row["membership_id"]) for row in paid_since} == {"plan_edited"}


def test_nobody_else_is_a_cause(played: Played) -> None:
    members = {
        row["member_id"] for what, row in played.actors.items() if what != "retried_in_grace"
        and what != "edited"
    }  # fmt: skip
    others = [row for row in played.causes if row["member_id"] not in members]
    assert {row["cause"] for row in others} == {"plan_edited"}


@pytest.fixture
def line(
    engine: Engine, built: Line, new_location: NewWarehouse, tmp_path_factory: Any
) -> Iterator[Line]:
    location = new_location(engine, built.warehouse.location)
    with restated_line(built, location, tmp_path_factory.mktemp("settings")) as line:
        yield line


def test_another_time_zone_is_the_one_cause_also_of_what_leaves_the_closed_months(
    line: Line,
) -> None:
    (company,) = line.warehouse.read("dim_companies")
    this_month = company["as_of"].date().replace(day=1)
    payment = closed_payments(line, "p.total > 5")[-1]
    change(
        line, "payments", f"id = '{payment['payment_id']}'",
        paid_at=f"timestamptz '{this_month} 00:00:00+00' - interval '3 hours'",
    )  # fmt: skip
    forget(line)
    build(line)
    first = said(line)
    build(line, reporting_timezone="Asia/Tokyo")
    causes = check_all(line, first)
    gross = [row for row in causes if row["metric"] == "gross_usd"]
    assert payment["membership_id"] in {row["membership_id"] for row in gross}
    assert {row["cause"] for row in causes} == {"settings_changed"}


def test_a_release_whose_models_count_otherwise_is_the_one_cause(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an earlier one said is built by models that count a day too many in each period."""
    models = shutil.copytree(warehouse.DBT_PROJECT, tmp_path / "dbt")
    model = models / "models" / "intermediate" / "int_subscription_periods.sql"
    rule = "per_month('recurring_price_usd', 'billing_period_days')"
    text = model.read_text(encoding="utf-8")
    assert rule in text
    model.write_text(text.replace(rule, rule.replace("days'", "days + 1'")), encoding="utf-8")
    earlier = replace(line, warehouse=replace(line.warehouse, work=tmp_path / "earlier"))
    forget(line)
    with monkeypatch.context() as patched:
        patched.setattr(warehouse, "DBT_PROJECT", models)
        build(earlier)
    first = said(line)
    build(line)
    causes = check_all(line, first)
    assert {row["cause"] for row in causes} == {"rules_changed"}
    assert max(row["month"] for row in causes) == max(month for month, _ in first)

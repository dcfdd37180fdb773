"""A build that makes anew only what changed leaves what one leaves that makes everything anew.

Both are made of the same raw rows, the second in schemas of its own, and compared row by row. Each
life below is there for one rule of what changed: without the rule its rows stay what they were.
Then whatever may happen happens to anybody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from dbt_parsed_once import manifest
from warehouse import (
    DBT_PROJECT,
    Engine,
    Row,
    Warehouse,
    duckdb_warehouse,
    postgres_warehouse,
    stamp,
)

if TYPE_CHECKING:
    from conftest import NewWarehouse
    from dbt.contracts.graph.manifest import Manifest

COMPANY = "biz_made"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WHOLE = "whole"
DIGEST = {"models_digest": "as it is"}
"""With it a build may make anew only what changed; `whop-elt` gives it, dbt by hand does not."""
BY_CHANGE = sorted(
    path.stem
    for path in (DBT_PROJECT / "models").rglob("*.sql")
    if "config(**by_change(" in path.read_text()
)
SCOPE = (
    *("int_build_scope", "int_membership_inputs", "int_changed_memberships"),
    *("int_changed_members", "int_built_companies"),
)
ALL_OF_IT = "+int_built_companies"
"""What is made by what changed, and everything that is made of."""
REMEMBERS = {
    *("int_builds", "int_told_builds", "int_months_changed", "int_closed_months", "int_restated"),
    *("int_closed_month_reports", "int_restatement_evidence", "int_closed_month_causes"),
    *("restatements", "restatement_causes"),
    *("int_build_scope", "int_changed_memberships", "int_changed_members", "int_built_companies"),
}
"""What a build says of itself and of those before it."""


def days(number: float) -> datetime:
    """So many days after the first build's moment."""
    return NOW + timedelta(days=number)


class Made:
    """A business of made-up rows, and its models twice: by what changed, and whole."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.synced_at = NOW

    def add(self, table: str, *rows: Row) -> None:
        self.warehouse.insert(table, stamp(rows, COMPANY, self.synced_at))

    def change(self, table: str, row_id: str, **values: Any) -> None:
        """As a sync would leave it: with these values, read now."""
        values = {**values, "_whop_synced_at": self.synced_at}
        told = ", ".join(f"{name} = {literal(value)}" for name, value in values.items())
        self.warehouse.execute(f"update whop_raw.{table} set {told} where id = '{row_id}'")

    def delete(self, table: str, row_id: str) -> None:
        self.change(table, row_id, _whop_deleted_at=self.synced_at)

    def sync(self, number: float) -> None:
        """A sync so many days after the first one: it reads the company at least."""
        self.synced_at = days(number)
        self.change("companies", COMPANY)

    def life(self, name: str, *paid: float, **membership: Any) -> None:
        """A member with a membership, and what it paid, on which days."""
        row = {
            "id": f"mem_{name}",
            "member__id": f"mber_{name}",
            "plan__id": "plan_month",
            "product__id": "prod",
            "status": "active",
            "created_at": days(-300),
            **membership,
        }
        self.add("memberships", row)
        for place, day in enumerate(paid, 1):
            self.pay(
                f"{name}{place}", day, membership__id=row["id"], plan__id=row["plan__id"],
                billing_reason="subscription_create" if place == 1 else "subscription_cycle",
            )  # fmt: skip

    def pay(self, name: str, day: float, **payment: Any) -> None:
        row = {
            "id": f"pay_{name}",
            "status": "paid",
            "currency": "usd",
            "total": 30,
            "usd_total": 30,
            "created_at": days(day),
            "paid_at": days(day),
            "billing_reason": "one_time",
            "plan__id": "plan_month",
            **payment,
        }
        self.add("payments", row)

    def build(self, *, whole: bool, **variables: Any) -> None:
        """Build all that is made by what changed, and what it is made of."""
        self.warehouse.dbt(
            "run", "--select", ALL_OF_IT,
            variables=variables if whole else {**DIGEST, **variables},
            schema=WHOLE if whole else None,
        )  # fmt: skip

    def build_both(self, **variables: Any) -> None:
        """Build both ways, and compare; the one by what changed has to have been that."""
        self.build(whole=False, **variables)
        assert self.reasons() == [None]
        self.build(whole=True, **variables)
        self.compare()

    def reasons(self) -> list[str | None]:
        """Why the last build made everything anew; None where it did not."""
        found = self.warehouse.read("int_build_scope", "whop_intermediate")
        return [row["made_whole_because"] for row in found]

    def compare(self) -> None:
        """Every table of both: the same rows, the same number of times."""
        columns: dict[tuple[str, str], list[str]] = defaultdict(list)
        for row in self.warehouse.query(
            "select table_schema, table_name, column_name from information_schema.columns "
            f"where table_schema in ('{WHOLE}_intermediate', '{WHOLE}_marts') order by 1, 2, 3"
        ):
            if row["table_name"] not in REMEMBERS:
                columns[row["table_schema"], row["table_name"]].append(f'"{row["column_name"]}"')
        assert {table for _, table in columns} > {*BY_CHANGE}
        counts: list[str] = []
        for (schema, table), names in columns.items():
            whole = f"select {', '.join(names)} from {schema}.{table}"
            ours = whole.replace(f"from {WHOLE}_", "from whop_")
            counts.extend(
                f"select '{table}' as name, '{kind}' as kind, count(*) as number "
                f"from ({one} except all {other}) as rows_of_one"
                for kind, one, other in (("missing", whole, ours), ("too many", ours, whole))
            )
        found = self.warehouse.query(" union all ".join(counts))
        assert [row for row in found if row["number"]] == []


def literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, datetime):
        return f"timestamptz '{value.isoformat()}'"
    return repr(value)


@pytest.fixture
def made(engine: Engine, new_location: NewWarehouse) -> Made:
    """The lives, built both ways once."""
    create = duckdb_warehouse if engine == "duckdb" else postgres_warehouse
    made = Made(create(new_location(engine, None)))
    made.add("companies", {"id": COMPANY, "title": "Made"})
    made.add("products", {"id": "prod", "title": "A"}, {"id": "prod_other", "title": "B"})
    plan = {
        "plan_type": "renewal",
        "billing_period": 30,
        "renewal_price": 30,
        "currency": "usd",
        "product__id": "prod",
        "created_at": days(-400),
    }
    for name in ("month", "given", "trial", "moved", "coded", "sek", "nok"):
        currency = name if name in ("sek", "nok") else "usd"
        made.add("plans", {**plan, "id": f"plan_{name}", "currency": currency})
    made.add(
        "promo_codes",
        {"id": "promo", "code": "half", "promo_type": "percentage", "amount_off": 50,
         "duration": "once", "currency": "usd"},
    )  # fmt: skip
    for lives in (lives_of_time, lives_of_rows):
        lives(made)
    for number in range(12):
        made.life(f"any{number}", *(-280 + number + 30 * place for place in range(5 + number % 5)))
    for whole in (False, True):
        made.build(whole=whole)
    assert made.reasons() == ["no earlier build came to its end"]
    made.compare()
    return made


def lives_of_time(made: Made) -> None:
    """Of each, one moment comes within five days, and nothing else."""
    # The grace of one ends, others are unpaid from then on, or from the first moment on, or known
    # to be canceled.
    made.life("grace", -40, status="past_due")
    made.life("unpaid", -27)
    made.life("unpaid_at_once", -30)
    made.life("canceled", -10, canceled_at=days(2))
    # Another payment follows in time, but not yet: what was paid for is over before.
    made.life("followed", -35, 8)
    made.warehouse.insert(
        "membership_states",
        stamp(
            [{"id": "mem_followed", "status": "active", "renewal_period_end": days(2)}],
            COMPANY, days(-20),
        ),
    )  # fmt: skip
    # A payment that is dated later. The first of two refunds, the first of two disputes: of a
    # payment only the last refund is known, and when the first dispute of all began.
    made.pay("later", 2)
    made.pay("refunded", -50)
    made.add(
        "refunds",
        *({"id": f"rf_{day}", "payment__id": "pay_refunded", "status": "succeeded", "amount": 5,
           "currency": "usd", "created_at": days(day)} for day in (3, 60)),
    )  # fmt: skip
    made.pay("disputed", -50)
    made.add(
        "disputes",
        *({"id": f"dp_{day}", "payment__id": "pay_disputed", "status": "lost", "amount": 5,
           "currency": "usd", "created_at": days(day)} for day in (-45, 3)),
    )  # fmt: skip


def lives_of_rows(made: Made) -> None:
    """Of each, one row of one table will be another, and nothing else."""
    made.life("paying", -10)
    made.life("given", -100, -70, -10, plan__id="plan_given")
    made.life("trying", plan__id="plan_trial")
    made.life("moved", -10, plan__id="plan_moved")
    made.life("coded", plan__id="plan_coded")
    made.pay(
        "coded1", -10, membership__id="mem_coded", plan__id="plan_coded", promo_code__id="promo",
        billing_reason="subscription_create", total=15, usd_total=15,
    )  # fmt: skip
    made.life("in_ledger", -10)
    made.life("refund", -10)
    made.life("dispute", -10)
    made.life("status", -40, status="past_due")
    made.life("affiliate", -10)
    made.life("state", -200, -100)
    made.life("deleted", -10)
    made.pay("gone", -10)
    made.life("joining")
    made.pay("joined", -15)
    made.pay("long_gone", -30, _whop_deleted_at=NOW)
    # Handed on: its payments name no member, so that nothing but the membership says whose it is.
    made.life("handed", -40, -10)
    # Two memberships of one member: which payment is the first is not of one of them alone.
    made.life("first", -200, status="canceled")
    made.life("second", -20, member__id="mber_first")
    # No rate: that of somebody else's payment holds.
    made.life("no_rate", plan__id="plan_sek")
    made.pay(
        "no_rate1", -10, membership__id="mem_no_rate", plan__id="plan_sek", currency="sek",
        usd_total=None, billing_reason="subscription_create",
    )  # fmt: skip
    made.pay("rate", -20, currency="sek", usd_total=3, member__id="mber_any1")
    # For free, in a currency in which somebody else's payment will have no rate.
    made.life("free", plan__id="plan_nok")
    made.pay(
        "free1", -15, membership__id="mem_free", plan__id="plan_nok", currency="nok", total=0,
        usd_total=0,
    )  # fmt: skip
    made.pay("rate_nok", -20, currency="nok", usd_total=3)


def change_rows(made: Made) -> None:
    """What the lives of rows are there for."""
    made.change("payments", "pay_paying1", card_brand="visa")
    given = {
        "valid_from": days(-350),
        "valid_to": days(-5),
        "plan_type": "renewal",
        "billing_period_days": 60,
        "renewal_price": 30,
        "currency": "usd",
        "trial_period_days": 7,
        "company_id": COMPANY,
    }
    made.warehouse.insert(
        "given_plan_versions",
        [{**given, "plan_id": "plan_given"}, {**given, "plan_id": "plan_trial"}],
    )
    made.change("plans", "plan_moved", product__id="prod_other")
    made.change("promo_codes", "promo", duration="forever")
    made.add(
        "financial_activity",
        *({"id": f"line_{kind}", "line_type": kind, "currency": "usd", "precision": 100,
           "amount": amount, "payment__id": "pay_in_ledger1", "posted_at": days(-10)}
          for kind, amount in (("payment", 3000), ("whop_processing_fee", -120))),
    )  # fmt: skip
    row = {"currency": "usd", "amount": 5, "created_at": days(-3)}
    made.add("refunds", {**row, "id": "rf", "payment__id": "pay_refund1", "status": "succeeded"})
    made.add("disputes", {**row, "id": "dp", "payment__id": "pay_dispute1", "status": "lost"})
    made.change("memberships", "mem_status", status="completed")
    made.change("memberships", "mem_affiliate", affiliate__id="aff")
    made.warehouse.insert(
        "membership_states",
        stamp(
            [{"id": "mem_state", "status": "active", "renewal_period_end": days(-150)}],
            COMPANY, days(-190),
        ),
    )  # fmt: skip
    made.delete("payments", "pay_deleted1")
    made.delete("payments", "pay_gone")
    made.change("payments", "pay_joined", membership__id="mem_joining")
    # Gone before a sync that was built has seen it; and something of one that was gone already.
    made.pay("unseen", -20, _whop_deleted_at=made.synced_at)
    made.add(
        "refunds", {**row, "id": "rf_gone", "payment__id": "pay_long_gone", "status": "succeeded"}
    )
    made.change("memberships", "mem_handed", member__id="mber_heir")
    made.delete("payments", "pay_first1")
    made.change("payments", "pay_rate", usd_total=6)
    made.life("without", plan__id="plan_nok")
    made.pay(
        "without1", -10, membership__id="mem_without", plan__id="plan_nok", currency="nok",
        usd_total=None, billing_reason="subscription_create",
    )  # fmt: skip


def whatever_happens(made: Made, random: Random) -> None:
    """Something to each of some members: late rows, changed ones, ones that are gone."""
    names = [f"any{number}" for number in range(12)]
    for name in random.sample(names, 8):
        payment, membership = f"pay_{name}{random.randint(1, 5)}", f"mem_{name}"
        other = random.choice(names)
        day = random.uniform(-250, (made.synced_at - NOW).days)
        match random.randrange(9):
            case 0:
                made.pay(f"{name}_{made.synced_at:%m%d}", day, membership__id=membership)
            case 1:
                made.delete("payments", payment)
            case 2:
                made.change("payments", payment, _whop_deleted_at=None, total=20)
            case 3:
                made.change("payments", payment, refunded_amount=30, refunded_at=days(day))
            case 4:
                made.change("payments", payment, status="open", payments_failed=1)
            case 5:
                made.change("payments", payment, membership__id=f"mem_{other}")
            case 6:
                made.change("memberships", membership, member__id=f"mber_{other}")
            case 7:
                made.change("memberships", membership, status="canceled", canceled_at=days(day))
            case 8:
                made.delete("memberships", membership)


@contextmanager
def in_the_way(made: Made) -> Iterator[None]:
    """Something in the way of a model halfway: a build breaks off there."""
    if made.warehouse.engine == "duckdb":
        table = "alter table whop_marts.fct_payments"
        made.warehouse.execute(f"{table} drop column failure_message")
        yield
        made.warehouse.execute(f"{table} add column failure_message varchar")
        return
    with closing(psycopg2.connect(made.warehouse.location)) as session:
        session.cursor().execute("lock table whop_marts.fct_payments")
        yield


def broken_off(made: Made) -> None:
    """A build that ends between two models."""
    with in_the_way(made):
        variables: Mapping[str, Any] = {**DIGEST, "lock_wait_seconds": 1}
        finished = made.warehouse.dbt(
            "run", "--select", ALL_OF_IT, variables=variables, check=False
        )
    assert finished.returncode and "fct_payments" in finished.stdout


def some_models(made: Made) -> None:
    """A build of two models."""
    made.warehouse.dbt("run", "--select", "int_payment_amounts", "int_payments", variables=DIGEST)


def all_but_the_digests(made: Made) -> None:
    """A build of all that is made by what changed, but not of what says what changed."""
    made.warehouse.dbt(
        "run", "--select", ALL_OF_IT, "--exclude", "int_membership_inputs", variables=DIGEST
    )
    assert made.reasons() == ["a selection"]


def of_other_columns(made: Made) -> None:
    """A table has a column of another type: rows that are not made anew would lose its values."""
    table = "whop_intermediate.int_payment_amounts"
    made.warehouse.execute(f"alter table {table} alter column status type varchar(50)")
    finished = made.warehouse.dbt("run", "--select", ALL_OF_IT, variables=DIGEST, check=False)
    assert finished.returncode and "has other columns than" in finished.stdout
    assert made.warehouse.query(f"select 1 from {table} where status is null limit 1") == []


def read_by(parsed: Manifest, model: str, but: set[str]) -> set[str]:
    """The raw tables that a model is made of, but for what comes by these models."""
    found: set[str] = set()
    for unique_id in parsed.nodes[model].depends_on_nodes:
        if unique_id in parsed.sources:
            found.add(parsed.sources[unique_id].name)
        elif unique_id not in but:
            found |= read_by(parsed, unique_id, but)
    return found


def test_the_digests_are_of_every_table_that_what_they_stand_for_is_made_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else a row of it could change, and nobody would be made anew."""
    monkeypatch.setenv("WHOP_ELT_TARGET", "duckdb")
    parsed = manifest(DBT_PROJECT)
    made_by_change, scope, beside = (
        {f"model.whop_elt.{name}" for name in names}
        for names in (BY_CHANGE, SCOPE, ("base_whop__repeated_ids", "int_as_of"))
    )
    assert len(made_by_change) > 15
    but = made_by_change | scope | beside
    digested = read_by(parsed, "model.whop_elt.int_membership_inputs", beside)
    for model in made_by_change:
        assert read_by(parsed, model, but) <= digested, model


def test_what_is_made_by_what_changed_is_what_all_made_anew_is(made: Made) -> None:
    """Time goes by, rows change, settings change and change back, builds break off."""
    made.build(whole=False)
    assert made.reasons() == [None]
    made.compare()
    made.sync(5)
    made.build_both()
    change_rows(made)
    made.build_both()
    # Other settings, and back; and as of other moments, the second an earlier one.
    for reason, variables in (
        ("other models or settings", {"grace_days": 3}),
        ("other models or settings", {"as_of": days(0).isoformat()}),
        ("an earlier as_of", {"as_of": days(-20).isoformat()}),
        ("other models or settings", {}),
    ):
        made.build(whole=False, **variables)
        assert made.reasons() == [reason]
    made.build(whole=True)
    made.compare()
    # A build that breaks off after it wrote some of what changed; others of some models, of what is
    # then again as it was before.
    for breaks, meanwhile, afterwards in (
        (broken_off, 20, 20),
        (some_models, 40, 20),
        (all_but_the_digests, 40, 20),
        # On DuckDB values are converted as they are added.
        *([(of_other_columns, 40, 20)] if made.warehouse.engine == "postgres" else []),
    ):
        made.change("payments", "pay_paying1", total=meanwhile, usd_total=meanwhile)
        breaks(made)
        made.change("payments", "pay_paying1", total=afterwards, usd_total=afterwards)
        made.build(whole=False)
        assert made.reasons() == ["no earlier build came to its end"]
        if breaks is broken_off:
            made.build(whole=True)
        made.compare()
    random = Random(7)
    for day in (9, 30):
        made.sync(day)
        whatever_happens(made, random)
        made.build_both()
    # And every mart there is.
    made.sync(50)
    whatever_happens(made, random)
    made.warehouse.dbt("run", variables=DIGEST)
    assert made.reasons() == [None]
    made.warehouse.dbt("run", schema=WHOLE)
    made.compare()

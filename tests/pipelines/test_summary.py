"""What a run prints of the warehouse: titles are text, whatever is in them."""

from __future__ import annotations

import io
from typing import Any, cast

import duckdb
import pytest
from rich.console import Console

from whop_elt.destination import MARTS, Destination
from whop_elt.summary import show_queries, show_summary
from whop_elt.titles import named, printable

MONTHS = ("2025-11-01", "2025-12-01", "2026-01-01")


class Pipeline:
    dataset_name = "whop_raw"


class InMemory:
    """A warehouse of one company with one product, both of the same title."""

    name = "duckdb"
    pipeline = Pipeline()
    location = "/somewhere/[red]/whop.duckdb"

    def __init__(self, title: str | None, months: tuple[str, ...] = MONTHS) -> None:
        self.connection = duckdb.connect()
        for statement in (
            f"create schema {MARTS}",
            f"create table {MARTS}.dim_companies (company_id text, title text)",
            f"create table {MARTS}.dim_products (product_id text, title text)",
            f"create table {MARTS}.dim_plans (plan_id text, billing_period_days int)",
            f"""create table {MARTS}.mrr_monthly (company_id text, month date,
              mrr_end_usd decimal(18, 2), customers_end int, new_usd decimal(18, 2),
              reactivation_usd decimal(18, 2),
              expansion_usd decimal(18, 2), contraction_usd decimal(18, 2),
              churn_usd decimal(18, 2))""",
            f"""create table {MARTS}.metrics_monthly (company_id text, month date,
              customers_lost int, logo_churn_rate decimal(9, 4), net_usd decimal(18, 2),
              nrr decimal(9, 4))""",
            f"""create table {MARTS}.churn_monthly (month date, churn_type text,
              churn_reason text, customers_churned int, mrr_churned_usd decimal(18, 2))""",
            f"""create table {MARTS}.revenue_daily (plan_id text, product_id text,
              gross_usd decimal(18, 2), net_usd decimal(18, 2))""",
            f"""create table {MARTS}.cash_reconciliation (company_id text, month date,
              currency text, closing_amount decimal(18, 2), differences int,
              difference decimal(18, 2), balance_difference decimal(18, 2), ties boolean)""",
            f"""create table {MARTS}.restatements (company_id text, month date, metric text,
              reported_at timestamptz, now decimal(38, 9), change_at_last_sync decimal(38, 9))""",
            f"""create table {MARTS}.restatement_causes (company_id text, month date,
              metric text, cause text, membership_id text, restated_at timestamptz,
              change decimal(38, 9))""",
            "create schema whop_raw",
            "create table whop_raw.companies (id text)",
        ):
            self.connection.execute(statement)
        self.query(f"insert into {MARTS}.dim_companies values ('biz_a', %s)", title)
        self.query(f"insert into {MARTS}.dim_products values ('prod_a', %s)", title)
        self.query(f"insert into {MARTS}.revenue_daily values ('plan_a', 'prod_a', 9, 8)")
        for month in months:
            self.query(
                f"insert into {MARTS}.mrr_monthly values ('biz_a', %s, 49, 1, 0, 0, 0, 0, 0)", month
            )
            self.query(
                f"insert into {MARTS}.metrics_monthly values ('biz_a', %s, 0, 0, 8, 1)", month
            )

    def query(self, sql: str, *values: Any) -> tuple[list[str], list[tuple[Any, ...]]]:
        cursor = self.connection.execute(sql.replace("%s", "?"), values)
        return [column[0] for column in cursor.description or ()], cursor.fetchall()


def said(warehouse: InMemory) -> str:
    console = Console(file=io.StringIO(), width=200, force_terminal=False)
    destination = cast(Destination, warehouse)
    show_summary(destination, console)
    show_queries(destination, console)
    return cast(io.StringIO, console.file).getvalue()


@pytest.mark.parametrize(
    "title",
    ["Club [/x] end", "[old] Club", "[bold red]", ":rocket: Club", "Club \\", "[link=a]b[/link]"],
)
@pytest.mark.parametrize("months", [MONTHS, MONTHS[2:]])
def test_a_title_with_markup_is_printed_letter_by_letter(
    title: str, months: tuple[str, ...]
) -> None:
    text = said(InMemory(title, months))
    heading = f"{title}, December 2025" if months == MONTHS else f"{title} has no full month"
    assert heading in text
    (answer,) = [line for line in text.splitlines() if "plan_a" in line]
    assert title in answer


def test_what_moved_of_a_closed_month_is_said_by_number_cause_and_membership() -> None:
    warehouse = InMemory("Club")
    assert "Restated" not in said(warehouse)
    warehouse.connection.execute(f"alter table {MARTS}.dim_companies add column as_of timestamptz")
    warehouse.connection.execute(f"update {MARTS}.dim_companies set as_of = '2026-01-22'")
    warehouse.connection.execute(
        f"insert into {MARTS}.restatements values "
        "('biz_a', '2025-12-01', 'mrr_end_usd', '2026-01-15', 30, -12)"
    )
    for membership, cause, at, change in (
        ("mem_a", "chargeback", "2026-01-22", -10),
        ("mem_b", "settings_changed", "2026-01-22", -1.5),
        ("mem_c", "settings_changed", "2026-01-22", -0.5),
        ("mem_d", "refund", "2026-01-15", -7),
    ):
        warehouse.query(
            f"insert into {MARTS}.restatement_causes values "
            "('biz_a', '2025-12-01', 'mrr_end_usd', %s, %s, %s, %s)",
            cause, membership, at, change,
        )  # fmt: skip
    minus = "\N{MINUS SIGN}"
    assert (
        f"Restated: MRR of December 2025 was $42.00 and is $30.00 now ({minus}$12.00): "
        f"charged back {minus}$10.00 (mem_a); "
        f"counted by new settings {minus}$2.00 (2 memberships).\n"
    ) in said(warehouse)


def test_the_place_of_the_warehouse_is_printed_letter_by_letter() -> None:
    assert "The warehouse is /somewhere/[red]/whop.duckdb" in said(InMemory("Club"))


def test_a_title_cannot_steer_the_terminal() -> None:
    text = said(InMemory("Gold\x1b[2J\x9b31m\x0bClub\x07"))
    assert "Gold[2J31m Club, December 2025" in text
    assert not set(text) & {"\x1b", "\x9b", "\x07", "\x0b"}


@pytest.mark.parametrize("title", [None, "", " \t ", "\x1b", "\N{ZERO WIDTH SPACE}\ufffe"])
def test_a_company_of_whose_title_nothing_shows_goes_by_its_id(title: str | None) -> None:
    assert "biz_a, December 2025" in said(InMemory(title))
    assert named(title, "biz_a") == "biz_a"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\x00b\x08c\x0ed\x1fe\x7ff\x80g\x9fh", "abcdefgh"),
        ("a\x0bb\x0cc\x85d", "a b c d"),
        ("a\tb\nc", "a\tb\nc"),
        ("a\ud83db\udc00c", "abc"),
        ("a\ufdd0b\ufffec\uffffd\U0001fffee\U0010fffff", "abcdef"),
        ("Söhne \N{PILE OF POO} \N{HEBREW LETTER ALEF} [/x] </svg>", None),
    ],
)
def test_only_what_nothing_can_show_is_taken_out(text: str, clean: str | None) -> None:
    assert printable(text) == (text if clean is None else clean)

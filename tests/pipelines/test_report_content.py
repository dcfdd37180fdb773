"""What the report makes of figures: how they are written, and how a change is said and judged."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from whop_elt.figures import count, percent, ratio, usd
from whop_elt.report import queries
from whop_elt.report.content import make_page
from whop_elt.report.figures import HISTORY, KINDS, SO_FAR, Figure, figure
from whop_elt.report.queries import QUERIES, CompanyRows

AS_OF = datetime(2026, 1, 15, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("form", "value", "written"),
    [
        (usd, Decimal("1234.565"), "$1,234.57"),
        (usd, Decimal("-0.005"), "−$0.01"),  # noqa: RUF001
        (usd, Decimal("-0.004"), "$0.00"),
        (usd, None, "–"),  # noqa: RUF001
        (count, 12345, "12,345"),
        (count, Decimal("2.5"), "3"),
        (percent, Decimal("0.05449"), "5.4%"),
        (percent, Decimal("0.0545"), "5.5%"),
        (percent, Decimal(1), "100.0%"),
        (ratio, Decimal("1.005"), "1.01"),
    ],
)
def test_figures_are_rounded_half_away_from_zero(form: Any, value: Any, written: str) -> None:
    assert form(value) == written


@pytest.mark.parametrize(
    ("name", "before", "now", "change", "tone"),
    [
        ("mrr_end_usd", "100", "110", "+10.0%", "good"),
        ("mrr_end_usd", "110", "100", "−9.1%", "bad"),  # noqa: RUF001
        ("mrr_end_usd", "100", "100.001", "±0", ""),
        ("mrr_end_usd", "0", "25", "+$25.00", "good"),
        ("churn_usd", "-100", "-80", "+$20.00", "good"),
        ("net_usd", "-5", "-15", "−$10.00", "bad"),  # noqa: RUF001
        ("customers_churned", "10", "20", "+100.0%", "bad"),
        ("customers_churned", "10", "15", "+50.0%", "noise"),
        ("fees_usd", "10", "15", "+50.0%", ""),
        ("logo_churn_rate", "0.074", "0.055", "−1.9 pts", "good"),  # noqa: RUF001
        ("recovery_rate", "0.9", "0.5", "−40.0 pts", ""),  # noqa: RUF001
        ("quick_ratio", "1.14", "1.38", "+0.24", "good"),
        ("nrr", None, "0.9", "", ""),
        ("nrr", "0.9", None, "", ""),
    ],
)
def test_a_change_is_said_and_judged(
    name: str, before: str | None, now: str | None, change: str, tone: str
) -> None:
    this, last = ({name: None if text is None else Decimal(text)} for text in (now, before))
    found = figure(name, this, last)
    assert isinstance(found, Figure)
    assert (found.change, found.tone) == (change, tone)


def test_nothing_is_compared_with_no_month_before() -> None:
    assert figure("mrr_end_usd", {"mrr_end_usd": Decimal(1)}).change == ""


def company(**rows: Any) -> CompanyRows:
    names = tuple(QUERIES)
    head: dict[str, Any] = {"company_id": "biz_a", "title": None, "as_of": AS_OF}
    tables: dict[str, Any] = {name: rows.get(name, []) for name in names}
    return CompanyRows(head, **tables)


def test_a_company_without_a_title_goes_by_its_id() -> None:
    page = make_page(company())
    assert (page.title, page.is_empty, page.run_id) == ("biz_a", True, "")


def test_the_newest_run_is_named_and_what_it_did_not_read() -> None:
    def run(table: str, run_id: str, status: str, day: int, read: int | None) -> dict[str, Any]:
        return {
            "table_name": table,
            "last_run_id": run_id,
            "last_run_status": status,
            "last_run_at": datetime(2026, 1, day, tzinfo=UTC),
            "last_run_unreadable": "total (2)" if table == "refunds" else None,
            "last_read_at": read and datetime(2026, 1, read, tzinfo=UTC),
        }

    page = make_page(
        company(
            freshness=[
                run("members", "r2", "ok", 14, 14),
                run("payments", "r2", "failed", 14, 9),
                run("apps", "r1", "forbidden", 13, None),
                run("refunds", "r2", "ok", 14, 14),
            ]
        )
    )
    assert page.run_id == "r2"
    assert page.not_read == [
        "payments: reading it failed; what is there is of 9 January 2026, 00:00 UTC",
        "apps: the API key lacks the permission; it was never read",
        "refunds: not every value of total (2) could be read, and the figures lack them; the "
        "column _whop_extra of those rows has what Whop sent",
    ]


def test_a_payment_without_a_rate_is_told() -> None:
    names = {*KINDS, *HISTORY, *SO_FAR}
    month = {name: Decimal(1) for name in names} | {
        "payments_without_fees": 0,
        "mrr_unpaid_usd": Decimal("12.5"),
    }
    page = make_page(
        company(
            months=[
                {**month, "month": date(2025, 12, 1), "payments_without_usd": 3},
                {**month, "month": date(2026, 1, 1), "payments_without_usd": 0},
            ]
        )
    )
    assert page.period == "December 2025"
    assert page.before == ""
    assert page.without_usd.startswith("Payments missing in the figures of December 2025")
    assert page.without_usd.endswith(": 3.")
    assert page.without_fees == ""
    assert page.unpaid.startswith("Of the MRR now, $12.50 is of members whose renewal is due")


def test_what_was_not_read_is_of_the_tables_that_are_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A table that was forbidden, and then left out, is no news for ever."""

    class Models:
        def dbt_environment(self) -> dict[str, str]:
            return {}

        def query(self, sql: str, *values: object) -> tuple[list[str], list[object]]:
            return [], []

    def answer(_: object, sql: str) -> list[dict[str, Any]]:
        if sql == queries.COMPANIES:
            return [{"company_id": "biz_a", "title": "A", "as_of": AS_OF}]
        if sql == queries.FRESHNESS:
            return [
                {"company_id": "biz_a", "table_name": name, "last_run_status": "forbidden"}
                for name in ("promo_codes", "payments")
            ]
        return []

    monkeypatch.setattr(queries, "_ask", answer)
    monkeypatch.setenv("SOURCES__WHOP__TABLES", '["payments"]')
    (rows,) = queries.read(Models())  # type: ignore[arg-type]
    assert [row["table_name"] for row in rows.freshness] == ["payments"]
    monkeypatch.delenv("SOURCES__WHOP__TABLES")
    (rows,) = queries.read(Models())  # type: ignore[arg-type]
    assert len(rows.freshness) == 2


def test_a_plan_paid_at_another_pace_than_it_says_is_named() -> None:
    plan = {
        "plan_id": "plan_a",
        "product_id": "prod_a",
        "title": "Yearly",
        "plan_type": "renewal",
        "currency": "usd",
        "renewal_price": Decimal(290),
        "initial_price": Decimal(0),
        "billing_period_days": 30,
    }
    off = {**plan, "renewals": 9, "median_days_between_renewals": Decimal("365.000000")}
    month: dict[str, Any] = {name: Decimal(1) for name in (*KINDS, *HISTORY, *SO_FAR)}
    month |= {"payments_without_usd": 0, "payments_without_fees": 0, "mrr_unpaid_usd": Decimal(0)}
    months = [{**month, "month": date(2026, 1, 1)}]
    page = make_page(company(months=months, off_pace=[off], plans=[plan]))
    (said,) = page.off_pace
    assert said.startswith("Yearly: renewals come every 365 days, and the plan says every 30.")
    assert "WHOP_ELT_PLAN_VERSIONS" in said
    untroubled = make_page(company(months=months, plans=[plan]))
    assert untroubled.off_pace == []
    assert untroubled.unpaid == ""

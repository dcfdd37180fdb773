"""Amounts of any precision, and exchange rates that move."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from oracle.cases.expect import expect
from oracle.cases.story import Answer, Case, Story

# ---------------------------------------------------------------------- decimals


def noise(s: Story) -> None:
    s.plan("p", "19.99")
    for name, row in {
        "total": {"total": Decimal("19.990000000000002")},
        "tax": {"tax_amount": Decimal("0.30000000000000004")},
        "fees": {"amount_after_fees": Decimal("19.090000000000003")},
        "clean": {},
        "twin": {"amount_after_fees": Decimal("19.09")},
    }.items():
        s.membership(name, "p")
        s.pay(name, "2026-10-05", "19.99", **row)
    s.plan("coin", "0.010416667", currency="eth")
    s.membership("ether", "coin")
    ether = Decimal("0.010416666666666666")
    s.pay("ether", "2026-10-05", 0, total=ether, currency="eth", usd_total=Decimal("30.21"))


def nothing_is_lost(a: Answer) -> None:
    october = a.month("2026-10")
    assert october["gross_usd"] == Decimal("129.86")
    assert a.month("2026-10", "mrr_monthly")["customers_end"] == 6
    fees = {r["payment_id"]: r["fees_usd"] for r in a.marts["fct_payments"]}
    assert fees["pay_002"] == fees["pay_004"] == Decimal("0.90")
    noisy, clean = a.period("pay_000"), a.period("pay_003")
    assert noisy["mrr_usd"] == clean["mrr_usd"] == Decimal("19.99")


def noisy_refund(s: Story) -> None:
    """A refund that is in full but for the sixteenth digit is in full."""
    s.plan("p", "19.99")
    s.membership("m", "p", "expired")
    payment = s.pay("m", "2026-10-05", "19.990000000000002")
    s.refund(payment, "2026-10-07", "19.989999999999998")


def numbers_as_text(s: Story) -> None:
    s.plan("p", "19.99")
    s.membership("m", "p")
    s.pay("m", "2026-10-05", 0, total="23.99", tax_amount="4.00", amount_after_fees="23.09")


def halves(s: Story) -> None:
    """Half of the ninth decimal is rounded away from zero."""
    s.plan("coin", "1", currency="btc")
    s.membership("m", "coin")
    half = Decimal("0.0000000015")
    s.pay("m", "2026-10-05", 0, total=half, currency="btc", usd_total=Decimal("0.20"))


def nine_decimals(a: Answer) -> None:
    row = next(iter(a.marts["fct_payments"]))
    assert row["total"] == Decimal("0.000000002")
    assert row["gross_usd"] == Decimal("0.20")


# ---------------------------------------------------------------------- exchange rate moves


def euros(s: Story, name: str, day: str, rate: str | None, price: int = 25, **row: Any) -> None:
    """A payment in euro, with a fifth of tax on top."""
    total = Decimal(price) * 6 / 5
    usd = None if rate is None else total * Decimal(rate)
    s.pay(
        *(name, f"2026-{day}", 0),
        **{"total": total, "tax_amount": total / 6, "currency": "eur", "usd_total": usd, **row},
    )


def rates_move(s: Story) -> None:
    s.plan("p", 25, currency="eur")
    s.membership("m", "p")
    days = ("06-01", "07-01", "08-01", "09-01", "10-01")
    for day, rate in zip(days, ("1.10", "1.05", "1.15", "1.08", "1.12"), strict=True):
        euros(s, "m", day, rate)


def the_price_moves_too(s: Story) -> None:
    s.plan("p", 25, currency="eur")
    s.membership("m", "p")
    euros(s, "m", "08-05", "1.10")
    euros(s, "m", "09-04", "1.20")
    euros(s, "m", "10-04", "1.20", price=30)


def a_break_between(s: Story) -> None:
    s.plan("p", 25, currency="eur")
    s.membership("m", "p")
    euros(s, "m", "06-01", "1.10")
    euros(s, "m", "09-01", "1.20")
    euros(s, "m", "10-01", "1.30")


def unknown_at_first(s: Story) -> None:
    """No rate is known until the second month; one that comes later is not looked at."""
    s.plan("p", 25, currency="eur")
    s.membership("m", "p")
    euros(s, "m", "08-05", None)
    euros(s, "m", "09-04", "1.10")
    euros(s, "m", "10-04", None)


def unknown_but_known_elsewhere(s: Story) -> None:
    """The membership's own last rate comes before a newer one of the company."""
    s.plan("p", 25, currency="eur")
    s.plan("q", 50, currency="eur")
    for name in ("m", "other", "fresh"):
        s.membership(name, "p")
    euros(s, "m", "09-04", "1.10")
    euros(s, "other", "09-20", "1.20")
    euros(s, "m", "10-04", None, price=50, plan__id="q")
    euros(s, "fresh", "10-05", None)


def two_currencies(s: Story) -> None:
    s.plan("yen", 3000, currency="jpy")
    s.plan("p", 25, currency="eur")
    s.membership("m", "p", member__id="ann")
    s.membership("n", "yen", member__id="ann")
    for day, euro, usd in (("09-02", "1.10", 20), ("10-02", "1.20", 19)):
        euros(s, "m", day, euro)
        s.pay("n", f"2026-{day}", 3000, currency="jpy", usd_total=Decimal(usd))


EXACT, RATES = "decimals", "exchange rate moves"

CASES = (
    Case(EXACT, "noise of floats", noise, nothing_is_lost),
    Case(
        *(EXACT, "a refund", noisy_refund),
        expect(("2026-10-05", "new", "19.99"), ("2026-10-07", "churn", "-19.99")),
    ),
    Case(
        *(EXACT, "text", numbers_as_text),
        expect(
            ("2026-10-05", "new", "19.99"),
            months={"2026-10": {"gross_usd": Decimal("19.99"), "fees_usd": Decimal("0.90")}},
        ),
    ),
    Case(EXACT, "halves", halves, nine_decimals),
    Case(RATES, "five months", rates_move, expect(("2026-06-01", "new", "27.5"))),
    Case(
        *(RATES, "and the price", the_price_moves_too),
        expect(("2026-08-05", "new", "27.5"), ("2026-10-04", "expansion", "8.5")),
    ),
    Case(
        *(RATES, "a break between", a_break_between),
        expect(
            *(("2026-06-01", "new", "27.5"), ("2026-07-15", "churn", "-27.5")),
            ("2026-09-01", "reactivation", "30"),
        ),
    ),
    Case(
        *(RATES, "unknown at first", unknown_at_first),
        expect(("2026-09-04", "new", "27.5"), months={"2026-10": {"payments_without_usd": 1}}),
    ),
    Case(
        *(RATES, "unknown, known elsewhere", unknown_but_known_elsewhere),
        expect(
            *(("2026-09-04", "new", "27.5"), ("2026-09-20", "new", "30")),
            *(("2026-10-04", "expansion", "27.5"), ("2026-10-05", "new", "30")),
        ),
    ),
    Case(RATES, "two currencies", two_currencies, expect(("2026-09-02", "new", "47.5"))),
)

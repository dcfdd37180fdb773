"""What Whop's dashboard says of a business that is made up: right, wrong, in part, or nothing."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from oracle.basics import ONE_DAY, month_after, month_of
from oracle.business import FIRST_DAY, USD_PER, Business

FLOWS = ("gross_revenue", "total_refunded", "fees", "net_revenue", "disputes", "churn_rate")
BY_CURRENCY = ("gross_revenue", "total_refunded", "fees", "monthly_recurring_revenue")
CENT = Decimal("0.01")


class Charts:
    """The points of one company; everything random is of the seed alone."""

    def __init__(self, made: Business, seed: int) -> None:
        self.made = made
        self.random = random.Random(f"stats {seed}")
        paid: dict[date, Decimal] = defaultdict(Decimal)
        for row in made.tables["payments"]:
            if row.get("paid_at") and row.get("total"):
                paid[month_of(row["paid_at"].date())] += row["total"]
        self.paid = paid
        used = {row["currency"] for row in made.tables["payments"] if row.get("currency")}
        self.currencies = sorted({*used, "usd", "gbp"} & USD_PER.keys())

    def point(self, metric: str, day: date, period: str, value: Decimal) -> None:
        """A point, and at times the same by currency, which may not add up."""
        self.row(metric, day, period, None, value)
        if metric in BY_CURRENCY and self.random.random() < 0.7:
            for currency in self.random.sample(self.currencies, 2):
                native = value / 2 / USD_PER[currency]
                self.row(metric, day, period, currency, native.quantize(CENT))

    def row(self, metric: str, day: date, period: str, source: str | None, value: Decimal) -> None:
        company = self.made.company_id
        self.made.add(
            "stats",
            {
                "id": f"{company}/{metric}/{source or 'all'}/{day}",
                "metric": metric,
                "period": period,
                "period_start": datetime.combine(day, time(), UTC),
                "source_currency": source,
                "currency": None if metric in ("disputes", "churn_rate") else source or "usd",
                "value": self.random.choice((value, value, value, Decimal(0))),
            },
        )

    def make(self) -> None:
        """Every metric, or all but some; months, and days, that Whop leaves out."""
        last = (self.made.synced_at + timedelta(days=1)).date()
        month = month_of(FIRST_DAY.date())
        left_out = self.random.choice(FLOWS) if self.random.random() < 0.3 else None
        while month <= last:
            for metric in FLOWS:
                if metric != left_out and self.random.random() < 0.8:
                    self.point(metric, month, "month", self.value(metric, month))
            end = min(month_after(month) - ONE_DAY, last)
            for day in sorted({end, end - self.random.choice((0, 0, 3)) * ONE_DAY}):
                if day >= month and self.random.random() < 0.9:
                    mrr = self.value("monthly_recurring_revenue", month)
                    self.point("monthly_recurring_revenue", day, "day", mrr)
                    self.point("annual_recurring_revenue", day, "day", 12 * mrr)
            month = month_after(month)

    def value(self, metric: str, month: date) -> Decimal:
        if metric == "disputes":
            return Decimal(self.random.randrange(4))
        if metric == "churn_rate":
            return Decimal(self.random.randrange(4000)) / 100
        paid = self.paid[month] or Decimal(100)
        return (min(paid, Decimal(90_000)) * self.random.randrange(50, 130) / 100).quantize(CENT)


def chart(made: Business, seed: int) -> None:
    """Give a company statistics: one in four has none, as its key may not read them."""
    if seed % 4 != 1:
        Charts(made, seed).make()

"""Ledgers for businesses that are made up: late postings, reversals, conversions, what is amiss."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from oracle.basics import ZERO, Row
from oracle.business import Business

UNITS = {"usd": 100, "eur": 100, "gbp": 100, "jpy": 1, "btc": 100_000_000}
PER_USD = {"usd": "1", "eur": "0.92", "gbp": "0.79", "jpy": "151", "btc": "0.0000155"}
WEEK = timedelta(days=7)
STATUSES = (*("completed",) * 6, "failed", "reversed", "canceled", "denied", "processing")
AMISS = ("late", "cent", "missing", "twice", "no_payment", "reversed", "no_rate")


class Ledger:
    """The ledger of one company being made up; everything random is of the seed alone."""

    def __init__(self, made: Business, seed: int) -> None:
        self.made = made
        self.random = random.Random(f"ledger {seed}")
        self.count = 0
        self.lines: list[Row] = []

    def make(self) -> None:
        """Write the lines, the payouts and some balances into the company's tables."""
        for payment in self.made.tables["payments"]:
            if payment.get("paid_at") and payment.get("total"):
                self.of_payment(payment)
        for _ in range(self.random.randrange(6)):
            self.of_nothing()
        if self.random.random() < 0.7:
            for _ in range(self.random.randrange(5)):
                self.transfer()
        if self.random.random() < 0.85:
            self.pay_out()
        self.random.shuffle(self.lines)
        for line in self.lines:
            self.made.add("financial_activity", line)
        self.see_balances()

    def post(self, kind: str, minor: int, currency: str, at: datetime, **changes: object) -> None:
        self.count += 1
        units = UNITS[currency]
        usd = Decimal(minor) / units / Decimal(PER_USD[currency])
        self.lines.append(
            {
                "id": f"line_{self.random.randrange(16**4):04x}{self.count}{self.made.company_id}",
                "line_type": kind,
                "amount": Decimal(minor),
                "precision": Decimal(units),
                "currency": currency,
                "usd_amount": usd.quantize(Decimal("0.01")),
                "posted_at": at,
                "available_at": self.random.choice((at, at + timedelta(days=2), None)),
                **changes,
            }
        )

    def of_payment(self, payment: Row) -> None:
        currency = payment["currency"]
        settled = payment.get("settlement_currency") or currency
        if not {currency, settled} <= UNITS.keys():
            return
        amiss = self.random.choice(AMISS) if self.random.random() < 0.15 else ""
        if amiss == "missing":
            return
        rate = Decimal(PER_USD[settled]) / Decimal(PER_USD[currency])
        minor = int((payment["total"] * rate * UNITS[settled]).to_integral_value())
        kept = payment.get("amount_after_fees")
        fee = minor // 30
        if kept is not None and settled == currency:
            fee = minor - int((kept * UNITS[settled]).to_integral_value())
        at = payment["paid_at"]
        if amiss == "late":
            at += timedelta(days=self.random.randrange(1, 40))
        if amiss == "cent":
            minor += self.random.choice((-1, 1))
        about = {"payment__id": payment["id"], "plan_id": payment.get("plan__id")}
        if amiss == "no_payment":
            about = {}
        for _ in range(2 if amiss == "twice" else 1):
            self.post("payment_gross", minor, settled, at, **about)
        rest = {**about, "usd_amount": None} if amiss == "no_rate" else about
        self.post("payment_processing_percentage_fee", -(fee - fee // 3), settled, at, **rest)
        self.post("a_fee_nobody_knows_fee", -(fee // 3), settled, at, **about)
        if amiss == "reversed":
            self.post("payment_gross_reversal", -minor, settled, at + WEEK, **about)
        back = payment.get("refunded_amount")
        if back and self.random.random() < 0.9:
            when = payment.get("refunded_at") or at
            taken = int((back * rate * UNITS[settled]).to_integral_value())
            self.post("payment_refund", -taken, settled, when, **about)
        alerted = payment.get("dispute_alerted_at")
        if alerted:
            self.post("payment_dispute", -minor, settled, alerted, **about)
            self.post("payment_dispute_fee", -1500, "usd", alerted, **about)
            if self.random.random() < 0.5:
                self.post("payment_dispute_reversal", minor, settled, alerted + 3 * WEEK, **about)

    def of_nothing(self) -> None:
        """A line that has nothing to do with a payment."""
        kinds = (
            *("sales_tax_remittance", "currency_conversion_outgoing", "topup", "airdrop"),
            *("platform_balance_transfer_incoming", "a_type_nobody_knows", "swap_fee"),
        )
        currency = self.random.choice(("usd", "eur", "jpy"))
        amount = self.random.randrange(-9000, 9000)
        self.post(self.random.choice(kinds), amount, currency, self.made.moment())

    def transfer(self) -> None:
        """Money sent or got; of some nobody says who sent it, some the ledger does not name."""
        key, at = self.made.new_id("ctt"), self.made.moment()
        sent = self.random.random() < 0.6
        minor = self.random.randrange(100, 9000)
        status = self.random.choice(("succeeded", "succeeded", "succeeded", "failed", "processing"))
        currency = self.random.choice(("usd", "eur"))
        known = self.random.random() < 0.8
        origin = self.made.company_id if sent else "user_of_another"
        self.made.add(
            "transfers",
            {
                "id": key,
                "status": status if known else None,
                "currency": currency,
                "amount": Decimal(minor) / 100 if status == "succeeded" else None,
                "origin__id": origin if known else None,
                "created_at": at,
                "succeeded_at": self.random.choice((at + timedelta(minutes=3), None)),
            },
        )
        if status != "succeeded" and self.random.random() < 0.9:
            return
        about = {"source__id": key, "source__object": "transfer"}
        way = "outgoing" if sent else "incoming"
        minor = -minor if sent else minor
        minor += self.random.choice((0, 0, 0, 0, 1))
        when = at + timedelta(days=self.random.choice((0, 0, 0, 25)))
        if self.random.random() < 0.85:
            self.post(f"platform_balance_transfer_{way}", minor, currency, when, **about)
        if sent:
            self.post("platform_balance_transfer_fee", -25, currency, when, **about)

    def pay_out(self) -> None:
        """Payouts every other week of what there is, or of a part of it."""
        waiting: dict[str, list[Row]] = defaultdict(list)
        for line in self.lines:
            waiting[line["currency"]].append(line)
        for currency, lines in sorted(waiting.items()):
            first = min(line["posted_at"] for line in lines)
            for at in self.moments(first):
                balance = sum(
                    (x["amount"] for x in self.lines if self.counts(x, currency, at)), ZERO
                )
                if balance > 500 and self.random.random() < 0.8:
                    part = self.random.choice((1, 1, 2))
                    self.payout(currency, int(balance) // part, at)

    @staticmethod
    def counts(line: Row, currency: str, at: datetime) -> bool:
        return bool(
            line["currency"] == currency and (line["available_at"] or line["posted_at"]) <= at
        )

    def moments(self, first: datetime) -> Iterator[datetime]:
        at = first + WEEK
        while at < self.made.synced_at + WEEK:
            yield at
            at += 2 * WEEK * self.random.choice((1, 2, 5))

    def payout(self, currency: str, minor: int, at: datetime) -> None:
        key = self.made.new_id("wdrl")
        status = self.random.choice(STATUSES)
        fee = self.random.choice((0, 200))
        about = {"source__id": key, "source__object": "payout", "available_at": at}
        self.post("withdrawal", fee - minor, currency, at, **about)
        if fee:
            self.post("withdrawal_fee", -fee, currency, at, **about)
        back = at + timedelta(days=self.random.randrange(1, 30))
        if status in ("failed", "reversed", "canceled", "denied"):
            again = {**about, "available_at": back}
            self.post("withdrawal_reversal", minor - fee, currency, back, **again)
            if fee and self.random.random() < 0.8:
                self.post("withdrawal_fee_reversal", fee, currency, back, **again)
        units = UNITS[currency]
        amiss = self.random.choice((0, 0, 0, 0, 0, 1))
        self.made.add(
            "payouts",
            {
                "id": key,
                "status": status,
                "currency": currency,
                "amount": Decimal(minor + amiss) / units,
                "fee_amount": Decimal(fee) / units,
                "net_amount": Decimal(minor + amiss - fee) / units,
                "failure__funds_returned_at": self.random.choice((back, None)),
                "created_at": at,
            },
        )

    def see_balances(self) -> None:
        """What syncs saw; now and then Whop says otherwise."""
        moments = [self.made.synced_at - timedelta(days=30 * n, hours=n) for n in range(9)]
        for at in self.random.sample(moments, self.random.randrange(len(moments))):
            for place, currency in enumerate(sorted(UNITS)):
                minor = sum(
                    (
                        x["amount"]
                        for x in self.lines
                        if x["currency"] == currency and x["posted_at"] <= at
                    ),
                    ZERO,
                )
                minor += self.random.choice((0, 0, 0, 1))
                self.made.add(
                    "account_balances",
                    {
                        "id": f"{self.made.company_id}/{at:%Y%m%dT%H%M%S}/{place}",
                        "symbol": currency.upper(),
                        "balance": minor / UNITS[currency],
                        "observed_at": at,
                    },
                )


def keep_ledger(made: Business, seed: int) -> None:
    """Give a company a ledger: one in four has none, as its key may not read it."""
    if seed % 4 != 2:
        Ledger(made, seed).make()

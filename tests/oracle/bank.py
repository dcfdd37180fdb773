"""The ledger, what payouts are made of, fees by type, and what does not tie; line by line."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from oracle.basics import ZERO, Raw, Row, month_of, months_between, sum_or_none
from oracle.ledger_fees import amount_of, component_of, in_usd
from oracle.money import Payment

ORDER = (
    *("gross", "refunds", "disputes", "payment_fees", "dispute_fees", "payouts", "payout_fees"),
    *("other_fees", "transfers", "conversions", "taxes", "other"),
)
FEES = ("payment_fees", "dispute_fees", "payout_fees", "other_fees")
RETURNED = ("failed", "reversed", "canceled", "denied")


@dataclass(frozen=True)
class Line:
    """A line posted by as_of."""

    row: Row
    day: date
    component: str
    amount: Decimal
    currency: str
    payout_id: str | None

    @property
    def available_at(self) -> datetime:
        at: datetime = self.row.get("available_at") or self.row["posted_at"]
        return at

    @property
    def of_payouts(self) -> bool:
        return self.component in ("payouts", "payout_fees")


class Bank:
    """The money of one company at Whop."""

    def __init__(self, raw: Raw, payments: list[Payment]) -> None:
        self.raw = raw
        self.payments = payments
        self.lines: list[Line] = []
        self.returned_at: dict[str, datetime] = {}
        for row in raw.table("financial_activity"):
            of = row["source__id"] if row.get("source__object") == "payout" else None
            line = Line(
                row,
                raw.day(row["posted_at"]),
                component_of(row),
                amount_of(row),
                row["currency"],
                of,
            )
            if of and line.amount > 0:
                last = self.returned_at.get(of, row["posted_at"])
                self.returned_at[of] = max(last, row["posted_at"])
            if row["posted_at"] <= raw.as_of:
                self.lines.append(line)
        self.transfers = {
            row["id"]: row
            for row in raw.table("transfers")
            if row.get("origin__id") and row["created_at"] <= raw.as_of
        }
        everything = raw.table("payouts")
        self.has_payouts = bool(everything)
        self.has_ledger = bool(raw.table("financial_activity"))
        known = [row for row in everything if row["created_at"] <= raw.as_of]
        self.paid_out = sorted(known, key=lambda row: (row["created_at"], row["id"]))

    def went_out_with(self, line: Line) -> str | None:
        """The payout that took a line's money."""
        if line.of_payouts and line.amount < 0:
            return None
        for payout in self.paid_out:
            if payout["currency"] == line.currency and line.available_at <= payout["created_at"]:
                payout_id: str = payout["id"]
                return payout_id
        return None

    def ledger(self) -> list[Row]:
        return [
            {
                "ledger_line_id": line.row["id"],
                "posted_at": line.row["posted_at"],
                "posted_date": line.day,
                "month": month_of(line.day),
                "available_at": line.available_at,
                "component": line.component,
                "line_type": line.row["line_type"],
                "currency": line.currency,
                "amount_in_smallest_units": line.row["amount"],
                "amount": line.amount,
                "amount_usd": in_usd(line.row),
                "payment_id": line.row.get("payment__id"),
                "payout_id": line.payout_id,
                "paid_out_with": self.went_out_with(line),
            }
            for line in self.lines
        ]

    def payouts(self) -> list[Row]:
        inside: dict[str, list[Line]] = defaultdict(list)
        for line in self.lines:
            with_ = self.went_out_with(line)
            if with_:
                inside[with_].append(line)
        left: dict[str, Decimal] = defaultdict(Decimal)
        rows = []
        for payout in self.paid_out:
            lines = inside[payout["id"]]
            own = [line.amount for line in self.lines if line.payout_id == payout["id"]]
            carried = left[payout["currency"]]
            came = sum((line.amount for line in lines), ZERO)
            # What the ledger says was taken leaves; what the table says tells what is left over.
            taken = sum((amount for amount in own if amount < 0), ZERO)
            left[payout["currency"]] = carried + came + taken

            def part(*components: str, lines: list[Line] = lines) -> Decimal | None:
                found = (line.amount for line in lines if line.component in components)
                return sum(found, ZERO) if self.lines else None

            rows.append(
                {
                    "payout_id": payout["id"],
                    "created_at": payout["created_at"],
                    "created_date": self.raw.day(payout["created_at"]),
                    "status": payout["status"],
                    "is_returned": payout["status"] in RETURNED,
                    "currency": payout["currency"],
                    "amount": payout["amount"],
                    "fee_amount": payout.get("fee_amount"),
                    "ledger_lines": len(lines) if self.lines else None,
                    "carried_over_amount": carried if self.lines else None,
                    "gross_amount": part("gross"),
                    "refunds_amount": part("refunds"),
                    "disputes_amount": part("disputes"),
                    "fees_amount": part("payment_fees", "dispute_fees", "other_fees"),
                    "returned_payouts_amount": part("payouts", "payout_fees"),
                    "others_amount": part("transfers", "conversions", "taxes", "other"),
                    "left_over_amount": carried + came - payout["amount"] if self.lines else None,
                    "ledger_amount": sum(own, ZERO) if self.lines else None,
                }
            )
        return rows

    def fees_by_type_monthly(self) -> list[Row]:
        found: dict[tuple[date, str, str, str], list[Line]] = defaultdict(list)
        for line in self.lines:
            if line.component in FEES:
                key = (month_of(line.day), line.currency, line.row["line_type"], line.component)
                found[key].append(line)
        rows = []
        for (month, currency, kind, component), lines in found.items():
            usd = sum_or_none(in_usd(line.row) for line in lines)
            payments = {line.row.get("payment__id") for line in lines} - {None}
            rows.append(
                {
                    "month": month,
                    "currency": currency,
                    "fee_type": kind,
                    "component": component,
                    "fees_amount": -sum((line.amount for line in lines), ZERO),
                    "fees_usd": None if usd is None else -usd,
                    "ledger_lines": len(lines),
                    "payments": len(payments),
                }
            )
        return rows

    # What is said twice

    def sides(self) -> dict[tuple[str, date, str, str], list[Decimal]]:
        """Currency, month, component and reference → what the ledger says, and what tables say."""
        found: dict[tuple[str, date, str, str], list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
        if not self.has_ledger:
            return found
        paid = [
            p for p in self.payments
            if (p.is_paid or p.paid_at) and p.paid and p.row.get("total")
        ]  # fmt: skip
        converted = {p.id for p in paid if self.settled_in(p) != p.currency}
        for line in self.lines:
            payment_id = line.row.get("payment__id")
            component: str | None = line.component
            reference = line.payout_id if line.of_payouts else payment_id
            if line.component == "transfers":
                reference = line.row.get("source__id")
                component = "transfers" if reference in self.transfers else None
            elif line.of_payouts:
                component = "payouts" if self.has_payouts else None
            elif component not in ("gross", "refunds", "payment_fees"):
                component = None
            elif payment_id in converted:
                component = None if component == "refunds" else "converted"
            if component:
                key = (line.currency, month_of(line.day), component, reference or line.row["id"])
                found[key][0] += line.amount

        def ours(currency: str, day: date, component: str, reference: str, much: Decimal) -> None:
            found[currency, month_of(day), component, reference][1] += much

        for p in paid:
            assert p.paid
            currency, kept = self.settled_in(p), p.row.get("amount_after_fees")
            if p.id in converted:
                if kept is not None:
                    ours(currency, p.paid, "converted", p.id, kept)
                continue
            ours(currency, p.paid, "gross", p.id, p.row["total"])
            if kept is not None:
                ours(currency, p.paid, "payment_fees", p.id, kept - p.row["total"])
            for refund in p.refunds:
                if refund.day:
                    ours(currency, refund.day, "refunds", p.id, -refund.amount)
        named = {x.row.get("source__id") for x in self.lines if x.component == "transfers"}
        for key, row in self.transfers.items() if named & self.transfers.keys() else ():
            at = row.get("succeeded_at") or row["created_at"]
            if row["status"] == "succeeded" and row["amount"] is not None and at <= self.raw.as_of:
                sent = row["origin__id"] == self.raw.company_id
                much = -row["amount"] if sent else row["amount"]
                ours(row["currency"], self.raw.day(at), "transfers", key, much)
        for payout in self.paid_out:
            currency, day = payout["currency"], self.raw.day(payout["created_at"])
            ours(currency, day, "payouts", payout["id"], -payout["amount"])
            if payout["status"] in RETURNED:
                at = payout.get("failure__funds_returned_at")
                at = at or self.returned_at.get(payout["id"]) or payout["created_at"]
                if at <= self.raw.as_of:
                    ours(currency, self.raw.day(at), "payouts", payout["id"], payout["amount"])
        return found

    @staticmethod
    def settled_in(payment: Payment) -> str:
        currency: str = payment.row.get("settlement_currency") or payment.row["currency"]
        return currency

    def cash_differences(self) -> list[Row]:
        sides = self.sides()
        over_all: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
        for (currency, _, component, reference), (theirs, ours) in sides.items():
            over_all[currency, component, reference] += theirs - ours
        rows = []
        for (currency, month, component, reference), (theirs, ours) in sides.items():
            if theirs == ours:
                continue
            reason = "other_amount"
            if not over_all[currency, component, reference]:
                reason = "in_another_month"
            elif not ours:
                reason = "only_in_ledger"
            elif not theirs:
                reason = "not_in_ledger"
            rows.append(
                {
                    "currency": currency,
                    "month": month,
                    "component": component,
                    "reference_id": reference,
                    "ledger_amount": theirs,
                    "our_amount": ours,
                    "difference": theirs - ours,
                    "reason": reason,
                }
            )
        return rows

    def cash_reconciliation(self) -> list[Row]:
        sides = self.sides()
        rows = []
        for currency in sorted({line.currency for line in self.lines}):
            lines = [line for line in self.lines if line.currency == currency]
            balance = ZERO
            for month in months_between(min(line.day for line in lines), self.raw.today):
                these = [line for line in lines if month_of(line.day) == month]
                row: Row = {"month": month, "currency": currency, "opening_amount": balance}
                for component in ORDER:
                    row[f"{component}_amount"] = sum(
                        (line.amount for line in these if line.component == component), ZERO
                    )
                balance += sum((line.amount for line in these), ZERO)
                said = [two for key, two in sides.items() if key[:2] == (currency, month)]
                theirs, ours = (sum((two[side] for two in said), ZERO) for side in (0, 1))
                apart = [two for two in said if two[0] != two[1]]
                row |= {
                    "closing_amount": balance,
                    "compared_ledger_amount": theirs,
                    "compared_our_amount": ours,
                    "difference": theirs - ours,
                    "named_difference": theirs - ours,
                    "differences": len(apart),
                    "ties": not apart,
                }
                row |= {"balance_observed_at": None, "whop_balance": None}
                row["balance_difference"] = None
                seen = self.last_seen(currency, month)
                if seen:
                    then = sum(
                        (x.amount for x in lines if x.row["posted_at"] <= seen["observed_at"]), ZERO
                    )
                    row["balance_observed_at"] = seen["observed_at"]
                    row["whop_balance"] = seen["balance"]
                    row["balance_difference"] = then - seen["balance"]
                    row["ties"] = not apart and then == seen["balance"]
                rows.append(row)
        return rows

    def last_seen(self, currency: str, month: date) -> Row | None:
        """The last balance that a sync saw in a month."""
        seen = [
            row
            for row in self.raw.table("account_balances")
            if row["symbol"].lower() == currency
            and row["observed_at"] <= self.raw.as_of
            and month_of(self.raw.day(row["observed_at"])) == month
        ]
        if not seen:
            return None
        latest = max(row["observed_at"] for row in seen)
        return min((row for row in seen if row["observed_at"] == latest), key=lambda row: row["id"])

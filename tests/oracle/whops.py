"""Whop's numbers beside ours, and what each rule makes of the difference; month by month."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from oracle.bank import Line
from oracle.basics import ZERO, Raw, Row, month_of, months_between, months_in, rounded, total
from oracle.ledger_fees import in_usd as line_in_usd
from oracle.money import Payment, in_usd
from oracle.mrr import Mrr
from oracle.periods import Calendar, Period, PeriodReader

FLOWS = ("gross_revenue", "total_refunded", "fees", "net_revenue", "disputes")
OURS = {
    "gross_revenue": "gross_usd",
    "total_refunded": "refunded_usd",
    "fees": "fees_usd",
    "net_revenue": "net_usd",
    "disputes": "disputes",
}
MRR, ARR = "monthly_recurring_revenue", "annual_recurring_revenue"
UNITS = {"disputes": "count", "churn_rate": "percent"}
RULES = ("dates", "tax", "currency", "disputes", "other_fees", "grace", "paused", "instalments")
FEES = ("payment_fees", "dispute_fees", "payout_fees", "other_fees")


def utc_month(moment: datetime) -> date:
    return month_of(moment.astimezone(UTC).date())


class Whops:
    """What one company's dashboard says, and we."""

    def __init__(
        self,
        raw: Raw,
        payments: list[Payment],
        reader: PeriodReader,
        periods: list[Period],
        mrr: Mrr,
        lines: list[Line],
    ) -> None:
        self.raw = raw
        self.reader = reader
        self.mrr = mrr
        self.lines = lines
        self.calendar = Calendar(raw)
        self.periods = [period for period in periods if period.is_mrr_known]
        self.payments = payments
        self.paid = [p for p in payments if p.is_paid and p.paid]
        self.days: dict[str, dict[date, date]] = defaultdict(dict)
        """Metric and month → the last day of it that Whop has a value for."""
        self.values: dict[tuple[str, date], dict[str | None, Decimal]] = defaultdict(dict)
        known = [
            (row, row["period_start"].astimezone(UTC).date())
            for row in raw.table("stats")
            if row["period_start"] <= raw.as_of
        ]
        known = [(row, day) for row, day in known if day <= raw.today]
        for row, day in known:
            if row["source_currency"] is None:
                days = self.days[row["metric"]]
                days[month_of(day)] = max(days.get(month_of(day), day), day)
        for row, day in known:
            if self.days[row["metric"]].get(month_of(day)) == day:
                self.values[row["metric"], month_of(day)][row["source_currency"]] = row["value"]
        # Rule, metric, month → by how much Whop's number is larger.
        self.parts: dict[tuple[str, str, date], Decimal] = defaultdict(Decimal)
        # Metric, month, currency → what money in it was, and was worth to us.
        self.money: dict[tuple[str, date, str | None], list[Decimal]] = defaultdict(
            lambda: [ZERO, ZERO]
        )

    def whop_comparison(self, metrics: list[Row]) -> list[Row]:
        months = [month for days in self.days.values() for month in days]
        if not months:
            return []
        ours = {row["month"]: row for row in metrics}
        self.explain(ours)
        rows = []
        for metric, days in self.days.items():
            if not days:
                continue
            for month in months_between(min(months), self.raw.today):
                if metric in FLOWS or month in days:
                    rows.append(self.row(metric, month, ours.get(month, {})))
        return rows

    def row(self, metric: str, month: date, ours: Row) -> Row:
        is_level = metric in (MRR, ARR)
        day = self.days[metric].get(month)
        theirs = self.values.get((metric, month), {}).get(None, ZERO)
        if is_level:
            assert day
            our = total(self.mrr.on(day).values()) * (12 if metric == ARR else 1)
        elif metric == "churn_rate":
            our = 100 * (ours.get("logo_churn_rate") or ZERO)
        else:
            our = Decimal(ours.get(OURS[metric]) or 0)
        parts = {f"{rule}_difference": self.part(rule, metric, month) for rule in RULES}
        return {
            "month": month,
            "metric": metric,
            "unit": UNITS.get(metric, "usd"),
            "measured_on": day if is_level else None,
            "whop_value": theirs,
            "our_value": our,
            **parts,
            "unexplained_difference": theirs - our - sum(parts.values(), ZERO),
        }

    def part(self, rule: str, metric: str, month: date) -> Decimal:
        if metric == ARR:
            return 12 * self.parts[rule, MRR, month]
        return self.parts[rule, metric, month]

    def explain(self, ours: dict[date, Row]) -> None:
        for payment in self.paid:
            assert payment.paid and payment.paid_at
            gross = payment.gross or ZERO
            whole = in_usd(payment.row.get("total"), payment.row) or ZERO
            dates = (utc_month(payment.paid_at), month_of(payment.paid))
            self.taxed("gross_revenue", 1, payment, dates, gross, whole)
            self.worth("gross_revenue", dates[1], payment, payment.row.get("total"), whole)
        for payment in self.payments:
            for refund in payment.refunds:
                if refund.at and refund.day:
                    net = refund.usd or ZERO
                    whole = in_usd(refund.amount, payment.row) or ZERO
                    dates = (utc_month(refund.at), month_of(refund.day))
                    self.taxed("total_refunded", -1, payment, dates, net, whole)
                    self.worth("total_refunded", dates[1], payment, refund.amount, whole)
            alerted = self.alerted(payment)
            if alerted and payment.paid:
                self.parts["dates", "disputes", utc_month(alerted)] += 1
                self.parts["dates", "disputes", month_of(payment.paid)] -= 1
        self.of_ledger(ours)
        for month, day in self.days[MRR].items():
            self.of_mrr(month, day)
        for metric in ("gross_revenue", "total_refunded", "fees", MRR):
            for month in self.days[metric]:
                self.converted(metric, month)

    def taxed(
        self,
        metric: str,
        sign: int,
        payment: Payment,
        dates: tuple[date, date],
        net: Decimal,
        whole: Decimal,
    ) -> None:
        """What tax and days make of an amount: `dates` are its month at Whop, and with us."""
        theirs, our = dates
        self.parts["tax", metric, our] += whole - net
        self.parts["dates", metric, theirs] += whole
        self.parts["dates", metric, our] -= whole
        self.parts["dates", "net_revenue", theirs] += sign * net
        self.parts["dates", "net_revenue", our] -= sign * net

    def worth(
        self, metric: str, month: date, payment: Payment, native: Decimal | None, usd: Decimal
    ) -> None:
        sums = self.money[metric, month, payment.currency]
        sums[0] += native or ZERO
        sums[1] += usd

    def alerted(self, payment: Payment) -> datetime | None:
        """When a dispute began, as far as anything says so; by as_of."""
        said = payment.row.get("dispute_alerted_at")
        listed = self.raw.table("disputes")
        own = [row for row in listed if row["payment__id"] == payment.id]
        begun = [row["created_at"] for row in own if row.get("created_at")]
        moments = [*begun, *([said] if said else [])]
        if own and not moments:
            moments = [payment.row["created_at"]] if payment.row.get("created_at") else []
        at = min(moments, default=None)
        return at if at and at <= self.raw.as_of else None

    def of_ledger(self, ours: dict[date, Row]) -> None:
        if not self.lines:
            return
        for line in self.lines:
            month = utc_month(line.row["posted_at"])
            usd = line_in_usd(line.row) or ZERO
            if line.component in FEES:
                rule = "dates" if line.component == "payment_fees" else "other_fees"
                self.parts[rule, "fees", month] -= usd
                self.parts[rule, "net_revenue", month] += usd
                sums = self.money["fees", month, line.currency]
                sums[0] -= line.amount
                sums[1] -= usd
            elif line.component == "disputes":
                self.parts["disputes", "net_revenue", month] += usd
        for month, row in ours.items():
            self.parts["dates", "fees", month] -= row["fees_usd"]
            self.parts["dates", "net_revenue", month] += row["fees_usd"]
            self.parts["disputes", "net_revenue", month] += row["charged_back_usd"]

    def of_mrr(self, month: date, day: date) -> None:
        for period in self.periods:
            if not self.calendar.covers(period, day):
                continue
            sums = self.money[MRR, month, period.payment.currency]
            sums[0] += period.mrr_native
            sums[1] += period.mrr
            paid_until = period.natural_end if period.is_continued else period.paid_until
            membership = self.raw.memberships.get(period.membership_id, {})
            if self.raw.day(paid_until) <= day:
                self.parts["grace", MRR, month] -= period.mrr
            elif month == month_of(self.raw.today) and membership.get("payment_collection_paused"):
                self.parts["paused", MRR, month] -= period.mrr
            else:
                self.parts["tax", MRR, month] += self.tax_in(period)
        self.parts["instalments", MRR, month] += self.instalments(day)

    @staticmethod
    def tax_in(period: Period) -> Decimal:
        """The tax that a month of a period's price contains."""
        payment = period.payment
        tax = payment.row.get("tax_amount") or ZERO
        if payment.row.get("tax_behavior") != "inclusive" or tax <= 0:
            return ZERO
        if payment.net is None or payment.net <= 0:
            return ZERO
        return rounded(Fraction(period.mrr) * Fraction(tax) / Fraction(payment.net), 9)

    def instalments(self, day: date) -> Decimal:
        """A month of what is paid for in parts on a day."""
        by_membership: dict[str, list[Payment]] = defaultdict(list)
        for payment in self.payments:
            version = self.reader.versions.get(payment.id)
            if (
                payment.is_paid
                and payment.paid_at
                and version
                and version.is_instalments
                and version.plan_type == "renewal"
                and (version.billing_period_days or 0) > 0
            ):
                by_membership[payment.membership_id or payment.id].append(payment)
        found = ZERO
        for payments in by_membership.values():
            payments.sort(key=lambda p: (p.paid_at, p.id))
            for index, payment in enumerate(payments):
                assert payment.paid_at
                days = self.reader.versions[payment.id].billing_period_days or 0
                end = self.raw.day(payment.paid_at + timedelta(days=days))
                if index + 1 < len(payments):
                    following = payments[index + 1].paid_at
                    assert following
                    end = min(end, self.raw.day(following))
                if self.raw.day(payment.paid_at) <= day < end:
                    found += rounded(Fraction(payment.gross or ZERO) / months_in(days), 6)
        return found

    def converted(self, metric: str, month: date) -> None:
        """What it makes that Whop changes money at other rates than ours."""
        values = dict(self.values[metric, month])
        whole = values.pop(None)
        if not values:
            return
        at_ours = ZERO
        for currency, value in values.items():
            native, usd = self.money[metric, month, currency]
            if value == 0:
                continue
            if currency == "usd":
                at_ours += value
            elif native == 0:
                return
            else:
                at_ours += rounded(
                    Fraction(value) * Fraction(rounded(usd, 9)) / Fraction(rounded(native, 9)), 9
                )
        self.parts["currency", metric, month] += whole - at_ours
        if metric != MRR:
            sign = 1 if metric == "gross_revenue" else -1
            self.parts["currency", "net_revenue", month] += sign * (whole - at_ours)

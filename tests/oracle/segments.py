"""The same numbers for parts of a company: by plan, currency, country, code and so on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cached_property

from oracle.basics import ONE_DAY, Raw, Row, days_between, month_of, months_between, total
from oracle.churn import Churn
from oracle.money import Payment, in_order_of_payment
from oracle.mrr import Mrr
from oracle.periods import Period
from oracle.ratios import Ratios

NONE = "none"
RATIO_DIMENSIONS = ("plan", "product", "country")

Segment = tuple[str, str]
"""A dimension and one of its values."""
ByMembership = dict[tuple[str, str], dict[date, Decimal]]
"""Membership and whose it is → day → MRR, for the days it has any."""


class Segments:
    """A company's periods and payments, sorted into the values of each dimension."""

    def __init__(self, raw: Raw, payments: list[Payment], mrr: Mrr, churn: Churn) -> None:
        self.raw = raw
        self.payments = payments
        self.mrr = mrr
        self.churn = churn
        self.cohorts = mrr.cohorts()

    def values(self, period: Period) -> Mapping[str, str]:
        """The value of every dimension for a period."""
        row = period.payment.row
        membership = self.raw.memberships.get(period.membership_id, {})
        found = {
            "plan": period.payment.plan_id,
            "product": period.payment.product_id,
            "billing_period": str(period.days),
            "currency": period.payment.currency,
            "country": row.get("billing_address__country"),
            "payment_method": row.get("payment_method_type"),
            "promo_code": row.get("promo_code__id"),
            "affiliate": membership.get("affiliate__id"),
            "checkout_link": row.get("checkout_configuration_id"),
            "acquisition_month": f"{self.cohorts[period.member_id]:%Y-%m}",
        }
        return {dimension: value or NONE for dimension, value in found.items()}

    @cached_property
    def mrr_of(self) -> dict[Segment, ByMembership]:
        """What each membership brings to each segment, day by day."""
        result: dict[Segment, ByMembership] = defaultdict(
            lambda: defaultdict(lambda: defaultdict(Decimal))
        )
        for period in self.mrr.periods:
            days = list(self.mrr.calendar.days_of(period))
            for segment in self.values(period).items() if days else ():
                for day in days:
                    result[segment][period.membership_id, period.member_id][day] += period.mrr
        return result

    def mrr_daily_by_segment(self) -> list[Row]:
        """From a value's first day on; of what has ended for good, one day of 0."""
        rows = []
        for (dimension, value), memberships in self.mrr_of.items():
            days = {day for by_day in memberships.values() for day in by_day}
            for day in days_between(min(days), min(self.raw.today, max(days) + ONE_DAY)):
                amounts = [by_day[day] for by_day in memberships.values() if day in by_day]
                rows.append(
                    {
                        "date": day,
                        "dimension": dimension,
                        "value": value,
                        "mrr_usd": total(amounts),
                        "customers": len(amounts),
                    }
                )
        return rows

    def changes(self, segment: Segment) -> list[tuple[date, str, Decimal]]:
        """Day, kind and change of every membership of a segment.

        A day on which the member is new, comes back or leaves is that in every segment; on
        others what goes up is expansion, what goes down contraction.
        """
        kinds = {(move.member_id, move.day): move.kind for move in self.mrr.movements}
        result = []
        for (_, member_id), by_day in self.mrr_of[segment].items():
            for day in sorted({*by_day, *(day + ONE_DAY for day in by_day)}):
                before, after = by_day.get(day - ONE_DAY, 0), by_day.get(day, 0)
                if day > self.raw.today or before == after:
                    continue
                change = Decimal(after - before)
                kind = kinds.get((member_id, day), "")
                if kind not in ("new", "reactivation", "churn"):
                    kind = "expansion" if change > 0 else "contraction"
                result.append((day, kind, change))
        return result

    def mrr_monthly_by_segment(self) -> list[Row]:
        rows = []
        for segment, memberships in self.mrr_of.items():
            changes = self.changes(segment)
            for month in months_between(min(day for day, _, _ in changes), self.raw.today):
                start = [by_day.get(month - ONE_DAY) for by_day in memberships.values()]
                end = [by_day.get(self.raw.last_day(month)) for by_day in memberships.values()]
                row: Row = {
                    "month": month,
                    "dimension": segment[0],
                    "value": segment[1],
                    "mrr_start_usd": total(start),
                    "mrr_end_usd": total(end),
                    "customers_start": sum(1 for amount in start if amount),
                    "customers_end": sum(1 for amount in end if amount),
                }
                for kind in ("new", "reactivation", "expansion", "contraction", "churn"):
                    row[f"{kind}_usd"] = total(
                        change
                        for day, of_kind, change in changes
                        if of_kind == kind and month_of(day) == month
                    )
                rows.append(row)
        return rows

    # ------------------------------------------------------------------ ratios

    def metrics_monthly_by_segment(self, ratios: Ratios) -> list[Row]:
        payments: dict[Segment, list[Payment]] = defaultdict(list)
        for payment in self.payments:
            for segment in self.of_payment(payment):
                payments[segment].append(payment)
        trials: dict[Segment, list[Row]] = defaultdict(list)
        for membership in self.churn.trials():
            for segment in self.of_trial(membership):
                trials[segment].append(membership)
        periods: dict[Segment, list[Period]] = defaultdict(list)
        for period in self.mrr.periods:
            for segment in self.values(period).items() if self.is_customer(period) else ():
                periods[segment].append(period)
        own = {segment for segment in self.mrr_of if segment[0] in RATIO_DIMENSIONS}
        return [
            {"dimension": segment[0], "value": segment[1], **row}
            for segment in sorted({*own, *payments, *trials})
            for row in ratios.months(
                lambda day, segment=segment: self.on(segment, day),  # type: ignore[misc]
                [(day, change) for day, _, change in self.changes(segment)]
                if segment in self.mrr_of
                else [],
                payments[segment],
                trials[segment],
                periods[segment],
            )
        ]

    def is_customer(self, period: Period) -> bool:
        """Whether a period has given its member any MRR yet."""
        return period.member_id in self.cohorts

    def on(self, segment: Segment, day: date) -> dict[tuple[str, str], Decimal]:
        """The memberships of a segment on a day and their MRR."""
        memberships = self.mrr_of.get(segment, {})
        return {own: by_day[day] for own, by_day in memberships.items() if day in by_day}

    def of_payment(self, payment: Payment) -> list[Segment]:
        return [
            ("plan", payment.plan_id or NONE),
            ("product", payment.product_id or NONE),
            ("country", payment.row.get("billing_address__country") or NONE),
        ]

    def of_trial(self, membership: Row) -> list[Segment]:
        own = [p for p in self.payments if p.membership_id == membership["id"]]
        paid = [p for p in own if p.is_paid and p.paid]
        first = min(paid, key=in_order_of_payment, default=None)
        country = first.row.get("billing_address__country") if first else None
        return [
            ("plan", membership.get("plan__id") or NONE),
            ("product", membership.get("product__id") or NONE),
            ("country", country or NONE),
        ]

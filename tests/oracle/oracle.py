"""Every mart, computed from the raw rows in plain Python, straight from the metric definitions.

This is the second opinion on the dbt models: no SQL, nothing shared with them, day by day wherever
that is the plainest way to say what a definition says. Amounts are `Decimal` with 60 digits, so
nothing is rounded except where a definition rounds.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

Row = dict[str, Any]
Dataset = Mapping[str, list[Row]]
Marts = dict[str, list[Row]]

ZERO = Decimal(0)
MICRO = Decimal("0.000001")
EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)
ONE_DAY = timedelta(days=1)

FAILED_STATUSES = ("open", "uncollectible", "void", "unresolved")
RUNNING_STATUSES = ("trialing", "active", "past_due", "unresolved")


@dataclass(frozen=True)
class Settings:
    """The variables of the dbt project, with their defaults."""

    as_of: datetime | None = None
    reporting_timezone: str = "UTC"
    grace_days: int = 14
    include_deleted: bool = False


@dataclass(frozen=True)
class Refund:
    """Money that went back, with a day of its own."""

    at: datetime | None
    day: date | None
    """Day of `at`; None when that is after as_of."""
    amount: Decimal
    """In the payment's currency."""
    usd: Decimal | None
    """None when it is not known in dollars."""


@dataclass(frozen=True)
class Payment:
    """A payment with what the definitions make of it; dates are in the reporting time zone."""

    row: Row
    id: str
    membership_id: str | None
    member_id: str | None
    plan_id: str | None
    product_id: str | None
    created: date | None
    paid_at: datetime | None
    paid: date | None
    """Day of `paid_at`; None when that is after as_of, as are the other days."""
    refunds: tuple[Refund, ...]
    is_paid: bool
    is_disputed: bool
    has_failed: bool
    billed: Decimal | None
    """What was asked for, paid or not; an amount is None when it is not known in dollars."""
    gross: Decimal | None
    fees: Decimal | None

    @property
    def refunded_by_now(self) -> list[Refund]:
        """The refunds by as_of, oldest first."""
        known = [refund for refund in self.refunds if refund.day]
        return sorted(known, key=lambda refund: refund.at or EARLIEST)

    @property
    def refund(self) -> Decimal | None:
        """All that ever went back, as_of or not, in dollars."""
        return sum_or_none(refund.usd for refund in self.refunds)

    @property
    def refunded(self) -> date | None:
        """Day of the last refund by as_of."""
        return max((r.day for r in self.refunds if r.day), default=None)


@dataclass(frozen=True)
class Period:
    """A stretch of a membership that one counted payment pays for."""

    payment: Payment
    membership_id: str
    member_id: str
    start: datetime
    natural_end: datetime
    end: datetime | None
    recurring: Decimal
    mrr: Decimal
    days: int
    following: datetime | None = None
    """When the membership's next period starts."""


@dataclass(frozen=True)
class Movement:
    """A day on which a member's MRR changed."""

    member_id: str
    day: date
    kind: str
    before: Decimal
    after: Decimal


def compute(dataset: Dataset, settings: Settings | None = None) -> Marts:
    """Every mart of every company of a dataset."""
    settings = settings or Settings()
    companies = sorted({row["company_id"] for rows in dataset.values() for row in rows})
    marts: Marts = defaultdict(list)
    with localcontext() as context:
        context.prec = 60
        context.rounding = ROUND_HALF_UP
        for company in companies:
            own = {
                table: [row for row in rows if row["company_id"] == company]
                for table, rows in dataset.items()
            }
            for mart, rows in Company(company, own, settings).marts().items():
                marts[mart] += [{"company_id": company, **row} for row in rows]
    return dict(marts)


def last_sync(dataset: Dataset) -> datetime | None:
    """The newest moment any row was synced at."""
    synced = [row.get("_whop_synced_at") for rows in dataset.values() for row in rows]
    return max((moment for moment in synced if moment), default=None)


def months_in(days: int) -> Fraction:
    """How many months a billing period of so many days is."""
    for first, last, months in (
        (28, 31, 1),
        (89, 92, 3),
        (180, 184, 6),
        (365, 366, 12),
        (730, 731, 24),
    ):
        if first <= days <= last:
            return Fraction(months)
    return Fraction(days) / Fraction("30.4375")


def month_of(day: date) -> date:
    return day.replace(day=1)


def month_after(month: date) -> date:
    return month_of(month.replace(day=28) + timedelta(days=4))


def months_between(first: date, last: date) -> Iterator[date]:
    """The first days of all months from one to another, both included."""
    month = month_of(first)
    while month <= last:
        yield month
        month = month_after(month)


def days_between(first: date, last: date) -> Iterator[date]:
    """All days from one to another, both included."""
    while first <= last:
        yield first
        first += ONE_DAY


def ratio(part: Decimal | int | None, whole: Decimal | int | None) -> Decimal | None:
    """A quotient; null when either side is unknown or the denominator is 0."""
    if part is None or not whole:
        return None
    return Decimal(part) / Decimal(whole)


def total(amounts: Iterable[Decimal | None]) -> Decimal:
    """A sum in which an unknown amount counts as 0."""
    return sum((amount for amount in amounts if amount is not None), ZERO)


def sum_or_none(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """A sum that is unknown when one of its parts is."""
    result: Decimal = ZERO
    for amount in amounts:
        if amount is None:
            return None
        result += amount
    return result


class Company:
    """One company's rows, and its marts."""

    def __init__(self, company_id: str, tables: Dataset, settings: Settings) -> None:
        self.settings = settings
        self.zone = ZoneInfo(settings.reporting_timezone)
        # Each company is true as of its own last sync: another one's says nothing about it.
        as_of = settings.as_of or last_sync(tables)
        assert as_of, "nothing was ever synced"
        self.as_of: datetime = as_of
        self.today = self.day(as_of)

        def kept(table: str) -> list[Row]:
            return [
                row
                for row in tables.get(table, [])
                if settings.include_deleted or row.get("_whop_deleted_at") is None
            ]

        self.raw = {table: kept(table) for table in tables}
        self.states = list(tables.get("membership_states", []))
        # A plan that Whop no longer lists still says what its payments were for.
        self.plans = {row["id"]: row for row in tables.get("plans", [])}
        self.products = {row["id"]: row for row in tables.get("products", [])}
        self.deleted = {
            row["id"]: row["_whop_deleted_at"]
            for row in tables.get("memberships", [])
            if row.get("_whop_deleted_at")
        }
        self.memberships = {row["id"]: row for row in self.table("memberships")}
        self.listed_refunds: dict[str, list[Row]] = defaultdict(list)
        for row in self.table("refunds"):
            self.listed_refunds[row["payment__id"]].append(row)
        self.listed_disputes: dict[str, list[Row]] = defaultdict(list)
        for row in self.table("disputes"):
            self.listed_disputes[row["payment__id"]].append(row)
        self.payments = [self.payment(row) for row in self.table("payments")]
        self.periods = self.all_periods()
        self.mrr = self.mrr_by_member()
        self.movements = self.all_movements()

    def table(self, name: str) -> list[Row]:
        return self.raw.get(name, [])

    def day(self, moment: datetime) -> date:
        """The day of a moment in the reporting time zone."""
        return moment.astimezone(self.zone).date()

    def known_day(self, moment: datetime | None) -> date | None:
        """The day of a moment, unless it is after as_of."""
        return self.day(moment) if moment and moment <= self.as_of else None

    # ------------------------------------------------------------------ basis

    def usd(self, amount: Decimal | None, row: Row) -> Decimal | None:
        """An amount of a payment in US dollars: amount * (usd_total / total)."""
        if not amount:
            return amount  # nothing is nothing in any currency
        # Multiplied before divided, so that a whole number of cents stays one.
        if row.get("usd_total") is not None and row.get("total"):
            return Decimal(amount * row["usd_total"] / row["total"])
        return amount if row.get("currency") == "usd" else None

    def member_of(self, row: Row) -> str | None:
        """The payment's member, else the membership's, else the membership's own id."""
        membership_id = row.get("membership__id")
        membership = self.memberships.get(membership_id or "", {})
        return row.get("member__id") or membership.get("member__id") or membership_id

    def refunds_of(self, row: Row) -> Iterator[Refund]:
        """The refunds of a payment: those listed, then what it says went back beyond them."""
        when = row.get("refunded_at") or row.get("paid_at")
        left = row.get("refunded_amount") or ZERO
        for refund in self.listed_refunds[row["id"]]:
            same_currency = refund.get("currency") == row.get("currency")
            if refund.get("status") == "succeeded" and same_currency and refund["amount"] > 0:
                at = refund.get("created_at") or when
                amount = refund["amount"]
                yield Refund(at, self.known_day(at), amount, self.usd(amount, row))
                left -= amount
        if left > 0:
            yield Refund(when, self.known_day(when), left, self.usd(left, row))

    def is_disputed(self, row: Row) -> bool:
        """Whether the payment says so, or a dispute of it is listed, by as_of."""
        if (row.get("substatus") or "").startswith("dispute_"):
            return True
        began = [row.get("dispute_alerted_at")]
        disputes = self.listed_disputes[row["id"]]
        began += [dispute.get("created_at") for dispute in disputes]
        if disputes and not any(began):
            began = [row.get("created_at")]
        return any(self.known_day(moment) for moment in began)

    def payment(self, row: Row) -> Payment:
        amount, tax = row.get("total"), row.get("tax_amount") or ZERO
        paid_at: datetime | None = row.get("paid_at")
        paid = self.known_day(paid_at)
        is_paid = row.get("status") == "paid"
        ever_paid = is_paid or paid_at is not None
        gross = None if amount is None else self.usd(amount - tax, row)
        same_currency = row.get("settlement_currency") == row.get("currency")
        after_fees = row.get("amount_after_fees")
        fees = None
        if same_currency and amount is not None and after_fees is not None:
            fees = self.usd(amount - after_fees, row)
        plan = self.plans.get(row.get("plan__id") or "", {})
        return Payment(
            row=row,
            id=row["id"],
            membership_id=row.get("membership__id"),
            member_id=self.member_of(row),
            plan_id=row.get("plan__id"),
            product_id=row.get("product__id") or plan.get("product__id"),
            created=self.known_day(row.get("created_at")),
            paid_at=paid_at,
            paid=paid,
            refunds=tuple(self.refunds_of(row)) if ever_paid else (),
            is_paid=is_paid,
            is_disputed=self.is_disputed(row),
            has_failed=(row.get("payments_failed") or 0) > 0
            or row.get("status") in FAILED_STATUSES,
            billed=gross,
            gross=gross if is_paid else ZERO,
            fees=fees if ever_paid else ZERO,
        )

    # ------------------------------------------------------------------ periods

    def all_periods(self) -> list[Period]:
        """One period per counted payment, whatever as_of is."""
        by_membership: dict[str, list[Period]] = defaultdict(list)
        for payment in self.payments:
            period = self.uncut_period(payment)
            if period:
                by_membership[period.membership_id].append(period)
        return [
            period
            for membership_id, periods in sorted(by_membership.items())
            for period in self.cut(self.memberships.get(membership_id, {}), periods)
        ]

    def uncut_period(self, payment: Payment) -> Period | None:
        """The period of a payment that counts, up to its natural end."""
        plan = self.plans.get(payment.plan_id or "", {})
        days = plan.get("billing_period")
        if not (payment.is_paid and payment.membership_id and payment.paid_at):
            return None
        if plan.get("plan_type") != "renewal" or not days or not (payment.gross or ZERO) > 0:
            return None
        recurring = payment.gross or ZERO
        price = plan.get("renewal_price") or ZERO
        if (
            payment.row.get("billing_reason") == "subscription_create"
            and price > 0
            and plan.get("currency") == payment.row.get("currency")
        ):
            recurring = min(recurring, self.usd(price, payment.row) or ZERO)
        natural_end = payment.paid_at + timedelta(days=days)
        months = months_in(days)
        return Period(
            payment=payment,
            membership_id=payment.membership_id,
            member_id=payment.member_id or payment.membership_id,
            start=payment.paid_at,
            natural_end=natural_end,
            end=natural_end,
            recurring=recurring,
            # Multiplied before divided, so that what ends in a half rounds up.
            mrr=(recurring * months.denominator / months.numerator).quantize(MICRO, ROUND_HALF_UP),
            days=days,
        )

    def cut(self, membership: Row, periods: list[Period]) -> list[Period]:
        """The periods of one membership, each ended by what ends it first."""
        periods = sorted(periods, key=lambda period: (period.start, period.payment.id))
        grace = timedelta(days=self.settings.grace_days)
        done = []
        for index, period in enumerate(periods):
            end: datetime | None = period.natural_end
            following = None
            if index + 1 < len(periods):
                following = periods[index + 1].start
                if following <= period.natural_end + grace:
                    end = following
            elif membership.get("status") in RUNNING_STATUSES:
                end = None
            elif membership.get("status") == "canceling":
                end = max(
                    period.natural_end, membership.get("renewal_period_end") or period.natural_end
                )
            refunds = period.payment.refunds
            if total(refund.amount for refund in refunds) >= period.payment.row["total"]:
                refunded_at = max(period.start, *(refund.at or period.start for refund in refunds))
                end = refunded_at if end is None else min(end, refunded_at)
            done.append(replace(period, end=end, following=following))
        return done

    def covers(self, period: Period, day: date) -> bool:
        """Whether a period covers a day, as of as_of: what ends later has not ended yet."""
        if not self.has_begun(period) or day < self.day(period.start):
            return False
        return not self.has_ended(period) or day < self.day(period.end or self.as_of)

    def has_begun(self, period: Period) -> bool:
        return period.start <= self.as_of

    def has_ended(self, period: Period) -> bool:
        return period.end is not None and period.end <= self.as_of

    # ------------------------------------------------------------------ MRR

    def mrr_by_member(self) -> dict[str, dict[date, Decimal]]:
        """Member → day → MRR, for the days it has any."""
        result: dict[str, dict[date, Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
        for period in self.periods:
            for day in self.days_of(period):
                result[period.member_id][day] += period.mrr
        return result

    def days_of(self, period: Period) -> Iterator[date]:
        day = self.day(period.start)
        while day <= self.today and self.covers(period, day):
            yield day
            day += ONE_DAY

    def member_mrr(self, member_id: str, day: date) -> Decimal:
        return self.mrr.get(member_id, {}).get(day, ZERO)

    def all_movements(self) -> list[Movement]:
        movements = []
        for member_id, by_day in self.mrr.items():
            if not by_day:
                continue
            before, was_customer = ZERO, False
            for day in days_between(min(by_day), self.today):
                after = by_day.get(day, ZERO)
                if after != before:
                    if before == 0:
                        kind = "reactivation" if was_customer else "new"
                    elif after == 0:
                        kind = "churn"
                    else:
                        kind = "expansion" if after > before else "contraction"
                    movements.append(Movement(member_id, day, kind, before, after))
                before, was_customer = after, True
        return movements

    def mrr_months(self) -> list[date]:
        """The months from the first movement to that of as_of."""
        if not self.movements:
            return []
        return list(months_between(min(move.day for move in self.movements), self.today))

    def last_day(self, month: date) -> date:
        """The last day of a month, or the day of as_of when that comes first."""
        return min(month_after(month) - ONE_DAY, self.today)

    def mrr_on(self, day: date) -> dict[str, Decimal]:
        """The customers of a day and their MRR."""
        return {member_id: by_day[day] for member_id, by_day in self.mrr.items() if by_day.get(day)}

    # ------------------------------------------------------------------ subscriptions, churn

    def membership_periods(self) -> dict[str, list[Period]]:
        """The periods that have begun by as_of, by membership, in order."""
        result: dict[str, list[Period]] = defaultdict(list)
        for period in self.periods:
            if self.has_begun(period):
                result[period.membership_id].append(period)
        return result

    def ending(self, last: Period) -> tuple[str, str]:
        """Why a membership ended with a period: type and reason.

        When it came back later, what it did after that says nothing about why it had ended.
        """

        def before_return(moment: datetime) -> bool:
            return last.following is None or moment < last.following

        membership = self.memberships.get(last.membership_id, {})
        canceled_at = membership.get("canceled_at")
        if canceled_at and canceled_at <= self.as_of and before_return(canceled_at):
            return "voluntary", membership.get("cancel_option") or "unspecified"
        for payment in self.payments:
            if (
                payment.membership_id == last.membership_id
                and payment.row.get("status") in FAILED_STATUSES
                and last.start < payment.row["created_at"]
                and before_return(payment.row["created_at"])
                and payment.created
            ):
                return "involuntary", "payment_failed"
        return "lapsed", "not_renewed"

    def ending_of_churn(self, move: Movement) -> tuple[str, str]:
        """The type of the membership that ended last on the day of a churn movement."""
        ended = [
            (period.end, period)
            for period in self.periods
            if period.member_id == move.member_id
            and self.has_begun(period)
            and period.end is not None
            and self.has_ended(period)
            and self.day(period.end) == move.day
        ]
        _, last = min(
            ended, key=lambda pair: (-pair[0].timestamp(), -pair[1].mrr, pair[1].membership_id)
        )
        return self.ending(last)

    def is_trial(self, membership: Row) -> bool:
        plan = self.plans.get(membership.get("plan__id") or "", {})
        return (plan.get("trial_period_days") or 0) > 0

    # ------------------------------------------------------------------ marts

    def marts(self) -> Marts:
        builders: Mapping[str, Callable[[], list[Row]]] = {
            "fct_payments": self.fct_payments,
            "fct_subscription_periods": self.fct_subscription_periods,
            "fct_subscriptions": self.fct_subscriptions,
            "mrr_movements": self.mrr_movements,
            "mrr_monthly": self.mrr_monthly,
            "mrr_daily": self.mrr_daily,
            "mrr_daily_by_plan": self.mrr_daily_by_plan,
            "churn_monthly": self.churn_monthly,
            "metrics_monthly": self.metrics_monthly,
            "cohort_retention_monthly": self.cohort_retention_monthly,
            "revenue_recognition_monthly": self.revenue_recognition_monthly,
            "revenue_daily": self.revenue_daily,
            "dim_members": self.dim_members,
            "dim_products": self.dim_products,
            "dim_plans": self.dim_plans,
            "dim_promo_codes": self.dim_promo_codes,
            "dim_companies": self.dim_companies,
            "data_freshness": self.data_freshness,
            "membership_history": self.membership_history,
        }
        return {mart: build() for mart, build in builders.items()}

    def sums(self, payments: Iterable[Payment], within: Callable[[date], bool]) -> Row:
        """Gross, refunds, fees and net of payments, each by its own date."""
        payments = list(payments)
        gross = total(p.gross for p in payments if p.paid and within(p.paid))
        refunded = total(
            refund.usd for p in payments for refund in p.refunded_by_now if within(refund.day)
        )
        fees = total(p.fees for p in payments if p.paid and within(p.paid))
        return {
            "gross_usd": gross,
            "refunded_usd": refunded,
            "fees_usd": fees,
            "net_usd": gross - refunded - fees,
        }

    def fct_payments(self) -> list[Row]:
        first: dict[str | None, Payment] = {}
        for payment in sorted(self.payments, key=in_order_of_payment):
            if self.is_sale(payment):
                first.setdefault(payment.member_id, payment)
        rows = []
        for payment in self.payments:
            # An amount is null when nobody can know it, and 0 before its time has come.
            gross = payment.gross if payment.paid else ZERO
            refunds = payment.refunded_by_now
            refund = sum_or_none(refund.usd for refund in refunds)
            fees = payment.fees if payment.paid else ZERO
            net = None
            if gross is not None and refund is not None:
                net = gross - refund - (fees or ZERO)
            if payment.created:
                rows.append(
                    {
                        "payment_id": payment.id,
                        "membership_id": payment.membership_id,
                        "member_id": payment.member_id,
                        "plan_id": payment.plan_id,
                        "product_id": payment.product_id,
                        "currency": payment.row.get("currency"),
                        "total": payment.row.get("total"),
                        "paid_at": payment.paid_at if payment.paid else None,
                        "paid_date": payment.paid,
                        "refunded_at": refunds[-1].at if refunds else None,
                        "refunded_date": payment.refunded,
                        "refunded_amount": self.refunded_amount(payment),
                        "fees_amount": self.fees_amount(payment),
                        "gross_usd": gross,
                        "refunded_usd": refund,
                        "fees_usd": fees,
                        "net_usd": net,
                        "is_paid": payment.is_paid and payment.paid is not None,
                        "is_refunded": payment.refunded is not None,
                        "is_disputed": payment.is_disputed,
                        "is_recovered": payment.has_failed
                        and payment.is_paid
                        and payment.paid is not None,
                        "is_first": payment.member_id is not None
                        and first.get(payment.member_id) is payment,
                    }
                )
        return rows

    def refunded_amount(self, payment: Payment) -> Decimal | None:
        """What was refunded, in the payment's currency; null before its time has come."""
        amount: Decimal | None = payment.row.get("refunded_amount")
        if payment.refunds:
            by_now = payment.refunded_by_now
            return total(refund.amount for refund in by_now) if by_now else None
        return amount

    def fees_amount(self, payment: Payment) -> Decimal | None:
        """Fees in the payment's currency, once it is paid and if they are settled in it."""
        row = payment.row
        amount, after_fees = row.get("total"), row.get("amount_after_fees")
        if not payment.paid or row.get("settlement_currency") != row.get("currency"):
            return None
        return None if amount is None or after_fees is None else Decimal(amount - after_fees)

    def is_sale(self, payment: Payment) -> bool:
        """Whether money changed hands: not so for the free first payment of a trial."""
        amount, tax = payment.row.get("total") or ZERO, payment.row.get("tax_amount") or ZERO
        return payment.is_paid and payment.paid is not None and amount > tax

    def fct_subscription_periods(self) -> list[Row]:
        return [
            {
                "payment_id": period.payment.id,
                "membership_id": period.membership_id,
                "member_id": period.member_id,
                "plan_id": period.payment.plan_id,
                "product_id": period.payment.product_id,
                "period_start": period.start,
                "period_end": period.end,
                "mrr_usd": period.mrr,
                "recurring_usd": period.recurring,
            }
            for period in self.periods
            if self.has_begun(period)
        ]

    def fct_subscriptions(self) -> list[Row]:
        rows = []
        for membership_id, periods in self.membership_periods().items():
            membership = self.memberships.get(membership_id, {})
            last = periods[-1]
            ended_at = last.end if self.has_ended(last) else None
            churn_type, churn_reason = self.ending(last) if ended_at else (None, None)
            own = [p for p in self.payments if p.membership_id == membership_id]
            first = min((p for p in own if p.is_paid and p.paid), key=in_order_of_payment)
            canceled_at = membership.get("canceled_at")
            trial = self.is_trial(membership)
            sums = self.sums(own, lambda day: True)
            rows.append(
                {
                    "membership_id": membership_id,
                    "member_id": last.member_id,
                    "plan_id": last.payment.plan_id,
                    "product_id": last.payment.product_id,
                    # Not the membership's: that is the code in force now, none when it is used up.
                    "promo_code_id": first.row.get("promo_code__id"),
                    "canceled_at": canceled_at if self.known_day(canceled_at) else None,
                    "started_at": periods[0].start,
                    "ended_at": ended_at,
                    "is_active": ended_at is None,
                    "mrr_usd": total(p.mrr for p in periods if self.covers(p, self.today)),
                    "lifetime_gross_usd": sums["gross_usd"],
                    "lifetime_refunded_usd": sums["refunded_usd"],
                    "lifetime_net_usd": sums["net_usd"],
                    "payments_count": sum(1 for p in own if p.is_paid and p.paid),
                    "trial_started_at": membership.get("created_at") if trial else None,
                    "trial_converted": trial,
                    "churn_type": churn_type,
                    "churn_reason": churn_reason,
                }
            )
        return rows

    def mrr_movements(self) -> list[Row]:
        return [
            {
                "member_id": move.member_id,
                "movement_date": move.day,
                "movement_type": move.kind,
                "mrr_before_usd": move.before,
                "mrr_after_usd": move.after,
                "mrr_change_usd": move.after - move.before,
            }
            for move in self.movements
        ]

    def mrr_monthly(self) -> list[Row]:
        rows = []
        for month in self.mrr_months():
            start, end = self.mrr_on(month - ONE_DAY), self.mrr_on(self.last_day(month))
            moves = [move for move in self.movements if month_of(move.day) == month]

            def change(kind: str, moves: list[Movement] = moves) -> Decimal:
                return total(move.after - move.before for move in moves if move.kind == kind)

            def count(kind: str, moves: list[Movement] = moves) -> int:
                return sum(1 for move in moves if move.kind == kind)

            rows.append(
                {
                    "month": month,
                    "mrr_start_usd": total(start.values()),
                    "new_usd": change("new"),
                    "reactivation_usd": change("reactivation"),
                    "expansion_usd": change("expansion"),
                    "contraction_usd": change("contraction"),
                    "churn_usd": change("churn"),
                    "mrr_end_usd": total(end.values()),
                    "customers_start": len(start),
                    "customers_new": count("new"),
                    "customers_reactivated": count("reactivation"),
                    "customers_churned": count("churn"),
                    "customers_end": len(end),
                }
            )
        return rows

    def mrr_daily(self) -> list[Row]:
        if not self.movements:
            return []
        by_day: dict[date, list[Decimal]] = defaultdict(list)
        for days in self.mrr.values():
            for day, mrr in days.items():
                by_day[day].append(mrr)
        first = min(move.day for move in self.movements)
        return [
            {"date": day, "mrr_usd": total(by_day[day]), "customers": len(by_day[day])}
            for day in days_between(first, self.today)
        ]

    def mrr_daily_by_plan(self) -> list[Row]:
        """From the first day of a plan on, also the days on which nobody was on it."""
        plans: dict[tuple[str | None, str | None], list[Period]] = defaultdict(list)
        for period in self.periods:
            if self.has_begun(period):
                plans[period.payment.product_id, period.payment.plan_id].append(period)
        rows = []
        for (product_id, plan_id), periods in plans.items():
            covering: dict[date, list[Period]] = defaultdict(list)
            for period in periods:
                for day in self.days_of(period):
                    covering[day].append(period)
            if covering:
                rows += [
                    {
                        "date": day,
                        "product_id": product_id,
                        "plan_id": plan_id,
                        "mrr_usd": total(period.mrr for period in covering[day]),
                        "customers": len({period.member_id for period in covering[day]}),
                    }
                    for day in days_between(min(covering), self.today)
                ]
        return rows

    def churn_monthly(self) -> list[Row]:
        groups: dict[tuple[date, str, str], list[Movement]] = defaultdict(list)
        for move in self.movements:
            if move.kind == "churn":
                groups[month_of(move.day), *self.ending_of_churn(move)].append(move)
        return [
            {
                "month": month,
                "churn_type": churn_type,
                "churn_reason": churn_reason,
                "customers_churned": len(moves),
                "mrr_churned_usd": total(move.after - move.before for move in moves),
            }
            for (month, churn_type, churn_reason), moves in groups.items()
        ]

    def first_month(self) -> date | None:
        """The month of the first thing there is to report."""
        days = [move.day for move in self.movements]
        for p in self.payments:
            days += [day for day in (p.created, p.paid) if day is not None]
            days += [refund.day for refund in p.refunded_by_now if refund.day and refund.usd]
        trials = (self.known_day(m.get("created_at")) for m in self.trials())
        days += [day for day in trials if day is not None]
        return month_of(min(days)) if days else None

    def trials(self) -> list[Row]:
        return [row for row in self.memberships.values() if self.is_trial(row)]

    def metrics_monthly(self) -> list[Row]:
        first = self.first_month()
        return [self.metrics(month) for month in months_between(first, self.today)] if first else []

    def metrics(self, month: date) -> Row:
        def within(day: date | None) -> bool:
            return day is not None and month_of(day) == month

        start, end = self.mrr_on(month - ONE_DAY), self.mrr_on(self.last_day(month))
        mrr_end = total(end.values())
        moves = [move for move in self.movements if month_of(move.day) == month]
        ups = total(move.after - move.before for move in moves if move.after > move.before)
        downs = total(move.after - move.before for move in moves if move.after < move.before)
        arpu = ratio(mrr_end, len(end))
        logo_churn = ratio(sum(1 for member in start if member not in end), len(start))
        paid = [p for p in self.payments if p.is_paid and within(p.paid)]
        ever_paid = [p for p in self.payments if within(p.paid)]
        disputed = [p for p in ever_paid if p.is_disputed]
        failed = [p for p in self.payments if p.has_failed and within(p.created)]
        recovered = [p for p in failed if p.is_paid and p.paid]
        counted = {p.membership_id for p in self.periods if self.has_begun(p)}
        trials = [m for m in self.trials() if within(self.known_day(m.get("created_at")))]
        converted = [m for m in trials if m["id"] in counted]
        recurring = {p.payment.id: p.recurring for p in self.periods}
        sums = self.sums(self.payments, within)

        return {
            "month": month,
            "logo_churn_rate": logo_churn,
            "nrr": ratio(total(end.get(member, ZERO) for member in start), total(start.values())),
            "grr": ratio(
                total(min(end.get(member, ZERO), mrr) for member, mrr in start.items()),
                total(start.values()),
            ),
            "arr_usd": 12 * mrr_end,
            "arpu_usd": arpu,
            "ltv_usd": ratio(arpu, logo_churn),
            "quick_ratio": ratio(ups, -downs),
            **sums,
            "one_time_gross_usd": total(
                (p.gross or ZERO) - recurring.get(p.id, ZERO) for p in paid
            ),
            "refund_rate": ratio(sums["refunded_usd"], sums["gross_usd"]),
            "disputes": len(disputed),
            "dispute_rate": ratio(sum(1 for p in disputed if p.is_paid), len(paid)),
            "failed_payments": len(failed),
            "recovered_payments": len(recovered),
            "recovery_rate": ratio(len(recovered), len(failed)),
            "at_risk_usd": total(p.billed for p in failed),
            "recovered_usd": total(p.gross for p in recovered),
            "trials_started": len(trials),
            "trials_converted": len(converted),
            "trial_conversion_rate": ratio(len(converted), len(trials)),
            "payments_without_usd": sum(1 for p in ever_paid if p.gross is None or p.refund is None)
            + sum(1 for p in failed if p.billed is None and not p.paid),
            "payments_without_fees": sum(1 for p in ever_paid if p.fees is None),
        }

    def cohorts(self) -> dict[str, date]:
        """Member → month of its first MRR."""
        return {member: month_of(min(by_day)) for member, by_day in self.mrr.items() if by_day}

    def cohort_retention_monthly(self) -> list[Row]:
        members: dict[date, list[str]] = defaultdict(list)
        for member, month in self.cohorts().items():
            members[month].append(member)
        rows = []
        for cohort, own in members.items():
            payments = [p for p in self.payments if p.member_id in own]
            for since, month in enumerate(months_between(cohort, self.today)):
                last = self.last_day(month)
                mrr = [self.member_mrr(member, last) for member in own]
                retained = sum(1 for amount in mrr if amount > 0)
                rows.append(
                    {
                        "cohort_month": cohort,
                        "months_since": since,
                        "customers_in_cohort": len(own),
                        "customers_retained": retained,
                        "retention_rate": ratio(retained, len(own)),
                        "mrr_retained_usd": total(mrr),
                        "cumulative_net_usd": self.sums(payments, last.__ge__)["net_usd"],
                    }
                )
        return rows

    def recognized_by_day(self, payment: Payment, period: Period | None) -> Iterator[Row]:
        """What a payment adds to recognized revenue, day by day."""
        takebacks: list[tuple[date, Decimal]] = []
        for refund in payment.refunded_by_now:
            day, usd = refund.day, refund.usd or ZERO
            assert day is not None
            if payment.paid is None or day < payment.paid:
                yield {"day": day, "usd": -usd}
                if payment.paid is not None:  # put right on the day of the payment
                    yield {"day": payment.paid, "usd": usd}
            if payment.paid is not None:
                takebacks.append((max(day, payment.paid), usd))
        if payment.paid is None:
            return
        recurring = period.recurring if period else ZERO
        days_left = period.days if period else 0
        deferred = recurring
        yield {"day": payment.paid, "usd": (payment.gross or ZERO) - recurring}
        last = payment.paid + timedelta(days=days_left)
        last = max([last, *(day for day, _ in takebacks)])
        for day in days_between(payment.paid, min(self.today, last)):
            for of_day, usd in takebacks:
                if of_day == day:  # what is not yet earned goes first
                    taken = min(deferred, usd)
                    deferred -= taken
                    yield {"day": day, "usd": taken - usd}
            if days_left:
                yield {"day": day, "usd": deferred / days_left}
                deferred -= deferred / days_left
                days_left -= 1

    def revenue_recognition_monthly(self) -> list[Row]:
        periods = {period.payment.id: period for period in self.periods}
        dates = [p.paid for p in self.payments if p.paid and p.gross]
        dates += [r.day for p in self.payments for r in p.refunded_by_now if r.day and r.usd]
        if not dates:
            return []
        by_month: dict[date, Decimal] = defaultdict(lambda: ZERO)
        for payment in self.payments:
            for earned in self.recognized_by_day(payment, periods.get(payment.id)):
                by_month[month_of(earned["day"])] += earned["usd"]
        rows = []
        to_date = ZERO
        for month in months_between(min(dates), self.today):
            to_date += by_month[month]
            last = self.last_day(month)
            sums = self.sums(self.payments, last.__ge__)
            rows.append(
                {
                    "month": month,
                    "recognized_usd": by_month[month],
                    "deferred_end_usd": sums["gross_usd"] - sums["refunded_usd"] - to_date,
                }
            )
        return rows

    def revenue_daily(self) -> list[Row]:
        groups: dict[tuple[Any, ...], list[Payment]] = defaultdict(list)
        for payment in self.payments:
            dates = {payment.paid} if payment.paid else set()
            dates |= {r.day for r in payment.refunded_by_now if r.day and r.usd}
            for day in dates:
                key = (day, payment.product_id, payment.plan_id, payment.row.get("currency"))
                groups[key].append(payment)
        return [
            {
                "date": key[0],
                "product_id": key[1],
                "plan_id": key[2],
                "currency": key[3],
                **self.sums(payments, key[0].__eq__),
                "payments_count": sum(1 for p in payments if p.is_paid and p.paid == key[0]),
            }
            for key, payments in groups.items()
        ]

    def dim_members(self) -> list[Row]:
        known = {row["id"] for row in self.table("members")}
        listed = {row["id"] for row in self.table("members") if not row.get("_whop_deleted_at")}
        # Also whoever Whop does not list, but has a membership or a payment.
        known |= {row["member__id"] for row in self.memberships.values() if row.get("member__id")}
        known |= {p.member_id for p in self.payments if p.member_id}
        cohorts = self.cohorts()
        rows = []
        for member in sorted(known):
            own = [p for p in self.payments if p.member_id == member]
            paid = [p.paid for p in own if p.paid and self.is_sale(p)]
            mrr = self.member_mrr(member, self.today)
            sums = self.sums(own, lambda day: True)
            rows.append(
                {
                    "member_id": member,
                    "first_paid_date": min(paid, default=None),
                    "last_paid_date": max(paid, default=None),
                    **{f"lifetime_{name}": amount for name, amount in sums.items()},
                    "mrr_usd": mrr,
                    "cohort_month": cohorts.get(member),
                    "is_customer": mrr > 0,
                    "is_listed": member in listed,
                }
            )
        return rows

    def sums_without_fees(self, payments: Iterable[Payment], *others: str) -> Row:
        sums = self.sums(payments, lambda day: True)
        return {name: sums[name] for name in ("gross_usd", "refunded_usd", *others)}

    def dim_products(self) -> list[Row]:
        """Also those that Whop no longer lists, or that only a plan or a payment names."""
        known = set(self.products)
        known |= {row["product__id"] for row in self.plans.values() if row.get("product__id")}
        known |= {p.product_id for p in self.payments if p.product_id}
        return [
            {
                "product_id": product_id,
                "title": self.products.get(product_id, {}).get("title"),
                "is_listed": product_id in self.products
                and self.products[product_id].get("_whop_deleted_at") is None,
                "mrr_usd": total(
                    period.mrr
                    for period in self.periods
                    if period.payment.product_id == product_id and self.covers(period, self.today)
                ),
                **self.sums_without_fees(
                    [p for p in self.payments if p.product_id == product_id], "net_usd"
                ),
            }
            for product_id in sorted(known)
        ]

    def dim_plans(self) -> list[Row]:
        columns = ("plan_type", "currency", "renewal_price", "initial_price")
        return [
            {
                "plan_id": row["id"],
                "product_id": row.get("product__id"),
                "billing_period_days": row.get("billing_period"),
                **{name: row.get(name) for name in columns},
                "product_title": self.products.get(row.get("product__id") or "", {}).get("title"),
                "is_listed": row.get("_whop_deleted_at") is None,
                "mrr_usd": total(
                    period.mrr
                    for period in self.periods
                    if period.payment.plan_id == row["id"] and self.covers(period, self.today)
                ),
                **self.sums_without_fees(
                    [p for p in self.payments if p.plan_id == row["id"]], "net_usd"
                ),
            }
            for row in self.plans.values()  # also those that Whop no longer lists
        ]

    def dim_promo_codes(self) -> list[Row]:
        subscriptions = self.fct_subscriptions()
        rows = []
        for row in self.table("promo_codes"):
            bought = [p for p in self.payments if p.row.get("promo_code__id") == row["id"]]
            paid = [p for p in bought if p.is_paid and p.paid]
            began = [s for s in subscriptions if s["promo_code_id"] == row["id"]]
            rows.append(
                {
                    "promo_code_id": row["id"],
                    "code": row.get("code"),
                    "payments_count": len(paid),
                    "members_count": len({p.member_id for p in paid if p.member_id}),
                    **self.sums_without_fees(bought),
                    "subscriptions_count": len(began),
                    "subscriptions_active": sum(1 for s in began if s["is_active"]),
                    "subscriptions_mrr_usd": total(s["mrr_usd"] for s in began),
                    "subscriptions_net_usd": total(s["lifetime_net_usd"] for s in began),
                }
            )
        return rows

    def dim_companies(self) -> list[Row]:
        return [{"title": row.get("title")} for row in self.table("companies")]

    def data_freshness(self) -> list[Row]:
        """The last run of each table, and the last one that read it."""
        last: dict[str, Row] = {}
        for run in sorted(self.table("sync_runs"), key=lambda run: run["started_at"]):
            row = last.setdefault(
                run["table_name"], {"table_name": run["table_name"], "last_read_run_id": None}
            )
            row["last_run_id"], row["last_run_status"] = run["run_id"], run["status"]
            row["last_run_at"] = run["started_at"]
            if run["status"] == "ok":
                row["last_read_run_id"], row["last_read_at"] = run["run_id"], run["started_at"]
        return [{"last_read_at": None, **row} for row in last.values()]

    def membership_history(self) -> list[Row]:
        """The states each membership was seen in; the same state seen again in a row is one."""
        by_membership: dict[str, list[Row]] = defaultdict(list)
        for row in self.states:
            by_membership[row["id"]].append(row)
        rows = []
        for membership_id, states in by_membership.items():
            states.sort(key=lambda row: (row["_whop_synced_at"], row.get("updated_at") or EARLIEST))
            seen: list[tuple[datetime, Row]] = []
            for index, row in enumerate(states):
                before = states[index - 1] if index else None
                if before is None or content(before) != content(row):
                    seen.append((self.valid_from(row, before), row))
            for index, (valid_from, row) in enumerate(seen):
                valid_to = self.deleted.get(membership_id)
                if index + 1 < len(seen):
                    valid_to = seen[index + 1][0]
                if not row.get("_whop_deleted_at") and valid_from <= self.as_of:
                    rows.append(
                        {
                            "membership_id": membership_id,
                            "status": row.get("status"),
                            "canceled_at": row.get("canceled_at"),
                            "valid_from": valid_from,
                            "valid_to": valid_to if self.known_day(valid_to) else None,
                        }
                    )
        return rows

    def valid_from(self, row: Row, before: Row | None) -> datetime:
        """When a state began: when Whop says it changed, if that can be, else when it was seen."""
        seen: datetime = row["_whop_synced_at"]
        changed: datetime | None = row.get("updated_at")
        deleted: datetime | None = row.get("_whop_deleted_at")
        if deleted:
            return deleted
        if before is None:
            return min(changed or row.get("created_at") or seen, seen)
        if changed and before["_whop_synced_at"] < changed <= seen:
            return changed
        return seen


def in_order_of_payment(payment: Payment) -> tuple[datetime, str]:
    return payment.paid_at or LATEST, payment.id


def content(row: Row) -> str:
    """What a row says, without what the sync stamped on it."""
    stamped = ("_whop_synced_at", "_dlt_load_id", "_dlt_id")
    said = {name: str(value) for name, value in row.items() if name not in stamped and value}
    return json.dumps(said, sort_keys=True)

"""Subscription periods: which payments count, what each is worth a month, and when it ends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from oracle.basics import EARLIEST, ONE_DAY, ZERO, Raw, Row, exact, months_in, rounded
from oracle.money import Payment, in_order_of_payment, in_usd, rate_of
from oracle.plans import PlanReader, Version


@dataclass(frozen=True)
class Counted:
    """A payment that counts, and what recurs of it."""

    payment: Payment
    version: Version
    price: Fraction
    """What comes back each period, in the payment's currency."""

    @property
    def days(self) -> int:
        assert self.version.billing_period_days
        return self.version.billing_period_days

    @property
    def start(self) -> datetime:
        assert self.payment.paid_at
        return self.payment.paid_at


@dataclass(frozen=True)
class Period:
    """A stretch of a membership that one counted payment pays for."""

    payment: Payment
    version: Version
    price: Fraction
    membership_id: str
    member_id: str
    start: datetime
    natural_end: datetime
    paid_until: datetime
    """E: the natural end, or the membership's own when that is later."""
    end: datetime
    rate: Fraction | None
    recurring: Decimal | None
    """The part of this payment's gross that recurs, in dollars."""
    mrr: Decimal
    is_mrr_known: bool
    mrr_native: Decimal
    following: datetime | None
    """When the membership's next period starts."""
    is_continued: bool
    """Whether the next one follows without a break."""
    followed_by_free: bool
    """Whether the next one is of nothing."""
    lifetime_at: datetime | None
    """When the membership bought something that needs no renewal."""

    @property
    def days(self) -> int:
        return self.version.billing_period_days or 0

    @property
    def is_paying(self) -> bool:
        return self.price > 0


class PeriodReader:
    """Makes the periods of a company, whatever as_of is."""

    def __init__(self, raw: Raw, payments: list[Payment], plans: PlanReader) -> None:
        self.raw = raw
        self.payments = sorted(payments, key=in_order_of_payment)
        self.plans = plans
        self.grace = timedelta(days=raw.settings.grace_days)
        self.versions = plans.versions_of(payments)
        self.states: dict[str, list[Row]] = defaultdict(list)
        for row in raw.all("membership_states"):
            self.states[row["id"]].append(row)
        self.other_purchases: dict[str, list[datetime]] = defaultdict(list)
        for payment in self.payments:
            version = self.versions.get(payment.id)
            if version and not version.is_renewal and payment.membership_id and payment.paid_at:
                self.other_purchases[payment.membership_id].append(payment.paid_at)

    def periods(self) -> list[Period]:
        by_membership: dict[str, list[Counted]] = defaultdict(list)
        for payment in self.payments:
            counted = self.counted(payment)
            if counted and payment.membership_id:
                by_membership[payment.membership_id].append(counted)
        return [
            period
            for membership_id, counted_ones in sorted(by_membership.items())
            for period in self.of_membership(membership_id, counted_ones)
        ]

    def counted(self, payment: Payment) -> Counted | None:
        """The payment, if it counts."""
        version = self.versions.get(payment.id)
        if not (version and payment.is_paid and payment.paid_at and payment.membership_id):
            return None
        if payment.net is None or payment.row["total"] < 0:
            return None
        if not version.is_renewal or not (version.billing_period_days or 0) > 0:
            return None
        price = self.plans.recurring_price(payment, version)
        if self.plans.is_trial_fee(payment, version, price):
            return None
        return Counted(payment, version, price)

    def of_membership(self, membership_id: str, counted: list[Counted]) -> list[Period]:
        natural_ends: list[datetime] = []
        for index, one in enumerate(counted):
            natural_end = one.start + timedelta(days=one.days)
            if index and one.payment.row.get("billing_reason") == "subscription_update":
                before = counted[index - 1]
                if before.days == one.days and one.start < natural_ends[-1]:
                    natural_end = natural_ends[-1]
            natural_ends.append(natural_end)
        periods: list[Period] = []
        run_rate: Fraction | None = None
        for index, one in enumerate(counted):
            following = counted[index + 1] if index + 1 < len(counted) else None
            paid_until = self.paid_until(membership_id, one, natural_ends[index], following)
            continued = following is not None and following.start <= paid_until + self.grace
            if index and not (periods[-1].is_continued and same_price(counted[index - 1], one)):
                run_rate = None
            run_rate = run_rate if run_rate is not None else self.rate(one.payment)
            native = rounded(one.price / months_in(one.days), 9)
            usd = rounded(one.price * run_rate, 9) if run_rate is not None else ZERO
            lifetime_at = self.lifetime(membership_id, one, paid_until)
            end = paid_until
            if following and continued:
                end = following.start
            else:
                end = self.end(membership_id, one, natural_ends[index], paid_until, following)
                if lifetime_at:
                    end = min(end, lifetime_at)
            periods.append(
                Period(
                    payment=one.payment,
                    version=one.version,
                    price=one.price,
                    membership_id=membership_id,
                    member_id=one.payment.member_id or membership_id,
                    start=one.start,
                    natural_end=natural_ends[index],
                    paid_until=paid_until,
                    end=end,
                    rate=run_rate,
                    recurring=self.recurring(one),
                    mrr=rounded(Fraction(usd) / months_in(one.days), 6),
                    is_mrr_known=run_rate is not None or one.price == 0,
                    mrr_native=native,
                    following=following.start if following else None,
                    is_continued=continued,
                    followed_by_free=following is not None and following.price == 0,
                    lifetime_at=None if continued else lifetime_at,
                )
            )
        return periods

    # ------------------------------------------------------------------ worth

    def recurring(self, one: Counted) -> Decimal | None:
        gross = one.payment.gross
        if not gross:
            return gross
        price = in_usd(exact(one.price), one.payment.row)
        return None if price is None else min(gross, price)

    def rate(self, payment: Payment) -> Fraction | None:
        """Dollars for one unit: the payment's own rate, else the last one known before it."""
        own = rate_of(payment.row)
        if own is not None:
            return rounded_rate(own)
        known_before = [
            other
            for other in self.payments
            if other.is_paid
            and other.paid_at
            and other.currency == payment.currency
            and other.row.get("total")
            and rate_of(other.row) is not None
            and in_order_of_payment(other) < in_order_of_payment(payment)
        ]
        same = [p for p in known_before if p.membership_id == payment.membership_id]
        for nearest in [*same[-1:], *known_before[-1:]]:
            rate = rate_of(nearest.row)
            return None if rate is None else rounded_rate(rate)
        return None

    # ------------------------------------------------------------------ ends

    def paid_until(
        self,
        membership_id: str,
        one: Counted,
        natural_end: datetime,
        following: Counted | None,
    ) -> datetime:
        """E: the later of the natural end and the end that the membership itself shows."""
        if following:
            shown = [
                state.get("renewal_period_end")
                for state in self.states[membership_id]
                if one.start <= state["_whop_synced_at"] < following.start
            ]
        else:
            shown = [self.raw.memberships.get(membership_id, {}).get("renewal_period_end")]
        latest = max((moment for moment in shown if moment), default=natural_end)
        return max(natural_end, min(latest, natural_end + timedelta(days=one.days)))

    def lifetime(self, membership_id: str, one: Counted, paid_until: datetime) -> datetime | None:
        """When, from the start on until the grace is over, it bought a plan that is no renewal."""
        bought = self.other_purchases[membership_id]
        within = [at for at in bought if one.start <= at <= paid_until + self.grace]
        return min(within, default=None)

    def end(
        self,
        membership_id: str,
        one: Counted,
        natural_end: datetime,
        paid_until: datetime,
        following: Counted | None,
    ) -> datetime:
        """Where a period ends that no counted payment continues."""
        membership = self.raw.memberships.get(membership_id, {})
        given_up = paid_until + self.grace
        canceled_at = membership.get("canceled_at")
        if canceled_at and canceled_at < one.start:
            canceled_at = None
        meant = canceled_at is not None and canceled_at <= paid_until
        if not following:
            meant = meant or ends_by_itself(membership, canceled_at)
        if meant:
            end = paid_until
        elif canceled_at:
            end = min(canceled_at, given_up)
        else:
            end = given_up
        stays = not following and membership.get("status") in ("active", "trialing")
        taken_back = [] if stays else list(self.refunds_that_end(one, natural_end))
        taken_back += [chargeback.at for chargeback in one.payment.chargebacks]
        return min([end, *(max(one.start, at) for at in taken_back)])

    def refunds_that_end(self, one: Counted, natural_end: datetime) -> Iterable[datetime]:
        """The moments of refunds that leave nothing, or next to nothing, to be earned."""
        payment = one.payment
        if payment.is_refunded_in_full:
            yield max(refund.at or EARLIEST for refund in payment.refunds)
        length = (natural_end - one.start) // timedelta(microseconds=1)
        for refund in payment.refunds:
            if refund.at is None or refund.at >= natural_end or payment.net is None:
                continue
            left = (natural_end - max(refund.at, one.start)) // timedelta(microseconds=1)
            to_earn = Fraction(payment.net) * Fraction(left, length)
            if Fraction(refund.net) >= Fraction(9, 10) * to_earn:
                yield refund.at


def rounded_rate(rate: Fraction) -> Fraction:
    return Fraction(rounded(rate, 18))


def same_price(before: Counted, after: Counted) -> bool:
    """Whether two periods differ in their exchange rate at most."""
    return (before.payment.currency, before.price, before.days) == (
        after.payment.currency,
        after.price,
        after.days,
    )


def ends_by_itself(membership: Row, canceled_at: datetime | None) -> bool:
    """Whether a membership says that its last period is not meant to go on."""
    return (
        not membership  # deleted, or never seen
        or membership.get("status") in ("canceling", "completed")
        or bool(membership.get("cancel_at_period_end"))
        or bool(membership.get("payment_collection_paused"))
        or (membership.get("status") == "canceled" and canceled_at is None)
    )


class Calendar:
    """Which days a period covers, as of as_of: what ends later has not ended yet."""

    def __init__(self, raw: Raw) -> None:
        self.raw = raw

    def has_begun(self, period: Period) -> bool:
        return period.start <= self.raw.as_of

    def has_ended(self, period: Period) -> bool:
        return period.end <= self.raw.as_of

    def covers(self, period: Period, day: date) -> bool:
        if not self.has_begun(period) or day < self.raw.day(period.start):
            return False
        return not self.has_ended(period) or day < self.raw.day(period.end)

    def days_of(self, period: Period) -> Iterable[date]:
        day = self.raw.day(period.start)
        while day <= self.raw.today and self.covers(period, day):
            yield day
            day += ONE_DAY

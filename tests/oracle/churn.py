"""Subscriptions: when a membership began and ended, why, and what it is worth now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from oracle.basics import FAILED_STATUSES, Raw, Row, exact, month_of, total
from oracle.money import Payment, in_order_of_payment, money_sums
from oracle.mrr import Movement, Mrr
from oracle.periods import Calendar, Period
from oracle.plans import PlanHistory

STOPPED = ("canceling", "canceled", "completed", "expired", "drafted")
UNPAID = ("past_due", "unresolved")


class Churn:
    """The memberships of a company that were ever paid for."""

    def __init__(
        self,
        raw: Raw,
        payments: list[Payment],
        periods: list[Period],
        mrr: Mrr,
        history: PlanHistory,
    ) -> None:
        self.raw = raw
        self.payments = payments
        self.periods = periods
        self.mrr = mrr
        self.history = history
        self.calendar = Calendar(raw)

    def by_now(self, moment: datetime | None) -> bool:
        return moment is not None and moment <= self.raw.as_of

    def membership_periods(self) -> dict[str, list[Period]]:
        """The periods that have begun by as_of, by membership, in order; paid ones alone."""
        result: dict[str, list[Period]] = defaultdict(list)
        for period in self.periods:
            if self.calendar.has_begun(period):
                result[period.membership_id].append(period)
        return {
            membership_id: periods
            for membership_id, periods in result.items()
            if any((period.payment.net or 0) > 0 or period.is_paying for period in periods)
        }

    # ------------------------------------------------------------------ why

    def ending(self, last: Period) -> tuple[str, str]:
        """Why a membership ended with a period: type and reason.

        When it came back later, what it did after that says nothing about why it had ended.
        """
        if last.is_continued and last.followed_by_free and self.by_now(last.following):
            return "free", "free_renewal"
        if self.by_now(last.lifetime_at):
            return "free", "lifetime"

        def counts(moment: datetime | None) -> bool:
            return self.by_now(moment) and (
                last.following is None or (moment is not None and moment < last.following)
            )

        membership = self.raw.memberships.get(last.membership_id, {})
        canceled_at: datetime | None = membership.get("canceled_at")
        if not counts(canceled_at) or (canceled_at and canceled_at < last.start):
            canceled_at = None
        for chargeback in last.payment.chargebacks:
            if counts(chargeback.at) and (canceled_at is None or chargeback.at < canceled_at):
                return "involuntary", "chargeback"
        failed = [
            payment.row["created_at"]
            for payment in self.payments
            if payment.membership_id == last.membership_id
            and payment.row.get("status") in FAILED_STATUSES
            and last.start < payment.row["created_at"]
            and counts(payment.row["created_at"])
        ]
        if canceled_at:
            given_up = canceled_at > last.paid_until and any(at <= canceled_at for at in failed)
            if not given_up:
                return "voluntary", membership.get("cancel_option") or "unspecified"
        came_back = self.by_now(last.following)
        unpaid = not came_back and membership.get("status") in UNPAID
        if failed or unpaid:
            return "involuntary", "payment_failed"
        return "lapsed", "not_renewed"

    def ending_of_churn(self, move: Movement) -> tuple[str, str]:
        """The type of the membership that ended last on the day of a churn movement."""
        ended = {
            period.membership_id: period  # of a membership the last one
            for period in self.mrr.periods
            if period.member_id == move.member_id
            and self.calendar.has_begun(period)
            and self.calendar.has_ended(period)
            and self.raw.day(period.end) == move.day
        }
        return self.ending(
            min(ended.values(), key=lambda p: (-p.end.timestamp(), -p.mrr, p.membership_id))
        )

    def trial_of(self, membership: Row) -> bool:
        version = self.history.of_membership(membership)
        return version is not None and version.has_trial

    # ------------------------------------------------------------------ marts

    def fct_subscriptions(self) -> list[Row]:
        return [
            self.subscription(membership_id, periods)
            for membership_id, periods in self.membership_periods().items()
        ]

    def subscription(self, membership_id: str, periods: list[Period]) -> Row:
        membership = self.raw.memberships.get(membership_id, {})
        paying = [period for period in periods if period.is_paying] or periods
        last = paying[-1]
        ended_at = last.end if self.calendar.has_ended(last) else None
        churn_type, churn_reason = self.ending(last) if ended_at else (None, None)
        own = [p for p in self.payments if p.membership_id == membership_id]
        first = min((p for p in own if p.is_paid and p.paid), key=in_order_of_payment)
        canceled_at = membership.get("canceled_at")
        trial = self.trial_of(membership)
        sums = money_sums(own, lambda day: True)
        status = membership.get("status")
        paused = bool(membership.get("payment_collection_paused"))
        stopped = status in STOPPED or bool(membership.get("cancel_at_period_end")) or paused
        # Of a membership that no row tells of nobody knows whether it renews.
        renews = ended_at is None and bool(membership) and not stopped
        rate = last.rate
        return {
            "membership_id": membership_id,
            "member_id": last.member_id,
            "plan_id": last.payment.plan_id,
            "product_id": last.payment.product_id,
            # Not the membership's: that is the code in force now, none when it is used up.
            "promo_code_id": first.row.get("promo_code__id"),
            "canceled_at": canceled_at if self.by_now(canceled_at) else None,
            "started_at": paying[0].start,
            "ended_at": ended_at,
            "is_active": ended_at is None,
            "mrr_usd": total(p.mrr for p in periods if self.calendar.covers(p, self.raw.today)),
            "lifetime_gross_usd": sums["gross_usd"],
            "lifetime_refunded_usd": sums["refunded_usd"],
            "lifetime_charged_back_usd": sums["charged_back_usd"],
            "lifetime_net_usd": sums["net_usd"],
            "payments_count": sum(1 for p in own if p.is_paid and p.paid),
            "trial_started_at": membership.get("created_at") if trial else None,
            "trial_converted": trial,
            "paid_until": last.paid_until,
            "is_unpaid": status in UNPAID
            or (ended_at is None and self.raw.as_of > last.paid_until),
            "is_paused": paused,
            "next_renewal_at": last.paid_until if renews else None,
            "next_renewal_amount": exact(last.price) if renews else None,
            "next_renewal_amount_usd": usd_of(last.price, rate) if renews else None,
            "churn_type": churn_type,
            "churn_reason": churn_reason,
        }

    def churn_monthly(self) -> list[Row]:
        groups: dict[tuple[date, str, str], list[Movement]] = defaultdict(list)
        for move in self.mrr.movements:
            if move.kind == "churn":
                groups[month_of(move.day), *self.ending_of_churn(move)].append(move)
        return [
            {
                "month": month,
                "churn_type": churn_type,
                "churn_reason": churn_reason,
                "customers_churned": len(moves),
                "mrr_churned_usd": total(move.change for move in moves),
            }
            for (month, churn_type, churn_reason), moves in groups.items()
        ]

    def trials(self) -> Iterable[Row]:
        return [row for row in self.raw.memberships.values() if self.trial_of(row)]


def usd_of(price: Fraction, rate: Fraction | None) -> Decimal | None:
    return None if rate is None else exact(price * rate)

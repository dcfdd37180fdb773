"""What is still to come: renewals, MRR that is left, who is at risk, what is still to be earned."""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from oracle.basics import ONE_DAY, ZERO, Raw, Row, exact, month_of, ratio, rounded, total
from oracle.churn import Churn
from oracle.money import Payment, in_usd, money_sums
from oracle.periods import Period
from oracle.revenue import Revenue

LOOKED_BACK = timedelta(days=180)
FEWEST = 20
GRAVEST = ("canceled", "paused", "unpaid", "card_expires")
UNRENEWABLE = ("completed", "expired", "drafted")


@dataclass
class Share:
    """Renewals that were due, and how many were paid; of the late ones the same."""

    due: int = 0
    paid: int = 0
    late_due: int = 0
    late_paid: int = 0


@dataclass(frozen=True)
class Live:
    """A membership with MRR now."""

    row: Row
    """As in fct_subscriptions."""
    membership: Row
    last: Period

    @property
    def is_ending(self) -> bool:
        """Whether it is canceled, or completed: its time runs, and that is all."""
        status = self.membership.get("status")
        return status in ("canceling", "completed", "canceled") or bool(
            self.membership.get("cancel_at_period_end")
        )


class Forward:
    """A company's outlook."""

    def __init__(self, raw: Raw, payments: list[Payment], churn: Churn, revenue: Revenue) -> None:
        self.raw = raw
        self.payments = payments
        self.churn = churn
        self.revenue = revenue
        self.grace = timedelta(days=raw.settings.grace_days)
        self.methods = {row["id"]: row for row in raw.all("payment_methods")}
        self.plan_shares, self.company_share = self.shares()

    # ------------------------------------------------------------------ what renewals did

    def shares(self) -> tuple[dict[str | None, Share], Share]:
        plans: dict[str | None, Share] = defaultdict(Share)
        company = Share()
        as_of = self.raw.as_of
        for period in self.churn.periods:
            due = period.natural_end if period.is_continued else period.paid_until
            decided = due > as_of - LOOKED_BACK and due + self.grace <= as_of
            if not (period.is_paying and decided):
                continue
            paid = period.is_continued and not period.followed_by_free
            if not paid and period.end < due:
                continue
            canceled = self.raw.memberships.get(period.membership_id, {}).get("canceled_at")
            called_off = canceled is not None and period.start <= canceled <= due
            at_once = paid and period.following is not None and period.following <= due + ONE_DAY
            for share in (plans[period.payment.plan_id], company):
                share.due += 1
                share.paid += paid
                share.late_due += not (called_off or at_once)
                share.late_paid += paid and not (called_off or at_once)
        return plans, company

    def probabilities(self, live: Live, risk: str | None) -> tuple[Decimal | None, Decimal | None]:
        """Of the next renewal, and of each after it."""
        plan = self.plan_shares.get(live.row["plan_id"], Share())
        ours = plan if plan.due >= FEWEST else self.company_share
        later = ratio(ours.paid, ours.due)
        if risk in ("canceled", "paused"):
            return ZERO, later
        if risk == "unpaid":
            late = plan if plan.late_due >= FEWEST else self.company_share
            return ratio(late.late_paid, late.late_due), later
        return later, later

    # ------------------------------------------------------------------ what is live

    def live(self) -> Iterator[Live]:
        by_id = self.churn.membership_periods()
        for row in self.churn.fct_subscriptions():
            if row["mrr_usd"] > 0:
                last = [p for p in by_id[row["membership_id"]] if p.is_paying][-1]
                membership = self.raw.memberships.get(row["membership_id"], {})
                yield Live(row, membership, last)

    def can_renew(self, live: Live) -> bool:
        status = live.membership.get("status")
        is_live = live.row["ended_at"] is None and bool(live.membership)
        return is_live and status not in UNRENEWABLE

    def expiry(self, payment: Payment) -> date | None:
        """The first day on which the card of a payment is not good any more."""
        card = self.methods.get(payment.row.get("payment_method__id") or "", {})
        month, year = card.get("card__exp_month"), card.get("card__exp_year")
        if month is None or year is None or not 1 <= month <= 12:
            return None
        if not (1 <= year <= 99 or 2000 <= year <= 2199):
            return None
        year = year + 2000 if year < 100 else year
        return date(year + month // 12, month % 12 + 1, 1)

    def risks(self, live: Live) -> list[str]:
        """Everything that speaks against it, the gravest first."""
        expires = self.expiry(live.last.payment)
        found = {
            "canceled": live.is_ending,
            "paused": live.row["is_paused"],
            "unpaid": live.row["is_unpaid"],
            "card_expires": expires is not None and expires <= self.raw.day(live.row["paid_until"]),
        }
        return [name for name in GRAVEST if found[name]]

    def amount(self, live: Live) -> Fraction:
        """What is charged next, in the currency of the last period."""
        own = live.membership.get("renewal_price")
        if own is not None:
            return Fraction(own)
        had_code = live.last.payment.row.get("promo_code__id") is not None
        used_up = had_code and live.membership.get("promo_code__id") is None
        version = live.last.version
        price = version.renewal_price
        if used_up and price and price > 0 and version.currency == live.last.payment.currency:
            return Fraction(price)
        return live.last.price

    # ------------------------------------------------------------------ marts

    def upcoming_renewals(self) -> list[Row]:
        rows = []
        for live in self.live():
            if not self.can_renew(live):
                continue
            risk = next(iter(self.risks(live)), None)
            next_one, later = self.probabilities(live, risk)
            amount = self.amount(live)
            usd = None if live.last.rate is None else exact(amount * live.last.rate)
            rows.append(
                {
                    "membership_id": live.row["membership_id"],
                    "member_id": live.row["member_id"],
                    "plan_id": live.row["plan_id"],
                    "next_renewal_at": live.row["paid_until"],
                    "next_renewal_date": self.raw.day(live.row["paid_until"]),
                    "billing_period_days": live.last.days,
                    "amount": exact(amount),
                    "amount_usd": usd,
                    "mrr_usd": live.row["mrr_usd"],
                    "standing": "at_risk" if risk else "committed",
                    "risk": risk,
                    "card_expires_on": self.expiry(live.last.payment),
                    "renewal_probability": next_one,
                    "later_probability": later,
                    # What is shown of the probability, so that whoever multiplies finds the same.
                    "expected_usd": (
                        None
                        if usd is None or next_one is None
                        else usd * next_one.quantize(Decimal("1e-9"))
                    ),
                }
            )
        return rows

    def committed_mrr_monthly(self) -> list[Row]:
        rows = []
        lives = list(self.live())
        for ahead in range(13):
            day = months_later(self.raw.today, ahead)
            committed, expected, there = ZERO, ZERO, 0
            unknown = False
            for live in lives:
                risk = next(iter(self.risks(live)), None)
                ending = not self.can_renew(live) or risk in ("canceled", "paused")
                due = self.raw.day(live.row["paid_until"])
                mrr = live.row["mrr_usd"]
                if ahead and ending and due <= day:
                    continue
                there += 1
                committed += mrr
                if not ahead or ending or due > day:
                    expected += mrr
                    continue
                next_one, later = self.probabilities(live, risk)
                if next_one is None or later is None:
                    unknown = True
                    continue
                again = (day - due).days // live.last.days
                # Python knows no 0 ** 0 of decimals.
                expected += mrr * next_one * (later**again if again else 1)
            rows.append(
                {
                    "months_ahead": ahead,
                    "date": day,
                    "committed_usd": committed,
                    "expected_usd": None if unknown else expected,
                    "subscriptions": there,
                }
            )
        return rows

    def members_at_risk(self) -> list[Row]:
        of_members: dict[str, list[tuple[Live, list[str]]]] = defaultdict(list)
        for live in self.live():
            can_renew = self.can_renew(live)
            risks = self.risks(live)
            if not can_renew:
                if live.membership.get("status") not in UNRENEWABLE:
                    continue
                risks = ["canceled", *(r for r in risks if r in ("paused", "unpaid"))]
            if risks:
                of_members[live.row["member_id"]].append((live, risks))
        rows = []
        for member_id, ones in of_members.items():
            causes = {risk for _, found in ones for risk in found}
            since = [
                live.row["canceled_at"] if "canceled" in found else live.row["paid_until"]
                for live, found in ones
                if "canceled" in found or "unpaid" in found
            ]
            own = [p for p in self.payments if p.member_id == member_id]
            charges = [
                payment
                for live, _ in ones
                for payment in self.payments
                if payment.membership_id == live.row["membership_id"]
                and payment.created
                and payment.has_failed
                and not (payment.is_paid and payment.paid)
                and payment.row["created_at"] > self.last_start(live)
            ]
            rows.append(
                {
                    "member_id": member_id,
                    "subscriptions": len(ones),
                    "mrr_usd": total(live.row["mrr_usd"] for live, _ in ones),
                    "main_cause": next(risk for risk in GRAVEST if risk in causes),
                    "is_canceled": "canceled" in causes,
                    "is_unpaid": "unpaid" in causes,
                    "is_paused": "paused" in causes,
                    "card_expires": "card_expires" in causes,
                    "at_risk_since": min((at for at in since if at), default=None),
                    "next_renewal_at": min(live.row["paid_until"] for live, _ in ones),
                    "last_paid_at": max(
                        (p.paid_at for p in own if p.is_paid and p.paid and p.paid_at and p.gross),
                        default=None,
                    ),
                    "unpaid_usd": total(p.billed for p in charges) if charges else None,
                }
            )
        return rows

    def last_start(self, live: Live) -> datetime:
        return self.churn.membership_periods()[live.row["membership_id"]][-1].start

    def dunning_monthly(self) -> list[Row]:
        groups: dict[tuple[date, str], list[Payment]] = defaultdict(list)
        for payment in self.payments:
            if payment.created and payment.has_failed:
                row = payment.row
                reason = row.get("decline_code") or row.get("failure_message") or "unknown"
                groups[month_of(payment.created), reason].append(payment)
        rows = []
        for (month, reason), payments in groups.items():
            recovered = [p for p in payments if p.is_paid and p.paid and p.paid_at]
            waits = sorted(
                (p.paid_at - p.row["created_at"]).total_seconds() for p in recovered if p.paid_at
            )
            rows.append(
                {
                    "month": month,
                    "decline_reason": reason,
                    "payments": len(payments),
                    "attempts_failed": sum(
                        max(1, p.row.get("payments_failed") or 1) for p in payments
                    ),
                    "amount_usd": total(p.billed for p in payments),
                    "payments_recovered": len(recovered),
                    "recovered_usd": total(p.billed for p in recovered),
                    "recovery_rate": ratio(len(recovered), len(payments)),
                    # To the microsecond in both: of seconds with a fraction a day is no whole part.
                    "median_days_to_recovery": round(
                        Decimal(str(waits[(len(waits) - 1) // 2])) / 86400, 6
                    )
                    if waits
                    else None,
                }
            )
        return rows

    def promo_code_results(self) -> list[Row]:
        codes: dict[str, list[Payment]] = defaultdict(list)
        for payment in self.payments:
            if payment.is_paid and payment.paid and payment.row.get("promo_code__id"):
                codes[payment.row["promo_code__id"]].append(payment)
        of_payment = {period.payment.id: period for period in self.churn.periods}
        rows = []
        for code, paid in codes.items():
            subscriptions = [
                row for row in self.churn.fct_subscriptions() if row["promo_code_id"] == code
            ]
            everything = [p for p in self.payments if p.row.get("promo_code__id") == code]
            sums = money_sums(everything, lambda day: True)
            rows.append(
                {
                    "promo_code_id": code,
                    "payments_count": len(paid),
                    "members_count": len({p.member_id for p in paid if p.member_id}),
                    "discount_usd": total(self.discount(of_payment.get(p.id), p) for p in paid),
                    "gross_usd": sums["gross_usd"],
                    "refunded_usd": sums["refunded_usd"],
                    "net_usd": sums["net_usd"],
                    "subscriptions_count": len(subscriptions),
                    "subscriptions_active": sum(row["is_active"] for row in subscriptions),
                    "subscriptions_mrr_usd": total(row["mrr_usd"] for row in subscriptions),
                    "subscriptions_net_usd": total(
                        row["lifetime_net_usd"] for row in subscriptions
                    ),
                }
            )
        return rows

    def discount(self, period: Period | None, payment: Payment) -> Decimal | None:
        """What a code took off a payment of a subscription."""
        if period is None or payment.net is None:
            return None
        version = period.version
        price = version.renewal_price
        if not price or price <= 0 or version.currency != payment.currency:
            return None
        charged = period.price
        if payment.row.get("billing_reason") != "subscription_update":
            charged = min(charged, Fraction(payment.net))
        off = Fraction(price) - charged
        return in_usd(exact(off), payment.row) if off > 0 else ZERO

    def affiliate_results(self) -> list[Row]:
        referred: dict[str, list[str]] = defaultdict(list)
        for membership in self.raw.memberships.values():
            if membership.get("affiliate__id"):
                referred[membership["affiliate__id"]].append(membership["id"])
        rows = []
        for affiliate, memberships in referred.items():
            payments = [p for p in self.payments if p.membership_id in memberships]
            sums = money_sums(payments, lambda day: True)
            subscriptions = [
                row for row in self.churn.fct_subscriptions() if row["membership_id"] in memberships
            ]
            rows.append(
                {
                    "affiliate_id": affiliate,
                    "subscriptions_count": len(subscriptions),
                    "subscriptions_active": sum(row["is_active"] for row in subscriptions),
                    "subscriptions_mrr_usd": total(row["mrr_usd"] for row in subscriptions),
                    "gross_usd": sums["gross_usd"],
                    "refunded_usd": sums["refunded_usd"],
                    "net_usd": sums["net_usd"],
                }
            )
        return rows

    def deferred_revenue_waterfall(self) -> list[Row]:
        sums: dict[tuple[date, date], dict[str, Any]] = defaultdict(
            lambda: {"earned_usd": ZERO, "to_earn_usd": ZERO}
        )
        for payment in self.payments:
            for day, usd in self.revenue.recognized_by_day(payment, forever=True):
                received = month_of(payment.paid or day)
                which = "earned_usd" if day <= self.raw.today else "to_earn_usd"
                sums[received, month_of(day)][which] += usd
        return [
            {"received_month": received, "earning_month": earning, **amounts}
            for (received, earning), amounts in sums.items()
            if any(rounded(amount, 6) for amount in amounts.values())
        ]


def months_later(day: date, months: int) -> date:
    """The same day of a later month, or its last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))

"""Months and cohorts: churn rates, retention, money, trials, what failed and what came in after."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from oracle.basics import ONE_DAY, ZERO, Raw, Row, month_of, months_between, ratio, total
from oracle.churn import Churn
from oracle.money import Payment, money_sums
from oracle.mrr import Mrr
from oracle.periods import Calendar, Period

OnDay = Callable[[date], Mapping[Any, Decimal]]
"""Customers of a day, however they are told apart, and their MRR."""


class Ratios:
    """What is reported by month, of a company or of a part of it."""

    def __init__(
        self,
        raw: Raw,
        payments: list[Payment],
        periods: list[Period],
        churn: Churn,
    ) -> None:
        self.raw = raw
        self.payments = payments
        self.periods = [p for p in periods if Calendar(raw).has_begun(p)]
        self.churn = churn
        self.recurring = {p.payment.id: p.recurring or ZERO for p in self.periods}
        self.converted = set(churn.membership_periods())
        self.unpaid = {s["membership_id"] for s in churn.fct_subscriptions() if s["is_unpaid"]}

    def first_month(
        self, changes: list[tuple[date, Decimal]], payments: list[Payment], trials: list[Row]
    ) -> date | None:
        """The month of the first thing there is to report."""
        days = [day for day, _ in changes]
        for p in payments:
            days += [day for day in (p.created if p.has_failed else None, p.paid) if day]
            days += [day for day, usd in p.taken_back if usd]
        begun = (self.raw.known_day(m.get("created_at")) for m in trials)
        days += [day for day in begun if day is not None]
        return month_of(min(days)) if days else None

    def metrics_monthly(self, mrr: Mrr) -> list[Row]:
        changes = [(move.day, move.change) for move in mrr.movements]
        trials = list(self.churn.trials())
        return self.months(mrr.on, changes, self.payments, trials, self.periods)

    def months(
        self,
        on: OnDay,
        changes: list[tuple[date, Decimal]],
        payments: list[Payment],
        trials: list[Row],
        periods: list[Period],
    ) -> list[Row]:
        """A row per month, of these customers, changes of MRR, payments and trials."""
        first = self.first_month(changes, payments, trials)
        if first is None:
            return []
        return [
            self.metrics(month, on, changes, payments, trials, periods)
            for month in months_between(first, self.raw.today)
        ]

    def metrics(
        self,
        month: date,
        on: OnDay,
        changes: list[tuple[date, Decimal]],
        payments: list[Payment],
        all_trials: list[Row],
        periods: list[Period],
    ) -> Row:
        def within(day: date | None) -> bool:
            return day is not None and month_of(day) == month

        start, end = on(month - ONE_DAY), on(self.raw.last_day(month))
        mrr_end = total(end.values())
        moved = [change for day, change in changes if within(day)]
        ups = total(change for change in moved if change > 0)
        downs = total(change for change in moved if change < 0)
        arpu = ratio(mrr_end, len(end))
        logo_churn = ratio(sum(1 for member in start if member not in end), len(start))
        paid = [p for p in payments if p.is_paid and within(p.paid)]
        ever_paid = [p for p in payments if within(p.paid)]
        disputed = [p for p in ever_paid if p.is_disputed]
        failed = [p for p in payments if p.has_failed and within(p.created)]
        recovered = [p for p in failed if p.is_paid and p.paid]
        trials = [m for m in all_trials if within(self.raw.known_day(m.get("created_at")))]
        converted = [m for m in trials if m["id"] in self.converted]
        sums = money_sums(payments, within)
        is_current = within(self.raw.today)
        calendar = Calendar(self.raw)
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
                (p.gross or ZERO) - self.recurring.get(p.id, ZERO) for p in paid
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
            "mrr_unpaid_usd": total(
                period.mrr
                for period in periods
                if period.membership_id in self.unpaid and calendar.covers(period, self.raw.today)
            )
            if is_current
            else None,
        }

    # ------------------------------------------------------------------ cohorts

    def cohort_retention_monthly(self, mrr: Mrr) -> list[Row]:
        members: dict[tuple[date], list[str]] = defaultdict(list)
        for member, month in mrr.cohorts().items():
            members[(month,)].append(member)
        return [
            {"cohort_month": key[0], **row}
            for key, own in members.items()
            for row in self.retention(mrr, key[0], own)
        ]

    def cohort_retention_monthly_by_plan(self, mrr: Mrr) -> list[Row]:
        """Members by the plan of their first day: the largest MRR of it, then membership id."""
        members: dict[tuple[date, str | None], list[str]] = defaultdict(list)
        calendar = Calendar(self.raw)
        for member, month in mrr.cohorts().items():
            first_day = min(mrr.by_member[member])
            covering = [
                period
                for period in mrr.periods
                if period.member_id == member and calendar.covers(period, first_day)
            ]
            first = min(covering, key=lambda p: (-p.mrr, p.membership_id, p.payment.id))
            members[month, first.payment.plan_id].append(member)
        return [
            {"cohort_month": month, "plan_id": plan_id, **row}
            for (month, plan_id), own in members.items()
            for row in self.retention(mrr, month, own)
        ]

    def retention(self, mrr: Mrr, cohort: date, own: list[str]) -> list[Row]:
        rows = []
        payments = [p for p in self.payments if p.member_id in own]
        for since, month in enumerate(months_between(cohort, self.raw.today)):
            last = self.raw.last_day(month)
            amounts = [mrr.of_member(member, last) for member in own]
            retained = sum(1 for amount in amounts if amount > 0)
            rows.append(
                {
                    "months_since": since,
                    "customers_in_cohort": len(own),
                    "customers_retained": retained,
                    "retention_rate": ratio(retained, len(own)),
                    "mrr_retained_usd": total(amounts),
                    "cumulative_net_usd": money_sums(payments, last.__ge__)["net_usd"],
                }
            )
        return rows

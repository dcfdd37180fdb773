"""Kinds of situations in which a tool like this gives a wrong number, counted where they are.

What is counted is what the oracle made of the rows, not what the generator meant to do.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta
from itertools import pairwise

from oracle.basics import AMOUNTS, Dataset, Row, landed
from oracle.money import Payment, rate_of
from oracle.oracle import Company
from oracle.periods import Period

RUNS_ON = ("active", "trialing")


def kinds_of(company: Company) -> Counter[str]:
    """How often each kind occurs in a company."""
    found: Counter[str] = Counter()
    count_versions(company, found)
    for payment in company.payments:
        count_payment(company, payment, found)
    by_membership: dict[str, list[Period]] = defaultdict(list)
    for period in company.periods:
        by_membership[period.membership_id].append(period)
    for periods in by_membership.values():
        for before, after in pairwise([None, *periods]):
            if after:
                count_period(company, before, after, found)
        count_last(company, periods[-1], found)
    for row in company.churn.fct_subscriptions():
        found[f"ended: {row['churn_type']}, {row['churn_reason']}"] += row["ended_at"] is not None
        found["unpaid, and runs"] += row["is_unpaid"] and row["is_active"]
        found["paused"] += row["is_paused"]
    return found


def count_versions(company: Company, found: Counter[str]) -> None:
    for versions in company.plan_history.versions.values():
        seen = [version for version in versions if version.source == "seen"]
        found["plan edited twice"] += len(seen) > 2
        found["version told by hand"] += any(v.source == "given" for v in versions)
        found["version told by hand, between others"] += any(
            (a.source, b.source, c.source) == ("seen", "given", "seen")
            for a, b, c in zip(versions, versions[1:], versions[2:], strict=False)
        )
        synced = {row["_whop_synced_at"] for row in company.raw.all("plan_states")}
        for version in seen[1:]:
            found["edit dated by the sync"] += version.valid_from in synced
            found["edit dated by Whop"] += version.valid_from not in synced


def count_payment(company: Company, payment: Payment, found: Counter[str]) -> None:
    row = payment.row
    version = company.period_reader.versions.get(payment.id)
    if version:
        at = company.plan_history.at(payment.plan_id, payment.paid_at)
        found["an older version than that of the day"] += at is not None and at != version
        found["instalment"] += version.is_instalments
        price = company.plans.recurring_price(payment, version) if payment.net is not None else None
        if price is not None and company.plans.is_trial_fee(payment, version, price):
            paid = "paid" if payment.net else "free"
            found[f"{paid} trial"] += version.has_trial
            found["a first period as a gift"] += not version.has_trial
        code = company.plans.code(payment)
        if code:
            once = "one payment" if code.covers_one_payment(version) else "more payments"
            found[f"code for {once}"] += 1
            found[f"code of {code.kind}"] += 1
    found["tax in the price"] += row.get("tax_behavior") == "inclusive" and bool(payment.net)
    found["tax of a refund given"] += bool(payment.refunds) and (
        row.get("tax_refunded_amount") is not None
    )
    found["refunded by itself, without an amount"] += (
        len(payment.refunds) > 0
        and not row.get("refunded_amount")
        and not company.reader.listed_refunds[payment.id]
    )
    found["dispute lost"] += bool(payment.chargebacks)
    disputes = company.reader.listed_disputes[payment.id]
    found["dispute lost, by substatus alone"] += bool(payment.chargebacks) and not disputes
    found["dispute won"] += any(dispute["status"] == "won" for dispute in disputes)
    found["dispute lost after a refund in part"] += bool(payment.chargebacks and payment.refunds)
    found["lost for less than all"] += any(
        dispute["status"] == "lost" and (dispute.get("amount") or row["total"]) < row["total"]
        for dispute in disputes
        if row["total"]
    )


def count_period(
    company: Company, before: Period | None, period: Period, found: Counter[str]
) -> None:
    row, net = period.payment.row, period.payment.net or 0
    reason = row.get("billing_reason")
    if reason == "subscription_update":
        natural = period.start + timedelta(days=period.days)
        found["upgrade that keeps the end"] += period.natural_end != natural
        found["change of plan for nothing"] += net == 0
        found["change to another length"] += before is not None and before.days != period.days
    found["introductory price"] += reason == "subscription_create" and 0 < net < period.price
    found["free by a code"] += period.price == 0 and row.get("promo_code__id") is not None
    found["free without a code"] += period.price == 0 and row.get("promo_code__id") is None
    found["a month for nothing, and on"] += net == 0 and period.price > 0
    own = rate_of(row)
    found["exchange rate that moved"] += (
        own is not None and period.rate is not None and abs(own - period.rate) > own / 1000
    )
    found["rate taken from before"] += own is None and period.rate is not None
    found["rate that nobody knows"] += period.rate is None and period.price > 0
    membership = company.raw.memberships.get(period.membership_id, {})
    later = period.paid_until > period.natural_end
    found["own end, of an earlier period"] += later and period.following is not None
    found["own end, of the last period"] += later and period.following is None
    full_length = period.natural_end + timedelta(days=period.days)
    found["own end, too far away"] += later and period.paid_until == full_length
    found["lifetime while it ran"] += (
        period.lifetime_at is not None and period.lifetime_at <= period.paid_until
    )
    found["lifetime in the grace"] += (
        period.lifetime_at is not None and period.lifetime_at > period.paid_until
    )
    found["refunded in full, and on"] += period.payment.is_refunded_in_full and period.is_continued
    canceled_at = membership.get("canceled_at")
    found["canceled in an earlier life"] += (
        canceled_at is not None and canceled_at < period.start and period.following is None
    )


def count_last(company: Company, last: Period, found: Counter[str]) -> None:
    membership: Row = company.raw.memberships.get(last.membership_id, {})
    status, canceled_at = membership.get("status"), membership.get("canceled_at")
    full = last.payment.is_refunded_in_full
    found["goodwill refund"] += full and status in RUNS_ON
    in_part = [r.at for r in last.payment.refunds if r.at and not full]
    found["refund in part that ends it"] += last.end in in_part
    found["refund in part that does not"] += bool(in_part) and last.end not in in_part
    found["ended by a lost dispute"] += last.end in [c.at for c in last.payment.chargebacks]
    found["past due, long ago"] += status == "past_due" and last.end <= company.raw.as_of
    found["given up while it was tried"] += (
        canceled_at is not None and last.paid_until < canceled_at == last.end
    )
    found["canceled when it was over"] += canceled_at is not None and canceled_at > last.end


def noisy_amounts(dataset: Dataset) -> int:
    """Amounts with more decimals than a column keeps."""
    return sum(
        landed({name: row[name]})[name] != row[name]
        for rows in dataset.values()
        for row in rows
        for name in AMOUNTS & row.keys()
        if row[name] is not None
    )


KINDS: tuple[str, ...] = (
    *("plan edited twice", "edit dated by Whop", "edit dated by the sync"),
    *("version told by hand", "version told by hand, between others"),
    *("an older version than that of the day", "upgrade that keeps the end"),
    *("change of plan for nothing", "change to another length", "lifetime while it ran"),
    *("lifetime in the grace", "instalment", "free by a code", "free without a code"),
    *("a month for nothing, and on", "code for one payment", "code for more payments"),
    *("code of percentage", "code of flat_amount", "paused", "goodwill refund"),
    *("refunded in full, and on", "refund in part that ends it", "refund in part that does not"),
    *("tax of a refund given", "refunded by itself, without an amount", "dispute lost"),
    *("dispute lost, by substatus alone", "dispute won", "dispute lost after a refund in part"),
    *("lost for less than all", "ended by a lost dispute", "paid trial", "free trial"),
    *("a first period as a gift", "introductory price", "past due, long ago", "unpaid, and runs"),
    *("given up while it was tried", "canceled when it was over", "canceled in an earlier life"),
    *("exchange rate that moved", "rate taken from before", "rate that nobody knows"),
    *("own end, of an earlier period", "own end, of the last period", "own end, too far away"),
    *("tax in the price", "amounts with more decimals than are kept"),
    *(
        f"ended: {kind}, {reason}"
        for kind, reason in (
            *(("free", "free_renewal"), ("free", "lifetime"), ("involuntary", "chargeback")),
            *(("involuntary", "payment_failed"), ("voluntary", "unspecified")),
            *(("voluntary", "switching"), ("lapsed", "not_renewed")),
        )
    ),
)
"""What a dataset for the comparison must hold, beside `SITUATIONS`."""

"""What is really there in a dataset: counted in the rows, not in what the generator meant to do."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from oracle.basics import Dataset, Row, Settings
from oracle.business import ENDED, ODD_PERIODS, PERIODS, RUNNING, USD_PER, ZONES
from oracle.kinds import KINDS, kinds_of, noisy_amounts
from oracle.oracle import Company

# ---------------------------------------------------------------------- what is really there


def situations(dataset: Dataset) -> Counter[str]:
    """How often each situation the definitions speak of occurs in a dataset."""
    found: Counter[str] = Counter()
    by_company: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for table, rows in dataset.items():
        for row in rows:
            if row["company_id"] is not None:
                by_company[row["company_id"]][table].append(row)
    found["companies in one dataset"] = len(by_company)
    found["amounts with more decimals than are kept"] = noisy_amounts(dataset)
    for company_id, tables in by_company.items():
        company = Company(company_id, tables, Settings(include_deleted=True))
        found += situations_of(company) + kinds_of(company)
    return found


def situations_of(company: Company) -> Counter[str]:
    found: Counter[str] = Counter()
    payments = company.payments
    raw, reader = company.raw, company.reader
    found["account without payments"] += not payments
    found["account with one payment"] += len(payments) == 1
    found["account with payments but no movement"] += bool(payments) and not company.mrr.movements
    months = company.mrr.months()
    moved = {move.day.replace(day=1) for move in company.mrr.movements}
    found["month without movement"] += len(set(months) - moved)

    for payment in payments:
        row = payment.row
        found[f"currency {row['currency']}"] += 1
        found["usd_total unknown in another currency"] += payment.billed is None
        found["fee unknown"] += payment.paid is not None and payment.fees is None
        found["tax"] += bool(row.get("tax_amount"))
        found["payment without plan"] += row.get("plan__id") is None
        plan = raw.plans.get(row.get("plan__id") or "")
        found["plan row missing"] += row.get("plan__id") is not None and plan is None
        found["payment without membership"] += row.get("membership__id") is None
        found["membership row missing"] += (row.get("membership__id") or "") not in (
            "",
            *raw.memberships,
        )
        found["payment without member"] += row.get("member__id") is None
        found["zero amount"] += row["total"] == 0
        found["total unknown"] += row["total"] is None
        found["one-time plan"] += bool(plan) and (plan or {}).get("plan_type") == "one_time"
        found["payment deleted at Whop"] += row.get("_whop_deleted_at") is not None
        listed = reader.listed_refunds[row["id"]]
        statuses = {refund["status"] for refund in listed}
        carried_out = [r for r in listed if r["status"] == "succeeded"]
        said = row.get("refunded_amount") or 0
        found["refunded several times"] += len(payment.refunds) > 1
        found["refunded several times in several months"] += (
            len({r.day.replace(day=1) for r in payment.refunds if r.day}) > 1
        )
        found["refund that is not listed"] += bool(payment.refunds) and not listed
        found["refund not listed beside one that is"] += 0 < len(carried_out) < len(payment.refunds)
        found["more refunds listed than the payment says"] += (
            sum(refund.amount for refund in payment.refunds) > said
        )
        found["refund that was not carried out"] += bool(statuses - {"succeeded"})
        found["refund in another currency"] += any(r["currency"] != row["currency"] for r in listed)
        found["refund listed of what was never paid"] += bool(carried_out) and not payment.refunds
        found["refund listed without a time"] += any(r["created_at"] is None for r in carried_out)
        disputes = reader.listed_disputes[row["id"]]
        alone = {**row, "id": "", "substatus": row.get("substatus")}
        found["dispute that only the list shows"] += payment.is_disputed and not reader.is_disputed(
            alone
        )
        found["dispute listed without a time"] += any(not d["created_at"] for d in disputes)
        found["dispute by substatus"] += (row.get("substatus") or "").startswith("dispute_")
        found["dispute by alert"] += row.get("dispute_alerted_at") is not None
        found["refund of what is no longer paid"] += bool(payment.refund) and not payment.is_paid
        found["refund before its payment"] += (
            payment.refunded is not None
            and payment.paid is not None
            and row.get("refunded_at") is not None
            and row["refunded_at"] < payment.paid_at
        )
        found["refund of a payment without a time"] += (
            payment.paid_at is None and payment.refunded is not None
        )
        found["failed in unknown dollars, never paid"] += (
            payment.has_failed and payment.billed is None and payment.paid is None
        )
        found["failed in unknown dollars, paid since"] += (
            payment.has_failed and payment.billed is None and payment.paid is not None
        )
        found["dispute of what is no longer paid"] += payment.is_disputed and not payment.is_paid
        found["product deleted at Whop"] += (
            raw.products.get(payment.product_id or "", {}).get("_whop_deleted_at") is not None
        )
        found["product row missing"] += (payment.product_id or "") not in ("", *raw.products)
        found["recovered payment"] += payment.has_failed and payment.is_paid
        found[f"payment {row['status']}"] += 1
        if payment.paid_at:
            for name in ZONES[1:]:
                local = payment.paid_at.astimezone(ZoneInfo(name))
                here = local.date().replace(day=1)
                found[f"month differs between UTC and {name}"] += here != (
                    payment.paid_at.date().replace(day=1)
                )
                tomorrow = (local + timedelta(milliseconds=1)).date()
                found[f"last millisecond of a month in {name}"] += (
                    tomorrow.day == 1 and local.date() != tomorrow
                )

    for membership in raw.memberships.values():
        found[f"membership {membership['status']}"] += 1
        found["membership deleted at Whop"] += membership.get("_whop_deleted_at") is not None
        found["plan deleted at Whop"] += (
            raw.plans.get(membership["plan__id"], {}).get("_whop_deleted_at") is not None
        )
        found["membership without member"] += membership.get("member__id") is None
        trial = company.churn.trial_of(membership)
        counted = any(p.membership_id == membership["id"] for p in company.periods)
        found["trial converted"] += trial and counted
        found["trial not converted"] += trial and not counted
    found["deleted user"] += sum(not row.get("user__id") for row in raw.table("members"))

    for subscription in company.churn.fct_subscriptions():
        membership = raw.memberships.get(subscription["membership_id"], {})
        began, in_force = subscription["promo_code_id"], membership.get("promo_code__id")
        found["begun with a code not in force any more"] += began is not None and in_force is None
        found["code in force that it did not begin with"] += in_force is not None and not began
        ended, canceled = subscription["ended_at"], membership.get("canceled_at")
        found["canceled after a run of periods had ended"] += bool(
            ended and canceled and ended < canceled
        )

    by_membership: dict[str, list[Any]] = defaultdict(list)
    for period in company.periods:
        by_membership[period.membership_id].append(period)
        found[f"period of {period.days} days"] += 1
        gross = period.payment.gross or Decimal(0)
        found["set-up fee"] += period.recurring is not None and period.recurring < gross
        row = period.payment.row
        found["plan price in another currency"] += period.version.currency != row["currency"]
        found["period across New York's change of clocks"] += (
            raw.day(period.start) is not None
            and period.start.astimezone(ZoneInfo("America/New_York")).utcoffset()
            != period.natural_end.astimezone(ZoneInfo("America/New_York")).utcoffset()
        )
        if row.get("refunded_amount"):
            kind = "full" if row["refunded_amount"] >= row["total"] else "partial"
            refunded_at = row.get("refunded_at")
            if refunded_at is None:
                found["refund without a date"] += 1
            else:
                side = "before" if refunded_at < period.natural_end else "after"
                found[f"{kind} refund {side} the end of the period"] += 1
    for membership_id, periods in by_membership.items():
        periods.sort(key=lambda period: (period.start, period.payment.id))
        status = raw.memberships.get(membership_id, {}).get("status")
        last = periods[-1].payment.row
        full = (last.get("refunded_amount") or 0) >= last["total"]
        found["last period refunded in full"] += full
        found["running membership refunded in full"] += full and status in RUNNING
        for before, after in pairwise(periods):
            late = after.start - before.natural_end
            found["late retry within grace"] += timedelta(0) < late <= timedelta(days=14)
            found["late by exactly the grace"] += late == timedelta(days=14)
            found["late retry beyond grace"] += late > timedelta(days=14)
            found["back in the same membership after months"] += late > timedelta(days=60)
            found["tie on paid_at"] += after.start == before.start
            found["next period before the natural end"] += late < timedelta(0)
        if status == "canceling":
            end = raw.memberships[membership_id].get("renewal_period_end")
            found["canceling without renewal_period_end"] += end is None
            found["canceling to a later renewal_period_end"] += (
                end is not None and end > periods[-1].natural_end
            )
            found["canceling to an earlier renewal_period_end"] += (
                end is not None and end < periods[-1].natural_end
            )

    of_member: dict[str, set[str]] = defaultdict(set)
    found["membership handed on"] += sum(
        len({period.member_id for period in periods}) > 1 for periods in by_membership.values()
    )
    for period in company.periods:
        of_member[period.member_id].add(period.membership_id)
    found["member with two memberships"] += sum(len(ids) > 1 for ids in of_member.values())
    ends = [(period.member_id, period.end, period.mrr) for period in company.periods if period.end]
    found["ends tied on moment and mrr"] += len(ends) - len(set(ends))
    for move in company.mrr.movements:
        found[f"movement {move.kind}"] += 1
        if move.kind == "churn":
            kind, reason = company.churn.ending_of_churn(move)
            found[f"churn {kind}"] += 1
            found["churn without a reason given"] += reason == "unspecified"

    for states in _states(company).values():
        canceled = [state.get("canceled_at") is not None for state in states]
        found["canceled and un-canceled"] += any(
            then and not now for then, now in pairwise(canceled)
        )
        recorded = [(state["status"], state.get("canceled_at")) for state in states]
        found["state recorded twice"] += any(then == now for then, now in pairwise(recorded))
    return found


def _states(company: Company) -> dict[str, list[Row]]:
    states: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(company.raw.all("membership_states"), key=lambda row: row["_whop_synced_at"]):
        states[row["id"]].append(row)
    return states


SITUATIONS: tuple[str, ...] = (
    *KINDS,
    "companies in one dataset",
    "account without payments",
    "account with one payment",
    "account with payments but no movement",
    "month without movement",
    *(f"currency {name}" for name in USD_PER),
    "usd_total unknown in another currency",
    "fee unknown",
    "tax",
    "payment without plan",
    "plan row missing",
    "payment without membership",
    "membership row missing",
    "payment without member",
    "zero amount",
    "total unknown",
    "one-time plan",
    "payment deleted at Whop",
    "membership deleted at Whop",
    "plan deleted at Whop",
    "refunded several times",
    "refunded several times in several months",
    "refund that is not listed",
    "refund not listed beside one that is",
    "more refunds listed than the payment says",
    "refund that was not carried out",
    "refund in another currency",
    "refund listed of what was never paid",
    "refund listed without a time",
    "dispute that only the list shows",
    "dispute listed without a time",
    "dispute by substatus",
    "dispute by alert",
    "refund of what is no longer paid",
    "refund before its payment",
    "refund of a payment without a time",
    "failed in unknown dollars, never paid",
    "failed in unknown dollars, paid since",
    "dispute of what is no longer paid",
    "product deleted at Whop",
    "product row missing",
    "begun with a code not in force any more",
    "code in force that it did not begin with",
    "canceled after a run of periods had ended",
    "recovered payment",
    *(f"payment {status}" for status in ("paid", "open", "uncollectible", "void", "unresolved")),
    *(f"month differs between UTC and {name}" for name in ZONES[1:]),
    *(f"last millisecond of a month in {name}" for name in ZONES[1:]),
    *(f"membership {status}" for status in (*RUNNING, *ENDED, "canceling")),
    "membership without member",
    "trial converted",
    "trial not converted",
    "deleted user",
    *(f"period of {days} days" for days in (*PERIODS, *ODD_PERIODS)),
    "set-up fee",
    "plan price in another currency",
    "period across New York's change of clocks",
    "full refund before the end of the period",
    "full refund after the end of the period",
    "partial refund before the end of the period",
    "partial refund after the end of the period",
    "refund without a date",
    "last period refunded in full",
    "running membership refunded in full",
    "late retry within grace",
    "late by exactly the grace",
    "late retry beyond grace",
    "back in the same membership after months",
    "tie on paid_at",
    "next period before the natural end",
    "canceling without renewal_period_end",
    "canceling to a later renewal_period_end",
    "canceling to an earlier renewal_period_end",
    "member with two memberships",
    "membership handed on",
    "ends tied on moment and mrr",
    *(f"movement {k}" for k in ("new", "reactivation", "expansion", "contraction", "churn")),
    *(f"churn {kind}" for kind in ("voluntary", "involuntary", "lapsed")),
    "churn without a reason given",
    "canceled and un-canceled",
    "state recorded twice",
)
"""What a dataset for the comparison must hold."""

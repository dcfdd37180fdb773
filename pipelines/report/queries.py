"""What the report asks the marts: the same SQL on DuckDB and Postgres, no personal data."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from ..destination import MARTS
from ..errors import NothingThere
from ..reading import Warehouse
from ..restated import Restated, restated
from ..settings import tables
from .notes import notes_of

Row = dict[str, Any]

COMPANIES = f"select company_id, title, as_of from {MARTS}.dim_companies order by title, company_id"

FRESHNESS = f"""select company_id, table_name, last_run_id, last_run_status, last_run_at,
  last_run_unreadable, last_read_at
from {MARTS}.data_freshness
order by company_id, table_name"""

MONTHS = f"""select metrics.*,
  coalesce(mrr.new_usd, 0) as new_usd,
  coalesce(mrr.reactivation_usd, 0) as reactivation_usd,
  coalesce(mrr.expansion_usd, 0) as expansion_usd,
  coalesce(mrr.contraction_usd, 0) as contraction_usd,
  coalesce(mrr.churn_usd, 0) as churn_usd,
  coalesce(mrr.customers_new, 0) as customers_new,
  coalesce(mrr.customers_reactivated, 0) as customers_reactivated,
  coalesce(mrr.customers_churned, 0) as customers_churned
from {MARTS}.metrics_monthly as metrics
left join {MARTS}.mrr_monthly as mrr
  on mrr.company_id = metrics.company_id and mrr.month = metrics.month
order by metrics.company_id, metrics.month"""

CHURN = f"""select company_id, month, churn_type, churn_reason, customers_churned, mrr_churned_usd
from {MARTS}.churn_monthly
order by company_id, month, churn_type, churn_reason"""

COHORTS = f"""select company_id, cohort_month, months_since, customers_in_cohort,
  customers_retained, retention_rate
from {MARTS}.cohort_retention_monthly
order by company_id, cohort_month, months_since"""

REVENUE = f"""select company_id, cast(date_trunc('month', date) as date) as month,
  product_id, plan_id, currency,
  sum(gross_usd) as gross_usd, sum(net_usd) as net_usd, sum(payments_count) as payments_count
from {MARTS}.revenue_daily
group by company_id, cast(date_trunc('month', date) as date), product_id, plan_id, currency"""

# On the last day of each month, or the day of as_of.
PLAN_MRR = f"""with month_ends as (
  select company_id, max(date) as date
  from {MARTS}.mrr_daily
  group by company_id, date_trunc('month', date)
)
select daily.company_id, cast(date_trunc('month', daily.date) as date) as month,
  daily.product_id, daily.plan_id, daily.mrr_usd, daily.customers
from {MARTS}.mrr_daily_by_plan as daily
join month_ends on month_ends.company_id = daily.company_id and month_ends.date = daily.date"""

PRODUCTS = f"select company_id, product_id, title from {MARTS}.dim_products"

PLANS = f"""select company_id, plan_id, product_id, title, plan_type, currency, renewal_price,
  initial_price, billing_period_days
from {MARTS}.dim_plans"""

OFF_PACE = f"""select company_id, plan_id, billing_period_days, renewals,
  median_days_between_renewals
from {MARTS}.plan_history
where is_pace_off
order by company_id, plan_id, version_number"""

RENEWALS = f"""select company_id, next_renewal_date, risk, count(*) as renewals,
  sum(amount_usd) as amount_usd, sum(expected_usd) as expected_usd,
  sum(case when renewal_probability is null then 1 else 0 end) as unknown
from {MARTS}.upcoming_renewals
group by company_id, next_renewal_date, risk"""

AT_RISK = f"""select company_id, main_cause, count(*) as members, sum(mrr_usd) as mrr_usd,
  sum(unpaid_usd) as unpaid_usd
from {MARTS}.members_at_risk
group by company_id, main_cause"""

LEFT = f"""select company_id, months_ahead, date, committed_usd, expected_usd
from {MARTS}.committed_mrr_monthly
order by company_id, months_ahead"""

# For who wants to look closer: the larger values of three dimensions, by MRR and gross.
SEGMENTS = f"""select company_id, dimension, value, month, mrr_end_usd, customers_end,
  customers_start, customers_lost, gross_usd, refunded_usd, net_usd
from {MARTS}.metrics_monthly_by_segment
where dimension in ('product', 'plan', 'country')
order by company_id, dimension, value, month"""

QUERIES = {
    "freshness": FRESHNESS,
    "months": MONTHS,
    "churn": CHURN,
    "cohorts": COHORTS,
    "revenue": REVENUE,
    "plan_mrr": PLAN_MRR,
    "products": PRODUCTS,
    "plans": PLANS,
    "off_pace": OFF_PACE,
    "renewals": RENEWALS,
    "at_risk": AT_RISK,
    "left": LEFT,
    "segments": SEGMENTS,
}


@dataclass(frozen=True)
class CompanyRows:
    """What the marts hold of one company, for the report."""

    company: Row
    freshness: list[Row]
    months: list[Row]
    churn: list[Row]
    cohorts: list[Row]
    revenue: list[Row]
    plan_mrr: list[Row]
    products: list[Row]
    plans: list[Row]
    off_pace: list[Row]
    renewals: list[Row] = field(default_factory=list)
    at_risk: list[Row] = field(default_factory=list)
    left: list[Row] = field(default_factory=list)
    segments: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Sentences of other parts of whop-elt: see `notes`."""
    moved: list[Restated] = field(default_factory=list)
    """Numbers of closed months that are not what they were when first told of."""


def read(destination: Warehouse) -> list[CompanyRows]:
    """Ask the marts about every company.

    Raises:
        NothingThere: the marts are not built.
    """
    try:
        companies = _ask(destination, COMPANIES)
        answers = {name: _ask(destination, sql) for name, sql in QUERIES.items()}
    except NothingThere as error:
        raise NothingThere(
            f"The marts the report is made of are not all in {destination.location}: "
            "`whop-elt transform` builds them from what is loaded, `whop-elt run` loads it too"
        ) from error
    # Those left out are of no concern any more, whatever became of them in their last run.
    wanted = tables()
    answers["freshness"] = [row for row in answers["freshness"] if row["table_name"] in wanted]
    by_company: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for name, rows in answers.items():
        for row in rows:
            by_company[row["company_id"]][name].append(row)
    return [
        CompanyRows(
            company,
            **{name: by_company[company["company_id"]][name] for name in QUERIES},
            notes=notes_of(destination, company["company_id"]),
            moved=restated(destination, company["company_id"]),
        )
        for company in companies
    ]


def _ask(destination: Warehouse, sql: str) -> list[Row]:
    names, rows = destination.query(sql)
    return [dict(zip(names, row, strict=True)) for row in rows]

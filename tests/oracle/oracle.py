"""Every mart, computed from the raw rows in plain Python, straight from the metric definitions.

This is the second opinion on the dbt models: no SQL, nothing shared with them, day by day wherever
that is the plainest way to say what a definition says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, localcontext

from oracle.bank import Bank
from oracle.basics import Dataset, Marts, Raw, Row, Settings, exact
from oracle.churn import Churn
from oracle.dimensions import Dimensions
from oracle.forward import Forward
from oracle.history import History
from oracle.money import PaymentReader
from oracle.mrr import Mrr
from oracle.periods import Calendar, PeriodReader
from oracle.plans import PlanHistory, PlanReader
from oracle.ratios import Ratios
from oracle.revenue import Revenue
from oracle.segments import Segments
from oracle.whops import Whops


def compute(dataset: Dataset, settings: Settings | None = None) -> Marts:
    """Every mart of every company of a dataset."""
    settings = settings or Settings()
    companies = sorted(
        {row["company_id"] for rows in dataset.values() for row in rows if row["company_id"]}
    )
    marts: Marts = defaultdict(list)
    with localcontext() as context:
        context.prec = 60
        context.rounding = ROUND_HALF_UP
        for company_id in companies:
            for mart, rows in Company.of(dataset, company_id, settings).marts().items():
                marts[mart] += [{"company_id": company_id, **row} for row in rows]
    return dict(marts)


class Company:
    """One company's rows, and its marts."""

    def __init__(self, company_id: str, tables: Dataset, settings: Settings) -> None:
        self.raw = Raw(company_id, tables, settings)
        self.reader = PaymentReader(self.raw)
        self.payments = self.reader.payments()
        self.plan_history = PlanHistory(self.raw)
        self.plans = PlanReader(self.raw, self.plan_history)
        self.period_reader = PeriodReader(self.raw, self.payments, self.plans)
        self.periods = self.period_reader.periods()
        self.calendar = Calendar(self.raw)
        self.mrr = Mrr(self.raw, self.periods)
        self.churn = Churn(self.raw, self.payments, self.periods, self.mrr, self.plan_history)

    @classmethod
    def of(cls, dataset: Dataset, company_id: str, settings: Settings) -> Company:
        """A company of a dataset that holds many."""
        # A row without a company (a plan's version told by hand) is offered to each.
        own = {
            table: [row for row in rows if row["company_id"] in (company_id, None)]
            for table, rows in dataset.items()
        }
        return cls(company_id, own, settings)

    def marts(self) -> Marts:
        revenue = Revenue(self.raw, self.payments, self.periods)
        ratios = Ratios(self.raw, self.payments, self.periods, self.churn)
        segments = Segments(self.raw, self.payments, self.mrr, self.churn)
        dimensions = Dimensions(self.raw, self.payments, self.mrr, self.churn)
        history = History(self.raw, self.plan_history)
        forward = Forward(self.raw, self.payments, self.churn, revenue)
        bank = Bank(self.raw, self.payments)
        builders: Mapping[str, Callable[[], list[Row]]] = {
            "fct_payments": revenue.fct_payments,
            "fct_subscription_periods": self.fct_subscription_periods,
            "fct_subscriptions": self.churn.fct_subscriptions,
            "mrr_movements": self.mrr.mrr_movements,
            "mrr_monthly": self.mrr.mrr_monthly,
            "mrr_daily": self.mrr.mrr_daily,
            "mrr_daily_by_plan": self.mrr.mrr_daily_by_plan,
            "mrr_daily_by_segment": segments.mrr_daily_by_segment,
            "mrr_monthly_by_segment": segments.mrr_monthly_by_segment,
            "metrics_monthly_by_segment": lambda: segments.metrics_monthly_by_segment(ratios),
            "churn_monthly": self.churn.churn_monthly,
            "metrics_monthly": lambda: ratios.metrics_monthly(self.mrr),
            "cohort_retention_monthly": lambda: ratios.cohort_retention_monthly(self.mrr),
            "cohort_retention_monthly_by_plan": lambda: ratios.cohort_retention_monthly_by_plan(
                self.mrr
            ),
            "revenue_recognition_monthly": revenue.revenue_recognition_monthly,
            "revenue_daily": revenue.revenue_daily,
            "dim_members": dimensions.dim_members,
            "member_contacts": dimensions.member_contacts,
            "dim_products": dimensions.dim_products,
            "dim_plans": dimensions.dim_plans,
            "dim_promo_codes": dimensions.dim_promo_codes,
            "dim_companies": dimensions.dim_companies,
            "plan_history": history.plan_history,
            "data_freshness": history.data_freshness,
            "membership_history": history.membership_history,
            "upcoming_renewals": forward.upcoming_renewals,
            "committed_mrr_monthly": forward.committed_mrr_monthly,
            "members_at_risk": forward.members_at_risk,
            "dunning_monthly": forward.dunning_monthly,
            "promo_code_results": forward.promo_code_results,
            "affiliate_results": forward.affiliate_results,
            "deferred_revenue_waterfall": forward.deferred_revenue_waterfall,
            "ledger": bank.ledger,
            "payouts": bank.payouts,
            "fees_by_type_monthly": bank.fees_by_type_monthly,
            "cash_differences": bank.cash_differences,
            "cash_reconciliation": bank.cash_reconciliation,
            "whop_comparison": lambda: Whops(
                self.raw, self.payments, self.period_reader, self.periods, self.mrr, bank.lines
            ).whop_comparison(ratios.metrics_monthly(self.mrr)),
        }
        return {mart: build() for mart, build in builders.items()}

    def fct_subscription_periods(self) -> list[Row]:
        return [
            {
                "payment_id": period.payment.id,
                "membership_id": period.membership_id,
                "member_id": period.member_id,
                "plan_id": period.payment.plan_id,
                "product_id": period.payment.product_id,
                "currency": period.payment.currency,
                "billing_period_days": period.days,
                "period_start": period.start,
                "natural_end": period.natural_end,
                "period_end": period.end,
                "recurring_price": exact(period.price),
                "mrr_native": period.mrr_native,
                "mrr_usd": period.mrr if period.is_mrr_known else None,
                "recurring_usd": period.recurring,
            }
            for period in self.periods
            if self.calendar.has_begun(period)
        ]

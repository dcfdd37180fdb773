"""The tables of the Whop source, one row of data each; adding a table means adding a row.

A row says what Whop's Legacy surface has, and its `current` what is otherwise on Current. Facts
come from the types of the last official client for Legacy (`whop-sdk` 0.0.40; 0.0.41 asks for a
version between the two) and from Whop's developer documentation, as of November 2026. Long because
it holds every column of every table.
"""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import TopologicalSorter

from . import current
from .resource import FOLLOWING, Chart, ColumnType, Resource, columns_of
from .surface import Shape

__all__ = [
    "BY_NAME",
    "FILE_COLUMNS",
    "FOLLOWING",
    "REFERRED_TABLES",
    "RESOURCES",
    "USER_COLUMNS",
    "ColumnType",
    "Resource",
]

LIVE_MEMBERSHIP_STATUSES = (
    "trialing",
    "active",
    "past_due",
    "unresolved",
    "canceling",
    "drafted",
    "completed",
)
"""Statuses in which a membership changes unasked: a renewal, a lapse; `completed` still expires."""

ENDED_MEMBERSHIP_STATUSES = ("canceled", "expired")
"""The others: a membership that comes back to life from these is in the live ones again."""

OPEN_INVOICE_STATUSES = ("draft", "open", "past_due", "uncollectible")
"""One given up as uncollectible can still be paid."""

CLOSED_INVOICE_STATUSES = ("paid", "void")
"""An invoice that is paid or void stays so."""

OPEN_ENTRY_STATUSES = ("drafted", "pending")
CLOSED_ENTRY_STATUSES = ("approved", "denied")
"""An entry of a waiting list changes until it is approved or denied."""

OPEN_PAYMENT_STATUSES = ("draft", "open", "pending", "unresolved")
"""Payment statuses that are not final: asked for when the server refuses `updated_after`."""

_ADDRESS = ("name", "line1", "line2", "city", "state", "postal_code", "country")
_ADDRESSES = tuple(
    f"{kind}_address__{part}" for kind in ("billing", "shipping") for part in _ADDRESS
)
_PERSON = ("user__username", "user__name", "user__email")
_USER = " ".join(("user__id", *_PERSON))
_CREATED_ASC = {"order": "created_at", "direction": "asc"}
"""Oldest first: rows that arrive while a list is walked land behind the walk, not before it."""

RESOURCES: tuple[Resource, ...] = (
    Resource(
        name="companies",
        current=current.COMPANIES,
        path="/companies",
        permissions=("company:basic:read",),
        is_company=True,
        # GET /companies lists what the key's user owns, so a configured company is read by its id.
        listed=False,
        tenant=None,
        company_column="id",
        created_after=False,
        changes="everything",
        personal=("owner_user__username", "owner_user__name"),
        columns=columns_of(
            text="title route description target_audience affiliate_instructions logo__url "
            "owner_user__id owner_user__username owner_user__name "
            "featured_affiliate_product__id featured_affiliate_product__name",
            bigint="member_count published_reviews_count",
            bool="verified send_customer_emails",
            timestamp="created_at updated_at",
            json="metadata social_links",
        ),
    ),
    Resource(
        name="products",
        current=current.PRODUCTS,
        path="/products",
        permissions=("access_pass:basic:read",),
        # A tenant name it does not know made this list answer with the whole marketplace.
        proven_by_id=True,
        company_named="by_id",
        created_after=False,
        params=_CREATED_ASC,
        changes="everything",
        details=(
            "company",
            "custom_cta",
            "custom_cta_url",
            "custom_statement_descriptor",
            "description",
            "gallery_images",
            "global_affiliate_percentage",
            "global_affiliate_status",
            "member_affiliate_percentage",
            "member_affiliate_status",
            "owner_user",
            "product_tax_code",
        ),
        personal=("owner_user__username", "owner_user__name"),
        columns=columns_of(
            text="title route headline description visibility external_identifier "
            "company__id company__route company__title custom_cta custom_cta_url "
            "custom_statement_descriptor global_affiliate_status member_affiliate_status "
            "owner_user__id owner_user__username owner_user__name "
            "product_tax_code__id product_tax_code__name product_tax_code__product_type",
            bigint="member_count published_reviews_count",
            decimal="global_affiliate_percentage member_affiliate_percentage",
            bool="verified",
            timestamp="created_at updated_at",
            json="metadata gallery_images",
        ),
    ),
    Resource(
        name="plans",
        current=current.PLANS,
        path="/plans",
        permissions=("plan:basic:read",),
        # A plan of an invoice is sold by nobody in particular.
        company_named="nullable",
        # The version of whop-sdk 0.0.41 is Legacy's, but for this name.
        shape=Shape(moves={"account": "company"}),
        params=_CREATED_ASC,
        changes="everything",
        details=("collect_tax", "custom_fields", "tax_type"),
        # What was sold yesterday is not told by what the plan is today.
        states_table="plan_states",
        refers_to={"product__id": "products"},
        columns=columns_of(
            text="title description plan_type visibility release_method currency internal_notes "
            "company__id company__title product__id product__title purchase_url "
            "tax_type three_ds_level",
            bigint="billing_period expiration_days trial_period_days member_count stock "
            "split_pay_required_payments",
            decimal="initial_price renewal_price",
            bool="adaptive_pricing_enabled unlimited_stock collect_tax",
            timestamp="created_at updated_at",
            json="metadata invoice payment_method_configuration custom_fields",
        ),
    ),
    Resource(
        name="promo_codes",
        current=current.PROMO_CODES,
        path="/promo_codes",
        permissions=("promo_code:basic:read", "access_pass:basic:read"),
        company_named="by_id",
        changes="everything",
        refers_to={"product__id": "products"},
        columns=columns_of(
            text="code status promo_type currency duration product__id product__title "
            "company__id company__title",
            bigint="stock uses promo_duration_months",
            decimal="amount_off",
            bool="unlimited_stock churned_users_only existing_memberships_only new_users_only "
            "one_per_customer",
            timestamp="created_at expires_at",
        ),
    ),
    Resource(
        name="members",
        current=current.MEMBERS,
        path="/members",
        permissions=("member:basic:read", "member:email:read", "member:phone:read"),
        company_named="by_id",
        params=_CREATED_ASC,
        changes="recent_action",
        # Spending and status move with them, and the latest action tells only of the latest.
        changes_with=("payments", "memberships"),
        personal=("phone", *_PERSON),
        columns=columns_of(
            text=f"status access_level phone most_recent_action {_USER} "
            "company__id company__route company__title",
            decimal="usd_total_spent company_token_balance",
            timestamp="created_at updated_at joined_at most_recent_action_at",
        ),
    ),
    Resource(
        name="memberships",
        current=current.MEMBERSHIPS,
        path="/memberships",
        permissions=("member:basic:read", "member:email:read"),
        params=_CREATED_ASC,
        changes="live_statuses",
        live_statuses=LIVE_MEMBERSHIP_STATUSES,
        ended_statuses=ENDED_MEMBERSHIP_STATUSES,
        states_table="membership_states",
        # The key opens what the member has bought; the reason is in the member's own words.
        personal=(
            *_PERSON,
            "cancellation_reason",
            "custom_field_responses",
            "license_key",
            "metadata",
        ),
        refers_to={"plan__id": "plans", "product__id": "products", "promo_code__id": "promo_codes"},
        columns=columns_of(
            text="status cancel_option cancellation_reason currency license_key manage_url "
            f"{_USER} member__id plan__id product__id product__title promo_code__id company__id "
            "company__title checkout_configuration_id",
            bool="cancel_at_period_end payment_collection_paused",
            timestamp="created_at updated_at joined_at canceled_at renewal_period_start "
            "renewal_period_end",
            json="metadata plan__metadata product__metadata custom_field_responses",
        ),
    ),
    Resource(
        name="payments",
        current=current.PAYMENTS,
        path="/payments",
        permissions=(
            "payment:basic:read",
            "plan:basic:read",
            "access_pass:basic:read",
            "member:basic:read",
            "member:email:read",
            "member:phone:read",
            "promo_code:basic:read",
        ),
        company_named="nullable",
        # `created_after` and `created_before` may be of the time of payment, where there is one:
        # that is never before the creation, and may be long after it.
        bounded_above=False,
        # Without include_free the list leaves out zero-amount rows: trials and free plans.
        params={**_CREATED_ASC, "include_free": "true"},
        changes="updated_after",
        personal=(
            *_PERSON,
            *_ADDRESSES,
            "member__phone",
            "membership__phone_number",
            "metadata",
            "risk_signals",
        ),
        # On Current: who has one can pay with it, or sees what is to be paid.
        secrets=("client_secret", "recovery_url"),
        refers_to={"plan__id": "plans", "product__id": "products", "promo_code__id": "promo_codes"},
        columns=columns_of(
            text="status substatus currency settlement_currency billing_reason card_brand "
            "card_last4 payment_method_type payment_method__id "
            "payment_method__payment_method_type payment_method__card__brand "
            "payment_method__card__last4 failure_message tax_behavior member__id member__phone "
            f"membership__id membership__status membership__phone_number plan__id "
            f"plan__internal_notes product__id product__title product__route {_USER} "
            "promo_code__id promo_code__code promo_code__promo_type promo_code__base_currency "
            f"company__id company__route company__title application_fee__id "
            f"application_fee__currency checkout_configuration_id {' '.join(_ADDRESSES)}",
            bigint="payments_failed payment_method__card__exp_month payment_method__card__exp_year "
            "promo_code__number_of_intervals financing_installments_count risk_score",
            decimal="total subtotal tax_amount usd_total amount_after_fees refunded_amount "
            "promo_code__amount_off application_fee__amount application_fee__amount_captured "
            "application_fee__amount_refunded settlement_amount settlement_exchange_rate "
            "tax_refunded_amount",
            bool="auto_refunded refundable retryable voidable three_ds_verified",
            timestamp="created_at updated_at paid_at refunded_at dispute_alerted_at "
            "last_payment_attempt next_payment_attempt payment_method__created_at "
            "application_fee__created_at",
            json="metadata plan__metadata product__metadata disputes refunds resolutions "
            "financing_transactions risk_signals",
        ),
    ),
    Resource(
        name="payment_methods",
        current=current.PAYMENT_METHODS,
        path="/payment_methods",
        permissions=("member:payment_methods:read",),
        # A company-wide row does not say whose it is: payments carry payment_method__id.
        company_column=None,
        params={"direction": "asc"},
        shared=True,
        changes="full_only",
        personal=("cashapp__cashtag",),
        columns=columns_of(
            text="typename payment_method_type card__brand card__last4 "
            "us_bank_account__bank_name us_bank_account__account_type us_bank_account__last4 "
            "cashapp__cashtag cashapp__buyer_id ideal__bank ideal__bic sepa_debit__bank_code "
            "sepa_debit__branch_code sepa_debit__country sepa_debit__last4",
            bigint="card__exp_month card__exp_year",
            timestamp="created_at",
        ),
    ),
    Resource(
        name="authorized_users",
        current=current.AUTHORIZED_USERS,
        path="/authorized_users",
        permissions=("company:authorized_user:read", "member:email:read"),
        # An invitation that is open, which Current lists.
        never_shows={"status": ("pending",)},
        created_at=False,
        changes="everything",
        personal=_PERSON,
        columns=columns_of(text=f"role company__id company__title {_USER}"),
    ),
    Resource(
        name="apps",
        current=current.APPS,
        path="/apps",
        permissions=(),
        created_after=False,
        created_at=False,
        params={"order": "created_at", "direction": "asc"},
        changes="everything",
        # The object asks for developer:manage_api_key and developer:update_app. A sync should not
        # need what can change an app: without them these columns stay empty.
        details=("production_web_build", "redirect_uris", "requested_permissions", "stats"),
        personal=("creator__username", "creator__name"),
        secrets=("api_key", "default_api_key", "preview_token", "secrets"),
        columns=columns_of(
            text="name description app_type status route domain_id base_url hosted_url origin "
            "icon__url dashboard_path discover_path experience_path openapi_path skills_path "
            "creator__id creator__username creator__name company__id company__title "
            "production_web_build__id production_web_build__status "
            "production_web_build__checksum production_web_build__file_url",
            bigint="stats__dau stats__wau stats__mau stats__time_spent_last24_hours",
            bool="verified",
            json="redirect_uris requested_permissions",
        ),
    ),
    Resource(
        name="refunds",
        current=current.REFUNDS,
        path="/refunds",
        permissions=("payment:basic:read",),
        company_column=None,
        params={"direction": "asc"},
        # A pending refund succeeds or fails within days; no filter tells.
        changes="lookback",
        columns=columns_of(
            text="status currency provider reference_status reference_type reference_value "
            "payment__id",
            decimal="amount",
            timestamp="created_at provider_created_at",
        ),
    ),
    Resource(
        name="disputes",
        current=current.DISPUTES,
        path="/disputes",
        permissions=(
            "payment:dispute:read",
            "plan:basic:read",
            "access_pass:basic:read",
            "company:basic:read",
            "payment:basic:read",
        ),
        company_named="nullable",
        params={"direction": "asc"},
        # Card schemes decide a dispute within some four months.
        changes="lookback",
        columns=columns_of(
            text="status reason currency payment__id plan__id product__id product__title "
            "company__id company__title",
            decimal="amount",
            bool="editable visa_rdr",
            timestamp="created_at needs_response_by",
        ),
    ),
    Resource(
        name="dispute_alerts",
        current=current.DISPUTE_ALERTS,
        path="/dispute_alerts",
        permissions=("payment:dispute_alert:read", "payment:basic:read", "payment:dispute:read"),
        company_column=None,
        params={"direction": "asc"},
        # An alert may become a dispute, which the row then names.
        changes="lookback",
        columns=columns_of(
            text="alert_type currency payment__id dispute__id",
            decimal="amount",
            bool="charge_for_alert",
            timestamp="created_at transaction_date",
        ),
    ),
    Resource(
        name="invoices",
        current=current.INVOICES,
        path="/invoices",
        permissions=("invoice:basic:read",),
        company_column=None,
        params=_CREATED_ASC,
        changes="live_statuses",
        live_statuses=OPEN_INVOICE_STATUSES,
        ended_statuses=CLOSED_INVOICE_STATUSES,
        refers_to={"current_plan__id": "plans"},
        personal=("email_address", "user__username", "user__name"),
        # Whoever has the token can read the invoice without a key.
        secrets=("fetch_invoice_token",),
        columns=columns_of(
            text="number status email_address current_plan__id current_plan__currency "
            "current_plan__formatted_price user__id user__username user__name",
            timestamp="created_at due_date",
        ),
    ),
    Resource(
        name="entries",
        current=current.ENTRIES,
        path="/entries",
        permissions=("plan:waitlist:read", "member:email:read"),
        company_column=None,
        params=_CREATED_ASC,
        changes="live_statuses",
        live_statuses=OPEN_ENTRY_STATUSES,
        ended_statuses=CLOSED_ENTRY_STATUSES,
        never_shows={"status": ("canceled",)},
        refers_to={"plan__id": "plans", "product__id": "products"},
        personal=(*_PERSON, "custom_field_responses"),
        columns=columns_of(
            text=f"status plan__id product__id product__title {_USER}",
            timestamp="created_at",
            json="custom_field_responses",
        ),
    ),
    Resource(
        name="leads",
        path="/leads",
        permissions=(
            "lead:basic:read",
            "member:email:read",
            "access_pass:basic:read",
            "member:basic:read",
        ),
        company_column=None,
        # Who buys at all mostly does so soon; updated_at is in the row, but no filter takes it.
        changes="lookback",
        personal=(*_PERSON, "metadata"),
        columns=columns_of(
            text=f"referrer member__id product__id product__title {_USER}",
            timestamp="created_at updated_at",
            json="metadata",
        ),
    ),
    Resource(
        name="experiences",
        path="/experiences",
        permissions=(),
        changes="everything",
        details=("products",),
        columns=columns_of(
            text="name order app__id app__name app__icon__url image__url company__id "
            "company__route company__title",
            bool="is_public",
            timestamp="created_at",
            json="products",
        ),
    ),
    Resource(
        name="checkout_configurations",
        current=current.CHECKOUT_CONFIGURATIONS,
        path="/checkout_configurations",
        # Without it only the metadata is empty.
        permissions=("checkout_configuration:basic:read",),
        company_column="company_id",
        unix_times=True,
        # Oldest first; before 2026-07-08-1 the list knows no other order, and its rows say when
        # they were created in Unix seconds or not at all.
        params={"direction": "asc"},
        # There may be one per sale; updated_at is in the row, but no filter takes it.
        changes="lookback",
        # What is given here goes on to the payment, where it is personal too.
        personal=("metadata",),
        columns=columns_of(
            text="company_id mode affiliate_code currency purchase_url redirect_url three_ds_level "
            "plan__id plan__plan_type plan__currency plan__release_method plan__three_ds_level "
            "plan__visibility",
            bigint="plan__billing_period plan__expiration_days plan__trial_period_days",
            decimal="plan__initial_price plan__renewal_price",
            bool="allow_promo_codes plan__adaptive_pricing_enabled",
            timestamp="created_at updated_at",
            json="metadata payment_method_configuration",
        ),
    ),
    Resource(
        name="setup_intents",
        current=current.SETUP_INTENTS,
        path="/setup_intents",
        permissions=("payment:setup_intent:read", "member:basic:read", "member:email:read"),
        company_named="nullable",
        params={"direction": "asc"},
        secrets=("client_secret",),
        # One that is processing ends within days; no filter tells.
        changes="lookback",
        personal=(
            "member__user__username",
            "member__user__name",
            "member__user__email",
            *(f"payment_method__mailing_address__{part}" for part in _ADDRESS),
            "metadata",
        ),
        columns=columns_of(
            text="status error_message checkout_configuration__id company__id member__id "
            "member__user__id member__user__username member__user__name member__user__email "
            "payment_method__id payment_method__payment_method_type payment_method__card__brand "
            "payment_method__card__last4 "
            + " ".join(f"payment_method__mailing_address__{part}" for part in _ADDRESS),
            bigint="payment_method__card__exp_month payment_method__card__exp_year",
            bool="three_ds_verified",
            timestamp="created_at payment_method__created_at",
            json="metadata",
        ),
    ),
    Resource(
        name="affiliates",
        path="/affiliates",
        permissions=("affiliate:basic:read",),
        created_after=False,
        params=_CREATED_ASC,
        # Their totals move with every referral.
        changes="everything",
        paced=True,
        personal=("user__username", "user__name"),
        columns=columns_of(
            # The amounts are texts at Whop ("formatted as a USD currency string").
            text="status customer_retention_rate customer_retention_rate_ninety_days "
            "monthly_recurring_revenue_usd total_referral_earnings_usd total_revenue_usd "
            "user__id user__username user__name company__id company__title",
            bigint="active_members_count total_overrides_count total_referrals_count",
            timestamp="created_at updated_at",
        ),
    ),
    Resource(
        name="shipments",
        current=current.SHIPMENTS,
        path="/shipments",
        permissions=("shipment:basic:read", "payment:basic:read"),
        company_column=None,
        # The list has no filter on time and no order.
        created_after=False,
        changes="everything",
        paced=True,
        columns=columns_of(
            text="status substatus carrier service tracking_code payment__id",
            timestamp="created_at updated_at delivery_estimate",
        ),
    ),
    Resource(
        name="reviews",
        current=current.REVIEWS,
        path="/reviews",
        permissions=(),
        # One list per product, and a review may be edited or taken down at any time.
        company_named="by_id",
        listed=False,
        list_per=("products", "product_id", "product"),
        changes="everything",
        personal=("user__username", "user__name", "title", "description"),
        columns=columns_of(
            text="status title description product__id product__title user__id user__username "
            "user__name company__id company__route company__title",
            bigint="stars",
            bool="paid_for_product",
            timestamp="created_at updated_at joined_at published_at",
            json="attachments",
        ),
    ),
    Resource(
        name="company_token_transactions",
        path="/company_token_transactions",
        permissions=("company_token_transaction:read", "member:basic:read", "company:basic:read"),
        # A transaction never changes, but the list has no filter on time and no order.
        created_after=False,
        changes="everything",
        paced=True,
        personal=("user__username", "user__name", "description"),
        columns=columns_of(
            text="transaction_type description idempotency_key linked_transaction_id member__id "
            "user__id user__username user__name company__id company__route company__title",
            decimal="amount",
            timestamp="created_at",
        ),
    ),
    Resource(
        name="financial_activity",
        path="/financial_activity",
        permissions=("company:balance:read",),
        one_endpoint=True,
        forgoable=True,
        company_column=None,
        created_after=False,
        created_at=False,
        changes="appended",
        since="posted_after",
        page_size="limit",
        # Of `total`, what moves between the company's own balances is left out: the lines add up
        # to its money. With the resource beside each line an answer takes much longer.
        params={"balance_type": "total", "include_resource": "false"},
        cursor="cursor",
        shape=Shape(
            moves={
                "currency.code": "currency",
                "currency.precision": "precision",
                "payment_id": "payment.id",
            },
            numbers=("amount", "precision", "usd_amount"),
            # What the payment, its plan, product and member say in tables of their own.
            left_out=(
                "object",
                "account",
                "ledger_account_id",
                "payment",
                "resource",
                "plan_name",
                "product_name",
                "user_email",
                "user_name",
                # Persons, and what lets whoever has it claim money.
                "source.claim_url",
                "source.created_by_user",
                "source.notes",
                "source.payer_name",
                "source.payout_destination",
                "source.payout_token_nickname",
                "source.sender_address",
            ),
        ),
        columns=columns_of(
            text="line_type currency payment__id plan_id product_id user_id source__id "
            "source__object",
            # In the smallest unit of the currency, of which `precision` make one of it.
            decimal="amount precision usd_amount",
            timestamp="posted_at available_at",
        ),
    ),
    Resource(
        name="payouts",
        path="/payouts",
        permissions=("payout:withdrawal:read",),
        one_endpoint=True,
        forgoable=True,
        company_column=None,
        # A payout arrives or comes back within weeks; no filter tells.
        changes="lookback",
        shape=Shape(
            left_out=("object", "payout_method.supported_payout_method"),
            numbers=("amount", "fee_amount", "markup_fee", "net_amount", "destination_amount"),
        ),
        personal=("payer_name", "notes", "payout_method__nickname", "metadata"),
        columns=columns_of(
            text="status status_detail currency destination_currency source speed fee_paid_by "
            "payer_name notes statement_descriptor trace_code payout_request_id failure__code "
            "failure__message payout_method__nickname",
            decimal="amount fee_amount markup_fee net_amount destination_amount exchange_rate",
            bool="cancelable",
            timestamp="created_at estimated_arrival failure__funds_returned_at",
            json="metadata",
        ),
    ),
    Resource(
        name="transfers",
        current=current.TRANSFERS,
        path="/transfers",
        permissions=("payout:transfer:read",),
        forgoable=True,
        # It shows what the key's user sent or got, from and to whichever company.
        tenant=None,
        either=("origin_id", "destination_id"),
        company_column=None,
        # What was sent and what was got are two lists, which no range of time cuts.
        in_ranges=False,
        params=_CREATED_ASC,
        # One that is under way is decided within days; no filter tells.
        changes="lookback",
        personal=("notes", "metadata"),
        columns=columns_of(
            text="currency notes origin_ledger_account_id destination_ledger_account_id",
            decimal="amount fee_amount",
            timestamp="created_at",
            json="metadata",
        ),
    ),
    Resource(
        name="account_balances",
        path="/accounts",
        permissions=("company:balance:read",),
        one_endpoint=True,
        forgoable=True,
        tenant=None,
        company_column=None,
        created_after=False,
        created_at=False,
        changes="observed",
        observes="balances",
        shape=Shape(left_out=("icon_url",), moves={"breakdown": "held"}),
        columns=columns_of(
            text="symbol name",
            decimal="balance held__available held__in_transit held__pending held__reserve "
            "price_usd value_usd",
            timestamp="observed_at",
            json="held__pending_settlements",
        ),
    ),
    Resource(
        name="stats",
        path="/stats/time_series",
        permissions=("stats:read",),
        one_endpoint=True,
        forgoable=True,
        company_column=None,
        created_after=False,
        created_at=False,
        changes="charted",
        charts=(
            Chart("gross_revenue", "month", by_currency=True),
            Chart("total_refunded", "month", by_currency=True),
            Chart("fees", "month", by_currency=True),
            Chart("net_revenue", "month"),
            Chart("disputes", "month"),
            Chart("churn_rate", "month"),
            # By month it would be that of the month's first day.
            Chart("monthly_recurring_revenue", "day", by_currency=True),
            Chart("annual_recurring_revenue", "day"),
        ),
        columns=columns_of(
            # `source_currency`: the money it is made of; without one it is all money.
            text="metric period currency source_currency",
            decimal="value",
            timestamp="period_start",
        ),
    ),
    Resource(
        name="users",
        current=current.USERS,
        path="/users",
        permissions=(),
        # The list is a search over all of Whop; 100,000 members would be three hours of requests.
        # Name, username and e-mail of every member are in `members` already.
        optional=True,
        listed=False,
        tenant=None,
        company_column=None,
        created_after=False,
        shared=True,
        changes="named",
        personal=("username", "name", "bio", "profile_picture__url"),
        columns=columns_of(
            text="username name bio profile_picture__url",
            timestamp="created_at whop_partner_enabled_at",
            json="verification balance balance_history earnings_usd",
        ),
    ),
    Resource(
        name="files",
        current=current.FILES,
        path="/files",
        permissions=(),
        optional=True,
        listed=False,
        tenant=None,
        company_column=None,
        created_after=False,
        created_at=False,
        changes="named_in_json",
        # A private file's address is signed: who has it has the file.
        secrets=(
            "url",
            "upload_url",
            "upload_headers",
            "multipart_upload_id",
            "multipart_upload_urls",
            "waveform_url",
        ),
        columns=columns_of(text="filename content_type size upload_status visibility"),
    ),
    Resource(
        name="payment_fees",
        current=current.PAYMENT_FEES,
        path="/payments/{id}/fees",
        permissions=("payment:basic:read",),
        optional=True,
        listed=False,
        tenant=None,
        company_column=None,
        created_after=False,
        created_at=False,
        changes="per_payment",
        # Fees have no id of their own: it is the payment's, with the fee's place in its list.
        # `payment_version` is the version of the payment they were read for.
        columns=columns_of(text="payment__id payment_version type name currency", decimal="amount"),
    ),
)

BY_NAME: Mapping[str, Resource] = {resource.name: resource for resource in RESOURCES}

USER_COLUMNS: Mapping[str, tuple[str, ...]] = {
    resource.name: found
    for resource in RESOURCES
    if (found := tuple(c for c in resource.columns if c.endswith(("user__id", "creator__id"))))
}
"""Table → its columns that name a user."""

FILE_COLUMNS = {"products": ("gallery_images",), "reviews": ("attachments",)}
"""Table → its JSON columns that name files."""

REFERRED_TABLES = tuple(
    name
    for name in TopologicalSorter(
        {
            target: [each.name for each in RESOURCES if target in each.refers_to.values()]
            for target in sorted({t for each in RESOURCES for t in each.refers_to.values()})
        }
    ).static_order()
    if any(name in each.refers_to.values() for each in RESOURCES)
)
"""Tables that other tables name rows of, in the order to read them: each after those that name its
rows (plans and promo codes name products)."""

"""The Legacy surface, a row per resource: what it accepts, how it sorts, what a key may read.

It is the surface that whop-sdk 0.0.40 reads. The file is one table: hence its length.
"""

from __future__ import annotations

from .endpoint import (
    ACCESS_LEVELS,
    APP_TYPES,
    APP_VIEWS,
    BILLING_REASONS,
    CANCEL_OPTIONS,
    CREATED,
    CURRENCIES,
    DISPUTE_PERMISSIONS,
    DISPUTES,
    EMAIL,
    ENTRY_STATUSES,
    INVOICE_STATUSES,
    MEMBER_ACTIONS,
    MEMBER_STATUSES,
    MEMBERSHIP_STATUSES,
    PAYMENT_STATUSES,
    PAYMENT_SUBSTATUSES,
    PHONE,
    PROMO_STATUSES,
    RESOLUTIONS,
    ROLES,
    VISIBILITIES,
    Endpoint,
    Filter,
    words,
)

ENDPOINTS = (
    Endpoint(
        resource="companies",
        prefix="biz",
        permissions=("company:basic:read",),
        tenant="none",
        filters=(Filter("parent_company_id", "parent_company_id", "is"), *CREATED),
        takes_order=False,
        object_only=("affiliate_instructions", "featured_affiliate_product", "social_links"),
    ),
    Endpoint(
        resource="products",
        prefix="prod",
        permissions=("access_pass:basic:read",),
        tenant="everywhere",
        ignores_unknown_tenant=True,
        filters=(
            # The first name is whop-sdk 0.0.40's, the second the one of the version after it.
            *(
                Filter(
                    name,
                    "access_pass_type",
                    "in",
                    ("regular", "app", "experience_upsell", "api_only"),
                )
                for name in ("product_types[]", "access_pass_types[]")
            ),
            Filter("visibilities[]", "visibility", "shown", VISIBILITIES, ("hidden", "archived")),
            *CREATED,
        ),
        orders=(
            ("created_at", "created_at"),
            ("id", "id"),
            ("active_memberships_count", "member_count"),
            ("usd_gmv", "_cents"),
            ("usd_gmv_30_days", "_cents"),
        ),
        object_only=words(
            """company custom_cta custom_cta_url custom_statement_descriptor description
            gallery_images global_affiliate_percentage global_affiliate_status
            member_affiliate_percentage member_affiliate_status owner_user product_tax_code"""
        ),
        public_object=True,
        errors="flat",
    ),
    Endpoint(
        resource="plans",
        prefix="plan",
        permissions=("plan:basic:read",),
        tenant="required",
        filters=(
            Filter("plan_types[]", "plan_type", "in", ("renewal", "one_time")),
            Filter("product_ids[]", "product_id", "in"),
            Filter("release_methods[]", "release_method", "in", ("buy_now", "waitlist")),
            Filter("visibilities[]", "visibility", "shown", VISIBILITIES, ("archived",)),
            *CREATED,
        ),
        orders=(
            ("created_at", "created_at"),
            ("id", "id"),
            ("active_members_count", "member_count"),
            ("internal_notes", "internal_notes"),
            # The first name is whop-sdk 0.0.40's, the second the one of the version after it.
            ("expires_at", "expiration_days"),
            ("expiration_days", "expiration_days"),
        ),
        object_only=("collect_tax", "custom_fields", "tax_type"),
        public_object=True,
        errors="flat",
    ),
    Endpoint(
        resource="promo_codes",
        prefix="promo",
        permissions=("promo_code:basic:read", "access_pass:basic:read"),
        tenant="required",
        filters=(
            Filter("status", "status", "is", PROMO_STATUSES),
            Filter("product_ids[]", "product_id", "in"),
            Filter("plan_ids[]", "plan_ids", "any_of"),
            *CREATED,
        ),
        takes_order=False,
        takes_direction=False,
        object_only=("company",),
    ),
    Endpoint(
        resource="members",
        prefix="mber",
        permissions=("member:basic:read",),
        filters=(
            Filter("access_level", "access_level", "is", ACCESS_LEVELS),
            Filter("statuses[]", "status", "in", MEMBER_STATUSES),
            Filter("most_recent_actions[]", "action", "in", MEMBER_ACTIONS),
            Filter("user_ids[]", "user_id", "in"),
            Filter("plan_ids[]", "plan_ids", "any_of"),
            Filter("product_ids[]", "product_ids", "any_of"),
            Filter("promo_code_ids[]", "promo_code_ids", "any_of"),
            Filter("query", "search", "text"),
            *CREATED,
        ),
        orders=(
            ("created_at", "created_at"),
            ("id", "id"),
            ("usd_total_spent", "usd_total_spent"),
            ("joined_at", "joined_at"),
            ("most_recent_action", "action_at"),
        ),
        object_only=("company",),
    ),
    Endpoint(
        resource="memberships",
        prefix="mem",
        permissions=("member:basic:read",),
        tenant="required",
        filters=(
            Filter("statuses[]", "status", "in", MEMBERSHIP_STATUSES),
            Filter("cancel_options[]", "cancel_option", "in", CANCEL_OPTIONS),
            Filter("user_ids[]", "user_id", "in"),
            Filter("plan_ids[]", "plan_id", "in"),
            Filter("product_ids[]", "product_id", "in"),
            Filter("promo_code_ids[]", "promo_code_id", "in"),
            *CREATED,
        ),
        orders=(
            ("created_at", "created_at"),
            ("id", "id"),
            ("status", "status"),
            ("canceled_at", "canceled_at"),
            ("date_joined", "joined_at"),
            ("total_spend", "total_spend"),
        ),
        object_only=("custom_field_responses",),
    ),
    Endpoint(
        resource="payments",
        prefix="pay",
        permissions=words(
            """payment:basic:read plan:basic:read access_pass:basic:read member:basic:read
            promo_code:basic:read"""
        ),
        filters=(
            Filter("statuses[]", "status", "in", PAYMENT_STATUSES),
            Filter("substatuses[]", "substatus", "in", PAYMENT_SUBSTATUSES),
            Filter("billing_reasons[]", "reason", "in", BILLING_REASONS),
            Filter("currencies[]", "currency", "in", CURRENCIES),
            Filter("plan_ids[]", "plan_id", "in"),
            Filter("product_ids[]", "product_id", "in"),
            Filter("checkout_configuration_ids[]", "checkout_configuration_id", "in"),
            Filter("include_free", "is_free", "free"),
            Filter("query", "search", "text"),
            *CREATED,
            Filter("updated_after", "updated_at", "after"),
            Filter("updated_before", "updated_at", "before"),
        ),
        orders=(
            ("created_at", "created_at"),
            ("final_amount", "final_amount"),
            ("paid_at", "paid_at"),
        ),
        object_only=words(
            """disputes financing_installments_count financing_transactions refunds resolutions
            risk_score risk_signals settlement_amount settlement_exchange_rate tax_refunded_amount
            three_ds_verified"""
        ),
    ),
    Endpoint(
        resource="apps",
        prefix="app",
        object_permissions=("developer:manage_api_key", "developer:update_app"),
        tenant="everywhere",
        filters=(
            Filter("app_type", "app_type", "is", APP_TYPES),
            Filter("view_type", "view_type", "any", APP_VIEWS),
            Filter("verified_apps_only", "verified", "true"),
            Filter("query", "search", "text"),
        ),
        orders=(
            ("discoverable_at", "created_at"),
            ("created_at", "created_at"),
            *(
                (name, "use")
                for name in words(
                    """total_installs_last_30_days total_installs_last_7_days time_spent
                    time_spent_last_24_hours daily_active_users ai_prompt_count total_ai_cost_usd
                    total_ai_tokens last_ai_prompt_at ai_average_rating"""
                )
            ),
        ),
        object_only=words(
            """api_key production_web_build redirect_uris requested_permissions secrets stats"""
        ),
        errors="list",
    ),
    Endpoint(
        resource="authorized_users",
        prefix="ausr",
        permissions=("company:authorized_user:read",),
        filters=(
            Filter("role", "role", "is", ROLES),
            Filter("user_id", "user_id", "is"),
            *CREATED,
        ),
        takes_order=False,
        takes_direction=False,
        errors="list",
    ),
    Endpoint(
        resource="payment_methods",
        prefix="pmtk",
        permissions=("member:payment_methods:read",),
        tenant="required",
        tenant_or="member_id",
        filters=(Filter("member_id", "member_id", "is"), *CREATED),
        takes_order=False,
        object_parameters=("company_id", "member_id"),
    ),
    Endpoint(
        resource="users",
        prefix="user",
        listed=False,
        object_parameters=words("account_id include_balance_history from to interval time_zone"),
        public_object=True,
        errors="flat",
    ),
    Endpoint(resource="files", prefix="file", listed=False),
    Endpoint(
        resource="company_token_transactions",
        prefix="ctt",
        tenant="required",
        permissions=("company_token_transaction:read", "member:basic:read", "company:basic:read"),
        filters=(
            Filter("transaction_type", "transaction_type", "is", ("add", "subtract", "transfer")),
            Filter("user_id", "user_id", "is"),
        ),
        takes_order=False,
        takes_direction=False,
    ),
    Endpoint(
        resource="transfers",
        prefix="ctt",
        tenant="none",
        permissions=("payout:transfer:read",),
        filters=(
            Filter("origin_id", "_origin_id", "is"),
            Filter("destination_id", "_destination_id", "is"),
            *CREATED,
        ),
        orders=(("created_at", "created_at"), ("amount", "amount")),
    ),
    Endpoint(
        resource="refunds",
        prefix="rfnd",
        permissions=("payment:basic:read",),
        object_permissions=("plan:basic:read", "access_pass:basic:read", "member:basic:read"),
        filters=(
            Filter("payment_id", "payment_id", "is"),
            Filter("user_id", "_user_id", "is"),
            *CREATED,
        ),
        takes_order=False,
    ),
    Endpoint(
        resource="disputes",
        prefix="dspt",
        tenant="required",
        permissions=(
            *DISPUTE_PERMISSIONS,
            "plan:basic:read",
            "access_pass:basic:read",
            "company:basic:read",
        ),
        object_permissions=("member:basic:read",),
        filters=CREATED,
        takes_order=False,
    ),
    Endpoint(
        resource="dispute_alerts",
        prefix="dspa",
        tenant="required",
        permissions=("payment:dispute_alert:read", *DISPUTE_PERMISSIONS),
        object_permissions=("member:basic:read",),
        filters=CREATED,
        takes_order=False,
    ),
    Endpoint(
        resource="invoices",
        prefix="inv",
        permissions=("invoice:basic:read",),
        filters=(
            Filter("statuses[]", "status", "in", INVOICE_STATUSES),
            Filter(
                "collection_methods[]",
                "_collection_method",
                "in",
                ("send_invoice", "charge_automatically"),
            ),
            Filter("product_ids[]", "_product_id", "in"),
            *CREATED,
        ),
        orders=(("created_at", "created_at"), ("id", "id"), ("due_date", "due_date")),
    ),
    Endpoint(
        resource="entries",
        prefix="entry",
        tenant="required",
        permissions=("plan:waitlist:read",),
        filters=(
            Filter("statuses[]", "status", "in", ENTRY_STATUSES),
            Filter("plan_ids[]", "plan_id", "in"),
            Filter("product_ids[]", "product_id", "in"),
            *CREATED,
        ),
        orders=(("created_at", "created_at"), ("id", "id")),
        object_only=("custom_field_responses",),
    ),
    Endpoint(
        resource="leads",
        prefix="lead",
        tenant="required",
        permissions=("lead:basic:read", "access_pass:basic:read", "member:basic:read"),
        filters=(Filter("product_ids[]", "product_id", "in"), *CREATED),
        takes_order=False,
        takes_direction=False,
    ),
    Endpoint(
        resource="experiences",
        prefix="exp",
        tenant="required",
        filters=(
            Filter("product_id", "_product_id", "is"),
            Filter("app_id", "app_id", "is"),
            *CREATED,
        ),
        takes_order=False,
        takes_direction=False,
        object_only=("products",),
    ),
    Endpoint(
        resource="checkout_configurations",
        prefix="ch",
        tenant="required",
        permissions=("checkout_configuration:basic:read",),
        filters=(
            Filter("plan_id", "plan_id", "is"),
            Filter("created_after", "created_at", "after_unix"),
            Filter("created_before", "created_at", "before_unix"),
        ),
    ),
    Endpoint(
        resource="setup_intents",
        prefix="sint",
        tenant="required",
        permissions=("payment:setup_intent:read", "member:basic:read"),
        filters=CREATED,
        takes_order=False,
        object_only=("three_ds_verified",),
    ),
    Endpoint(
        resource="affiliates",
        prefix="aff",
        tenant="required",
        permissions=("affiliate:basic:read",),
        filters=(
            Filter("status", "status", "is", ("active", "archived", "deleted")),
            Filter("query", "search_public", "text"),
        ),
        orders=(
            ("created_at", "created_at"),
            ("id", "id"),
            ("cached_total_referrals", "total_referrals_count"),
            ("cached_total_rewards", "total_referrals_count"),
        ),
    ),
    Endpoint(
        resource="shipments",
        prefix="ship",
        permissions=("shipment:basic:read", "payment:basic:read"),
        filters=(
            Filter("payment_id", "payment_id", "is"),
            Filter("user_id", "_user_id", "is"),
        ),
        takes_order=False,
        takes_direction=False,
    ),
    Endpoint(
        resource="reviews",
        prefix="rev",
        tenant="none",
        filters=(
            Filter("product_id", "product_id", "is"),
            Filter("min_stars", "stars", "stars_from"),
            Filter("max_stars", "stars", "stars_to"),
            *CREATED,
        ),
        required=("product_id",),
        takes_order=False,
        takes_direction=False,
        object_only=("company", "product"),
    ),
)

# What it takes to change something.
WRITES = frozenset({"plan:update", "promo_code:delete"})
# What lists want that only Current has.
_OF_CURRENT = ("company:balance:read", "payout:withdrawal:read", "stats:read")
ALL_PERMISSIONS = frozenset(
    {EMAIL, PHONE, DISPUTES, RESOLUTIONS, *WRITES, *_OF_CURRENT}.union(
        *(endpoint.permissions + endpoint.object_permissions for endpoint in ENDPOINTS)
    )
)
BY_RESOURCE = {endpoint.resource: endpoint for endpoint in ENDPOINTS}

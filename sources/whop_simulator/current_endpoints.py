"""The Current surface, a row per resource: what it accepts, how it sorts, what a key may read.

Facts are those of whop-sdk 2.6.0 (2026-10-15-1). The file is one table: hence its length.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .endpoint import (
    ACCESS_LEVELS,
    APP_TYPES,
    APP_VIEWS,
    BILLING_REASONS,
    CREATED,
    CURRENCIES,
    INVOICE_STATUSES,
    MEMBER_ACTIONS,
    ROLES,
    VISIBILITIES,
    Endpoint,
    Filter,
    words,
)
from .endpoints import BY_RESOURCE

BUCKETS = words(
    """active trialing past_due completed canceled expired canceling paused expiring one_time
    unclaimed banned"""
)
DISPUTE_STATUSES = words(
    """needs_response warning_needs_response under_review warning_under_review won lost prevented
    warning_closed"""
)
SHIPMENT_STATUSES = words(
    """unknown pre_transit in_transit out_for_delivery delivered available_for_pickup
    return_to_sender failure cancelled error"""
)
ALERT_TYPES = {
    "early_fraud_warning": ("fraud", "early_fraud_warning"),
    "dispute_alert": ("dispute", "dispute_alert"),
    "rapid_dispute_resolution": ("dispute_rdr", "rapid_dispute_resolution"),
}
"""Legacy's word for each."""

_FORWARD = ("first", "after")
_CREATED_FROM = (
    Filter("created_after", "created_at", "from"),
    Filter("created_before", "created_at", "until"),
)
_JOINED = (
    Filter("created_after", "joined_at", "after"),
    Filter("created_before", "joined_at", "before"),
)


def _current(
    resource: str,
    filters: Sequence[Filter] = CREATED,
    *,
    orders: Sequence[tuple[str, str]] | None = None,
    **more: Any,
) -> Endpoint:
    """An endpoint with what all of Current's have in common, and the permissions Legacy wants."""
    legacy = BY_RESOURCE.get(resource)
    known: dict[str, Any] = {"prefix": "", "takes_order": orders is not None}
    if legacy is not None:
        known |= {
            "prefix": legacy.prefix,
            "permissions": legacy.permissions,
            "object_permissions": legacy.object_permissions,
            "public_object": legacy.public_object,
        }
    known |= {"tenant_name": "account_id", "errors": "current", "current": True}
    if orders is not None:
        known["orders"] = tuple(orders)
    return Endpoint(resource=resource, filters=tuple(filters), **{**known, **more})


_CREATED_AT = (("created_at", "created_at"),)
_PLANS: dict[str, Any] = {
    "tenant": "required",
    "tenant_or": "product_ids",
    "filters": (
        Filter("plan_types", "plan_type", "in", ("renewal", "one_time")),
        Filter("product_ids", "product_id", "in"),
        Filter("release_methods", "release_method", "in", ("buy_now", "waitlist")),
        Filter("visibilities", "visibility", "shown", VISIBILITIES, ("archived",)),
        Filter("presentment_currency", "currency", "given"),
        Filter("presentment_country", "currency", "given"),
        Filter("ip_address", "currency", "given"),
        *CREATED,
    ),
    "orders": (
        *_CREATED_AT,
        ("id", "id"),
        ("active_members_count", "member_count"),
        ("internal_notes", "internal_notes"),
        ("expiration_days", "expiration_days"),
    ),
    "object_parameters": ("presentment_currency", "presentment_country", "ip_address"),
    "object_only": words("collect_tax deletable effective_payment_method_configuration tax_type"),
}

CURRENT_ENDPOINTS = (
    _current(
        "companies",
        (
            Filter("status", "_status", "is", ("active", "suspended")),
            Filter("query", "search_public", "text"),
            Filter("volume_min", "_volume", "least"),
            Filter("volume_max", "_volume", "most"),
            Filter("parent_account_id", "parent_company_id", "is"),
            Filter("owner_id", "owner_id", "is"),
            *CREATED,
        ),
        name="accounts",
        tenant="none",
        orders=(*_CREATED_AT, ("volume", "_volume")),
        object_parameters=("include_trading",),
    ),
    _current(
        "products",
        (
            Filter("access_pass_types", "access_pass_type", "in"),
            Filter("visibilities", "visibility", "shown", VISIBILITIES, ("hidden", "archived")),
            Filter("plan_types", "_plan_types", "any_of", ("renewal", "one_time")),
            Filter("labels", "_labels", "all_of"),
            Filter("query", "search_public", "text"),
            Filter("price_minimum", "_price", "least"),
            Filter("price_maximum", "_price", "most"),
            Filter("marketplace_category_route", "_category", "is"),
            *CREATED,
        ),
        tenant="everywhere",
        ignores=("company_id",),
        orders=(*_CREATED_AT, ("discoverable_at", "created_at")),
        object_only=words(
            """custom_cta custom_cta_url custom_statement_descriptor global_affiliate_percentage
            global_affiliate_status marketplace_status member_affiliate_percentage
            member_affiliate_status owner_user product_tax_code variants"""
        ),
    ),
    _current("plans", name="variants", **_PLANS),
    _current("plans", **_PLANS),
    _current(
        "promo_codes",
        (
            Filter(
                "status",
                "status",
                "is",
                ("active", "inactive", "archived", "expired"),
                means={"expired": ("inactive", "archived")},
            ),
            Filter("product_ids", "product_id", "in"),
            Filter("plan_ids", "plan_ids", "any_of"),
            *CREATED,
        ),
        tenant="required",
        orders=_CREATED_AT,
        object_only=("account",),
    ),
    _current(
        "members",
        (
            Filter("access_level", "access_level", "is", ACCESS_LEVELS),
            Filter("status", "status", "is", ("joined", "left")),
            Filter("membership_status", "membership_states", "any", ("active", "inactive")),
            Filter(
                "most_recent_actions",
                "action",
                "in",
                tuple(action for action in MEMBER_ACTIONS if action != "drafted"),
            ),
            Filter("user_ids", "user_id", "in"),
            Filter("plan_ids", "plan_ids", "any_of"),
            Filter("product_ids", "product_ids", "any_of"),
            Filter("promo_code_ids", "promo_code_ids", "any_of"),
            Filter("query", "search", "text"),
            *_JOINED,
        ),
        orders=(
            *_CREATED_AT,
            ("joined_at", "joined_at"),
            ("last_accessed_at", "updated_at"),
            ("most_recent_action_at", "action_at"),
            ("usd_total_spent", "usd_total_spent"),
        ),
    ),
    _current(
        "memberships",
        (
            Filter("status", "buckets", "any", BUCKETS),
            Filter("statuses", "buckets", "any_of", BUCKETS),
            Filter("user_id", "user_id", "is"),
            Filter("member_id", "member_id", "is"),
            Filter("product_id", "product_id", "is"),
            Filter("product_ids", "product_id", "in"),
            Filter("plan_id", "plan_id", "is"),
            Filter("plan_ids", "plan_id", "in"),
            Filter("promo_code_ids", "promo_code_id", "in"),
            *CREATED,
        ),
        tenant="narrow",
        orders=_CREATED_AT,
    ),
    _current(
        "payments",
        (
            Filter(
                "status",
                "status",
                "is",
                words("open authorized paid pending uncollectible unresolved void"),
            ),
            Filter(
                "billing_reason",
                "reason",
                "is",
                BILLING_REASONS,
                means={"subscription_cycle": ("subscription_cycle", "subscription_update")},
            ),
            Filter("currency", "currency", "is", CURRENCIES),
            Filter("plan_id", "plan_id", "is"),
            Filter("product_id", "product_id", "is"),
            Filter("membership_id", "membership_id", "is"),
            Filter("member_id", "member_id", "is"),
            Filter("user_id", "user_id", "is"),
            Filter("query", "search", "text"),
            # `user_sales` takes a person's own session, which no key is.
            Filter("mode", "id", "given", ("account_sales",)),
            *CREATED,
        ),
        refuses=words(
            """company_id substatuses updated_before updated_after checkout_configuration_ids
            statuses billing_reasons currencies plan_ids product_ids membership_ids member_ids
            user_ids"""
        ),
        orders=(*_CREATED_AT, ("paid_at", "paid_at")),
    ),
    _current(
        "apps",
        (
            Filter("app_type", "app_type", "is", (*APP_TYPES, "website"), ("website",)),
            Filter("view_type", "view_type", "any", APP_VIEWS),
            Filter("verified", "verified", "bool"),
            Filter("verified_apps_only", "verified", "true"),
            Filter("recommended", "_recommended", "bool"),
            Filter("query", "search", "text"),
        ),
        tenant="everywhere",
        orders=(
            ("discoverable_at", "created_at"),
            *_CREATED_AT,
            *(
                (name, "use")
                for name in words(
                    """template_recent_sales template_usage total_installs_last_30_days
                    total_installs_last_7_days"""
                )
            ),
        ),
        object_only=words(
            """api_key app_store_description default_api_key deployment elements_used
            imported_from_url marketplace_status oauth_client_type preview_token product_id
            production_android_build production_ios_build production_web_build redirect_uris
            requested_permissions required_scopes secrets"""
        ),
    ),
    _current(
        "authorized_users",
        (
            Filter("role", "role", "is", (*ROLES, "partner", "workforce")),
            Filter("user_id", "user_id", "is"),
            *CREATED,
        ),
        takes_direction=False,
    ),
    _current(
        "team_members",
        (
            Filter("status", "status", "is", ("joined", "pending")),
            Filter("role", "role", "is", (*ROLES, "partner", "workforce")),
            Filter("user_id", "user_id", "is"),
            Filter("query", "search", "text"),
            Filter("reports_to_id", "reports_to_id", "is"),
            Filter("direct_reports_min", "direct_reports_count", "least"),
            Filter("direct_reports_max", "direct_reports_count", "most"),
            *CREATED,
        ),
        tenant="required",
        permissions=("company:authorized_user:read",),
        orders=_CREATED_AT,
    ),
    _current(
        "payment_methods",
        (
            Filter("member_id", "member_id", "is"),
            Filter("payment_method_types", "kind", "in"),
            Filter("card_brands", "_brand", "in_or_none"),
            Filter("card_funding_types", "_funding", "in_or_none"),
            Filter("expired", "_expired", "bool"),
            Filter("broken", "_broken", "bool"),
            Filter("has_payer_document", "_payer_document", "in_or_none", ("true", "false")),
            Filter("future_usage", "id", "given", ("off_session", "on_session")),
            *CREATED,
        ),
        tenant="or_nothing",
        tenant_or="member_id",
        object_parameters=("account_id", "member_id"),
    ),
    _current(
        "users",
        listed=False,
        object_parameters=words(
            """include_trading account_id include_balance include_balance_history from to interval
            time_zone"""
        ),
    ),
    _current(
        "files",
        (Filter("file_ids", "id", "in"),),
        orders=_CREATED_AT,
        tenant="none",
        # "Only resolves files you created": not what customers attached to their reviews.
        always=(("mine", "in", frozenset({True})),),
    ),
    _current(
        "company_token_transactions",
        (
            Filter("transaction_type", "transaction_type", "is", ("add", "subtract", "transfer")),
            Filter("user_id", "user_id", "is"),
        ),
        tenant="required",
        takes_direction=False,
    ),
    _current(
        "refunds",
        (
            Filter("payment_id", "payment_id", "is"),
            Filter("user_id", "_user_id", "is"),
            *CREATED,
        ),
        refuses=("company_id",),
        orders=_CREATED_AT,
    ),
    _current(
        "disputes",
        (
            Filter(
                "status",
                "status",
                "in",
                DISPUTE_STATUSES,
                means={"prevented": ("closed", "prevented")},
            ),
            Filter("currency", "currency", "is"),
            *CREATED,
        ),
        orders=(*_CREATED_AT, ("amount", "amount"), ("evidence_due_at", "needs_response_by")),
    ),
    _current(
        "dispute_alerts",
        (
            Filter("payment_id", "payment_id", "is"),
            Filter("type", "alert_type", "is", tuple(ALERT_TYPES), means=ALERT_TYPES),
            *CREATED,
        ),
        orders=(*_CREATED_AT, ("reported_at", "created_at"), ("amount", "amount")),
    ),
    _current(
        "invoices",
        (
            Filter("statuses", "status", "in", INVOICE_STATUSES),
            Filter(
                "collection_methods",
                "_collection_method",
                "in",
                ("send_invoice", "charge_automatically"),
            ),
            Filter("product_ids", "_product_id", "in"),
            *CREATED,
        ),
        orders=(*_CREATED_AT, ("id", "id"), ("due_date", "due_date")),
        object_only=words(
            """automatically_finalizes_at charge_buyer_fee collection_method company customer_name
            mailing_address member pay_online_url payment product subscription_billing_anchor_at
            updated_at"""
        ),
    ),
    _current(
        "entries",
        (
            Filter(
                "status",
                "status",
                "is",
                ("pending", "approved", "denied", "canceled"),
                left_out=("canceled", "drafted"),
            ),
            Filter("plan_id", "plan_id", "is"),
            Filter("product_id", "product_id", "is"),
            *_CREATED_FROM,
        ),
        name="waitlist_entries",
        orders=_CREATED_AT,
    ),
    _current(
        "leads",
        (Filter("product_ids", "product_id", "in"), *CREATED),
        tenant="required",
        takes_direction=False,
    ),
    _current(
        "experiences",
        (
            Filter("product_id", "_product_id", "is"),
            Filter("app_id", "app_id", "is"),
            *CREATED,
        ),
        tenant="required",
        takes_direction=False,
        object_only=("products",),
    ),
    _current(
        "checkout_configurations",
        (Filter("plan_id", "plan_id", "is"), *CREATED),
        tenant="required",
        refuses=("company_id",),
        orders=_CREATED_AT,
        paging=_FORWARD,
    ),
    _current(
        "setup_intents",
        (
            Filter(
                "status",
                "status",
                "is",
                ("processing", "succeeded", "canceled", "requires_action"),
            ),
            *CREATED,
        ),
        orders=_CREATED_AT,
    ),
    _current(
        "affiliates",
        (
            Filter("status", "status", "is", ("active", "archived", "deleted")),
            Filter("query", "search_public", "text"),
        ),
        tenant="required",
        orders=(
            *_CREATED_AT,
            ("id", "id"),
            ("cached_total_referrals", "total_referrals_count"),
            ("cached_total_rewards", "total_referrals_count"),
        ),
    ),
    _current(
        "shipments",
        (
            Filter("status", "status", "is", SHIPMENT_STATUSES),
            Filter("payment_id", "payment_id", "in"),
            *CREATED,
        ),
        orders=_CREATED_AT,
    ),
    _current(
        "reviews",
        (
            Filter("product_id", "product_id", "is"),
            Filter("min_stars", "stars", "stars_from"),
            Filter("max_stars", "stars", "stars_to"),
            *CREATED,
        ),
        always=(("status", "in", frozenset({"published"})),),
        orders=(*_CREATED_AT, ("stars", "stars")),
        object_only=("account", "product"),
    ),
    _current(
        "transfers",
        (
            Filter("origin_id", "_origin_id", "is"),
            Filter("destination_id", "_destination_id", "is"),
            *CREATED,
        ),
        tenant="none",
        orders=(*_CREATED_AT, ("amount", "amount")),
    ),
    _current(
        "financial_activity",
        (
            Filter("line_types", "line_type", "in"),
            Filter("direction", "way", "is", ("money_in", "money_out")),
            Filter("payment_id", "payment_id", "is"),
            Filter("resource_id", "about", "any"),
            Filter("activity_id", "id", "is"),
            Filter("currency", "currency", "is"),
            Filter("withdrawal_id", "withdrawal_id", "is"),
            Filter("balance_type", "balance_types", "any", ("total", "available")),
            Filter("include_resource", "id", "given", ("true", "false")),
            Filter("exclude_internal_movements", "without_internal", "any", ("true", "false")),
            Filter("posted_after", "posted_at", "after"),
            Filter("posted_before", "posted_at", "before"),
        ),
        permissions=("company:balance:read",),
        tenant="required",
        takes_direction=False,
        orders=(("posted_at", "posted_at"),),
        paging=("limit", "cursor"),
    ),
    _current(
        "payouts",
        (
            Filter("currency", "currency", "is"),
            Filter(
                "status",
                "status",
                "is",
                words(
                    """requested in_review processing completed reversed canceled failed denied"""
                ),
            ),
            Filter("source", "source", "is", ("api", "dashboard", "automatic")),
            Filter("payout_method_id", "payout_method_id", "is"),
            Filter("created_after", "created_at", "from"),
            Filter("created_before", "created_at", "before"),
        ),
        permissions=("payout:withdrawal:read",),
        tenant="required",
        takes_direction=False,
        object_parameters=("account_id", "user_id"),
        object_only=words("delayed estimated_arrival_end recipient_name sender_name timeline"),
    ),
)

CURRENT = {endpoint.path: endpoint for endpoint in CURRENT_ENDPOINTS}
_LEGACY = {endpoint.path for endpoint in BY_RESOURCE.values()}
ADDITIONS = {path: endpoint for path, endpoint in CURRENT.items() if path not in _LEGACY}
"""Paths that came with Current and, by Whop's page on versions, answer at every version."""
LEFT_BEHIND = _LEGACY - CURRENT.keys()
"""Paths that only Legacy has."""

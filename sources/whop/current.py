"""What each table is on Whop's Current surface, where that is not what Legacy has: data, no code.

From the types and docstrings of `whop-sdk` 2.6.0 (version 2026-10-15-1) and, for what changed when
and how, Whop's page "API Versions". A value of `resources.py` names one of these in its `current`.
Long because it holds every column that only this surface fills.
"""

from __future__ import annotations

from .resource import ColumnType, CurrentTable, Feed, OnCurrent, columns_of
from .surface import Shape

_OLDEST_FIRST = {"order": "created_at", "direction": "asc"}
_MONEY = {"fee": "fee_currency"}


def _only(**types: str) -> dict[str, ColumnType]:
    columns = columns_of(**types)
    del columns["id"]
    return columns


COMPANIES = CurrentTable(
    columns=_only(
        text="status status_reason country email business_name business_type industry_type "
        "other_business_description other_industry_description onboarding_type website "
        "invoice_prefix parent_account__id parent_account__title parent_account__route "
        "tax_type tax_remitted_by three_ds_level opengraph_image_variant partner__id "
        "cards__kind cards__status financing__application_id financing__status "
        "product_tax_code__id product_tax_code__name product_tax_code__product_type "
        "wallet__id wallet__network",
        bigint="direct_reports_count",
        decimal="total_usd total_earned_usd volume_usd volume_l30d_usd ads_spend_usd",
        bool="can_transfer_pending_balance_to_children collect_vat_id dispute_fighter_enabled "
        "economic_intelligence orchestration_enabled require_2fa show_joined_whops "
        "show_reviews_dtc show_user_directory use_logo_as_opengraph_image_fallback",
        timestamp="whop_partner_enabled_at",
        json="balances capabilities payment_controls platform_credits level home_preferences "
        "tax_collection_enabled_states business_address tax_identifiers verification "
        "store_page_config required_actions recommended_actions rewards",
    ),
    personal=("email", "business_address", "tax_identifiers", "verification"),
    on=OnCurrent(
        path="/accounts",
        lacks=(
            "affiliate_instructions",
            "featured_affiliate_product__id",
            "featured_affiliate_product__name",
            "member_count",
            "published_reviews_count",
            "updated_at",
            "verified",
        ),
        shape=Shape(
            telling=(("owner", "owner_user"), ("logo_url", "logo")),
            left_out=(
                # Pictures and documents, whose addresses are signed.
                "banner_image_url",
                "opengraph_image_url",
                "owner.profile_picture",
                "parent_account.logo_url",
                "parent_account.fees",
                "cancellation_policy",
                "eula",
                "privacy_policy",
                "return_policy",
                "shipping_policy",
                "terms_of_service",
                "company_formation",
                # A person at Whop, and what moves money.
                "partner.email",
                "partner.name",
                "partner.username",
                "partner.profile_picture",
                "partner.whop_partner_verified_at",
                "wallet.address",
                "trading",
            ),
            moves={"owner": "owner_user", "logo_url": "logo.url"},
        ),
    ),
)

PRODUCTS = CurrentTable(
    columns=_only(
        text="marketplace_status",
        decimal="average_review_rating",
        json="labels default_plan variant_attributes",
    ),
    on=OnCurrent(
        company_named="nullable",
        proven_by_id=False,
        details=(
            "custom_cta",
            "custom_cta_url",
            "custom_statement_descriptor",
            "global_affiliate_percentage",
            "global_affiliate_status",
            "marketplace_status",
            "member_affiliate_percentage",
            "member_affiliate_status",
            "owner_user",
            "product_tax_code",
        ),
        shape=Shape(
            telling=(("account", "company"),),
            # Its variants are the table plans.
            left_out=("variants", "account.logo_url", "owner_user.profile_picture"),
            moves={"account": "company"},
        ),
    ),
)

PLANS = CurrentTable(
    columns=_only(
        text="sku formatted_price",
        bigint="cancel_discount_intervals",
        decimal="cancel_discount_percentage initial_price_due strike_through_initial_price "
        "strike_through_renewal_price",
        bool="offer_cancel_discount deletable",
        json="attributes checkout_styling image effective_payment_method_configuration",
    ),
    on=OnCurrent(
        path="/variants",
        details=("collect_tax", "deletable", "effective_payment_method_configuration", "tax_type"),
        shape=Shape(moves={"account": "company"}, money={"initial_price_due": "currency"}),
    ),
)

PROMO_CODES = CurrentTable(
    columns=_only(timestamp="updated_at", json="metadata"),
    personal=("metadata",),
    on=OnCurrent(
        proven_by_id=True,
        lacks=("company__id", "company__title"),
        params=_OLDEST_FIRST,
        shape=Shape(
            telling=(("account", "company"),),
            moves={"account": "company"},
            percentages={"amount_off": ("promo_type", "percentage")},
        ),
    ),
)

MEMBERS = CurrentTable(
    columns=_only(text="display_name", timestamp="last_accessed_at"),
    personal=("display_name",),
    listed=("company__id",),
    on=OnCurrent(
        # `created_after` is of the time somebody joined, which may be before the row was made.
        in_ranges=False,
        recent_order="most_recent_action_at",
        company_named="always",
        lacks=("updated_at", "company__route", "company__title"),
        never_shows={"status": ("drafted",)},
        shape=Shape(
            telling=(("phone_number", "phone"), ("token_balance", "company_token_balance")),
            left_out=("user.profile_picture",),
            moves={
                "account_id": "company.id",
                "email": "user.email",
                "phone_number": "phone",
                "token_balance": "company_token_balance",
            },
            money={"usd_total_spent": None},
        ),
    ),
)

MEMBERSHIPS = CurrentTable(
    columns=_only(
        text="collection_method most_recent_action feedback_option__label phone_number "
        "affiliate__id affiliate__user_id affiliate__applies_to_payments "
        "affiliate__commission_type affiliate__commission_currency",
        bigint="billing_period_days split_pay_current_payments split_pay_required_payments",
        decimal="initial_price renewal_price affiliate__commission_amount "
        "affiliate__commission_percentage",
        bool="affiliate__enabled",
        timestamp="expires_at most_recent_action_at",
    ),
    personal=("phone_number",),
    on=OnCurrent(
        # Of the documented ones `unresolved` and `drafted` cannot be asked for; `active`,
        # `trialing` and `past_due` leave out those that end with their period, `canceling` has
        # them.
        live_statuses=("trialing", "active", "past_due", "canceling", "completed"),
        never_shows={"status": ("drafted",)},
        lacks=(
            "checkout_configuration_id",
            "custom_field_responses",
            "joined_at",
            "payment_collection_paused",
            "plan__metadata",
            "product__metadata",
            "user__email",
            "user__name",
            "user__username",
        ),
        shape=Shape(
            telling=(
                ("plan_id", "plan"),
                ("account", "company"),
                ("user_id", "user"),
                ("current_period_end", "renewal_period_end"),
            ),
            # `member` is the caller's own row, where the membership is the caller's.
            left_out=("member", "account.logo_url", "account.route", "product.logo_url"),
            moves={
                "account": "company",
                "current_period_end": "renewal_period_end",
                "current_period_start": "renewal_period_start",
                "member_id": "member.id",
                "plan_id": "plan.id",
                "product_id": "product.id",
                "promo_code_id": "promo_code.id",
                "user_id": "user.id",
            },
            money={
                "renewal_price": "currency",
                "initial_price": "currency",
                "affiliate.commission_amount": "affiliate.commission_currency",
            },
            states=(("status", "active", "cancel_at_period_end", "canceling"),),
        ),
    ),
)

PAYMENTS = CurrentTable(
    columns=_only(
        text="customer_phone decline_code ip_address presentment_currency quote_id shipment_id "
        "payment_instrument__display_name payment_instrument__card__issuer_identification_number "
        "verification_checks__address_line1 verification_checks__arn "
        "verification_checks__authorization_code verification_checks__card_holder_name "
        "verification_checks__card_security_code verification_checks__zip_code",
        bigint="payment_instrument__installment_count",
        decimal="presentment_total",
        bool="needs_tracking",
        json="holds line_items payment_rule_matches",
    ),
    personal=("customer_phone", "ip_address"),
    listed=(
        "financing_installments_count",
        "payment_method__card__exp_month",
        "payment_method__card__exp_year",
        "risk_score",
        "settlement_amount",
        "tax_refunded_amount",
        "three_ds_verified",
    ),
    on=OnCurrent(
        # Every filter takes one value, none is of the time of the last change, and rows without an
        # amount are always in the list.
        changes="feed",
        status_filter="status",
        one_status=True,
        live_statuses=("open", "authorized", "pending", "unresolved"),
        ended_statuses=("paid", "uncollectible", "void"),
        never_shows={"status": ("draft",)},
        feed=Feed(
            path="/financial_activity",
            since="posted_after",
            names="payment_id",
            page_size="limit",
            cursor="cursor",
            # With the resource beside each line an answer takes much longer; what moves between
            # the company's own balances is no change of a payment.
            params={"exclude_internal_movements": "true", "include_resource": "false"},
        ),
        named_by={
            "refunds": "payment__id",
            "disputes": "payment__id",
            "dispute_alerts": "payment__id",
        },
        params=_OLDEST_FIRST,
        lacks=(
            "application_fee__amount",
            "application_fee__amount_captured",
            "application_fee__amount_refunded",
            "application_fee__created_at",
            "application_fee__currency",
            "application_fee__id",
            "company__route",
            "company__title",
            "disputes",
            "financing_transactions",
            "member__phone",
            "membership__phone_number",
            "membership__status",
            "payment_method__card__brand",
            "payment_method__card__last4",
            "payment_method__created_at",
            "plan__internal_notes",
            "plan__metadata",
            "product__metadata",
            "product__route",
            "product__title",
            "promo_code__amount_off",
            "promo_code__base_currency",
            "promo_code__code",
            "promo_code__number_of_intervals",
            "promo_code__promo_type",
            "refunds",
            "resolutions",
            "risk_signals",
            "settlement_exchange_rate",
        ),
        shape=Shape(
            telling=(
                ("account_id", "company"),
                ("plan_id", "plan"),
                ("product_id", "product"),
                ("membership_id", "membership"),
                ("last_payment_attempt_at", "last_payment_attempt"),
            ),
            left_out=(
                "payment_instrument.icons",
                # Always null.
                "risk_signals",
                # Null in lists: it would come and go with the way a row was read. The ledger's
                # lines say when money is available.
                "settlement_time_at",
                "user.profile_picture",
            ),
            moves={
                "account_id": "company.id",
                "customer_email": "user.email",
                "last_payment_attempt_at": "last_payment_attempt",
                "member_id": "member.id",
                "membership_id": "membership.id",
                "next_payment_attempt_at": "next_payment_attempt",
                "payment_instrument.card.brand": "card_brand",
                "payment_instrument.card.exp_month": "payment_method.card.exp_month",
                "payment_instrument.card.exp_year": "payment_method.card.exp_year",
                "payment_instrument.card.last4": "card_last4",
                "payment_instrument.payment_method_type": "payment_method.payment_method_type",
                "payment_method_id": "payment_method.id",
                "plan_id": "plan.id",
                "product_id": "product.id",
                "promo_code_id": "promo_code.id",
            },
            money={
                "amount_after_fees": "currency",
                "presentment_total": "presentment_currency",
                "refunded_amount": "currency",
                "subtotal": "currency",
                "tax_amount": "currency",
                "tax_refunded_amount": "currency",
                "total": "currency",
                "usd_total": None,
            },
            # All its amounts are in the currency it settles in.
            copies={"currency": "settlement_currency", "total": "settlement_amount"},
        ),
    ),
)

PAYMENT_METHODS = CurrentTable(
    columns=_only(
        text="card__fingerprint card__funding_type",
        bool="has_payer_document card__expired card__three_ds_verified",
    ),
    personal=("card__fingerprint",),
    on=OnCurrent(shape=Shape(left_out=("icons",))),
)

AUTHORIZED_USERS = CurrentTable(
    columns=_only(
        text="status reports_to_id authorized_role__id authorized_role__name",
        bigint="direct_reports_count",
        bool="is_agent",
        timestamp="created_at updated_at",
    ),
    on=OnCurrent(
        path="/team_members",
        permissions=("company:authorized_user:read", "company:authorized_user:email:read"),
        params=_OLDEST_FIRST,
        lacks=("company__title",),
        shape=Shape(
            telling=(("account_id", "company"),),
            left_out=("user.profile_picture",),
            moves={"account_id": "company.id", "email": "user.email"},
        ),
    ),
)

APPS = CurrentTable(
    columns=_only(
        text="app_store_description imported_from_url marketplace_status oauth_client_type "
        "product_id",
        bigint="businesses_created_count businesses_with_recent_sales_count",
        json="deployment domains elements_used production_android_build "
        "production_ios_build required_scopes",
    ),
    on=OnCurrent(
        details=(
            "app_store_description",
            "deployment",
            "elements_used",
            "imported_from_url",
            "marketplace_status",
            "oauth_client_type",
            "product_id",
            "production_android_build",
            "production_ios_build",
            "production_web_build",
            "redirect_uris",
            "requested_permissions",
            "required_scopes",
        ),
        lacks=("stats__dau", "stats__wau", "stats__mau", "stats__time_spent_last24_hours"),
        shape=Shape(
            telling=(("account", "company"),),
            left_out=(
                "account.fees",
                "account.logo_url",
                "account.route",
                "banner_image",
                "businesses_created_logo_urls",
                "creator.profile_picture",
                # Where the app's source code can be had.
                "production_android_build.source_url",
                "production_ios_build.source_url",
                "production_web_build.source_url",
            ),
            moves={"account": "company"},
        ),
    ),
)

REFUNDS = CurrentTable(
    columns=_only(
        text="company__id failure_message failure_reason original_currency reason",
        decimal="original_amount",
        bool="visa_rdr",
        timestamp="updated_at",
        json="metadata",
    ),
    personal=("metadata",),
    on=OnCurrent(
        company_column="company__id",
        company_named="nullable",
        params=_OLDEST_FIRST,
        shape=Shape(
            telling=(("payment_id", "payment"),),
            moves={"account_id": "company.id", "payment_id": "payment.id"},
            money={"amount": "currency", "original_amount": "original_currency"},
        ),
    ),
)

DISPUTES = CurrentTable(
    columns=_only(
        text="buyer__email buyer__member_id buyer__name buyer__user_id buyer__username "
        "evidence_locked_reason fee_currency payment__payment_processor reason_code",
        decimal="fee",
        bool="acceptable inquiry",
        timestamp="evidence_submitted_at updated_at",
        json="issuer_comments line_items",
    ),
    personal=("buyer__email", "buyer__name", "buyer__username", "issuer_comments"),
    on=OnCurrent(
        params=_OLDEST_FIRST,
        lacks=("company__title", "product__title", "visa_rdr"),
        shape=Shape(
            telling=(
                ("account_id", "company"),
                ("evidence_due_at", "needs_response_by"),
                ("evidence_editable", "editable"),
                ("plan_id", "plan"),
            ),
            left_out=(
                # Letters and documents about the buyer, with signed addresses.
                "evidence",
                # What the payment's own row has.
                "payment.amount",
                "payment.card_brand",
                "payment.card_last4",
                "payment.created_at",
                "payment.currency",
                "payment.payment_instrument",
                "payment.payment_method_type",
            ),
            moves={
                "account_id": "company.id",
                "evidence_due_at": "needs_response_by",
                "evidence_editable": "editable",
                "plan_id": "plan.id",
                "product_id": "product.id",
            },
            money=_MONEY,
        ),
    ),
)

DISPUTE_ALERTS = CurrentTable(
    columns=_only(
        text="card_brand company__id fee_currency issuer product__id",
        decimal="fee",
        bool="auto_refunded",
        timestamp="reported_at updated_at",
    ),
    on=OnCurrent(
        company_column="company__id",
        # Null while nobody knows which payment it is about.
        company_named="nullable",
        params=_OLDEST_FIRST,
        lacks=("dispute__id",),
        shape=Shape(
            telling=(
                ("type", "alert_type"),
                ("payment_id", "payment"),
                ("fee_charged", "charge_for_alert"),
            ),
            moves={
                "account_id": "company.id",
                "fee_charged": "charge_for_alert",
                "payment_id": "payment.id",
                "product_id": "product.id",
                "transaction_at": "transaction_date",
                "type": "alert_type",
            },
            money=_MONEY,
            values={
                "alert_type": {
                    "dispute_alert": "dispute",
                    "early_fraud_warning": "fraud",
                    "rapid_dispute_resolution": "dispute_rdr",
                }
            },
        ),
    ),
)

INVOICES = CurrentTable(columns=_only(bool="payment_processing", json="line_items"))

ENTRIES = CurrentTable(
    columns=_only(
        text="approval_failure_reason buyer_account_id company__id membership_id",
        timestamp="updated_at",
        json="metadata",
    ),
    personal=("metadata",),
    listed=("custom_field_responses",),
    on=OnCurrent(
        path="/waitlist_entries",
        status_filter="status",
        one_status=True,
        live_statuses=("pending",),
        ended_statuses=("approved", "denied", "canceled"),
        unlisted_statuses=("canceled",),
        never_shows={"status": ("drafted",)},
        company_column="company__id",
        lacks=("product__title", "user__email", "user__name", "user__username"),
        shape=Shape(
            telling=(("product_id", "product"), ("plan_id", "plan"), ("user_id", "user")),
            moves={
                "account_id": "company.id",
                "plan_id": "plan.id",
                "product_id": "product.id",
                "user_id": "user.id",
            },
        ),
    ),
)

CHECKOUT_CONFIGURATIONS = CurrentTable(
    columns=_only(json="effective_payment_method_configuration"),
    on=OnCurrent(
        unix_times=False,
        params=_OLDEST_FIRST,
        lacks=("allow_promo_codes",),
        shape=Shape(moves={"account_id": "company_id"}),
    ),
)

SETUP_INTENTS = CurrentTable(
    columns=_only(
        text="last_setup_error__code payment_instrument__display_name return_url three_ds_level "
        "payment_instrument__card__issuer_identification_number",
        bigint="payment_instrument__installment_count",
        timestamp="updated_at",
    ),
    listed=("three_ds_verified",),
    on=OnCurrent(
        company_named="nullable",
        params=_OLDEST_FIRST,
        lacks=(
            "member__user__email",
            "payment_method__created_at",
            *(
                f"payment_method__mailing_address__{part}"
                for part in ("name", "line1", "line2", "city", "state", "postal_code", "country")
            ),
        ),
        shape=Shape(
            telling=(
                ("account_id", "company"),
                ("member_id", "member"),
                ("last_setup_error", "error_message"),
            ),
            left_out=(
                "payment_instrument.icons",
                "payment_instrument.payment_method_type",
                "user.profile_picture",
            ),
            moves={
                "account_id": "company.id",
                "checkout_configuration_id": "checkout_configuration.id",
                "last_setup_error.message": "error_message",
                "member_id": "member.id",
                "payment_instrument.card.brand": "payment_method.card.brand",
                "payment_instrument.card.exp_month": "payment_method.card.exp_month",
                "payment_instrument.card.exp_year": "payment_method.card.exp_year",
                "payment_instrument.card.last4": "payment_method.card.last4",
                "payment_method_id": "payment_method.id",
                "payment_method_type": "payment_method.payment_method_type",
                "user": "member.user",
            },
        ),
    ),
)

SHIPMENTS = CurrentTable(
    columns=_only(text="company__id tracking_url", json="checkpoints"),
    on=OnCurrent(
        company_column="company__id",
        params=_OLDEST_FIRST,
        lacks=("delivery_estimate", "service", "substatus"),
        shape=Shape(
            telling=(("payment_id", "payment"), ("tracking_number", "tracking_code")),
            moves={
                "account_id": "company.id",
                "payment_id": "payment.id",
                "tracking_number": "tracking_code",
            },
        ),
    ),
)

REVIEWS = CurrentTable(
    listed=("company__id", "company__route", "company__title", "product__title"),
    on=OnCurrent(
        # One list for the company; what it is about is on the object.
        listed=True,
        list_per=None,
        details=("company", "product"),
        params=_OLDEST_FIRST,
        never_shows={"status": ("pending", "removed")},
        shape=Shape(
            telling=(("account", "company"),),
            left_out=("user.profile_picture", "account.logo_url"),
            moves={"account": "company"},
        ),
    ),
)

TRANSFERS = CurrentTable(
    columns=_only(
        text="destination__id destination__name destination__object failure_code failure_reason "
        "fee_currency origin__id origin__name origin__object status",
        timestamp="failed_at status_changed_at succeeded_at",
    ),
    personal=("destination__name", "origin__name"),
    on=OnCurrent(
        lacks=("destination_ledger_account_id", "origin_ledger_account_id"),
        shape=Shape(
            telling=(("fee", "fee_amount"), ("origin", "origin_ledger_account_id")),
            left_out=("destination.logo_url", "object", "origin.logo_url", "tracking_url"),
            moves={"fee": "fee_amount"},
            money={"amount": "currency", "fee_amount": "fee_currency"},
        ),
    ),
)

USERS = CurrentTable(
    columns=_only(
        text="banner__url email",
        bigint="whop_partner_onboarded_accounts_count",
        decimal="total_usd",
        timestamp="whop_partner_verified_at",
        json="balances cards level social_links",
    ),
    personal=("banner__url", "email", "social_links"),
    on=OnCurrent(shape=Shape(left_out=("trading",))),
)

FILES = CurrentTable(
    columns=_only(
        text="blurhash",
        bigint="height width",
        decimal="duration_seconds",
        bool="removed_by_moderation",
        timestamp="created_at",
    ),
    on=OnCurrent(shape=Shape(left_out=("multipart_chunk_size", "object"))),
)

PAYMENT_FEES = CurrentTable(
    columns=_only(
        text="description family settlement_currency",
        decimal="settlement_amount",
        timestamp="collected_at",
    ),
    on=OnCurrent(
        shape=Shape(
            telling=(("label", "name"),),
            moves={"label": "name", "origin": "type", "type": "family"},
            money={"amount": "currency", "settlement_amount": "settlement_currency"},
        ),
    ),
)

"""What `/accounts` shows of a company beyond Legacy's fields: money for its owner, and settings."""

from __future__ import annotations

from .endpoint import words
from .seller import Seller
from .units import Row, scale_of, usd_cents

# Settings of which the simulator has no use: as an account has them that has set nothing.
_EMPTY = words(
    """banner_image_url business_name business_type cancellation_policy capabilities cards
    direct_reports_count eula financing industry_type invoice_prefix level onboarding_type
    opengraph_image_url opengraph_image_variant other_business_description
    other_industry_description parent_account partner payment_controls privacy_policy
    product_tax_code recommended_actions required_actions return_policy rewards shipping_policy
    status_reason tax_remitted_by tax_type terms_of_service three_ds_level trading website
    whop_partner_enabled_at wallet ads_spend_usd"""
)
_LISTS = ("home_preferences", "platform_credits", "tax_collection_enabled_states")
_OFF = words(
    """can_transfer_pending_balance_to_children collect_vat_id dispute_fighter_enabled
    economic_intelligence orchestration_enabled require_2fa show_joined_whops
    use_logo_as_opengraph_image_fallback"""
)


def account_rest(row: Row, business: Seller) -> Row:
    """The rest of an account: what there is on it, what it has sold, and its settings."""
    total = sum(
        usd_cents(sum(money), currency, business.clock_ms)
        for currency, money in business.balances().items()
    )
    volume = business.volume()
    return {
        **dict.fromkeys(_EMPTY),
        **{name: [] for name in _LISTS},
        **dict.fromkeys(_OFF, False),
        "balances": [
            _balance(currency, *money) for currency, money in sorted(business.balances().items())
        ],
        "business_address": {"city": "Austin", "country": "US", "line1": "1 Maple Street"},
        "company_formation": {
            "documents": None,
            "ein_registered": None,
            "legal_name": None,
            "signatures": None,
            "state_registered": None,
            "status": None,
        },
        "country": "US",
        "email": f"owner@{business.company['route']}.example",
        "show_reviews_dtc": True,
        "show_user_directory": True,
        "social_links": [
            {"id": link["id"], "title": None, "url": link["url"], "website": link["website"]}
            for link in row.get("social_links") or []
        ],
        "status": "active",
        "store_page_config": {
            "accent_color": None,
            "layout": None,
            "profile_variant": None,
            "whop_affiliate_link": True,
        },
        "tax_identifiers": [
            {"id": "txid_1", "tax_id_type": "us_ein", "tax_id_value": "12-3456789"}
        ],
        "total_earned_usd": volume,
        "total_usd": f"{total / 100:.2f}",
        "verification": {"individual": None, "business": None},
        "volume_l30d_usd": None,
        "volume_usd": volume,
    }


def _balance(currency: str, available: int, pending: int, held: int) -> Row:
    scale = scale_of(currency)
    digits = len(str(scale)) - 1

    def text(minor: int) -> str:
        return f"{minor / scale:.{digits}f}"

    return {
        "balance": text(available + pending + held),
        "breakdown": {
            "available": text(available),
            "in_transit": text(0),
            "pending": text(pending),
            "pending_settlements": [],
            "reserve": text(held),
        },
        "icon_url": None,
        "name": currency.upper(),
        "price_usd": None,
        "symbol": currency.upper(),
        "value_usd": None,
    }

"""Rows as Whop's API shows them, made from what the simulator knows when they are asked for.

One function per table, and most lines are fields: hence the length.
"""

from __future__ import annotations

from .catalogue import Plan, Product, Promo
from .company import OWNER, App, Employee
from .lives import Member, Membership, Method, Payment
from .people import User, person
from .seller import Seller
from .units import (
    DAY,
    Row,
    iso,
    iso_or_none,
    kept_of,
    key_of,
    mix,
    scale_of,
    settled_in,
    usd_rate,
)

_UTM = ("newsletter", "tiktok", "größe", "推特", "podcast")
_QUESTIONS = ("Where did you hear about us?", "Discord name")


def company(business: Seller) -> Row:
    """The one company of a business."""
    counts = business.counts()
    head = business.company
    owner = person(business.key, OWNER)
    logo = f"https://assets.whop.invalid/{head['route']}.png"
    featured = business.catalogue.products[:1]
    return {
        "id": head["id"],
        "affiliate_instructions": "Share your link; 30 % for the first year.",
        "created_at": iso(business.start_ms - 60 * DAY),
        "description": "We read charts so you do not have to.",
        "featured_affiliate_product": (
            {"id": business.ids["products"].encode(0), "name": featured[0].title}
            if featured
            else None
        ),
        "logo": {"url": logo},
        "member_count": counts["company", 0],
        "metadata": {"tier": "gold", "score": 7},
        "owner_user": {
            "id": business.ids["users"].encode(OWNER),
            "name": owner.name,
            "username": owner.username,
        },
        "published_reviews_count": 41,
        "route": head["route"],
        "send_customer_emails": True,
        "social_links": [
            {"id": f"sl_{head['route']}", "url": "https://x.invalid/room", "website": "x"}
        ],
        "target_audience": "Traders",
        "title": head["title"],
        "updated_at": iso(business.start_ms),
        "verified": True,
        "_status": "active",
        "_volume": business.volume(),
    }


def product(item: Product, business: Seller) -> Row:
    """One product."""
    plans = [plan for plan in business.catalogue.plans if plan.product is item]
    archived = item.archived_at <= business.clock_ms
    owner = person(business.key, OWNER)
    return {
        "id": business.ids["products"].encode(item.number),
        "company": business.company,
        "created_at": iso(item.created_at),
        "custom_cta": "join",
        "custom_cta_url": None,
        "custom_statement_descriptor": "WHOP*ROOM",
        "description": f"{item.title}: {item.headline}.",
        "external_identifier": f"sku-{item.number}" if item.number % 2 else None,
        "gallery_images": [
            {"id": f"img_{item.number}", "url": f"https://assets.whop.invalid/{item.number}.png"}
        ],
        "global_affiliate_percentage": 30.0 if item.number == 0 else None,
        "global_affiliate_status": "enabled" if item.number == 0 else "disabled",
        "headline": item.headline,
        "member_affiliate_percentage": None,
        "member_affiliate_status": "disabled",
        "member_count": business.counts()["product", item.number],
        "metadata": {"shelf": item.number} if item.number % 3 == 0 else None,
        "owner_user": {
            "id": business.ids["users"].encode(OWNER),
            "name": owner.name,
            "username": owner.username,
        },
        "product_tax_code": {
            "id": "ptc_saas",
            "name": "Digital - SaaS",
            "product_type": "digital",
        },
        "published_reviews_count": 41,
        "route": item.title.lower().replace(" ", "-"),
        "title": item.title,
        "updated_at": iso(item.archived_at if archived else item.created_at),
        "verified": True,
        "visibility": "archived" if archived else item.visibility,
        "_access_pass_type": item.access_pass_type,
        "_cents": business.counts()["cents", item.number],
        "_labels": ["signals"] if item.number % 2 == 0 else [],
        "_plan_types": sorted({"renewal" if plan.recurring else "one_time" for plan in plans}),
        "_price": _price(plans[0]) if plans else None,
    }


def _price(plan: Plan) -> float:
    return (plan.renewal or plan.initial) / scale_of(plan.currency)


def plan(item: Plan, business: Seller) -> Row:
    """One plan."""
    clock = business.clock_ms
    scale = scale_of(item.currency)
    moments = (item.archived_at, item.retitled_at, item.edited_at)
    changes = [moment for moment in moments if moment <= clock]
    plan_id = business.ids["plans"].encode(item.number)
    return {
        "id": plan_id,
        "adaptive_pricing_enabled": item.currency == "usd",
        "billing_period": item.days,
        "collect_tax": item.tax_type != "unspecified",
        "company": {"id": business.company["id"], "title": business.company["title"]},
        "created_at": iso(item.created_at),
        "currency": item.currency,
        "custom_fields": [
            {
                "id": f"cf_{item.number}",
                "field_type": "text",
                "name": _QUESTIONS[0],
                "order": 1,
                "placeholder": None,
                "required": False,
            }
        ],
        "description": f"{item.name}, {item.product.title}",
        "expiration_days": item.expiration_days,
        "initial_price": item.initial / scale,
        "internal_notes": "ask before changing" if item.number % 4 == 1 else None,
        "invoice": None,
        "member_count": business.counts()["plan", item.number],
        "metadata": _plan_metadata(item),
        "payment_method_configuration": None,
        "plan_type": "renewal" if item.recurring else "one_time",
        "product": {
            "id": business.ids["products"].encode(item.product.number),
            "title": item.product.title,
        },
        "purchase_url": f"https://whop.invalid/checkout/{plan_id}",
        "release_method": "waitlist" if item.visibility == "hidden" else "buy_now",
        "renewal_price": item.price(clock) / scale,
        "split_pay_required_payments": item.instalments,
        "stock": None if item.weight > 1 else 250,
        "tax_type": item.tax_type,
        "three_ds_level": None,
        "title": f"{item.name} (best value)" if item.retitled_at <= clock else item.name,
        "trial_period_days": item.trial_days,
        "unlimited_stock": item.weight > 1,
        "updated_at": iso(max(changes, default=item.created_at)),
        "visibility": "archived" if item.archived_at <= clock else item.visibility,
    }


def promo_code(item: Promo, business: Seller) -> Row:
    """One promo code."""
    archived = item.archived_at <= business.clock_ms
    over = item.expires_at is not None and item.expires_at <= business.clock_ms
    flat = item.kind == "flat_amount"
    return {
        "id": business.ids["promo_codes"].encode(item.number),
        "amount_off": item.amount / 100 if flat else float(item.amount),
        "churned_users_only": "churned_users_only" in item.flags,
        "code": item.code,
        "company": {"id": business.company["id"], "title": business.company["title"]},
        "created_at": iso(item.created_at),
        "currency": "usd",
        "duration": item.duration,
        "existing_memberships_only": False,
        "expires_at": iso_or_none(item.expires_at),
        "new_users_only": item.code == "WELCOME20",
        "one_per_customer": "one_per_customer" in item.flags,
        "product": (
            None
            if item.product is None
            else {
                "id": business.ids["products"].encode(item.product.number),
                "title": item.product.title,
            }
        ),
        "promo_duration_months": item.months,
        "promo_type": item.kind,
        "status": "archived" if archived else "inactive" if over else "active",
        "stock": 0,
        "unlimited_stock": True,
        "uses": business.counts()["promo", item.number],
        "_plan_ids": [business.ids["plans"].encode(plan.number) for plan in item.plans],
    }


def member(item: Member, business: Seller) -> Row:
    """One member."""
    who = person(business.key, item.number)
    return {
        "id": item.id,
        "access_level": item.access_level,
        "company": business.company,
        "company_token_balance": tokens(item, business),
        "created_at": iso(item.created_at),
        "joined_at": iso(item.created_at),
        "most_recent_action": item.action,
        "most_recent_action_at": iso(item.action_at),
        "phone": None if item.deleted else who.phone,
        "status": item.status,
        "updated_at": iso(item.updated_at),
        "usd_total_spent": item.spent / 100,
        "user": user_inside(item, business),
    }


def membership(item: Membership, business: Seller) -> Row:
    """One membership."""
    bits = mix(business.key, item.number)
    membership_id = item.id
    return {
        "id": membership_id,
        "cancel_at_period_end": item.cancel_at_period_end,
        "cancel_option": item.cancel_option,
        "canceled_at": iso_or_none(item.canceled_at),
        "cancellation_reason": item.cancellation_reason,
        "checkout_configuration_id": (
            business.ids["checkouts"].encode(bits % 5) if bits % 11 == 0 else None
        ),
        "company": {"id": business.company["id"], "title": business.company["title"]},
        "created_at": iso(item.created_at),
        "currency": item.plan.currency,
        "custom_field_responses": (
            [{"id": f"cfr_{item.number}", "answer": "a friend", "question": _QUESTIONS[0]}]
            if bits % 3 == 0
            else []
        ),
        "joined_at": iso(item.member.created_at),
        "license_key": f"L-{bits % 16**10:010X}" if item.plan.product.number == 1 else None,
        "manage_url": f"https://whop.invalid/hub/{membership_id}",
        "member": {"id": item.member.id},
        "metadata": _metadata(bits),
        "payment_collection_paused": item.paused,
        "plan": {"id": item.plan_id, "metadata": _plan_metadata(item.plan)},
        "product": {
            "id": item.product_id,
            "metadata": None,
            "title": item.plan.product.title,
        },
        "promo_code": None if item.promo is None else {"id": item.promo_code_id},
        "renewal_period_end": iso_or_none(item.period_end),
        "renewal_period_start": iso_or_none(item.period_start),
        "status": item.status,
        "updated_at": iso(item.updated_at),
        "user": user_inside(item.member, business),
    }


def payment(item: Payment, business: Seller) -> Row:
    """One payment."""
    ids = business.ids
    bits = mix(business.key, item.number)
    who = person(business.key, item.member.number)
    scale = scale_of(item.currency)
    total = item.total / scale
    paid = item.status == "paid"
    refunded = item.refunded
    membership = item.membership
    plan = item.plan
    method = item.method
    card = item.card
    gone = item.guest or item.member.deleted
    phone = None if gone else who.phone
    settled = settled_in(item.currency, bits)
    day = item.created_at // DAY
    gross = item.total if settled == item.currency else item.usd
    kept = kept_of(item.total, item.currency, settled, day)
    dispute = item.dispute_alerted_at
    resolution = item.substatus.startswith("resolution") or item.substatus == "open_resolution"
    payment_id = item.id
    created_at = iso(item.created_at)
    return {
        "id": payment_id,
        "amount_after_fees": kept / scale_of(settled),
        "application_fee": (
            {
                "id": f"af_{payment_id[4:]}",
                "amount": round(item.total * 0.05) / scale,
                "amount_captured": round(item.total * 0.05) / scale if paid else 0.0,
                "amount_refunded": 0.0,
                "created_at": created_at,
                "currency": item.currency,
            }
            if item.total and bits % 41 == 0
            else None
        ),
        "auto_refunded": item.substatus == "auto_refunded",
        "billing_address": None if method is None and bits % 2 else who.address,
        "billing_reason": item.reason,
        "card_brand": None if card is None else card[0],
        "card_last4": None if card is None else card[1],
        "checkout_configuration_id": item.checkout_configuration_id,
        "company": business.company,
        "created_at": created_at,
        "currency": item.currency,
        "dispute_alerted_at": iso_or_none(dispute),
        "disputes": [dispute_inside(item, total, ids["disputes"].encode(item.number))]
        if dispute is not None
        else [],
        "failure_message": item.failure if item.failed else None,
        "financing_installments_count": None,
        "financing_transactions": [],
        "last_payment_attempt": iso_or_none(item.last_attempt),
        "member": None if item.guest else {"id": item.member.id, "phone": phone},
        "membership": (
            None
            if membership is None
            else {"id": membership.id, "phone_number": phone, "status": membership.status}
        ),
        "metadata": _metadata(bits),
        "next_payment_attempt": iso_or_none(item.next_attempt),
        "paid_at": iso_or_none(item.paid_at),
        "payment_method": (
            None
            if method is None
            else {
                "id": ids["payment_methods"].encode(method.number),
                "card": _card(method) if method.kind == "card" else None,
                "created_at": iso(method.created_at),
                "payment_method_type": method.kind,
            }
        ),
        "payment_method_type": None if method is None else method.kind,
        "payments_failed": item.failed,
        "plan": (
            None
            if plan is None
            else {
                "id": ids["plans"].encode(plan.number),
                "internal_notes": "ask before changing" if plan.number % 4 == 1 else None,
                "metadata": _plan_metadata(plan),
            }
        ),
        "product": (
            None
            if plan is None
            else {
                "id": ids["products"].encode(plan.product.number),
                "metadata": None,
                "route": plan.product.title.lower().replace(" ", "-"),
                "title": plan.product.title,
            }
        ),
        "promo_code": None if item.promo is None else _promo_inside(item.promo, business),
        "refundable": paid and refunded < item.total,
        "refunded_amount": refunded / scale if refunded else None,
        "refunded_at": iso(item.refunds[0][0]) if item.refunds else None,
        "refunds": [
            {
                "id": ids["refunds"].encode(item.number * 16 + len(item.refunds) - position),
                "amount": amount / scale,
                "created_at": iso(at),
                "currency": item.currency,
                "status": "succeeded",
            }
            for position, (at, amount) in enumerate(item.refunds)
        ],
        "resolutions": [_resolution(item)] if resolution else [],
        "retryable": item.status == "open",
        "risk_score": bits % 101 if bits % 5 else None,
        "risk_signals": {"device": [{"key": "vpn", "value": False}]} if bits % 5 else None,
        "settlement_amount": gross / scale_of(settled),
        "settlement_currency": settled,
        "settlement_exchange_rate": (
            None if settled == item.currency else usd_rate(item.currency, day)
        ),
        "shipping_address": who.address if bits % 97 == 0 else None,
        "status": item.status,
        "substatus": item.substatus,
        "subtotal": item.subtotal / scale,
        "tax_amount": None if item.tax is None else item.tax / scale,
        "tax_behavior": None if plan is None else plan.tax_type,
        "tax_refunded_amount": None,
        "three_ds_verified": bits % 7 == 0,
        "total": total,
        "updated_at": iso(item.updated_at),
        # Whop does not always know what a payment is worth, and of coins it never does.
        "usd_total": None if bits % 331 == 0 or item.currency == "eth" else item.usd / 100,
        "user": None if gone else user_inside(item.member, business),
        "voidable": item.status == "open"
        and membership is not None
        and membership.status == "past_due",
    }


def payment_method(item: Method, business: Seller) -> Row:
    """One payment method, in the shape of its kind."""
    bits = mix(business.key, item.number)
    row: Row = {
        "id": business.ids["payment_methods"].encode(item.number),
        "created_at": iso(item.created_at),
        "payment_method_type": item.kind,
    }
    if item.kind == "card":
        return {**row, "typename": "CardPaymentMethod", "card": _card(item)}
    if item.kind == "us_bank_account":
        account = {"account_type": "checking", "bank_name": "Chase", "last4": item.last4}
        return {**row, "typename": "UsBankAccountPaymentMethod", "us_bank_account": account}
    if item.kind == "cashapp":
        wallet = {"buyer_id": f"CST_{bits % 10**9}", "cashtag": f"$user{item.member.number}"}
        return {**row, "typename": "CashappPaymentMethod", "cashapp": wallet}
    if item.kind == "ideal":
        bank = {"bank": "ing", "bic": "INGBNL2A"}
        return {**row, "typename": "IdealPaymentMethod", "ideal": bank}
    if item.kind == "sepa_debit":
        debit = {"bank_code": "37040044", "branch_code": None, "country": "DE",
                 "last4": item.last4}  # fmt: skip
        return {**row, "typename": "SepaDebitPaymentMethod", "sepa_debit": debit}
    return {**row, "typename": "BasePaymentMethod"}


def authorized_user(item: Employee, business: Seller) -> Row:
    """One of the staff."""
    who = person(business.key, item.person)
    return {
        "id": business.ids["authorized_users"].encode(item.number),
        "company": {"id": business.company["id"], "title": business.company["title"]},
        "role": item.role,
        "user": {
            "id": item.user_id,
            "email": who.email,
            "name": who.name,
            "username": who.username,
        },
        "_created_at": iso(item.created_at),
    }


def app(item: App, business: Seller) -> Row:
    """One app, secrets included: they must never get further than the client."""
    app_id = business.ids["apps"].encode(item.number)
    owner = person(business.key, OWNER)
    slug = item.name.lower().replace(" ", "-")
    secret = f"{mix(key_of(business.key, 'secret'), item.number):016x}"
    return {
        "id": app_id,
        "api_key": {
            "id": f"apik_{app_id[4:]}",
            "token": f"whop_sk_{secret}",
            "created_at": iso(item.created_at),
        },
        "app_type": item.app_type,
        "base_url": f"https://{slug}.apps.whop.invalid",
        "company": {"id": business.company["id"], "title": business.company["title"]},
        "creator": {
            "id": business.ids["users"].encode(OWNER),
            "name": owner.name,
            "username": owner.username,
        },
        "dashboard_path": "/dashboard/[companyId]" if item.app_type == "b2b_app" else None,
        "description": f"{item.name} for members",
        "discover_path": "/discover",
        "domain_id": f"dom{mix(business.key, item.number) % 10**8}",
        "experience_path": "/experiences/[experienceId]",
        "hosted_url": None,
        "icon": {"url": f"https://assets.whop.invalid/{slug}.png"},
        "name": item.name,
        "openapi_path": None,
        "origin": f"https://{slug}.apps.whop.invalid",
        "production_web_build": {
            "id": f"abld_{app_id[4:]}",
            "checksum": secret[::-1],
            "file_url": f"https://assets.whop.invalid/{slug}.zip",
            "status": "approved",
        },
        "redirect_uris": [f"https://{slug}.apps.whop.invalid/oauth"],
        "requested_permissions": [
            {
                "is_required": True,
                "justification": "to greet members",
                "permission_action": {"action": "member:basic:read", "name": "Read members"},
            }
        ],
        "route": slug,
        "secrets": {"WEBHOOK_SECRET": f"ws_{secret}"},
        "skills_path": None,
        "stats": {
            "dau": item.use,
            "mau": item.use * 9,
            "time_spent_last24_hours": item.use * 61,
            "wau": item.use * 3,
        },
        "status": item.status,
        "verified": item.verified,
        "_created_at": iso(item.created_at),
        "_recommended": item.number == 0,
        "_use": item.use,
        "_view_type": item.view_type,
    }


def user(item: User, business: Seller) -> Row:
    """A user's public profile."""
    number = item.number
    who = person(business.key, number)
    return {
        "id": business.ids["users"].encode(number),
        "balance": None,
        "balance_history": None,
        "bio": None if number % 3 else "Here to learn.",
        "created_at": iso(item.created_at - 40 * DAY),
        "earnings_usd": None,
        "name": who.name,
        "profile_picture": {"url": f"https://assets.whop.invalid/{who.username}.png"},
        "username": who.username,
        "verification": {"individual": None, "business": None},
        "whop_partner_enabled_at": None,
    }


def token_transaction(item: Member, business: Seller) -> Row:
    """How a member got the tokens they have."""
    return {
        "id": business.ids["company_token_transactions"].encode(item.number),
        "amount": tokens(item, business),
        "company": business.company,
        "created_at": iso(item.created_at),
        "description": "Welcome bonus",
        "idempotency_key": None,
        "linked_transaction_id": None,
        "member": {"id": item.id},
        "transaction_type": "add",
        "user": {
            name: value
            for name, value in (user_inside(item, business) or {}).items()
            if name != "email"
        },
    }


def tokens(item: Member, business: Seller) -> float:
    """A member's balance in the company's own tokens: most have none."""
    return float(mix(business.key, item.number) % 40 // 37 * 25)


def user_inside(item: Member, business: Seller) -> Row | None:
    """The user of a member as rows show them; None when the account is deleted."""
    if item.deleted:
        return None
    who = person(business.key, item.number)
    return {
        "id": business.ids["users"].encode(item.number),
        "email": who.email,
        "name": who.name,
        "username": who.username,
    }


def _promo_inside(item: Promo, business: Seller) -> Row:
    flat = item.kind == "flat_amount"
    return {
        "id": business.ids["promo_codes"].encode(item.number),
        "amount_off": item.amount / 100 if flat else float(item.amount),
        "base_currency": "usd",
        "code": item.code,
        "number_of_intervals": item.months,
        "promo_type": item.kind,
    }


def _card(method: Method) -> Row:
    return {
        "brand": method.brand,
        "exp_month": method.expires % 12 + 1,
        "exp_year": method.expires // 12,
        "last4": method.last4,
    }


def _plan_metadata(item: Plan) -> Row | None:
    return {"ladder": item.number, "note": "keep"} if item.number % 5 == 0 else None


def _metadata(bits: int) -> Row | None:
    """Free-form: absent, empty, text, numbers, and nested."""
    kind = bits >> 12 & 15
    if kind < 8:
        return None
    if kind < 11:
        return {}
    if kind < 14:
        return {"utm_source": _UTM[(bits >> 20) % len(_UTM)], "visit": bits >> 24 & 255}
    return {"cart": {"items": [1, 2.5, None], "gift": bool(bits >> 30 & 1)}, "ref": "a'b\"c"}


def dispute_inside(item: Payment, total: float, key: str) -> Row:
    """The dispute of a payment as the payment shows it."""
    assert item.dispute_alerted_at is not None
    status = {
        "dispute_warning": "warning_needs_response",
        "dispute_warning_needs_response": "warning_needs_response",
        "dispute_warning_under_review": "warning_under_review",
        "dispute_warning_closed": "warning_closed",
        "dispute_under_review": "under_review",
        "dispute_won": "won",
        "dispute_lost": "lost",
        "dispute_closed": "closed",
    }.get(item.substatus, "needs_response")
    return {
        "id": key,
        "amount": total,
        "currency": item.currency,
        "editable": status.endswith("needs_response"),
        "needs_response_by": iso(item.dispute_alerted_at + 7 * DAY),
        "notes": None,
        "reason": "fraudulent",
        "status": status,
    }


def _resolution(item: Payment) -> Row:
    status = {"resolution_won": "merchant_won", "resolution_lost": "customer_won"}
    return {
        "id": f"reso_{item.id[4:]}",
        "customer_appealed": False,
        "customer_response_actions": ["respond"],
        "due_date": iso(item.created_at + 40 * DAY),
        "issue": "significantly_not_as_described",
        "merchant_appealed": False,
        "merchant_response_actions": ["respond", "accept"],
        "platform_response_actions": [],
        "status": status.get(item.substatus, "under_platform_review"),
    }


def public_user(business: Seller, number: int) -> Row:
    """Somebody as rows show them that hold no e-mail address."""
    who = person(business.key, number)
    return {
        "id": business.ids["users"].encode(number),
        "name": who.name,
        "username": who.username,
    }


def account_of(business: Seller, number: int) -> Row:
    """Somebody with their e-mail address."""
    return {**public_user(business, number), "email": person(business.key, number).email}

"""A member's life as events: what is bought, renewed, missed, refunded and left, up to a clock.

One story told from joining to leaving, in one file however long.
A life is a function of the company's seed, the member's number and the clock, and nothing else.
Moving the clock lives the same life again, only longer: that is why a business created at a later
clock equals one that was moved there.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

from .catalogue import Catalogue, Plan, Promo
from .people import country_of, person
from .units import DAY, Ids, mix, scale_of, settled_in, usd_cents

ROWS_PER_MEMBER = 1 << 12
RETRY_DAYS = (1, 3, 5, 7, 9, 11, 13, 15, 18, 21)
VALID = frozenset({"trialing", "active", "past_due", "completed", "canceling"})
PAYING = frozenset({"trialing", "active", "past_due", "canceling"})

_CANCEL_OPTIONS = (
    ("too_expensive", 30),
    ("switching", 12),
    ("missing_features", 14),
    ("technical_issues", 8),
    ("bad_experience", 10),
    ("other", 18),
    ("testing", 8),
)
_CANCEL_TEXTS = (
    "Not using it enough",
    "Zu teuer für mich, sorry",
    "Found something cheaper",
    "too many pings 😵",
    "The app crashes on my phone",
    "解約します",
    "Taking a break — may come back",
)
_SOFT_FAILURES = ("Your card has insufficient funds.", "The bank declined the charge.")
_HARD_FAILURES = ("Your card was declined.", "Your card number is no longer valid.")
_EXPIRED = "Your card has expired."


@dataclass(slots=True, eq=False)
class World:
    """What every life of one company shares."""

    key: int
    catalogue: Catalogue
    ids: dict[str, Ids]
    clock_ms: int = 0


class Member:
    """One customer of the company, with everything that ever happened to them."""

    __slots__ = (
        "action",
        "action_at",
        "created_at",
        "deleted",
        "memberships",
        "methods",
        "next_at",
        "number",
        "payments",
        "spent",
        "status",
        "updated_at",
        "world",
    )

    def __init__(self, world: World, number: int, created_at: int) -> None:
        self.world = world
        self.number = number
        self.created_at = created_at
        self.updated_at = created_at
        self.action: str | None = "joined"
        self.action_at = created_at
        self.status = "joined"
        self.deleted = False
        self.spent = 0
        self.memberships: list[Membership] = []
        self.payments: list[Payment] = []
        self.methods: list[Method] = []
        self.next_at: int | None = None

    @property
    def id(self) -> str:
        """The member's own id."""
        return self.world.ids["members"].encode(self.number)

    @property
    def user_id(self) -> str | None:
        """None when the user has deleted their account."""
        return None if self.deleted else self.world.ids["users"].encode(self.number)

    @property
    def usd_total_spent(self) -> float:
        """In US dollars."""
        return self.spent / 100

    @property
    def joined_at(self) -> int:
        """Members join the company when they are created."""
        return self.created_at

    @property
    def access_level(self) -> str:
        """A few customers help out as moderators; the others have what their memberships give."""
        if mix(self.world.key, self.number) % 499 == 0:
            return "admin"
        live = any(membership.status in VALID for membership in self.memberships)
        return "customer" if live else "no_access"

    @property
    def membership_states(self) -> tuple[str, ...]:
        """Whether any membership gives access now, and whether any does not."""
        granted = {membership.status in VALID for membership in self.memberships}
        return tuple("active" if grants else "inactive" for grants in granted)

    @property
    def plan_ids(self) -> tuple[str, ...]:
        """Plans the member has, or had, a membership of."""
        return tuple(membership.plan_id for membership in self.memberships)

    @property
    def product_ids(self) -> tuple[str, ...]:
        """Products the member has, or had, a membership of."""
        return tuple(membership.product_id for membership in self.memberships)

    @property
    def promo_code_ids(self) -> tuple[str, ...]:
        """Promo codes used in any payment."""
        encode = self.world.ids["promo_codes"].encode
        return tuple(
            {encode(payment.promo.number) for payment in self.payments if payment.promo is not None}
        )

    @property
    def search_public(self) -> str:
        """What a search looks through without the right to read e-mail addresses."""
        if self.deleted:
            return ""
        who = person(self.world.key, self.number)
        return f"{who.name}\n{who.username}".lower()

    @property
    def search(self) -> str:
        """What a search looks through."""
        if self.deleted:
            return ""
        return f"{self.search_public}\n{person(self.world.key, self.number).email}".lower()


class Method:
    """A stored way to pay."""

    __slots__ = (
        "brand",
        "created_at",
        "expires",
        "kind",
        "last4",
        "member",
        "number",
        "removed",
    )

    def __init__(self, member: Member, kind: str, created_at: int, bits: int) -> None:
        self.member = member
        self.number = member.number * ROWS_PER_MEMBER + len(member.methods)
        self.kind = kind
        self.created_at = created_at
        self.removed = False
        self.brand = ("visa", "visa", "mastercard", "mastercard", "amex", "discover")[bits % 6]
        self.last4 = f"{bits // 7 % 10_000:04}"
        # The month the card runs out, counted from year 0.
        self.expires = created_at // (30 * DAY) + 1970 * 12 + 2 + bits // 11 % 46

    @property
    def member_id(self) -> str:
        """Whose it is; rows do not say."""
        return self.member.id

    @property
    def _brand(self) -> str | None:
        return self.brand if self.kind == "card" else None

    @property
    def _funding(self) -> str | None:
        return self.funding if self.kind == "card" else None

    @property
    def _expired(self) -> bool:
        return self.expired(self.member.world.clock_ms)

    @property
    def _payer_document(self) -> str | None:
        return "false" if self.kind == "card" else None

    @property
    def funding(self) -> str:
        """How a card is funded."""
        return ("credit", "debit", "debit", "prepaid")[self.number % 4]

    _broken = False

    def card(self) -> tuple[str, str, int]:
        """Brand, last four digits and month of expiry as they are now."""
        return self.brand, self.last4, self.expires

    def expired(self, at: int) -> bool:
        """Whether a card has run out by then."""
        return self.kind == "card" and at // (30 * DAY) + 1970 * 12 > self.expires


class Membership:
    """A member's right to a product, paid by a plan."""

    __slots__ = (
        "cancel_at_period_end",
        "cancel_option",
        "canceled_at",
        "cancellation_reason",
        "created_at",
        "discounts_left",
        "due",
        "member",
        "next_plan",
        "number",
        "paused",
        "period_end",
        "period_start",
        "plan",
        "promo",
        "renewal",
        "spent",
        "status",
        "updated_at",
    )

    def __init__(self, member: Member, plan: Plan, status: str, created_at: int) -> None:
        self.member = member
        self.number = member.number * ROWS_PER_MEMBER + len(member.memberships)
        self.plan = plan
        # A member keeps the price of the day of purchase when the plan is edited.
        self.renewal = plan.price(created_at)
        self.next_plan: Plan | None = None
        self.promo: Promo | None = None
        self.discounts_left = 0
        self.status = status
        self.created_at = created_at
        self.updated_at = created_at
        self.period_start: int | None = None
        self.period_end: int | None = None
        # When the next charge falls due: null while a charge is open, paused or not coming.
        self.due: int | None = None
        self.paused = False
        self.cancel_at_period_end = False
        self.canceled_at: int | None = None
        self.cancel_option: str | None = None
        self.cancellation_reason: str | None = None
        self.spent = 0

    @property
    def id(self) -> str:
        """The membership's id."""
        return self.member.world.ids["memberships"].encode(self.number)

    @property
    def user_id(self) -> str | None:
        """Whose it is; None when the user has deleted their account."""
        return self.member.user_id

    @property
    def member_id(self) -> str:
        """Id of its member."""
        return self.member.id

    @property
    def buckets(self) -> tuple[str, ...]:
        """What Current's `status` filter takes it for."""
        return buckets(
            self.status,
            self.cancel_at_period_end,
            self.paused,
            self.plan.recurring,
            self.period_end is not None,
            self.user_id is not None,
        )

    @property
    def plan_id(self) -> str:
        """Id of its plan."""
        return self.member.world.ids["plans"].encode(self.plan.number)

    @property
    def product_id(self) -> str:
        """Id of its product."""
        return self.member.world.ids["products"].encode(self.plan.product.number)

    @property
    def promo_code_id(self) -> str | None:
        """The promo code in force."""
        if self.promo is None:
            return None
        return self.member.world.ids["promo_codes"].encode(self.promo.number)

    @property
    def joined_at(self) -> int:
        """When the member joined the company."""
        return self.member.created_at

    @property
    def total_spend(self) -> float:
        """In US dollars."""
        return self.spent / 100


def buckets(
    status: str, canceling: bool, paused: bool, renews: bool, ends: bool, claimed: bool
) -> tuple[str, ...]:
    """What Current's list of memberships files one under: its status, and what is derived.

    Those set to cancel at period end are in none of active, trialing and past_due.
    """
    canceling = canceling or status == "canceling"
    live = status in ("active", "trialing", "past_due", "canceling")
    found = ["canceling" if live and canceling else status]
    if paused:
        found.append("paused")
    if not renews and status == "completed":
        found.append("expiring" if ends else "one_time")
    if not claimed:
        found.append("unclaimed")
    return tuple(found)


class Payment:
    """A charge or the attempt of one; amounts in minor units of its currency."""

    __slots__ = (
        "card",
        "created_at",
        "currency",
        "dispute_alerted_at",
        "failed",
        "failure",
        "guest",
        "last_attempt",
        "member",
        "membership",
        "method",
        "next_attempt",
        "number",
        "paid_at",
        "plan",
        "promo",
        "prorated",
        "reason",
        "refunds",
        "status",
        "steps",
        "substatus",
        "subtotal",
        "tax",
        "total",
        "updated_at",
    )

    def __init__(
        self,
        member: Member,
        membership: Membership | None,
        method: Method | None,
        reason: str,
        currency: str,
        subtotal: int,
        total: int,
        tax: int | None,
        created_at: int,
    ) -> None:
        self.member = member
        self.number = member.number * ROWS_PER_MEMBER + len(member.payments)
        self.membership = membership
        self.plan = None if membership is None else membership.plan
        self.method = method
        # A receipt keeps the card it was charged to, whatever becomes of the card.
        self.card = method.card() if method is not None and method.kind == "card" else None
        self.reason = reason
        self.currency = currency
        self.subtotal = subtotal
        self.total = total
        self.tax = tax
        self.promo: Promo | None = None
        self.created_at = created_at
        self.updated_at = created_at
        self.paid_at: int | None = None
        self.status = "open"
        self.substatus = "pending"
        self.failed = 0
        self.failure: str | None = None
        self.last_attempt: int | None = created_at
        self.next_attempt: int | None = None
        self.refunds: tuple[tuple[int, int], ...] = ()
        self.dispute_alerted_at: int | None = None
        # When a dispute or a resolution case came how far: the ledger wants the dates.
        self.steps: tuple[tuple[int, str], ...] = ()
        self.guest = False
        # Only the difference to a dearer plan: the period it cuts into goes on.
        self.prorated = False

    @property
    def id(self) -> str:
        """The payment's id."""
        return self.member.world.ids["payments"].encode(self.number)

    @property
    def membership_id(self) -> str | None:
        """Id of the membership it pays for."""
        return None if self.membership is None else self.membership.id

    @property
    def member_id(self) -> str | None:
        """Id of the member who pays; None for somebody who is none."""
        return None if self.guest else self.member.id

    @property
    def user_id(self) -> str | None:
        """Who pays; None for a guest or a deleted account."""
        return None if self.guest else self.member.user_id

    @property
    def settled_in(self) -> str:
        """The currency it is paid out in."""
        return settled_in(self.currency, mix(self.member.world.key, self.number))

    @property
    def paid_or_created_at(self) -> int:
        """When it was paid, or made where it was not."""
        return self.created_at if self.paid_at is None else self.paid_at

    @property
    def usd(self) -> int:
        """The total in US cents, at the rate of the day it was created."""
        return usd_cents(self.total, self.currency, self.created_at)

    @property
    def refunded(self) -> int:
        """What was given back so far."""
        return sum(amount for _, amount in self.refunds)

    @property
    def final_amount(self) -> float:
        """The total in major units."""
        return self.total / scale_of(self.currency)

    @property
    def is_free(self) -> bool:
        """Zero-amount payments are left out of the list unless asked for."""
        return self.total == 0

    @property
    def plan_id(self) -> str | None:
        """Id of its plan."""
        return (
            None if self.plan is None else self.member.world.ids["plans"].encode(self.plan.number)
        )

    @property
    def product_id(self) -> str | None:
        """Id of its product."""
        if self.plan is None:
            return None
        return self.member.world.ids["products"].encode(self.plan.product.number)

    @property
    def checkout_configuration_id(self) -> str | None:
        """Some first payments come from a checkout link of the seller's own."""
        bits = mix(self.member.world.key, self.number)
        if self.reason in ("subscription_create", "one_time") and bits % 9 == 0:
            return self.member.world.ids["checkouts"].encode(bits % 5)
        return None

    @property
    def search_public(self) -> str:
        """What a search looks through without the right to read e-mail addresses."""
        if self.guest or self.member.deleted:
            return ""
        membership = "" if self.membership is None else self.membership.id.lower()
        user = (self.member.user_id or "").lower()
        return f"{self.member.search_public}\n{user}\n{membership}"

    @property
    def search(self) -> str:
        """What a search looks through."""
        if self.guest or self.member.deleted:
            return ""
        return f"{self.search_public}\n{person(self.member.world.key, self.member.number).email}"


def live(world: World, number: int, joined_at: int, until: int) -> Member:
    """The member as they stand at `until`."""
    life = _Life(world, number, joined_at)
    agenda = life.agenda
    while agenda and agenda[0][0] <= until:
        at, _, event, details = heappop(agenda)
        event(at, *details)
    life.member.next_at = agenda[0][0] if agenda else None
    return life.member


class _Life:
    """The events of one life. Chances are drawn in the order of events, never of the clock."""

    def __init__(self, world: World, number: int, joined_at: int) -> None:
        self.dice = random.Random(mix(world.key, number))
        self.roll = self.dice.random
        # What few do is drawn apart, so that the lives of the others stay as they are.
        self.rare = random.Random(mix(world.key ^ 0x5EED, number)).random
        self.member = Member(world, number, joined_at)
        self.catalogue = world.catalogue
        self.country = country_of(world.key, number)
        self.agenda: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self.planned = 0
        self.trialed = False
        self.amounts: dict[tuple[Plan, int, Promo | None], tuple[int, int, int | None]] = {}
        self.later(joined_at, self.join)

    def later(self, at: float, event: Callable[..., None], *details: Any) -> None:
        self.planned += 1
        heappush(self.agenda, (int(at), self.planned, event, details))

    def days(self, low: float, high: float) -> float:
        return (low + (high - low) * self.roll()) * DAY

    def touch(self, at: int, action: str) -> None:
        member = self.member
        member.action = action
        member.action_at = at
        member.updated_at = at

    # Joining and buying

    def join(self, at: int) -> None:
        roll = self.roll()
        if roll < 0.012:
            self.later(at + self.dice.expovariate(1 / 500) * DAY, self.delete_account)
        self.add_method(at)
        if self.roll() < 0.02:
            self.later(at + self.days(0, 300), self.manual_payment)
        if self.roll() < 0.008:
            self.draft(at)
        else:
            self.buy(at)
        if self.roll() < 0.2:
            self.later(at + self.days(1, 300), self.buy_once)

    def add_method(self, at: int) -> None:
        roll = self.roll()
        kind = "card"
        if roll > 0.72:
            local = {
                "US": ("us_bank_account", "cashapp", "apple_pay"),
                "DE": ("sepa_debit", "sepa_debit", "paypal"),
                "NL": ("ideal", "ideal", "sepa_debit"),
                "FR": ("sepa_debit", "paypal", "link"),
                "PL": ("blik", "paypal", "crypto"),
            }.get(self.country.code, ("paypal", "google_pay", "crypto"))
            kind = local[int((roll - 0.72) / 0.28 * 3) % 3]
        method = Method(self.member, kind, at, self.dice.getrandbits(40))
        self.member.methods.append(method)
        if kind == "card" and self.roll() < 0.6:
            expiry = (method.expires - 1970 * 12) * 30 * DAY
            self.later(max(at + DAY, expiry - self.days(5, 40)), self.renew_card, method)

    def renew_card(self, at: int, method: Method) -> None:
        """The bank sent a new card, and the network told Whop."""
        if not method.removed:
            method.expires += 36
            if self.roll() < 0.3:
                method.last4 = f"{int(self.roll() * 10_000):04}"
            self.later(at + self.days(900, 1080), self.renew_card, method)

    def method(self) -> Method | None:
        """The newest one that is still there."""
        for method in reversed(self.member.methods):
            if not method.removed:
                return method
        return None

    def pick(self, at: int, recurring: bool | None = None) -> Plan | None:
        mark = self.rare()
        for plan in self.catalogue.plans:
            mark -= plan.chance
            if mark < 0 and recurring is None and plan.on_sale(at):
                return plan
        offered = []
        total = 0.0
        for plan in self.catalogue.plans:
            if not plan.on_sale(at) or (recurring is not None and plan.recurring is not recurring):
                continue
            if plan.chance:
                continue
            # People buy in their own currency or in dollars.
            if plan.currency == self.country.currency:
                weight = plan.weight * (1.0 if plan.currency == "usd" else 6.0)
            elif plan.currency == "usd":
                weight = plan.weight
            else:
                continue
            total += weight
            offered.append((total, plan))
        mark = self.roll() * total
        for limit, plan in offered:
            if mark < limit:
                return plan
        return None

    def pick_promo(self, at: int, plan: Plan) -> Promo | None:
        if self.roll() > 0.22:
            return None
        usable = [promo for promo in self.catalogue.promos if promo.usable(at, plan)]
        mark = self.roll() * sum(promo.weight for promo in usable)
        for promo in usable:
            mark -= promo.weight
            if mark < 0:
                return promo
        return None

    def buy_once(self, at: int) -> None:
        plan = self.pick(at, recurring=False)
        if plan is not None:
            self.buy(at, plan)

    def buy(self, at: int, plan: Plan | None = None) -> None:
        plan = plan or self.pick(at)
        member = self.member
        if plan is None or member.deleted:
            return
        member.status = "joined"
        membership = Membership(member, plan, "active", at)
        member.memberships.append(membership)
        free = plan.renewal == 0 and plan.initial == 0
        if not free:
            membership.promo = self.pick_promo(at, plan)
            membership.discounts_left = membership.promo.charges if membership.promo else 0
        if not plan.recurring:
            membership.status = "completed"
            self.charge(at, membership, "one_time", plan.initial)
            if plan.expiration_days is not None:
                self.later(at + plan.expiration_days * DAY, self.expire, membership)
            if free:
                self.touch(at, "joined")
        elif plan.trial_days is not None and not self.trialed:
            self.trialed = True
            membership.status = "trialing"
            receipt = self.receipt(at, membership, "subscription_create", plan.initial)
            if receipt.total:
                self.collect(at, receipt, opens_period=False)
            else:
                receipt.status, receipt.substatus, receipt.paid_at = "paid", "succeeded", at
            self.touch(at, "trialing")
            end = at + plan.trial_days * DAY
            membership.period_start, membership.period_end, membership.due = at, end, end
            if self.roll() < 0.33:
                self.later(at + (end - at) * (0.05 + 0.9 * self.roll()), self.cancel, membership)
            self.later(end, self.renew, membership)
        else:
            price = membership.renewal + plan.initial
            self.charge(at, membership, "subscription_create", price)

    def draft(self, at: int) -> None:
        """An invoice the seller prepared: paid some days later, or never."""
        plan = self.pick(at, recurring=False)
        if plan is None:
            return
        membership = Membership(self.member, plan, "drafted", at)
        self.member.memberships.append(membership)
        self.member.status = "drafted"
        self.touch(at, "drafted")
        receipt = self.receipt(at, membership, "manual", plan.initial)
        receipt.status, receipt.substatus, receipt.last_attempt = "draft", "drafted", None
        if self.roll() < 0.6:
            self.later(at + self.days(1, 12), self.pay_draft, receipt, membership)

    def pay_draft(self, at: int, receipt: Payment, membership: Membership) -> None:
        if receipt.status == "draft":
            self.member.status = "joined"
            membership.status = "completed"
            membership.updated_at = at
            self.collect(at, receipt)

    def manual_payment(self, at: int) -> None:
        """Money asked for outside any plan; some payers have no account at the company."""
        currency = "eth" if self.roll() < 0.15 else "usd"
        total = int(20 + self.roll() * 480) * 100
        receipt = Payment(
            self.member, None, self.method(), "manual", currency, total, total, None, at
        )
        receipt.guest = self.roll() < 0.4
        self.member.payments.append(receipt)
        self.collect(at, receipt)

    # Charging

    def receipt(self, at: int, membership: Membership, reason: str, price: int) -> Payment:
        plan = membership.plan
        promo = membership.promo if membership.discounts_left > 0 else None
        key = (plan, price, promo)
        amounts = self.amounts.get(key)
        if amounts is None:
            amounts = self.amounts[key] = _amounts(plan, price, promo, self.country.tax_rate)
        subtotal, total, tax = amounts
        method = self.method() if total else None
        receipt = Payment(
            self.member, membership, method, reason, plan.currency, subtotal, total, tax, at
        )
        if promo is not None and price:
            receipt.promo = promo
            membership.discounts_left -= 1
            if membership.discounts_left == 0:
                membership.promo = None
        self.member.payments.append(receipt)
        return receipt

    def charge(
        self, at: int, membership: Membership, reason: str, price: int, *, prorated: bool = False
    ) -> None:
        receipt = self.receipt(at, membership, reason, price)
        receipt.prorated = prorated
        if receipt.total == 0:
            self.collect(at, receipt)
            return
        method = receipt.method
        first = reason in ("subscription_create", "one_time")
        if method is None:
            self.miss(at, receipt, "No payment method on file.", hard=True)
        elif method.kind in ("us_bank_account", "sepa_debit"):
            # Debits take days to settle; access is given meanwhile.
            receipt.status, receipt.substatus = "pending", "pending"
            if not prorated:
                self.open_period(at, membership, at)
            self.touch(at, "paid_subscriber" if first else "renewing")
            self.later(at + self.days(2.5, 5), self.settle, receipt)
        elif method.expired(at) and self.roll() < 0.75:
            self.miss(at, receipt, _EXPIRED, hard=True)
        elif self.roll() < (0.025 if first else 0.12 if membership.status == "trialing" else 0.065):
            hard = self.roll() < 0.3
            texts = _HARD_FAILURES if hard else _SOFT_FAILURES
            self.miss(at, receipt, texts[self.roll() < 0.5], hard=hard)
        else:
            self.collect(at, receipt)

    def settle(self, at: int, receipt: Payment) -> None:
        if receipt.status != "pending":
            return
        if self.roll() < 0.95:
            self.collect(at, receipt, opens_period=False)
        else:
            self.miss(at, receipt, "The bank returned the debit.", hard=False)

    def collect(self, at: int, receipt: Payment, opens_period: bool = True) -> None:
        member = self.member
        receipt.status, receipt.substatus, receipt.paid_at = "paid", "succeeded", at
        receipt.updated_at = at
        receipt.next_attempt = None
        if receipt.failed:
            receipt.last_attempt = at
        usd = receipt.usd
        if not receipt.guest:
            member.spent += usd
            member.updated_at = at
        membership = receipt.membership
        if membership is None:
            if not receipt.guest:
                self.touch(at, "paid_once")
        else:
            membership.spent += usd
            if not membership.plan.recurring:
                if membership.status == "past_due":
                    membership.status = "completed"
                    membership.updated_at = at
                if usd:
                    self.touch(at, "paid_once")
            elif opens_period:
                first = receipt.reason == "subscription_create"
                if not receipt.prorated:
                    self.open_period(at, membership, receipt.created_at)
                elif membership.due is None and membership.period_start is not None:
                    # The charge had failed first: the period goes on where it was.
                    self.open_period(at, membership, membership.period_start)
                self.touch(at, "paid_subscriber" if first else "renewing")
        if receipt.total:
            self.regret(at, receipt)

    def regret(self, at: int, receipt: Payment) -> None:
        """Whether this payment will be refunded, disputed or taken to the resolution centre."""
        roll = self.roll()
        if roll < 0.028:
            self.later(at + self.days(0.1, 45) * self.roll(), self.refund, receipt)
        elif roll < 0.034:
            self.later(at + self.days(5, 60), self.dispute, receipt)
        elif roll < 0.0365:
            self.later(at + self.days(1, 25), self.resolve, receipt)
        elif roll < 0.0375:
            self.later(at + self.days(0.02, 1), self.auto_refund, receipt)

    def open_period(self, at: int, membership: Membership, anchor: int) -> None:
        """A charge was accepted: the period it pays for begins, and what happens in it is drawn."""
        if membership.status not in ("canceling", "canceled"):
            membership.status = "active"
        membership.updated_at = at
        days = membership.plan.days
        if days is None:
            membership.status = "completed"
            return
        if membership.plan.instalments and self.instalments_paid(membership):
            membership.status, membership.due = "completed", None
            return
        end = anchor + days * DAY
        if end <= at:  # collected so late that the period is over already
            anchor, end = at, at + days * DAY
        membership.period_start, membership.period_end, membership.due = anchor, end, end
        self.later(end, self.renew, membership)
        months = days / 30.4375
        left = end - at
        roll = self.roll()
        tenure = (at - membership.created_at) / (150 * DAY)
        leave = 1 - (1 - (0.047 if tenure < 1 else 0.027)) ** months
        move = min(0.03 * months, 0.06)
        if roll < leave:
            self.later(at + left * (0.02 + 0.95 * self.roll()), self.cancel, membership)
        elif roll < leave + move:
            moment = at + left * (0.05 + 0.9 * self.roll())
            chance = self.roll()
            if chance < 0.4:
                self.later(moment, self.upgrade, membership)
            elif chance < 0.65:
                self.later(moment, self.downgrade, membership)
            elif chance < 0.9:
                self.later(moment, self.pause, membership)
            else:
                self.later(moment, self.swap_method)
        elif self.rare() < 0.006 * months:
            moment = at + left * (0.05 + 0.9 * self.rare())
            self.later(moment, self.settle_down if self.rare() < 0.5 else self.be_given, membership)

    def instalments_paid(self, membership: Membership) -> bool:
        charged = (each for each in self.member.payments if each.membership is membership)
        paid = sum(each.status in ("paid", "pending") for each in charged)
        return paid >= (membership.plan.instalments or 0)

    def settle_down(self, at: int, membership: Membership) -> None:
        """Buy for ever what was paid by the month, on the same membership."""
        plan = self.catalogue.lifetime
        if (
            plan is None
            or not plan.on_sale(at)
            or membership.status != "active"
            or membership.due is None
            or membership.plan.currency != plan.currency
        ):
            return
        membership.plan, membership.next_plan, membership.due = plan, None, None
        membership.status = "completed"
        membership.updated_at = at
        self.charge(at, membership, "one_time", plan.initial)

    def be_given(self, at: int, membership: Membership) -> None:
        """The seller makes the membership free from the next renewal on."""
        if membership.status == "active" and self.catalogue.gift is not None:
            membership.promo = self.catalogue.gift
            membership.discounts_left = self.catalogue.gift.charges
            membership.updated_at = at

    def renew(self, at: int, membership: Membership) -> None:
        if membership.due != at or membership.status not in ("trialing", "active", "canceling"):
            return
        if membership.cancel_at_period_end:
            self.end(at, membership, "canceled")
            return
        if membership.next_plan is not None:
            membership.plan, membership.next_plan = membership.next_plan, None
            membership.renewal = membership.plan.price(at)
        method = self.method()
        if method is not None and method.kind == "crypto":
            # Nothing can be charged by itself: the member pays again by hand, or does not.
            membership.due = None
            membership.updated_at = at
            self.touch(at, "expiring")
            if self.roll() < 0.85:
                self.later(at + self.days(0.1, 9), self.pay_by_hand, membership)
            else:
                self.later(at + 3 * DAY, self.lapse, membership)
            return
        self.charge(at, membership, "subscription_cycle", membership.renewal)

    def pay_by_hand(self, at: int, membership: Membership) -> None:
        if membership.status in ("active", "trialing") and membership.due is None:
            receipt = self.receipt(at, membership, "subscription", membership.renewal)
            self.collect(at, receipt)

    def lapse(self, at: int, membership: Membership) -> None:
        if membership.status in ("active", "trialing") and membership.due is None:
            self.end(at, membership, "expired")

    # Failed charges

    def miss(self, at: int, receipt: Payment, text: str, hard: bool) -> None:
        membership = receipt.membership
        assert membership is not None
        receipt.status = "open"
        receipt.substatus = "past_due" if receipt.reason != "subscription_create" else "failed"
        receipt.failed += 1
        receipt.failure = text
        receipt.updated_at = receipt.last_attempt = at
        receipt.next_attempt = at + RETRY_DAYS[0] * DAY
        if membership.status in VALID:
            membership.status = "past_due"
        membership.due = None
        membership.updated_at = at
        self.touch(at, "past_due")
        self.later(receipt.next_attempt, self.retry, receipt, at, 0, hard)
        if self.roll() < (0.5 if hard else 0.2):
            self.later(at + self.dice.expovariate(1 / 6) * DAY, self.fix_method, receipt)
        if self.roll() < 0.08:
            self.later(at + self.days(0.5, 12), self.cancel, membership)

    def retry(self, at: int, receipt: Payment, since: int, attempt: int, hard: bool) -> None:
        if receipt.status != "open":
            return
        membership = receipt.membership
        assert membership is not None
        first = receipt.reason in ("subscription_create", "one_time")
        if not hard and self.roll() < (0.4 if first else 0.24):
            self.collect(at, receipt)
            return
        receipt.failed += 1
        receipt.updated_at = receipt.last_attempt = at
        attempt += 1
        if attempt < (3 if first else len(RETRY_DAYS)):
            receipt.next_attempt = since + RETRY_DAYS[attempt] * DAY
            self.later(receipt.next_attempt, self.retry, receipt, since, attempt, hard)
            return
        receipt.next_attempt = None
        roll = self.roll()
        if first or roll < 0.25:
            receipt.status, receipt.substatus, left = "void", "canceled", "expired"
        elif roll < 0.93:
            receipt.status, receipt.substatus, left = "uncollectible", "uncollectible", "canceled"
            if roll < 0.6:
                left = "expired"
        else:
            receipt.status, receipt.substatus, left = "unresolved", "unresolved", "unresolved"
        self.end(at, membership, left)

    def fix_method(self, at: int, receipt: Payment) -> None:
        """The member enters another card, and the open charge is tried at once."""
        if receipt.status != "open":
            return
        self.replace_method(at)
        method = self.member.methods[-1]
        receipt.method = method
        receipt.card = method.card() if method.kind == "card" else None
        self.collect(at, receipt)

    def swap_method(self, at: int) -> None:
        if not self.member.deleted:
            self.replace_method(at)

    def replace_method(self, at: int) -> None:
        if self.member.methods and self.roll() < 0.55:
            self.member.methods[-1].removed = True
        self.add_method(at)

    # Leaving, pausing, moving

    def cancel(self, at: int, membership: Membership) -> None:
        status = membership.status
        if status not in ("trialing", "active", "past_due") or membership.canceled_at is not None:
            return
        membership.canceled_at = membership.updated_at = at
        mark = self.roll() * 125  # one in five gives no reason
        for option, weight in _CANCEL_OPTIONS:
            mark -= weight
            if mark < 0:
                membership.cancel_option = option
                break
        if self.roll() < 0.35:
            membership.cancellation_reason = _CANCEL_TEXTS[int(self.roll() * len(_CANCEL_TEXTS))]
        self.touch(at, "canceling")
        if status == "past_due" or self.roll() < 0.22:
            if status == "active" and self.rare() < 0.4:
                self.pay_back_unused(at, membership)
            self.end(at, membership, "canceled")
            return
        if membership.due is None:
            membership.due = at if membership.period_end is None else max(at, membership.period_end)
            membership.period_end = membership.due
            self.later(membership.due, self.renew, membership)
        membership.cancel_at_period_end = True
        if membership.paused:
            membership.paused = False
        if status == "active":
            membership.status = "canceling"
        assert membership.period_end is not None
        if self.roll() < 0.12:
            moment = at + (membership.period_end - at) * self.roll()
            self.later(moment, self.uncancel, membership)

    def uncancel(self, at: int, membership: Membership) -> None:
        if membership.cancel_at_period_end and membership.status in ("trialing", "canceling"):
            if membership.status == "canceling":
                membership.status = "active"
            membership.cancel_at_period_end = False
            membership.canceled_at = None
            membership.cancel_option = membership.cancellation_reason = None
            membership.updated_at = at
            self.touch(at, "trialing" if membership.status == "trialing" else "renewing")

    def end(self, at: int, membership: Membership, status: str) -> None:
        membership.status = status
        membership.updated_at = at
        membership.due = None
        membership.paused = False
        membership.cancel_at_period_end = False
        for receipt in self.member.payments:
            if receipt.membership is membership and receipt.status == "open":
                receipt.status, receipt.substatus = "void", "canceled"
                receipt.next_attempt = None
                receipt.updated_at = at
        self.touch(at, "churned")
        roll = self.roll()
        if roll < 0.15:
            self.later(at + self.days(15, 200), self.come_back)
        elif roll < 0.3:
            self.later(at + self.days(1, 60), self.leave)

    def leave(self, at: int) -> None:
        member = self.member
        if not any(membership.status in VALID for membership in member.memberships):
            member.status = "left"
            self.touch(at, "left")

    def come_back(self, at: int) -> None:
        plan = self.pick(at, recurring=True)
        if plan is not None:
            self.buy(at, plan)

    def expire(self, at: int, membership: Membership) -> None:
        if membership.status == "completed":
            self.end(at, membership, "expired")

    def delete_account(self, at: int) -> None:
        member = self.member
        member.deleted = True
        for membership in member.memberships:
            if membership.status in PAYING:
                membership.canceled_at = membership.canceled_at or at
                self.end(at, membership, "canceled")
        for receipt in member.payments:
            if receipt.status in ("open", "pending", "draft"):
                receipt.status, receipt.substatus = "void", "canceled"
                receipt.next_attempt = None
                receipt.updated_at = at
        for method in member.methods:
            method.removed = True
        member.status = "left"
        self.touch(at, "left")
        self.agenda.clear()

    def pause(self, at: int, membership: Membership) -> None:
        if membership.status == "active" and not membership.cancel_at_period_end:
            membership.paused = True
            membership.due = None
            membership.updated_at = at
            self.touch(at, "paused")
            self.later(at + self.days(15, 75), self.resume, membership)

    def resume(self, at: int, membership: Membership) -> None:
        if not membership.paused or membership.status != "active":
            return
        membership.paused = False
        membership.updated_at = at
        assert membership.period_end is not None
        if membership.period_end > at:
            membership.due = membership.period_end
            self.later(membership.due, self.renew, membership)
            self.touch(at, "renewing")
        else:
            self.charge(at, membership, "subscription_cycle", membership.renewal)

    def upgrade(self, at: int, membership: Membership) -> None:
        target = membership.plan.upgrade
        if (
            target is None
            or not target.on_sale(at)
            or membership.status != "active"
            or membership.due is None
        ):
            return
        if self.roll() < 0.5:
            before = membership.plan
            assert before.days is not None and membership.period_end is not None
            unused = (membership.period_end - at) / (before.days * DAY)
            same_length = target.days == before.days
            price = target.price(at)
            # Whop charges the difference: of the days left, or of a whole new period.
            owed = round(price * unused if same_length else price)
            owed -= round(membership.renewal * unused)
            membership.plan, membership.renewal = target, price
            membership.updated_at = at
            self.charge(at, membership, "subscription_update", max(0, owed), prorated=same_length)
        else:
            # Bought beside the old one, which is then left to run out.
            self.trialed = True
            self.buy(at, target)
            membership.cancel_at_period_end = True
            membership.status = "canceling"
            membership.canceled_at = membership.updated_at = at
            membership.cancel_option = "switching"

    def downgrade(self, at: int, membership: Membership) -> None:
        target = membership.plan.downgrade
        if target is not None and target.on_sale(at) and membership.status == "active":
            membership.next_plan = target
            membership.updated_at = at

    # Money going back

    def give_back(self, at: int, receipt: Payment, amount: int) -> None:
        receipt.refunds = ((at, amount), *receipt.refunds)
        receipt.updated_at = at
        full = receipt.refunded >= receipt.total
        receipt.substatus = "refunded" if full else "partially_refunded"
        usd = usd_cents(amount, receipt.currency, receipt.created_at)
        if not receipt.guest:
            self.member.spent = max(0, self.member.spent - usd)
            self.member.updated_at = at
        if receipt.membership is not None:
            receipt.membership.spent = max(0, receipt.membership.spent - usd)

    def pay_back_unused(self, at: int, membership: Membership) -> None:
        """Give back what is left of the period, to who leaves at once."""
        receipt = next(
            (each for each in reversed(self.member.payments) if each.membership is membership), None
        )
        start, end = membership.period_start, membership.period_end
        if receipt is None or receipt.substatus != "succeeded" or start is None or end is None:
            return
        amount = int(receipt.total * max(0.0, end - at) / (end - start))
        if 0 < amount < receipt.total:
            self.give_back(at, receipt, amount)

    def refund(self, at: int, receipt: Payment) -> None:
        if receipt.status != "paid" or receipt.dispute_alerted_at is not None:
            return
        left = receipt.total - receipt.refunded
        if self.roll() < 0.62:
            self.give_back(at, receipt, left)
            membership = receipt.membership
            if membership is None or self.roll() > 0.65:
                return
            if membership.status == "completed":
                self.end(at, membership, "canceled")
            elif membership.status in PAYING:
                if membership.canceled_at is None:
                    membership.canceled_at = at
                    membership.cancel_option = "bad_experience" if self.roll() < 0.5 else None
                self.end(at, membership, "canceled")
        else:
            self.give_back(at, receipt, max(1, int(left * (0.15 + 0.5 * self.roll()))))
            if self.roll() < 0.12:
                self.later(at + self.days(1, 20), self.refund, receipt)

    def auto_refund(self, at: int, receipt: Payment) -> None:
        """Whop gives the money back by itself when a purchase looks like fraud."""
        if receipt.status == "paid" and not receipt.refunds:
            self.give_back(at, receipt, receipt.total)
            receipt.substatus = "auto_refunded"
            membership = receipt.membership
            if membership is not None and membership.status in VALID:
                membership.canceled_at = membership.canceled_at or at
                self.end(at, membership, "canceled")

    def dispute(self, at: int, receipt: Payment) -> None:
        if receipt.status != "paid" or receipt.refunds:
            return
        receipt.dispute_alerted_at = receipt.updated_at = at
        if self.roll() < 0.4:
            steps = ("dispute_warning", "dispute_warning_needs_response",
                     "dispute_warning_under_review", "dispute_warning_closed")  # fmt: skip
        else:
            last = "dispute_won" if self.roll() < 0.4 else "dispute_lost"
            if self.roll() < 0.1:
                last = "dispute_closed"
            steps = ("open_dispute", "dispute_needs_response", "dispute_under_review", last)
        self.step(at, receipt, steps)
        membership = receipt.membership
        if membership is not None and membership.status in PAYING and self.roll() < 0.7:
            membership.canceled_at = membership.canceled_at or at
            self.end(at, membership, "canceled")

    def resolve(self, at: int, receipt: Payment) -> None:
        if receipt.status == "paid" and not receipt.refunds and not receipt.dispute_alerted_at:
            last = "resolution_won" if self.roll() < 0.6 else "resolution_lost"
            steps = (
                "open_resolution",
                "resolution_needs_response",
                "resolution_under_review",
                last,
            )
            self.step(at, receipt, steps)

    def step(self, at: int, receipt: Payment, steps: tuple[str, ...]) -> None:
        """One stage of a dispute or a resolution case after the other."""
        if receipt.refunds:
            return
        receipt.substatus = steps[0]
        receipt.steps = (*receipt.steps, (at, steps[0]))
        receipt.updated_at = at
        if len(steps) > 1:
            self.later(at + self.days(0.5, 18), self.step, receipt, steps[1:])


def _amounts(
    plan: Plan, price: int, promo: Promo | None, tax_rate: float
) -> tuple[int, int, int | None]:
    """Subtotal before discount and tax, total, and the tax in it."""
    net = price
    if promo is not None:
        net -= price * promo.amount // 100 if promo.kind == "percentage" else promo.amount
        net = max(0, net)
    if plan.tax_type == "unspecified":
        return price, net, None
    if plan.tax_type == "exclusive":
        tax = round(net * tax_rate)
        return price, net + tax, tax
    return price, net, net - round(net / (1 + tax_rate))

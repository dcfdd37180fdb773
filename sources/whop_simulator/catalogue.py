"""What the company sells: products, plans and promo codes, and when each comes and goes."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from .units import DAY, HOUR, key_of

NEVER = 1 << 60


@dataclass(slots=True, eq=False)
class Product:
    """Something on sale, with the day it is hidden or archived if that day comes."""

    number: int
    title: str
    headline: str
    visibility: str
    created_at: int
    archived_at: int = NEVER
    access_pass_type: str = "regular"


@dataclass(slots=True, eq=False)
class Plan:
    """A price of a product; amounts in minor units of its currency."""

    number: int
    product: Product
    name: str
    currency: str
    weight: float
    created_at: int
    renewal: int = 0
    initial: int = 0
    days: int | None = None
    trial_days: int | None = None
    expiration_days: int | None = None
    visibility: str = "visible"
    archived_at: int = NEVER
    retitled_at: int = NEVER
    tax_type: str = "unspecified"
    instalments: int | None = None
    """After how many payments everything is paid; None where it goes on."""
    edited_at: int = NEVER
    """When its price was changed: who has bought before keeps the old one."""
    renewal_then: int = 0
    chance: float = 0.0
    """Of a plan that few buy: its share of all purchases, beside the others by `weight`."""
    upgrade: Plan | None = None
    downgrade: Plan | None = None

    def price(self, at: int) -> int:
        """What a period costs who buys it then."""
        return self.renewal if at < self.edited_at else self.renewal_then

    @property
    def recurring(self) -> bool:
        """Whether it charges again by itself."""
        return self.days is not None

    def on_sale(self, at: int) -> bool:
        """Whether a customer could buy it then."""
        return self.created_at <= at < self.archived_at and self.weight + self.chance > 0


@dataclass(slots=True, eq=False)
class Promo:
    """A discount; a flat amount is in US cents and applies to dollar plans only."""

    number: int
    code: str
    kind: str
    amount: int
    duration: str
    created_at: int
    expires_at: int | None = None
    archived_at: int = NEVER
    charges: int = 1
    months: int | None = None
    weight: float = 0.0
    product: Product | None = None
    plans: tuple[Plan, ...] = ()
    flags: frozenset[str] = frozenset()

    def usable(self, at: int, plan: Plan) -> bool:
        """Whether it could be applied to a purchase of that plan then."""
        end = min(self.archived_at, self.expires_at or NEVER)
        return (
            self.created_at <= at < end
            and (self.product is None or self.product is plan.product)
            and (self.kind == "percentage" or plan.currency == "usd")
        )


@dataclass(slots=True)
class Catalogue:
    """Everything on sale from the first day to well after the default clock."""

    products: list[Product] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)
    promos: list[Promo] = field(default_factory=list)
    lifetime: Plan | None = None
    """What some buy once and for all after paying for months."""
    gift: Promo | None = None
    """The code with which the seller makes somebody's membership free."""


def catalogue(seed: int, start: int, end: int) -> Catalogue:
    """The assortment of a company whose history runs from start to end, and goes on after it."""
    stock = Catalogue()
    dice = random.Random(key_of(seed, "catalogue"))

    def when(share: float, days: float = 0.0) -> int:
        moment = start + int((end - start) * share + days * DAY)
        return moment // HOUR * HOUR + dice.randrange(HOUR)

    def product(
        title: str,
        headline: str,
        created_at: int,
        visibility: str = "visible",
        archived_at: int = NEVER,
    ) -> Product:
        number = len(stock.products)
        made = Product(number, title, headline, visibility, created_at, archived_at)
        stock.products.append(made)
        return made

    def plan(
        of: Product,
        name: str,
        weight: float,
        renewal: int = 0,
        days: int | None = None,
        currency: str = "usd",
        since: int | None = None,
        initial: int = 0,
        trial_days: int | None = None,
        expiration_days: int | None = None,
        visibility: str = "visible",
        archived_at: int = NEVER,
        retitled_at: int = NEVER,
        tax_type: str = "unspecified",
        **more: object,
    ) -> Plan:
        made = Plan(
            number=len(stock.plans),
            product=of,
            name=name,
            currency=currency,
            weight=weight,
            created_at=max(of.created_at + HOUR, since or 0),
            renewal=renewal,
            initial=initial,
            days=days,
            trial_days=trial_days,
            expiration_days=expiration_days,
            visibility=visibility,
            archived_at=archived_at,
            retitled_at=retitled_at,
            tax_type=tax_type,
        )
        for field_name, value in more.items():
            setattr(made, field_name, value)
        stock.plans.append(made)
        return made

    before = when(0, -30)
    room = product("Signal Room", "Daily setups, live calls, no noise", created_at=before)
    tools = product("Pro Tools", "Screeners and alerts — in real time", created_at=before)
    course = product("Starter Course", "From zero to your first trade", created_at=before)
    free = product("Free Lounge", "Say hello 👋", created_at=before)
    club = product("Legacy Club", "The old room", created_at=before, archived_at=when(0.45, 0))
    insiders = product("Insiders", "By invitation", created_at=when(0.15), visibility="hidden")
    lab = product("Strategy Lab", "Backtests in your browser", created_at=when(1, 20))
    lab.access_pass_type = "app"

    monthly = plan(room, "Monthly", 20, 4900, 30)
    trial = plan(room, "Monthly with trial", 20, 4900, 30, trial_days=7)
    quarterly = plan(room, "Quarterly", 5, 12900, 90, retitled_at=when(1, 12))
    yearly = plan(room, "Yearly", 4, 44900, 365, since=when(0.1),
                  edited_at=when(1, 4), renewal_then=47900)  # fmt: skip
    weekly = plan(room, "Weekly", 10, 1500, 7, edited_at=when(0.6), renewal_then=1700)
    with_fee = plan(room, "Monthly with onboarding", 4, 3900, 30, initial=2900)
    euro = plan(room, "Monat", 7, 4500, 30, currency="eur", tax_type="inclusive")
    euro_year = plan(room, "Jahr", 1.5, 39900, 365, currency="eur", tax_type="exclusive")
    plan(room, "Monthly (GBP)", 5, 3900, 30, currency="gbp", tax_type="exclusive")
    plan(room, "月額", 5, 6800, 30, currency="jpy", tax_type="inclusive", trial_days=7)
    pro = plan(tools, "Pro monthly", 6, 9900, 30, tax_type="exclusive")
    plan(tools, "Pro yearly", 1.5, 95000, 365, since=when(0.2))
    pro_trial = plan(tools, "Pro with trial", 6, 9900, 30, trial_days=14, archived_at=when(1, 45))
    plan(course, "Lifetime", 3, initial=19900)
    plan(course, "One year of access", 2, initial=7900, expiration_days=365)
    plan(course, "Weekend pass", 1, initial=1900, expiration_days=3)
    plan(free, "Free", 4)
    old = plan(club, "Club", 12, 1900, 30, archived_at=when(0.45))
    plan(room, "Founders", 6, 2900, 30, archived_at=when(0.25))
    private = plan(insiders, "Insiders", 1.5, 14900, 30, visibility="hidden")
    plan(insiders, "Insiders link", 0.5, 12900, 30, visibility="quick_link", initial=5000)
    plan(lab, "Lab", 6, 2500, 30)
    plan(room, "In three parts", 0, 10000, 30, instalments=3, chance=0.02)
    plan(room, "A week for one dollar", 0, 4900, 30, initial=100, trial_days=7, chance=0.02)
    stock.lifetime = plan(room, "For ever", 0, initial=49900, chance=0.005)

    for lower, higher in (
        (monthly, pro),
        (trial, pro_trial),
        (with_fee, yearly),
        (weekly, monthly),
        (quarterly, yearly),
        (euro, euro_year),
        (old, monthly),
        (pro, private),
    ):
        lower.upgrade = higher
        higher.downgrade = higher.downgrade or lower

    def promo(code: str, kind: str, amount: int, duration: str, since: int, **more: object) -> None:
        made = Promo(len(stock.promos), code, kind, amount, duration, since)
        for name, value in more.items():
            setattr(made, name, value)
        stock.promos.append(made)

    promo("WELCOME20", "percentage", 20, "once", before, weight=8.0)
    promo("LAUNCH50", "percentage", 50, "repeating", before, charges=3, months=3, weight=5.0,
          expires_at=when(0.6))  # fmt: skip
    promo("TENOFF", "flat_amount", 1000, "forever", when(0.1), charges=NEVER, weight=4.0,
          product=room, plans=(monthly, quarterly))  # fmt: skip
    promo("BLACKFRIDAY", "percentage", 40, "once", when(0.3), archived_at=when(0.34), weight=30.0)
    promo("STAFF100", "percentage", 100, "forever", before, charges=NEVER, weight=0.3)
    stock.gift = stock.promos[-1]
    promo("COMEBACK", "percentage", 30, "once", when(0.2), weight=1.0,
          flags=frozenset({"churned_users_only", "one_per_customer"}))  # fmt: skip
    promo("SPRING", "percentage", 25, "once", when(0.7), archived_at=when(1, 9), weight=2.0)
    promo("NEXTWAVE", "percentage", 15, "once", when(1, 25), weight=6.0)
    return stock

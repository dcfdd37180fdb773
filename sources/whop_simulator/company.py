"""The company itself: its owner, its staff who come and go, and the apps it has built."""

from __future__ import annotations

import random
from dataclasses import dataclass

from .catalogue import NEVER
from .units import DAY, Ids, key_of, mix

STAFF = 1 << 40  # people who work there are numbered far beyond the customers
OWNER = STAFF

_ROLES = ("support", "moderator", "sales_manager", "app_manager", "admin", "manager", "advertiser")
_APPS = (
    ("Signal Board", "b2c_app", "live", True),
    ("Seller Desk", "b2b_app", "unlisted", False),
    ("Backtest Bot", "company_app", "live", False),
    ("Chart Widget", "component", "hidden", False),
    ("Alerts 2", "b2c_app", "live", False),
)


@dataclass(slots=True, eq=False)
class Employee:
    """One of the staff, as they are at a given clock."""

    number: int
    person: int
    role: str
    created_at: int
    user_id: str


@dataclass(slots=True, eq=False)
class App:
    """An app the company has built; how much it is used is shown only by the order of a list."""

    number: int
    name: str
    app_type: str
    status: str
    verified: bool
    created_at: int
    use: int

    @property
    def view_type(self) -> tuple[str, ...]:
        """Where the app can be opened."""
        if self.app_type == "b2b_app":
            return ("dash", "dashboard", "analytics")
        return ("hub", "discover")


def staff(key: int, start: int, until: int, users: Ids) -> list[Employee]:
    """Who works there at `until`: the owner always, the others for a while."""
    team = [Employee(0, OWNER, "owner", start, users.encode(OWNER))]
    hired, number = start, 0
    while True:
        number += 1
        dice = random.Random(mix(key, STAFF + number))
        hired += int((12 if number < 6 else 45) * DAY * (0.4 + 1.2 * dice.random()))
        if hired > until:
            return team
        leaves = hired + int((25 + dice.expovariate(1 / 260)) * DAY)
        promoted = hired + int((leaves - hired) * 0.6) if dice.random() < 0.4 else NEVER
        role = _ROLES[int(dice.random() * 5)]
        if leaves > until:
            role = role if promoted > until else "manager"
            user = STAFF + number
            team.append(Employee(number, user, role, hired, users.encode(user)))


def apps(key: int, start: int, end: int, until: int) -> list[App]:
    """The apps that exist at `until`; the last one comes a while after the end of the history."""
    found = []
    for number, (name, app_type, status, verified) in enumerate(_APPS):
        share = number / (len(_APPS) - 1)
        created = start + int((end - start) * share * 0.9) + number * DAY
        if number == len(_APPS) - 1:
            created = end + 15 * DAY
        if created <= until:
            use = mix(key_of(key, "app"), number) % 1000
            found.append(App(number, name, app_type, status, verified, created, use))
    return found

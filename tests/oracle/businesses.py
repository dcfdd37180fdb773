"""Seeded businesses as raw rows, built to hit every rule of the metric definitions.

Each business is a company of its own, so many of them fit into one dataset and one dbt run.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

from oracle.afterwards import list_refunds_and_disputes, see_memberships
from oracle.basics import Row
from oracle.business import FIRST_DAY, Business
from oracle.ledgers import keep_ledger
from oracle.outlooks import give_outlooks
from oracle.scenarios import SCENARIOS
from oracle.scenarios.payments import free_and_one_time
from oracle.scenarios.rows import chaos
from oracle.stats import chart


def business(seed: int) -> dict[str, list[Row]]:
    """The raw rows of one business: small odd ones first, then everything at random."""
    made = Business(seed)
    sell(made, seed)
    list_refunds_and_disputes(made)
    see_memberships(made)
    keep_ledger(made, seed)
    chart(made, seed)
    tables = made.finish()
    give_outlooks(tables)
    return tables


def sell(made: Business, seed: int) -> None:
    if seed == 0:  # nothing was ever sold
        return
    if seed == 1:  # one payment, ever
        made.subscribe(made.plan("30"), datetime(2024, 5, 17, 3, tzinfo=UTC), 1)
    elif seed == 2:  # a year without any movement
        made.subscribe(made.plan("365", 365), FIRST_DAY, 2)
    elif seed == 3:  # one-time sales only: no movement, but money
        free_and_one_time(made)
    elif seed < 4 + len(SCENARIOS):  # each rule alone, so that a difference points at it
        SCENARIOS[seed - 4](made)
    else:
        for _ in range(made.random.randint(1, 2)):
            made.product()
        chaos(made)
        for scenario in made.random.sample(SCENARIOS, made.random.randint(2, 4)):
            scenario(made)
        made.everyday(made.random.randint(5, 12))


def businesses(seeds: range) -> dict[str, list[Row]]:
    """Many businesses in one dataset."""
    tables: dict[str, list[Row]] = defaultdict(list)
    for seed in seeds:
        for table, rows in business(seed).items():
            tables[table] += rows
    return dict(tables)

"""What holds of every comparison with Whop, on the oracle's own numbers."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from oracle.basics import Settings
from oracle.businesses import business
from oracle.oracle import Company
from oracle.whops import RULES


def test_the_parts_make_the_difference_and_every_rule_makes_some() -> None:
    made: Counter[str] = Counter()
    for seed in range(4, 56):
        tables = business(seed)
        marts = Company.of(tables, tables["companies"][0]["company_id"], Settings()).marts()
        for row in marts["whop_comparison"]:
            parts = {name: row[f"{name}_difference"] for name in (*RULES, "unexplained")}
            apart = row["whop_value"] - row["our_value"] - sum(parts.values(), Decimal(0))
            assert abs(apart) < Decimal("1e-12")
            made.update(name for name, amount in parts.items() if amount)
    assert made.keys() == {*RULES, "unexplained"}

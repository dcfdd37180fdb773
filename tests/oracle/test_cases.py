"""Situations of other people's businesses, with the numbers that are right for them."""

from __future__ import annotations

from collections import Counter

import pytest

from oracle.cases import CASES, Case
from oracle.oracle import compute

KINDS = (
    *("plan edited today", "upgrade paid by the difference", "chargeback lost", "free since"),
    *("unpaid for months", "instalments", "decimals", "exchange rate moves", "goodwill refund"),
    *("paid trial", "whole months"),
)


def named(case: Case) -> str:
    return f"{case.kind}: {case.name}"


def test_each_kind_is_seen_from_three_sides() -> None:
    sides = Counter(case.kind for case in CASES)
    assert set(sides) == set(KINDS)
    assert min(sides.values()) >= 3
    assert len({named(case) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=named)
def test_the_oracle_is_right(case: Case) -> None:
    case.check(case.own(compute(case.dataset())))

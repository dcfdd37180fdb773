"""Situations of other people's businesses, with the numbers that are right for them.

Each is asked of the oracle, and of the models on DuckDB; that Postgres says the same is what the
comparison of many businesses is for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache

import pytest
from warehouse import duckdb_warehouse

from oracle.basics import Marts, Row, landed
from oracle.cases import CASES, Case
from oracle.comparison import KEYS, differences, read_marts
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


@cache
def of_oracle(case: Case) -> Marts:
    return compute(case.dataset())


@pytest.mark.parametrize("case", CASES, ids=named)
def test_the_oracle_is_right(case: Case) -> None:
    case.check(case.own(of_oracle(case)))


@pytest.fixture(scope="module")
def marts(tmp_path_factory: pytest.TempPathFactory) -> Marts:
    """The marts of all cases, as the models make them on DuckDB."""
    work = tmp_path_factory.mktemp("cases")
    warehouse = duckdb_warehouse(work / "whop.duckdb", work=work / "dbt")
    tables: dict[str, list[Row]] = defaultdict(list)
    for case in CASES:
        for table, rows in case.dataset().items():
            tables[table] += [landed(row) for row in rows]
    warehouse.load(tables)
    warehouse.dbt("run")
    return read_marts(warehouse)


@pytest.mark.parametrize("case", CASES, ids=named)
def test_the_models_are_right(case: Case, marts: Marts) -> None:
    case.check(case.own(marts))


@pytest.mark.parametrize("mart", KEYS)
def test_the_models_agree_with_the_oracle(mart: str, marts: Marts) -> None:
    wanted = [row for case in CASES for row in of_oracle(case)[mart]]
    assert not differences(mart, wanted, marts[mart])

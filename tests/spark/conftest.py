"""The raw tables of the oracle's businesses and cases as Parquet, and their models on Spark."""

from __future__ import annotations

from collections import defaultdict

import pytest
from oracle.basics import landed
from warehouse import Row

pytest.register_assert_rewrite("oracle.cases", "oracle.by_hand")


@pytest.fixture(scope="session")
def every_business() -> dict[str, list[Row]]:
    """The businesses that are made up, and beside them those of the cases."""
    from oracle.cases import CASES
    from oracle.test_oracle import dataset

    tables: dict[str, list[Row]] = defaultdict(list)
    for rows_of in (dataset(), *(case.dataset() for case in CASES)):
        for table, rows in rows_of.items():
            tables[table] += [landed(row) for row in rows]
    return tables

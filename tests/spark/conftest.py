"""The oracle's businesses and cases, and a server of Spark's, for all tests of a run."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from bucket_line import BucketLine
from oracle.basics import landed
from warehouse import Row

from spark.synced import synced_business
from spark.thrift_server import HOST, thrift_server
from whop_elt.spark.settings import SparkServer

os.environ["SPARK_CONF_DIR"] = str(Path(__file__).parent / "conf")
os.environ["WHOP_ELT_SPARK_MEMORY"] = "2g"

pytest.register_assert_rewrite("oracle.cases", "oracle.by_hand", "spark.sameness")


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


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkServer]:
    """A server of Spark's that keeps its own settings."""
    with thrift_server(tmp_path_factory.mktemp("server")) as port:
        yield SparkServer("thrift", HOST, port, "owner", "", "", "")


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory) -> BucketLine:
    """A business that was synced into a folder."""
    return synced_business(tmp_path_factory.mktemp("business"))

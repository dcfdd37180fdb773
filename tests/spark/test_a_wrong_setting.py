"""A Spark whose settings make numbers wrong is refused before a model is built."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from dbt.adapters.spark.connections import SparkCredentials

from spark.raw_files import write_raw
from whop_elt.errors import NothingThere, PipelineError
from whop_elt.spark.build import transform_on_spark
from whop_elt.spark.home import Home
from whop_elt.spark.session import mend_dbt_spark

ALL = bool(os.environ.get("WHOP_ELT_SPARK_ALL"))

WRONG = {
    "spark.sql.decimalOperations.allowPrecisionLoss": ("true", "false"),
    "spark.sql.ansi.enabled": ("false", "true"),
    "spark.sql.session.timeZone": ("America/New_York", "UTC"),
    "spark.sql.ansi.doubleQuotedIdentifiers": ("false", "true"),
}
"""Setting → what a server keeps of its own, and what it is to be."""


@pytest.mark.parametrize("name", WRONG if ALL else [*WRONG][:1])
def test_a_spark_that_keeps_a_setting_of_its_own_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    kept, wanted = WRONG[name]
    mend_dbt_spark()
    ours: Any = SparkCredentials.__post_init__

    def theirs(self: Any) -> None:
        ours(self)
        self.server_side_parameters[name] = kept

    theirs.theirs = ours.theirs  # type: ignore[attr-defined]  # so ours is not put over it again
    monkeypatch.setattr(SparkCredentials, "__post_init__", theirs)
    monkeypatch.chdir(tmp_path)
    write_raw(tmp_path, {"companies": [{"id": "biz_1", "company_id": "biz_1"}]})
    home = Home(tmp_path)
    with pytest.raises(PipelineError, match=rf"{name} is not {wanted} on this Spark"):
        transform_on_spark(home, left_out=["test", "unit_test"])
    with pytest.raises(NothingThere):
        home.connect()


def test_dbt_spark_still_turns_ansi_mode_off_by_itself() -> None:
    """The day it does not, `mend_dbt_spark` can go."""
    mend_dbt_spark()
    credentials = object.__new__(SparkCredentials)
    credentials.__dict__.update(
        method="session", host="here", schema="a", database=None, server_side_parameters={}
    )
    ours: Any = SparkCredentials.__post_init__
    ours.theirs(credentials)
    assert credentials.server_side_parameters["spark.sql.ansi.enabled"] == "false"

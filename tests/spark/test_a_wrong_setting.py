"""A Spark whose settings make numbers wrong is refused before a model is built."""

from __future__ import annotations

from pathlib import Path

import pytest
from dbt.adapters.spark.connections import SparkCredentials

from spark.raw_files import write_raw
from whop_elt.errors import NothingThere, PipelineError
from whop_elt.spark.build import transform_on_spark
from whop_elt.spark.home import Home


def test_a_spark_that_is_not_in_ansi_mode_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """dbt-spark's own way, in which a sum that is too large is null."""
    now = SparkCredentials.__post_init__
    monkeypatch.setattr(SparkCredentials, "__post_init__", getattr(now, "theirs", now))
    monkeypatch.setattr("whop_elt.spark.session.keep_ansi_mode", lambda: None)
    monkeypatch.chdir(tmp_path)
    write_raw(tmp_path, {"companies": [{"id": "biz_1", "company_id": "biz_1"}]})
    home = Home(tmp_path)
    with pytest.raises(PipelineError, match=r"spark\.sql\.ansi\.enabled is not true"):
        transform_on_spark(home, left_out=["test", "unit_test"])
    with pytest.raises(NothingThere):
        home.connect()

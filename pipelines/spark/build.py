"""`whop-elt transform --engine spark`: builds the models beside the old ones, then shows them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ..errors import PipelineError
from ..names import DATASET, MODELS
from ..settings.variables import model_variables
from ..transform import Progress, kept_tables, names_of, run_dbt, tell
from ..version import VERSION
from .counted import counted_raw
from .given import given_tables
from .home import Home
from .session import spark_session
from .settings import spark_memory


def transform_on_spark(
    home: Home,
    variables: str | None = None,
    progress: Progress | None = None,
    *,
    left_out: Sequence[str] = ("unit_test",),
) -> int:
    """Run `dbt build` on Spark, on the raw tables of a folder; every model, every test of its rows.

    All models are built each time: a build is a whole, and readers get it as one. Those that keep
    what earlier builds said begin with what the current build has of it.

    Args:
        home: the folder.
        variables: YAML with variables that count more than the settings under `[models]`.
        progress: told of every model and test.
        left_out: kinds of dbt's that are not run.

    Returns:
        How many models and tests were run.

    Raises:
        SettingError: Spark or Java is missing, a variable or a file of plan versions is wrong, or
            the folder is not ours.
        NothingThere: there are no raw tables, or of a folder that is synced into no load has ended.
        Locked: another process builds there.
        DataTestFailed: a test found rows it must not; the models are built and shown all the same.
        PipelineError: a model could not be built: what was shown before is what is shown.
    """
    chosen = json.dumps({**model_variables(variables), "release": VERSION})
    environment = {
        "WHOP_ELT_TARGET": "spark",
        "WHOP_ELT_SPARK_METHOD": "session",
        "WHOP_ELT_RAW_SCHEMA": DATASET,
        "WHOP_ELT_SCHEMA": MODELS,
    }
    with home.new_build() as folder:
        remembered = home.remembered(folder)
        with (
            counted_raw(home.raw, folder) as raw,
            given_tables(folder) as given,
            spark_session(raw, given, folder, remembered, memory=spark_memory()),
        ):
            outcomes = run_dbt(environment, None, chosen, progress, left_out=left_out)
        refuse_broken(outcomes)
        home.publish(folder, kept_tables(outcomes))
    tell(outcomes)
    return len(outcomes)


def refuse_broken(outcomes: Sequence[Any]) -> None:
    """Raise a PipelineError, which says what dbt says, when a model could not be built."""
    broken = [outcome for outcome in outcomes if outcome.status == "error"]
    if broken:
        raise PipelineError(f"dbt could not build {names_of(broken)}: {_says(broken[0])}")


def _says(broken: Any) -> str:
    """What dbt says of a model, without the Java below it."""
    lines = [line.strip() for line in str(broken.message).splitlines() if line.strip()]
    return " ".join(lines[:3])

"""`whop-elt transform --engine spark` on a server: the marts are tables of its metastore."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..errors import NothingThere
from ..names import MODELS, WORK_FOLDER
from ..plan_versions import COLUMNS, TABLE, read
from ..run_lock import run_lock
from ..settings import plan_versions_path
from ..settings.variables import model_variables
from ..transform import Progress, run_dbt, tell
from ..version import VERSION
from .build import refuse_broken
from .from_bucket import lay_tables
from .raw import TYPES, raw_tables
from .server import Session, connected, spelled
from .settings import SparkServer, raw_schema


def transform_on_server(
    server: SparkServer,
    variables: str | None = None,
    progress: Progress | None = None,
    *,
    of_bucket: bool = False,
    left_out: Sequence[str] = ("unit_test",),
) -> int:
    """Run `dbt build` on a server, on the raw tables of its metastore.

    Args:
        server: where it is.
        variables: YAML with variables that count more than the settings under `[models]`.
        progress: told of every model and test.
        of_bucket: the raw tables are the files of the bucket that is synced into; they are made
            known to the server first.
        left_out: kinds of dbt's that are not run.

    Returns:
        How many models and tests were run.

    Raises:
        SettingError: a setting, a variable or a file of plan versions is wrong; or the raw schema
            holds what is not ours to replace.
        NothingThere: there are no raw tables.
        Locked: another process builds from this folder.
        DataTestFailed: a test found rows it must not; the models are built all the same.
        PipelineError: the server does not answer, or a model could not be built.
    """
    chosen = json.dumps({**model_variables(variables), "release": VERSION})
    raw = raw_schema()
    with run_lock(WORK_FOLDER / "spark.lock"):
        with connected(server) as session:
            if of_bucket:
                lay_tables(session, raw)
            else:
                _look_anew(session, raw)
            _give_plan_versions(session, raw)
        outcomes = run_dbt(_environment(server, raw), None, chosen, progress, left_out=left_out)
    refuse_broken(outcomes)
    tell(outcomes)
    return len(outcomes)


def _environment(server: SparkServer, raw: str) -> dict[str, str]:
    """What dbt's profile reads."""
    return {
        "WHOP_ELT_TARGET": "spark",
        "WHOP_ELT_RAW_SCHEMA": raw,
        "WHOP_ELT_SCHEMA": MODELS,
        "WHOP_ELT_SPARK_METHOD": server.method,
        "WHOP_ELT_SPARK_HOST": server.host,
        "WHOP_ELT_SPARK_PORT": str(server.port),
        "WHOP_ELT_SPARK_USER": server.user,
        "WHOP_ELT_SPARK_PASSWORD": server.password,
        "WHOP_ELT_SPARK_CLUSTER": server.cluster,
        "WHOP_ELT_SPARK_TOKEN": server.token,
    }


def _look_anew(session: Session, raw: str) -> None:
    """Let the server look which files its raw tables have now; it remembers those it has read.

    Raises:
        NothingThere: the schema has none of our tables.
    """
    try:
        there = {str(name) for _, name, *_ in session.query(f"show tables in {raw}")}
    except NothingThere:
        there = set()
    ours = [name for name, _ in raw_tables() if name in there]
    if not ours:
        raise NothingThere(
            f"The schema {raw} of WHOP_ELT_RAW_SCHEMA has no raw tables; with --destination "
            "filesystem they are the files of the bucket that is synced into"
        )
    for table in ours:
        session.query(f"refresh table {raw}.{table}")


def _give_plan_versions(session: Session, raw: str) -> None:
    """Lay what a file says of plans beside the raw tables; without one, what is there stays."""
    path = plan_versions_path()
    if path is None:
        return
    types = {column.name: TYPES.get(column.type, column.type) for column in COLUMNS}
    columns = ", ".join(f"{name} {kind}" for name, kind in types.items())
    rows = [
        "select "
        + ", ".join(f"cast({spelled(row[name])} as {kind})" for name, kind in types.items())
        for row in read(path)
    ]
    session.query(f"create table if not exists {raw}.{TABLE} ({columns})")
    session.query(f"truncate table {raw}.{TABLE}")
    if rows:
        session.query(f"insert into {raw}.{TABLE} {' union all '.join(rows)}")

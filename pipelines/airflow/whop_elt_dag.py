"""Whop, from the API to the models, on Airflow 3: check → sync → transform → report.

On Postgres every company of SOURCES__WHOP__COMPANY_IDS is a mapped task of its own, on whichever
worker is free; on other destinations one task syncs them all. Settings come from the environment,
from the Variable `whop_elt`, and from the Connections `whop` and `whop_warehouse`; what is named
later here counts more. Nothing is looked up when this file is parsed. docs/operate.md has the rest.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, chdir, contextmanager
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Connection, TriggerRule, Variable, dag, get_current_context, task
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException


@dag(
    schedule=os.environ.get("WHOP_ELT_SCHEDULE", "@hourly"),
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    # A sync brings everything since the last one: there is nothing to catch up on.
    catchup=False,
    max_active_runs=1,
    # Named, as mapped tasks of Airflow 3.3 wait for 300 seconds whatever its configuration says.
    default_args={"retries": 3, "retry_delay": conf.getint("core", "default_task_retry_delay")},
    tags=["whop"],
    doc_md=__doc__,
)
def whop_elt() -> None:
    """The tasks, and what follows what."""

    @task
    def check() -> list[str | None]:
        """Ask whether settings, companies and warehouse are there; name what to sync."""
        from whop_elt.check import check as findings
        from whop_elt.errors import ExitCode, PipelineError, SettingError
        from whop_elt.log import event
        from whop_elt.run import companies_to_sync

        with _worker() as (destination, folder), _watching() as watch:
            with watch.step("check"):
                good = 0
                for finding in findings(destination, tables=False):
                    event(f"{'ok' if finding.ok else 'no'}: {finding.what}: {finding.says}")
                    if finding.what == "destination":
                        if not finding.ok:
                            wrong = finding.exit_code is ExitCode.SETTING
                            raise (SettingError if wrong else PipelineError)(finding.says)
                        if finding.says.startswith(folder):
                            raise SettingError(
                                "Set DESTINATION__DUCKDB__CREDENTIALS to an absolute path: a "
                                "task's folder goes with the task"
                            )
                    elif finding.what == "company":
                        # It is there, or the key may not ask for it and may for its tables.
                        good += 1
                    elif not finding.ok:
                        problem = finding
                if not good:
                    wrong = problem.exit_code is ExitCode.SETTING
                    raise (SettingError if wrong else PipelineError)(problem.says)
            # One company that cannot be read fails its own task; the others are synced.
            return companies_to_sync(destination)

    @task(map_index_template="{{ company }}")
    def sync(company_id: str | None) -> dict[str, Any]:
        """Load what is new, changed or gone; fail when a table could not be read."""
        from whop_elt.errors import ExitCode, PipelineError, SettingError
        from whop_elt.run import opened
        from whop_elt.run import sync as pipeline_sync
        from whop_source import RunReport

        get_current_context()["company"] = company_id or "all"
        report = RunReport()
        with _worker() as (name, _), _watching(report.run_id, company_id) as watch:
            with opened(watch, name, company_id) as destination:
                with watch.step("sync"):
                    code = pipeline_sync(destination, report)
                watch.synced(report)
            unread = {
                f"{table.company_id} {table.table}": table.error or table.status
                for table in report.tables
                if table.status != "ok"
            } | report.unread
            if code in (ExitCode.FAILED, ExitCode.SETTING):
                error = SettingError if code is ExitCode.SETTING else PipelineError
                raise error("; ".join(f"{what}: {why}" for what, why in unread.items()))
        return {
            "run_id": report.run_id,
            "rows": sum(
                table.rows_new + table.rows_changed + table.rows_deleted for table in report.tables
            ),
            "not_loaded": unread,
        }

    @task(trigger_rule=TriggerRule.ALL_DONE_MIN_ONE_SUCCESS)
    def transform() -> int:
        """Build and test the models over what could be loaded; post the digest if it is due."""
        from functools import partial

        from whop_elt.alerts import post_digest, tell_age, tell_restated
        from whop_elt.bucket_models import models_home
        from whop_elt.run import brief, opened
        from whop_elt.transform import transform as build

        with (
            _worker() as (name, _),
            _watching() as watch,
            opened(watch, name) as destination,
            ExitStack() as stack,
        ):
            with watch.step("models"):
                # Of a bucket in a file, which goes with the task: what it remembers is published.
                home = stack.enter_context(models_home(destination))
                count = build(home)
            watch.transformed()
            tell_restated(watch, home)
            runs = [synced["run_id"] for synced in _synced().values() if synced]
            post_digest(home, runs, partial(brief, home))
            tell_age(watch, destination)
        return count

    @task
    def report() -> None:
        """Write the report, log the last month; fail when something is missing in them."""
        from rich.console import Console

        from whop_elt.errors import SettingError
        from whop_elt.reading import open_reader
        from whop_elt.run import report_to
        from whop_elt.settings import report_path
        from whop_elt.summary import show_summary

        with _worker() as (name, _):
            page = report_path()
            if page and not page.is_absolute():
                raise SettingError(
                    "Set WHOP_ELT_REPORT to an absolute path: a task's folder goes with the task"
                )
            with open_reader(name, raw=True) as warehouse:
                if page:
                    report_to(warehouse, page)
                show_summary(warehouse, Console(width=120, emoji=False))
        missing: dict[str, str] = {}
        for company_id, synced in _synced().items():
            if synced is None:
                missing[company_id or "all companies"] = "the sync failed"
            else:
                missing |= synced["not_loaded"]
        if missing:
            raise AirflowFailException(
                "Loaded and modelled, without "
                + "; ".join(f"{what}: {why}" for what, why in missing.items())
            )

    sync.expand(company_id=check()) >> transform() >> report()


@contextmanager
def _worker() -> Iterator[tuple[str, str]]:
    """A task's surroundings: Airflow's settings in the environment, and an empty folder to work in.

    Yields:
        The destination's name, and the folder, which goes with the task.

    Raises:
        AirflowFailException: what failed would fail again: a setting, or a test of the data. Any
            other error, another run's lock among them, Airflow tries again: no row comes twice.
    """
    from whop_elt.errors import DataTestFailed, SettingError
    from whop_elt.process import private_files
    from whop_elt.settings import destination_name

    settings = _settings()
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="whop-elt-") as folder, chdir(folder):
        os.environ.update(settings)
        try:
            with private_files():
                yield destination_name(), folder
        except (SettingError, DataTestFailed) as error:
            raise AirflowFailException(str(error)) from error
        finally:
            os.environ.clear()
            os.environ.update(before)


def _synced() -> dict[str | None, dict[str, Any] | None]:
    """What the sync of each company left; None where it failed."""
    ti = get_current_context()["ti"]
    return {
        company_id: ti.xcom_pull(task_ids="sync", map_indexes=number)
        for number, company_id in enumerate(ti.xcom_pull(task_ids="check"))
    }


@contextmanager
def _watching(run_id: str | None = None, company_id: str | None = None) -> Iterator[Any]:
    """Alerts of a task; of one that Airflow will try again, no failure is told yet."""
    from whop_elt.alerts import watching

    ti = get_current_context()["ti"]
    last_try = ti.try_number > ti.max_tries
    with watching(run_id or ti.run_id, company_id, last_try=last_try) as watch:
        yield watch


def _settings() -> dict[str, str]:
    """Settings from Airflow's Variable and Connections, as the environment would have them."""
    settings = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in Variable.get("whop_elt", default={}, deserialize_json=True).items()
    }
    whop = _connection("whop")
    if whop is not None:
        fields = {"api_key": whop.password, "base_url": whop.host, **whop.extra_dejson}
        settings |= _named("SOURCES__WHOP", fields)
    warehouse = _connection("whop_warehouse")
    if warehouse is not None:
        # Airflow calls the scheme postgres, which dlt does not know.
        address = warehouse.get_uri().replace("postgres://", "postgresql://", 1)
        settings |= {
            "WHOP_ELT_DESTINATION": "postgres",
            "DESTINATION__POSTGRES__CREDENTIALS": address,
        }
    return settings


def _named(section: str, fields: Mapping[str, Any]) -> dict[str, str]:
    return {
        f"{section}__{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in fields.items()
        if value not in (None, "")
    }


def _connection(name: str) -> Connection | None:
    try:
        return Connection.get(name)
    except AirflowNotFoundException:
        return None


whop_elt()

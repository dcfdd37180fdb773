"""Posts the report's brief edition as text, when the setting says so."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from ..causes import first_line
from ..destination import DATASET
from ..errors import NothingThere
from ..log import event
from ..reading import Warehouse
from ..settings import alert_urls, digest
from .webhook import send


def post_digest(
    warehouse: Warehouse,
    run_ids: Sequence[str],
    text: Callable[[], str],
    now: datetime | None = None,
) -> bool:
    """Post what a run has to say to the webhooks of the alerts, each run or each week.

    Nothing of this makes a run fail: what cannot be posted is logged.

    Args:
        warehouse: where the runs are noted.
        run_ids: this run, which has built the models; in Airflow, that of each company.
        text: makes the text; only called when it is to be posted.
        now: the time, UTC.

    Returns:
        Whether anybody was told.
    """
    try:
        when, urls = digest(), alert_urls()
        if when is None:
            return False
        if not urls:
            event("ALERTS__DIGEST is set, and ALERTS__URLS is not: nobody to tell", logging.WARNING)
            return False
        if when == "weekly" and not is_first_of_week(warehouse, run_ids, now or datetime.now(UTC)):
            return False
        told = send(urls, text(), "a digest")
    except Exception as error:
        event(f"The digest was not posted: {first_line(error)}", logging.WARNING)
        return False
    if told:
        event("The digest is posted")
    return told > 0


def is_first_of_week(warehouse: Warehouse, run_ids: Sequence[str], now: datetime) -> bool:
    """Whether no run but these has read anything since Monday began, in UTC."""
    monday = (now - timedelta(days=now.weekday())).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    try:
        _, rows = warehouse.query(
            f"select distinct run_id from {DATASET}.sync_runs "
            "where status = 'ok' and started_at >= %s and started_at <= %s",
            monday,
            now,
        )
    except NothingThere:
        return True
    return {run_id for (run_id,) in rows} <= set(run_ids)

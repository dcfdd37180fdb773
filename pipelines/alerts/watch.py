"""Notes what a run finds, and tells when it ends."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from whop_source import RunReport
from whop_source.resources import BY_NAME

from ..causes import first_line
from ..destination import Destination
from ..errors import DataTestFailed, Locked, PipelineError, SettingError
from ..log import event
from ..names import MARTS
from ..restated import Restated, restated
from ..settings import (
    alert_max_age_hours,
    alert_restated_share,
    alert_urls,
    company_ids,
    tables,
)
from ..status import NOT_TO_BE_READ, read_status
from .incident import Incident, Key, Kind
from .message import message
from .store import Store
from .webhook import send


class Watch:
    """Notes what a run finds, and tells when it ends.

    Args:
        run_id: of the run; None when a run only looks.
        company_id: the company it is for; None is all of them.
        last_try: False when whoever started the run will try again by itself, so that a failure may
            mend itself and is not told yet.
    """

    def __init__(
        self, run_id: str | None, company_id: str | None = None, *, last_try: bool = True
    ) -> None:
        self.destination: Destination | None = None
        """The warehouse, once it is open."""
        self._run_id = run_id
        self._company_id = company_id
        self._last_try = last_try
        self._found: dict[Key, Incident] = {}
        self._fine: set[Key] = set()
        self._tests_ran = False
        self._restatements_read = False
        self._noted: BaseException | None = None

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Note whether the block, a step of this name, goes well."""
        subject = f"{name} of {self._company_id}" if self._company_id else name
        try:
            yield
        except DataTestFailed as error:
            # The step itself has done what it is for.
            self._fine.add(("failed", subject))
            self._failed(subject, error)
            raise
        except BaseException as error:
            self._failed(subject, error)
            raise
        self._fine.add(("failed", subject))

    def synced(self, report: RunReport) -> None:
        """A sync has ended: what of it failed, and what did not."""
        # A key's own company has no other name until it was read.
        self._fine.add(("failed", "me"))
        for company_id, reason in report.unread.items():
            self._note("failed", company_id, reason)
        for table in report.tables:
            if table.company_id in report.unread:
                continue
            subject = f"{table.company_id} {table.table}"
            self._fine |= {
                ("failed", table.company_id),
                ("failed", subject),
                ("forbidden", subject),
                ("not_available", subject),
                ("unreadable", subject),
            }
            if table.unreadable:
                self._note("unreadable", subject, table.unreadable_values or "")
            if table.status != "ok":
                self._note(table.status, subject, table.error or "")

    def transformed(self) -> None:
        """Every model was built, and every test of them ran."""
        self._tests_ran = True

    def aged(self, status: dict[str, Any], max_age_hours: float) -> None:
        """Note the tables of `read_status` that are older than that many hours."""
        for table in status["tables"]:
            subject = f"{table['company_id']} {table['table']}"
            age = table["age_hours"]
            if table["status"] in NOT_TO_BE_READ or (age is not None and age <= max_age_hours):
                self._fine.add(("stale", subject))
                continue
            text = (
                "never read" if age is None else f"{age:.1f} hours old; {max_age_hours:g} allowed"
            )
            self._note("stale", subject, text, table["good_at"])

    def restated(self, moved: Iterable[Restated], company_id: str, share: Decimal) -> None:
        """Note the numbers of closed months that have moved by more than that share of them."""
        for each in moved:
            if abs(each.change) > share * abs(each.was):
                subject = f"{company_id} {each.metric} of {each.month:%Y-%m}"
                self._note("restated", subject, each.sentence)

    def restatements_read(self) -> None:
        """What has moved of every company was looked at: what is not noted has moved back."""
        self._restatements_read = True

    def _failed(self, subject: str, error: BaseException) -> None:
        if error is self._noted or isinstance(error, Locked | KeyboardInterrupt):
            return
        self._noted = error
        # No further try mends a setting.
        self._last_try |= isinstance(error, SettingError)
        if isinstance(error, DataTestFailed):
            self.transformed()
            for test in error.tests:
                self._note("test", test, str(error))
            return
        text = str(error) if isinstance(error, PipelineError) else repr(error)
        self._note("failed", subject, text)

    def tell(self, urls: Sequence[str]) -> None:
        """Send what is new and what is over, and remember what was sent."""
        store = Store(self.destination)
        open_before = store.open()
        new = [each for each in self._found.values() if each.key not in open_before]
        if not self._last_try:
            new = [each for each in new if each.kind != "failed"]
        over = [
            each
            for key, each in open_before.items()
            if key not in self._found
            and (
                key in self._fine
                or (each.kind == "test" and self._tests_ran)
                or (each.kind == "restated" and self._restatements_read)
                or not self._still_wanted(each)
            )
        ]
        if not new and not over:
            return
        if send(urls, message(new, over, self._last_good(new), self._ending())):
            # Only what somebody was told is remembered; the next run tells the rest.
            store.remember(new, over)
            event(f"Alerted: {len(new)} new, {len(over)} over")

    def _still_wanted(self, incident: Incident) -> bool:
        """Whether it is about a table and a company that are still chosen."""
        company_id, _, table = incident.subject.partition(" ")
        if table not in BY_NAME:
            return True
        try:
            companies, chosen = company_ids(), tables()
        except SettingError:
            return True
        return table in chosen and (not companies or company_id in companies)

    def _note(self, kind: Kind, subject: str, text: str, since: datetime | None = None) -> None:
        found = Incident(kind, subject, text, since or datetime.now(UTC), self._run_id or "")
        self._found[found.key] = found

    def _last_good(self, incidents: Sequence[Incident]) -> dict[str, datetime]:
        """When the tables among these incidents were last read to their end, by subject; UTC."""
        if self.destination is None or not incidents:
            return {}
        try:
            tables = read_status(self.destination)["tables"]
        except PipelineError:
            return {}
        return {
            f"{table['company_id']} {table['table']}": table["good_at"]
            for table in tables
            if table["good_at"] is not None
        }

    def _ending(self) -> str:
        by = f"Run {self._run_id}" if self._run_id else "Seen by whop-elt status"
        place = f", {self.destination.location}" if self.destination else ""
        return f"{by} on {socket.gethostname()}{place}"


@contextmanager
def watching(
    run_id: str | None, company_id: str | None = None, *, last_try: bool = True
) -> Iterator[Watch]:
    """Note what the block finds and, when it ends, well or not, tell whoever is to know.

    Nothing of this stops a run or makes it fail: what cannot be told is logged.
    """
    watch = Watch(run_id, company_id, last_try=last_try)
    try:
        with watch.step("run"):
            yield watch
    finally:
        try:
            # A broken file in .dlt is read here too, and is not to hide what the block says of it.
            urls = alert_urls()
            if urls:
                watch.tell(urls)
        except Exception as error:
            event(f"The alerts were not told: {first_line(error)}", logging.WARNING)


def tell_restated(watch: Watch, destination: Destination) -> None:
    """Note the closed months that have moved by more than the setting allows."""
    try:
        share = alert_restated_share()
        wanted = share is not None and bool(alert_urls())
    except SettingError as error:
        event(str(error), logging.WARNING)
        return
    if share is None or not wanted:
        return
    with watch.step("restatements"):
        companies = destination.query(f"select company_id from {MARTS}.dim_companies")[1]
        for (company_id,) in companies:
            watch.restated(restated(destination, company_id), company_id, share)
        watch.restatements_read()


def tell_age(watch: Watch, destination: Destination) -> None:
    """Note the tables that are older than the setting allows."""
    try:
        hours = alert_max_age_hours()
        wanted = hours is not None and bool(alert_urls())
    except SettingError as error:
        event(str(error), logging.WARNING)
        return
    if hours is not None and wanted:
        with watch.step("freshness"):
            watch.aged(read_status(destination), hours)

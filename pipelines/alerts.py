"""Tells whoever is to know that something is wrong: once, and once when it is over."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any, Literal

import dlt
import httpx
from dlt.common.configuration.exceptions import ConfigValueCannotBeCoercedException

from sources.whop import RunReport

from .destination import WORK_FOLDER, Destination, first_line
from .errors import DataTestFailed, Locked, NothingThere, PipelineError, SettingError
from .log import event
from .status import read_status

Kind = Literal["failed", "forbidden", "not_available", "unreadable", "stale", "test"]

SECONDS = 10.0
"""How long a webhook may take; a run waits no longer for it."""

TABLE = "incidents"
"""Table of the raw dataset with every incident that was told of."""

STORED_IN = ("duckdb", "postgres")
"""Destinations that table is kept in; beside any other, and while these are down, it is a file."""

_MOST_LINES = 20
_MOST_TEXT = 600

_HEADINGS: dict[Kind, str] = {
    "failed": "failed",
    "forbidden": "loaded, but not all of it: the API key lacks a permission",
    "not_available": "loaded, but not all of it: Whop does not have a list",
    "unreadable": "loaded, but values that the numbers are made of cannot be read",
    "stale": "data is older than it may be",
    "test": "the models are built, but a test of theirs found what must not be",
}
_ADVICE: dict[Kind, str] = {
    "failed": "What is in the warehouse is as the last good run left it, and the next run goes on "
    "from there. `whop-elt check` names a setting to change, `whop-elt run` tries again now.",
    "forbidden": "Give the key the permission in Whop's dashboard, under Developer, or leave the "
    "table out with SOURCES__WHOP__TABLES. `whop-elt check` says what is missing.",
    "not_available": "That does not mend by itself: leave the table out with "
    "SOURCES__WHOP__TABLES, or ask Whop for it. What was loaded of it before stays.",
    "unreadable": "The rows are there without these values, which are in _whop_extra; every number "
    "made of them lacks them. Correct them at Whop, or tell whoever keeps whop-elt what they look "
    "like.",
    "stale": "Does the schedule still run? `whop-elt status` shows the last runs, `whop-elt run` "
    "brings the data up to date.",
    "test": "Do not trust the numbers before you have looked. `whop-elt transform` builds and "
    "tests again; .whop-elt/dbt/target has each test's SQL.",
}


@dataclass(frozen=True)
class Incident:
    """One thing that is wrong.

    Attributes:
        kind: what sort of thing.
        subject: what it is about: a step, a company, a company and a table, or a dbt test.
        text: what there is to say of it.
        since: when it was first seen or, of stale data, how old that is; UTC.
        run_id: the run that first saw it.
    """

    kind: Kind
    subject: str
    text: str
    since: datetime
    run_id: str

    @property
    def key(self) -> tuple[str, str]:
        """What makes it the same incident in the next run."""
        return self.kind, self.subject


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
        self._run_id = run_id
        self._company_id = company_id
        self._last_try = last_try
        self._step = "warehouse"
        self._found: dict[tuple[str, str], Incident] = {}
        self._fine: set[tuple[str, str]] = set()
        self._tests_ran = False

    def step(self, name: str) -> None:
        """The step before has gone well; the one of this name begins."""
        self.step_ended()
        self._step = f"{name} of {self._company_id}" if self._company_id else name

    def step_ended(self) -> None:
        """The step under way has gone well."""
        self._fine.add(("failed", self._step))

    def opened(self, destination: Destination) -> None:
        """The warehouse answers."""
        self.destination = destination
        self.step_ended()

    def synced(self, report: RunReport) -> None:
        """A sync has ended: what of it failed, and what did not."""
        self.step_ended()
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
        self.step_ended()
        self._tests_ran = True

    def aged(self, status: dict[str, Any], max_age_hours: float) -> None:
        """Note the tables of `read_status` that are older than that many hours."""
        for table in status["tables"]:
            subject = f"{table['company_id']} {table['table']}"
            age = table["age_hours"]
            left_out = table["status"] in ("forbidden", "not_available")
            if left_out or (age is not None and age <= max_age_hours):
                self._fine.add(("stale", subject))
                continue
            text = (
                "never read" if age is None else f"{age:.1f} hours old; {max_age_hours:g} allowed"
            )
            self._note("stale", subject, text, table["good_at"])

    def failed(self, error: BaseException) -> None:
        """The run has ended with an error."""
        if isinstance(error, Locked | KeyboardInterrupt):
            return
        # No further try mends a setting.
        self._last_try |= isinstance(error, SettingError)
        if isinstance(error, DataTestFailed):
            self.transformed()
            for test in error.tests:
                self._note("test", test, str(error))
            return
        text = str(error) if isinstance(error, PipelineError) else repr(error)
        self._note("failed", self._step, text)

    def tell(self, urls: Sequence[str]) -> None:
        """Send what is new and what is over, and remember what was sent."""
        store = _Store(self.destination)
        open_before = store.open()
        new = [each for each in self._found.values() if each.key not in open_before]
        if not self._last_try:
            new = [each for each in new if each.kind != "failed"]
        over = [
            each
            for key, each in open_before.items()
            if key not in self._found
            and (key in self._fine or (each.kind == "test" and self._tests_ran))
        ]
        if not new and not over:
            return
        if _send(urls, _message(new, over, self._last_good(new), self._ending())):
            # Only what somebody was told is remembered; the next run tells the rest.
            store.remember(new, over)
            event(f"Alerted: {len(new)} new, {len(over)} over")

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
        yield watch
        watch.step_ended()
    except BaseException as error:
        watch.failed(error)
        raise
    finally:
        try:
            # A broken file in .dlt is read here too, and is not to hide what the block says of it.
            urls = alert_urls()
            if urls:
                watch.tell(urls)
        except Exception as error:
            event(f"The alerts were not told: {first_line(error)}", logging.WARNING)


def alert_urls() -> list[str]:
    """Webhooks of the setting `ALERTS__URLS`: one, or several as a JSON list."""
    value: Any = dlt.secrets.get("alerts.urls")
    if isinstance(value, str) and value.strip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            event('ALERTS__URLS cannot be read; it looks like ["https://…"]', logging.WARNING)
            return []
    urls = [value] if isinstance(value, str) else list(value or ())
    return [str(url).strip() for url in urls if str(url).strip()]


def max_age_hours() -> float | None:
    """The setting `ALERTS__MAX_AGE_HOURS`: the age at which a table is stale; None is never."""
    try:
        hours: float | None = dlt.config.get("alerts.max_age_hours", float)
    except ConfigValueCannotBeCoercedException:
        event("ALERTS__MAX_AGE_HOURS cannot be read; it looks like 26", logging.WARNING)
        return None
    return hours


def tell_age(watch: Watch, destination: Destination) -> None:
    """Note the tables that are older than the setting allows."""
    hours = max_age_hours()
    if hours is not None and alert_urls():
        watch.step("freshness")
        watch.aged(read_status(destination), hours)


class _Store:
    """The incidents somebody was told of: in the warehouse, and in a file while that is down."""

    def __init__(self, destination: Destination | None) -> None:
        self._destination = destination
        if destination is not None and destination.name not in STORED_IN:
            self._destination = None
        self._file = WORK_FOLDER / "incidents.json"

    def open(self) -> dict[tuple[str, str], Incident]:
        """Incidents that are not over, by key."""
        found = {each.key: each for each in self._of_file()}
        if self._destination is None:
            return found
        try:
            _, rows = self._destination.query(
                f"select kind, subject, text, since, run_id from {self._table} "
                "where over_at is null"
            )
        except NothingThere:
            return found
        except Exception as error:
            event(f"Incidents cannot be read: {first_line(error)}", logging.WARNING)
            self._destination = None
            return found
        return found | {row[:2]: Incident(*row) for row in rows}

    def remember(self, new: Sequence[Incident], over: Sequence[Incident]) -> None:
        """Note what was told."""
        gone = {each.key for each in over}
        filed = [each for each in self._of_file() if each.key not in gone]
        if self._destination is None:
            filed += new
        else:
            try:
                self._store(self._destination, new, over)
            except Exception as error:
                event(f"Incidents cannot be stored: {first_line(error)}", logging.WARNING)
                filed += new
        if filed:
            WORK_FOLDER.mkdir(exist_ok=True)
            records = [asdict(each) for each in filed]
            self._file.write_text(json.dumps(records, default=str), encoding="utf-8")
        else:
            self._file.unlink(missing_ok=True)

    def _store(
        self, destination: Destination, new: Sequence[Incident], over: Sequence[Incident]
    ) -> None:
        now = datetime.now(UTC)
        with destination.pipeline.sql_client() as client:
            client.execute_sql(f"create schema if not exists {destination.pipeline.dataset_name}")
            client.execute_sql(
                f"create table if not exists {self._table} (kind varchar, subject varchar, "
                "text varchar, since timestamptz, run_id varchar, told_at timestamptz, "
                "over_at timestamptz)"
            )
            for each in new:
                client.execute_sql(
                    f"insert into {self._table} values (%s, %s, %s, %s, %s, %s, null)",
                    *(each.kind, each.subject, each.text, each.since, each.run_id, now),
                )
            for each in over:
                client.execute_sql(
                    f"update {self._table} set over_at = %s "
                    "where kind = %s and subject = %s and over_at is null",
                    *(now, each.kind, each.subject),
                )

    @property
    def _table(self) -> str:
        assert self._destination is not None
        return f"{self._destination.pipeline.dataset_name}.{TABLE}"

    def _of_file(self) -> list[Incident]:
        try:
            records = json.loads(self._file.read_text(encoding="utf-8"))
            found = [Incident(**record) for record in records]
            return [replace(each, since=datetime.fromisoformat(str(each.since))) for each in found]
        except (OSError, ValueError, TypeError):
            return []


def _message(
    new: Sequence[Incident],
    over: Sequence[Incident],
    last_good: Mapping[str, datetime],
    ending: str,
) -> str:
    """What is sent: enough to know what is wrong, since when, and what to do."""
    lines: list[str] = []
    for kind in _HEADINGS:
        several = [each for each in new if each.kind == kind]
        if several:
            told = _lines(several, lambda each: _told(each, last_good.get(each.subject)))
            lines += [f"whop-elt: {_HEADINGS[kind]}", *told, _ADVICE[kind], ""]
    if over:
        lines += ["whop-elt: over", *_lines(over, _ended), ""]
    return "\n".join([*lines, ending])


def _lines(incidents: Sequence[Incident], form: Callable[[Incident], str]) -> list[str]:
    lines = [form(each) for each in incidents[:_MOST_LINES]]
    more = len(incidents) - len(lines)
    return [*lines, *([f"• and {more} more"] if more > 0 else [])]


def _told(incident: Incident, good_at: datetime | None) -> str:
    text = incident.text
    if len(text) > _MOST_TEXT:
        text = f"{text[:_MOST_TEXT]}…"
    since = f"since {_utc(incident.since)}"
    if good_at is not None and incident.kind != "stale":
        since = f"last good {_utc(good_at)}"
    return f"• {incident.subject} ({since}): {text}"


def _ended(incident: Incident) -> str:
    lasted = timedelta(minutes=(datetime.now(UTC) - incident.since) // timedelta(minutes=1))
    heading = _HEADINGS[incident.kind].split(":")[0]
    return f"• {incident.subject}: {heading}, for {str(lasted)[:-3]} hours"


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _send(urls: Sequence[str], text: str) -> int:
    """Post the text to every URL at the same time; return how many took it.

    A URL is a secret, so a failure is told by its number and never in the words of the library.
    """
    # The library would log every address at its level of information.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    outcomes: list[str] = ["no answer in time"] * len(urls)

    def post(number: int, url: str) -> None:
        try:
            answer = httpx.post(url, json={"text": escaped}, timeout=SECONDS)
            outcomes[number] = "" if answer.is_success else f"HTTP status {answer.status_code}"
        except Exception as error:
            outcomes[number] = type(error).__name__

    # Not a pool: it would wait at the end of the process for a webhook that never answers.
    threads = [Thread(target=post, args=each, daemon=True) for each in enumerate(urls)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + SECONDS
    for thread in threads:
        thread.join(max(0, deadline - time.monotonic()))
    told = list(outcomes)
    for number, outcome in enumerate(told, start=1):
        if outcome:
            event(
                f"URL {number} of {len(urls)} in ALERTS__URLS did not take an alert: {outcome}",
                logging.WARNING,
            )
    return told.count("")

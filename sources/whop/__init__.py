"""Loads a Whop business: its members, what they bought, what they paid and what became of it.

    import dlt
    from whop_source import whop

    pipeline = dlt.pipeline("whop", destination="duckdb", dataset_name="whop_raw")
    pipeline.run(whop())          # the key from SOURCES__WHOP__API_KEY or .dlt/secrets.toml

Tables (each merged on `id`, and on the company where two may share a row; see `resources.py` for
what is asked and how changes are found):

- companies, products, plans, promo_codes: the business and what it sells
- members, memberships, payments, payment_methods: who buys, what runs, what was paid and how
- refunds, disputes, dispute_alerts, setup_intents, shipments, company_token_transactions: what
  became of payments, and what goes with them
- invoices, checkout_configurations, entries, leads, affiliates, reviews: how customers come
- authorized_users, apps, experiences: who and what works for the business
- users, files, payment_fees: one request per row, so only when named in `tables`
- membership_states, plan_states: every state a membership, or a plan, was seen in (append only)
- sync_runs: what each run did, per table (append only)

A run brings what is new (`created_after`), what has changed since the last run, and, every
`full_every_days`, everything; a row that Whop has no more is marked in `_whop_deleted_at`, never
removed. State lives in the destination, with the rows.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from typing import Any, get_args

import dlt
import pyarrow as pa
from dlt.common.schema.typing import TDeleteInsertStrategyDict
from dlt.extract import DltResource

from . import given, loads
from .bucket import refuse_plain_filesystem
from .client import DEFAULT_BASE_URL, LEGACY, WhopClient
from .context import RunContext
from .errors import WhopError
from .extraction import Extraction
from .planning import Settings, TableState, dump, load
from .privacy import Pii, Privacy
from .rate_limit import RateLimit
from .resources import BY_NAME, RESOURCES
from .run_report import SYNC_RUNS_COLUMNS, RunReport
from .schema import dlt_columns
from .structure import Structure, free_shared_ids

MERGE: TDeleteInsertStrategyDict = {
    "disposition": "merge",
    "strategy": "delete-insert",
    # A run brings an id once (see `_Run.rows`); sorting wide rows to find that out is half the cost
    # of a load.
    "deduplicated": True,
}

__all__ = ["RESOURCES", "RateLimit", "RunReport", "WhopError", "chosen_tables", "whop"]


@dlt.source(name="whop", section="whop", max_table_nesting=0)
def whop(
    api_key: str = dlt.secrets.value,
    company_id: str | None = None,
    company_ids: list[str] | None = None,
    base_url: str = DEFAULT_BASE_URL,
    api_version: str = LEGACY,
    tables: list[str] | None = None,
    full: bool = False,
    full_every_days: float = 7,
    lookback_days: float = 180,
    overlap_minutes: float = 60,
    max_attempts: int = 8,
    backoff_seconds: float = 0.5,
    pii: Pii = "keep",
    pii_key: dlt.TSecretStrValue | None = None,
    slice_rows: int | None = None,
    rate_limit: RateLimit | None = None,
    report: RunReport | None = None,
) -> Sequence[DltResource]:
    """Everything a run must bring of one or several Whop companies.

    Args:
        api_key: a company or account API key of Whop.
        company_id: the company (`biz_…`); without it, the key's own.
        company_ids: several companies, in place of `company_id`; each has its own cursors.
        base_url: root of the API, with its version.
        api_version: `Api-Version-Date` header: 2025-01-01 is Whop's Legacy surface, 2026-10-15-1
            its Current one, another date of Whop's is taken for the nearer of the two; `none` sends
            none, and the version that Whop keeps with the key answers.
        tables: names of the tables to read; None, or `default` among them, reads all but those
            that take one request per row (users, files, payment_fees).
        full: read every table whole, and mark what Whop has no more; a pass that is under way is
            begun anew, so with `slice_rows` only the first of the runs that make it is `full`.
        full_every_days: age of the last full pass, in days, at which a run becomes one by itself.
        lookback_days: age, in days, up to which rows are re-read that may have changed and do not
            tell: refunds, disputes and the like, and payments if Whop refuses to say which have.
        overlap_minutes: minutes before the last run at which the windows of a run begin.
        max_attempts: how often one request is tried.
        backoff_seconds: seconds before the first retry; doubles with each.
        pii: what becomes of names, e-mails, phones and addresses: `keep`, `hash` or `drop`.
        pii_key: key of the hash.
        slice_rows: rows after which a full pass of a large table stops, so that what was read is
            loaded before the next run goes on; None reads to the end.
        rate_limit: shared by sources that are read one after the other with one key, as Whop counts
            by key; None is one of its own.
        report: filled with what the run did. With a report, a table that cannot be read is noted
            there and left as it was while the others load; without one, its error is raised and
            nothing is loaded.

    Raises:
        ValueError: an unknown table, no address, no version, a number too small, or both
            `company_id` and `company_ids`.
        WhopError: the key is refused, a company is not there or, without a report, whatever stops
            a table.
    """
    api_key = given.seen(api_key)
    if not api_key:
        raise ValueError("Set SOURCES__WHOP__API_KEY: it is empty")
    one = given.companies([company_id or ""], "SOURCES__WHOP__COMPANY_ID")
    several = given.companies(company_ids or [], "SOURCES__WHOP__COMPANY_IDS")
    if one and several:
        raise ValueError("Set SOURCES__WHOP__COMPANY_ID or SOURCES__WHOP__COMPANY_IDS, not both")
    base_url = given.address(base_url, DEFAULT_BASE_URL)
    chosen = chosen_tables(tables)
    if pii not in get_args(Pii):
        raise ValueError(f"SOURCES__WHOP__PII is {pii!r}; it can be {', '.join(get_args(Pii))}")
    if pii == "hash" and not pii_key:
        raise ValueError(
            "Set SOURCES__WHOP__PII_KEY: without a key, hashes of names can be guessed"
        )
    for name, value, least, most in (
        ("FULL_EVERY_DAYS", full_every_days, 0, 36_500),
        ("LOOKBACK_DAYS", lookback_days, 0, 36_500),
        ("OVERLAP_MINUTES", overlap_minutes, 0, 1_000_000),
        ("MAX_ATTEMPTS", max_attempts, 1, 1_000),
        ("BACKOFF_SECONDS", backoff_seconds, 0, 3_600),
    ):
        if not least <= value <= most:
            raise ValueError(
                f"SOURCES__WHOP__{name} is {value}; it can be {least} or more, up to {most:,}"
            )
    run = _Run(
        client=WhopClient(
            api_key,
            base_url,
            given.seen(api_version),
            max_attempts=max_attempts,
            backoff=backoff_seconds,
            rate_limit=rate_limit,
        ),
        company_ids=several or one or ["me"],
        tables=chosen,
        named=frozenset(tables or ()),
        settings=Settings(
            overlap=timedelta(minutes=overlap_minutes),
            lookback=timedelta(days=lookback_days),
            full_every=timedelta(days=full_every_days),
            full=full,
            slice_rows=slice_rows,
            api_version=api_version,
        ),
        privacy=Privacy(pii, pii_key or ""),
        report=report or RunReport(),
        strict=report is None,
    )
    # dlt adds its load id to Arrow tables only when told. By it a run sees what a killed one left.
    dlt.config["normalize.parquet_normalizer.add_dlt_load_id"] = True
    _quieten_dlt()
    resources = [
        dlt.resource(
            run.rows(resource.name),
            name=resource.name,
            write_disposition=MERGE,
            primary_key=resource.key,
            columns=dlt_columns(resource),
        )
        for resource in RESOURCES
    ]
    states = [
        dlt.resource(
            run.rows(resource.name, keep_state=False),
            name=resource.states_table,
            write_disposition="append",
            columns=dlt_columns(resource, merged=False),
        )
        for resource in RESOURCES
        if resource.states_table
    ]
    sync_runs = dlt.resource(
        run.sync_runs(),
        name="sync_runs",
        write_disposition="append",
        columns=SYNC_RUNS_COLUMNS,
    )
    return [*resources, *states, sync_runs]


def chosen_tables(names: Sequence[str] | None) -> list[str]:
    """Return the tables to read: those named; `default`, or nothing, means all that are lists.

    Raises:
        ValueError: an unknown table.
    """
    wanted = set(names or ("default",))
    unknown = sorted(wanted - BY_NAME.keys() - {"default"})
    if unknown:
        raise ValueError(f"No table {', '.join(unknown)}; there are: {', '.join(BY_NAME)}")
    return [
        resource.name
        for resource in RESOURCES
        if resource.name in wanted or ("default" in wanted and not resource.optional)
    ]


class _Run:
    """Reads all companies when dlt asks for the first row, and hands each resource its own rows."""

    def __init__(
        self,
        client: WhopClient,
        company_ids: Sequence[str],
        tables: Sequence[str],
        named: Collection[str],
        settings: Settings,
        privacy: Privacy,
        report: RunReport,
        strict: bool,
    ) -> None:
        self._client = client
        self._company_ids = company_ids
        self._tables = tables
        self._named = named
        self._settings = settings
        self._privacy = privacy
        self._report = report
        self._strict = strict
        self._extractions: list[Extraction] | None = None

    def rows(self, table: str, *, keep_state: bool = True) -> Iterator[Any]:
        """Yield the table's new, changed and deleted rows, each id once; then move its cursors."""
        empty = True
        extractions = self._read()
        yielded: set[str] = set()
        for extraction in extractions:
            run = extraction.tables.get(table)
            if run is None or not run.ok:
                continue
            for rows in run.changed_rows():
                empty = False
                if len(extractions) > 1 and not run.resource.shared:
                    # No two companies have an id in common; if they did, the load would fail.
                    ids = rows["id"].to_pylist()
                    rows = rows.filter(pa.array([each not in yielded for each in ids]))
                    yielded.update(ids)
                yield rows
            if keep_state and run.next_state is not None:
                _state(extraction.company_id)[table] = dump(run.next_state)
        if empty:
            # The table and its columns exist from the first load on, whatever it brings.
            yield dlt.mark.materialize_table_schema()

    def sync_runs(self) -> Iterator[Any]:
        """Yield what the run did."""
        self._read()
        yield self._report.records()

    def _read(self) -> list[Extraction]:
        if self._extractions is None:
            self._extractions = []
            refuse_plain_filesystem(dlt.current.pipeline().sql_client())
            free_shared_ids(dlt.current.pipeline())
            selected = dlt.current.source().selected_resources.keys()
            context = RunContext(
                self._client,
                [BY_NAME[name] for name in self._tables if name in selected],
                self._settings,
                dlt.current.pipeline(),
                _known_states(),
                self._report,
                self._privacy,
                Structure(dlt.current.pipeline(), dlt.current.source_schema(), selected),
                self._named,
                self._strict,
            )
            for company_id in self._company_ids:
                extraction = Extraction(context, company_id)
                self._extractions.append(extraction)
                extraction.read()
            self._client.close()
            load_id = dlt.current.load_package_state()["load_id"]
            with dlt.current.pipeline().sql_client() as client:
                for extraction in self._extractions:
                    if extraction.tables:
                        loads.note(client, extraction.company_id, load_id)
        return self._extractions


def _known_states() -> dict[str, dict[str, TableState]]:
    """State by company and table; empty when nothing was ever loaded."""
    companies = dlt.current.source_state().get("companies", {})
    return {
        company_id: {name: load(state) for name, state in tables.items()}
        for company_id, tables in companies.items()
    }


def _state(company_id: str) -> dict[str, Any]:
    """State of one company, table by table, as dlt keeps it with the data."""
    companies = dlt.current.source_state().setdefault("companies", {})
    state: dict[str, Any] = companies.setdefault(company_id, {})
    return state


def _quieten_dlt() -> None:
    """Drop dlt's warning that a JSON column arrives as Arrow text: that is what is meant."""

    class ArrowHints(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            return "when merging arrow schema with dlt schema" not in record.getMessage()

    logger = logging.getLogger("dlt")
    if not any(type(each).__name__ == "ArrowHints" for each in logger.filters):
        logger.addFilter(ArrowHints())

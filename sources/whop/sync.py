"""Which requests a run must make for a table, and what it remembers for the next run.

State and time in, requests out: knows nothing of HTTP, of dlt or of a database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from .resources import OPEN_PAYMENT_STATUSES, Resource

Mode = Literal["full", "incremental"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How far a run reaches back."""

    overlap: timedelta = timedelta(minutes=60)
    """How far before the last run every window starts: the bounds of Whop's filters are not
    documented, and a row may become visible a little after its own timestamp."""
    lookback: timedelta = timedelta(days=180)
    """Age up to which rows are re-read that nothing but a full pass would show to have changed, and
    payments when the server refuses `updated_after`."""
    full_every: timedelta = timedelta(days=7)
    """Age of the last full pass at which the next run becomes one."""
    full: bool = False
    """Read every table whole, whatever the age of the last full pass."""
    slice_rows: int | None = None
    """Rows after which a full pass of a table that can be resumed stops, to be gone on with by the
    next run; None reads to the end."""


@dataclass(frozen=True, slots=True)
class TableState:
    """What the last good run of a table left behind. All times are UTC, by the server's clock."""

    cursor: datetime | None = None
    """Newest `created_at` loaded; for rows without one, the start of the last good run."""
    last_run: datetime | None = None
    """Start of the last good run."""
    last_full: datetime | None = None
    """Start of the last run that read the table whole."""
    pass_started: datetime | None = None
    """Start of a full pass that is not yet at its end."""
    pass_position: datetime | None = None
    """`created_at` up to which that pass has been loaded."""


@dataclass(frozen=True, slots=True)
class Walk:
    """One list request, to be paged to its end, or until a row is older than `until`."""

    params: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    """Parameters on top of, or instead of, those of the resource."""
    until: tuple[str, datetime] | None = None
    """Stop behind the first row whose column is older (UTC); rows without the value do not stop."""
    otherwise: tuple[Walk, ...] = ()
    """What to walk instead when the server refuses this request."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The list requests of one table in one run."""

    mode: Mode
    walks: tuple[Walk, ...]
    whole: bool
    """Whether the walks cover every row created since `since`, so that one they do not bring may be
    gone."""
    since: datetime | None = None
    """Where a full pass goes on (UTC, `created_at`); None begins it."""
    slice_rows: int | None = None
    """Rows after which the walk may stop, between two moments of `created_at`."""


def plan(resource: Resource, state: TableState, now: datetime, settings: Settings) -> Plan:
    """Decide what to ask for.

    Args:
        resource: the table.
        state: what its last good run left.
        now: start of this run, UTC, by the server's clock.
        settings: how far to reach back.
    """
    due = state.last_full is None or now - state.last_full >= settings.full_every
    under_way = state.pass_started is not None
    mode: Mode = "full" if settings.full or due or under_way else "incremental"
    if resource.changes in ("named", "per_payment"):
        # Nothing is listed: what to read follows from the rows of other tables.
        return Plan(mode, (), whole=False)
    if mode == "full" and resource.resumable:
        since = state.pass_position
        # A millisecond early: the bound may be exclusive, and rows may share a moment.
        early = timedelta(seconds=1) if resource.unix_times else timedelta(milliseconds=1)
        params = {"created_after": _moment(resource, since - early)} if since else {}
        return Plan(mode, (Walk(params),), True, since, settings.slice_rows)
    if mode == "full" or resource.changes == "everything" or state.last_run is None:
        return Plan(mode, (Walk(),), whole=True)

    walks: list[Walk] = []
    since = state.last_run - settings.overlap
    if state.cursor is not None:
        newer = state.cursor - settings.overlap
        if resource.changes == "lookback":
            newer = min(newer, now - settings.lookback)
        walks.append(Walk({"created_after": _moment(resource, newer)}))
    else:
        # Nothing was ever loaded, so everything there is now is new.
        walks.append(Walk())
    if resource.changes == "updated_after":
        lookback = Walk({"created_after": iso(now - settings.lookback)})
        still_open = Walk({"statuses": OPEN_PAYMENT_STATUSES})
        walks.append(Walk({"updated_after": iso(since)}, otherwise=(lookback, still_open)))
    elif resource.changes == "live_statuses":
        walks.append(Walk({"statuses": resource.live_statuses}))
    elif resource.changes == "recent_action":
        newest_first = {"order": "most_recent_action", "direction": "desc"}
        walks.append(Walk(newest_first, until=("most_recent_action_at", since)))
    return Plan(mode, tuple(walks), whole=False)


def remember(
    resource: Resource,
    state: TableState,
    mode: Mode,
    now: datetime,
    newest: datetime | None,
    stopped_at: datetime | None = None,
) -> TableState:
    """State after a run that read everything it planned.

    Args:
        resource: the table.
        state: state before the run.
        mode: mode of the run.
        now: start of the run, UTC, by the server's clock.
        newest: newest `created_at` among the rows read, UTC.
        stopped_at: `created_at` at which a full pass stopped before its end, UTC.
    """
    # Rows of an earlier part of a pass are as of that part's start, and so is the pass.
    started = state.pass_started or now
    if stopped_at is not None:
        return replace(state, pass_started=started, pass_position=stopped_at)
    if resource.created_at:
        cursor = max((at for at in (state.cursor, newest) if at is not None), default=None)
    else:
        cursor = started
    return TableState(cursor, started, started if mode == "full" else state.last_full)


def _moment(resource: Resource, moment: datetime) -> str:
    """The moment as the filters of the table's list take it; seconds are rounded down."""
    return str(int(moment.timestamp())) if resource.unix_times else iso(moment)


def iso(moment: datetime) -> str:
    """UTC with milliseconds: the precision of Whop's filters."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"

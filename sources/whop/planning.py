"""Which requests a run must make for a table, and what it remembers for the next run.

State and time in, requests out: knows nothing of HTTP, of dlt or of a database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from .resources import FOLLOWING, OPEN_PAYMENT_STATUSES, Resource
from .surface import LEGACY, surface_of

Mode = Literal["full", "incremental"]

SHORT_LIST = 1_000
"""Rows up to which a list is read whole by every run: ten requests."""

LONGEST_PAUSE = timedelta(days=1)
"""Age at which the longest list is read whole again."""


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
    api_version: str = LEGACY.version
    """The version of Whop's API that is asked for."""


@dataclass(frozen=True, slots=True)
class Range:
    """Rows created from `start` on and before `end` (UTC, a whole second); None is no bound.

    Rows that do not say when they were created belong to the range without an end.
    """

    start: datetime | None = None
    end: datetime | None = None

    @property
    def params(self) -> dict[str, str]:
        """The range as parameters of a list.

        Whether Whop's bounds are inclusive is not documented: the lower one is asked for a
        millisecond early, and no row of a range lies on its upper one.
        """
        params: dict[str, str] = {}
        if self.start is not None:
            params["created_after"] = iso(self.start - timedelta(milliseconds=1))
        if self.end is not None:
            params["created_before"] = iso(self.end)
        return params


EVERYTHING = (Range(),)


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
    pass_newest: datetime | None = None
    """Newest `created_at` that pass has loaded."""
    pass_left: tuple[Range, ...] = ()
    """What that pass has not read yet; empty when none is under way."""
    api_version: str | None = None
    """The version of Whop's API the rows were read in; None is of a release that read Legacy only,
    and Legacy's."""
    both_surfaces: bool = False
    """Whether rows were read on both surfaces: then one may hold what the other does not give."""
    made_anew: datetime | None = None
    """Mark of `structure` that the last full pass began with, or begins with."""
    last_whole: datetime | None = None
    """Of a list that is read in a pace of its own: start of the last run that read it."""
    rows: int = 0
    """Of such a list: how many rows it had."""
    unreadable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Rows that hold something unreadable in columns that the models use: the columns by id."""


@dataclass(frozen=True, slots=True)
class Walk:
    """One list request, to be paged to its end, or until a row is older than `until`."""

    params: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    """Parameters on top of, or instead of, those of the resource."""
    ranges: tuple[Range, ...] = EVERYTHING
    """When the rows asked for were created."""
    until: tuple[str, datetime] | None = None
    """Stop behind the first row whose column is older (UTC); rows without the value do not stop."""
    otherwise: tuple[Walk, ...] = ()
    """What to walk instead when the server refuses this request."""
    in_ranges: bool = True
    """Whether the list may be cut into ranges of time, if the table's can be; one that goes beside
    a walk of all may not."""


@dataclass(frozen=True, slots=True)
class FeedWalk:
    """The list of what has happened, to be paged to its end."""

    since: str
    """The moment behind which it begins, as it is sent."""
    otherwise: tuple[Walk, ...]
    """What to walk instead when it cannot be read."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The list requests of one table in one run."""

    mode: Mode
    walks: tuple[Walk, ...]
    whole: bool
    """Whether the walks cover every row of their ranges, so that one they do not bring may be
    gone."""
    slice_rows: int | None = None
    """Rows after which the walks may stop, leaving ranges unread."""
    feed: FeedWalk | None = None
    """What says which rows to read by id besides."""


def renewed(state: TableState, settings: Settings, made_anew: datetime | None) -> TableState:
    """The state to plan from: without what this run must not build on.

    Rows that an earlier part of a pass has read were not written as this run writes them: with
    `full`, personal data may be to go from all of them.

    Args:
        state: what the last good run left.
        settings: how far to reach back.
        made_anew: when the table, or a column of it, was found missing last, UTC.
    """
    lost = made_anew != state.made_anew
    if lost:
        state = replace(state, last_full=None, made_anew=made_anew)
    if lost or settings.full:
        state = replace(state, pass_started=None, pass_newest=None, pass_left=())
    return state


def plan(resource: Resource, state: TableState, now: datetime, settings: Settings) -> Plan:
    """Decide what to ask for.

    Args:
        resource: the table.
        state: what its last good run left.
        now: start of this run, UTC, by the server's clock.
        settings: how far to reach back.
    """
    due = state.last_full is None or now - state.last_full >= settings.full_every
    under_way = bool(state.pass_left)
    mode: Mode = "full" if settings.full or due or under_way else "incremental"
    if resource.changes in FOLLOWING:
        # Nothing is listed: what to read follows from the rows of other tables.
        return Plan(mode, (), whole=False)
    if resource.changes == "observed":
        return Plan(mode, (Walk(),), whole=False)
    if resource.changes == "charted":
        return Plan(mode, (Walk(),), whole=True)
    if resource.changes == "appended":
        return _appended(resource, state, mode, now, settings)
    # Left out of the list unless it is asked for them.
    beside = [
        replace(walk, in_ranges=False) for walk in _by_status(resource, resource.unlisted_statuses)
    ]
    if mode == "full" and resource.ranged:
        walk = Walk(ranges=state.pass_left or EVERYTHING)
        return Plan(mode, (walk, *beside), True, settings.slice_rows)
    if resource.paced and mode == "incremental" and not _due(state, now):
        return Plan(mode, (), whole=False)
    if mode == "full" or resource.changes == "everything" or state.last_run is None:
        return Plan(mode, (Walk(), *beside), whole=True)

    walks: list[Walk] = []
    since = state.last_run - settings.overlap
    # If nothing was ever loaded, everything there is now is new. A row from after the start of the
    # last run (it came while that run read, or bears a date to come) does not vouch for others.
    newest = None
    if state.cursor is not None:
        newest = min(state.cursor, state.last_run) - settings.overlap
    if newest is not None and resource.changes == "lookback":
        newest = min(newest, now - settings.lookback)
    walks.append(Walk(ranges=(Range(newest),)))
    if resource.changes == "updated_after":
        lookback = Walk(ranges=(Range(now - settings.lookback),))
        still_open = Walk({resource.status_filter: OPEN_PAYMENT_STATUSES})
        walks.append(Walk({"updated_after": iso(since)}, otherwise=(lookback, still_open)))
    elif resource.changes in ("live_statuses", "feed"):
        walks += _by_status(resource, resource.live_statuses)
    elif resource.changes == "recent_action":
        newest_first = {"order": resource.recent_order, "direction": "desc"}
        walks.append(Walk(newest_first, until=("most_recent_action_at", since)))
    feed = None
    if resource.feed is not None:
        lookback = Walk(ranges=(Range(now - settings.lookback),))
        feed = FeedWalk(iso(since), otherwise=(lookback,))
    return Plan(mode, tuple(walks), whole=False, feed=feed)


def _appended(
    resource: Resource, state: TableState, mode: Mode, now: datetime, settings: Settings
) -> Plan:
    """The walk that brings what was added to a list whose rows never change."""
    if settings.full or state.last_full is None or state.last_run is None:
        return Plan("full", (Walk(),), whole=True)
    reach = settings.lookback if mode == "full" else settings.overlap
    since = min(state.last_run - settings.overlap, now - reach)
    return Plan(mode, (Walk({resource.since: iso(since)}),), whole=False)


def _by_status(resource: Resource, statuses: Sequence[str]) -> list[Walk]:
    """The walks that bring the rows in these statuses."""
    if not statuses:
        return []
    if not resource.one_status:
        return [Walk({resource.status_filter: statuses})]
    return [Walk({resource.status_filter: status}) for status in statuses]


def on_version(state: TableState, api_version: str) -> TableState:
    """The state as a run in this version finds it.

    What was read in another version is of another shape, and must not be taken for what this one
    would give: the table is read whole, and a pass that is under way begins anew.

    Args:
        state: what the table's last good run left.
        api_version: the version this run asks for.
    """
    before = state.api_version or LEGACY.version
    if state == TableState() or before == api_version:
        return replace(state, api_version=api_version)
    other = surface_of(before).name != surface_of(api_version).name
    return replace(
        state,
        last_full=None,
        pass_started=None,
        pass_newest=None,
        pass_left=(),
        api_version=api_version,
        both_surfaces=state.both_surfaces or other,
    )


def _due(state: TableState, now: datetime) -> bool:
    """Whether a list that can only be read whole is to be read again.

    After an hour for each 10,000 rows: then it takes a hundred requests an hour, however long.
    """
    if state.last_whole is None or state.rows <= SHORT_LIST:
        return True
    return now - state.last_whole >= min(timedelta(hours=state.rows / 10_000), LONGEST_PAUSE)


def remember(
    resource: Resource,
    state: TableState,
    mode: Mode,
    now: datetime,
    newest: datetime | None,
    left: tuple[Range, ...] = (),
    unreadable: Mapping[str, tuple[str, ...]] | None = None,
    rows: int | None = None,
) -> TableState:
    """State after a run that read everything it planned.

    Args:
        resource: the table.
        state: state before the run.
        mode: mode of the run.
        now: start of the run, UTC, by the server's clock.
        newest: newest `created_at` among the rows read, UTC.
        left: what a full pass that stopped before its end has not read.
        unreadable: columns by id, of this run's rows and of those it has not read.
        rows: how many a list has that is read in a pace of its own; None when it was not read.
    """
    state = replace(state, unreadable=unreadable or {})
    if rows is not None:
        state = replace(state, last_whole=now, rows=rows)
    # Rows of an earlier part of a pass are as of that part's start, and so is the pass.
    under_way = bool(state.pass_left)
    started = state.pass_started if under_way and state.pass_started else now
    earlier = state.pass_newest if under_way else None
    newest = max((at for at in (newest, earlier) if at is not None), default=None)
    if left:
        return replace(state, pass_started=started, pass_newest=newest, pass_left=left)
    if resource.created_at:
        cursor = max((at for at in (state.cursor, newest) if at is not None), default=None)
    else:
        cursor = started
    last_full = started if mode == "full" else state.last_full
    return replace(
        state,
        cursor=cursor,
        last_run=started,
        last_full=last_full,
        pass_started=None,
        pass_newest=None,
        pass_left=(),
    )


def dump(state: TableState) -> dict[str, Any]:
    """The state as dlt keeps it: JSON."""
    values: dict[str, Any] = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(state).items()
        if value and name != "pass_left"
    }
    ranges = [[at and at.isoformat() for at in (r.start, r.end)] for r in state.pass_left]
    others: dict[str, Any] = {"pass_left": ranges} if ranges else {}
    if state.rows:
        others["rows"] = state.rows
    if state.unreadable:
        others["unreadable"] = {key: [*columns] for key, columns in state.unreadable.items()}
    return values | others


def load(values: Mapping[str, Any]) -> TableState:
    """The state from what `dump` gave; what an older release kept besides is left out."""
    known = {each.name for each in fields(TableState)} - {"pass_left", "rows", "unreadable"}
    kept: dict[str, Any] = {
        name: value if name in ("api_version", "both_surfaces") else datetime.fromisoformat(value)
        for name, value in values.items()
        if name in known
    }
    ranges = tuple(
        Range(*(text and datetime.fromisoformat(text) for text in bounds))
        for bounds in values.get("pass_left", ())
    )
    unreadable = {key: tuple(names) for key, names in values.get("unreadable", {}).items()}
    rows = values.get("rows", 0)
    return TableState(**kept, pass_left=ranges, rows=rows, unreadable=unreadable)


def in_seconds(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with moments of creation in Unix seconds, rounded down."""
    return {
        name: str(int(datetime.fromisoformat(value).timestamp()))
        if name in ("created_after", "created_before")
        else value
        for name, value in params.items()
    }


def iso(moment: datetime) -> str:
    """UTC with milliseconds: the precision of Whop's filters."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"

"""What a table of the Whop source is: the fields of its row in `resources.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypedDict

from .surface import AS_IS, CURRENT, Shape, Surface

ColumnType = Literal["text", "bigint", "bool", "decimal", "timestamp", "json"]

Changes = Literal[
    "everything",
    "updated_after",
    "live_statuses",
    "feed",
    "recent_action",
    "lookback",
    "full_only",
    "named",
    "named_in_json",
    "per_payment",
    "appended",
    "observed",
    "charted",
]
"""How a table's rows that changed after they were created are found:

- `everything`: the list is short, every run reads it whole.
- `updated_after`: the list filters on the time of the last change.
- `live_statuses`: only rows in a live status change unasked; every run reads all of those, and by
  id the rows that have left that set since the last run.
- `feed`: the same, and another list names the rows that something has happened to since the last
  run: those are read by id.
- `recent_action`: the list can be walked from the most recent action back to the last run.
- `lookback`: a row changes in its first months only; every run reads those of the last
  `lookback_days` again, and the full pass all.
- `full_only`: nothing tells; the full pass re-reads them all.
- `named`: there is no list; an object is read by id when a row of another table names it for the
  first time, or shows it otherwise than it is stored.
- `named_in_json`: the same, where JSON columns name it.
- `per_payment`: a list per payment, read when the payment is new or has changed.
- `appended`: a row never changes; every run reads what is newer than the last run, and what would
  be a full pass the rows of the last `lookback_days` again, as one may be dated back.
- `observed`: no list, but a state that every run reads and keeps beside those before.
- `charted`: no list, but series of points that every run reads whole, as the past may be told anew.
"""

FOLLOWING: tuple[Changes, ...] = ("named", "named_in_json", "per_payment")
"""Those without a list of their own: what to read follows from the rows of other tables."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A list of what has happened, each row of which names a row of a table."""

    path: str
    since: str
    """Parameter for the moment behind which it begins."""
    names: str
    """Field with the id of the row."""
    page_size: str
    """Parameter for the number of rows on a page."""
    cursor: str
    """Parameter for the cursor of the next page."""
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chart:
    """A series of points, each of which becomes a row."""

    metric: str
    """Its name in the path."""
    interval: Literal["day", "month"]
    """How much time a point is of."""
    by_currency: bool = False
    """Whether it is read once more, in the currencies the money was in."""


class OnCurrent(TypedDict, total=False):
    """Fields of a table's row that are otherwise on Whop's Current surface."""

    path: str
    permissions: tuple[str, ...]
    changes: Changes
    created_after: bool
    bounded_above: bool
    in_ranges: bool
    unix_times: bool
    live_statuses: tuple[str, ...]
    ended_statuses: tuple[str, ...]
    status_filter: str
    one_status: bool
    unlisted_statuses: tuple[str, ...]
    feed: Feed
    named_by: Mapping[str, str]
    recent_order: str
    lacks: tuple[str, ...]
    never_shows: Mapping[str, tuple[str, ...]]
    shape: Shape
    params: Mapping[str, str]
    company_column: str | None
    company_named: Literal["always", "nullable", "by_id"]
    proven_by_id: bool
    listed: bool
    list_per: tuple[str, str, str] | None
    details: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CurrentTable:
    """What is otherwise with a table on Whop's Current surface."""

    on: OnCurrent = field(default_factory=lambda: OnCurrent())
    """Fields of its row."""
    columns: Mapping[str, ColumnType] = field(default_factory=dict)
    """Columns that only Current fills: the table has them on either surface."""
    personal: tuple[str, ...] = ()
    """Those of them with names, e-mails, phones and addresses."""
    listed: tuple[str, ...] = ()
    """Further columns that Legacy's list leaves empty and this surface's fills."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What Whop offers for one table, and how the sync uses it."""

    name: str
    """Table name, and name of the dlt resource."""
    path: str
    """Path of the list under the base URL; `{path}/{id}` is one object."""
    permissions: tuple[str, ...]
    """Permissions of the API key that the list asks for, by the official client's docstrings; a
    403 is reported with them. Lacking only e-mail or phone, Whop may leave those fields empty."""
    columns: Mapping[str, ColumnType]
    """Documented columns and their types; nesting is written the dlt way (`user__id`)."""
    changes: Changes
    created_after: bool = True
    """Whether the list filters on creation (`created_after`, `created_before`)."""
    created_at: bool = True
    """Whether rows carry `created_at`; without it the cursor is the server's own time."""
    bounded_above: bool = True
    """Whether `created_before` is of the time of creation; where it may be of another, a range is
    read in order up to its end."""
    in_ranges: bool = True
    """Whether they are of the time of creation, so that the list may be cut by it."""
    unix_times: bool = False
    """Whether those filters take Unix seconds instead of ISO 8601."""
    live_statuses: tuple[str, ...] = ()
    """With `changes="live_statuses"`: the statuses in which a row may change unasked."""
    ended_statuses: tuple[str, ...] = ()
    """The other documented ones. A row in a status that nobody has documented is read by id in
    every run, as the list cannot be asked for it."""
    status_filter: str = "statuses"
    """Parameter that asks for rows by status."""
    one_status: bool = False
    """Whether it takes one value: then there is a request for each live status."""
    unlisted_statuses: tuple[str, ...] = ()
    """Statuses whose rows the list leaves out unless it is asked for them by name."""
    feed: Feed | None = None
    """With `changes="feed"`: the list that says where something has happened."""
    named_by: Mapping[str, str] = field(default_factory=dict)
    """Table → column: its new and changed rows name rows here that have changed with them."""
    recent_order: str = "most_recent_action"
    """With `changes="recent_action"`: the order that puts the latest action first."""
    lacks: tuple[str, ...] = ()
    """Columns that the surface does not give; a row that is known keeps what the other one gave."""
    never_shows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Column → values: rows that have them are not to be had on this surface, and not gone."""
    shape: Shape = AS_IS
    """How an answer's row becomes one of ours."""
    params: Mapping[str, str] = field(default_factory=dict)
    """Parameters every list request sends."""
    tenant: str | None = "company_id"
    """Parameter that names the company; None when the table is read by the company's own id."""
    either: tuple[str, ...] = ()
    """Parameters that name the company in one part of its rows each: the list is read for each."""
    company_column: str | None = "company__id"
    """Column that says whose row it is; None when rows do not say."""
    company_named: Literal["always", "nullable", "by_id"] = "always"
    """What rows of the list say of it: the company; the company, or null where there is none; or
    nothing, as only the object does. A row that says less than that is refused."""
    proven_by_id: bool = False
    """List rows leave the company out: the first and last one are read by id, where it is named."""
    is_company: bool = False
    """The company itself: its row is read first, and written by every run, so that the newest
    `_whop_synced_at` is that of the last run even when nothing has changed."""
    changes_with: tuple[str, ...] = ()
    """Tables whose new and changed rows name users and members whose rows here may have changed
    with them, without showing it otherwise: those are read again."""
    shared: bool = False
    """Two companies may have the same row, as two shops have a customer in common: each keeps its
    own, and a row is told by company and id."""
    paced: bool = False
    """With `changes="everything"`: the list has no filter or order to find what is new by and grows
    with the business. A long one is not read by every run."""
    listed: bool = True
    """False: there is no list for one company, the object is read by id."""
    list_per: tuple[str, str, str] | None = None
    """There is a list per row of another table only: that table, the parameter with its id, and the
    field under which each row gets that id."""
    optional: bool = False
    """One request per row: read only when it is chosen by name."""
    forgoable: bool = False
    """Many a key may not read it, or a version not have it: unless it is chosen by name, or was
    loaded before, that is said and no failure."""
    one_endpoint: bool = False
    """It came with the Current surface and is the same, asked for in the same way, on both."""
    since: str = ""
    """With `changes="appended"`: parameter for the moment behind which the list begins."""
    page_size: str = "first"
    """Parameter for the number of rows on a page."""
    cursor: str = "after"
    """Parameter for the cursor of the next page."""
    observes: str = ""
    """With `changes="observed"`: field of the company's object with the rows."""
    charts: tuple[Chart, ...] = ()
    """With `changes="charted"`: the series that the table is made of."""
    details: tuple[str, ...] = ()
    """Fields that only the object read by id has. It is read when the list's row is new or has
    changed, and in every full pass."""
    states_table: str | None = None
    """Table beside this one that every state of a row is appended to; None keeps no states."""
    refers_to: Mapping[str, str] = field(default_factory=dict)
    """Column → table it points into; objects that the table's list leaves out are read by id."""
    personal: tuple[str, ...] = ()
    """Columns with names, e-mails, phones and addresses, what opens a door of theirs, and texts and
    JSON that a person has filled in."""
    secrets: tuple[str, ...] = ()
    """Fields that are credentials: the client removes them from every answer."""
    current: CurrentTable = field(default_factory=CurrentTable)
    """What is otherwise on Whop's Current surface; the rest of the row is Legacy's, and is of both
    where this says nothing."""

    def __post_init__(self) -> None:
        columns = {**self.columns, **self.current.columns}
        object.__setattr__(self, "columns", columns)
        personal = dict.fromkeys((*self.personal, *self.current.personal))
        object.__setattr__(self, "personal", tuple(personal))

    def on(self, surface: Surface) -> Resource:
        """Return the table as the surface has it: the same columns, otherwise asked for."""
        if self.one_endpoint:
            return replace(self, tenant=self.tenant and CURRENT.tenant)
        tenant = self.tenant and surface.tenant
        if surface.name == CURRENT.name:
            return replace(self, tenant=tenant, **self.current.on)
        theirs = self.current.on.get("shape", AS_IS).telling
        shape = replace(self.shape, telling=tuple((ours, other) for other, ours in theirs))
        lacks = (*self.current.columns, *self.current.listed)
        return replace(self, tenant=tenant, shape=shape, lacks=lacks)

    @property
    def key(self) -> tuple[str, ...]:
        """Columns that tell a row."""
        return ("company_id", "id") if self.shared else ("id",)

    @property
    def ranged(self) -> bool:
        """Whether its lists come by creation and can be asked so: then they are walked in ranges
        of time side by side, and a full pass can stop and go on later.

        A table that is read whole by every run is short, and is not worth it.
        """
        can_be_sorted = "direction" in self.params
        return (
            self.created_after
            and self.created_at
            and can_be_sorted
            and self.in_ranges
            and self.changes not in ("everything", *FOLLOWING)
        )

    @property
    def follows(self) -> bool:
        """Whether what is read of it follows from the rows of other tables."""
        return not self.listed and not self.is_company


def columns_of(**types: str) -> dict[str, ColumnType]:
    """Spell columns as `type="name name"`, in one mapping; `id` comes first."""
    columns: dict[str, ColumnType] = {"id": "text"}
    for kind, names in types.items():
        for name in names.split():
            columns[name] = kind  # type: ignore[assignment]
    return columns

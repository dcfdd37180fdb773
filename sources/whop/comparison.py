"""Compares what a run has read with the warehouse: what is new, what has changed, what is gone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .planning import EVERYTHING, Settings
from .privacy import KEEP, Privacy
from .reading import Reader
from .resources import Resource
from .schema import DIGEST_LENGTH
from .spool import INDEX_SCHEMA
from .table_run import TableRun
from .warehouse import KNOWN_SCHEMA, Warehouse

ASKED_BY_ID = 50_000
"""Rows up to which the warehouse is asked for these rows, and not for all it has: a run should cost
by the change, not by the table."""


class Comparison:
    """Works out of one company's tables what is to be loaded.

    Args:
        reader: reads what the lists leave out.
        warehouse: what the destination holds, open.
        tables: the tables of the run, their lists read.
        settings: how far to reach back.
        deleted_at: moment at which what is gone is marked, UTC.
        privacy: what becomes of personal data.
    """

    def __init__(
        self,
        reader: Reader,
        warehouse: Warehouse,
        tables: Mapping[str, TableRun],
        settings: Settings,
        deleted_at: datetime,
        privacy: Privacy = KEEP,
    ) -> None:
        self._reader = reader
        self._warehouse = warehouse
        self._tables = tables
        self._settings = settings
        self._deleted_at = deleted_at
        self._privacy = privacy

    def find_gone(self, table: TableRun) -> None:
        """Ask by id for the rows a list should have had, and for those that other tables name."""
        resource = table.resource
        read = table.spool.read_ids()
        if table.plan.whole:
            table.known = self._warehouse.known(resource, created=table.covered)
            alive = table.known.filter(pc.invert(table.known["known_deleted"]))["id"]
            missing = alive.filter(pc.invert(pc.is_in(alive, value_set=read.combine_chunks())))
            expected = set(missing.to_pylist())
        elif resource.changes in ("live_statuses", "feed"):
            ended = ("status", resource.ended_statuses)
            expected = self._warehouse.alive_in(resource, outside=ended)
            expected |= self._warehouse.half_loaded(resource)
            expected -= set(read.to_pylist())
        else:
            return
        for column, values in resource.never_shows.items():
            expected -= self._warehouse.alive_in(resource, (column, values)) if expected else set()
        named: set[str] = set()
        for other in self._tables.values():
            if other.ok:
                named |= other.spool.refers_to[resource.name]
            for column, target in other.resource.refers_to.items():
                apart = other.state.last_run != table.state.last_run
                if target == resource.name and (apart or table.state.last_full is None):
                    # A run has loaded the one table and not the other, or this one was dropped:
                    # what its rows name may be missing since.
                    named |= self._warehouse.values(other.resource, column)
        named -= set(read.to_pylist()) if named else set()
        self._reader.read_by_id(table, expected, named - expected)

    def read_named_by(self, table: TableRun) -> None:
        """Read by id the rows that new and changed rows of other tables name."""
        if table.plan.whole or not table.resource.named_by:
            return
        named: set[str] = set()
        last_run = table.state.last_run
        for name, column in table.resource.named_by.items():
            other = self._tables.get(name)
            if other is None:
                continue
            if other.ok and other.to_load is not None:
                named.update(other.to_load[column].drop_null().to_pylist())
            full_before = table.state.last_full == last_run
            if last_run is not None and (other.state.last_run != last_run or full_before):
                # As below: a row here may be as of before what a row there tells of.
                since = last_run - self._settings.overlap
                named |= self._warehouse.values(other.resource, column, since)
        self._reader.read_by_id(table, set(), named - set(table.spool.read_ids().to_pylist()))

    def read_changed_with(self, table: TableRun) -> None:
        """Read the members whose payments or memberships changed, unless they were read already."""
        if table.plan.whole or not table.resource.changes_with:
            return
        table.spool.flush()
        users: set[str] = set()
        userless: set[str] = set()
        last_run = table.state.last_run
        for name in table.resource.changes_with:
            other = self._tables.get(name)
            if other is None:
                continue
            if other.ok and other.to_load is not None:
                to_load = other.to_load
                users.update(to_load["user__id"].drop_null().to_pylist())
                deleted = to_load.filter(pc.is_null(to_load["user__id"]))["member__id"]
                userless.update(deleted.drop_null().to_pylist())
            full_before = table.state.last_full == last_run
            if last_run is not None and (other.state.last_run != last_run or full_before):
                # A run has loaded the one table and not this one, or a full pass has read the two
                # side by side: members may be as of before the changes that are in there.
                since = last_run - self._settings.overlap
                users |= self._warehouse.values(other.resource, "user__id", since)
        for part in table.spool.index:
            users.difference_update(part["user__id"].to_pylist())
            userless.difference_update(part["id"].to_pylist())
        self._reader.read_users(table, sorted(users))
        # The member of a deleted account cannot be asked for by its user.
        self._reader.read_by_id(table, set(), userless)

    def read_details(self, table: TableRun) -> None:
        """Read by id what a list shows in part: the new and changed rows, in a full pass all."""
        resource = table.resource
        if not resource.details:
            return
        table.spool.flush()
        read = pa.concat_tables(table.spool.index or [INDEX_SCHEMA.empty_table()])
        bare = read.filter(pc.equal(pc.utf8_length(read["_dlt_id"]), DIGEST_LENGTH))
        if table.plan.mode == "incremental" and table.known is not None:
            joined = bare.join(table.known.cast(KNOWN_SCHEMA), "id", join_type="left outer")
            same = pc.equal(self._comparable(resource, joined), joined["_dlt_id"])
            alive = pc.invert(joined["known_deleted"])
            bare = joined.filter(pc.invert(pc.fill_null(pc.and_(same, alive), False)))
        reasons: list[str] = []
        for _, answer in self._reader.objects(resource, sorted(bare["id"].to_pylist())):
            if isinstance(answer, dict):
                self._reader.take(table, [answer])
            else:
                reasons.append(str(answer))
        if reasons:
            missing = ", ".join(resource.details)
            table.report.notes.append(f"{len(reasons)} without {missing}: {reasons[0]}")

    def _comparable(self, resource: Resource, joined: pa.Table) -> Any:
        """The known digests, without their second half where a row was read from the list alone."""
        known = joined["known_digest"]
        if not resource.details:
            return known
        bare = pc.equal(pc.utf8_length(joined["_dlt_id"]), DIGEST_LENGTH)
        return pc.if_else(bare, pc.utf8_slice_codeunits(known, 0, DIGEST_LENGTH), known)

    def settle(self, table: TableRun) -> None:
        """Compare what was read with the warehouse: what is new, what has changed, what is gone."""
        resource = table.resource
        table.spool.close()
        findings = table.spool.rows.findings
        read = pa.concat_tables(table.spool.index or [INDEX_SCHEMA.empty_table()])
        read = read.append_column("position", pa.array(range(read.num_rows), pa.int64()))
        # Of a row that was read twice the later answer counts.
        last = read.group_by("id").aggregate([("position", "max")])["position_max"]
        read = read.filter(pc.is_in(read["position"], value_set=last.combine_chunks()))
        known = KNOWN_SCHEMA.empty_table() if table.known is None else table.known
        if table.known is None or table.covered != EVERYTHING:
            # A pass in parts reads rows from outside what it covers, too: by id, in the seconds
            # next to it, and where Whop takes the bounds for the time a payment was paid.
            beyond = read["id"].filter(pc.invert(_among(read["id"], known)))
            few = len(beyond) <= ASKED_BY_ID
            others = self._warehouse.known(resource, beyond.to_pylist() if few else None)
            known = pa.concat_tables([known, others.filter(pc.invert(_among(others["id"], known)))])
        joined = read.join(known.cast(KNOWN_SCHEMA), "id", join_type="left outer")
        is_new = pc.is_null(joined["known_digest"])
        differs = pc.not_equal(self._comparable(resource, joined), joined["_dlt_id"])
        is_changed = pc.fill_null(pc.or_(differs, joined["known_deleted"]), False)
        # The company's row is written by every run, so that the newest _whop_synced_at is that of
        # the last run even when nothing has changed.
        every = pc.is_valid(joined["id"])
        wanted = every if resource.is_company else pc.or_(is_new, is_changed)
        chosen = joined.filter(wanted)
        table.to_load = chosen.select(["position", "user__id", "member__id", "payment__id"])
        if table.state.both_surfaces and resource.lacks:
            table.kept = self._stored(table, chosen.filter(pc.is_valid(chosen["known_deleted"])))
        gone = sorted(set(table.gone) - set(read["id"].to_pylist())) if table.gone else []
        table.to_mark = self._warehouse.rows(resource, gone, self._deleted_at)
        report = table.report
        report.rows_new = pc.sum(is_new).as_py() or 0
        report.rows_changed = pc.sum(is_changed).as_py() or 0
        report.rows_deleted = table.to_mark.num_rows
        if findings.unknown:
            report.notes.append("unknown fields kept in _whop_extra: " + _counted(findings.unknown))
        if findings.unfit:
            report.notes.append(
                "values of an unexpected type kept in _whop_extra: " + _counted(findings.unfit)
            )
        if findings.too_deep:
            report.notes.append("fields nested too deep: " + _counted(findings.too_deep))
        if table.cleaned:
            report.notes.append(
                f"{table.cleaned} texts had control characters, which were left out"
            )

    def _stored(self, table: TableRun, known: pa.Table) -> pa.Table:
        """What is stored of these rows in the columns that this surface does not give."""
        resource = table.resource
        hidden = {*resource.personal} if self._privacy.mode != "keep" else set()
        names = ["id", *(name for name in resource.lacks if name not in hidden)]
        return self._warehouse.stored(resource, known["id"].to_pylist(), names)


def _among(ids: pa.ChunkedArray, known: pa.Table) -> pa.ChunkedArray:
    return pc.is_in(ids, value_set=known["id"].combine_chunks())


def _counted(counter: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in sorted(counter.items()))

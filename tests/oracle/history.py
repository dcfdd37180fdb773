"""What was seen when: the states of memberships, the versions of plans, the runs of the sync."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime

from oracle.basics import EARLIEST, Raw, Row
from oracle.plans import COLUMNS, PlanHistory


class History:
    """The past of a company's rows."""

    def __init__(self, raw: Raw, plans: PlanHistory) -> None:
        self.raw = raw
        self.plans = plans

    def data_freshness(self) -> list[Row]:
        """The last run of each table, and the last one that read it."""
        last: dict[str, Row] = {}
        for run in sorted(self.raw.table("sync_runs"), key=lambda run: run["started_at"]):
            row = last.setdefault(
                run["table_name"], {"table_name": run["table_name"], "last_read_run_id": None}
            )
            row["last_run_id"], row["last_run_status"] = run["run_id"], run["status"]
            row["last_run_at"] = run["started_at"]
            row["last_run_unreadable"] = run.get("unreadable")
            if run["status"] == "ok":
                row["last_read_run_id"], row["last_read_at"] = run["run_id"], run["started_at"]
        return [{"last_read_at": None, **row} for row in last.values()]

    def plan_history(self) -> list[Row]:
        """The versions that had begun by as_of."""
        return [
            {
                "plan_id": version.plan_id,
                "valid_from": version.valid_from,
                "valid_to": version.valid_to if self.raw.known_day(version.valid_to) else None,
                **{name: getattr(version, name) for name in COLUMNS},
                "source": version.source,
            }
            for versions in self.plans.versions.values()
            for version in versions
            if version.begins <= self.raw.as_of
        ]

    def membership_history(self) -> list[Row]:
        """The states each membership was seen in; the same state seen again in a row is one."""
        by_membership: dict[str, list[Row]] = defaultdict(list)
        for row in self.raw.all("membership_states"):
            by_membership[row["id"]].append(row)
        rows = []
        for membership_id, states in by_membership.items():
            states.sort(key=lambda row: (row["_whop_synced_at"], row.get("updated_at") or EARLIEST))
            seen: list[tuple[datetime, Row]] = []
            for index, row in enumerate(states):
                before = states[index - 1] if index else None
                if before is None or content(before) != content(row):
                    seen.append((valid_from(row, before), row))
            for index, (began, row) in enumerate(seen):
                ended = self.raw.deleted.get(membership_id)
                if index + 1 < len(seen):
                    ended = seen[index + 1][0]
                if not row.get("_whop_deleted_at") and began <= self.raw.as_of:
                    rows.append(
                        {
                            "membership_id": membership_id,
                            "status": row.get("status"),
                            "canceled_at": row.get("canceled_at"),
                            "valid_from": began,
                            "valid_to": ended if self.raw.known_day(ended) else None,
                        }
                    )
        return rows


def valid_from(row: Row, before: Row | None) -> datetime:
    """When a state began: when Whop says it changed, if that can be, else when it was seen."""
    seen: datetime = row["_whop_synced_at"]
    changed: datetime | None = row.get("updated_at")
    deleted: datetime | None = row.get("_whop_deleted_at")
    if deleted:
        return deleted
    if before is None:
        return min(changed or row.get("created_at") or seen, seen)
    if changed and before["_whop_synced_at"] < changed <= seen:
        return changed
    return seen


def content(row: Row) -> str:
    """What a row says, without what the sync stamped on it and what a member wrote by hand."""
    left_out = ("_whop_synced_at", "_dlt_load_id", "_dlt_id", "cancellation_reason")
    said = {name: str(value) for name, value in row.items() if name not in left_out and value}
    return json.dumps(said, sort_keys=True)

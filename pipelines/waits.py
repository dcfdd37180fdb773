"""Says who holds what a run of ours waited for on Postgres, and waited for in vain."""

from __future__ import annotations

from .destination import Destination

HOLDERS = """select activity.pid, activity.usename, activity.application_name,
  coalesce(activity.state, 'at work') as state, activity.xact_start as since
from pg_stat_activity as activity
where activity.pid <> pg_backend_pid() and activity.pid in (
  select locks.pid
  from pg_locks as locks
  join pg_class as held on held.oid = locks.relation
  join pg_namespace as spaces on spaces.oid = held.relnamespace
  where locks.granted
    and locks.database = (select oid from pg_database where datname = current_database())
    and spaces.nspname = %s and (held.relname = %s or %s = '')
)
order by since, activity.pid"""


def who_holds(destination: Destination, schema: str, relation: str = "") -> str:
    """Name the sessions that hold a lock of any kind on a table or view.

    Args:
        destination: a Postgres warehouse.
        schema: a schema.
        relation: a table or view in it; empty means any of them.

    Returns:
        Per session the process, user, application, what it does and since when (UTC), and how to
        end it; says so when there is none any more. What other roles' sessions do, and since when,
        is told to superusers and members of pg_read_all_stats only.
    """
    _, rows = destination.query(HOLDERS, schema, relation, relation)
    sessions = [
        f"Postgres process {pid} (user {user}, application {application or 'without a name'}, "
        f"{state}" + (f" since {since:%Y-%m-%d %H:%M:%S %Z})" if since else ")")
        for pid, user, application, state, since in rows
    ]
    if not sessions:
        return "whoever had it open is gone by now"
    ends = ", ".join(f"pg_terminate_backend({row[0]})" for row in rows)
    return f"it is open in {'; '.join(sessions)}. End that with select {ends}"

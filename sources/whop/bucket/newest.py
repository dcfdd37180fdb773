"""The SQL that makes a table of its files: the newest version of each row, typed as declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

NEWEST_BY = ("_whop_synced_at", "_dlt_load_id")
"""Columns by which one version of a row is newer than another: the time of the run by Whop's clock,
and where that is the same, as of two parts of a run, the load, which is numbered by time."""

_FILE, _ROW = "_whop_file", "file_row_number"


def newest(files: Sequence[str], types: Mapping[str, str], key: Sequence[str]) -> str:
    """DuckDB's SELECT of the newest version of each row.

    Args:
        files: paths or addresses of the files that count; none gives no rows.
        types: column and DuckDB's type of it. A column that no file has is null.
        key: columns that are the same in all versions of a row; none takes every row.
    """
    declared = ", ".join(f"cast(null as {kind}) as {_name(name)}" for name, kind in types.items())
    shown = ", ".join(
        f"cast({_name(name)} as {kind}) as {_name(name)}" for name, kind in types.items()
    )
    nothing = f"select {declared} where false"
    if not files:
        return nothing
    listed = ", ".join(_text(file) for file in files)
    read = (
        f"read_parquet([{listed}], union_by_name = true, filename = '{_FILE}', "
        "file_row_number = true)"
    )
    held = f"select held.* from {read} as held"
    if key:
        # The rows are told from one another by where they are, so that all else of them is read
        # once and kept by nobody: sorting whole rows takes three times as long.
        order = ", ".join(_name(name) for name in NEWEST_BY)
        held += (
            f" semi join (select unnest(arg_max({{'{_FILE}': {_FILE}, '{_ROW}': {_ROW}}}, "
            f"({order}))) from {read} group by {', '.join(map(_name, key))}) as newest "
            f"using ({_FILE}, {_ROW})"
        )
    return f"select {shown} from ({nothing} union all by name {held})"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"

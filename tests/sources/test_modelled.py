"""The columns of which an unreadable value makes a run end with 3 are those the models use."""

from __future__ import annotations

import re
from pathlib import Path

from whop_source.modelled import MODELLED
from whop_source.resources import BY_NAME

MODELS = Path(__file__).parents[2] / "dbt" / "models"
WORD = re.compile(r"[a-z_][a-z0-9_]*")
READ = re.compile(r"(?:source\('whop_raw', |newest_version\()'(\w+)'")


def used_columns() -> dict[str, set[str]]:
    """Columns of raw tables that a model behind staging names, by table."""
    models = [
        path.read_text()
        for path in MODELS.rglob("*.sql")
        if path.parent.name not in ("staging", "base")
    ]
    used: dict[str, set[str]] = {}
    for path in (MODELS / "staging").rglob("*.sql"):
        sql = path.read_text()
        source = READ.search(sql)
        name = path.stem.partition("__")[2]
        readers = [
            set(WORD.findall(model))
            for model in models
            if re.search(rf"ref\('(?:stg|base)_whop__{name}'\)", model)
        ]
        if not source or source[1] not in BY_NAME or not readers:
            continue
        renamed = sql.partition("renamed as (")[2] or sql
        for line in renamed.partition("select")[2].partition("from ")[0].split(",\n"):
            expression, _, alias = line.strip().rpartition(" as ")
            found = set(WORD.findall(expression or alias)) & BY_NAME[source[1]].columns.keys()
            if any(alias in words for words in readers):
                used.setdefault(source[1], set()).update(found)
    return used


def test_every_column_that_the_models_use_is_one_of_them() -> None:
    used = used_columns()
    assert {"total", "paid_at", "status"} <= used["payments"], "the models are not read any more"
    missing = {
        table: sorted(columns - set(MODELLED.get(table, ())))
        for table, columns in used.items()
        if columns - set(MODELLED.get(table, ()))
    }
    assert not missing, f"add to sources/whop/modelled.py: {missing}"


def test_each_of_them_is_a_column_of_its_table() -> None:
    for table, columns in MODELLED.items():
        assert set(columns) <= BY_NAME[table].columns.keys(), table

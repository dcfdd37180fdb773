"""Makes Superset's datasets of the marts: titles beside ids, labels, and metrics that add up."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from ..destination import MARTS
from .marts import Column, Mart

VERSION = "1.0.0"
"""Version of Superset's file format."""

DATABASE = "Whop"

_NAMESPACE = uuid.UUID("5b1f6f0e-2f57-4a3c-9a52-1c8f0c0b7a19")
"""Where our identifiers come from: the same thing has the same one for ever, so that importing it
again replaces it."""

_TITLES: Mapping[str, tuple[str, str, str]] = {
    "company": ("company_id", "dim_companies", "Company"),
    "plan": ("plan_id", "dim_plans", "Plan"),
    "product": ("product_id", "dim_products", "Product"),
}
"""Columns with titles: of which id, from which mart, its label."""

_ACRONYMS = {
    "mrr": "MRR", "arr": "ARR", "nrr": "NRR", "grr": "GRR", "arpu": "ARPU", "ltv": "LTV",
    "id": "ID", "fx": "FX", "usd": "(US$)",
}  # fmt: skip


_MOMENTS = ("months_ahead", "month", "date")
"""Columns that say of which moment a level is; the first that a mart has. A table of what stands
now has none."""


def identifier(kind: str, name: str) -> str:
    """The identifier of a thing in the bundle."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind}/{name}"))


def label(name: str) -> str:
    """A column's name for people: mrr_end_usd is MRR end (US$)."""
    words = [_ACRONYMS.get(word, word) for word in name.split("_")]
    text = " ".join(words)
    return text[0].upper() + text[1:]


def dataset(mart: Mart, rules: Mapping[str, Any]) -> dict[str, Any]:
    """Superset's dataset of a mart; importing it needs no connection."""
    added = list(_added(mart))
    return {
        "table_name": mart.name,
        "main_dttm_col": mart.time,
        "description": mart.description,
        "schema": MARTS,
        "sql": _sql(mart, [column.name for column in added]),
        "filter_select_enabled": True,
        "normalize_columns": False,
        "always_filter_main_dttm": False,
        "uuid": identifier("dataset", mart.name),
        "metrics": list(_metrics(mart, rules)),
        "columns": [_column(column) for column in (*mart.columns, *added)],
        "version": VERSION,
        "database_uuid": identifier("database", DATABASE),
    }


def _column(column: Column) -> dict[str, Any]:
    return {
        "column_name": column.name,
        "verbose_name": label(column.name),
        "is_dttm": column.is_time,
        "is_active": True,
        # Superset 6.1 cannot write a DATE for DuckDB, as the drill from a month to its members has
        # it do; a timestamp it can, and both engines compare that with a day.
        "type": "TIMESTAMP" if column.is_time else column.kind,
        "groupby": True,
        "filterable": True,
        "description": column.description,
    }


def _is_segmented(mart: Mart) -> bool:
    return {"dimension", "value"} <= set(mart.names)


def _added(mart: Mart) -> Iterator[Column]:
    for name, (key, _, what) in _TITLES.items():
        if key in mart.names and name not in mart.names:
            yield Column(
                name,
                "VARCHAR",
                f"{what} by its title; the end of its id too, where two have the same.",
            )
    if _is_segmented(mart):
        yield Column("value_title", "VARCHAR", "The value; of a plan or a product, its title.")


def _title(name: str) -> str:
    """A query for the titles of one mart; two things of one title are told apart by their ids."""
    key, mart, _ = _TITLES[name]
    shown = f"coalesce(nullif(trim(title), ''), {key})"
    if name == "plan":
        shown += " || coalesce(' · ' || nullif(trim(product_title), ''), '')"
    return (
        f"    select\n        {key},\n        case\n"
        f"            when count(*) over (partition by {shown}) > 1\n"
        f"                then {shown} || ' (…' || right({key}, 4) || ')'\n"
        f"            else {shown}\n        end as {name}\n    from {MARTS}.{mart}"
    )


def _sql(mart: Mart, added: list[str]) -> str:
    """The mart with titles, in words that DuckDB and Postgres both know."""
    segmented = "value_title" in added
    titles = [name for name in added if name in _TITLES]
    joined = titles + (["plan", "product"] if segmented else [])
    ctes = ",\n\n".join(f"{name}_titles as (\n{_title(name)}\n)" for name in joined)
    shown = [f"    mart.{column}" for column in mart.names]
    # A plan that is not known is a plan as well: what it brought in must not fall out of a sum.
    shown += [
        f"    coalesce({name}_titles.{name}, mart.{_TITLES[name][0]}, 'none') as {name}"
        for name in titles
    ]
    joins = [
        f"left join {name}_titles on {name}_titles.{_TITLES[name][0]} = mart.{_TITLES[name][0]}"
        for name in titles
    ]
    if segmented:
        shown.append(
            "    coalesce(plan_titles.plan, product_titles.product, mart.value) as value_title"
        )
        joins += [
            f"left join {name}_titles on mart.dimension = '{name}' "
            f"and {name}_titles.{name}_id = mart.value"
            for name in ("plan", "product")
        ]
    lines = [f"with {ctes}\n", "select", ",\n".join(shown), f"from {MARTS}.{mart.name} as mart"]
    return "\n".join([*lines, *joins]) + "\n"


def _metrics(mart: Mart, rules: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What can be asked of a mart without adding up what does not add up.

    A flow is a sum. A level (MRR, customers) is the sum at one time; over several times it is the
    average of them, never their sum. A ratio is that of the sums. Everything else has no metric.
    """
    yield _metric("count_rows", "Rows", "count(*)", "How many rows there are.", ",d")
    # Along ten dimensions each dollar is there ten times.
    per = " / nullif(count(distinct dimension), 0)" if _is_segmented(mart) else ""
    once = " Over several dimensions their average: each has the whole." if per else ""
    for column in mart.columns:
        name, text = column.name, column.description
        if not column.is_number or column.name in rules["ignored"]:
            continue
        ratio = rules["ratios"].get(name)
        if ratio is not None:
            above, below = ratio["of"], ratio["by"]
            if {above, below} <= set(mart.names):
                upper = f"sum({name} * {below})" if above == name else f"sum({above})"
                yield _metric(
                    f"ratio_{name}", label(name), f"{upper} * 1.0 / nullif(sum({below}), 0)",
                    f"{text} Over several rows the ratio of the sums.", ratio["format"],
                )  # fmt: skip
            continue
        # Whole dollars: this format counts more than a chart's own, and only tables show cents.
        kind = "$,.0f" if name.endswith("_usd") else ",d"
        if re.fullmatch(rules["levels"], f"{mart.name}.{name}"):
            if "months_since" in mart.names:
                # Only one cohort at one age is a level: nothing adds up beyond that.
                continue
            moment = next((each for each in _MOMENTS if each in mart.names), None)
            times = f" / nullif(count(distinct {moment}), 0)" if moment else ""
            note = " At one time; over several times, their average." if times else ""
            yield _metric(
                f"level_{name}", label(name), f"sum({name}) * 1.0{times}{per}",
                text + note + once, kind if kind != ",d" else ",.1~f",
            )  # fmt: skip
        elif re.fullmatch(rules["flows"], name):
            yield _metric(
                f"sum_{name}", label(name), f"sum({name}){' * 1.0' if per else ''}{per}",
                text + once, kind,
            )  # fmt: skip


def _metric(name: str, shown: str, expression: str, text: str, d3: str) -> dict[str, Any]:
    return {
        "metric_name": name,
        "verbose_name": shown,
        "metric_type": "expression",
        "expression": expression,
        "description": text,
        "d3format": d3,
    }

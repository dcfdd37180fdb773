"""Makes Superset's charts and dashboards of the layouts that are kept by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..errors import PipelineError
from .datasets import VERSION, identifier
from .marts import Mart

Params = dict[str, Any]

COLUMNS = 12
"""Columns of Superset's grid."""

_COLORS = "supersetColors"

FILTERS: Mapping[str, tuple[str, str, str]] = {
    "company": ("Company", "dim_companies", "company"),
    "plan": ("Plan", "dim_plans", "plan"),
    "product": ("Product", "dim_products", "product"),
    "country": ("Country", "fct_payments", "billing_country"),
    "currency": ("Currency", "fct_payments", "currency"),
}
"""Filters that choose values: name, the mart the values come from, the column."""


def chart(key: str, given: Mapping[str, Any], mart: Mart, metrics: set[str]) -> Params:
    """A chart of Superset.

    Args:
        key: its name in the layouts.
        given: what the layout says: title, description, mart, kind, and what the kind takes.
        mart: the mart it is of.
        metrics: the metrics of the mart's dataset.

    Raises:
        PipelineError: the layout names a kind, a column or a metric that does not exist.
    """
    kind = given["kind"]
    if kind not in _KINDS:
        raise PipelineError(f"{key}: there is no kind {kind}, only {', '.join(_KINDS)}")
    for metric in given.get("metrics", []):
        if metric not in metrics:
            raise PipelineError(f"{key}: {mart.name} has no metric {metric}")
    viz_type, make = _KINDS[kind]
    time = given.get("time", mart.time)
    params: Params = {
        "viz_type": viz_type,
        "adhoc_filters": [*_period(time), *map(_where, given.get("where", []))],
        "time_range": "No filter",
        "color_scheme": _COLORS,
        "row_limit": given.get("limit", 1000),
        "extra_form_data": {},
        **make(given, time),
        **given.get("params", {}),
    }
    return {
        "slice_name": given["title"],
        "description": given["description"].strip(),
        "viz_type": viz_type,
        "params": params,
        "query_context": None,
        "cache_timeout": None,
        "uuid": identifier("chart", key),
        "version": VERSION,
        "dataset_uuid": identifier("dataset", mart.name),
    }


def _period(time: str | None) -> list[Params]:
    """What the dashboard's period takes hold of."""
    if time is None:
        return []
    return [
        {
            "clause": "WHERE",
            "comparator": "No filter",
            "expressionType": "SIMPLE",
            "operator": "TEMPORAL_RANGE",
            "subject": time,
        }
    ]


def _where(condition: str) -> Params:
    return {"clause": "WHERE", "expressionType": "SQL", "sqlExpression": condition}


def _total(given: Mapping[str, Any], time: str | None) -> Params:
    (metric,) = given["metrics"]
    return {
        "metric": metric,
        "subheader": given.get("says", ""),
        "header_font_size": 0.4,
        "subheader_font_size": 0.15,
    }


def _trend(given: Mapping[str, Any], time: str | None) -> Params:
    (metric,) = given["metrics"]
    return {
        "metric": metric,
        "x_axis": time,
        "time_grain_sqla": "P1M",
        # A share that changes by a share says nothing: only amounts are compared.
        "compare_lag": 1 if given.get("compared", True) else None,
        "compare_suffix": "on the month before",
        "show_trend_line": True,
        "start_y_axis_at_zero": False,
        "header_font_size": 0.4,
        "subheader_font_size": 0.15,
        "time_format": "%b %Y",
    }


def _series(given: Mapping[str, Any], time: str | None) -> Params:
    x_axis = given.get("x", time)
    in_time = x_axis == time
    params: Params = {
        "x_axis": x_axis,
        "metrics": given["metrics"],
        "groupby": given.get("by", []),
        # The largest have a colour each, the rest are one together, so that the sum stays.
        **_few(given),
        "show_legend": len(given["metrics"]) > 1 or bool(given.get("by")),
        "legendType": "scroll",
        "legendOrientation": "top",
        "rich_tooltip": True,
        "show_empty_columns": True,
        # Short, so that the labels do not run into each other on a small screen.
        "x_axis_time_format": "%b '%y",
        "tooltipTimeFormat": "%b %Y",
        "truncateXAxis": False,
        "y_axis_format": given.get("format", "SMART_NUMBER"),
        "truncateYAxis": False,
        "x_axis_title": "",
        "y_axis_title": given.get("unit", ""),
        "y_axis_title_margin": 40 if given.get("unit") else 0,
        "y_axis_title_position": "Left",
    }
    if in_time:
        params["time_grain_sqla"] = given.get("grain", "P1M")
    else:
        params |= {"x_axis_sort_asc": True, "xAxisForceCategorical": True}
    return params


def _few(given: Mapping[str, Any]) -> Params:
    if "most" not in given:
        return {}
    number, metric = given["most"]
    return {
        "limit": number,
        "timeseries_limit_metric": metric,
        "order_desc": True,
        "group_others_when_limit_reached": given.get("rest", True),
    }


def _bars(given: Mapping[str, Any], time: str | None) -> Params:
    return _series(given, time) | {"stack": "Stack", "only_total": True}


def _lines(given: Mapping[str, Any], time: str | None) -> Params:
    return _series(given, time) | {"markerEnabled": True, "seriesType": "line"}


def _area(given: Mapping[str, Any], time: str | None) -> Params:
    return _series(given, time) | {"stack": "Stack", "opacity": 0.6, "seriesType": "line"}


def _ranking(given: Mapping[str, Any], time: str | None) -> Params:
    return _series(given, time) | {
        "orientation": "horizontal",
        "x_axis_sort": given["metrics"][0],
        # Drawn from below: the largest is on top.
        "x_axis_sort_asc": True,
        "show_value": True,
        "stack": None,
    }


def _table(given: Mapping[str, Any], time: str | None) -> Params:
    common: Params = {
        "show_cell_bars": False,
        "table_timestamp_format": "%Y-%m-%d",
        "server_pagination": False,
        # All rows, to scroll through.
        "page_length": 0,
        "include_search": bool(given.get("search")),
        "column_config": {
            name: {"d3NumberFormat": "$,.2f" if name.endswith("_usd") else ",.2f"}
            for name in (*given.get("columns", []), *given.get("metrics", []))
            if name.endswith(_AMOUNTS)
        },
    }
    if "columns" in given:
        return common | {
            "query_mode": "raw",
            "all_columns": given["columns"],
            "order_by_cols": [f'["{name}", {str(up).lower()}]' for name, up in given["order"]],
        }
    return common | {
        "query_mode": "aggregate",
        "groupby": given["by"],
        "metrics": [
            _counted(given["counted"]) if name == "count_rows" else name
            for name in given["metrics"]
        ],
        "timeseries_limit_metric": given["metrics"][0],
        "order_desc": True,
    }


def _counted(what: str) -> Params:
    """A count of rows under the name of what they are: nobody knows what "Rows" are."""
    return {
        "expressionType": "SQL",
        "sqlExpression": "count(*)",
        "label": what,
        "hasCustomLabel": True,
        "optionName": f"metric_{what.lower()}",
    }


def _heatmap(given: Mapping[str, Any], time: str | None) -> Params:
    (metric,) = given["metrics"]
    return {
        "metric": metric,
        "x_axis": given["x"],
        "groupby": given["by"],
        "time_grain_sqla": None,
        "sort_x_axis": "alpha_asc",
        "sort_y_axis": "alpha_desc",
        "normalize_across": "heatmap",
        "linear_color_scheme": "schemePuBuGn",
        "legend_type": "continuous",
        "show_legend": True,
        "show_percentage": False,
        "show_values": True,
        "value_bounds": [0, 1],
        "y_axis_format": given.get("format", "SMART_NUMBER"),
        "x_axis_time_format": "%b %Y",
        "xscale_interval": -1,
        "yscale_interval": -1,
        "left_margin": 75,
        "bottom_margin": 50,
    }


_AMOUNTS = ("_usd", "amount", "total", "difference", "balance")
"""Ends of the names of columns with amounts, in dollars or a currency of their own."""

_KINDS: Mapping[str, tuple[str, Callable[[Mapping[str, Any], str | None], Params]]] = {
    "total": ("big_number_total", _total),
    "trend": ("big_number", _trend),
    "bars": ("echarts_timeseries_bar", _bars),
    "lines": ("echarts_timeseries_line", _lines),
    "area": ("echarts_area", _area),
    "ranking": ("echarts_timeseries_bar", _ranking),
    "table": ("table", _table),
    "heatmap": ("heatmap_v2", _heatmap),
}


def dashboard(
    layout: Mapping[str, Any], marts: Mapping[str, Mart], columns: Mapping[str, set[str]]
) -> Params:
    """A dashboard of Superset: rows of charts under headings, and filters.

    Args:
        layout: as in bi/superset/layouts.
        marts: the marts that there are; a chart of another one is left out.
        columns: the columns of each mart's dataset, titles too.
    """
    position: Params = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": [], "parents": ["ROOT_ID"]},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": layout["title"]}},
    }
    numbers: dict[str, int] = {}
    for number, row in enumerate(layout["rows"], 1):
        given = {key: layout["charts"][key] for key in row.get("charts", {})}
        shown = {key: row["charts"][key] for key in given if given[key]["mart"] in marts}
        if not (
            row.get("of", layout["slug"]) in {layout["slug"], *marts} if "heading" in row else shown
        ):
            continue
        name = f"ROW-{number}"
        position["GRID_ID"]["children"].append(name)
        parents = ["ROOT_ID", "GRID_ID"]
        if "heading" in row:
            position[name] = _text(name, row["heading"], parents)
            continue
        position[name] = {
            "type": "ROW",
            "id": name,
            "children": [f"CHART-{key}" for key in shown],
            "parents": parents,
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
        left = COLUMNS - sum(row["charts"].values())
        if left < 0:
            raise PipelineError(f"{layout['slug']}: row {number} is wider than {COLUMNS}")
        for key, width in shown.items():
            numbers[key] = len(numbers) + 1
            position[f"CHART-{key}"] = {
                "type": "CHART",
                "id": f"CHART-{key}",
                "children": [],
                "parents": [*parents, name],
                "meta": {
                    "chartId": numbers[key],
                    "uuid": identifier("chart", key),
                    "sliceName": given[key]["title"],
                    "width": width,
                    "height": row["height"],
                },
            }
    return {
        "dashboard_title": layout["title"],
        "description": layout["description"].strip(),
        "css": "",
        "slug": layout["slug"],
        "published": True,
        "uuid": identifier("dashboard", layout["slug"]),
        "position": position,
        "metadata": {
            "color_scheme": _COLORS,
            "cross_filters_enabled": False,
            "expanded_slices": {},
            "label_colors": layout.get("colors", {}),
            # Beside the charts it would take a quarter of a small screen.
            "filter_bar_orientation": "HORIZONTAL",
            "refresh_frequency": 0,
            "timed_refresh_immune_slices": [],
            "native_filter_configuration": list(_filters(layout, numbers, columns)),
        },
        "version": VERSION,
    }


def _text(name: str, text: str, parents: list[str]) -> Params:
    return {
        "type": "HEADER",
        "id": name,
        "children": [],
        "parents": parents,
        "meta": {
            "text": text.strip(),
            "headerSize": "MEDIUM_HEADER",
            "background": "BACKGROUND_TRANSPARENT",
        },
    }


def _filters(
    layout: Mapping[str, Any], numbers: Mapping[str, int], columns: Mapping[str, set[str]]
) -> Iterator[Params]:
    for name in layout["filters"]:
        base = {
            "id": f"NATIVE_FILTER-{layout['slug']}-{name}",
            "type": "NATIVE_FILTER",
            "cascadeParentIds": [],
            "defaultDataMask": {"extraFormData": {}, "filterState": {}, "ownState": {}},
        }
        if name == "period":
            yield base | {
                "name": "Period",
                "filterType": "filter_time",
                "targets": [{}],
                "controlValues": {"enableEmptyFilter": False},
                "description": "Which time is shown; what stands now is shown as it is now.",
                "scope": {"rootPath": ["ROOT_ID"], "excluded": []},
            }
            continue
        shown, mart, column = FILTERS[name]
        # A chart that cannot be filtered by it is out of its reach, and shows no sign of it.
        without = [
            number
            for key, number in numbers.items()
            if column not in columns[layout["charts"][key]["mart"]]
        ]
        yield base | {
            "name": shown,
            "filterType": "filter_select",
            "targets": [{"datasetUuid": identifier("dataset", mart), "column": {"name": column}}],
            "controlValues": {
                "enableEmptyFilter": False,
                "defaultToFirstItem": False,
                "multiSelect": True,
                "searchAllOptions": True,
                "inverseSelection": False,
            },
            "description": "Charts that heed it show the filter's sign beside their title."
            if without
            else "",
            "scope": {"rootPath": ["ROOT_ID"], "excluded": without},
        }

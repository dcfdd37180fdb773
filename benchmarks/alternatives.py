"""The other ways from Whop's API into a warehouse, each configured as its documentation advises."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import dlt
from dlt.sources.rest_api import rest_api_source
from dlt.sources.rest_api.typing import RESTAPIConfig

from .setting import PAGE_ROWS, Setting

TABLE = "payments"


def tune_dlt(expected_rows: int, workers: int) -> None:
    """Apply the advice of dlt's page "Optimizing dlt" that touches this load.

    Normalizing in several processes needs several files to normalize, so files are rotated; there
    is one to a process, as more would only repeat the work each one costs. (The rest of that page
    is about many resources at once, or is what dlt does by default.)
    """
    os.environ["NORMALIZE__WORKERS"] = str(workers)
    os.environ["EXTRACT__DATA_WRITER__FILE_MAX_ITEMS"] = str(-(-expected_rows // workers))


def new_pipeline(setting: Setting, name: str) -> dlt.Pipeline:
    """A dlt pipeline into an empty DuckDB file, with its own folder."""
    folder = setting.folder(name)
    return dlt.pipeline(
        "alternative",
        pipelines_dir=str(folder / "dlt"),
        destination=dlt.destinations.duckdb(str(folder / "whop.duckdb")),
        dataset_name="raw",
    )


def rest_api(setting: Setting) -> Any:
    """Return dlt's `rest_api` source for payments.

    As in dlt's tutorial of it: bearer token, cursor paginator, `primary_key` and `merge` in
    `resource_defaults`, the largest page the API has. `has_more_path` saves the request for a page
    behind the last.
    """
    config: RESTAPIConfig = {
        "client": {
            "base_url": f"{setting.base_url}/",
            "auth": {"type": "bearer", "token": setting.api_key},
            "paginator": {
                "type": "cursor",
                "cursor_path": "page_info.end_cursor",
                "cursor_param": "after",
                "has_more_path": "page_info.has_next_page",
            },
        },
        "resource_defaults": {"primary_key": "id", "write_disposition": "merge"},
        "resources": [
            {
                "name": TABLE,
                "endpoint": {
                    "path": TABLE,
                    "params": {"first": PAGE_ROWS, **_query(setting)},
                    "data_selector": "data",
                },
            }
        ],
    }
    return rest_api_source(config)


def official_sdk(setting: Setting) -> Any:
    """Return a dlt resource fed by the pager of Whop's official Python client.

    Pages are handed on whole, which dlt's documentation advises, as the plain dicts that the
    client's own `to_dict` gives.
    """
    from whop_sdk import Whop

    @dlt.resource(name=TABLE, primary_key="id", write_disposition="merge")
    def payments() -> Iterator[list[dict[str, object]]]:
        with Whop(api_key=setting.api_key, base_url=setting.base_url) as client:
            query: dict[str, Any] = _query(setting)
            query["include_free"] = True
            pages = client.payments.list(first=PAGE_ROWS, **query).iter_pages()
            for page in pages:
                yield [payment.to_dict() for payment in page.data]

    return payments


def _query(setting: Setting) -> dict[str, Any]:
    """The same rows in the same order as our own source asks for."""
    return {
        "company_id": setting.company_id,
        "include_free": "true",
        "order": "created_at",
        "direction": "asc",
    }

"""What dbt says of a build, as far as a publication looks."""

from __future__ import annotations

from types import SimpleNamespace

from restating import MEMORY

from whop_elt.destination import INTERMEDIATE

KEPT = [(INTERMEDIATE, name) for name in MEMORY]
"""The tables that remember."""

OUTCOMES = [
    SimpleNamespace(
        node=SimpleNamespace(
            resource_type="model",
            schema=schema,
            alias=name,
            config=SimpleNamespace(materialized="incremental", full_refresh=False),
        )
    )
    for schema, name in KEPT
]

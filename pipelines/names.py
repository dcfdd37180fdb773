"""What things are called in the warehouse, and where things are on this machine."""

from __future__ import annotations

from pathlib import Path

PIPELINE_NAME = "whop"
DATASET = "whop_raw"
MODELS = "whop"
"""What the models' schemas begin with: `_staging`, `_intermediate` and `_marts` follow."""

MARTS = f"{MODELS}_marts"
"""Schema of the marts."""

STAGING = f"{MODELS}_staging"
INTERMEDIATE = f"{MODELS}_intermediate"
"""Schemas of what the marts are made of."""

PERSONAL = f"{MODELS}_personal"
"""Schema of names and addresses, which the marts hold none of."""

BUILD_LOCK = "build.lock"
"""In a folder with builds: held by who builds there, on whatever engine."""

WORK_FOLDER = Path(".whop-elt")
"""Lock, dlt's working files, dbt's artefacts: nothing in it is missed when it is lost."""

PROJECT = Path(__file__).parent / "dbt_project"
"""The dbt project."""

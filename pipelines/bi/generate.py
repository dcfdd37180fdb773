"""Makes the bundle in bi/superset again: `python -m whop_elt.bi.generate whop-marts.duckdb`.

Datasets, metrics and labels come from the marts and their descriptions; layouts and charts from
the files in bi/superset/layouts, which are kept by hand. A chart of a mart that is not there is
left out.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from .charts import chart, dashboard
from .datasets import DATABASE, VERSION, dataset, identifier
from .marts import Mart, read_marts

FILES = Path(__file__).parent / "files" / "superset"
"""What is kept by hand, and the bundle made of it."""

BUNDLE = FILES / "bundle"

METADATA = {"version": VERSION, "type": "assets", "timestamp": "2026-01-01T00:00:00+00:00"}
"""What Superset wants to know of a bundle; a time that does not move keeps the files the same."""


def bundle(marts: list[Mart], files: Path = FILES) -> dict[str, Any]:
    """Return every file of the bundle, by its path; each is to be written as YAML.

    Raises:
        PipelineError: a layout names what does not exist.
    """
    rules = yaml.safe_load((files / "metrics.yaml").read_text())
    named = {mart.name: mart for mart in marts}
    datasets = {mart.name: dataset(mart, rules) for mart in marts}
    made: dict[str, Any] = {
        "metadata.yaml": METADATA,
        f"databases/{DATABASE}.yaml": database("duckdb:////srv/whop/whop-marts.duckdb", {}),
    }
    for name, each in datasets.items():
        made[f"datasets/{DATABASE}/{name}.yaml"] = each
    columns = {
        name: {column["column_name"] for column in each["columns"]}
        for name, each in datasets.items()
    }
    for path in sorted((files / "layouts").glob("*.yaml")):
        layout = yaml.safe_load(path.read_text())
        for key, given in layout["charts"].items():
            if given["mart"] in named:
                metrics = {each["metric_name"] for each in datasets[given["mart"]]["metrics"]}
                made[f"charts/{key}.yaml"] = chart(key, given, named[given["mart"]], metrics)
        made[f"dashboards/{layout['slug']}.yaml"] = dashboard(layout, named, columns)
    return made


def database(uri: str, engine: Mapping[str, Any]) -> dict[str, Any]:
    """Superset's database connection: reading only, as far as Superset can say so."""
    return {
        "database_name": DATABASE,
        "sqlalchemy_uri": uri,
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_file_upload": False,
        "extra": {
            "allows_virtual_table_explore": True,
            "engine_params": dict(engine),
            "metadata_params": {},
        },
        "uuid": identifier("database", DATABASE),
        "version": VERSION,
    }


def write(made: Mapping[str, Any], folder: Path) -> None:
    """Write the files of a bundle into a folder."""
    for name, content in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(as_text(content))


def as_text(content: Any) -> str:
    """YAML with keys in our order, and text of several lines as such."""
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _string)


def main() -> None:
    """Make it again, in place."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("marts", type=Path, help="whop-marts.duckdb, as a build leaves it")
    made = bundle(read_marts(parser.parse_args().marts))
    shutil.rmtree(BUNDLE, ignore_errors=True)
    write(made, BUNDLE)
    print(f"{len(made)} files in {BUNDLE.resolve()}")


if __name__ == "__main__":
    main()

"""The command line: `python -m benchmarks --help`."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

from .everything import GROUPS, MEASUREMENTS, ORDER, chosen
from .machine import describe
from .postgres import drop_database, running_postgres, server_version
from .registry import Figures, Measurement
from .setting import Setting, Sizes
from .simulator import YEARS, running_simulator
from .tables import Outcome, render

CHILD_SECONDS = 3600
"""How long one measurement may take."""

_HELP = {
    "members": "members of the simulated business, each with some nine payments",
    "window": "seconds over which the share of the request rate is measured; from 60 on, 6,700 "
    "members and more a minute",
    "merge_small": "rows of the small table a change is merged into",
    "merge_large": "rows of the large one",
    "change": "rows of that change, about",
    "dbt_members": "members of the business the models are built for",
    "starts": "how often a command is started",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the measurements and print their tables; 1 when one of them failed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure whop-elt and the alternatives against one simulated Whop.",
        epilog="Whole: python -m benchmarks. One: python -m benchmarks --only load.ours. "
        "Example: python -m benchmarks --only dbt --dbt-members 20000.",
    )
    for size in fields(Sizes):
        parser.add_argument(
            f"--{size.name.replace('_', '-')}",
            type=type(size.default),
            default=size.default,
            help=f"{_HELP[size.name]} (default: %(default)s)",
        )
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="NAME",
        help=f"groups ({', '.join(ORDER)}) or single measurements (as load.ours)",
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the tables there too")
    parser.add_argument("--postgres", metavar="URL", help="a server, instead of starting one")
    parser.add_argument("--list", action="store_true", help="say what there is to measure")
    given = parser.parse_args(arguments)
    try:
        measurements = chosen(given.only)
    except ValueError as error:
        parser.error(str(error))
    if given.list:
        _tell_what_there_is()
        return 0
    sizes = Sizes(**{size.name: getattr(given, size.name) for size in fields(Sizes)})
    command = ["python", "-m", "benchmarks", *(sys.argv[1:] if arguments is None else arguments)]
    text, failed = run(measurements, sizes, given.postgres, shlex.join(command))
    print(text)
    if given.write:
        given.write.write_text(text)
    return 1 if failed else 0


def run(
    measurements: Sequence[Measurement], sizes: Sizes, postgres: str | None, command: str
) -> tuple[str, list[str]]:
    """Measure; return the tables as text, and the names of what failed."""
    machine = describe()
    began = time.monotonic()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="whop-elt-bench-"))
        _say(f"a simulated business of {sizes.members:,} members")
        simulated = stack.enter_context(running_simulator(sizes.members))
        wanted = any(measurement.postgres for measurement in measurements)
        if wanted and postgres is None:
            postgres = stack.enter_context(running_postgres())
        setting = Setting(Path(folder), *simulated, postgres, sizes)
        facts = setting.simulator.facts()
        if postgres:
            machine.append(("Postgres", server_version(postgres)))
        business = ", ".join(f"{rows:,} {name}" for name, rows in facts.items())
        machine.append(("simulated business", f"{business}, {YEARS} years; one process"))
        outcomes = _measure(measurements, setting)
    minutes = (time.monotonic() - began) / 60
    machine.append(("measured", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {minutes:.0f} minutes"))
    parts = [
        "# Results",
        f"`{command}`",
        "\n".join(f"- {name}: {value}" for name, value in machine),
    ]
    for name in ORDER:
        group = GROUPS[name]
        of_group = {each: found for each, found in outcomes.items() if each.group is group}
        if of_group:
            parts.append(render(group, of_group))
    failed = [each.name for each, found in outcomes.items() if isinstance(found, str)]
    return "\n\n".join(parts) + "\n", failed


def _measure(measurements: Sequence[Measurement], setting: Setting) -> dict[Measurement, Outcome]:
    outcomes: dict[Measurement, Outcome] = {}
    able = [each for each in measurements if setting.postgres_url or not each.postgres]
    needed = [MEASUREMENTS[name] for each in able for name in each.needs]
    done: dict[str, Outcome] = {}

    def prepare(preparation: Measurement) -> Outcome:
        if preparation.name not in done:
            if preparation.moves_clock:
                for other in needed:
                    if not other.moves_clock:
                        prepare(other)
            done[preparation.name] = _in_child(preparation, setting)
        return done[preparation.name]

    for measurement in measurements:
        if measurement not in able:
            outcomes[measurement] = "no Postgres server: install the dev extra, or give --postgres"
            continue
        problem = None
        for name in measurement.needs:
            outcome = prepare(MEASUREMENTS[name])
            if isinstance(outcome, str):
                problem = f"without {MEASUREMENTS[name].label}: {outcome}"
        outcomes[measurement] = problem or _in_child(measurement, setting)
        _clear(measurement, setting)
    return outcomes


def _in_child(measurement: Measurement, setting: Setting) -> Outcome:
    """Run it in a process of its own, in a folder of its own; its output goes to a file there."""
    folder = setting.folder(measurement.name)
    folder.mkdir()
    answer, output = folder / "answer.json", folder / "output.txt"
    _say(f"{measurement.name}: {measurement.label}", end=" ")
    began = time.monotonic()
    with output.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.child", measurement.name, setting.dump(), answer],
            cwd=folder,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=_child_environment(),
        )
        try:
            process.wait(CHILD_SECONDS)
        except subprocess.TimeoutExpired:
            _say("took too long")
            return f"took more than {CHILD_SECONDS / 60:.0f} minutes"
        finally:
            process.kill()
    _say(f"({time.monotonic() - began:.0f} s)")
    told = json.loads(answer.read_text()) if answer.exists() else {"error": "the process died"}
    if "error" in told:
        _say(output.read_text())
        return f"failed: {told['error']}"
    figures: Figures = told["figures"]
    return figures


def _clear(measurement: Measurement, setting: Setting) -> None:
    """Give the disk back what nobody needs any more."""
    for file in setting.folder(measurement.name).glob("*.duckdb*"):
        if file.is_dir():  # where DuckDB puts what memory does not hold
            shutil.rmtree(file)
        else:
            file.unlink()
    if measurement.postgres and setting.postgres_url:
        drop_database(setting.postgres_url, f"bench_{measurement.name}")


def _child_environment() -> dict[str, str]:
    """Ours, without settings that could point a measurement at a real account or warehouse."""
    ours = ("SOURCES__", "DESTINATION__", "WHOP_ELT_", "NORMALIZE__", "EXTRACT__", "LOAD__")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    root = Path(__file__).resolve().parent.parent
    return {**kept, "PYTHONPATH": f"{root}:{root / 'src'}"}


def _tell_what_there_is() -> None:
    for name in ORDER:
        print(f"{GROUPS[name].title}")
        for each in MEASUREMENTS.values():
            if each.group is GROUPS[name]:
                note = "" if each.by_default else " (only when named)"
                said = (each.run.__doc__ or "").strip().splitlines()[0]
                print(f"  {each.name:24} {said}{note}")


def _say(text: str, end: str = "\n") -> None:
    print(text, end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

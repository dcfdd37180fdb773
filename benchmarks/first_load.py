"""A first load of payments: how much of Whop's limit is used, and what it costs without one."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from time import sleep
from typing import Any

import httpx

from .alternatives import new_pipeline, official_sdk, rest_api, tune_dlt
from .machine import Stopwatch, Took, cores
from .ours import no_limit, run_sync, stored, use_new_duckdb, use_new_postgres
from .registry import Figures, group, measures
from .setting import LATENCY_SECONDS, PAGE_ROWS, REQUESTS_PER_MINUTE, Setting

PAYMENTS = "GET /payments"

group(
    "limit",
    "First load of payments, with Whop's latency and limit",
    f"""The simulator takes {LATENCY_SECONDS * 1000:.0f} ms for an answer and allows
    {REQUESTS_PER_MINUTE} requests a minute and operation. Counted by the simulator from the first
    request for payments on; the load is stopped when the window is over. Share: requests answered,
    of those allowed in that time.""",
    ["share", "requests", "refused (429)", "window, s", "peak MB"],
    compared="share",
    baselines=["limit.ours"],
)
group(
    "load",
    "First load of payments, without latency and limit",
    """From an empty warehouse to the last row merged, over HTTP from the simulator, whose work is
    in it; imports are not. The number of rows stored is checked. CPU and memory are those of the
    loading process: of Postgres, the client.""",
    ["rows", "seconds", "CPU, s", "rows/s", "requests", "least requests", "peak MB"],
    compared="rows/s",
    baselines=["load.ours"],
)


# With latency and limit


@measures("limit.ours", "whop-elt")
def limit_ours(setting: Setting) -> Figures:
    """Share of the allowed requests that `whop-elt sync --tables payments` makes."""
    name = use_new_duckdb(setting, "limit.ours")
    return _share(setting, lambda: run_sync(setting, name, ["payments"]))


@measures("limit.rest_api", "dlt rest_api")
def limit_rest_api(setting: Setting) -> Figures:
    """Share of the allowed requests that dlt's rest_api source makes.

    It has no setting to walk one list in several places at once: `parallelized` is about several
    resources side by side.
    """
    pipeline = new_pipeline(setting, "limit.rest_api")
    return _share(setting, lambda: pipeline.run(rest_api(setting)))


@measures("limit.sdk", "whop-sdk pager → dlt")
def limit_sdk(setting: Setting) -> Figures:
    """Share of the allowed requests that the official client's pager makes, feeding `pipeline.run`.

    A pager asks for a page when the one before it has come: the asynchronous client's does too.
    """
    pipeline = new_pipeline(setting, "limit.sdk")
    return _share(setting, lambda: pipeline.run(official_sdk(setting)))


@measures("limit.whole", "whop-elt, to the last row loaded", by_default=False)
def limit_whole(setting: Setting) -> Figures:
    """Seconds of a whole first load of payments with latency and limit.

    As the share: the requests the load took, of those allowed in its time. A load of few pages is
    over before a limit per minute means anything: give it 30,000 members or more.
    """
    name = use_new_duckdb(setting, "limit.whole")
    setting.simulator.pace(latency=LATENCY_SECONDS, limited=True)
    _, _, took = run_sync(setting, name, ["payments"])
    answered, refused = setting.simulator.asked(PAYMENTS)
    return {
        "share": answered / (REQUESTS_PER_MINUTE * took.wall / 60),
        "requests": answered,
        "refused (429)": refused,
        "window, s": took.wall,
        "note": "whole load, landing included",
    }


def _share(setting: Setting, load: Callable[[], Any]) -> Figures:
    """Run the load for a window that begins with its first request for payments."""
    window = setting.sizes.window
    simulator = setting.simulator
    # What a load that was stopped before this one still had under way is over by now.
    sleep(2 * LATENCY_SECONDS)
    simulator.pace(latency=LATENCY_SECONDS, limited=True)
    failure: list[BaseException] = []

    def run() -> None:
        try:
            load()
        except BaseException as error:
            failure.append(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive() and not sum(simulator.asked(PAYMENTS)):
        sleep(0.02)
    thread.join(window + LATENCY_SECONDS)
    if failure:
        raise failure[0]
    answered, refused = simulator.asked(PAYMENTS, within=window)
    note = None
    if answered >= -(-simulator.facts()["payments"] // PAGE_ROWS):
        note = "the list was read to its end within the window: give it more members"
    return {
        "share": answered / (REQUESTS_PER_MINUTE * window / 60),
        "requests": answered,
        "refused (429)": refused,
        "window, s": window,
        "note": note,
    }


# Without


@measures("load.ours", "whop-elt → DuckDB")
def load_ours(setting: Setting) -> Figures:
    """`whop-elt sync --tables payments` into an empty DuckDB file."""
    return _our_load(setting, use_new_duckdb(setting, "load.ours"))


@measures("load.ours_postgres", "whop-elt → Postgres", postgres=True)
def load_ours_postgres(setting: Setting) -> Figures:
    """`whop-elt sync --tables payments` into an empty Postgres database."""
    return _our_load(setting, use_new_postgres(setting, "load.ours_postgres"))


@measures("load.rest_api", "dlt rest_api, defaults → DuckDB")
def load_rest_api(setting: Setting) -> Figures:
    """dlt's rest_api source into an empty DuckDB file, with dlt's defaults."""
    return _alternative(setting, "load.rest_api", rest_api)


@measures("load.rest_api_parquet", "dlt rest_api, parquet → DuckDB")
def load_rest_api_parquet(setting: Setting) -> Figures:
    """The same with `loader_file_format="parquet"` and nothing else."""
    return _alternative(setting, "load.rest_api_parquet", rest_api, loader_file_format="parquet")


@measures("load.rest_api_tuned", "dlt rest_api, parquet, parallel normalize → DuckDB")
def load_rest_api_tuned(setting: Setting) -> Figures:
    """The same, and normalized by a process per core, as dlt's page on performance advises.

    The memory is that of the loading process, without its helpers.
    """
    tune_dlt(setting.simulator.facts()["payments"], cores())
    name = "load.rest_api_tuned"
    return _alternative(setting, name, rest_api, loader_file_format="parquet")


@measures("load.sdk", "whop-sdk pager → dlt, parquet → DuckDB")
def load_sdk(setting: Setting) -> Figures:
    """The official client's pager feeding `pipeline.run`, into an empty DuckDB file, as parquet."""
    return _alternative(setting, "load.sdk", official_sdk, loader_file_format="parquet")


@measures("load.pages", "pages only, thrown away")
def load_pages(setting: Setting) -> Figures:
    """One page after the other with httpx, not parsed: what one client can get of the simulator."""
    setting.simulator.pace(latency=0, limited=False)
    # The cursor is cut out of the end of the body, where the simulator writes it.
    query: dict[str, str | int] = {"first": PAGE_ROWS, "company_id": setting.company_id}
    query |= {"include_free": "true", "order": "created_at", "direction": "asc"}
    rows = setting.simulator.facts()["payments"]
    watch = Stopwatch()
    headers = {"Authorization": f"Bearer {setting.api_key}"}
    with httpx.Client(headers=headers) as client:
        for _ in range(-(-rows // PAGE_ROWS)):
            body = client.get(f"{setting.base_url}/payments", params=query).raise_for_status().text
            query["after"] = body.rpartition('"end_cursor":"')[2].partition('"')[0]
    return _rate(setting, rows, watch.read())


@measures("load.read_json", "DuckDB read_json of a file", needs=["answers"])
def load_read_json(setting: Setting) -> Figures:
    """The ceiling: DuckDB's own `read_json` of the same rows, one a line, into a table of a file.

    No HTTP, no merge, no types but those it guesses (nested values stay nested), all cores.
    """
    import duckdb

    source = setting.folder("answers") / "payments.jsonl"
    file = setting.folder("load.read_json") / "whop.duckdb"
    watch = Stopwatch()
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            "create table payments as select * from read_json(?, format = 'newline_delimited')",
            [str(source)],
        )
        took = watch.read()
        (rows,) = connection.execute("select count(*) from payments").fetchall()[0]
    _check(setting, rows)
    return {"rows": rows, "seconds": took.wall, "CPU, s": took.cpu, "rows/s": rows / took.wall}


def _our_load(setting: Setting, destination_name: str) -> Figures:
    setting.simulator.pace(latency=0, limited=False)
    with no_limit():
        _, destination, took = run_sync(setting, destination_name, ["payments"])
    _check(setting, stored(destination, "payments"))
    return _rate(setting, stored(destination, "payments"), took)


def _alternative(
    setting: Setting, name: str, source: Callable[[Setting], Any], **options: Any
) -> Figures:
    setting.simulator.pace(latency=0, limited=False)
    watch = Stopwatch()
    pipeline = new_pipeline(setting, name)
    pipeline.run(source(setting), **options).raise_on_failed_jobs()
    took = watch.read()
    with pipeline.sql_client() as client:
        rows = (client.execute_sql("select count(*) from payments") or [])[0][0]
    _check(setting, rows)
    return _rate(setting, rows, took)


def _rate(setting: Setting, rows: int, took: Took) -> Figures:
    return {
        "rows": rows,
        "seconds": took.wall,
        "CPU, s": took.cpu,
        "rows/s": rows / took.wall,
        "requests": setting.simulator.asked("*")[0],
        "least requests": -(-rows // PAGE_ROWS),
    }


def _check(setting: Setting, rows: int) -> None:
    there = setting.simulator.facts()["payments"]
    if rows != there:
        raise RuntimeError(f"{rows:,} rows were loaded of {there:,} in all")

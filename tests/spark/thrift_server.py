"""Spark's own Thrift server, on this machine, with a metastore of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import pyspark

HOST = "127.0.0.1"
START_SECONDS = 300
"""With much else to do, it takes a minute or two."""


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as looked:
        looked.bind((HOST, 0))
        return int(looked.getsockname()[1])


@contextmanager
def thrift_server(
    folder: Path, settings: Mapping[str, str] = MappingProxyType({})
) -> Iterator[int]:
    """Start a server, as `sbin/start-thriftserver.sh` does; give its port.

    It keeps the settings that people's servers have: none of ours is among them.

    Args:
        folder: of its tables, its metastore and its log.
        settings: of Hive's server.
    """
    home = Path(pyspark.__file__).parent
    port = free_port()
    of_hive = {
        "hive.server2.thrift.port": str(port),
        "hive.server2.thrift.bind.host": HOST,
        **settings,
    }
    of_spark = {
        "spark.ui.enabled": "false",
        "spark.driver.bindAddress": HOST,
        "spark.driver.host": HOST,
        "spark.sql.warehouse.dir": str(folder / "tables"),
        # Small data, and each statement once: as for the session on this machine.
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    }
    command = [
        *(str(home / "bin" / "spark-submit"), "--master", "local[2]", "--driver-memory", "1g"),
        *("--class", "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"),
        *(part for name, value in of_spark.items() for part in ("--conf", f"{name}={value}")),
        "spark-internal",
        *(part for name, value in of_hive.items() for part in ("--hiveconf", f"{name}={value}")),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "server.log"
    with log.open("w") as written:
        server = subprocess.Popen(
            command,
            cwd=folder,  # of the metastore
            env={**os.environ, "SPARK_HOME": str(home)},
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait(server, int(of_hive.get("hive.server2.thrift.http.port", port)), log)
        yield port
    finally:
        server.terminate()
        server.wait(60)


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        assert server.poll() is None, log.read_text()[-3000:]
        try:
            socket.create_connection((HOST, port), 1).close()
            return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"no answer in {START_SECONDS} seconds: {log.read_text()[-3000:]}")

"""What `--engine spark` is told by settings: a folder and Spark on this machine, or a server."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import SettingError
from ..names import DATASET
from ..settings.reading import own, own_path, own_secret


def spark_home() -> Path:
    """The folder of a business on Spark: WHOP_ELT_SPARK_HOME, `[whop_elt] spark_home`.

    Raises:
        SettingError: it is not set, or it is no folder of this machine.
    """
    folder = own_path("spark_home")
    if folder is None:
        raise SettingError(
            "Set WHOP_ELT_SPARK_HOME to the folder that has whop_raw with the raw tables in it"
        )
    if "://" in str(own("spark_home")):
        raise SettingError(
            "WHOP_ELT_SPARK_HOME is to be a folder of this machine: Spark without a cluster "
            "reads no bucket"
        )
    return folder


@dataclass(frozen=True)
class SparkServer:
    """A server that runs Spark's SQL.

    Attributes:
        method: `thrift` is Spark's Thrift server (HiveServer2's protocol), `http` a cluster of
            Databricks.
        user: who asks, of `thrift`.
        password: of `thrift`; empty where the server asks for none.
        cluster: the cluster's id, of `http`.
        token: of `http`.
    """

    method: str
    host: str
    port: int
    user: str
    password: str
    cluster: str
    token: str

    @property
    def address(self) -> str:
        """Where it is, for people."""
        return f"{self.host}:{self.port}"


def spark_server() -> SparkServer | None:
    """The server of `--engine spark`, WHOP_ELT_SPARK_METHOD and its like; None is this machine.

    Raises:
        SettingError: a setting is missing or wrong.
    """
    method = own("spark_method") or "session"
    if method == "session":
        return None
    if method not in _SPARK_PORTS:
        raise SettingError(
            f"WHOP_ELT_SPARK_METHOD is {method!r}; it can be session, thrift or http"
        )
    found = {
        name: own_secret(f"spark_{name}")
        for name in ("host", "port", "user", "password", "cluster", "token")
    }
    for name in {"thrift": ("host",), "http": ("host", "cluster", "token")}[method]:
        if not found[name]:
            raise SettingError(
                f"Set WHOP_ELT_SPARK_{name.upper()}: WHOP_ELT_SPARK_METHOD is {method}"
            )
    host, port = found["host"], found["port"] or str(_SPARK_PORTS[method])
    if not set(host).isdisjoint("/:@"):
        raise SettingError(
            f"WHOP_ELT_SPARK_HOST is {host!r}; it is the name of a host alone, and the port is "
            "WHOP_ELT_SPARK_PORT"
        )
    if not port.isdecimal() or not 0 < int(port) < 2**16:
        raise SettingError(f"WHOP_ELT_SPARK_PORT is {port!r}; it can be a port, 1 to 65535")
    return SparkServer(
        method,
        host,
        int(port),
        found["user"] or "whop_elt",
        found["password"],
        found["cluster"],
        found["token"],
    )


_SPARK_PORTS = {"thrift": 10000, "http": 443}
"""Ports of servers that nobody has told otherwise."""


def raw_schema() -> str:
    """Schema of the raw tables on a Spark server: WHOP_ELT_RAW_SCHEMA, `[whop_elt] raw_schema`.

    Raises:
        SettingError: it is no name.
    """
    name = own("raw_schema") or DATASET
    if not name.isidentifier():
        raise SettingError(
            f"WHOP_ELT_RAW_SCHEMA is {name!r}; it is the name of a schema, like {DATASET}"
        )
    return name


def spark_memory() -> str:
    """What Spark on this machine may take, WHOP_ELT_SPARK_MEMORY; half of what there is.

    Raises:
        SettingError: it is no amount of memory.
    """
    given = own("spark_memory")
    if given is None:
        there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return f"{max(there // 2 // 1024**2, 1024)}m"
    if not re.fullmatch(r"[1-9]\d*[mg]", given):
        raise SettingError(
            f"WHOP_ELT_SPARK_MEMORY is {given!r}; it can be an amount of memory, as 4g or 800m"
        )
    return given

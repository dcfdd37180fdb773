"""A Postgres address: read by libpq itself, and the same for dlt and for dbt."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import psycopg2
from psycopg2.extensions import parse_dsn

from .errors import SettingError

SETTING = "DESTINATION__POSTGRES__CREDENTIALS"

FORM = "postgresql://user:password@host:5432/name"

_ENVIRONMENT: Mapping[str, str] = {
    "hostaddr": "PGHOSTADDR",
    "passfile": "PGPASSFILE",
    "require_auth": "PGREQUIREAUTH",
    "channel_binding": "PGCHANNELBINDING",
    "client_encoding": "PGCLIENTENCODING",
    "options": "PGOPTIONS",
    "application_name": "PGAPPNAME",
    "sslmode": "PGSSLMODE",
    "sslnegotiation": "PGSSLNEGOTIATION",
    "sslcompression": "PGSSLCOMPRESSION",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslcertmode": "PGSSLCERTMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcrl": "PGSSLCRL",
    "sslcrldir": "PGSSLCRLDIR",
    "sslsni": "PGSSLSNI",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "ssl_max_protocol_version": "PGSSLMAXPROTOCOLVERSION",
    "requirepeer": "PGREQUIREPEER",
    "gssencmode": "PGGSSENCMODE",
    "krbsrvname": "PGKRBSRVNAME",
    "gsslib": "PGGSSLIB",
    "gssdelegation": "PGGSSDELEGATION",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "load_balance_hosts": "PGLOADBALANCEHOSTS",
}
"""Parameters that libpq also takes from the environment (its documentation, 32.15), which is how
they reach dbt: its profile knows four of them."""

_NOT_FOR_DBT = ("sslpassword", "service", "replication")
"""Parameters without which there is no connection, and that no environment variable hands on."""


def checked(address: str) -> str:
    """Return an address as dlt takes it.

    Raises:
        SettingError: libpq cannot read it; the text does not repeat it, it may hold a password.
    """
    # What hosting companies hand out; dlt knows the longer one only.
    address = re.sub(r"^postgres://", "postgresql://", address)
    try:
        if not address.startswith("postgresql://"):
            raise SettingError(f"{SETTING} cannot be read; it looks like {FORM}")
        parse_dsn(address)
    except psycopg2.Error as error:
        unknown = re.search(r'invalid URI query parameter: "(\w+)"', str(error))
        raise SettingError(
            f"{SETTING} has a parameter that Postgres does not know: {unknown[1]}"
            if unknown
            else f"{SETTING} cannot be read; it looks like {FORM}"
        ) from error
    return address


def of(credentials: Any) -> str:
    """The address that dlt's credentials hold, as libpq reads it."""
    address, mark, parameters = str(credentials.to_native_representation()).partition("?")
    # dlt writes a blank in them as a plus, and libpq takes that for one.
    return address + mark + parameters.replace("+", "%20")


def bounded(address: str, seconds: int) -> str:
    """Return an address whose sessions wait for a lock this long at most, and not for ever."""
    place, _, given = address.partition("?")
    parameters = dict(parse_qsl(given, keep_blank_values=True))
    options = f"{parameters.get('options', '')} -clock_timeout={seconds}s".strip()
    return f"{place}?{urlencode(parameters | {'options': options}, quote_via=quote)}"


def shown(dsn: str) -> str:
    """Where an address leads, for people: without user and password."""
    parts = parse_dsn(dsn)
    host = parts.get("host") or os.environ.get("PGHOST") or "localhost"
    return f"postgres at {host}:{parts.get('port', '5432')}/{parts.get('dbname', '')}"


def for_dbt(dsn: str) -> dict[str, str]:
    """Return the environment that makes dbt connect as libpq does with this address.

    Raises:
        SettingError: a parameter that cannot be handed to dbt.
    """
    parts = parse_dsn(dsn)
    for name in _NOT_FOR_DBT:
        if parts.get(name):
            raise SettingError(f"{SETTING} has {name}, which cannot be handed to dbt: leave it out")
    user = parts.get("user") or os.environ.get("PGUSER") or getpass.getuser()
    return {
        "WHOP_ELT_POSTGRES_HOST": parts.get("host") or os.environ.get("PGHOST", ""),
        "WHOP_ELT_POSTGRES_PORT": parts.get("port", "5432"),
        "WHOP_ELT_POSTGRES_USER": user,
        "WHOP_ELT_POSTGRES_PASSWORD": parts.get("password", ""),
        "WHOP_ELT_POSTGRES_DBNAME": parts.get("dbname", user),
    } | {_ENVIRONMENT[name]: value for name, value in parts.items() if name in _ENVIRONMENT}

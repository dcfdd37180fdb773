"""Gives a Postgres role the marts to read, all of them and nothing else; they hold no names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import encrypt_password

from .causes import first_line
from .destination import DATASET, INTERMEDIATE, MARTS, PERSONAL, STAGING, Destination
from .errors import NothingThere, PipelineError, SettingError
from .log import event

OTHERS = (DATASET, f"{DATASET}_staging", STAGING, INTERMEDIATE, PERSONAL)
"""Schemas that a reader is to see nothing of."""

_LONGEST_NAME = 63
"""Bytes of a name; Postgres cuts longer ones, and another role could be meant."""

NO_ROLES = (
    "DuckDB has no roles: whoever can open the file reads all of it, e-mail addresses too. Give "
    "readers the copy that each build leaves beside it, whop-marts.duckdb (docs/bi.md), or use "
    "Postgres: --destination postgres"
)


def refuse_without_roles(name: str) -> None:
    """Raise a SettingError when a destination of this name has no roles."""
    if name == "duckdb":
        raise SettingError(NO_ROLES)
    if name != "postgres":
        raise SettingError(f"Roles are granted on postgres only, not on {name}")


def grant_statements(destination: Destination, name: str) -> list[str]:
    """Return the SQL that makes a role a reader of the marts; it may be run again at any time.

    The role is created if need be, without a login. It may connect and read every mart, those that
    a later release brings too (default privileges of the role we are connected as).

    Raises:
        SettingError: the destination has no roles, or the name cannot be a reader's.
        NothingThere: there are no marts yet.
        PipelineError: Postgres refuses.
    """
    with _connected(destination) as connection:
        return _statements(connection, destination, name)


def grant(destination: Destination, name: str, password: str | None = None) -> None:
    """Run these statements, all or none of them; with a password, let the role log in with it.

    The password leaves this process as a SCRAM verifier only, so it is in no log of the server.

    Raises:
        SettingError, NothingThere, PipelineError: see `grant_statements`.
    """
    with _connected(destination) as connection, connection, connection.cursor() as cursor:
        for statement in _statements(connection, destination, name):
            cursor.execute(statement)
        role = sql.Identifier(name)
        if password:
            verifier = encrypt_password(password, name, connection, "scram-sha-256")
            cursor.execute(
                sql.SQL("alter role {} login password {}").format(role, sql.Literal(verifier))
            )
        cursor.execute(
            "select nspname from pg_namespace where nspname = any(%s) "
            "and has_schema_privilege(%s, nspname, 'usage')",
            (list(OTHERS), name),
        )
        for (schema,) in cursor.fetchall():
            event(f"{name} can read {schema} as well: that was granted by somebody else", 30)


def _statements(connection: Any, destination: Destination, name: str) -> list[str]:
    """The statements as text, names and values quoted by the driver."""
    with connection.cursor() as cursor:
        cursor.execute("select current_user, current_database()")
        builder, database = cursor.fetchone()
        _check_name(cursor, name, builder)
        cursor.execute(
            "select count(*) from pg_class join pg_namespace on pg_namespace.oid = relnamespace "
            "where nspname = %s and relkind = 'r'",
            (MARTS,),
        )
        ((marts,),) = cursor.fetchall()
    if not marts:
        raise NothingThere(
            f"There are no marts in {destination.location} yet: `whop-elt transform` builds them"
        )
    names = {
        "role": sql.Identifier(name),
        "name": sql.Literal(name),
        "builder": sql.Identifier(builder),
        "database": sql.Identifier(database),
        "marts": sql.Identifier(MARTS),
    }
    return [
        sql.SQL(text).format(**names).as_string(connection)
        for text in (
            "do $$ begin if not exists (select from pg_roles where rolname = {name}) "
            "then create role {role} nologin; end if; end $$",
            "grant connect on database {database} to {role}",
            "grant usage on schema {marts} to {role}",
            "grant select on all tables in schema {marts} to {role}",
            "alter default privileges for role {builder} in schema {marts} "
            "grant select on tables to {role}",
        )
    ]


def _check_name(cursor: Any, name: str, builder: str) -> None:
    if not name.strip() or "\0" in name or len(name.encode()) > _LONGEST_NAME:
        raise SettingError(f"A role's name has 1 to {_LONGEST_NAME} bytes")
    if name.startswith("pg_") or name in {"public", "none"}:
        raise SettingError(f"{name} is a name that Postgres keeps for itself")
    if name == builder:
        raise SettingError(f"{name} is the role that builds the marts: choose another for readers")
    cursor.execute(
        "select rolsuper, pg_has_role(rolname, %s, 'member') from pg_roles where rolname = %s",
        (builder, name),
    )
    for superuser, member in cursor.fetchall():
        if superuser or member:
            what = "a superuser" if superuser else f"a member of {builder}"
            raise SettingError(f"{name} is {what}, and reads everything: choose another role")


@contextmanager
def _connected(destination: Destination) -> Iterator[Any]:
    """A connection of the driver; what Postgres refuses becomes one line."""
    refuse_without_roles(destination.name)
    with destination.session() as client:
        connection: Any = client.native_connection
        connection.autocommit = False
        try:
            yield connection
        except psycopg2.Error as error:
            raise PipelineError(
                f"Postgres refuses: {first_line(error)}. Nothing has changed. Without --apply the "
                "SQL is printed, for somebody who may run it"
            ) from error
        finally:
            connection.rollback()
            connection.autocommit = True

"""What is wrong with a destination, and what to change: when it is opened, and at work."""

from __future__ import annotations

import duckdb
import psycopg2
import psycopg2.errors
from dlt.common.configuration.exceptions import (
    ConfigurationException,
    InvalidNativeValue,
    ValueNotSecretException,
)
from dlt.common.destination.exceptions import DestinationException
from dlt.destinations.exceptions import DestinationConnectionError

from . import address as postgres_address
from .bucket_trouble import URL as BUCKET
from .bucket_trouble import missing_setting, of_bucket
from .causes import causes, first_line, root_cause
from .errors import PipelineError, SettingError

_REFUSED = (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.ReadOnlySqlTransaction)
_OF_DATABASE = (*_REFUSED, psycopg2.OperationalError, duckdb.IOException)


def not_opened(name: str, error: Exception) -> PipelineError:
    """Why a destination could not be opened, and what to change."""
    setting = setting_of(name)
    under = list(causes(error))
    if name == "filesystem" and (trouble := of_bucket(under)):
        return trouble
    if any(isinstance(cause, InvalidNativeValue) for cause in under):
        # The value is not repeated: it may hold a password.
        form = f"; it looks like {postgres_address.FORM}" if name == "postgres" else ""
        return SettingError(f"{setting} cannot be read{form}")
    for cause in under:
        if isinstance(cause, ValueNotSecretException):
            return SettingError(f"Move {cause.key} from .dlt/config.toml to .dlt/secrets.toml")
    if isinstance(under[-1], ConfigurationException):
        if name == "postgres":
            return SettingError(f"Set {setting}; it looks like {postgres_address.FORM}")
        if name == "filesystem":
            return SettingError(missing_setting())
        return SettingError(f"Set {setting}: {first_line(under[-1])}")
    refused = isinstance(under[-1], _REFUSED)
    what = "cannot be opened" if name == "duckdb" else "refuses" if refused else "does not answer"
    says = first_line(under[-1]).rstrip("!.")
    return PipelineError(f"{name} {what}: {says}. {advice_on(name, says)}, or set {setting}")


def setting_of(name: str) -> str:
    """The setting that says where a destination is."""
    return BUCKET if name == "filesystem" else f"DESTINATION__{name.upper()}__CREDENTIALS"


def advice_on(name: str, says: str = "") -> str:
    """What to do when DuckDB or Postgres does not do its part, and says this."""
    if "newer version of DuckDB" in says or "we can only read" in says:
        return "A newer DuckDB has written it: pip install --upgrade duckdb"
    if name == "duckdb":
        return "Close what else has it open, see that the disk has room"
    if "permission denied" in says or "must be owner" in says:
        return "Its role may not do that: let its owner grant it, or name the owner's role"
    if "read-only transaction" in says:
        return "It takes no writing: set default_transaction_read_only off, or take the primary"
    if "statement timeout" in says:
        return "Give its role more time: alter role … set statement_timeout = 0"
    return "See that it is up and takes connections"


def of_database(error: BaseException) -> PipelineError | None:
    """What to do when the database does not answer, or refuses; None for a slip of ours."""
    root = root_cause(error)
    if not isinstance(root, _OF_DATABASE) and not any(
        isinstance(cause, DestinationConnectionError) for cause in causes(error)
    ):
        return None
    return PipelineError(
        f"The warehouse cannot be worked with: {first_line(root).rstrip('!.')}. "
        f"{advice_on('duckdb' if isinstance(root, duckdb.Error) else 'postgres', str(root))}"
    )


def is_of_database(error: BaseException) -> bool:
    """Whether an error is one of the database, or of the way to it."""
    return any(isinstance(cause, DestinationException) for cause in causes(error))

"""What can be wrong with a folder or a bucket, in a line that names the setting to change."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

import duckdb
from dlt.common.exceptions import MissingDependencyException

from whop_source.bucket import BucketError

from . import settings
from .builds import DAMAGED
from .errors import PipelineError, SettingError, of_room

URL = "DESTINATION__FILESYSTEM__BUCKET_URL"
FORM = "s3://bucket/folder, or the path of a folder"
CREDENTIALS = "DESTINATION__FILESYSTEM__CREDENTIALS__"
KEYS = f"{CREDENTIALS}AWS_ACCESS_KEY_ID and {CREDENTIALS}AWS_SECRET_ACCESS_KEY"
ENDPOINT = f"{CREDENTIALS}ENDPOINT_URL"


def of_bucket(causes: Iterable[BaseException]) -> PipelineError | None:
    """What to do about an error of a bucket; None when it is none.

    Args:
        causes: the error, and what is under it.
    """
    for cause in causes:
        if found := _of(cause):
            return found
    return None


def missing_setting() -> str:
    """What to set, of which dlt says that it is missing."""
    if not settings.bucket_url():
        return f"Set {URL}; it looks like {FORM}"
    address = _address()
    if address.startswith("s3://"):
        return f"{address} takes credentials: set {KEYS}"
    return f"{URL} is {address}; it looks like {FORM}"


def _of(cause: BaseException) -> PipelineError | None:
    where = _address()
    # The library is there only where a bucket is used.
    kind = type(cause).__name__ if type(cause).__module__.startswith("botocore") else ""
    says = " ".join(str(cause).split()).rstrip(".")
    if isinstance(cause, OSError) and (full := of_room(cause)):
        return full
    if isinstance(cause, BucketError):
        return PipelineError(f"{says}. {_DAMAGED if 'cannot be read' in says else ''}".rstrip())
    if isinstance(cause, MissingDependencyException):
        return SettingError(
            f"{where} takes a library that is not here: pip install 'whop-elt[bucket]', or set "
            f"{URL} to a folder"
        )
    if kind in ("NoCredentialsError", "PartialCredentialsError"):
        return SettingError(f"{where} takes credentials: set {KEYS}")
    if kind in ("EndpointConnectionError", "ConnectTimeoutError", "ConnectionClosedError"):
        return PipelineError(
            f"{where} does not answer: {says}. See that it is up, or set {ENDPOINT}"
        )
    if isinstance(cause, duckdb.Error) and any(word in says for word in DAMAGED):
        return PipelineError(f"A file of {where} cannot be read: {says}. {_DAMAGED}")
    if isinstance(cause, PermissionError):
        if "://" in where:
            return SettingError(
                f"{where} refuses: {says}. Give the key that right, or set another: {KEYS}"
            )
        return SettingError(
            f"{cause.filename or where} cannot be written: {cause.strerror}. Set {URL}"
        )
    if isinstance(cause, FileNotFoundError) and "://" in where:
        return SettingError(f"{where} is not there: {says}. Make the bucket, or set {URL}")
    if isinstance(cause, OSError) and cause.filename and str(cause.filename).startswith(where):
        return SettingError(f"{cause.filename} cannot be written: {cause.strerror}. Set {URL}")
    if isinstance(cause, OSError) and "://" in where:
        return PipelineError(f"{where} does not do its part: {says}. Look at {URL}")
    return None


_DAMAGED = (
    "Put the file back from a copy, or take it away and sync with --full, which reads what it had"
)


def _address() -> str:
    """What the setting says; for people, so without what may be a password."""
    url = settings.bucket_url() or URL
    parts = urlsplit(url)
    return url.replace(f"{parts.username}:{parts.password}@", "") if parts.password else url

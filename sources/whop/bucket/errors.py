"""What a bucket cannot be read for, in a line."""

from __future__ import annotations

from typing import Any

from ..errors import WhopError


class BucketError(WhopError):
    """A bucket is not as it must be; the text says what to do."""


def refuse_plain_filesystem(client: Any) -> None:
    """Refuse dlt's filesystem destination as it is, where a row would be there once per version.

    Args:
        client: a dlt SQL client.

    Raises:
        BucketError: it is that destination's.
    """
    from dlt.destinations.impl.filesystem.sql_client import FilesystemSqlClient

    if isinstance(client, FilesystemSqlClient) and not getattr(client, "loads_count_whole", False):
        raise BucketError(
            "dlt's filesystem destination appends, and does not say which version of a row counts: "
            "give the pipeline destination=whop_source.bucket.Bucket(), which has its settings"
        )

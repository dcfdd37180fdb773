"""A folder or a bucket as warehouse: Parquet, appended; the newest version of a row counts.

    import dlt
    from whop_source import whop
    from whop_source.bucket import Bucket

    bucket = Bucket("s3://shop/warehouse")
    pipeline = dlt.pipeline("whop", destination=bucket, dataset_name="whop_raw")
    pipeline.run(whop())

It is dlt's own filesystem destination, with the same settings (`destination.filesystem.…`), and
with an answer to what files do not say by themselves: which of them count. See `counted.py`.
"""

from .compaction import Compacted, compact
from .counted import Counted
from .destination import Bucket, BucketClient
from .errors import BucketError, refuse_plain_filesystem
from .folder import counted_files, local_client, was_loaded
from .newest import newest

__all__ = [
    "Bucket",
    "BucketClient",
    "BucketError",
    "Compacted",
    "Counted",
    "compact",
    "counted_files",
    "local_client",
    "newest",
    "refuse_plain_filesystem",
    "was_loaded",
]

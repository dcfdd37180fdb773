"""Where the bytes of a created file are sent, and how the file becomes ready."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from email.message import Message

from .business import Business
from .refusal import Refused
from .units import Row, key_of

PATH = "/_uploads"
"""Beside the API, as the storage of the real Whop is: no key is wanted here, but a signature."""

SIGNED_HEADER = "x-amz-meta-token"
_POLLS = 2
"""How often a file is seen `processing` before it is `ready`."""


def signature(business: Business, file_id: str) -> str:
    """What allows an upload to one file."""
    return f"{key_of(business.key, file_id):x}"


def receive(
    business: Business, file_id: str, query: Mapping[str, str], headers: Message, sent: int
) -> None:
    """Take in the bytes of a file, `sent` of them; raises Refused."""
    wanted = signature(business, file_id)
    if query.get("X-Amz-Signature") != wanted or headers.get(SIGNED_HEADER) != wanted:
        raise Refused(403, "SignatureDoesNotMatch")
    if "Authorization" in headers:
        raise Refused(400, "Only one auth mechanism allowed.")
    row = business.row("files", file_id)
    content_type = mimetypes.guess_type(row["filename"])[0]
    # An empty file is the simulator's example of one that Whop cannot use.
    status = "processing" if sent else "failed"
    row |= {"size": str(sent), "content_type": content_type, "upload_status": status, "_polls": 0}
    business.put("files", row)


def poll(row: Row) -> None:
    """Count one look at a file that is being processed; after some it is ready."""
    if row["upload_status"] != "processing":
        return
    row["_polls"] = row.get("_polls", 0) + 1
    if row["_polls"] > _POLLS:
        row |= {"upload_status": "ready", "url": f"https://cdn.whop.invalid/{row['id']}"}

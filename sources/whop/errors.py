"""What can go wrong with Whop; each text says what to do about it."""

from __future__ import annotations

from datetime import datetime


class WhopError(Exception):
    """Whop did not give what was asked for; the text says what to do about it."""

    server_time: datetime
    """UTC, by the server's clock; set on errors that are answers."""


class KeyRefused(WhopError):
    """401: the API key is wrong, revoked or expired."""


class PermissionMissing(WhopError):
    """403: the API key lacks a permission, or the company is not its own."""


class NotFound(WhopError):
    """404 or 410: no such object."""


class NotOffered(NotFound):
    """404 or 410 on a list: this account, or this version of the API, does not have it."""


class RequestRefused(WhopError):
    """400 or 422: the request itself is wrong; asking again gives the same answer."""


class Unavailable(WhopError):
    """No usable answer after every retry."""


class Unconfirmed(WhopError):
    """A change was sent and no usable answer came back: it may or may not have been made."""


class BrokenPaging(WhopError):
    """A list whose pages do not lead to its end."""


class ForeignRow(WhopError):
    """An answer holds a row of a company that was not asked for."""


class OtherSurface(WhopError):
    """Rows are of the surface of Whop's API that was not asked for."""

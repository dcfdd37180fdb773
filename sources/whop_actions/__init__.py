"""The nineteen single calls of the connector catalogue, one row of data each.

    from whop_actions import run
    from whop_source.client import WhopClient

    with WhopClient(key) as client:
        answer = run(client, "list-payments", {"statuses": ["open"], "first": 10})
        if answer["successful"]:
            print(answer["data"]["data"])
        else:
            print(answer["error"])

`run` never raises for what Whop says or for a wrong parameter: both are an answer with an `error`.
Who wants to tell them apart, or to look at a request before it is sent, calls `prepare` (raises
`BadParameter`, a ValueError) and `perform` (raises `WhopError`).

Names, parameters, enums and rules are the catalogue's; a value of which the catalogue has no list
(a payment's status, a currency) is passed on as it is. What the catalogue does not say (that null
clears a plan's field, that leaving custom fields out does too) is from the types of Whop's official
clients, `whop-sdk` 0.0.40 and, for Whop's Current surface, 2.6.0: there a few parameters have other
names or take one value, which `prepare` sees to, and what the surface does not have is an error.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .catalogue import ACTIONS, Action, BadParameter, Parameter, Rule, find

if TYPE_CHECKING:
    from .calls import Answer, Request, failure, perform, prepare, run, success
    from .upload import Progress

__all__ = [
    "ACTIONS",
    "Action",
    "Answer",
    "BadParameter",
    "Parameter",
    "Progress",
    "Request",
    "Rule",
    "failure",
    "find",
    "perform",
    "prepare",
    "run",
    "success",
]


def __getattr__(name: str) -> Any:
    """Import what makes calls when it is first asked for: who only reads the rows is spared dlt."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(".upload" if name == "Progress" else ".calls", __name__), name)

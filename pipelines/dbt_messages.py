"""Spares dbt the messages that nobody is told: some twenty of each model and test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dbt_common.events.base_types import BaseEvent, EventLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.events.event_manager_client import ctx_set_event_manager, get_event_manager

_FOR_DBT = (EventLevel.DEBUG, EventLevel.TEST)
"""Levels of what is for who looks for a fault in dbt itself."""


class _Told(EventManager):
    """dbt's own, for what its log or our progress has: it words the others as well, for nobody.

    That took an eighth of a build in which little changed.
    """

    def fire_event(
        self,
        e: BaseEvent,
        level: EventLevel | None = None,
        node: Any = None,
        force_warn_or_error_handling: bool = False,
    ) -> None:
        """Tell it, unless it is for nobody."""
        if (level or e.level_tag()) not in _FOR_DBT or any(
            logger.level in _FOR_DBT for logger in self.loggers
        ):
            super().fire_event(e, level, node, force_warn_or_error_handling)


@contextmanager
def only_what_is_told() -> Iterator[None]:
    """Let dbt, called in this process, tell nothing below "info" that its log does not ask for."""
    before = get_event_manager()
    # dbt writes to the terminal until it is told where to, which whoever is here replaces.
    before.loggers.clear()
    ctx_set_event_manager(_Told())
    try:
        yield
    finally:
        ctx_set_event_manager(before)

"""Spares dbt the messages that nobody is told: some twenty of each model and test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dbt_common.events.base_types import BaseEvent, EventLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.events.event_manager_client import ctx_set_event_manager, get_event_manager


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
        """Tell it, unless it is for who looks for a fault in dbt."""
        untold = (level or e.level_tag()) in (EventLevel.DEBUG, EventLevel.TEST)
        if not untold or force_warn_or_error_handling:
            super().fire_event(e, level, node, force_warn_or_error_handling)


@contextmanager
def only_what_is_told() -> Iterator[None]:
    """Let dbt, called in this process, tell nothing below the level "info"."""
    before = get_event_manager()
    ctx_set_event_manager(_Told())
    try:
        yield
    finally:
        ctx_set_event_manager(before)

"""The editions of the report; of their own, for the command line is not to import what draws it."""

from enum import StrEnum


class Edition(StrEnum):
    """How much of it."""

    FULL = "full"
    BRIEF = "brief"

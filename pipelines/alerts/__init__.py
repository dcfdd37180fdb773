"""Tells whoever is to know that something is wrong: once, and once when it is over."""

from .digest import post_digest
from .watch import Watch, tell_age, tell_restated, watching

__all__ = ["Watch", "post_digest", "tell_age", "tell_restated", "watching"]
